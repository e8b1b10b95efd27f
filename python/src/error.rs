//! The engine's errors as Python exceptions.
//!
//! The classes themselves are Python (`spanql/errors.py`), so that they can be read, typed and derived from there.

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

/// A request that makes no sense.
pub fn usage(message: String) -> PyErr {
    class::UsageError::new_err(message)
}
