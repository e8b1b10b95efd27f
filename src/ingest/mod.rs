//! Raw text → documents in a store's Parquet.
//!
//! Inputs are found (`input.rs`; in object stores `object.rs`), decompressed (`decompress.rs`), cut into whole records with exact offsets
//! (`split.rs`, `csv.rs`, `json_values.rs`, `mbox.rs`, `warc_scan.rs`; archives file by file, `archive.rs`), gathered into chunks (`chunk.rs`),
//! decoded (`encoding.rs`, `utf16.rs`), parsed (`json.rs`, `path.rs`, `mail.rs`, `html.rs`, `documents.rs`, `columns.rs`,
//! `content_hash.rs`, `time.rs`, `parquet_input.rs`) and written (`writer.rs`) by a few threads (`pipeline.rs`, `reader.rs`), all
//! or nothing (`store/commit.rs`); `known.rs` and `stamp.rs` tell what was ingested before. Nothing here looks for entities or
//! runs queries.
//!
//! # What becomes of a record
//! It is a row of `documents` or a row of `quarantine`, never both and never neither.
//!
//! * `doc_id` is `<source>#<record number>`. The source is the path as given, or as joined from the folder given; the
//!   absolute path where another file has that name in the store already, with `\xFF` for a byte that is no UTF-8;
//!   the URL of an object, without user and query; `stdin-<run>` for standard input, and so with the path of a pipe. Lines are
//!   counted with blank ones, so that `sed -n 7p` shows the record `#7`; CSV records without the header; paragraphs
//!   and Parquet rows by themselves.
//! * `text` is the field called `text` ([`IngestOptions::text`] names another), a string; an empty string is a text.
//!   In plain text blank lines and blank paragraphs are no documents.
//! * `ts` is the field called `ts` ([`IngestOptions::time`] names another), which is not kept a second time: RFC 3339,
//!   `2026-11-22 08:30` (UTC unless it says otherwise), `2026/11/22`, `20261122`, `20261122T083000Z`, `20261122083000` (also
//!   with milliseconds), RFC 2822, `Sun Nov 22 08:30:00 +0800 2026`, or an epoch number whose magnitude
//!   tells seconds from milli-, micro- and nanoseconds. Twelve digits that may be a minute (`202611220830`) or
//!   milliseconds of 1976 are taken for neither. Where it cannot be read, `ts` is NULL and the original is kept
//!   in `orig_<name>`.
//! * `content_hash` is half of the text's SHA-256, see `store::document_schema`.
//! * Every other field is a column of its own: JSON's booleans, whole numbers, numbers and strings as such, objects
//!   and arrays as JSON text, whole numbers beyond 64 bits as strings; CSV's fields as strings; Parquet's columns with
//!   their types, nested ones as JSON text, bytes as text or, where they are no UTF-8, as hexadecimal digits. Where records disagree on a type, `store::widen` tells the type of both.
//!   In JSON the text and the time may lie inside of other fields (`body.content`); what else these hold is kept.
//!   A field called `doc_id`, `source`, `ts`, `text` or `content_hash` that has not that role is kept as `orig_<name>`. Of a name that
//!   is in a record twice the last counts. The documents of one ingest have at most 1,000 such columns: a record that
//!   would make more goes to quarantine.
//! * A letter (`.eml`, `.mbox`) has its body for its text, `Date` for its time, `from`, `to`, `cc`, `bcc`, `reply_to`, `subject`,
//!   `message_id`, `in_reply_to` and `references` as columns, all its headers in `headers` and the names of what is attached
//!   in `attachments`, as JSON. A page (`.html`) has its text and its `title`.
//! * Of a WARC (`.warc`, WET files included) pages and plain text are documents, each with `url`, `title`, `http_status`,
//!   `content_type`, `warc_type` and `record_id` as columns, `WARC-Date` for its time, and all headers in `headers` and
//!   `http_headers`, as JSON; chunks and compression (gzip, deflate, zstd) of answers are undone, and one that was packed
//!   otherwise is refused, as is one that becomes longer than a record may be. Other records are counted.
//! * A file in a tar or a zip is a source of its own, `archive.zip/path/in/it.jsonl`; the second of one name is called
//!   `it.jsonl (2)`. A file with holes in the PAX format of tar is refused.
//! * Text is UTF-8 after ingest, whatever it was before: a file's encoding is told by its byte order mark, by
//!   [`IngestOptions::encoding`], or by its own bytes, once, and the run's record says which. A record with bytes that
//!   the encoding does not have, or one in UTF-8 where the file was taken for something else, is refused; with
//!   [`BadBytes::Replace`] the bytes are replaced and the document is counted. NUL is a character like any other.
//! * Refused are records that are not valid JSON, CSV or text, have no text, or are longer than
//!   [`IngestOptions::max_record_bytes`]. A CSV record whose quotes do not close costs its first line, no more; a JSON
//!   value whose brackets do not close, what comes before the next line that begins with `{`. A WARC record whose length is
//!   wrong costs what comes before the next; one over the limit ends where another begins in it at the latest, and so
//!   becomes several where it is a web archive in a web archive.
//!   An input whose compression is broken costs what comes after the break; a Parquet file, what comes after the
//!   first row that cannot be decoded.

mod ahead;
mod archive;
mod chunk;
mod columns;
pub(crate) mod content_hash;
mod csv;
mod csv_dialect;
pub(crate) mod decompress;
mod documents;
mod encoding;
#[doc(hidden)]
pub mod fuzz;
mod glob;
mod html;
mod input;
mod json;
mod json_values;
mod known;
mod mail;
mod mail_headers;
mod mbox;
mod object;
pub(crate) mod parquet_input;
mod path;
mod pipeline;
mod quarantine;
mod reader;
mod shape;
mod split;
mod stamp;
mod text;
mod time;
mod utf16;
mod warc;
mod warc_scan;
pub(crate) mod writer;
mod zip_members;

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::Path;
use std::str::FromStr;

use crate::error::{Error, Result};
use crate::store::rewrite::without_sources;
use crate::store::{Kind, Record, RecordedFiles, RecordedSource, Run, Store};
pub use csv_dialect::parse_character;
use documents::Roles;
pub use encoding::{BadBytes, InputEncoding};
pub use input::InputFormat;
use input::{Input, Inputs, Origin};
use known::Sorted;
pub use writer::Codec;
use writer::{PartWriter, QuarantineWriter};

/// More than one reader can feed.
const MAX_THREADS: usize = 8;

/// What a document is in plain text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DocumentUnit {
    /// Each line that is not blank.
    #[default]
    Line,
    /// Lines up to a blank one.
    Paragraph,
    /// The whole file, which must not be longer than [`IngestOptions::max_record_bytes`].
    File,
}

impl FromStr for DocumentUnit {
    type Err = String;

    fn from_str(name: &str) -> std::result::Result<Self, String> {
        match name {
            "line" => Ok(Self::Line),
            "paragraph" => Ok(Self::Paragraph),
            "file" => Ok(Self::File),
            _ => Err(format!(
                "{name:?} is no document: it is line, paragraph or file"
            )),
        }
    }
}

/// What to do with a file that was ingested before and has changed since, or would become other documents with the
/// options of now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Changed {
    /// Its documents stay what they are; it is counted and told.
    #[default]
    Keep,
    /// It is read anew, and its documents and quarantined records take the place of the earlier ones.
    Replace,
}

impl FromStr for Changed {
    type Err = String;

    fn from_str(name: &str) -> std::result::Result<Self, String> {
        match name {
            "keep" => Ok(Self::Keep),
            "replace" => Ok(Self::Replace),
            _ => Err(format!(
                "{name:?} is nothing to do with changed files: it is keep or replace"
            )),
        }
    }
}

/// How to ingest.
#[derive(Debug, Clone)]
pub struct IngestOptions {
    /// The field that is the text; in JSON also one inside of others, by its path: `body.content`.
    pub text: String,
    /// The field that is the time; in JSON also a path.
    pub time: String,
    /// What a document is in plain text.
    pub document: DocumentUnit,
    /// The inputs' format, where their names do not tell it.
    pub format: Option<InputFormat>,
    /// Whether the text is HTML, of which what a reader sees is kept; letters and pages need no saying.
    pub html: bool,
    /// What parts the fields of CSV, an ASCII character; told by each file's first records where it is not set.
    pub delimiter: Option<u8>,
    /// What quotes the fields of CSV and TSV, as [`delimiter`](Self::delimiter).
    pub quote: Option<u8>,
    /// The inputs' encoding; that of Parquet is its own.
    pub encoding: InputEncoding,
    /// What becomes of a record with bytes that its encoding does not have.
    pub bad_bytes: BadBytes,
    /// How the store's pages are compressed.
    pub codec: Codec,
    /// A compressed input that becomes more than so many times as long is given up, what was read of it before stands; so is
    /// what is in an archive once all of that does. 64 MiB may come out of any.
    pub max_expansion: u64,
    /// Longer records go to quarantine.
    pub max_record_bytes: usize,
    /// So much input makes a row group, about.
    pub row_group_bytes: usize,
    /// What to do with files that have changed since they were ingested, or were ingested with other options.
    pub changed: Changed,
    /// Threads that parse and encode; the number of cores, but no more than 8, where it is not set.
    pub threads: Option<NonZeroUsize>,
}

impl Default for IngestOptions {
    fn default() -> Self {
        Self {
            text: "text".to_string(),
            time: "ts".to_string(),
            document: DocumentUnit::default(),
            format: None,
            html: false,
            delimiter: None,
            quote: None,
            encoding: InputEncoding::default(),
            bad_bytes: BadBytes::default(),
            codec: Codec::default(),
            max_expansion: decompress::EXPANSION,
            max_record_bytes: 16 << 20,
            row_group_bytes: 8 << 20,
            changed: Changed::default(),
            threads: None,
        }
    }
}

impl IngestOptions {
    fn roles(&self) -> Roles {
        Roles {
            text: self.text.clone(),
            time: self.time.clone(),
            html: self.html,
        }
    }

    fn threads(&self) -> usize {
        let cores = || {
            std::thread::available_parallelism()
                .map_or(1, NonZeroUsize::get)
                .min(MAX_THREADS)
        };
        self.threads.map_or_else(cores, NonZeroUsize::get)
    }

    fn check(&self) -> Result<()> {
        if self.text == self.time {
            return Err(Error::Usage(format!(
                "{:?} cannot be both the text and the time",
                self.text
            )));
        }
        if self.max_record_bytes == 0 || self.row_group_bytes == 0 || self.max_expansion == 0 {
            return Err(Error::Usage(
                "the sizes of records and row groups, and the expansion, must be above 0".into(),
            ));
        }
        for mark in [self.delimiter, self.quote].into_iter().flatten() {
            parse_character(char::from(mark).encode_utf8(&mut [0; 2])).map_err(Error::Usage)?;
        }
        if self.delimiter.is_some() && self.delimiter == self.quote {
            return Err(Error::Usage("the delimiter cannot be the quote".into()));
        }
        Ok(())
    }
}

/// Told how an ingest goes on, from the thread that reads where nothing else is said.
pub trait Progress: Sync {
    /// The bytes of all files and objects to be read, before the first is; a stream adds none.
    fn start(&self, _bytes: u64) {}
    /// The next input.
    fn source(&self, _source: &str) {}
    /// So many more bytes were read, before decompression.
    fn advance(&self, _bytes: u64) {}
    /// So many documents and records in quarantine were written so far; from the thread that called.
    fn written(&self, _documents: u64, _quarantined: u64) {}
    /// Asked now and then; true ends the ingest with [`Error::Interrupted`].
    fn cancelled(&self) -> bool {
        false
    }
}

/// Tells nobody.
impl Progress for () {}

/// What an ingest did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// The run's name, with which its files begin; none where there was nothing new to ingest.
    pub run: Option<String>,
    /// Rows added to `documents`.
    pub documents: u64,
    /// Rows added to `quarantine`.
    pub quarantined: u64,
    /// Quarantined records by kind, the most frequent first.
    pub reasons: Vec<(String, u64)>,
    /// Documents whose time could not be read.
    pub unread_times: u64,
    /// Documents in which U+FFFD stands for bytes that their encoding does not have.
    pub replaced: u64,
    /// Bytes of input after decompression; for Parquet, of its decoded columns.
    pub bytes: u64,
    /// Inputs read.
    pub sources: u64,
    /// Inputs left out because an earlier ingest has read them.
    pub skipped_sources: u64,
    /// Inputs left as an earlier ingest has read them, though they have changed since, or were read with other options.
    pub changed_sources: u64,
    /// Inputs, among those read, whose earlier documents were replaced.
    pub replaced_sources: u64,
    /// Files in folders, globs and archives left out because nothing tells their format.
    pub unknown_files: u64,
    /// Links in folders and globs left out because they lead to nothing.
    pub broken_links: u64,
    /// Records of WARC files left out because they carry no text: requests, metadata, images.
    pub other_records: u64,
    /// Inputs, among those read, whose store failed before their end: the next ingest of them reads them anew.
    pub unfinished_sources: u64,
}

/// Reads files, folders, globs, URLs and `-` (standard input) into the store, which is made if need be.
///
/// Blocks until all is done, with threads of its own. All of it appears in the store, or on an error nothing. Files
/// that were ingested before are skipped (known by their absolute path), so that doing it twice adds nothing; those that
/// have changed since, or were ingested with other options (of those that make documents what they are), are kept or
/// replaced, as [`IngestOptions::changed`] says.
///
/// A URL names an object (`s3://bucket/day/posts.jsonl.gz`), all objects below a prefix (`s3://bucket/day/`), or those that a
/// glob matches (`s3://bucket/*/posts-*.csv`); also with `gs://`, `az://` and `abfs://`. Credentials and endpoints are those of
/// the environment (`AWS_*`, `GOOGLE_*`, `AZURE_*`, as the crate object_store names them). `https://` and `http://` name one
/// object. Objects are known by their URL and have changed when their ETag, or else their time of modification, is another.
/// Where a store fails while an object is read, what was read of it stands, a row of quarantine says the rest, other inputs
/// go on, and the next ingest reads that object anew.
///
/// ```
/// # use spanql::ingest::{IngestOptions, ingest};
/// let dir = tempfile::tempdir()?;
/// let input = dir.path().join("posts.jsonl");
/// std::fs::write(&input, "{\"text\": \"write to user@example.com\"}\n{\"text\": 7}\n")?;
/// let summary = ingest(&[input.display().to_string()], &dir.path().join("store"), &IngestOptions::default(), &())?;
/// assert_eq!((summary.documents, summary.quarantined), (1, 1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`Error::Usage`] and [`Error::Io`] where an input does not exist, cannot be opened, reached or told, before anything is
/// written; [`Error::Busy`] while another process writes to the store; [`Error::Io`] where writing fails. Bad records
/// are no errors: they are counted in [`Summary::quarantined`].
pub fn ingest(
    paths: &[String],
    store: &Path,
    options: &IngestOptions,
    progress: &dyn Progress,
) -> Result<Summary> {
    options.check()?;
    let found = Inputs::find(paths, store, options, progress)?;
    ingest_inputs(found, store, options, progress)
}

fn ingest_inputs(
    found: Inputs,
    store: &Path,
    options: &IngestOptions,
    progress: &dyn Progress,
) -> Result<Summary> {
    let run = Run::begin(Store::create(store)?)?;
    let (unknown_files, broken_links) = (found.unknown_files, found.broken_links);
    let Sorted {
        inputs,
        replaced,
        whole,
        skipped,
        changed,
    } = known::sort(found.inputs, &run, options, progress)?;
    if inputs.is_empty() {
        return Ok(Summary {
            skipped_sources: skipped,
            changed_sources: changed,
            unknown_files,
            broken_links,
            ..Summary::default()
        });
    }
    let size = |input: &Input| match input.origin {
        Origin::File { size, .. } => size,
        Origin::Object { ref object, .. } => object.size,
        Origin::Stream(_) => 0,
    };
    progress.start(inputs.iter().map(size).sum());
    let mut sources: Vec<RecordedSource> = inputs
        .iter()
        .map(|input| RecordedSource {
            source: input.source.clone(),
            path: input.identity.clone(),
            encoding: None,
            stamp: None,
            options: Some(options.shape(input.format)),
            unfinished: false,
        })
        .collect();
    let documents = PartWriter::new(run.documents(), &run.id);
    let quarantine = QuarantineWriter::new(&run.quarantine(), &run.id);
    let (counts, documents, quarantine) =
        pipeline::run(inputs, options, progress, documents, quarantine)?;
    for (source, learned) in sources.iter_mut().zip(counts.inputs) {
        source.encoding = learned.encoding.map(str::to_string);
        source.stamp = learned.stamp;
        source.unfinished = learned.unfinished;
    }
    // What could be read of it must not take the place of all of it.
    if let Some(lost) = sources
        .iter()
        .find(|s| s.unfinished && whole.contains(&s.source))
    {
        return Err(Error::io(&lost.source)(std::io::Error::other(
            "it has changed and could not be read to its end, but the store has all of what it was: nothing was ingested \
             (ingest again later, without it, or with --changed keep)",
        )));
    }
    let mut files = RecordedFiles {
        documents,
        quarantine,
        dropped: Vec::new(),
    };
    let outdated = without_sources(&run, &replaced, &mut files)?;

    let reasons: BTreeMap<String, u64> = counts
        .kinds
        .iter()
        .map(|(kind, count)| (kind.words().to_string(), *count))
        .collect();
    let mut by_count: Vec<(String, u64)> = reasons.clone().into_iter().collect();
    by_count.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let summary = Summary {
        run: Some(run.id.clone()),
        documents: counts.documents,
        quarantined: counts.kinds.values().sum(),
        reasons: by_count,
        unread_times: counts.unread_times,
        replaced: counts.replaced,
        bytes: counts.bytes,
        sources: sources.len() as u64,
        skipped_sources: skipped,
        changed_sources: changed,
        replaced_sources: replaced.len() as u64,
        unknown_files: unknown_files + counts.unknown_files,
        broken_links,
        other_records: counts.other_records,
        unfinished_sources: sources.iter().filter(|source| source.unfinished).count() as u64,
    };
    let record = Record {
        run: run.id.clone(),
        kind: Kind::Ingest,
        version: env!("CARGO_PKG_VERSION").to_string(),
        finished: chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
        documents: summary.documents,
        quarantined: summary.quarantined,
        replaced: summary.replaced,
        reasons,
        bytes: summary.bytes,
        sources,
        files,
    };
    run.commit(&record, &outdated)?;
    Ok(summary)
}
