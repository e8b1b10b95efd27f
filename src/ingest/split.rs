//! A stream of bytes → whole records with exact offsets, in bounded memory.
//!
//! Where a record ends is decided here and, for CSV, in `csv.rs`; what it means is not. Every byte of the stream is in
//! a piece or is blank space between pieces. A record over the limit is passed by without being kept.

use std::io::{ErrorKind, Read};
use std::ops::ControlFlow;

use memchr::memchr;

use super::csv::CsvScan;
use super::encoding::Leads;
use super::json_values::{self, JsonScan};
use super::mbox::MboxScan;
use super::quarantine::{Fault, Kind, RAW_LIMIT};
use super::utf16::GB18030_MARK;
use super::warc_scan::{self, WarcScan};

/// How much is read at first, so that a hundred thousand small files do not cost a hundred thousand large buffers, and how
/// much at a time in the end.
const FIRST_BLOCK: usize = 8 << 10;
const BLOCK: usize = 256 << 10;
/// A search for a closing quote that went further than this is worth counting.
const LONG_SEARCH: usize = 64 << 10;
/// So many long searches that led nowhere may lie over one stretch of bytes, so that no file takes quadratic time.
const LONG_SEARCHES: usize = 16;

/// What a splitter says of the bytes that follow those it has seen of a record.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Scan {
    /// The record goes on.
    More,
    /// The record goes on; so many of these bytes were seen, and the rest must be shown again with those that follow.
    Again(usize),
    /// The record ends after so many of these bytes, its terminator included.
    End(usize),
    /// The record can never be whole; why.
    Broken(&'static str),
}

/// What ends a record.
#[derive(Debug, Clone)]
pub(crate) enum Splitter {
    /// A line feed.
    Lines,
    /// A blank line. `true` while the current line is blank so far.
    Paragraphs { blank: bool },
    /// The end of the stream.
    Whole,
    /// A line feed outside quotes.
    Csv(CsvScan),
    /// The end of a JSON value.
    Json(JsonScan),
    /// The next message's envelope.
    Mbox(MboxScan),
    /// As many bytes as it says.
    Warc(WarcScan),
}

impl Splitter {
    pub(crate) fn paragraphs() -> Self {
        Self::Paragraphs { blank: true }
    }

    fn scan(&mut self, bytes: &[u8]) -> Scan {
        match self {
            Self::Lines => memchr(b'\n', bytes).map_or(Scan::More, |at| Scan::End(at + 1)),
            Self::Whole => Scan::More,
            Self::Csv(csv) => csv.scan(bytes),
            Self::Json(json) => json.scan(bytes),
            Self::Mbox(mbox) => mbox.scan(bytes),
            Self::Warc(warc) => warc.scan(bytes),
            Self::Paragraphs { blank } => {
                let mut from = 0;
                while let Some(at) = memchr(b'\n', &bytes[from..]) {
                    if *blank && is_blank(&bytes[from..from + at]) {
                        return Scan::End(from + at + 1);
                    }
                    *blank = true;
                    from += at + 1;
                }
                *blank &= is_blank(&bytes[from..]);
                Scan::More
            }
        }
    }

    /// Which bytes begin a character of two, where anything turns on that.
    fn know(&mut self, leads: Option<Leads>) {
        match self {
            Self::Csv(csv) => csv.know(leads),
            Self::Json(json) => json.know(leads),
            _ => {}
        }
    }

    /// At the end of the stream: why what was seen is no whole record, if it is none.
    fn unfinished(&self) -> Option<&'static str> {
        match self {
            Self::Csv(csv) => csv.unfinished(),
            Self::Json(json) => json.unfinished(),
            Self::Warc(warc) => warc.unfinished(),
            _ => None,
        }
    }

    /// Beyond the limit: why this is no long record but a broken one, and what follows may be whole.
    fn broken_beyond_limit(&self, bytes: &[u8]) -> Option<&'static str> {
        match self {
            Self::Json(_) => self
                .unfinished()
                .filter(|_| json_values::next_start(bytes).is_some()),
            Self::Warc(_) => self
                .unfinished()
                .filter(|_| warc_scan::proven_start(bytes).is_some()),
            _ => self.unfinished(),
        }
    }

    /// How much of these bytes a record costs that can never be whole; nothing where they do not tell.
    fn broken_length(&self, bytes: &[u8]) -> Option<usize> {
        match self {
            Self::Json(_) => json_values::next_start(bytes),
            Self::Warc(warc) => warc.next_start(bytes),
            _ => memchr(b'\n', bytes).map(|at| at + 1),
        }
    }

    /// Of such bytes that do not tell, how many are certainly lost.
    fn lost(&self, bytes: &[u8]) -> usize {
        match self {
            Self::Warc(_) => warc_scan::lost(bytes),
            _ => bytes.len(),
        }
    }

    /// What records are not where they are broken.
    fn kind(&self) -> Kind {
        match self {
            Self::Json(_) => Kind::Json,
            Self::Warc(_) => Kind::Warc,
            _ => Kind::Csv,
        }
    }

    /// Why the end of the stream is not the end of what it holds, though its last record is whole.
    fn left_open(&self) -> Option<&'static str> {
        match self {
            Self::Json(json) => json.is_array_open().then_some(json_values::OPEN_ARRAY),
            _ => None,
        }
    }

    fn reset(&mut self, one_line: bool) {
        match self {
            Self::Paragraphs { blank } => *blank = true,
            Self::Csv(csv) => csv.reset(one_line),
            Self::Json(json) => json.reset(one_line),
            Self::Mbox(mbox) => mbox.reset(),
            Self::Warc(warc) => warc.reset(),
            Self::Lines | Self::Whole => {}
        }
    }

    /// The record is thrown away: from here on only its end is looked for. A broken one has none of its own. Of the bytes
    /// `seen` of it, so many must be shown again.
    fn pass_by(&mut self, broken: bool, seen: &[u8]) -> usize {
        match self {
            Self::Csv(csv) => csv.pass_by(),
            Self::Json(json) if broken => json.give_up(seen.ends_with(b"\n")),
            Self::Warc(warc) if broken => warc.give_up(),
            Self::Warc(warc) => return warc.pass_by(seen.len()),
            _ => {}
        }
        0
    }

    /// The record without its terminator.
    fn strip<'a>(&self, record: &'a [u8]) -> &'a [u8] {
        match self {
            Self::Whole | Self::Json(_) | Self::Warc(_) => record,
            Self::Paragraphs { .. } | Self::Mbox(_) => record.trim_ascii_end(),
            Self::Lines | Self::Csv(_) => {
                let record = record.strip_suffix(b"\n").unwrap_or(record);
                record.strip_suffix(b"\r").unwrap_or(record)
            }
        }
    }

    fn is_blank(&self, record: &[u8]) -> bool {
        match self {
            // A space may be a value.
            Self::Csv(_) => record.is_empty(),
            Self::Json(json) => json.is_blank(),
            _ => is_blank(record),
        }
    }
}

fn is_blank(bytes: &[u8]) -> bool {
    bytes.iter().all(u8::is_ascii_whitespace)
}

/// A record, or what stands for one that could not be cut out.
#[derive(Debug)]
pub(crate) struct Piece<'a> {
    /// The record without its terminator; where there is a fault, at most [`RAW_LIMIT`] bytes of it.
    pub bytes: &'a [u8],
    /// 1-based; lines count blank ones too, so that it can be found with any editor.
    pub number: u64,
    /// Of the first byte, in the decompressed input.
    pub offset: u64,
    /// Set where the record is no record.
    pub fault: Option<Fault>,
}

/// Cuts `read` into records of at most `limit` bytes and passes each on, in order, until `emit` breaks off. `measure`
/// tells how many bytes of the input some bytes of `read` are; offsets and the lengths of faults are those of the input.
///
/// `leads` is asked after each read, since an encoding may be known with the first byte only that is not ASCII.
///
/// Where reading fails, what was read before stands, and one more piece carries the failure.
pub(crate) fn split(
    read: impl Read,
    splitter: Splitter,
    limit: usize,
    measure: fn(&[u8]) -> u64,
    leads: impl Fn() -> Option<Leads>,
    emit: impl FnMut(Piece<'_>) -> ControlFlow<()>,
) -> ControlFlow<()> {
    let window = Vec::new();
    Splitting::new(window, read, splitter, limit, measure, leads, emit).run()
}

/// As [`split`], for all of a text that is in memory already, in an encoding without characters of two bytes.
pub(crate) fn split_whole(
    text: Vec<u8>,
    splitter: Splitter,
    limit: usize,
    measure: fn(&[u8]) -> u64,
    emit: impl FnMut(Piece<'_>) -> ControlFlow<()>,
) -> ControlFlow<()> {
    let read = std::io::empty();
    let mut splitting = Splitting::new(text, read, splitter, limit, measure, || None, emit);
    splitting.ended = true;
    splitting.run()
}

/// A record that is being passed by.
struct Passing {
    raw: Vec<u8>,
    length: u64,
    kind: Kind,
    why: String,
}

impl Passing {
    /// `measured` is how many bytes of the input they are.
    fn keep(&mut self, bytes: &[u8], measured: u64) {
        let room = RAW_LIMIT - self.raw.len();
        self.raw.extend_from_slice(&bytes[..bytes.len().min(room)]);
        self.length += measured;
    }
}

struct Splitting<R, L, F> {
    read: R,
    splitter: Splitter,
    limit: usize,
    measure: fn(&[u8]) -> u64,
    leads: L,
    emit: F,
    /// `window[start..start + seen]` is what the splitter has seen of the current record.
    window: Vec<u8>,
    /// How much is read next.
    block: usize,
    start: usize,
    seen: usize,
    /// Where the current record begins in the input.
    offset: u64,
    number: u64,
    ended: bool,
    failure: Option<std::io::Error>,
    passing: Option<Passing>,
    /// The furthest point reached by searches for a closing quote that led nowhere.
    frontier: u64,
    long_searches: usize,
}

impl<R: Read, L: Fn() -> Option<Leads>, F: FnMut(Piece<'_>) -> ControlFlow<()>> Splitting<R, L, F> {
    fn new(
        window: Vec<u8>,
        read: R,
        splitter: Splitter,
        limit: usize,
        measure: fn(&[u8]) -> u64,
        leads: L,
        emit: F,
    ) -> Self {
        Self {
            read,
            splitter,
            limit,
            measure,
            leads,
            emit,
            window,
            block: FIRST_BLOCK,
            start: 0,
            seen: 0,
            offset: 0,
            number: 0,
            ended: false,
            failure: None,
            passing: None,
            frontier: 0,
            long_searches: 0,
        }
    }

    fn run(mut self) -> ControlFlow<()> {
        while self.window.len() < 4 && !self.ended {
            self.fill();
        }
        for mark in [&b"\xEF\xBB\xBF"[..], GB18030_MARK] {
            if self.window.starts_with(mark) {
                self.start = mark.len();
                self.offset = (self.measure)(mark);
            }
        }
        loop {
            match self.splitter.scan(&self.window[self.start + self.seen..]) {
                Scan::End(more) => {
                    self.seen += more;
                    self.record()?;
                }
                // Too long, and broken as well.
                Scan::Broken(_) if self.passing.is_some() => {
                    self.splitter.pass_by(true, b"");
                }
                Scan::Broken(why) => self.break_line(why)?,
                scan @ (Scan::More | Scan::Again(_)) => {
                    self.seen = match scan {
                        Scan::Again(more) if !self.ended => self.seen + more,
                        _ => self.window.len() - self.start,
                    };
                    if self.ended {
                        if self.seen == 0 && self.passing.is_none() {
                            break;
                        }
                        if self.failure.is_some() {
                            break;
                        }
                        match self.splitter.unfinished() {
                            Some(why) if self.passing.is_none() => self.break_line(why)?,
                            _ => self.record()?,
                        }
                        continue;
                    }
                    if self.passing.is_some() {
                        self.forget();
                    } else if self.seen > self.limit.saturating_add(2) {
                        // Two bytes more than the limit, since a terminator is not part of the record.
                        let seen = &self.window[self.start..];
                        match self.splitter.broken_beyond_limit(seen) {
                            Some(why) => {
                                self.break_line(why)?;
                                continue;
                            }
                            None => self.pass_by(Kind::TooLong, self.too_long(), false),
                        }
                    }
                    self.fill();
                }
            }
        }
        self.fail()
    }

    fn too_long(&self) -> String {
        format!("longer than {} bytes (--max-record-bytes)", self.limit)
    }

    /// The bytes seen are a record.
    fn record(&mut self) -> ControlFlow<()> {
        let whole = &self.window[self.start..self.start + self.seen];
        let bytes = self.splitter.strip(whole);
        match self.passing.take() {
            Some(mut passing) => {
                let forgotten = passing.length;
                passing.keep(bytes, (self.measure)(bytes));
                self.number += 1;
                (self.emit)(Piece {
                    bytes: &passing.raw,
                    number: self.number,
                    offset: self.offset,
                    fault: Some(Fault::new(passing.kind, passing.why, passing.length)),
                })?;
                // `forget` moved the window on, but left `offset` at the record's beginning.
                self.offset += forgotten;
            }
            None if self.splitter.is_blank(bytes) => {
                self.number += u64::from(matches!(self.splitter, Splitter::Lines));
            }
            None => {
                self.number += 1;
                let fault = (bytes.len() > self.limit)
                    .then(|| Fault::new(Kind::TooLong, self.too_long(), (self.measure)(bytes)));
                let kept = if fault.is_some() {
                    bytes.len().min(RAW_LIMIT)
                } else {
                    bytes.len()
                };
                let piece = Piece {
                    bytes: &bytes[..kept],
                    number: self.number,
                    offset: self.offset,
                    fault,
                };
                (self.emit)(piece)?;
            }
        }
        self.advance(self.seen);
        ControlFlow::Continue(())
    }

    /// The record that begins here can never be whole: its first line is what is wrong, and the next line is read
    /// anew, so that one stray quote does not swallow the rest of a file.
    fn break_line(&mut self, why: &'static str) -> ControlFlow<()> {
        if self.seen > LONG_SEARCH {
            let seen = &self.window[self.start..self.start + self.seen];
            self.frontier = self.frontier.max(self.offset + (self.measure)(seen));
            self.long_searches += 1;
        }
        let rest = &self.window[self.start..];
        let kind = self.splitter.kind();
        let length = match self.splitter.broken_length(rest) {
            Some(length) => length,
            None if self.ended => rest.len(),
            None => {
                self.seen = self.splitter.lost(rest);
                self.pass_by(kind, why.to_string(), true);
                return ControlFlow::Continue(());
            }
        };
        let line = self.splitter.strip(&rest[..length]);
        self.number += 1;
        (self.emit)(Piece {
            bytes: &line[..line.len().min(RAW_LIMIT)],
            number: self.number,
            offset: self.offset,
            fault: Some(Fault::new(kind, why.to_string(), (self.measure)(line))),
        })?;
        self.advance(length);
        ControlFlow::Continue(())
    }

    /// The next record begins so many bytes on.
    fn advance(&mut self, bytes: usize) {
        self.offset += (self.measure)(&self.window[self.start..self.start + bytes]);
        self.start += bytes;
        self.seen = 0;
        if self.offset >= self.frontier {
            self.long_searches = 0;
        }
        self.splitter.reset(self.long_searches >= LONG_SEARCHES);
    }

    fn pass_by(&mut self, kind: Kind, why: String, broken: bool) {
        self.passing = Some(Passing {
            raw: Vec::new(),
            length: 0,
            kind,
            why,
        });
        let seen = &self.window[self.start..self.start + self.seen];
        self.seen -= self.splitter.pass_by(broken, seen);
        self.forget();
    }

    /// Lets go of what was seen of a record that is passed by.
    fn forget(&mut self) {
        if let Some(passing) = &mut self.passing {
            let bytes = &self.window[self.start..self.start + self.seen];
            passing.keep(bytes, (self.measure)(bytes));
        }
        self.start += self.seen;
        self.seen = 0;
    }

    fn fill(&mut self) {
        self.window.drain(..self.start);
        self.start = 0;
        let full = self.window.len();
        self.window.resize(full + self.block, 0);
        self.block = (self.block * 2).min(BLOCK);
        let mut end = full;
        while end == full {
            match self.read.read(&mut self.window[full..]) {
                Ok(0) => {
                    self.ended = true;
                    break;
                }
                Ok(read) => end += read,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    self.ended = true;
                    self.failure = Some(error);
                    break;
                }
            }
        }
        self.window.truncate(end);
        self.splitter.know((self.leads)());
    }

    /// Reports where reading failed, with what there is of the record that was cut off.
    fn fail(mut self) -> ControlFlow<()> {
        let Some(error) = self.failure.take() else {
            let Some(why) = self.splitter.left_open() else {
                return ControlFlow::Continue(());
            };
            return (self.emit)(Piece {
                bytes: b"",
                number: self.number + 1,
                offset: self.offset,
                fault: Some(Fault::new(self.splitter.kind(), why, 0)),
            });
        };
        if self.passing.is_some() {
            self.forget();
        }
        let (raw, length) = match self.passing.take() {
            Some(passing) => (passing.raw, passing.length),
            None => {
                let raw = self.window[self.start..].to_vec();
                let length = (self.measure)(&raw);
                (raw, length)
            }
        };
        let why = format!(
            "at byte {} of the decompressed input: {error}",
            self.offset + length
        );
        (self.emit)(Piece {
            bytes: &raw[..raw.len().min(RAW_LIMIT)],
            number: self.number + 1,
            offset: self.offset,
            fault: Some(Fault::new(Kind::Stream, why, length)),
        })
    }
}

#[cfg(test)]
mod tests;
