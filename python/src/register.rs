//! Anything that speaks Arrow's C interface as a table of a session.

use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::datasource::{MemTable, TableProvider};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3_arrow::input::AnyRecordBatch;

use crate::error::to_py;

/// Reads the object to its end into memory: a stream can be read once only, a table is asked again and again. The
/// buffers are shared with the object, not copied.
pub fn table(py: Python<'_>, object: &Bound<'_, PyAny>) -> PyResult<Arc<dyn TableProvider>> {
    let input: AnyRecordBatch = object.extract().map_err(|error: PyErr| {
        let name = object.get_type().name().map_or_else(|_| "this object".to_string(), |name| name.to_string());
        let refused = PyTypeError::new_err(format!(
            "{name} is no Arrow table: it must have __arrow_c_stream__ or __arrow_c_array__, as pyarrow, polars, pandas \
             and duckdb have"
        ));
        refused.set_cause(py, Some(error));
        refused
    })?;
    let reader = input.into_reader()?;
    let schema = reader.schema();
    // A stream that is written in Python takes the GIL itself where it needs it.
    let table = py.detach(move || {
        let batches = reader.collect::<Result<Vec<RecordBatch>, _>>()?;
        Ok(MemTable::try_new(schema, vec![batches])?)
    });
    Ok(Arc::new(table.map_err(to_py)?))
}
