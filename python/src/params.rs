//! Python values as query parameters.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use datafusion::common::{ParamValues, ScalarValue};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{
    PyBool, PyBytes, PyDate, PyDateTime, PyDict, PyFloat, PyInt, PyMapping, PyString,
    PyTzInfoAccess,
};

use crate::error::usage;

/// `$1`, `$2`, … from a sequence, or `$name` from a mapping and keyword arguments.
pub fn from_python(
    params: Option<&Bound<'_, PyAny>>,
    named: Option<&Bound<'_, PyDict>>,
) -> PyResult<ParamValues> {
    let mut by_name: Vec<(String, ScalarValue)> = Vec::new();
    if let Some(params) = params {
        if let Ok(mapping) = params.cast::<PyMapping>() {
            for pair in mapping.items()? {
                let (name, value): (String, Bound<'_, PyAny>) = pair.extract()?;
                let value = scalar(&value, &name)?;
                by_name.push((name, value));
            }
        } else if params.is_instance_of::<PyString>() || params.is_instance_of::<PyBytes>() {
            return Err(PyTypeError::new_err(
                "params must be a list for $1, $2, … or a dict for $name, not a string",
            ));
        } else {
            if named.is_some_and(|named| !named.is_empty()) {
                return Err(usage(
                    "give parameters by position or by name, not both".to_string(),
                ));
            }
            let values = params
                .try_iter()?
                .enumerate()
                .map(|(index, value)| scalar(&value?, &(index + 1).to_string()))
                .collect::<PyResult<Vec<_>>>()?;
            return Ok(ParamValues::from(values));
        }
    }
    for (name, value) in named.into_iter().flatten() {
        let name: String = name.extract()?;
        if by_name.iter().any(|(other, _)| *other == name) {
            return Err(usage(format!("parameter ${name} is given twice")));
        }
        let value = scalar(&value, &name)?;
        by_name.push((name, value));
    }
    Ok(ParamValues::from(by_name))
}

fn scalar(value: &Bound<'_, PyAny>, name: &str) -> PyResult<ScalarValue> {
    // bool before int and datetime before date, since the former are subclasses of the latter.
    if value.is_none() {
        Ok(ScalarValue::Null)
    } else if let Ok(value) = value.cast::<PyBool>() {
        Ok(ScalarValue::Boolean(Some(value.is_true())))
    } else if value.is_instance_of::<PyInt>() {
        let value = value.extract().map_err(|_| {
            usage(format!(
                "parameter ${name}: {value} does not fit in 64 bits"
            ))
        })?;
        Ok(ScalarValue::Int64(Some(value)))
    } else if value.is_instance_of::<PyFloat>() {
        Ok(ScalarValue::Float64(Some(value.extract()?)))
    } else if let Ok(value) = value.cast::<PyString>() {
        Ok(ScalarValue::Utf8(Some(value.to_cow()?.into_owned())))
    } else if let Ok(value) = value.cast::<PyBytes>() {
        Ok(ScalarValue::Binary(Some(value.as_bytes().to_vec())))
    } else if let Ok(value) = value.cast::<PyDateTime>() {
        if value.get_tzinfo().is_some() {
            let utc = value
                .call_method1("astimezone", (Utc,))?
                .extract::<DateTime<Utc>>()?;
            Ok(ScalarValue::TimestampMicrosecond(
                Some(utc.timestamp_micros()),
                Some("UTC".into()),
            ))
        } else {
            let local: NaiveDateTime = value.extract()?;
            Ok(ScalarValue::TimestampMicrosecond(
                Some(local.and_utc().timestamp_micros()),
                None,
            ))
        }
    } else if value.is_instance_of::<PyDate>() {
        let days = value
            .extract::<NaiveDate>()?
            .signed_duration_since(NaiveDate::default())
            .num_days();
        // Python's years end at 9999, which is far from the end of 32 bits.
        Ok(ScalarValue::Date32(i32::try_from(days).ok()))
    } else {
        Err(PyTypeError::new_err(format!(
            "parameter ${name} is of type {}: use None, bool, int, float, str, bytes, date or datetime",
            value.get_type().name()?
        )))
    }
}

/// A report's parameters as the words that its header's types are parsed from, as on the command line.
pub fn words(named: Option<&Bound<'_, PyDict>>) -> PyResult<BTreeMap<String, String>> {
    let mut words = BTreeMap::new();
    for (name, value) in named.into_iter().flatten() {
        let word = if let Ok(value) = value.cast::<PyBool>() {
            value.is_true().to_string()
        } else if value.is_instance_of::<PyDate>() {
            value.call_method0("isoformat")?.extract()?
        } else {
            value.str()?.to_cow()?.into_owned()
        };
        words.insert(name.extract()?, word);
    }
    Ok(words)
}
