//! Texts of Python as Arrow columns, and answers given back as what the texts came as.
//!
//! Arrow data is taken as it is. Of Python strings a copy is made, as short-lived UTF-8: `PyUnicode_AsUTF8AndSize` would
//! keep its copy for as long as the string lives.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringBuilder};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use pyo3::exceptions::{PyException, PyTypeError, PyUnicodeEncodeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString, PyTuple};
use pyo3_arrow::PyChunkedArray;
use pyo3_arrow::input::AnyArray;

use crate::error::of_stream;
use crate::polars;
use crate::result::import;

/// Strings of one array; between two of them Python's other threads and signals get their turn.
const CHUNK_TEXTS: usize = 64 * 1024;

/// The same bound for long strings.
const CHUNK_BYTES: usize = 64 << 20;

/// Texts as columns of one type.
pub struct Texts<'py> {
    /// The columns, one after the other.
    pub columns: Vec<ArrayRef>,
    origin: Origin<'py>,
}

/// What the texts came as.
enum Origin<'py> {
    Polars(Bound<'py, PyAny>),
    Pandas(Bound<'py, PyAny>),
    /// Strings, or whatever else speaks Arrow.
    Other,
}

impl<'py> Texts<'py> {
    /// Reads a column or an iterable of strings; None is a NULL.
    pub fn from_python(texts: &Bound<'py, PyAny>) -> PyResult<Self> {
        let module: String = texts.get_type().getattr("__module__")?.extract()?;
        let origin = match module.split('.').next() {
            Some("polars") => Origin::Polars(texts.clone()),
            Some("pandas") => Origin::Pandas(texts.clone()),
            _ => Origin::Other,
        };
        let speaks_arrow =
            texts.hasattr("__arrow_c_stream__")? || texts.hasattr("__arrow_c_array__")?;
        let columns = match &origin {
            Origin::Pandas(_) => of_pandas(texts, speaks_arrow)?,
            Origin::Polars(_) => of_arrow(&polars::without_nulls(texts)?)?,
            Origin::Other if speaks_arrow => of_arrow(texts)?,
            Origin::Other => of_strings(texts)?,
        };
        Ok(Self { columns, origin })
    }

    /// The type that the columns have.
    pub fn data_type(&self) -> DataType {
        self.columns
            .first()
            .map_or(DataType::Utf8, |column| column.data_type().clone())
    }

    /// The answers, batches of a single column each: a polars or pandas series for what either has, `pyarrow.ChunkedArray`
    /// for all else. `same` asks for the pandas type that the texts had.
    pub fn answered(
        &self,
        py: Python<'py>,
        answers: &[RecordBatch],
        same: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        // A function's answers are at least one batch, if an empty one.
        let field = Arc::clone(&answers[0].schema_ref().fields()[0]);
        let columns = answers.iter().map(|batch| Arc::clone(batch.column(0)));
        let answers = PyChunkedArray::try_new(columns.collect(), field)?;
        match &self.origin {
            Origin::Polars(texts) => {
                let polars = import(py, "polars", "polars")?;
                // Arrow's column brings the function's name, which goes before the one that is asked for.
                let series = polars.call_method1("Series", (answers,))?;
                series.call_method1("alias", (texts.getattr("name")?,))
            }
            Origin::Pandas(texts) => of_pandas_again(py, texts, answers, same),
            Origin::Other => {
                import(py, "pyarrow", "pyarrow")?;
                answers.into_pyarrow(py)
            }
        }
    }
}

/// A series, an index or an array of pandas.
fn of_pandas(texts: &Bound<'_, PyAny>, speaks_arrow: bool) -> PyResult<Vec<ArrayRef>> {
    let py = texts.py();
    let read = || {
        if speaks_arrow {
            return of_arrow(texts);
        }
        // What is no Arrow yet, as before pandas 3; a missing string is NaN there.
        let array = import(py, "pyarrow", "pandas")?.getattr("Array")?;
        of_arrow(&array.call_method1("from_pandas", (texts,))?)
    };
    read().map_err(|error| culprit(texts, &error).unwrap_or(error))
}

/// Which text of pandas it is that cannot be read, where the error does not say it.
fn culprit(texts: &Bound<'_, PyAny>, error: &PyErr) -> Option<PyErr> {
    let py = texts.py();
    if !error.is_instance_of::<PyException>(py) {
        return None;
    }
    let is_missing = py.import("pandas").ok()?.getattr("isna").ok()?;
    for (index, item) in texts.try_iter().ok()?.enumerate() {
        let item = item.ok()?;
        match item.cast::<PyString>() {
            Ok(text) => {
                if let Err(error) = text.encode_utf8() {
                    return Some(no_unicode(py, index, error));
                }
            }
            Err(_) => {
                let missing = is_missing
                    .call1((&item,))
                    .and_then(|missing| missing.is_truthy());
                if !missing.unwrap_or(false) {
                    return Some(wrong_type(index, &item));
                }
            }
        }
    }
    None
}

/// A series of pandas, with index and name where the texts have them.
fn of_pandas_again<'py>(
    py: Python<'py>,
    texts: &Bound<'py, PyAny>,
    answers: PyChunkedArray,
    same: bool,
) -> PyResult<Bound<'py, PyAny>> {
    let pandas = import(py, "pandas", "pandas")?;
    import(py, "pyarrow", "pandas")?;
    let answers = answers.into_pyarrow(py)?;
    let named = PyDict::new(py);
    for name in ["index", "name"] {
        // An index has a name only, an array neither.
        if let Some(value) = texts.getattr_opt(name)? {
            named.set_item(name, value)?;
        }
    }
    let dtype = texts.getattr("dtype")?;
    let kind: String = dtype.getattr("name")?.extract()?;
    if same && kind == "object" {
        // What stood for a missing text, None or NaN, stands for it again.
        let zero_copy = PyDict::new(py);
        zero_copy.set_item("zero_copy_only", false)?;
        let values = answers.call_method("to_numpy", (), Some(&zero_copy))?;
        let before = texts.call_method1("to_numpy", ("object",))?;
        let missing = pandas.call_method1("isna", (&before,))?;
        values.set_item(&missing, before.get_item(&missing)?)?;
        named.set_item("dtype", "object")?;
        return pandas.call_method("Series", (values,), Some(&named));
    }
    let array = pandas
        .getattr("arrays")?
        .call_method1("ArrowExtensionArray", (answers,))?;
    let series = pandas.call_method("Series", (array,), Some(&named))?;
    match (same, kind.as_str()) {
        (false, _) => Ok(series),
        // A categorical type lists its values, which are others now.
        (true, "category") => series.call_method1("astype", ("category",)),
        (true, _) => series.call_method1("astype", (dtype,)),
    }
}

fn of_arrow(texts: &Bound<'_, PyAny>) -> PyResult<Vec<ArrayRef>> {
    let column: AnyArray = texts.extract()?;
    let reader = column.into_reader()?;
    // A stream that is written in Python takes the GIL itself where it needs it.
    let read = texts
        .py()
        .detach(move || reader.collect::<Result<Vec<ArrayRef>, ArrowError>>());
    read.map_err(|error| {
        of_stream(error, |error| {
            PyValueError::new_err(format!("texts cannot be read: {error}"))
        })
    })
}

/// Strings as columns; None is a NULL.
fn of_strings(texts: &Bound<'_, PyAny>) -> PyResult<Vec<ArrayRef>> {
    let py = texts.py();
    if texts.is_instance_of::<PyString>() || texts.is_instance_of::<PyBytes>() {
        return Err(PyTypeError::new_err(format!(
            "texts is a single {}: give a list of str",
            texts.get_type().name()?
        )));
    }
    // Another thread may change a list while the GIL is given up; a tuple keeps its strings.
    let texts = py
        .get_type::<PyTuple>()
        .call1((texts,))?
        .cast_into::<PyTuple>()?;
    let mut columns: Vec<ArrayRef> = Vec::new();
    let mut next = 0;
    while next < texts.len() {
        let most = CHUNK_TEXTS.min(texts.len() - next);
        let mut column = StringBuilder::with_capacity(most, 0);
        let (end, mut bytes) = (next + most, 0);
        while next < end && bytes < CHUNK_BYTES {
            let item = texts.get_borrowed_item(next)?;
            if item.is_none() {
                column.append_null();
            } else {
                let text = item
                    .cast::<PyString>()
                    .map_err(|_| wrong_type(next, &item))?;
                let utf8 = text
                    .encode_utf8()
                    .map_err(|error| no_unicode(py, next, error))?;
                let utf8 = std::str::from_utf8(utf8.as_bytes())
                    .map_err(|error| PyValueError::new_err(format!("texts[{next}]: {error}")))?;
                bytes += utf8.len();
                if i32::try_from(utf8.len()).is_err() {
                    return Err(PyValueError::new_err(format!(
                        "texts[{next}] has {} bytes as UTF-8: a text has at most 2 GiB",
                        utf8.len()
                    )));
                }
                if bytes > i32::MAX as usize {
                    break; // begins the next column
                }
                column.append_value(utf8);
            }
            next += 1;
        }
        columns.push(Arc::new(column.finish()));
        py.detach(|| ());
        py.check_signals()?;
    }
    Ok(columns)
}

/// For an item that is no string.
pub fn wrong_type(index: usize, item: &Bound<'_, PyAny>) -> PyErr {
    let name = item
        .get_type()
        .name()
        .map_or_else(|_| "something else".to_string(), |name| name.to_string());
    PyTypeError::new_err(format!(
        "texts[{index}] is of type {name}: every text must be a str"
    ))
}

fn no_unicode(py: Python<'_>, index: usize, error: PyErr) -> PyErr {
    if !error.is_instance_of::<PyUnicodeEncodeError>(py) {
        return error;
    }
    let place = error
        .value(py)
        .getattr("start")
        .map_or_else(|_| "?".to_string(), |start| start.to_string());
    let refused = PyValueError::new_err(format!(
        "texts[{index}] has a lone surrogate at character {place}, which no text file can hold: replace it, for instance \
         by text.encode('utf-8', 'replace').decode()"
    ));
    refused.set_cause(py, Some(error));
    refused
}
