//! How the fields of a CSV file are parted and quoted, told by its first records.
//!
//! A delimiter must be in the header, and that is best by which most records have as many fields as the header; of two
//! that are equally good the more usual one counts. The quote is `"` unless all names of the header stand in `'`.

use std::borrow::Cow;

use super::csv::{CsvScan, fields};
use super::split::Scan;

/// The delimiter and the quote of a file: ASCII characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Dialect {
    pub delimiter: u8,
    pub quote: u8,
}

impl Dialect {
    pub(crate) const CSV: Self = Self {
        delimiter: b',',
        quote: b'"',
    };
}

/// So many records are looked at.
const RECORDS: usize = 100;

/// The dialect of a file that begins with `head`, as far as it is not given.
pub(crate) fn sniff(head: &str, delimiter: Option<u8>, quote: Option<u8>) -> Dialect {
    let delimiters: &[u8] = match delimiter {
        Some(_) => &[],
        None => b",\t;|",
    };
    let quoted = |delimiter| {
        quote.unwrap_or_else(|| {
            let line = head.lines().next().unwrap_or_default();
            let all = line.split(char::from(delimiter)).all(|name| {
                let name = name.trim();
                name.len() > 1 && name.starts_with('\'') && name.ends_with('\'')
            });
            if all { b'\'' } else { b'"' }
        })
    };
    let mut best = (0, delimiter.unwrap_or(b','));
    for &delimiter in delimiters {
        let dialect = Dialect {
            delimiter,
            quote: quoted(delimiter),
        };
        let agreeing = agreeing(head, dialect);
        if agreeing > best.0 {
            best = (agreeing, delimiter);
        }
    }
    Dialect {
        delimiter: best.1,
        quote: quoted(best.1),
    }
}

/// How many records have as many fields as the header, itself included; 0 where that is one.
fn agreeing(head: &str, dialect: Dialect) -> usize {
    let mut counts = counts(head, dialect);
    match counts.next() {
        None | Some(0 | 1) => 0,
        Some(wanted) => 1 + counts.filter(|count| *count == wanted).count(),
    }
}

/// How many fields each record has, 0 where it cannot be read.
fn counts(head: &str, dialect: Dialect) -> impl Iterator<Item = usize> {
    let mut rest = head.trim_start_matches('\u{FEFF}');
    let next = move || {
        if rest.is_empty() {
            return None;
        }
        let mut scan = CsvScan::new(dialect);
        let line = rest.find('\n').map_or(rest.len(), |at| at + 1);
        let (end, readable) = match scan.scan(rest.as_bytes()) {
            Scan::End(end) => (end, true),
            // The last record, which may be cut off.
            Scan::More if scan.unfinished().is_none() => (rest.len(), true),
            _ => (line, false),
        };
        let (record, after) = rest.split_at(end);
        rest = after;
        let record = record.trim_end_matches(['\r', '\n']);
        let count = match readable {
            true => fields(record, dialect).count(),
            false => 0,
        };
        Some((!record.is_empty()).then_some(count))
    };
    std::iter::from_fn(next).flatten().take(RECORDS)
}

/// A delimiter or a quote of CSV as a person writes it: an ASCII character, or `\t` or `tab`.
///
/// # Errors
/// Why it can be neither.
pub fn parse_character(text: &str) -> Result<u8, String> {
    let named = match text {
        "\\t" | "tab" => Cow::Borrowed("\t"),
        other => Cow::Borrowed(other),
    };
    match named.as_bytes() {
        [byte] if byte.is_ascii() && !byte.is_ascii_alphanumeric() && !b"\r\n\0".contains(byte) => {
            Ok(*byte)
        }
        _ => Err(format!(
            "{text:?} is not one ASCII character that is no letter and no digit (tab is \\t)"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sniffed(head: &str) -> (char, char) {
        let dialect = sniff(head, None, None);
        (dialect.delimiter.into(), dialect.quote.into())
    }

    #[test]
    fn dialects_by_example() {
        let cases = [
            ("id,text\n1,a\n", (',', '"')),
            ("id;text\n1;\"a, b\"\n2;1,5\n", (';', '"')),
            ("id\ttext\n1\ta, b, c\n", ('\t', '"')),
            ("编号|text|n\n1|一；二;三|x\n", ('|', '"')),
            ("'id','text'\n'1','it''s'\n", (',', '\'')),
            ("'id';'text'\n'1';'a,b'\n", (';', '\'')),
            ("text\n'tis the season; really, truly\n", (',', '"')),
            ("name,a;b\nx,1;2\ny,3\n", (',', '"')),
            ("\"a;b\",c\n\"1;\n2\",3\n", (',', '"')),
            ("text", (',', '"')),
            ("", (',', '"')),
        ];
        for (head, expected) in cases {
            assert_eq!(sniffed(head), expected, "{head:?}");
        }
    }

    #[test]
    fn what_is_given_is_not_guessed() {
        let dialect = sniff("a;b\n1;2\n", Some(b','), Some(b'\''));
        assert_eq!((dialect.delimiter, dialect.quote), (b',', b'\''));
        assert_eq!(parse_character("\\t"), Ok(b'\t'));
        assert_eq!(parse_character("|"), Ok(b'|'));
        for bad in ["", "||", "a", "，", "\n"] {
            assert!(parse_character(bad).is_err(), "{bad:?}");
        }
    }
}
