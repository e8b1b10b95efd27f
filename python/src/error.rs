//! The engine's errors as Python exceptions.
//!
//! The classes themselves are Python (`spanql/errors.py`), so that they can be read, typed and derived from there.

use arrow::error::ArrowError;
use pyo3::exceptions::PyKeyboardInterrupt;
use pyo3::prelude::*;

mod class {
    pyo3::import_exception!(spanql.errors, ConfigError);
    pyo3::import_exception!(spanql.errors, Error);
    pyo3::import_exception!(spanql.errors, FileError);
    pyo3::import_exception!(spanql.errors, QueryError);
    pyo3::import_exception!(spanql.errors, StoreError);
    pyo3::import_exception!(spanql.errors, UsageError);
}

/// The exception for an error of the core.
pub fn to_py(error: spanql::Error) -> PyErr {
    let message = error.to_string();
    if let Some((line, column)) = error.position() {
        return at(message, line, column);
    }
    match error {
        spanql::Error::Io { .. } => class::FileError::new_err(message),
        spanql::Error::Config { .. } | spanql::Error::Pattern { .. } => {
            class::ConfigError::new_err(message)
        }
        spanql::Error::MissingStore { .. } => class::StoreError::new_err(message),
        spanql::Error::UnknownLabel { .. }
        | spanql::Error::UnknownModel { .. }
        | spanql::Error::Model { .. }
        | spanql::Error::Query(_) => class::QueryError::new_err(message),
        spanql::Error::Usage(_) | spanql::Error::Busy { .. } => class::UsageError::new_err(message),
        _ => class::Error::new_err(message),
    }
}

/// An error that knows its place in the statement.
fn at(message: String, line: u64, column: u64) -> PyErr {
    let placed = match message.contains("Line: ") {
        true => message,
        false => format!("{message} (line {line}, column {column})"),
    };
    Python::attach(|py| {
        let error = class::QueryError::new_err(placed);
        let value = error.value(py);
        let set = value
            .setattr("line", line)
            .and_then(|()| value.setattr("column", column));
        // They are plain attributes of a class of ours; an error instead would only hide this one.
        set.map_or_else(|failed| failed, |()| error.clone_ref(py))
    })
}

/// The exception for an error of data that came through Arrow's C interface; that has no more than words for one, and what
/// a result of ours says there when Ctrl-C ends it is this.
pub fn of_stream(error: ArrowError, other: impl FnOnce(ArrowError) -> PyErr) -> PyErr {
    match error
        .to_string()
        .contains("External error: KeyboardInterrupt")
    {
        true => PyKeyboardInterrupt::new_err(()),
        false => other(error),
    }
}

/// A request that makes no sense.
pub fn usage(message: String) -> PyErr {
    class::UsageError::new_err(message)
}
