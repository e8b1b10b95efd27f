//! CSV and TSV as RFC 4180 has them, found as bytes arrive: where a record ends, and its fields.
//!
//! A quote opens a quoted field only where a field begins; elsewhere it is a character like any other, as in `5" pipe`.
//! After the quote that closes a field only a delimiter or the end of the record may follow: anything else means that
//! some quote is missing or too many, and the record is refused rather than guessed at.

use std::borrow::Cow;
use std::collections::HashSet;

use memchr::{memchr, memchr2};

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
#[derive(Debug)]
pub(crate) struct CsvScan {
    delimiter: u8,
    state: State,
    /// A quoted field may not hold a line feed.
    one_line: bool,
}

impl CsvScan {
    pub(crate) fn new(delimiter: u8) -> Self {
        Self {
            delimiter,
            state: State::FieldStart,
            one_line: false,
        }
    }

    pub(crate) fn delimiter(&self) -> u8 {
        self.delimiter
    }

    pub(crate) fn reset(&mut self, one_line: bool) {
        self.state = State::FieldStart;
        self.one_line = one_line;
    }

    pub(crate) fn pass_by(&mut self) {
        self.state = State::PassBy;
    }

    pub(crate) fn unfinished(&self) -> Option<&'static str> {
        (self.state == State::Quoted).then_some(UNCLOSED)
    }

    pub(crate) fn scan(&mut self, bytes: &[u8]) -> Scan {
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            match self.state {
                State::FieldStart if byte == b'"' => {
                    self.state = State::Quoted;
                    at += 1;
                }
                State::FieldStart => self.state = State::Field,
                State::Field => match memchr2(self.delimiter, b'\n', &bytes[at..]) {
                    None => return Scan::More,
                    Some(found) if bytes[at + found] == b'\n' => return Scan::End(at + found + 1),
                    Some(found) => {
                        self.state = State::FieldStart;
                        at += found + 1;
                    }
                },
                State::Quoted => {
                    let found = if self.one_line {
                        memchr2(b'"', b'\n', &bytes[at..])
                    } else {
                        memchr(b'"', &bytes[at..])
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
                        b'"' => State::Quoted,
                        b'\n' => return Scan::End(at),
                        b'\r' => State::QuoteReturn,
                        _ if byte == self.delimiter => State::FieldStart,
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
}

/// The fields of a record that [`CsvScan`] found whole, without its terminator.
pub(crate) fn fields(record: &str, delimiter: u8) -> impl Iterator<Item = Cow<'_, str>> {
    let mut rest = Some(record);
    std::iter::from_fn(move || {
        let record = rest?;
        let bytes = record.as_bytes();
        let (field, end) = if bytes.first() == Some(&b'"') {
            quoted(record)
        } else {
            let end = memchr(delimiter, bytes).unwrap_or(bytes.len());
            (Cow::Borrowed(&record[..end]), end)
        };
        rest = record.get(end + 1..);
        Some(field)
    })
}

/// The field that a quote opens, and where its delimiter stands.
fn quoted(record: &str) -> (Cow<'_, str>, usize) {
    let bytes = record.as_bytes();
    let mut unescaped: Option<String> = None;
    let mut from = 1;
    loop {
        let Some(found) = memchr(b'"', &bytes[from..]) else {
            break (take(unescaped, &record[from..]), bytes.len());
        };
        let quote = from + found;
        if bytes.get(quote + 1) != Some(&b'"') {
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
    pub delimiter: u8,
    /// Why the header cannot be read, where it cannot: then no record of the file can be.
    pub names: Result<Vec<String>, String>,
}

impl Header {
    /// Names are trimmed and made [unique](UniqueNames).
    ///
    /// A carriage return inside of a name means a file whose lines end with nothing else: all of it is this one record,
    /// which as a header would vanish without a word.
    pub(crate) fn parse(record: &[u8], delimiter: u8) -> Self {
        let names = match simdutf8::basic::from_utf8(record) {
            Err(_) => Err("the header is not valid UTF-8".to_string()),
            Ok(record) if fields(record, delimiter).any(|field| field.trim().contains('\r')) => {
                Err(
                    "the header holds a carriage return: lines must end with a line feed"
                        .to_string(),
                )
            }
            Ok(record) => {
                let mut names = UniqueNames::default();
                Ok(fields(record, delimiter)
                    .map(|field| names.next(field.trim()))
                    .collect())
            }
        };
        Self { delimiter, names }
    }

    pub(crate) fn unreadable(delimiter: u8, why: String) -> Self {
        Self {
            delimiter,
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
        fields(record, b',').map(Cow::into_owned).collect()
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
        let header = Header::parse("a,, b ,a,a_2".as_bytes(), b',');
        assert_eq!(
            header.names.unwrap(),
            ["a", "column_2", "b", "a_2", "a_2_2"]
        );
        assert!(Header::parse(b"a,\xff", b',').names.is_err());
    }

    proptest! {
        /// What we take for a whole record, csv_core reads the same way, whatever blocks it arrives in.
        #[test]
        fn agrees_with_csv_core(text in r#"[a,"\r\n]{0,24}"#, cut in 0usize..24) {
            let mut scan = CsvScan::new(b',');
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
