//! The thread that reads: an input becomes a stream of what its name and its bytes say, is cut into records, and these go
//! to the workers in chunks.
//!
//! Archives are `archive.rs`; what becomes of chunks, and when another may be sent, is `pipeline.rs`.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender};

use arrow::array::RecordBatch;

use super::chunk::{Chunk, Layout};
use super::csv::{CsvScan, Header};
use super::decompress::{Measure, Stream, decompress, is_plain};
use super::encoding::{self, Encoding};
use super::input::{Form, Input, InputFormat, Origin};
use super::json_values::JsonScan;
use super::mbox::MboxScan;
use super::parquet_input::{self, Rows};
use super::pipeline::{Learned, Work};
use super::quarantine::{Fault, Kind};
use super::split::{Piece, Splitter, split, split_whole};
use super::stamp::{Stamping, read_small};
use super::text::{Body, Text};
use super::warc_scan::WarcScan;
use super::{DocumentUnit, IngestOptions, Progress};
use crate::error::Error;
use crate::store::Stamp;

/// Why the reader stopped early.
pub(crate) enum Stop {
    Error(Error),
    /// Nobody wants more.
    Gone,
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

pub(crate) struct Reader<'a> {
    pub(crate) options: &'a IngestOptions,
    pub(crate) progress: &'a dyn Progress,
    pub(crate) permits: Receiver<()>,
    pub(crate) to_workers: SyncSender<(usize, Work)>,
    pub(crate) next: usize,
    pub(crate) chunk: Chunk,
    pub(crate) bytes: &'a AtomicU64,
    /// How long what is in the present input may become.
    pub(crate) measure: Measure,
    /// Files in archives whose names tell no format.
    pub(crate) unknown_files: u64,
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

    pub(crate) fn flush(&mut self) -> Result<(), Stop> {
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

    /// As [`Reader::read`] for a file of which these are all bytes.
    fn read_small(&mut self, input: Input, bytes: Vec<u8>) -> Result<Option<&'static str>, Stop> {
        let source: Arc<str> = input.source.into();
        let length = bytes.len() as u64;
        self.progress.source(&source);
        self.progress.advance(length);
        self.measure.read(length);
        let Origin::File { compression, .. } = input.origin else {
            return Ok(None);
        };
        let format = input.format;
        let plain = compression.is_none() && is_plain(&bytes) && !format.is_archive();
        // What is longer than a record may be is cut as it is read.
        let plain = plain && bytes.len() <= self.options.max_record_bytes;
        let tells = tells_encodings(format);
        if !plain || !(tells || encoding::is_all_utf8(&bytes, self.options.encoding)) {
            let form = Form {
                format,
                compression,
            };
            return self.read_stream(&source, form, Box::new(io::Cursor::new(bytes)), 0);
        }
        self.bytes.fetch_add(length, Ordering::Relaxed);
        let found = Cell::new(Some(Encoding::UTF_8));
        let text = Text {
            stream: Body::Whole(bytes),
            found: &found,
        };
        if tells {
            return self.read_telling(&source, format, text).map(|()| None);
        }
        self.read_text(&source, format, text)?;
        Ok(Some(Encoding::UTF_8.name()))
    }

    /// Reads an input, and says what it was like, where it is a file or an object.
    pub(crate) fn read(&mut self, input: Input) -> Result<Learned, Stop> {
        self.measure = Measure::new(self.options.max_expansion);
        if let Some((bytes, stamp)) = small(&input) {
            return Ok(Learned {
                encoding: self.read_small(input, bytes)?,
                stamp: Some(stamp),
                ..Learned::default()
            });
        }
        let source: Arc<str> = input.source.as_str().into();
        self.progress.source(&source);
        let format = input.format;
        match input.origin {
            Origin::Stream(stream) => {
                let form = Form {
                    format,
                    compression: None,
                };
                let encoding = self.read_counted(&source, form, stream)?;
                Ok(Learned {
                    encoding,
                    ..Learned::default()
                })
            }
            Origin::File {
                path, compression, ..
            } => {
                let file = match File::open(&path) {
                    Ok(file) => file,
                    // It may be there, or be ours to read, the next time.
                    Err(error) => {
                        let why = format!("it cannot be opened: {error}");
                        self.refuse(&source, 1, Some(0), why)?;
                        return Ok(Learned {
                            unfinished: true,
                            ..Learned::default()
                        });
                    }
                };
                let stamping = Stamping::begin(&path).ok().flatten();
                let form = Form {
                    format,
                    compression,
                };
                let encoding = self.read_file(&source, file, form, stamping.as_ref())?;
                // A file that has gone since was read all the same.
                let stamp = stamping.map(Stamping::end).transpose();
                Ok(Learned {
                    encoding,
                    unfinished: stamp.is_err(),
                    stamp: stamp.unwrap_or_default(),
                })
            }
            Origin::Object {
                object,
                compression,
            } => {
                let form = Form {
                    format,
                    compression,
                };
                self.read_object(&source, form, &object)
            }
        }
    }

    /// The name of the file's encoding, if it has one.
    fn read_file(
        &mut self,
        source: &Arc<str>,
        file: File,
        form: Form,
        stamping: Option<&Stamping>,
    ) -> Result<Option<&'static str>, Stop> {
        // What is read from its end is read as it lies there, unless it is a pipe.
        if form.compression.is_none()
            && matches!(form.format, InputFormat::Parquet | InputFormat::Zip)
            && let metadata = file.metadata().map_err(Error::io(source.as_ref()))?
            && metadata.is_file()
        {
            let size = metadata.len();
            self.measure.read(size);
            if form.format == InputFormat::Parquet {
                self.read_parquet(source, file)?;
            } else {
                self.read_zip(source, file, 0)?;
            }
            self.progress.advance(size);
            return Ok(None);
        }
        let stream: Stream<'_> = match stamping {
            Some(stamping) => Box::new(stamping.watch(file)),
            None => Box::new(file),
        };
        self.read_counted(source, form, stream)
    }

    /// As [`Reader::read_stream`], counting the bytes for those who look on.
    pub(crate) fn read_counted(
        &mut self,
        source: &Arc<str>,
        form: Form,
        stream: Stream<'_>,
    ) -> Result<Option<&'static str>, Stop> {
        let progress = self.progress;
        let measure = self.measure.clone();
        let stream = Counted {
            stream,
            count: |n| {
                progress.advance(n);
                measure.read(n);
            },
        };
        self.read_stream(source, form, Box::new(stream), 0)
    }

    /// The name of the stream's encoding, if it has one; `depth` is that of the archives around it.
    pub(crate) fn read_stream(
        &mut self,
        source: &Arc<str>,
        form: Form,
        stream: Stream<'_>,
        depth: usize,
    ) -> Result<Option<&'static str>, Stop> {
        let stream = decompress(stream, form.compression, &self.measure)
            .map_err(Error::io(source.as_ref()))?;
        // The files in an archive are counted one by one.
        if form.format == InputFormat::Tar {
            return self.read_tar(source, stream, depth).map(|()| None);
        }
        if form.format == InputFormat::Zip {
            let file = self.spool(source, stream)?;
            return match file {
                Some(file) => self.read_zip(source, file, depth).map(|()| None),
                None => Ok(None),
            };
        }
        // Its decoded columns are.
        if form.format == InputFormat::Parquet {
            let file = self.spool(source, stream)?;
            return match file {
                Some(file) => self.read_parquet(source, file).map(|()| None),
                None => Ok(None),
            };
        }
        let bytes = self.bytes;
        let stream = Counted {
            stream,
            count: move |n| {
                bytes.fetch_add(n, Ordering::Relaxed);
            },
        };
        let found = Cell::new(None);
        if tells_encodings(form.format) {
            let text = Text {
                stream: Body::Stream(Box::new(stream)),
                found: &found,
            };
            return self.read_telling(source, form.format, text).map(|()| None);
        }
        let text = Text {
            stream: Body::Stream(encoding::open(stream, self.options.encoding, &found)),
            found: &found,
        };
        self.read_text(source, form.format, text)?;
        Ok(Some(found.get().unwrap_or(Encoding::UTF_8).name()))
    }

    /// Reads what [tells its encodings](tells_encodings).
    fn read_telling(
        &mut self,
        source: &Arc<str>,
        format: InputFormat,
        text: Text<'_>,
    ) -> Result<(), Stop> {
        let (splitter, layout) = match format {
            InputFormat::Mbox => (Splitter::Mbox(MboxScan::default()), Layout::Mail),
            InputFormat::Warc => (Splitter::Warc(WarcScan::new()), Layout::Warc),
            _ => (Splitter::Whole, Layout::Mail),
        };
        self.read_records(source, text, splitter, layout)
    }

    fn read_text(
        &mut self,
        source: &Arc<str>,
        format: InputFormat,
        text: Text<'_>,
    ) -> Result<(), Stop> {
        let (splitter, layout) = match format {
            InputFormat::Jsonl => (Splitter::Lines, Layout::Json),
            InputFormat::Html => (Splitter::Whole, Layout::Html),
            InputFormat::Text => {
                let splitter = match self.options.document {
                    DocumentUnit::Line => Splitter::Lines,
                    DocumentUnit::Paragraph => Splitter::paragraphs(),
                    DocumentUnit::File => Splitter::Whole,
                };
                (splitter, Layout::Text)
            }
            _ if !text.encoding().can_be_cut() => {
                let why = format!("{} can be read line by line only", text.encoding().name());
                return self.refuse(source, 0, Some(0), why);
            }
            InputFormat::Json => {
                let splitter = Splitter::Json(JsonScan::new());
                (splitter, Layout::Json)
            }
            InputFormat::Tsv => {
                let delimiter = self.options.delimiter.or(Some(b'\t'));
                return self.read_csv(source, text, delimiter);
            }
            _ => return self.read_csv(source, text, self.options.delimiter),
        };
        self.read_records(source, text, splitter, layout)
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
        let mut layout = None;
        self.split(
            text,
            Splitter::Csv(CsvScan::new(dialect)),
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
        let leads = || encoding().leads();
        let emit = |piece: Piece<'_>| match each(self, encoding(), piece) {
            Ok(()) => ControlFlow::Continue(()),
            Err(why) => {
                stop = Some(why);
                ControlFlow::Break(())
            }
        };
        let _ = match stream {
            Body::Stream(stream) => split(stream, splitter, limit, measure, leads, emit),
            Body::Whole(text) => split_whole(text, splitter, limit, measure, emit),
        };
        stop.map_or(Ok(()), Err)
    }

    /// What is read from its end goes to a nameless file first, for a stream has none; nothing where it breaks off.
    fn spool(&mut self, source: &Arc<str>, mut stream: impl Read) -> Result<Option<File>, Stop> {
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
                    return self.refuse(source, 1, Some(at), why).map(|()| None);
                }
            }
        }
        file.rewind().map_err(Error::io(&path))?;
        Ok(Some(file))
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
    pub(crate) fn refuse(
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

/// A file that is no longer than this is read in one go.
const SMALL: u64 = 64 << 10;

/// All bytes of the input and its stamp, where it is a small file that is not read from its end.
fn small(input: &Input) -> Option<(Vec<u8>, Stamp)> {
    match &input.origin {
        Origin::File {
            path,
            compression,
            size,
            // What is no file, such as a named pipe, has no size, and may be opened once only.
        } if (1..=SMALL).contains(size)
            && (compression.is_some()
                || !matches!(input.format, InputFormat::Parquet | InputFormat::Zip)) =>
        {
            read_small(path, SMALL)
        }
        _ => None,
    }
}

/// Whether each of its records tells the encodings that its parts are in.
fn tells_encodings(format: InputFormat) -> bool {
    matches!(
        format,
        InputFormat::Eml | InputFormat::Mbox | InputFormat::Warc
    )
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

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_named_pipe_is_not_opened_for_a_first_look() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pipe.jsonl");
        let made = std::process::Command::new("mkfifo").arg(&path).status();
        assert!(made.unwrap().success());
        let origin = Origin::File {
            size: path.metadata().unwrap().len(),
            path,
            compression: None,
        };
        let input = Input {
            source: "pipe.jsonl".into(),
            identity: None,
            format: InputFormat::Jsonl,
            origin,
        };
        let (done, ended) = std::sync::mpsc::channel();
        std::thread::spawn(move || done.send(small(&input).is_none()));
        let ended = ended.recv_timeout(std::time::Duration::from_secs(20));
        assert!(ended.expect("it waits for a writer"));
    }
}
