//! Polars' data before it becomes Arrow.
//!
//! A column of nothing but None has Polars' type `Null`, and Polars hands that out with a buffer which Arrow's `Null` has
//! not, so that nobody can import it. Such columns become strings here, all NULL.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

/// Whether an object is of a class of Polars.
pub fn is_polars(object: &Bound<'_, PyAny>) -> PyResult<bool> {
    let module = object.get_type().module()?;
    let module = module.to_cow()?;
    Ok(module == "polars" || module.starts_with("polars."))
}

/// Whether it is Polars' frame that is not computed yet.
pub fn is_lazy(object: &Bound<'_, PyAny>) -> PyResult<bool> {
    Ok(object.get_type().name()? == "LazyFrame" && is_polars(object)?)
}

/// The frame or series without columns of type `Null`; anything else as it is.
pub fn without_nulls<'py>(object: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    if !is_polars(object)? {
        return Ok(object.clone());
    }
    let polars = object.py().import("polars")?;
    if object.is_instance(&polars.getattr("Series")?)? {
        return match strings_for_nulls(&polars, &object.getattr("dtype")?)? {
            Some(dtype) => object.call_method1("cast", (dtype,)),
            None => Ok(object.clone()),
        };
    }
    if !object.is_instance(&polars.getattr("DataFrame")?)? {
        return Ok(object.clone());
    }
    let casts = PyDict::new(object.py());
    let columns = object.getattr("schema")?.call_method0("items")?;
    for column in columns.try_iter()? {
        let (name, dtype): (Bound<'_, PyAny>, Bound<'_, PyAny>) = column?.extract()?;
        if let Some(dtype) = strings_for_nulls(&polars, &dtype)? {
            casts.set_item(name, dtype)?;
        }
    }
    match casts.is_empty() {
        true => Ok(object.clone()),
        false => object.call_method1("cast", (casts,)),
    }
}

/// The type with `String` for `Null`, also within lists and structs; nothing where there is none.
fn strings_for_nulls<'py>(
    polars: &Bound<'py, PyModule>,
    dtype: &Bound<'py, PyAny>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    if dtype.eq(polars.getattr("Null")?)? {
        return polars.getattr("String").map(Some);
    }
    for list in ["List", "Array"] {
        let list = polars.getattr(list)?;
        if !dtype.is_instance(&list)? {
            continue;
        }
        let Some(inner) = strings_for_nulls(polars, &dtype.getattr("inner")?)? else {
            return Ok(None);
        };
        return match dtype.getattr_opt("size")? {
            Some(size) => list.call1((inner, size)),
            None => list.call1((inner,)),
        }
        .map(Some);
    }
    let structure = polars.getattr("Struct")?;
    if !dtype.is_instance(&structure)? {
        return Ok(None);
    }
    let (fields, mut changed) = (PyList::empty(polars.py()), false);
    for field in dtype.getattr("fields")?.try_iter()? {
        let field = field?;
        match strings_for_nulls(polars, &field.getattr("dtype")?)? {
            Some(dtype) => {
                changed = true;
                fields.append(polars.call_method1("Field", (field.getattr("name")?, dtype))?)?;
            }
            None => fields.append(field)?,
        }
    }
    match changed {
        true => structure.call1((fields,)).map(Some),
        false => Ok(None),
    }
}
