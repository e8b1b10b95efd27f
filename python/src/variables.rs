//! Python variables as tables: what a statement names and no table has, looked for where `sql` was called.

use pyo3::prelude::*;
use pyo3::types::PyMapping;
use spanql::session::GivenTables;

use crate::error::usage;
use crate::{polars, register};

/// The variables that the statement names, as far as they are Arrow data: of the calling function, then of its module.
pub fn named(py: Python<'_>, engine: &spanql::Session, query: &str) -> PyResult<GivenTables> {
    // A Rust function has no frame of its own: the topmost is its caller's.
    within(py, engine, query, || {
        let frame = py.import("sys")?.call_method1("_getframe", (0,))?;
        Ok(vec![
            frame.getattr("f_locals")?,
            frame.getattr("f_globals")?,
        ])
    })
}

/// The same in scopes of the caller's, mappings of names to values, the nearest first.
pub fn within<'py>(
    py: Python<'py>,
    engine: &spanql::Session,
    query: &str,
    scopes: impl FnOnce() -> PyResult<Vec<Bound<'py, PyAny>>>,
) -> PyResult<GivenTables> {
    let mut given = GivenTables::new();
    // What is wrong with the statement is said when it is planned.
    let unknown = py
        .detach(|| engine.unknown_tables(query))
        .unwrap_or_default();
    if unknown.is_empty() {
        return Ok(given);
    }
    let scopes = scopes()?;
    for name in unknown {
        for scope in &scopes {
            if let Some(table) = arrow_variable(scope.cast()?, &name)? {
                check(&table, &name)?;
                given.insert(name, register::table(py, &table)?);
                break;
            }
        }
    }
    Ok(given)
}

/// Refuses a stream: it can be read once only, and the next query would find it empty.
fn check(table: &Bound<'_, PyAny>, name: &str) -> PyResult<()> {
    if !(table.hasattr("__next__")? || table.hasattr("read_next_batch")?) {
        return Ok(());
    }
    let of = table.get_type().name()?;
    Err(usage(format!(
        "{name} is a {of}, which can be read once only: session.register({name:?}, {name}) keeps what it holds for all \
         queries"
    )))
}

/// Whether it is a table, or would be one if it were computed, which is then said.
fn is_table(value: &Bound<'_, PyAny>) -> PyResult<bool> {
    Ok(register::is_arrow(value)? || polars::is_lazy(value)?)
}

/// The variable of that name; else one that SQL, which reads names in lower case, cannot tell from it.
fn arrow_variable<'py>(
    scope: &Bound<'py, PyMapping>,
    name: &str,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    if let Ok(value) = scope.get_item(name)
        && is_table(&value)?
    {
        return Ok(Some(value));
    }
    for pair in scope.items()? {
        let (key, value): (Bound<'_, PyAny>, Bound<'_, PyAny>) = pair.extract()?;
        if let Ok(key) = key.extract::<String>()
            && key.to_lowercase() == name
            && is_table(&value)?
        {
            return Ok(Some(value));
        }
    }
    Ok(None)
}
