//! Where the records of a WARC end: headers, a blank line, as many bytes as `Content-Length` says, two line feeds.
//!
//! A length is believed where it leads to such an end, to a record, or to the end of the input. One that leads elsewhere costs
//! its record: the next is looked for where a line begins with `WARC/1.`. Of a record over the limit, of which nothing is kept
//! that could be looked at again, the length is believed until something stands in its body that looks like another record
//! from the blank line before it to its first header: there it ends, lest a wrong length swallow the rest. A web archive in a
//! web archive that long hence becomes records of its own, and costs no other either. The crate `warc` does none of this: it holds a
//! record in memory however long it says that it is, tells no offsets, and ends at the first that is broken. What a record
//! means is `warc.rs`.

use super::split::Scan;

const MAGIC: &[u8] = b"WARC/";
/// What a record in the midst of others begins with; the version is followed by the end of its line.
const NEXT: &[u8] = b"\nWARC/1.";
/// No longer is what tells that a record begins: a blank line, the version, the first header's name.
const PROOF: usize = 32;
/// What the first header's name begins with.
const FIRST_HEADERS: [&[u8]; 2] = [b"WARC-", b"Content-"];
/// What stands behind a record.
const ENDS: [&[u8]; 2] = [b"\r\n\r\n", b"\n\n"];
/// No headers are longer.
const HEAD: usize = 64 << 10;

const NO_RECORD: &str = "it does not begin with WARC/";
const LONG_HEAD: &str = "its headers do not end within 64 KiB";
const NO_LENGTH: &str = "it has no Content-Length";
const CUT_HEAD: &str = "its headers are cut off";
/// Also why a record over the limit is broken, in which others begin.
const WRONG_LENGTH: &str = "its Content-Length does not lead to its end";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// In the headers, which are shown from their beginning until they are whole.
    Head,
    /// So many bytes are to come.
    Body(u64),
    /// As many, unless a record begins in them.
    Passing(u64),
    /// In the line feeds behind the body.
    Tail,
    /// In something that can never be whole, before the next record.
    Resume,
}

/// Finds the end of a record.
#[derive(Debug, Clone)]
pub(crate) struct WarcScan(State);

impl WarcScan {
    pub(crate) fn new() -> Self {
        Self(State::Head)
    }

    pub(crate) fn reset(&mut self) {
        self.0 = State::Head;
    }

    /// The record is not kept; `seen` of its bytes were shown. So many of these must be shown again.
    pub(crate) fn pass_by(&mut self, seen: usize) -> usize {
        let State::Body(left) = self.0 else {
            return 0;
        };
        let again = seen.min(PROOF);
        self.0 = State::Passing(left + again as u64);
        again
    }

    /// Where the next record begins, in bytes of one that can never be whole.
    pub(crate) fn next_start(&self, bytes: &[u8]) -> Option<usize> {
        let proven = matches!(self.0, State::Body(_)).then(|| proven_start(bytes));
        proven.flatten().or_else(|| next_start(bytes))
    }

    /// The record can never be whole: from here on only the next is looked for.
    pub(crate) fn give_up(&mut self) {
        self.0 = State::Resume;
    }

    pub(crate) fn unfinished(&self) -> Option<&'static str> {
        match self.0 {
            State::Head => Some(CUT_HEAD),
            State::Body(_) | State::Passing(_) => Some(WRONG_LENGTH),
            State::Tail | State::Resume => None,
        }
    }

    pub(crate) fn scan(&mut self, bytes: &[u8]) -> Scan {
        let mut at = 0;
        loop {
            let rest = &bytes[at..];
            match self.0 {
                State::Head => {
                    let blank = rest.iter().take_while(|b| b.is_ascii_whitespace()).count();
                    if blank > 0 {
                        return Scan::End(blank);
                    }
                    if !begins(rest, MAGIC) {
                        return Scan::Broken(NO_RECORD);
                    }
                    let end = match head_end(&rest[..rest.len().min(HEAD)]) {
                        Some(HeadEnd::Blank(end)) => end,
                        Some(HeadEnd::Record) => return Scan::Broken(CUT_HEAD),
                        None if rest.len() < HEAD => return Scan::Again(0),
                        None => return Scan::Broken(LONG_HEAD),
                    };
                    let Some(length) = content_length(&rest[..end]) else {
                        return Scan::Broken(NO_LENGTH);
                    };
                    at = end;
                    self.0 = State::Body(length);
                }
                State::Body(left) => {
                    let here =
                        usize::try_from(left).map_or(rest.len(), |left| left.min(rest.len()));
                    at += here;
                    let left = left - here as u64;
                    if left > 0 {
                        self.0 = State::Body(left);
                        return Scan::More;
                    }
                    self.0 = State::Tail;
                }
                State::Passing(left) => {
                    let start = proven_start(rest).filter(|&start| (start as u64) < left);
                    if let Some(start) = start {
                        return Scan::End(at + start);
                    }
                    match usize::try_from(left) {
                        Ok(left) if left <= rest.len() => {
                            at += left;
                            self.0 = State::Tail;
                        }
                        _ => {
                            let clear = rest.len().saturating_sub(PROOF);
                            self.0 = State::Passing(left - clear as u64);
                            return Scan::Again(at + clear);
                        }
                    }
                }
                State::Tail => {
                    let feeds = |byte: &&u8| matches!(**byte, b'\r' | b'\n');
                    let tail = rest.iter().take_while(feeds).count();
                    let next = &rest[tail..];
                    let ended = ENDS.iter().any(|end| rest.starts_with(end)) && !next.is_empty();
                    return if ended || next.starts_with(MAGIC) || tail >= HEAD {
                        Scan::End(at + tail)
                    } else if begins(next, MAGIC) {
                        Scan::Again(at)
                    } else {
                        Scan::Broken(WRONG_LENGTH)
                    };
                }
                State::Resume => {
                    let start = next_start(rest);
                    return start.map_or_else(|| Scan::Again(lost(rest)), Scan::End);
                }
            }
        }
    }
}

/// Whether bytes begin with others, as far as they go.
fn begins(bytes: &[u8], with: &[u8]) -> bool {
    let length = bytes.len().min(with.len());
    bytes[..length] == with[..length]
}

/// Where a record begins that is told from words in a body: by the blank line before it, its version and its first header.
pub(crate) fn proven_start(bytes: &[u8]) -> Option<usize> {
    let mut starts = memchr::memmem::find_iter(bytes, NEXT).map(|at| at + 1);
    starts.find(|&at| {
        let (before, line) = (&bytes[..at], &bytes[at + NEXT.len() - 1..]);
        let line = &line[..line.len().min(PROOF - NEXT.len() - 2)];
        let is_first = |header: &&[u8]| {
            let feed = memchr::memchr(b'\n', line).unwrap_or(line.len());
            let name = line
                .get(feed + 1..)
                .and_then(|next| next.get(..header.len()));
            name.is_some_and(|name| name.eq_ignore_ascii_case(header))
        };
        (before.ends_with(b"\n\r\n") || before.ends_with(b"\n\n"))
            && FIRST_HEADERS.iter().any(is_first)
    })
}

/// Where a record may begin after one that can never be whole.
fn next_start(bytes: &[u8]) -> Option<usize> {
    memchr::memmem::find(bytes, NEXT).map(|at| at + 1)
}

/// Of bytes that hold no start, so many in which none begins either, though it be cut in two.
pub(crate) fn lost(bytes: &[u8]) -> usize {
    bytes.len().saturating_sub(NEXT.len() - 1)
}

/// What ends headers.
enum HeadEnd {
    /// A blank line, which itself ends here.
    Blank(usize),
    /// The next record. Were it not looked for, a file of first lines would be searched for a blank line from each of them.
    Record,
}

fn head_end(bytes: &[u8]) -> Option<HeadEnd> {
    memchr::memchr_iter(b'\n', bytes).find_map(|at| match blank_line(bytes, at) {
        Some(end) => Some(HeadEnd::Blank(end)),
        None => bytes[at..].starts_with(NEXT).then_some(HeadEnd::Record),
    })
}

/// Where a blank line ends that begins behind the line feed at `at`.
fn blank_line(bytes: &[u8], at: usize) -> Option<usize> {
    match &bytes[at + 1..] {
        [b'\n', ..] => Some(at + 2),
        [b'\r', b'\n', ..] => Some(at + 3),
        _ => None,
    }
}

/// The bytes of headers that these begin with, with the blank line behind them, of HTTP's as well as of WARC's.
pub(crate) fn head_length(bytes: &[u8]) -> Option<usize> {
    memchr::memchr_iter(b'\n', bytes).find_map(|at| blank_line(bytes, at))
}

/// Names and values, in their order.
pub(crate) type Headers = Vec<(String, String)>;

/// Headers by name, but for the first line; lines that begin with a space go on what stands before them.
pub(crate) fn headers(head: &[u8]) -> Headers {
    let mut headers = Headers::new();
    for line in String::from_utf8_lossy(head).lines().skip(1) {
        match (line.split_once(':'), headers.last_mut()) {
            (_, Some((_, value))) if line.starts_with([' ', '\t']) => {
                value.push(' ');
                value.push_str(line.trim());
            }
            (Some((name, value)), _) => {
                headers.push((name.trim().to_string(), value.trim().to_string()));
            }
            (None, _) => {}
        }
    }
    headers
}

/// The first header of a name, however that is written.
pub(crate) fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let mut named = headers
        .iter()
        .filter(|(of, _)| of.eq_ignore_ascii_case(name));
    named.next().map(|(_, value)| value.as_str())
}

fn content_length(head: &[u8]) -> Option<u64> {
    header(&headers(head), "Content-Length")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use super::super::quarantine::Kind;
    use super::super::split::{Splitter, split};
    use super::*;

    fn record(body: &str, length: u64) -> String {
        format!("WARC/1.0\r\nWARC-Type: x\r\ncontent-length: {length}\r\n\r\n{body}\r\n\r\n")
    }

    fn whole(body: &str) -> String {
        record(body, body.len() as u64)
    }

    /// A record's offset, its length, and what is wrong with it.
    type Cut = (u64, usize, Option<(Kind, String)>);

    /// The records of a text that is read in portions of so many bytes.
    fn cut(text: &str, limit: usize, portion: usize) -> Vec<Cut> {
        struct Portions<'a>(&'a [u8], usize);
        impl std::io::Read for Portions<'_> {
            fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
                let portion = self.1.min(buffer.len());
                self.0.read(&mut buffer[..portion])
            }
        }
        let mut all = Vec::new();
        let read = Portions(text.as_bytes(), portion);
        let measure = |bytes: &[u8]| bytes.len() as u64;
        let splitter = Splitter::Warc(WarcScan::new());
        let _ = split(
            read,
            splitter,
            limit,
            measure,
            || None,
            |piece| {
                let length = match &piece.fault {
                    Some(fault) => fault.length as usize,
                    None => piece.bytes.len(),
                };
                let fault = piece.fault.map(|fault| (fault.kind, fault.detail));
                all.push((piece.offset, length, fault));
                ControlFlow::Continue(())
            },
        );
        all
    }

    #[test]
    fn records_have_the_length_that_they_say() {
        let bodies = [
            "one",
            "",
            "two\r\n\r\nWARC/1.0\r\nin it\r\n\r\n",
            "\r\n\n",
            "end",
        ];
        let text: String = bodies.map(whole).concat();
        for portion in [1, 7, 1 << 20] {
            let mut at = 0;
            let cut = cut(&text, 1 << 20, portion);
            assert_eq!(cut.len(), bodies.len(), "{cut:?}");
            for ((offset, length, fault), body) in cut.into_iter().zip(bodies) {
                assert_eq!(
                    (offset, length, fault),
                    (at, whole(body).len(), None),
                    "{body:?}"
                );
                at += length as u64;
            }
        }
        assert!(cut("\r\n \n", 99, 9).is_empty());
    }

    #[test]
    fn what_is_broken_costs_its_record_and_no_other() {
        let good = whole("good");
        let wrong = Some((Kind::Warc, WRONG_LENGTH.to_string()));
        let no_length = "WARC/1.0\r\nWARC-Type: x\r\n\r\nbody\r\n\r\n".to_string();
        let long = format!("WARC/1.0\r\nX: {}\r\n\r\n", "x".repeat(HEAD));
        let cases = [
            (record("short", 2), wrong.clone()),
            (record("long", 9), wrong.clone()),
            (record("huge", u64::MAX), wrong.clone()),
            (
                no_length.replace("type", "x"),
                Some((Kind::Warc, NO_LENGTH.into())),
            ),
            (
                no_length.replace("WARC-Type: x", "Content-Length: -1"),
                Some((Kind::Warc, NO_LENGTH.into())),
            ),
            (
                "lost bytes\n".to_string(),
                Some((Kind::Warc, NO_RECORD.into())),
            ),
            (long, Some((Kind::Warc, LONG_HEAD.into()))),
            (
                "WARC/1.0\r\nWARC-Type: x\r\n".to_string(),
                Some((Kind::Warc, CUT_HEAD.into())),
            ),
        ];
        for (broken, why) in cases {
            for portion in [1, 1 << 20] {
                let text = [good.as_str(), &broken, &good].concat();
                let (first, second) = (good.len() as u64, (good.len() + broken.len()) as u64);
                let expected = [
                    (0, good.len(), None),
                    (first, broken.len(), why.clone()),
                    (second, good.len(), None),
                ];
                assert_eq!(
                    cut(&text, 1 << 20, portion),
                    expected,
                    "{broken:.60?} by {portion}"
                );
            }
        }
    }

    #[test]
    fn a_length_beyond_all_measure_is_not_waited_for() {
        let broken = record("huge", 1 << 60);
        let text = [broken.as_str(), &whole(&"x".repeat(400)), &whole("b")].concat();
        let wrong = Some((Kind::Warc, WRONG_LENGTH.to_string()));
        let kinds = |limit: usize| -> Vec<_> {
            let cut = cut(&text, limit, 64).into_iter();
            cut.map(|(offset, _, fault)| (offset, fault.map(|(kind, _)| kind)))
                .collect()
        };
        let after = broken.len() as u64;
        let last = after + whole(&"x".repeat(400)).len() as u64;
        assert_eq!(cut(&text, 600, 64)[0], (0, broken.len(), wrong));
        assert_eq!(
            kinds(200),
            [
                (0, Some(Kind::Warc)),
                (after, Some(Kind::TooLong)),
                (last, None)
            ]
        );
    }

    #[test]
    fn an_input_that_is_cut_off_says_so() {
        let text = whole("one") + &whole("two");
        let last = whole("one").len() as u64;
        for end in last as usize + 1..text.len() {
            let cut = cut(&text[..end], 1 << 20, 5);
            // Line feeds that are missing at the end miss nobody.
            let fine = text.len() - end <= 4;
            assert_eq!(cut.len(), 2, "{end}");
            assert_eq!((cut[1].0, cut[1].2.is_none()), (last, fine), "{end}");
        }
    }
}
