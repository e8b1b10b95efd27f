//! CSV and TSV as RFC 4180 has them, found as bytes arrive: where a record ends, and its fields. Which characters part and
//! quote the fields is `csv_dialect.rs`.
//!
//! A quote opens a quoted field only where a field begins; elsewhere it is a character like any other, as in `5" pipe`.
//! After the quote that closes a field only a delimiter or the end of the record may follow: anything else means that
//! some quote is missing or too many, and the record is refused rather than guessed at.

use std::borrow::Cow;
use std::collections::HashSet;

use memchr::{memchr, memchr2};

use super::csv_dialect::Dialect;
use super::encoding::Leads;
use super::split::Scan;

const UNCLOSED: &str = "a quoted field is not closed";
const AFTER_QUOTE: &str = "text follows a closing quote";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    FieldStart,
    Field,
    Quoted,
    /// After a quote inside a quoted field: closed, unless another quote follows.
    Quote,
    /// After a closing quote and a carriage return.
    QuoteReturn,
    /// The record is thrown away up to the end of the line.
    PassBy,
}

/// Finds the end of a record.
#[derive(Debug, Clone)]
pub(crate) struct CsvScan {
    dialect: Dialect,
    state: State,
    /// Set where the delimiter may be the second byte of a character.
    leads: Option<Leads>,
    /// The last byte was the first of two.
    after_lead: bool,
    /// A quoted field may not hold a line feed.
    one_line: bool,
}

impl CsvScan {
    pub(crate) fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            state: State::FieldStart,
            leads: None,
            after_lead: false,
            one_line: false,
        }
    }

    /// Which bytes begin a character of two.
    pub(crate) fn know(&mut self, leads: Option<Leads>) {
        self.leads = leads.filter(|_| self.dialect.delimiter >= 0x40);
    }

    pub(crate) fn dialect(&self) -> Dialect {
        self.dialect
    }

    pub(crate) fn reset(&mut self, one_line: bool) {
        self.state = State::FieldStart;
        self.after_lead = false;
        self.one_line = one_line;
    }

    pub(crate) fn pass_by(&mut self) {
        self.state = State::PassBy;
    }

    pub(crate) fn unfinished(&self) -> Option<&'static str> {
        (self.state == State::Quoted).then_some(UNCLOSED)
    }

    pub(crate) fn scan(&mut self, bytes: &[u8]) -> Scan {
        let Dialect { delimiter, quote } = self.dialect;
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            match self.state {
                State::FieldStart if byte == quote => {
                    self.state = State::Quoted;
                    at += 1;
                }
                State::FieldStart => self.state = State::Field,
                State::Field => match self.field_end(&bytes[at..]) {
                    None => return Scan::More,
                    Some(found) if bytes[at + found] == b'\n' => return Scan::End(at + found + 1),
                    Some(found) => {
                        self.state = State::FieldStart;
                        at += found + 1;
                    }
                },
                State::Quoted => {
                    let found = if self.one_line {
                        memchr2(quote, b'\n', &bytes[at..])
                    } else {
                        memchr(quote, &bytes[at..])
                    };
                    match found {
                        None => return Scan::More,
                        Some(found) if bytes[at + found] == b'\n' => return Scan::Broken(UNCLOSED),
                        Some(found) => {
                            self.state = State::Quote;
                            at += found + 1;
                        }
                    }
                }
                State::Quote => {
                    at += 1;
                    self.state = match byte {
                        _ if byte == quote => State::Quoted,
                        b'\n' => return Scan::End(at),
                        b'\r' => State::QuoteReturn,
                        _ if byte == delimiter => State::FieldStart,
                        _ => return Scan::Broken(AFTER_QUOTE),
                    };
                }
                State::QuoteReturn if byte == b'\n' => return Scan::End(at + 1),
                State::QuoteReturn => return Scan::Broken(AFTER_QUOTE),
                State::PassBy => {
                    return memchr(b'\n', &bytes[at..])
                        .map_or(Scan::More, |found| Scan::End(at + found + 1));
                }
            }
        }
        Scan::More
    }

    /// Where the next delimiter or line feed is.
    fn field_end(&mut self, bytes: &[u8]) -> Option<usize> {
        let delimiter = self.dialect.delimiter;
        let Some(leads) = self.leads else {
            return memchr2(delimiter, b'\n', bytes);
        };
        bytes.iter().position(|&byte| {
            // A line feed is never the second byte of a character.
            let second = std::mem::take(&mut self.after_lead) && byte >= 0x30;
            self.after_lead = !second && leads(byte);
            byte == b'\n' || (byte == delimiter && !second)
        })
    }
}

/// The fields of a record that [`CsvScan`] found whole, without its terminator.
pub(crate) fn fields(record: &str, dialect: Dialect) -> impl Iterator<Item = Cow<'_, str>> {
    let Dialect { delimiter, quote } = dialect;
    let mut rest = Some(record);
    std::iter::from_fn(move || {
        let record = rest?;
        let bytes = record.as_bytes();
        let (field, end) = if bytes.first() == Some(&quote) {
            quoted(record, quote)
        } else {
            let end = memchr(delimiter, bytes).unwrap_or(bytes.len());
            (Cow::Borrowed(&record[..end]), end)
        };
        rest = record.get(end + 1..);
        Some(field)
    })
}

/// The field that a quote opens, and where its delimiter stands.
fn quoted(record: &str, mark: u8) -> (Cow<'_, str>, usize) {
    let bytes = record.as_bytes();
    let mut unescaped: Option<String> = None;
    let mut from = 1;
    loop {
        let Some(found) = memchr(mark, &bytes[from..]) else {
            break (take(unescaped, &record[from..]), bytes.len());
        };
        let quote = from + found;
        if bytes.get(quote + 1) != Some(&mark) {
            break (take(unescaped, &record[from..quote]), quote + 1);
        }
        // A doubled quote stands for one: it belongs to what comes before.
        unescaped
            .get_or_insert_default()
            .push_str(&record[from..=quote]);
        from = quote + 2;
    }
}

fn take(unescaped: Option<String>, tail: &str) -> Cow<'_, str> {
    match unescaped {
        None => Cow::Borrowed(tail),
        Some(mut text) => {
            text.push_str(tail);
            Cow::Owned(text)
        }
    }
}

/// The names of a file's fields.
#[derive(Debug)]
pub(crate) struct Header {
    pub dialect: Dialect,
    /// Why the header cannot be read, where it cannot: then no record of the file can be.
    pub names: Result<Vec<String>, String>,
}

impl Header {
    /// The header's bytes, decoded. Names are trimmed and made [unique](UniqueNames).
    ///
    /// A carriage return inside of a name means a file whose lines end with nothing else: all of it is this one record,
    /// which as a header would vanish without a word.
    pub(crate) fn parse(record: &str, dialect: Dialect) -> Self {
        let names = if fields(record, dialect).any(|field| field.trim().contains('\r')) {
            Err("the header holds a carriage return: lines must end with a line feed".to_string())
        } else {
            let mut names = UniqueNames::default();
            Ok(fields(record, dialect)
                .map(|field| names.next(field.trim()))
                .collect())
        };
        Self { dialect, names }
    }

    pub(crate) fn unreadable(dialect: Dialect, why: String) -> Self {
        Self {
            dialect,
            names: Err(why),
        }
    }
}

/// Gives each column of a file a name of its own: one without becomes `column_3`, one that was there before `name_2`.
#[derive(Debug, Default)]
pub(crate) struct UniqueNames(HashSet<String>);

impl UniqueNames {
    pub(crate) fn next(&mut self, name: &str) -> String {
        let base = match name {
            "" => format!("column_{}", self.0.len() + 1),
            name => name.to_string(),
        };
        let mut name = base.clone();
        let mut times = 1;
        while !self.0.insert(name.clone()) {
            times += 1;
            name = format!("{base}_{times}");
        }
        name
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split(record: &str) -> Vec<String> {
        fields(record, Dialect::CSV).map(Cow::into_owned).collect()
    }

    #[test]
    fn fields_by_example() {
        assert_eq!(
            split(r#"1,,"a,b","say ""hi""",5" pipe"#),
            ["1", "", "a,b", r#"say "hi""#, r#"5" pipe"#]
        );
        assert_eq!(split(r#""""""#), ["\""]);
        assert_eq!(split(""), [""]);
        assert_eq!(split("a,"), ["a", ""]);
        assert_eq!(split("\"a\nb\",中"), ["a\nb", "中"]);
    }

    #[test]
    fn header_names_are_unique() {
        let header = Header::parse("a,, b ,a,a_2", Dialect::CSV);
        assert_eq!(
            header.names.unwrap(),
            ["a", "column_2", "b", "a_2", "a_2_2"]
        );
        assert!(Header::parse("a,b\rc,d", Dialect::CSV).names.is_err());
    }

    proptest! {
        /// What we take for a whole record, csv_core reads the same way, whatever blocks it arrives in.
        #[test]
        fn agrees_with_csv_core(text in r#"[a,"\r\n]{0,24}"#, cut in 0usize..24) {
            let mut scan = CsvScan::new(Dialect::CSV);
            let cut = cut.min(text.len());
            let end = match scan.scan(&text.as_bytes()[..cut]) {
                Scan::More => match scan.scan(&text.as_bytes()[cut..]) {
                    Scan::End(end) => Scan::End(cut + end),
                    other => other,
                },
                other => other,
            };
            if let Scan::End(end) = end {
                let record = text[..end].strip_suffix('\n').unwrap();
                let record = record.strip_suffix('\r').unwrap_or(record);
                prop_assume!(!record.is_empty());
                let mut reader = csv_core::ReaderBuilder::new().terminator(csv_core::Terminator::Any(b'\n')).build();
                let (mut out, mut ends) = ([0; 64], [0; 64]);
                let whole = format!("{record}\n");
                let (result, read, _, count) = reader.read_record(whole.as_bytes(), &mut out, &mut ends);
                prop_assert_eq!(result, csv_core::ReadRecordResult::Record);
                prop_assert_eq!(read, whole.len());
                let starts = std::iter::once(0).chain(ends.iter().copied());
                let theirs: Vec<&[u8]> = starts.zip(ends).take(count).map(|(from, to)| &out[from..to]).collect();
                let ours = split(record);
                prop_assert_eq!(ours.iter().map(String::as_bytes).collect::<Vec<_>>(), theirs);
            }
        }
    }
}
