//! One thread reads and cuts, workers parse and encode, the caller's thread writes: in order, in bounded memory.
//!
//! The reader (`reader.rs`) makes chunks and numbers them; a worker parses its chunk, waits for its turn to be told the part file
//! it belongs to (which depends on all the columns before it), encodes it, and the caller's thread appends row groups
//! by number. As many chunks as there are permits are under way at once, whatever is slow. Results do not depend on
//! the number of workers, because nothing but waiting does.

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use arrow::array::RecordBatch;

use super::chunk::Chunk;
use super::decompress::Measure;
use super::documents::Parsed;
use super::input::Input;
use super::object::NEXT;
use super::parquet_input::Rows;
use super::quarantine::Kind;
use super::reader::{Reader, Stop};
use super::writer::{Part, PartWriter, Parts, Placed, QuarantineWriter, RowGroup};
use super::{IngestOptions, Progress};
use crate::error::Result;
use crate::store::{RecordedFile, Stamp};

/// What a run counted.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub documents: u64,
    pub kinds: BTreeMap<Kind, u64>,
    pub unread_times: u64,
    pub replaced: u64,
    pub other_records: u64,
    /// Decompressed.
    pub bytes: u64,
    /// Of each input, in their order.
    pub inputs: Vec<Learned>,
    /// Files in archives whose names tell no format.
    pub unknown_files: u64,
}

/// What reading an input told of it.
#[derive(Debug, Default)]
pub(crate) struct Learned {
    /// The name of its encoding, if it has one.
    pub encoding: Option<&'static str>,
    /// What its file was like, if it is one.
    pub stamp: Option<Stamp>,
    /// Whether its store failed before its end.
    pub unfinished: bool,
}

/// Work for one worker.
#[derive(Debug)]
pub(crate) enum Work {
    Records(Chunk),
    Rows(Rows, usize),
}

impl Work {
    /// A part of it, which begins with a record of a chunk and is mostly all there is.
    fn parse(
        &self,
        from: usize,
        options: &IngestOptions,
        allowed: Option<&HashSet<String>>,
    ) -> Result<Parsed> {
        match self {
            Self::Records(chunk) => chunk.parse(from, options, allowed),
            Self::Rows(rows, _) => rows.parse(&options.roles(), allowed, options.max_record_bytes),
        }
    }

    fn weight(&self) -> usize {
        match self {
            Self::Records(chunk) => chunk.weight(),
            Self::Rows(_, weight) => *weight,
        }
    }
}

/// A chunk that is ready to be written.
#[derive(Default)]
struct Done {
    rows: usize,
    row_groups: Vec<RowGroup>,
    quarantine: Vec<RecordBatch>,
    kinds: BTreeMap<Kind, u64>,
    unread_times: u64,
    replaced: u64,
    other_records: u64,
}

impl Done {
    /// Encodes a part of the chunk.
    fn add(&mut self, parsed: Parsed, part: Option<Arc<Part>>) -> Result<()> {
        if let Some(part) = part {
            self.row_groups.push(part.encode(&parsed)?);
        }
        self.rows += parsed.rows;
        self.quarantine.extend(parsed.quarantine);
        for (kind, count) in parsed.kinds {
            *self.kinds.entry(kind).or_default() += count;
        }
        self.unread_times += parsed.unread_times;
        self.replaced += parsed.replaced;
        self.other_records += parsed.other_records;
        Ok(())
    }
}

/// Reads the inputs and writes documents and quarantine.
pub(crate) fn run(
    inputs: Vec<Input>,
    options: &IngestOptions,
    progress: &dyn Progress,
    mut documents: PartWriter,
    mut quarantine: QuarantineWriter,
) -> Result<(Counts, Vec<RecordedFile>, Vec<RecordedFile>)> {
    let workers = options.threads();
    let turns = Turns::new(Parts::new(options.codec));
    let bytes = AtomicU64::new(0);
    let (permit, permits) = channel();
    for _ in 0..workers + 2 {
        // The receiver is alive.
        let _ = permit.send(());
    }
    let (to_workers, work) = sync_channel(1);
    let work = Mutex::new(work);
    let (finished, results) = channel();

    let mut counts = Counts::default();
    thread::scope(|scope| -> Result<()> {
        // Dropped when this closure ends, however it ends, so that no thread waits for ever.
        let permit: Sender<()> = permit;
        let results: Receiver<(usize, Result<Done>)> = results;
        let stop = StopOnDrop(&turns);
        let (turns, work, bytes) = (&turns, &work, &bytes);
        let reader = scope.spawn(move || -> Result<_, Stop> {
            let mut reader = Reader {
                options,
                progress,
                permits,
                to_workers,
                next: 0,
                chunk: Chunk::default(),
                bytes,
                measure: Measure::new(options.max_expansion),
                unknown_files: 0,
            };
            let mut learned = Vec::with_capacity(inputs.len());
            let mut inputs = inputs.into_iter();
            while let Some(input) = inputs.next() {
                inputs.as_slice().iter().take(NEXT).for_each(Input::begin);
                learned.push(reader.read(input)?);
            }
            reader.flush().map(|()| (learned, reader.unknown_files))
        });
        for _ in 0..workers {
            let finished = finished.clone();
            scope.spawn(move || {
                let _stop = StopOnPanic(turns);
                loop {
                    // The lock is let go before the work begins.
                    let next = lock(work).recv();
                    let Ok((number, work)) = next else { break };
                    let Some(done) = process(number, &work, options, turns) else {
                        break;
                    };
                    drop(work);
                    if finished.send((number, done)).is_err() {
                        break;
                    }
                }
            });
        }
        drop(finished);
        let mut waiting = BTreeMap::new();
        let mut next = 0;
        for (number, done) in &results {
            waiting.insert(number, done?);
            while let Some(done) = waiting.remove(&next) {
                next += 1;
                counts.documents += done.rows as u64;
                counts.unread_times += done.unread_times;
                counts.replaced += done.replaced;
                counts.other_records += done.other_records;
                for (kind, count) in done.kinds {
                    *counts.kinds.entry(kind).or_default() += count;
                }
                for row_group in done.row_groups {
                    documents.append(row_group)?;
                }
                for batch in done.quarantine {
                    quarantine.append(&batch)?;
                }
                progress.written(counts.documents, counts.kinds.values().sum());
                // Without a reader there is nobody to be permitted anything.
                let _ = permit.send(());
            }
        }
        drop(stop);
        match reader.join() {
            Ok(Ok((learned, unknown_files))) => {
                counts.inputs = learned;
                counts.unknown_files = unknown_files;
                Ok(())
            }
            Ok(Err(Stop::Error(error))) => Err(error),
            Ok(Err(Stop::Gone)) => Ok(()),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })?;
    counts.bytes = bytes.into_inner();
    Ok((counts, documents.finish()?, quarantine.finish()?))
}

/// Parses and encodes a chunk; nothing where the run was stopped.
fn process(
    number: usize,
    work: &Work,
    options: &IngestOptions,
    turns: &Turns,
) -> Option<Result<Done>> {
    let parsed = work.parse(0, options, None);
    let placed = turns.take(number, |parts| {
        let mut done = Done::default();
        let (mut parsed, mut from) = (parsed?, 0);
        loop {
            let (placed, part) = place(parsed, from, work, options, parts)?;
            let Some(next) = placed.next else {
                return Ok((done, placed, part));
            };
            // All parts but the last are encoded in the chunk's turn, so that one at a time is in memory.
            done.add(placed, part)?;
            from = next;
            parsed = work.parse(from, options, None)?;
        }
    })?;
    let done = |(mut done, parsed, part): (Done, Parsed, Option<Arc<Part>>)| {
        done.add(parsed, part)?;
        Ok(done)
    };
    Some(placed.and_then(done))
}

/// The file that what was parsed goes to, if there are documents in it. It is parsed again in its turn where it brings too
/// many columns, since what follows depends on those that are left.
fn place(
    parsed: Parsed,
    from: usize,
    work: &Work,
    options: &IngestOptions,
    parts: &mut Parts,
) -> Result<(Parsed, Option<Arc<Part>>)> {
    if parsed.rows == 0 {
        return Ok((parsed, None));
    }
    match parts.place(&parsed.schema(), work.weight())? {
        Placed::In(part) => Ok((parsed, Some(part))),
        Placed::Full(allowed) => {
            let parsed = work.parse(from, options, Some(&allowed))?;
            match parts.place(&parsed.schema(), work.weight())? {
                Placed::In(part) => {
                    let part = Some(part).filter(|_| parsed.rows > 0);
                    Ok((parsed, part))
                }
                Placed::Full(_) => unreachable!("only allowed columns are left"),
            }
        }
    }
}

/// Lets chunks pass one by one, in the order of their numbers.
#[derive(Debug)]
struct Turns {
    state: Mutex<(usize, Parts)>,
    changed: Condvar,
    stopped: AtomicBool,
}

impl Turns {
    fn new(parts: Parts) -> Self {
        Self {
            state: Mutex::new((0, parts)),
            changed: Condvar::new(),
            stopped: AtomicBool::new(false),
        }
    }

    /// Waits until all chunks before this one have passed; nothing where the run was stopped meanwhile.
    fn take<T>(&self, number: usize, pass: impl FnOnce(&mut Parts) -> T) -> Option<T> {
        let mut state = lock(&self.state);
        while state.0 != number && !self.stopped.load(Ordering::Relaxed) {
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        if state.0 != number {
            return None;
        }
        let passed = pass(&mut state.1);
        state.0 += 1;
        self.changed.notify_all();
        Some(passed)
    }

    fn stop(&self) {
        // Under the lock, so that nobody falls asleep between looking and waiting.
        let _state = lock(&self.state);
        self.stopped.store(true, Ordering::Relaxed);
        self.changed.notify_all();
    }
}

/// A thread that panicked leaves nothing half-done behind these locks.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

struct StopOnDrop<'a>(&'a Turns);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.stop();
    }
}

struct StopOnPanic<'a>(&'a Turns);

impl Drop for StopOnPanic<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.stop();
        }
    }
}
