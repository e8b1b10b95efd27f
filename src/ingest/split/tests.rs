//! Where records end, by example.

use super::super::csv_dialect::Dialect;
use super::*;

type Seen = (u64, u64, String, Option<(Kind, u64)>);

fn pieces(splitter: Splitter, limit: usize, read: impl Read) -> Vec<Seen> {
    let mut all = Vec::new();
    let _ = split(
        read,
        splitter,
        limit,
        |bytes| bytes.len() as u64,
        || None,
        |piece| {
            let text = String::from_utf8_lossy(piece.bytes).into_owned();
            all.push((
                piece.number,
                piece.offset,
                text,
                piece.fault.map(|f| (f.kind, f.length)),
            ));
            ControlFlow::Continue(())
        },
    );
    all
}

fn csv() -> Splitter {
    Splitter::Csv(CsvScan::new(Dialect::CSV))
}

fn fine(number: u64, offset: u64, text: &str) -> Seen {
    (number, offset, text.to_string(), None)
}

fn bad(number: u64, offset: u64, text: &str, kind: Kind) -> Seen {
    (
        number,
        offset,
        text.to_string(),
        Some((kind, text.len() as u64)),
    )
}

#[test]
fn lines_are_numbered_with_blank_ones() {
    let text = "\u{FEFF}one\r\n\n  \ntwo\nthree";
    let expected = [fine(1, 3, "one"), fine(4, 12, "two"), fine(5, 16, "three")];
    assert_eq!(pieces(Splitter::Lines, 99, text.as_bytes()), expected);
}

#[test]
fn paragraphs_end_at_blank_lines() {
    let text = "\n\na\nb \n \nc\r\n\r\nd";
    let expected = [fine(1, 2, "a\nb"), fine(2, 9, "c"), fine(3, 14, "d")];
    assert_eq!(
        pieces(Splitter::paragraphs(), 99, text.as_bytes()),
        expected
    );
}

#[test]
fn csv_records_span_lines_inside_quotes_only() {
    let text = "a,b\n1,\"x\ny\"\r\n\n2,z\n";
    let expected = [
        fine(1, 0, "a,b"),
        fine(2, 4, "1,\"x\ny\""),
        fine(3, 14, "2,z"),
    ];
    assert_eq!(pieces(csv(), 99, text.as_bytes()), expected);
}

#[test]
fn json_values_end_where_their_brackets_close() {
    let json = || Splitter::Json(JsonScan::new());
    let text = "[{\"a\":\"}\\\"]\"},\n {\"b\": [1,\n2]}\n,7,[],\"x\"]{\"c\":1}{}";
    let expected = [
        fine(1, 1, "{\"a\":\"}\\\"]\"}"),
        fine(2, 16, "{\"b\": [1,\n2]}"),
        fine(3, 31, "7"),
        fine(4, 33, "[]"),
        fine(5, 36, "\"x\""),
        fine(6, 40, "{\"c\":1}"),
        fine(7, 47, "{}"),
    ];
    assert_eq!(pieces(json(), 99, text.as_bytes()), expected);
    // A missing quote costs its line, a missing bracket what follows up to a line that begins with one.
    let broken = "{\"a\":\"x}\n{\"b\":1}\n{\"c\":{\"d\":1}\n{\"e\":1}";
    let expected = [
        bad(1, 0, "{\"a\":\"x}\n", Kind::Json),
        fine(2, 9, "{\"b\":1}"),
        bad(3, 17, "{\"c\":{\"d\":1}\n", Kind::Json),
        fine(4, 30, "{\"e\":1}"),
    ];
    assert_eq!(pieces(json(), 99, broken.as_bytes()), expected);
    let open = pieces(json(), 99, &b"[{\"a\":1},"[..]);
    assert_eq!(open, [fine(1, 1, "{\"a\":1}"), bad(2, 9, "", Kind::Json)]);
    let stray = pieces(json(), 99, &b"}\n{\"a\":1}"[..]);
    assert_eq!(
        stray,
        [bad(1, 0, "}\n", Kind::Json), fine(2, 2, "{\"a\":1}")]
    );
}

#[test]
fn a_stray_quote_costs_its_line_only() {
    let open = "1,\"x\n2,y\n3,z\n";
    let expected = [
        bad(1, 0, "1,\"x", Kind::Csv),
        fine(2, 5, "2,y"),
        fine(3, 9, "3,z"),
    ];
    assert_eq!(pieces(csv(), 99, open.as_bytes()), expected);
    let beyond = format!("1,\"x\n{}", "2,y\n".repeat(100_000));
    let seen = pieces(csv(), 50, beyond.as_bytes());
    assert_eq!(seen[0], bad(1, 0, "1,\"x", Kind::Csv));
    assert_eq!(seen[1], fine(2, 5, "2,y"));
    assert_eq!(seen.len(), 100_001);
    let after = "1,\"x\"y\n2,z\n";
    assert_eq!(
        pieces(csv(), 99, after.as_bytes()),
        [bad(1, 0, "1,\"x\"y", Kind::Csv), fine(2, 7, "2,z")]
    );
}

/// Each line seems to close the field that the line before opened: without a bound on searching, this takes
/// minutes.
#[test]
fn quotes_made_to_be_slow_are_not() {
    let text = "a\",\"b\n".repeat(200_000);
    let seen = pieces(csv(), 16 << 20, text.as_bytes());
    assert_eq!(seen.len(), 200_000);
    assert!(
        seen.iter()
            .all(|(.., fault)| matches!(fault, Some((Kind::Csv, 5))))
    );
}

/// A line feed after every so many bytes, without end but for `left`.
struct Endless {
    left: u64,
}

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = (buffer.len() as u64).min(self.left) as usize;
        buffer[..count].fill(b'x');
        self.left -= count as u64;
        Ok(count)
    }
}

#[test]
fn a_record_over_the_limit_is_passed_by() {
    let long = 300 << 20;
    for splitter in [
        Splitter::Lines,
        Splitter::paragraphs(),
        Splitter::Whole,
        csv(),
    ] {
        let whole = matches!(splitter, Splitter::Whole);
        let read = (&b"a\n\n"[..])
            .chain(Endless { left: long })
            .chain(&b"\n\nz\n"[..]);
        let seen = pieces(splitter, 1 << 10, read);
        let faults: Vec<_> = seen.iter().filter(|(.., fault)| fault.is_some()).collect();
        let [(_, offset, raw, Some((kind, length)))] = faults[..] else {
            panic!("{} faults", faults.len())
        };
        assert_eq!((*kind, raw.len()), (Kind::TooLong, RAW_LIMIT));
        if !whole {
            assert_eq!((*offset, *length), (3, long));
            assert_eq!(seen.first().map(|p| p.2.as_str()), Some("a"));
            assert_eq!(
                seen.last().map(|p| (p.1, p.2.as_str())),
                Some((long + 5, "z"))
            );
        }
    }
    let short = pieces(Splitter::Lines, 3, &b"abc\r\nabcd\nab"[..]);
    assert_eq!(
        short,
        [
            fine(1, 0, "abc"),
            bad(2, 5, "abcd", Kind::TooLong),
            fine(3, 10, "ab")
        ]
    );
}

struct Broken;

impl Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
        Err(std::io::Error::other("corrupt"))
    }
}

#[test]
fn what_was_read_before_a_failure_stands() {
    let seen = pieces(Splitter::Lines, 99, (&b"one\ntw"[..]).chain(Broken));
    assert_eq!(seen, [fine(1, 0, "one"), bad(2, 4, "tw", Kind::Stream)]);
    let seen = pieces(Splitter::Lines, 99, Broken);
    assert_eq!(seen, [bad(1, 0, "", Kind::Stream)]);
}
