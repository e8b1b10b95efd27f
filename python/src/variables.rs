//! Python variables as tables: what a statement names and no table has, looked for where `sql` was called.

use pyo3::prelude::*;
use pyo3::types::PyMapping;
use spanql::session::GivenTables;

use crate::register;

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
                given.insert(name, register::table(py, &table)?);
                break;
            }
        }
    }
    Ok(given)
}

/// The variable of that name; else one that SQL, which reads names in lower case, cannot tell from it.
fn arrow_variable<'py>(
    scope: &Bound<'py, PyMapping>,
    name: &str,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    if let Ok(value) = scope.get_item(name)
        && register::is_arrow(&value)?
    {
        return Ok(Some(value));
    }
    for pair in scope.items()? {
        let (key, value): (Bound<'_, PyAny>, Bound<'_, PyAny>) = pair.extract()?;
        if let Ok(key) = key.extract::<String>()
            && key.to_lowercase() == name
            && register::is_arrow(&value)?
        {
            return Ok(Some(value));
        }
    }
    Ok(None)
}
