//! Python's data as tables of a session: anything that speaks Arrow's C interface, and iterators of it.

use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchReader};
use arrow::datatypes::SchemaRef;
use datafusion::datasource::{MemTable, TableProvider};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyMapping, PyString};
use pyo3_arrow::input::AnyRecordBatch;

use crate::error::{of_stream, to_py};

/// Whether an object says that it is Arrow data.
pub fn is_arrow(object: &Bound<'_, PyAny>) -> PyResult<bool> {
    // A class has the method too, and is no data.
    if object.is_instance_of::<pyo3::types::PyType>() {
        return Ok(false);
    }
    Ok(object.hasattr("__arrow_c_stream__")? || object.hasattr("__arrow_c_array__")?)
}

/// Reads the object to its end into memory: a stream can be read once only, a table is asked again and again. The
/// buffers are shared with the object, not copied.
pub fn table(py: Python<'_>, object: &Bound<'_, PyAny>) -> PyResult<Arc<dyn TableProvider>> {
    if is_arrow(object)? {
        let (schema, batches) = read(py, object)?;
        return in_memory(schema, batches);
    }
    let words = object.is_instance_of::<PyString>() || object.is_instance_of::<PyBytes>();
    if words || object.cast::<PyMapping>().is_ok() {
        return Err(no_table(object));
    }
    let Ok(items) = object.try_iter() else {
        return Err(no_table(object));
    };
    let (mut all, mut first): (Vec<RecordBatch>, Option<SchemaRef>) = (Vec::new(), None);
    for (index, item) in items.enumerate() {
        let item = item?;
        if !is_arrow(&item)? {
            return Err(no_table(&item));
        }
        let (schema, batches) = read(py, &item)?;
        if let Some(first) = &first
            && first.fields() != schema.fields()
        {
            return Err(PyValueError::new_err(format!(
                "batch {index} has other columns than the first one: {schema} after {first}"
            )));
        }
        first.get_or_insert(schema);
        all.extend(batches);
        py.check_signals()?;
    }
    match first {
        Some(schema) => {
            // Metadata may differ from batch to batch; a table has that of the first.
            let same = |batch: RecordBatch| batch.with_schema(Arc::clone(&schema));
            let batches = all.into_iter().map(same).collect::<Result<Vec<_>, _>>();
            let batches = batches.map_err(|error| to_py(error.into()))?;
            in_memory(Arc::clone(&schema), batches)
        }
        None => Err(PyValueError::new_err(
            "there is no batch, so that nothing tells the columns",
        )),
    }
}

fn in_memory(schema: SchemaRef, batches: Vec<RecordBatch>) -> PyResult<Arc<dyn TableProvider>> {
    let table = MemTable::try_new(schema, vec![batches]);
    Ok(Arc::new(table.map_err(|error| to_py(error.into()))?))
}

fn read(py: Python<'_>, object: &Bound<'_, PyAny>) -> PyResult<(SchemaRef, Vec<RecordBatch>)> {
    let input: AnyRecordBatch = object.extract().map_err(|error: PyErr| {
        let refused = no_table(object);
        refused.set_cause(py, Some(error));
        refused
    })?;
    let reader = input.into_reader()?;
    let schema = reader.schema();
    // A stream that is written in Python takes the GIL itself where it needs it.
    let batches = py.detach(move || reader.collect::<Result<Vec<RecordBatch>, _>>());
    let batches = batches.map_err(|error| of_stream(error, |error| to_py(error.into())))?;
    Ok((schema, batches))
}

fn no_table(object: &Bound<'_, PyAny>) -> PyErr {
    let name = object.get_type().name();
    let name = name.map_or_else(|_| "this object".to_string(), |name| name.to_string());
    PyTypeError::new_err(format!(
        "{name} is no Arrow table: it must have __arrow_c_stream__ or __arrow_c_array__, as pyarrow, polars, pandas \
         and duckdb have"
    ))
}
