//! What is compared of all documents, as one array on disk: by number, at random, without being in memory.
//!
//! The file has no name and goes with the process. Its pages are in memory as far as there is room for them.

use std::fs::File;
use std::io::{self, BufWriter, Write};

use memmap2::Mmap;

use super::sketch::BINS;

/// Bytes of a record: two hashes, the time, where the id ends, what there is, the sketch.
const WIDTH: usize = 16 + 16 + 8 + 8 + 1 + BINS;

const HAS_SKETCH: u8 = 1;
const HAS_TIME: u8 = 2;
const DROPPED: u8 = 4;

/// A document, as far as it is compared.
#[derive(Debug, Clone)]
pub(super) struct Document<'a> {
    pub doc_id: &'a str,
    pub ts: Option<i64>,
    pub content: u128,
    pub normal: u128,
    pub sketch: Option<&'a [u8; BINS]>,
    /// It is in the store no more, since another had the same text.
    pub dropped: bool,
}

/// Records in the making.
pub(super) struct Recorder {
    records: BufWriter<File>,
    ids: BufWriter<File>,
    count: u32,
    id_bytes: u64,
}

impl Recorder {
    pub(super) fn new() -> io::Result<Self> {
        let file = || tempfile::tempfile().map(|file| BufWriter::with_capacity(1 << 20, file));
        Ok(Self {
            records: file()?,
            ids: file()?,
            count: 0,
            id_bytes: 0,
        })
    }

    pub(super) fn add(&mut self, document: &Document<'_>) -> io::Result<()> {
        let too_many = || io::Error::other("more than 4,294,967,295 documents: split the store");
        self.count = self.count.checked_add(1).ok_or_else(too_many)?;
        self.ids.write_all(document.doc_id.as_bytes())?;
        self.id_bytes += document.doc_id.len() as u64;
        let mut flags = 0;
        for (is, flag) in [
            (document.sketch.is_some(), HAS_SKETCH),
            (document.ts.is_some(), HAS_TIME),
            (document.dropped, DROPPED),
        ] {
            flags |= if is { flag } else { 0 };
        }
        self.records.write_all(&document.content.to_le_bytes())?;
        self.records.write_all(&document.normal.to_le_bytes())?;
        self.records
            .write_all(&document.ts.unwrap_or_default().to_le_bytes())?;
        self.records.write_all(&self.id_bytes.to_le_bytes())?;
        self.records.write_all(&[flags])?;
        self.records
            .write_all(document.sketch.unwrap_or(&[0; BINS]))
    }

    pub(super) fn finish(self) -> io::Result<Records> {
        Ok(Records {
            records: map(self.records)?,
            ids: map(self.ids)?,
            count: self.count,
        })
    }
}

fn map(file: BufWriter<File>) -> io::Result<Option<Mmap>> {
    let file = file.into_inner().map_err(|e| e.into_error())?;
    if file.metadata()?.len() == 0 {
        return Ok(None);
    }
    // SAFETY: the file has no name, so that nobody else opens it, and is not written to any more.
    unsafe { Mmap::map(&file) }.map(Some)
}

/// All documents, by number.
pub(super) struct Records {
    /// None where there is nothing in it.
    records: Option<Mmap>,
    ids: Option<Mmap>,
    count: u32,
}

impl Records {
    pub(super) fn count(&self) -> u32 {
        self.count
    }

    fn field<const N: usize>(&self, number: u32, at: usize) -> &[u8; N] {
        let all = self.records.as_deref().unwrap_or_default();
        let record = number as usize * WIDTH + at;
        all[record..record + N]
            .try_into()
            .expect("as many as asked for")
    }

    pub(super) fn content(&self, number: u32) -> u128 {
        u128::from_le_bytes(*self.field(number, 0))
    }

    pub(super) fn normal(&self, number: u32) -> u128 {
        u128::from_le_bytes(*self.field(number, 16))
    }

    pub(super) fn sketch(&self, number: u32) -> Option<&[u8; BINS]> {
        (self.flags(number) & HAS_SKETCH != 0).then(|| self.field(number, 49))
    }

    fn flags(&self, number: u32) -> u8 {
        let [flags] = *self.field(number, 48);
        flags
    }

    pub(super) fn doc_id(&self, number: u32) -> &str {
        let end = |number: u32| u64::from_le_bytes(*self.field(number, 40)) as usize;
        let start = number.checked_sub(1).map_or(0, end);
        let ids = self.ids.as_deref().unwrap_or_default();
        std::str::from_utf8(&ids[start..end(number)]).unwrap_or_default()
    }

    /// By it originals come before their copies: what is in the store first, then the earliest, those without a time
    /// last; where times are equal, by id.
    fn order(&self, number: u32) -> (bool, bool, i64, &str) {
        let flags = self.flags(number);
        let ts = i64::from_le_bytes(*self.field(number, 32));
        (
            flags & DROPPED != 0,
            flags & HAS_TIME == 0,
            ts,
            self.doc_id(number),
        )
    }

    pub(super) fn earlier(&self, a: u32, b: u32) -> bool {
        self.order(a) < self.order(b)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_recorded_is_there() {
        let sketch: [u8; BINS] = std::array::from_fn(|at| at as u8);
        let document = |doc_id, ts, dropped| Document {
            doc_id,
            ts,
            content: 1 << 100,
            normal: 7,
            sketch: Some(&sketch),
            dropped,
        };
        let mut recorder = Recorder::new().unwrap();
        let all = [
            document("a#1", Some(-5), false),
            document("a#2", Some(-5), false),
            document("", Some(3), false),
            document("b#10", None, false),
            Document {
                sketch: None,
                ..document("b#1", Some(-9), true)
            },
        ];
        for document in &all {
            recorder.add(document).unwrap();
        }
        let records = recorder.finish().unwrap();
        assert_eq!(records.count(), 5);
        for (number, document) in (0..).zip(&all) {
            assert_eq!(records.doc_id(number), document.doc_id);
            assert_eq!(records.content(number), 1 << 100);
            assert_eq!(records.normal(number), 7);
            assert_eq!(records.sketch(number), document.sketch);
            assert_eq!(records.order(number).0, document.dropped);
            for other in 0..5 {
                assert_eq!(
                    records.earlier(number, other),
                    number < other,
                    "{number} {other}"
                );
            }
        }
        assert_eq!(Recorder::new().unwrap().finish().unwrap().count(), 0);
    }
}
