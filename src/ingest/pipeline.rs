//! One thread reads and cuts, workers parse and encode, the caller's thread writes: in order, in bounded memory.
//!
//! The reader makes chunks and numbers them; a worker parses its chunk, waits for its turn to be told the part file
//! it belongs to (which depends on all the columns before it), encodes it, and the caller's thread appends row groups
//! by number. As many chunks as there are permits are under way at once, whatever is slow. Results do not depend on
//! the number of workers, because nothing but waiting does.

use std::cell::Cell;
use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io::{self, Read, Seek};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use arrow::array::RecordBatch;

use super::ahead::Ahead;
use super::chunk::{Chunk, Layout};
use super::csv::{CsvScan, Header};
use super::csv_dialect::{Dialect, sniff};
use super::decompress::{Stream, decompress};
use super::documents::Parsed;
use super::encoding::{self, Encoding};
use super::input::{Input, InputFormat, Origin};
use super::json_values::JsonScan;
use super::parquet_input::{self, Rows};
use super::quarantine::{Fault, Kind};
use super::split::{Piece, Splitter, split};
use super::stamp::Stamping;
use super::writer::{Part, PartWriter, Parts, Placed, QuarantineWriter, RowGroup};
use super::{DocumentUnit, IngestOptions, Progress};
use crate::error::{Error, Result};
use crate::store::{RecordedFile, Stamp};

/// So much of a CSV file tells its dialect.
const LOOK: usize = 64 << 10;

/// What a run counted.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub documents: u64,
    pub kinds: BTreeMap<Kind, u64>,
    pub unread_times: u64,
    pub replaced: u64,
    /// Decompressed.
    pub bytes: u64,
    /// Of each input, in their order.
    pub inputs: Vec<Learned>,
}

/// What reading an input told of it.
#[derive(Debug)]
pub(crate) struct Learned {
    /// The name of its encoding, if it has one.
    pub encoding: Option<&'static str>,
    /// What its file was like, if it is one.
    pub stamp: Option<Stamp>,
}

/// Work for one worker.
#[derive(Debug)]
enum Work {
    Records(Chunk),
    Rows(Rows, usize),
}

impl Work {
    fn parse(&self, options: &IngestOptions, allowed: Option<&HashSet<String>>) -> Result<Parsed> {
        let roles = options.roles();
        match self {
            Self::Records(chunk) => chunk.parse(&roles, options.bad_bytes, allowed),
            Self::Rows(rows, _) => rows.parse(&roles, allowed, options.max_record_bytes),
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
struct Done {
    rows: usize,
    row_group: Option<RowGroup>,
    quarantine: Option<RecordBatch>,
    kinds: BTreeMap<Kind, u64>,
    unread_times: u64,
    replaced: u64,
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
            };
            let mut learned = Vec::with_capacity(inputs.len());
            for input in inputs {
                learned.push(reader.read_and_stamp(input)?);
            }
            reader.flush().map(|()| learned)
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
                for (kind, count) in done.kinds {
                    *counts.kinds.entry(kind).or_default() += count;
                }
                if let Some(row_group) = done.row_group {
                    documents.append(row_group)?;
                }
                if let Some(batch) = done.quarantine {
                    quarantine.append(&batch)?;
                }
                progress.written(counts.documents, counts.kinds.values().sum());
                // Without a reader there is nobody to be permitted anything.
                let _ = permit.send(());
            }
        }
        drop(stop);
        match reader.join() {
            Ok(Ok(learned)) => {
                counts.inputs = learned;
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
    let parsed = work.parse(options, None);
    let placed = turns.take(number, |parts| {
        let parsed = parsed?;
        if parsed.rows == 0 {
            return Ok((parsed, None));
        }
        match parts.place(&parsed.schema(), work.weight())? {
            Placed::In(part) => Ok((parsed, Some(part))),
            Placed::Full(allowed) => {
                // Parsed again in its turn, since what follows depends on the columns that are left.
                let parsed = work.parse(options, Some(&allowed))?;
                match parts.place(&parsed.schema(), work.weight())? {
                    Placed::In(part) => Ok((parsed, Some(part))),
                    Placed::Full(_) => unreachable!("only allowed columns are left"),
                }
            }
        }
    })?;
    let done = |(parsed, part): (Parsed, Option<Arc<Part>>)| {
        let part = part.filter(|_| parsed.rows > 0);
        let row_group = part.map(|part| part.encode(&parsed)).transpose()?;
        Ok(Done {
            rows: parsed.rows,
            row_group,
            quarantine: parsed.quarantine,
            kinds: parsed.kinds,
            unread_times: parsed.unread_times,
            replaced: parsed.replaced,
        })
    };
    Some(placed.and_then(done))
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

/// Why the reader stopped early.
enum Stop {
    Error(Error),
    /// Nobody wants more.
    Gone,
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

struct Reader<'a> {
    options: &'a IngestOptions,
    progress: &'a dyn Progress,
    permits: Receiver<()>,
    to_workers: SyncSender<(usize, Work)>,
    next: usize,
    chunk: Chunk,
    bytes: &'a AtomicU64,
}

impl Reader<'_> {
    fn send(&mut self, work: Work) -> Result<(), Stop> {
        if self.progress.cancelled() {
            return Err(Stop::Error(Error::Interrupted));
        }
        self.permits.recv().map_err(|_| Stop::Gone)?;
        self.to_workers
            .send((self.next, work))
            .map_err(|_| Stop::Gone)?;
        self.next += 1;
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Stop> {
        if self.chunk.is_empty() {
            return Ok(());
        }
        let chunk = std::mem::take(&mut self.chunk);
        self.send(Work::Records(chunk))
    }

    fn push(
        &mut self,
        source: &Arc<str>,
        layout: &Layout,
        encoding: Encoding,
        piece: Piece<'_>,
    ) -> Result<(), Stop> {
        self.chunk.push(source, layout, encoding, piece);
        if self.chunk.weight() >= self.options.row_group_bytes {
            self.flush()
        } else {
            Ok(())
        }
    }

    /// Reads an input, and says what its file was like, where it is one.
    fn read_and_stamp(&mut self, input: Input) -> Result<Learned, Stop> {
        let stamping = match &input.origin {
            // Where it is not there, reading it says so.
            Origin::File { path, .. } => Stamping::begin(path).ok().flatten(),
            Origin::Stream(_) => None,
        };
        let encoding = self.read(input, stamping.as_ref())?;
        // A file that has gone since was read all the same.
        let stamp = stamping.and_then(|stamping| stamping.end().ok());
        Ok(Learned { encoding, stamp })
    }

    /// The name of the input's encoding, if it has one.
    fn read(
        &mut self,
        input: Input,
        stamping: Option<&Stamping>,
    ) -> Result<Option<&'static str>, Stop> {
        let source: Arc<str> = input.source.as_str().into();
        self.progress.source(&source);
        let stream: Stream<'_> = match input.origin {
            Origin::Stream(stream) => Box::new(Counted {
                stream,
                count: |n| self.progress.advance(n),
            }),
            Origin::File {
                path, compression, ..
            } => {
                let file = File::open(&path).map_err(Error::io(&path))?;
                let progress = self.progress;
                if input.format == InputFormat::Parquet && compression.is_none() {
                    let size = file.metadata().map_err(Error::io(&path))?.len();
                    self.read_parquet(&source, file)?;
                    progress.advance(size);
                    return Ok(None);
                }
                let stream: Stream<'_> = match stamping {
                    Some(stamping) => Box::new(stamping.watch(file)),
                    None => Box::new(file),
                };
                let stream = Box::new(Counted {
                    stream,
                    count: move |n| progress.advance(n),
                });
                decompress(stream, compression, self.options.max_expansion)
                    .map_err(Error::io(&path))?
            }
        };
        let bytes = self.bytes;
        let stream = Counted {
            stream,
            count: move |n| {
                bytes.fetch_add(n, Ordering::Relaxed);
            },
        };
        if input.format == InputFormat::Parquet {
            self.spool_parquet(&source, stream)?;
            return Ok(None);
        }
        let found = Cell::new(None);
        let records = !matches!(input.format, InputFormat::Jsonl | InputFormat::Text);
        let stream = encoding::open(stream, self.options.encoding, &found);
        let text = Text {
            stream,
            found: &found,
        };
        if records && !text.encoding().can_be_cut() {
            let name = text.encoding().name();
            let why = format!("{name} can be read line by line only");
            self.refuse(&source, 0, Some(0), why)?;
            return Ok(Some(name));
        }
        match input.format {
            InputFormat::Parquet => Ok(()),
            InputFormat::Jsonl => self.read_records(&source, text, Splitter::Lines, Layout::Json),
            InputFormat::Json => {
                let splitter = Splitter::Json(JsonScan::new(text.encoding().leads()));
                self.read_records(&source, text, splitter, Layout::Json)
            }
            InputFormat::Csv => self.read_csv(&source, text, self.options.delimiter),
            InputFormat::Tsv => {
                let delimiter = self.options.delimiter.or(Some(b'\t'));
                self.read_csv(&source, text, delimiter)
            }
            InputFormat::Text => {
                let splitter = match self.options.document {
                    DocumentUnit::Line => Splitter::Lines,
                    DocumentUnit::Paragraph => Splitter::paragraphs(),
                    DocumentUnit::File => Splitter::Whole,
                };
                self.read_records(&source, text, splitter, Layout::Text)
            }
        }?;
        Ok(Some(found.get().unwrap_or(Encoding::UTF_8).name()))
    }

    fn read_records(
        &mut self,
        source: &Arc<str>,
        text: Text<'_>,
        splitter: Splitter,
        layout: Layout,
    ) -> Result<(), Stop> {
        self.split(text, splitter, |reader, encoding, piece| {
            reader.push(source, &layout, encoding, piece)
        })
    }

    fn read_csv(
        &mut self,
        source: &Arc<str>,
        text: Text<'_>,
        delimiter: Option<u8>,
    ) -> Result<(), Stop> {
        let (text, dialect) = text.dialect(delimiter, self.options.quote);
        let leads = text.encoding().leads();
        let mut layout = None;
        self.split(
            text,
            Splitter::Csv(CsvScan::new(dialect, leads)),
            |reader, encoding, mut piece| {
                // The header is record 0.
                piece.number -= 1;
                if let Some(layout) = &layout {
                    return reader.push(source, layout, encoding, piece);
                }
                let header = match &piece.fault {
                    None => match encoding.decode(piece.bytes, reader.options.bad_bytes) {
                        Ok((names, _)) => Header::parse(&names, dialect),
                        Err(fault) => Header::unreadable(
                            dialect,
                            format!("the header cannot be read: {}", fault.detail),
                        ),
                    },
                    Some(fault) => Header::unreadable(
                        dialect,
                        format!("the header cannot be read: {}", fault.detail),
                    ),
                };
                let unreadable = header.names.as_ref().err().cloned();
                let layout = layout.insert(Layout::Csv(Arc::new(header)));
                if let Some(why) = unreadable {
                    let length = encoding.measure()(piece.bytes);
                    piece
                        .fault
                        .get_or_insert_with(|| Fault::new(Kind::Csv, why, length));
                    reader.push(source, layout, encoding, piece)?;
                }
                Ok(())
            },
        )
    }

    fn split(
        &mut self,
        text: Text<'_>,
        splitter: Splitter,
        mut each: impl FnMut(&mut Self, Encoding, Piece<'_>) -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        let Text { stream, found } = text;
        let encoding = || found.get().unwrap_or(Encoding::UTF_8);
        // UTF-16 is known from the first byte on; in all others a byte is a byte.
        let measure = encoding().measure();
        let limit = self.options.max_record_bytes;
        let mut stop = None;
        let _ = split(stream, splitter, limit, measure, |piece| {
            match each(self, encoding(), piece) {
                Ok(()) => ControlFlow::Continue(()),
                Err(why) => {
                    stop = Some(why);
                    ControlFlow::Break(())
                }
            }
        });
        stop.map_or(Ok(()), Err)
    }

    /// Parquet is read from its end, which a stream does not have: it goes to a nameless file first.
    fn spool_parquet(&mut self, source: &Arc<str>, mut stream: impl Read) -> Result<(), Stop> {
        let path = std::env::temp_dir();
        let mut file = tempfile::tempfile().map_err(Error::io(&path))?;
        let mut block = vec![0; 256 << 10];
        let mut at = 0;
        loop {
            match stream.read(&mut block) {
                Ok(0) => break,
                Ok(read) => {
                    io::Write::write_all(&mut file, &block[..read]).map_err(Error::io(&path))?;
                    at += read as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    let why = format!("at byte {at} of the decompressed input: {error}");
                    return self.refuse(source, 1, Some(at), why);
                }
            }
        }
        file.rewind().map_err(Error::io(&path))?;
        self.read_parquet(source, file)
    }

    fn read_parquet(&mut self, source: &Arc<str>, file: File) -> Result<(), Stop> {
        let reader = match parquet_input::open(file) {
            Ok(reader) => reader,
            Err(why) => return self.refuse(source, 1, None, why),
        };
        let mut first = 1;
        let (mut batches, mut rows, mut weight) = (Vec::new(), 0, 0);
        for batch in reader {
            let batch = match batch {
                Ok(batch) => batch,
                Err(error) => {
                    self.send_rows(source, first, std::mem::take(&mut batches), weight)?;
                    return self.refuse(source, first + rows, None, error.to_string());
                }
            };
            rows += batch.num_rows() as u64;
            weight += parquet_input::weight(&batch);
            batches.push(batch);
            if weight >= self.options.row_group_bytes {
                self.send_rows(source, first, std::mem::take(&mut batches), weight)?;
                first += rows;
                (rows, weight) = (0, 0);
            }
        }
        self.send_rows(source, first, batches, weight)
    }

    fn send_rows(
        &mut self,
        source: &Arc<str>,
        first: u64,
        batches: Vec<RecordBatch>,
        weight: usize,
    ) -> Result<(), Stop> {
        if batches.is_empty() {
            return Ok(());
        }
        self.flush()?;
        self.bytes.fetch_add(weight as u64, Ordering::Relaxed);
        self.send(Work::Rows(
            Rows {
                source: source.clone(),
                first,
                batches,
            },
            weight,
        ))
    }

    /// One row of quarantine for an input that cannot be read on.
    fn refuse(
        &mut self,
        source: &Arc<str>,
        number: u64,
        offset: Option<u64>,
        why: String,
    ) -> Result<(), Stop> {
        let fault = Some(Fault::new(Kind::Stream, why, 0));
        let layout = if offset.is_some() {
            Layout::Text
        } else {
            Layout::Rows
        };
        let piece = Piece {
            bytes: b"",
            number,
            offset: offset.unwrap_or(0),
            fault,
        };
        self.push(source, &layout, Encoding::UTF_8, piece)
    }
}

/// A stream of text, and its encoding as soon as that is known.
struct Text<'a> {
    stream: Box<dyn Read + 'a>,
    found: &'a Cell<Option<Encoding>>,
}

impl<'a> Text<'a> {
    /// So long as nothing else is found it is ASCII, which is UTF-8.
    fn encoding(&self) -> Encoding {
        self.found.get().unwrap_or(Encoding::UTF_8)
    }

    /// The text, whose encoding is known from here on, and its dialect as CSV.
    fn dialect(self, delimiter: Option<u8>, quote: Option<u8>) -> (Self, Dialect) {
        let mut stream = Ahead::new(self.stream);
        let head = stream.look(LOOK).to_vec();
        let text = Self {
            stream: Box::new(stream),
            found: self.found,
        };
        let dialect = sniff(&text.encoding().glimpse(&head), delimiter, quote);
        (text, dialect)
    }
}

/// Tells how many bytes pass.
struct Counted<R, F> {
    stream: R,
    count: F,
}

impl<R: Read, F: Fn(u64)> Read for Counted<R, F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.stream.read(buffer)?;
        (self.count)(read as u64);
        Ok(read)
    }
}
