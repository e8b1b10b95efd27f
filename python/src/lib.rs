//! `spanql._spanql`: the Python face of the `spanql` crate.
//!
//! Owns the conversions between Python and the engine: strings in and dictionaries out ([`extract`]), columns of texts
//! ([`texts`], [`column`]), functions for another DataFusion ([`udf`]), Arrow both ways ([`register`], [`variables`],
//! [`polars`], [`stream`]), parameters ([`params`], [`scalar`]), exceptions ([`error`]), waiting in a way that Ctrl-C can end ([`wait`]). What
//! anything *means* is in the core; there is no logic here that it lacks.

mod column;
mod error;
mod extract;
mod further;
mod ingest;
mod params;
mod plain;
mod polars;
mod preview;
mod progress;
mod register;
mod result;
mod scalar;
mod session;
mod stream;
mod texts;
mod threads;
mod udf;
mod variables;
mod wait;

use std::ffi::OsString;
use std::io::Write as _;

use pyo3::prelude::*;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Runs the command line in this process and returns its exit code.
#[pyfunction]
fn run_cli(py: Python<'_>, args: Vec<OsString>) -> u8 {
    py.detach(|| {
        let code = spanql::cli::run(args);
        // Rust flushes its own standard output where Rust's `main` ends, and here that is Python's.
        match std::io::stdout().flush() {
            Err(_) if code == 0 => 1,
            _ => code,
        }
    })
}

/// The compiled half of the package; `spanql/__init__.py` says what of it is public. No state is kept apart by the GIL: what
/// threads share is behind locks or atomics, or never changes.
#[pymodule(gil_used = false)]
mod _spanql {
    #[pymodule_export]
    use super::column::{extract_entities, ner, redact};
    #[pymodule_export]
    use super::extract::extract_and_aggregate;
    #[pymodule_export]
    use super::ingest::ingest;
    #[pymodule_export]
    use super::result::{RecordBatches, Result};
    #[pymodule_export]
    use super::run_cli;
    #[pymodule_export]
    use super::session::{Session, connect};
    #[pymodule_export]
    use super::udf::{ScalarFunction, scalar_function};

    use pyo3::prelude::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))?;
        module.add("TAGGER_LABELS", spanql::ner::tagger::LABELS)
    }
}
