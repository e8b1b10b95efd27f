//! Objects as blocking streams: parts of 8 MiB, two of them asked for ahead of whoever reads, and small objects before their
//! turn, so that memory is bounded and the network has something to do.
//!
//! Every answer must be of the object that was found. One that fails, or changes, ends in an error, and its input counts as
//! unfinished. How answers are got is `fetch.rs`.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, PoisonError};

use bytes::Bytes;

use super::fetch::{Body, Part, Target};
use super::words::{CHANGED, Failure};
use super::{Object, Pending};
use crate::error::Error;
use crate::ingest::Progress;
use crate::ingest::input::{Form, Input, Origin};
use crate::ingest::pipeline::Learned;
use crate::ingest::reader::{Reader, Stop};
use crate::store::{Checked, ObjectVersion, Stamp};

/// The bytes of a part.
const PART: u64 = 8 << 20;
/// Parts under way beside the one that is read.
const AHEAD: usize = 2;
/// So many objects in a row that take too long, and their store is taken for unreachable.
const MOST_SLOW: usize = 3;
/// Objects up to so many bytes are asked for before their turn,
const SMALL: u64 = 1 << 20;
/// and so many of them.
pub(in crate::ingest) const NEXT: usize = 16;

/// A part that was asked for.
pub(super) type Asked = Pending<Result<Part, Failure>>;

/// An object as a stream.
pub(in crate::ingest) struct ObjectReader<'a> {
    object: &'a Object,
    progress: &'a dyn Progress,
    /// With what the answers said beyond what was known when it was found.
    version: ObjectVersion,
    seen: Checked<io::Empty>,
    current: Bytes,
    source: Source,
    failure: Option<Failure>,
}

enum Source {
    Parts {
        pending: VecDeque<Asked>,
        /// Where the next one begins.
        at: u64,
    },
    /// What is left of it, once it was asked for.
    Whole(Option<Body>),
}

impl Object {
    /// Asks for a small one before it is its turn: where there are many, the time until an answer comes is most of the time.
    fn begin(&self) {
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted = self.parts && (1..=SMALL).contains(&self.size);
        if wanted && begun.is_none() && self.bucket.unreachable.get().is_none() {
            let part = self.target().part(0..self.size, self.version.etag.clone());
            *begun = Some(self.bucket.engine.spawn(part));
        }
    }

    /// Reads it from its start.
    pub(super) fn open<'a>(&'a self, progress: &'a dyn Progress) -> ObjectReader<'a> {
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        let begun = begun.take();
        ObjectReader {
            object: self,
            progress,
            version: self.version.clone(),
            seen: Checked::new(io::empty()),
            current: Bytes::new(),
            source: match self.parts {
                true => Source::Parts {
                    at: if begun.is_some() { self.size } else { 0 },
                    pending: begun.into_iter().collect(),
                },
                false => Source::Whole(None),
            },
            failure: None,
        }
    }

    fn reachable(&self) -> Result<(), Failure> {
        match self.bucket.unreachable.get() {
            Some(why) => Err(Failure::new(format!("not tried: {why}"))),
            None => Ok(()),
        }
    }

    fn target(&self) -> Target {
        Target {
            client: Arc::clone(&self.bucket.client),
            location: self.location.clone(),
            size: self.size,
        }
    }
}

impl ObjectReader<'_> {
    /// What was read, to tell later whether it is another.
    pub(super) fn stamp(&self) -> Stamp {
        let all = self.seen.count() == self.object.size;
        Stamp {
            size: self.object.size,
            times: None,
            hash: if all {
                self.seen.checksum()
            } else {
                String::new()
            },
            version: Some(self.version.clone()),
        }
    }

    /// The next bytes, none at the end.
    fn next(&mut self) -> Result<Bytes, Failure> {
        let engine = &self.object.bucket.engine;
        let size = self.object.size;
        match &mut self.source {
            Source::Parts { pending, at } => {
                while *at < size && pending.len() <= AHEAD {
                    self.object.reachable()?;
                    let range = *at..size.min(*at + PART);
                    *at = range.end;
                    let part = self.object.target().part(range, self.version.etag.clone());
                    pending.push_back(engine.spawn(part));
                }
                let Some(first) = pending.pop_front() else {
                    return Ok(Bytes::new());
                };
                let (bytes, version) = wait(first, self.progress)??;
                self.learn(&version)?;
                Ok(bytes)
            }
            Source::Whole(_) if self.seen.count() == size => Ok(Bytes::new()),
            Source::Whole(body) => {
                let body = match body.take() {
                    Some(body) => body,
                    None => {
                        self.object.reachable()?;
                        let whole = engine.spawn(self.object.target().whole());
                        let (body, version) = wait(whole, self.progress)??;
                        self.learn(&version)?;
                        body
                    }
                };
                let piece = engine.spawn(self.object.target().piece(body));
                let (bytes, rest) = wait(piece, self.progress)??;
                self.source = Source::Whole(Some(rest));
                Ok(bytes)
            }
        }
    }

    /// Takes an answer as one of the object that was found.
    fn learn(&mut self, version: &ObjectVersion) -> Result<(), Failure> {
        if self.version.same(version) == Some(false) {
            return Err(Failure::new(CHANGED));
        }
        let known = &mut self.version;
        known.etag = known.etag.take().or_else(|| version.etag.clone());
        known.modified = known.modified.or(version.modified);
        Ok(())
    }
}

impl Read for ObjectReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.current.is_empty() {
            // Whoever reads on after a failure gets it again.
            let next = match self.failure.take() {
                Some(failure) => Err(failure),
                None => self.next(),
            };
            self.current = next.map_err(|failure| {
                let bucket = &self.object.bucket;
                let too_slow = failure.slow && bucket.slow.fetch_add(1, Relaxed) + 1 >= MOST_SLOW;
                if failure.unreachable || too_slow {
                    // Others may have set it before.
                    let _ = bucket.unreachable.set(failure.words.clone());
                }
                let error = failure.error();
                self.failure = Some(failure);
                error
            })?;
            self.object.bucket.slow.store(0, Relaxed);
            self.seen.pass(&self.current);
        }
        let count = self.current.len().min(buffer.len());
        buffer[..count].copy_from_slice(&self.current.split_to(count));
        Ok(count)
    }
}

fn wait<T>(pending: Pending<T>, progress: &dyn Progress) -> Result<T, Failure> {
    let answer = pending.wait(progress);
    answer.map_err(|error| Failure::new(error.to_string()))
}

impl Input {
    /// Lets what takes time begin before its turn.
    pub(in crate::ingest) fn begin(&self) {
        if let Origin::Object { object, .. } = &self.origin {
            object.begin();
        }
    }
}

impl Reader<'_> {
    /// Reads an object like a file, and says what it was like.
    pub(in crate::ingest) fn read_object(
        &mut self,
        source: &Arc<str>,
        form: Form,
        object: &Object,
    ) -> Result<Learned, Stop> {
        let progress = self.progress;
        let mut reader = object.open(progress);
        let encoding = self.read_counted(source, form, Box::new(&mut reader))?;
        if progress.cancelled() {
            return Err(Stop::Error(Error::Interrupted));
        }
        // Then its bytes tell it from another, all of them: an archive may end before its stream does.
        if !reader.version.tells() {
            // What fails here is kept below.
            let _ = io::copy(&mut reader, &mut io::sink());
        }
        Ok(Learned {
            encoding,
            stamp: Some(reader.stamp()),
            unfinished: reader.failure.is_some(),
        })
    }
}
