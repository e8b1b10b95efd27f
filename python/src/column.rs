//! `extract_entities`, `ner` and `redact` over a column of texts, without SQL.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::concat_batches;
use pyo3::exceptions::{PyRuntimeError, PyTypeError};
use pyo3::prelude::*;
use rayon::prelude::*;
use spanql::SessionOptions;
use spanql::functions::run::Run;
use spanql::ner::Cancel;
use spanql::output::{plain_batches, viewless_schema};
use spanql::session::ColumnFunction;

use crate::error::{to_py, usage};
use crate::session::Session;
use crate::texts::Texts;
use crate::threads;
use crate::wait::{receive, wait};

/// Pieces that become one batch: readers have a cost a batch.
const PIECES: usize = 32;

/// One label, several with commas between, or an iterable of such; as SQL takes them.
pub struct Labels(String);

impl Labels {
    /// With commas between.
    pub fn words(&self) -> &str {
        &self.0
    }
}

impl<'py> FromPyObject<'_, 'py> for Labels {
    type Error = PyErr;

    fn extract(given: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        if let Ok(words) = given.extract::<String>() {
            return Ok(Self(words));
        }
        let refused = |what: String| PyTypeError::new_err(format!("{what} or an iterable of str"));
        let Ok(items) = given.try_iter() else {
            let name = given.get_type().name()?;
            return Err(refused(format!("labels is of type {name}: give a str")));
        };
        let mut labels = Vec::new();
        for (index, label) in items.enumerate() {
            let label = label?;
            let Ok(label) = label.extract::<String>() else {
                let name = label.get_type().name()?;
                let what = format!("labels[{index}] is of type {name}: give a str");
                return Err(refused(what));
            };
            labels.push(label);
        }
        Ok(Self(labels.join(",")))
    }
}

/// Finds the entities of each text.
///
/// Parameters
/// ----------
/// texts : iterable of str, or a column
///     A list of strings; or a column of pyarrow, polars, pandas or whatever else speaks Arrow, of any string type. None
///     and NULL are texts that are not there.
/// labels : str or iterable of str, optional
///     What to look for: ``["EMAIL", "URL"]`` or ``"EMAIL,URL"``. Without it, all labels.
/// session : Session, optional
///     Whose recognizers to use. Without it, those that come with the package, whatever ``spanql.toml`` says.
///
/// Returns
/// -------
/// pyarrow.ChunkedArray, polars.Series or pandas.Series
///     What the texts came as; pyarrow for a list, a series for an index or an array of pandas. One list a text, of
///     structs ``label``, ``entity``, ``value``, ``span_start``, ``span_end``, ``score``, ``recognizer``, ordered by
///     start, end, label, so that ``text[span_start:span_end]`` is the entity. NULL for a text that is not there, an empty
///     list for one without entities.
///
/// Raises
/// ------
/// TypeError
///     If an item is no string; the message names its index.
/// ValueError
///     If a string has a lone surrogate (the message names its index), or there is no such label.
///
/// Examples
/// --------
/// >>> import spanql
/// >>> [[entity]] = spanql.extract_entities(["Write to Bob@Example.com"], labels=["EMAIL"]).to_pylist()
/// >>> entity["value"], entity["span_start"], entity["span_end"]
/// ('bob@example.com', 9, 24)
#[pyfunction]
#[pyo3(signature = (texts, labels = None, *, session = None))]
pub fn extract_entities<'py>(
    py: Python<'py>,
    texts: &Bound<'py, PyAny>,
    labels: Option<Labels>,
    session: Option<&Bound<'py, Session>>,
) -> PyResult<Bound<'py, PyAny>> {
    let constants: Vec<&str> = labels.iter().map(Labels::words).collect();
    let texts = Texts::from_python(texts)?;
    let answers = run(py, "extract_entities", &constants, &texts, session)?;
    texts.answered(py, &answers, false)
}

/// Finds the entities that one model finds in each text.
///
/// Parameters
/// ----------
/// texts : iterable of str, or a column
///     As for :func:`extract_entities`.
/// model : str, optional
///     Its name: ``"tagger"``, which comes with the package and is the default, or one that the session's
///     ``spanql.toml`` names.
/// session : Session, optional
///     Whose models to use.
///
/// Returns
/// -------
/// pyarrow.ChunkedArray, polars.Series or pandas.Series
///     As from :func:`extract_entities`.
///
/// Raises
/// ------
/// TypeError
///     If an item is no string; the message names its index.
/// ValueError
///     If a string has a lone surrogate, or there is no such model.
///
/// Examples
/// --------
/// >>> import spanql
/// >>> [found] = spanql.ner(["The train from Paris to Berlin was late."]).to_pylist()
/// >>> [(entity["label"], entity["entity"]) for entity in found]
/// [('LOC', 'Paris'), ('LOC', 'Berlin')]
#[pyfunction]
#[pyo3(signature = (texts, model = None, *, session = None))]
pub fn ner<'py>(
    py: Python<'py>,
    texts: &Bound<'py, PyAny>,
    model: Option<&str>,
    session: Option<&Bound<'py, Session>>,
) -> PyResult<Bound<'py, PyAny>> {
    let texts = Texts::from_python(texts)?;
    let answers = run(py, "ner", model.as_slice(), &texts, session)?;
    texts.answered(py, &answers, false)
}

/// Replaces the entities of each text.
///
/// Parameters
/// ----------
/// texts : iterable of str, or a column
///     As for :func:`extract_entities`.
/// labels : str or iterable of str, optional
///     What to replace. Without it, the entities of all labels.
/// style : {'label', 'mask', 'hash'}
///     By ``[LABEL]``, by as many ``*``, or by a keyed hash, which is the same for the same value. The key is the
///     environment variable ``SPANQL_REDACT_KEY``, or the file that the session's ``spanql.toml`` names.
/// session : Session, optional
///     Whose recognizers and key to use.
///
/// Returns
/// -------
/// pyarrow.ChunkedArray, polars.Series or pandas.Series
///     What the texts came as; pyarrow for a list. NULL for a text that is not there.
///
/// Raises
/// ------
/// TypeError
///     If an item is no string; the message names its index.
/// ValueError
///     If a string has a lone surrogate, there is no such label or style, or no key to hash with.
///
/// Examples
/// --------
/// >>> import spanql
/// >>> spanql.redact(["Write to bob@example.com", None], labels="EMAIL").to_pylist()
/// ['Write to [EMAIL]', None]
#[pyfunction]
#[pyo3(signature = (texts, labels = None, style = "label", *, session = None))]
pub fn redact<'py>(
    py: Python<'py>,
    texts: &Bound<'py, PyAny>,
    labels: Option<Labels>,
    style: &str,
    session: Option<&Bound<'py, Session>>,
) -> PyResult<Bound<'py, PyAny>> {
    let constants = [labels.as_ref().map_or("*", Labels::words), style];
    let texts = Texts::from_python(texts)?;
    let engine = redacting_engine(py, style, session)?;
    let answers = run_with(py, "redact", &constants, &texts, &engine)?;
    texts.answered(py, &answers, true)
}

/// A function's answers on texts, in plain types. Works on all cores with the GIL released; Ctrl-C ends it.
pub fn run(
    py: Python<'_>,
    name: &str,
    constants: &[&str],
    texts: &Texts<'_>,
    session: Option<&Bound<'_, Session>>,
) -> PyResult<Vec<RecordBatch>> {
    run_with(py, name, constants, texts, engine(py, session)?.as_ref())
}

fn run_with(
    py: Python<'_>,
    name: &str,
    constants: &[&str],
    texts: &Texts<'_>,
    engine: &spanql::Session,
) -> PyResult<Vec<RecordBatch>> {
    let function = engine
        .column_function(name, constants)
        .map_err(|error| usage(error.to_string()))?;
    if let Err(error) = function.schema(&texts.data_type()) {
        return Err(PyTypeError::new_err(error.to_string()));
    }
    let columns = texts.columns.clone();
    let (answer, mut answers) = std::sync::mpsc::sync_channel(1);
    let run = Run::default();
    let _wanted = Wanted(run.cancel().clone());
    threads::pool()?.spawn(move || {
        // Nobody listens any more once the caller was interrupted.
        let _ = answer.send(plain(&function, &columns, &run));
    });
    match receive(py, &mut answers, &mut |_| Ok(()))? {
        Some(answers) => answers.map_err(to_py),
        None => Err(PyRuntimeError::new_err(
            "the engine stopped without an answer: a panic, reported on stderr",
        )),
    }
}

/// The session's engine, or the one with what comes with the package and nothing else.
pub fn engine(
    py: Python<'_>,
    session: Option<&Bound<'_, Session>>,
) -> PyResult<Arc<spanql::Session>> {
    if let Some(session) = session {
        return session.get().engine();
    }
    let shipped = threads::shipped();
    if let Some(engine) = shipped.get() {
        return Ok(Arc::clone(engine));
    }
    let opened = open_shipped(py)?;
    Ok(Arc::clone(shipped.get_or_init(|| opened)))
}

/// As [`engine`], for `redact` in a style.
pub fn redacting_engine(
    py: Python<'_>,
    style: &str,
    session: Option<&Bound<'_, Session>>,
) -> PyResult<Arc<spanql::Session>> {
    match (style, session) {
        // A session knows the key that there was when it was opened; here it may have come since.
        ("hash", None) => open_shipped(py),
        _ => engine(py, session),
    }
}

fn open_shipped(py: Python<'_>) -> PyResult<Arc<spanql::Session>> {
    let options = SessionOptions {
        configuration: Some(spanql::Config::default()),
        ..SessionOptions::default()
    };
    Ok(Arc::new(wait(py, spanql::Session::open(options))?))
}

fn plain(
    function: &ColumnFunction,
    columns: &[ArrayRef],
    run: &Run,
) -> spanql::Result<Vec<RecordBatch>> {
    let pieces = function.over(columns, run)?;
    let schema = pieces[0].schema();
    let plain = viewless_schema(&schema);
    let of_pieces = |pieces: &[RecordBatch]| {
        let whole = concat_batches(&schema, pieces)?;
        plain_batches(&whole, &plain).collect::<spanql::Result<Vec<_>>>()
    };
    let batches: spanql::Result<Vec<_>> = pieces.par_chunks(PIECES).map(of_pieces).collect();
    Ok(batches?.concat())
}

/// Ends the work when the caller no longer waits for it.
struct Wanted(Cancel);

impl Drop for Wanted {
    fn drop(&mut self) {
        self.0.cancel();
    }
}
