//! What must hold for any bytes: entry points for fuzzing and property tests.
//!
//! Each panics where a promise is broken. Hidden, since it is no interface for users.

use std::ops::ControlFlow;

use super::csv::{self, CsvScan};
use super::csv_dialect::{Dialect, sniff};
use super::encoding::{self, BadBytes, Encoding, Leads};
use super::json_values::JsonScan;
use super::mbox::MboxScan;
use super::quarantine::RAW_LIMIT;
use super::split::{Splitter, split, split_whole};
use super::warc_scan::WarcScan;
use super::{html, json, mail, time, warc};

/// Gives its bytes in small uneven portions, as a pipe does.
struct Trickle<'a>(&'a [u8], usize);

impl std::io::Read for Trickle<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.1 = self.1 % 7 + 1;
        let count = self.1.min(self.0.len()).min(buffer.len());
        let (now, later) = self.0.split_at(count);
        buffer[..count].copy_from_slice(now);
        self.0 = later;
        Ok(count)
    }
}

/// Any bytes, cut into lines, paragraphs, CSV and TSV records: nothing is lost, nothing is there twice, offsets point
/// at the bytes, numbers rise.
pub fn records(data: &[u8]) {
    let sniffed = sniff(&String::from_utf8_lossy(data), None, None);
    let bars = Dialect {
        delimiter: b'|',
        quote: b'\'',
    };
    let two_bytes: Option<Leads> = Some(|byte| byte >= 0x81);
    for limit in [1, 16, 1 << 20] {
        let splitters = [
            (Splitter::Lines, None),
            (Splitter::paragraphs(), None),
            (Splitter::Whole, None),
            (Splitter::Csv(CsvScan::new(Dialect::CSV)), None),
            (Splitter::Csv(CsvScan::new(sniffed)), None),
            (Splitter::Csv(CsvScan::new(bars)), two_bytes),
            (Splitter::Mbox(MboxScan::default()), None),
            (Splitter::Json(JsonScan::new()), None),
            (Splitter::Json(JsonScan::new()), two_bytes),
            (Splitter::Warc(WarcScan::new()), None),
        ];
        for (splitter, leads) in splitters {
            let dialect = match &splitter {
                Splitter::Csv(csv) => Some(csv.dialect()),
                _ => None,
            };
            let json = matches!(splitter, Splitter::Json(_));
            let blank = |bytes: &[u8]| {
                let part = |byte: &u8| json && b"[],".contains(byte);
                bytes
                    .iter()
                    .all(|byte| byte.is_ascii_whitespace() || part(byte))
            };
            let whole = matches!(splitter, Splitter::Whole);
            let marks = [&b"\xEF\xBB\xBF"[..], b"\x84\x31\x95\x33"];
            let mark = marks.iter().find(|mark| data.starts_with(mark));
            let mut end = mark.map_or(0, |mark| mark.len());
            let mut last = 0;
            let measure = |bytes: &[u8]| bytes.len() as u64;
            let mut cut = Vec::new();
            let at_once = (leads.is_none() && data.len() <= limit).then(|| splitter.clone());
            let flow = split(
                Trickle(data, 0),
                splitter,
                limit,
                measure,
                || leads,
                |piece| {
                    let start =
                        usize::try_from(piece.offset).expect("an offset inside of the data");
                    let length = piece
                        .fault
                        .as_ref()
                        .map_or(piece.bytes.len(), |fault| fault.length as usize);
                    assert!(piece.number > last, "numbers rise");
                    assert!(start >= end, "a byte is in two records");
                    assert!(blank(&data[end..start]), "bytes lost before {start}");
                    assert_eq!(
                        piece.bytes,
                        &data[start..start + length.min(RAW_LIMIT)],
                        "not the bytes at {start}"
                    );
                    assert!(
                        piece.fault.is_some() || length <= limit,
                        "a record over the limit"
                    );
                    if let (Some(dialect), None) = (dialect, &piece.fault) {
                        csv_fields(piece.bytes, dialect);
                    }
                    last = piece.number;
                    end = start + length;
                    cut.push((piece.number, start, piece.fault.map(|fault| fault.detail)));
                    ControlFlow::Continue(())
                },
            );
            if let Some(splitter) = at_once {
                let mut pieces = cut.iter();
                let _ = split_whole(data.to_vec(), splitter, limit, measure, |piece| {
                    let why = piece.fault.map(|fault| fault.detail);
                    let whole = (piece.number, piece.offset as usize, why);
                    assert_eq!(pieces.next(), Some(&whole), "cut otherwise at once");
                    ControlFlow::Continue(())
                });
                assert_eq!(pieces.next(), None, "lost at once");
            }
            assert!(flow.is_continue());
            assert!(blank(&data[end..]), "bytes lost at the end");
            assert!(!whole || last <= 1, "a file is one document");
        }
    }
}

/// Fields written as CSV again are read as the same fields.
fn csv_fields(record: &[u8], dialect: Dialect) {
    let Ok(record) = std::str::from_utf8(record) else {
        return;
    };
    let fields: Vec<_> = csv::fields(record, dialect).collect();
    let quote = char::from(dialect.quote).to_string();
    let quoted: Vec<String> = fields
        .iter()
        .map(|field| format!("{quote}{}{quote}", field.replace(&quote, &quote.repeat(2))))
        .collect();
    let written = quoted.join(&char::from(dialect.delimiter).to_string());
    assert_eq!(csv::fields(&written, dialect).collect::<Vec<_>>(), fields);
}

/// Any bytes in any encoding: whatever is chosen, what is read can be turned back into the bytes, and what is refused is
/// measured as they are.
pub fn encoded(data: &[u8]) {
    for name in [
        "auto",
        "gb18030",
        "big5",
        "shift_jis",
        "utf-16le",
        "utf-16be",
        "windows-1252",
    ] {
        let wanted = name.parse().expect("an encoding");
        let found = std::cell::Cell::new(None);
        let mut read = Vec::new();
        std::io::Read::read_to_end(
            &mut encoding::open(Trickle(data, 0), wanted, &found),
            &mut read,
        )
        .expect("bytes");
        let encoding = found.get().unwrap_or(Encoding::UTF_8);
        assert_eq!(encoding.original(&read), data, "{name}");
        assert_eq!(encoding.measure()(&read), data.len() as u64, "{name}");
        if let Err(fault) = encoding.decode(&read, BadBytes::Quarantine) {
            assert_eq!(fault.length, data.len() as u64, "{name}");
        }
    }
}

/// Any bytes as a letter, as a page and as what a server sent: something is made of them, or it is said why not.
pub fn letters_and_pages(data: &[u8]) {
    if let Ok((fields, _)) = mail::parse(data, encoding::InputEncoding::default()) {
        assert!(fields.iter().any(|(name, _)| name == mail::TEXT));
    }
    let page = html::read(&String::from_utf8_lossy(data));
    assert!(!page.text.contains('\u{A0}'));
    if let Ok(Some((fields, _))) = warc::parse(data, BadBytes::Replace, 1 << 20) {
        assert!(fields.iter().any(|(name, _)| name == mail::TEXT));
    }
}

/// Any bytes as a JSON record: what serde_json takes for an object we do, with as many names, and nothing else.
pub fn json_record(data: &[u8]) {
    let Ok(line) = std::str::from_utf8(data) else {
        return;
    };
    let mut fields = Vec::new();
    let ours = json::parse(line, &mut fields);
    match serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(line) {
        Ok(theirs) => {
            ours.expect("an object that serde_json reads");
            for (name, value) in &theirs {
                let (_, last) = fields
                    .iter()
                    .rev()
                    .find(|(key, _)| key == name)
                    .expect("a name is lost");
                match (last, value) {
                    (json::Value::Text(ours), serde_json::Value::String(theirs)) => {
                        assert_eq!(ours, theirs)
                    }
                    (json::Value::Int(ours), theirs) => assert_eq!(Some(*ours), theirs.as_i64()),
                    (json::Value::Json(ours), theirs) => {
                        let again: serde_json::Value =
                            serde_json::from_str(ours).expect("JSON text");
                        assert_eq!(again, *theirs);
                    }
                    (json::Value::Bool(ours), theirs) => assert_eq!(Some(*ours), theirs.as_bool()),
                    (json::Value::Float(ours), theirs) => assert_eq!(Some(*ours), theirs.as_f64()),
                    (json::Value::Null, theirs) => assert!(theirs.is_null()),
                    (ours, theirs) => panic!("{ours:?} is not {theirs}"),
                }
            }
        }
        // Inside of nested values, whose text is kept, we are content with the grammar: depth, the range of numbers and
        // the pairing of surrogates are not looked at.
        Err(_) => {
            let nested = fields
                .iter()
                .any(|(_, value)| matches!(value, json::Value::Json(_)));
            assert!(ours.is_err() || nested, "{line:?} is no JSON object");
        }
    }
}

/// Any text as a time: what is read can be printed and read again as the same time.
pub fn time_text(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Some(micros) = time::parse(text) {
        let printed = chrono::DateTime::from_timestamp_micros(micros)
            .expect("a time that can be printed")
            .to_rfc3339();
        assert_eq!(
            time::parse(&printed),
            Some(micros),
            "{text:?} became {printed}"
        );
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    #[test]
    fn a_mark_at_the_beginning_may_come_byte_by_byte() {
        super::records("\u{FEFF}".as_bytes());
        super::records("\u{FEFF}a\n".as_bytes());
    }

    proptest! {
        #[test]
        fn records(data in proptest::collection::vec(any::<u8>(), 0..200)) {
            super::records(&data);
        }

        /// Far more line feeds, quotes and delimiters than chance would bring.
        #[test]
        fn records_of_csv_bytes(data in "(\u{FEFF})?[ab中,\t\"\r\n ]{0,60}") {
            super::records(data.as_bytes());
        }

        /// Far more brackets and quotes than chance would bring.
        #[test]
        fn records_of_json_bytes(data in r#"[ab中,"\\\\\[\]\{\}\n ]{0,60}"#) {
            super::records(data.as_bytes());
        }

        #[test]
        fn records_of_letters(data in "(From |\r?\n|>|[a: ]){0,40}") {
            super::records(data.as_bytes());
        }

        #[test]
        fn letters_and_pages(data in "((From |To: |Content-Type: (text/html|multipart/mixed; boundary=x)|--x|=[0-9A-F]{2}|</?(p|pre|script|title|td)>|&amp;|<!--|[ab中<>&;: \n]))[ab中<>&;: \n]{0,80}") {
            super::letters_and_pages(data.as_bytes());
        }

        #[test]
        fn what_servers_sent(data in "WARC/1\\.[01]\r\n(WARC-Type: (response|resource|conversion)\r\n|Content-(Type|Length): (application/http|text/html; charset=gbk|text/plain|[0-9]{1,3})\r\n){0,5}\r\n(HTTP/1.1 200 OK\r\n(Transfer-Encoding: (chunked|gzip, chunked)\r\n|Content-Encoding: (gzip|deflate|zstd|br)\r\n|Content-Type: text/html\r\n){0,3}\r\n)?([0-9a-f]{1,9}\r\n|[ab中<>&;: \n]){0,20}(\r\n\r\n)?") {
            super::letters_and_pages(data.as_bytes());
            super::records(data.as_bytes());
        }

        #[test]
        fn encoded(data in proptest::collection::vec(any::<u8>(), 0..200)) {
            super::encoded(&data);
        }

        #[test]
        fn json_record(line in r#"\{("[ab]{0,2}": ?(null|true|-?[0-9]{1,22}|1\.5|1e300|"[a\\n"中]{0,3}"|\[1, ?\{\}\]),?){0,4}\}?"#) {
            super::json_record(line.as_bytes());
        }

        #[test]
        fn time_text(text in r"([0-9]{4}[-/][0-9]{1,2}[-/][0-9]{1,2}([T ][0-9]{1,2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?)?(Z|[+-][0-9]{2}:?[0-9]{2})?|-?[0-9]{1,20}(\.[0-9]{1,3})?|.{0,12})") {
            super::time_text(text.as_bytes());
        }
    }
}
