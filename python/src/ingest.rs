//! `ingest`: keyword arguments as the core's options, its summary as a dictionary, Ctrl-C as its cancellation.

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::sync_channel;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use pyo3::exceptions::{PyRuntimeError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyInt};
use spanql::config::parse_size;
use spanql::ingest::{IngestOptions, Progress, Summary, parse_character};

use crate::error::{to_py, usage};
use crate::progress::Bar;
use crate::wait::receive;

/// How long Ctrl-C waits for an ingest that may be waiting for standard input.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often it looks.
const TICK: Duration = Duration::from_millis(10);

/// A number of bytes, or a size as people write it.
pub fn size(value: &Bound<'_, PyAny>) -> PyResult<usize> {
    if let Ok(words) = value.extract::<String>() {
        return parse_size(&words).map_err(usage);
    }
    // A bool is an int.
    match value.is_instance_of::<PyInt>() && !value.is_instance_of::<PyBool>() {
        true => match value.extract() {
            Ok(bytes) if bytes > 0 => Ok(bytes),
            _ => Err(usage(format!(
                "{value} is no number of bytes: it must be above 0"
            ))),
        },
        false => Err(wrong_type(value, "an int or a str such as \"512MB\"")),
    }
}

/// What came of an option's value, its error with the option's name.
pub fn option<T>(name: &str, value: PyResult<T>) -> PyResult<T> {
    value.map_err(|error| {
        Python::attach(|py| {
            let message = format!("{name}: {}", error.value(py));
            match error.is_instance_of::<PyTypeError>(py) {
                true => PyTypeError::new_err(message),
                false => usage(message),
            }
        })
    })
}

fn wrong_type(value: &Bound<'_, PyAny>, wanted: &str) -> PyErr {
    match value.get_type().name() {
        Ok(name) => PyTypeError::new_err(format!("of type {name}, not {wanted}")),
        Err(error) => error,
    }
}

/// One path or several.
pub struct Paths(Vec<PathBuf>);

impl<'py> FromPyObject<'_, 'py> for Paths {
    type Error = PyErr;

    fn extract(given: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        if let Ok(path) = given.extract() {
            return Ok(Self(vec![path]));
        }
        const WANTED: &str = "a str or os.PathLike";
        let items = match given.is_instance_of::<PyBytes>() {
            true => None,
            false => given.try_iter().ok(),
        };
        let Some(items) = items else {
            let wanted = format!("{WANTED}, or an iterable of them");
            return option("paths", Err(wrong_type(&given, &wanted)));
        };
        let mut paths = Vec::new();
        for (index, item) in items.enumerate() {
            let item = item?;
            let path = item.extract().map_err(|_| wrong_type(&item, WANTED));
            paths.push(option(&format!("paths[{index}]"), path)?);
        }
        Ok(Self(paths))
    }
}

impl Paths {
    fn words(self) -> PyResult<Vec<String>> {
        let word = |path: PathBuf| {
            path.into_os_string()
                .into_string()
                .map_err(|path| usage(format!("{}: the path is not valid Unicode", path.display())))
        };
        self.0.into_iter().map(word).collect()
    }
}

/// Reads raw text into a store, which is made if need be.
///
/// All of it appears in the store, or on an error nothing. Files that were ingested before are skipped. A record that
/// cannot become a document goes to the table ``quarantine`` and is counted. Where an object store fails while an object
/// is read, the others go on, ``unfinished_sources`` counts it, and the next ingest reads it anew.
///
/// Parameters
/// ----------
/// paths : str, os.PathLike or iterable of them
///     Files, folders, globs, URLs, or ``-`` for standard input: JSONL, JSON, CSV, TSV, plain text, Parquet, letters and
///     HTML, also as ``.gz``, ``.zst``, ``.bz2`` and ``.xz``, and in ``.tar`` and ``.zip``. A URL, as a string, names an
///     object, a prefix or a glob in ``s3://``, ``gs://``, ``az://`` or ``abfs://``, with what the environment says of
///     credentials and endpoints (``AWS_*``, ``GOOGLE_*``, ``AZURE_*``); or a file by ``https://`` or ``http://``.
/// store : str or os.PathLike
///     The folder of the store.
/// **options
///     ``text`` and ``time``, the fields that hold them (default ``"text"`` and ``"ts"``); ``document``, what a
///     document is in plain text (``"line"``, ``"paragraph"`` or ``"file"``); ``format``, where names do not tell it;
///     ``html``, whether the text is HTML; ``delimiter`` and ``quote`` of CSV, where its first records do not tell
///     them; ``encoding`` (``"auto"``, or a name) and ``bad_bytes`` (``"quarantine"`` or ``"replace"``); ``codec``
///     (``"zstd"``, ``"zstd:LEVEL"``, ``"lz4"``, ``"snappy"``, ``"none"``); ``max_expansion``, how many times as long a
///     compressed input may become; ``max_record_bytes`` and ``row_group_bytes``, numbers or words such as
///     ``"16MiB"``; ``changed``, whether to ``"keep"`` or ``"replace"`` what was ingested of files that have changed;
///     ``threads``; ``progress``, whether to show a bar (by default where a person is looking: in a notebook, or a
///     terminal).
///
/// Returns
/// -------
/// dict
///     What was done: ``documents``, ``quarantined``, ``reasons``, ``sources``, ``skipped_sources``, ``bytes``, …
///
/// Raises
/// ------
/// TypeError
///     If there is no such option, or its value is of another type.
/// UsageError
///     If an option has no such value, an input is of no known format, or another ingest writes to the store.
/// FileError
///     If something cannot be reached, read or written.
///
/// Examples
/// --------
/// >>> import pathlib
/// >>> import tempfile
/// >>> import spanql
/// >>> with tempfile.TemporaryDirectory() as folder:
/// ...     posts = pathlib.Path(folder, "posts.jsonl")
/// ...     _ = posts.write_text('{"text": "mail bob@example.com"}')
/// ...     store = pathlib.Path(folder, "posts.store")
/// ...     spanql.ingest(posts, store)["documents"]
/// ...     spanql.connect(store).sql("SELECT value FROM entities").to_arrow().to_pylist()
/// 1
/// [{'value': 'bob@example.com'}]
#[pyfunction]
#[pyo3(signature = (paths, store, **options))]
pub fn ingest<'py>(
    py: Python<'py>,
    paths: Paths,
    store: PathBuf,
    options: Option<Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyDict>> {
    let paths = paths.words()?;
    let waits = |path: &str| {
        std::fs::metadata(path).is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir())
    };
    let listens = paths.iter().any(|path| path == "-" || waits(path));
    let (options, progress) = parse(options.as_ref())?;
    let state = Arc::new(State::default());
    let seen = Arc::clone(&state);
    let (answer, mut answers) = sync_channel(1);
    let worker = std::thread::Builder::new()
        .name("spanql-ingest".to_string())
        .spawn(move || {
            // Nobody listens only where this thread is being waited for below.
            let _ = answer.send(spanql::ingest::ingest(
                &paths,
                &store,
                &options,
                seen.as_ref(),
            ));
        })?;
    let mut bar = Bar::new("ingest", "bytes", progress);
    let received = receive(py, &mut answers, &mut |py| bar.show(py, || state.read()));
    // After Ctrl-C the store is left only when nothing of the ingest is left in it.
    state.cancelled.store(true, Ordering::Relaxed);
    let received = match received {
        // But nobody can wake a thread that waits for input. It tidies up when some comes, else whoever ingests next.
        Err(stopped) if listens && !py.detach(|| ends_soon(&worker)) => return Err(stopped),
        received => received,
    };
    let ended = py.detach(|| worker.join());
    match (received?, ended) {
        (Some(summary), Ok(())) => describe(py, &summary.map_err(to_py)?),
        _ => Err(PyRuntimeError::new_err(
            "the ingest stopped without an answer: a panic, reported on stderr",
        )),
    }
}

/// Whether it ends within the time that it takes to see that it is not wanted, if it is at work.
fn ends_soon(worker: &JoinHandle<()>) -> bool {
    let begun = Instant::now();
    while !worker.is_finished() && begun.elapsed() < PATIENCE {
        std::thread::sleep(TICK);
    }
    worker.is_finished()
}

/// How far an ingest is, and whether it is still wanted.
#[derive(Default)]
struct State {
    cancelled: AtomicBool,
    bytes: AtomicU64,
    all: AtomicU64,
}

impl State {
    fn read(&self) -> Option<(u64, Option<u64>)> {
        let all = self.all.load(Ordering::Relaxed);
        // A stream adds nothing: then nobody knows how much there is.
        Some((self.bytes.load(Ordering::Relaxed), (all > 0).then_some(all)))
    }
}

impl Progress for State {
    fn start(&self, bytes: u64) {
        self.all.store(bytes, Ordering::Relaxed);
    }

    fn advance(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    fn cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }
}

/// The core's options, and whether to show a bar.
fn parse(options: Option<&Bound<'_, PyDict>>) -> PyResult<(IngestOptions, Option<bool>)> {
    let mut parsed = IngestOptions::default();
    let mut progress = None;
    for (name, value) in options.into_iter().flatten() {
        let name: String = name.extract()?;
        if !option(&name, set(&mut parsed, &mut progress, &name, &value))? {
            return Err(PyTypeError::new_err(format!(
                "ingest has no option {name:?}: the options are text, time, document, format, html, delimiter, quote, \
                 encoding, bad_bytes, codec, max_expansion, max_record_bytes, row_group_bytes, changed, threads and \
                 progress"
            )));
        }
    }
    Ok((parsed, progress))
}

/// Sets an option; says whether there is one of that name.
fn set(
    parsed: &mut IngestOptions,
    progress: &mut Option<bool>,
    name: &str,
    value: &Bound<'_, PyAny>,
) -> PyResult<bool> {
    match name {
        "text" => parsed.text = text(value)?,
        "time" => parsed.time = text(value)?,
        "document" => parsed.document = word(value)?,
        "format" => parsed.format = Some(word(value)?),
        "html" => parsed.html = yes(value)?,
        "delimiter" => parsed.delimiter = Some(character(value)?),
        "quote" => parsed.quote = Some(character(value)?),
        "encoding" => parsed.encoding = word(value)?,
        "bad_bytes" => parsed.bad_bytes = word(value)?,
        "codec" => parsed.codec = word(value)?,
        "max_expansion" => parsed.max_expansion = value.extract()?,
        "max_record_bytes" => parsed.max_record_bytes = size(value)?,
        "row_group_bytes" => parsed.row_group_bytes = size(value)?,
        "changed" => parsed.changed = word(value)?,
        "threads" => parsed.threads = Some(value.extract()?),
        "progress" if value.is_none() => *progress = None,
        "progress" => *progress = Some(yes(value)?),
        _ => return Ok(false),
    }
    Ok(true)
}

fn text(value: &Bound<'_, PyAny>) -> PyResult<String> {
    value.extract().map_err(|_| wrong_type(value, "a str"))
}

fn yes(value: &Bound<'_, PyAny>) -> PyResult<bool> {
    value.extract().map_err(|_| wrong_type(value, "a bool"))
}

fn word<T: FromStr<Err = String>>(value: &Bound<'_, PyAny>) -> PyResult<T> {
    text(value)?.parse().map_err(usage)
}

fn character(value: &Bound<'_, PyAny>) -> PyResult<u8> {
    parse_character(&text(value)?).map_err(usage)
}

fn describe<'py>(py: Python<'py>, summary: &Summary) -> PyResult<Bound<'py, PyDict>> {
    let reasons = PyDict::new(py);
    for (reason, count) in &summary.reasons {
        reasons.set_item(reason, count)?;
    }
    let described = PyDict::new(py);
    described.set_item("run", summary.run.as_deref())?;
    described.set_item("documents", summary.documents)?;
    described.set_item("quarantined", summary.quarantined)?;
    described.set_item("reasons", reasons)?;
    described.set_item("unread_times", summary.unread_times)?;
    described.set_item("replaced", summary.replaced)?;
    described.set_item("bytes", summary.bytes)?;
    described.set_item("sources", summary.sources)?;
    described.set_item("skipped_sources", summary.skipped_sources)?;
    described.set_item("changed_sources", summary.changed_sources)?;
    described.set_item("replaced_sources", summary.replaced_sources)?;
    described.set_item("unknown_files", summary.unknown_files)?;
    described.set_item("broken_links", summary.broken_links)?;
    described.set_item("other_records", summary.other_records)?;
    described.set_item("unfinished_sources", summary.unfinished_sources)?;
    Ok(described)
}
