//! Python's data as tables of a session: anything that speaks Arrow's C interface, and iterators of it.

use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchReader};
use arrow::datatypes::SchemaRef;
use datafusion::datasource::{MemTable, TableProvider};
use pyo3::exceptions::{PyException, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyMapping, PyString};
use pyo3_arrow::input::{AnyArray, AnyRecordBatch};

use crate::error::{of_stream, to_py};
use crate::polars;

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
    if polars::is_lazy(object)? {
        return Err(PyTypeError::new_err(
            "a LazyFrame has no rows yet: give what its .collect() makes",
        ));
    }
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
    let object = &polars::without_nulls(object)?;
    let input: AnyRecordBatch = object
        .extract()
        .map_err(|error: PyErr| unreadable(py, object, error))?;
    let reader = input.into_reader()?;
    let schema = reader.schema();
    // A stream that is written in Python takes the GIL itself where it needs it.
    let batches = py.detach(move || reader.collect::<Result<Vec<RecordBatch>, _>>());
    let batches = batches.map_err(|error| of_stream(error, |error| to_py(error.into())))?;
    Ok((schema, batches))
}

/// For what speaks Arrow and is no table all the same.
fn unreadable(py: Python<'_>, object: &Bound<'_, PyAny>, cause: PyErr) -> PyErr {
    // Ctrl-C, for one, is not about the object.
    if !cause.is_instance_of::<PyException>(py) {
        return cause;
    }
    let name = type_name(object);
    let message = match object.extract::<AnyArray>() {
        Ok(_) => format!(
            "{name} is a column, and a column is no table: give a frame or a table with it in"
        ),
        Err(_) => format!("{name} cannot be read as a table: {}", words(py, &cause)),
    };
    let refused = PyTypeError::new_err(message);
    refused.set_cause(py, Some(cause));
    refused
}

/// What an exception says; pyarrow says it in several arguments.
fn words(py: Python<'_>, error: &PyErr) -> String {
    let value = error.value(py);
    let arguments = value.getattr("args").and_then(|args| args.extract());
    arguments.map_or_else(|_| value.to_string(), |args: Vec<String>| args.join("; "))
}

fn type_name(object: &Bound<'_, PyAny>) -> String {
    let name = object.get_type().name();
    name.map_or_else(|_| "this object".to_string(), |name| name.to_string())
}

fn no_table(object: &Bound<'_, PyAny>) -> PyErr {
    let name = type_name(object);
    PyTypeError::new_err(format!(
        "{name} is no Arrow table: it must have __arrow_c_stream__ or __arrow_c_array__, as pyarrow, polars, pandas \
         and duckdb have"
    ))
}
