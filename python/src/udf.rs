//! SQL functions for DataFusion's own Python package, which calls them without Python in between.

use std::sync::Arc;

use datafusion::logical_expr::ScalarUDF;
use datafusion_ffi::udf::FFI_ScalarUDF;
use pyo3::prelude::*;
use pyo3::types::PyCapsule;

use crate::column::{Labels, engine, redacting_engine};
use crate::error::usage;
use crate::session::Session;
use crate::threads::Home;

/// A SQL function of a text, for the package ``datafusion``: made by the functions of :mod:`spanql.udf`.
///
/// ``datafusion.udf(function)`` takes it, by the PyCapsule ``__datafusion_scalar_udf__``.
#[pyclass(frozen, module = "spanql.udf")]
pub struct ScalarFunction {
    function: Arc<ScalarUDF>,
    home: Home,
}

#[pymethods]
impl ScalarFunction {
    /// What SQL calls it.
    #[getter]
    fn name(&self) -> &str {
        self.function.name()
    }

    /// The function as DataFusion's foreign-function interface has it.
    ///
    /// Raises
    /// ------
    /// UsageError
    ///     If the package ``datafusion`` is of another major version, or this is a fork of the process that made it.
    fn __datafusion_scalar_udf__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        self.home.check("function")?;
        check_version(py)?;
        let function = FFI_ScalarUDF::from(Arc::clone(&self.function));
        PyCapsule::new_with_value(py, function, c"datafusion_scalar_udf")
    }

    fn __repr__(&self) -> String {
        format!("<spanql.udf.ScalarFunction {}>", self.function.name())
    }
}

/// The capsule holds a struct whose layout is that of one major version; nothing in it says which, and another one would
/// call what it takes for a function.
fn check_version(py: Python<'_>) -> PyResult<()> {
    let loaded = py.import("sys")?.getattr("modules")?;
    let version = loaded
        .get_item("datafusion")
        .and_then(|package| package.getattr("__version__")?.extract::<String>());
    let Ok(version) = version else {
        return Ok(()); // somebody else asks
    };
    let major = datafusion_ffi::version().to_string();
    match version.split('.').next() == Some(major.as_str()) {
        true => Ok(()),
        false => Err(usage(format!(
            "datafusion {version} cannot call functions of this spanql, which are laid out for DataFusion {major}: pip \
             install 'datafusion=={major}.*', or call spanql from a function of yours, as docs/interop.md shows"
        ))),
    }
}

/// The function that SQL is to call `name`, with the arguments after the text bound.
#[pyfunction]
#[pyo3(signature = (function, constants, name, session = None))]
pub fn scalar_function(
    py: Python<'_>,
    function: &str,
    constants: Vec<Labels>,
    name: &str,
    session: Option<&Bound<'_, Session>>,
) -> PyResult<ScalarFunction> {
    let constants: Vec<&str> = constants.iter().map(Labels::words).collect();
    let engine = match (function, &constants[..]) {
        ("redact", [_, style]) => redacting_engine(py, style, session)?,
        _ => engine(py, session)?,
    };
    let bound = engine
        .column_function(function, &constants)
        .map_err(|error| usage(error.to_string()))?;
    Ok(ScalarFunction {
        function: Arc::new(bound.named(name)),
        home: Home::here(),
    })
}
