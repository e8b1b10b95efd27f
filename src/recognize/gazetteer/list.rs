//! Phrase lists: what a line says, and which lines say nothing that can be used.
//!
//! A list is UTF-8, one phrase a line, as CSV or TSV with a value beside it. Bad lines are skipped and counted, since
//! one of them must not cost the other million; nothing is skipped without being counted.
//!
//! ```text
//! line   = field *( delimiter field )       delimiter: "," in CSV, a tab in TSV; in plain lists there is none
//! field  = text / <"> *( text / <""> ) <">  a quoted field ends on its line
//! ```
//! A first line with a field `phrase` names the columns: `phrase`, `value` where there is one, others are not read.
//! Without it, the first field is the phrase and the second the value. White space around fields does not count, and
//! white space within a phrase is one space.

use std::borrow::Cow;
use std::fmt;

/// Phrases and values of more bytes are no names; the tables could hold them.
pub(super) const MAX_BYTES: usize = 1024;

/// How a list is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListFormat {
    /// `phrase` or `phrase,value`, quoted as in RFC 4180, but within a line.
    Csv,
    /// The same with tabs.
    Tsv,
    /// A phrase a line, as it stands.
    Lines,
}

/// Why a line, or its value, is not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SkipReason {
    /// No phrase.
    Empty,
    /// A phrase or value of more than 1,024 bytes.
    TooLong,
    /// Bytes that are no UTF-8.
    NotUtf8,
    /// A control character.
    Control,
    /// A quote that is not closed on its line, or text after a closing quote.
    Quote,
    /// Too many or too few fields.
    Fields,
    /// An earlier line has the same phrase, and no other value than this one.
    Duplicate,
    /// An earlier line has the same phrase with another value, which counts.
    Conflict,
    /// The value leads back to the phrase over other lines; the value of the first of these counts.
    Circle,
}

impl SkipReason {
    pub(super) const ALL: [Self; 9] = [
        Self::Empty,
        Self::TooLong,
        Self::NotUtf8,
        Self::Control,
        Self::Quote,
        Self::Fields,
        Self::Duplicate,
        Self::Conflict,
        Self::Circle,
    ];
}

impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "no phrase",
            Self::TooLong => "more than 1,024 bytes",
            Self::NotUtf8 => "not UTF-8",
            Self::Control => "a control character",
            Self::Quote => "a quote that is not closed on its line, or text after a closing one",
            Self::Fields => {
                "other fields than a phrase and a value: name the columns in the first line, or a list with tabs .tsv"
            }
            Self::Duplicate => "the phrase of an earlier line again",
            Self::Conflict => "the phrase of an earlier line, with another value than there",
            Self::Circle => "a value that leads back to its own phrase",
        })
    }
}

/// Lines of a list that were skipped for one reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Skipped {
    /// Why.
    pub reason: SkipReason,
    /// How many.
    pub lines: usize,
    /// The first of them, counted from 1.
    pub first_line: usize,
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            reason,
            lines,
            first_line,
        } = self;
        match lines {
            1 => write!(f, "line {first_line}: {reason}"),
            _ => write!(f, "line {first_line} and {} more: {reason}", lines - 1),
        }
    }
}

/// Counts of what is skipped.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally([(usize, usize); SkipReason::ALL.len()]);

impl Tally {
    /// How many numbers it is.
    pub(super) const NUMBERS: usize = 2 * SkipReason::ALL.len();

    /// As numbers, two a reason.
    pub(super) fn numbers(&self) -> impl Iterator<Item = u64> {
        self.0
            .iter()
            .flat_map(|&(lines, first)| [lines as u64, first as u64])
    }

    pub(super) fn of_numbers(numbers: &[u64]) -> Option<Self> {
        let mut tally = Self::default();
        for (reason, pair) in tally.0.iter_mut().zip(numbers.chunks_exact(2)) {
            *reason = (pair[0].try_into().ok()?, pair[1].try_into().ok()?);
        }
        Some(tally)
    }

    pub(super) fn count(&mut self, reason: SkipReason, line: usize) {
        let (lines, first) = &mut self.0[reason as usize];
        *first = if *lines == 0 { line } else { line.min(*first) };
        *lines += 1;
    }

    pub(super) fn skipped(&self) -> Vec<Skipped> {
        let of = |reason: SkipReason| {
            let (lines, first_line) = self.0[reason as usize];
            (lines > 0).then_some(Skipped {
                reason,
                lines,
                first_line,
            })
        };
        SkipReason::ALL.into_iter().filter_map(of).collect()
    }
}

/// A line that can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry<'l> {
    pub(super) phrase: Cow<'l, str>,
    pub(super) value: Option<Cow<'l, str>>,
}

/// Calls `each` with the number of every line of a list, from 1 on, and what it says.
pub(super) fn read<'l>(
    list: &'l [u8],
    format: ListFormat,
    mut each: impl FnMut(usize, Result<Entry<'l>, SkipReason>),
) {
    let list = list.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(list);
    let list = list.strip_suffix(b"\n").unwrap_or(list);
    if list.is_empty() {
        return;
    }
    let mut columns = Columns::UNNAMED;
    let mut fields = Vec::new();
    for (number, line) in (1..).zip(list.split(|&byte| byte == b'\n')) {
        let split = split(line, format, &mut fields);
        if number == 1
            && split.is_ok()
            && let Some(named) = Columns::named(&fields, format)
        {
            columns = named;
            continue;
        }
        each(number, split.and_then(|()| columns.entry(&mut fields)));
    }
}

/// Which fields are read.
#[derive(Debug, Clone, Copy)]
struct Columns {
    phrase: usize,
    value: Option<usize>,
    named: bool,
}

impl Columns {
    const UNNAMED: Self = Self {
        phrase: 0,
        value: Some(1),
        named: false,
    };

    /// What a first line names, if it does.
    fn named(fields: &[Cow<'_, str>], format: ListFormat) -> Option<Self> {
        let find = |name: &str| {
            fields
                .iter()
                .position(|field| field.eq_ignore_ascii_case(name))
        };
        let phrase = find("phrase").filter(|_| format != ListFormat::Lines)?;
        Some(Self {
            phrase,
            value: find("value"),
            named: true,
        })
    }

    /// What the fields of a line say; they are taken out.
    fn entry<'l>(self, fields: &mut [Cow<'l, str>]) -> Result<Entry<'l>, SkipReason> {
        if !self.named && fields.len() > 2 {
            return Err(SkipReason::Fields);
        }
        let mut take = |at: usize| fields.get_mut(at).map(std::mem::take);
        let phrase = take(self.phrase).ok_or(SkipReason::Fields)?;
        let value = self.value.and_then(take).filter(|value| !value.is_empty());
        if phrase.is_empty() {
            return Err(SkipReason::Empty);
        }
        Ok(Entry {
            phrase: checked(spaced(phrase))?,
            value: value.map(checked).transpose()?,
        })
    }
}

/// The fields of a line, trimmed.
fn split<'l>(
    line: &'l [u8],
    format: ListFormat,
    fields: &mut Vec<Cow<'l, str>>,
) -> Result<(), SkipReason> {
    fields.clear();
    let line = std::str::from_utf8(line).map_err(|_| SkipReason::NotUtf8)?;
    let delimiter = match format {
        ListFormat::Csv => ',',
        ListFormat::Tsv => '\t',
        ListFormat::Lines => {
            let line = line.trim();
            if line.contains('\t') {
                return Err(SkipReason::Fields);
            }
            fields.push(Cow::Borrowed(line));
            return Ok(());
        }
    };
    // A tab that delimits is not trimmed.
    let space = |c: char| c.is_whitespace() && c != delimiter;
    let mut rest = line;
    loop {
        let trimmed = rest.trim_start_matches(space);
        let after = match trimmed.strip_prefix('"') {
            Some(quoted) => {
                let (field, after) = unquote(quoted).ok_or(SkipReason::Quote)?;
                fields.push(field);
                after.trim_start_matches(space)
            }
            None => {
                let end = trimmed.find(delimiter).unwrap_or(trimmed.len());
                fields.push(Cow::Borrowed(trimmed[..end].trim()));
                &trimmed[end..]
            }
        };
        rest = match after.strip_prefix(delimiter) {
            Some(rest) => rest,
            None if after.is_empty() => return Ok(()),
            None => return Err(SkipReason::Quote),
        };
    }
}

/// A field after its opening quote, and what is after its closing one.
fn unquote(quoted: &str) -> Option<(Cow<'_, str>, &str)> {
    let mut end = quoted.find('"')?;
    if !quoted[end + 1..].starts_with('"') {
        return Some((Cow::Borrowed(quoted[..end].trim()), &quoted[end + 1..]));
    }
    let mut field = String::new();
    let mut rest = quoted;
    while let Some(more) = rest[end + 1..].strip_prefix('"') {
        field.push_str(&rest[..=end]);
        rest = more;
        end = rest.find('"')?;
    }
    field.push_str(&rest[..end]);
    Some((Cow::Owned(field.trim().to_string()), &rest[end + 1..]))
}

/// `phrase` with one space for any white space.
fn spaced(phrase: Cow<'_, str>) -> Cow<'_, str> {
    let plain = |(before, c): (char, char)| !c.is_whitespace() || c == ' ' && before != ' ';
    if phrase.chars().zip(phrase.chars().skip(1)).all(plain) {
        return phrase;
    }
    Cow::Owned(phrase.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn checked(field: Cow<'_, str>) -> Result<Cow<'_, str>, SkipReason> {
    if field.len() > MAX_BYTES {
        Err(SkipReason::TooLong)
    } else if field.contains(char::is_control) {
        Err(SkipReason::Control)
    } else {
        Ok(field)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines as `phrase` or `phrase → value`, bad ones as `number: reason`.
    fn lines(list: impl AsRef<[u8]>, format: ListFormat) -> Vec<String> {
        let mut lines = Vec::new();
        read(list.as_ref(), format, |number, entry| {
            lines.push(match entry {
                Ok(Entry {
                    phrase,
                    value: None,
                }) => phrase.to_string(),
                Ok(Entry {
                    phrase,
                    value: Some(value),
                }) => format!("{phrase} → {value}"),
                Err(reason) => format!("{number}: {reason:?}"),
            });
        });
        lines
    }

    #[test]
    fn lines_are_phrases_and_values() {
        use ListFormat::{Csv, Lines, Tsv};
        let long = "x".repeat(MAX_BYTES + 1);
        for (list, format, expected) in [
            ("", Csv, &[] as &[&str]),
            ("\n", Csv, &[]),
            ("a\nb", Csv, &["a", "b"]),
            ("a\r\nb,c\r\n", Csv, &["a", "b → c"]),
            ("\u{FEFF}a", Lines, &["a"]),
            (" a  b ,\u{3000}c  d", Csv, &["a b → c  d"]),
            ("New\u{3000}\u{A0}York", Lines, &["New York"]),
            (
                "a,\n,b\n\n \n",
                Csv,
                &["a", "2: Empty", "3: Empty", "4: Empty"],
            ),
            ("\"a, b\",\"say \"\"hi\"\"\"", Csv, &["a, b → say \"hi\""]),
            ("  \"a\"  ,  \"b\"  ", Csv, &["a → b"]),
            ("\"\"\"a\"\"\"\n\"\"\"\"", Csv, &["\"a\"", "\""]),
            ("5\" disk,7\"", Csv, &["5\" disk → 7\""]),
            (
                "\"a\nb\n\"c\"d\n\"a\"\"\n\"",
                Csv,
                &["1: Quote", "b", "3: Quote", "4: Quote", "5: Quote"],
            ),
            ("a,b,c\na,b,", Csv, &["1: Fields", "2: Fields"]),
            ("a\tb, c\n\"d\te\"", Tsv, &["a → b, c", "d e"]),
            ("\tb", Tsv, &["1: Empty"]),
            ("\"d e\"\tf", Tsv, &["d e → f"]),
            ("a,b\n\"c\"", Lines, &["a,b", "\"c\""]),
            ("a\tb", Lines, &["1: Fields"]),
            ("a\u{0}b\n\u{7F}", Lines, &["1: Control", "2: Control"]),
            ("a,b\u{1}", Csv, &["1: Control"]),
            // A header.
            ("code,Phrase,n\n1,a,2\n3,b", Csv, &["a", "b"]),
            (
                "value\tphrase\nx\ta\n\tb\ny",
                Tsv,
                &["a → x", "b", "4: Fields"],
            ),
            ("phrase\nphrase", Csv, &["phrase"]),
            ("a\nphrase,value", Csv, &["a", "phrase → value"]),
            ("phrase\na", Lines, &["phrase", "a"]),
            (&long, Lines, &["1: TooLong"]),
            (&format!("a,{long}"), Csv, &["1: TooLong"]),
            (&long[1..], Lines, &[&long[1..]]),
        ] {
            assert_eq!(lines(list, format), expected, "{list:?}");
        }
        assert_eq!(
            lines(b"a\n\xFF\xFE\nb\xE4\nc", Csv),
            ["a", "2: NotUtf8", "3: NotUtf8", "c"]
        );
    }

    #[test]
    fn what_is_skipped_is_counted_by_reason() {
        let mut tally = Tally::default();
        for (reason, line) in [
            (SkipReason::Duplicate, 9),
            (SkipReason::Empty, 4),
            (SkipReason::Duplicate, 7),
        ] {
            tally.count(reason, line);
        }
        let numbers: Vec<u64> = tally.numbers().collect();
        assert_eq!(numbers.len(), Tally::NUMBERS);
        let told: Vec<String> = Tally::of_numbers(&numbers)
            .unwrap()
            .skipped()
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            told,
            [
                "line 4: no phrase",
                "line 7 and 1 more: the phrase of an earlier line again"
            ]
        );
    }
}
