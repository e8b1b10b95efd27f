//! Query parameters: which value has which name. What a value is in SQL is in `scalar.rs`.

use std::collections::BTreeMap;

use datafusion::common::{ParamValues, ScalarValue};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDate, PyDict, PyMapping, PyString};

use crate::error::usage;
use crate::scalar::scalar;

/// `$1`, `$2`, … from a sequence, or `$name` from a mapping and keyword arguments. `placeholders` are those of the
/// statement, if it can be read.
pub fn from_python(
    params: Option<&Bound<'_, PyAny>>,
    named: Option<&Bound<'_, PyDict>>,
    placeholders: Option<&[String]>,
) -> PyResult<ParamValues> {
    let mut by_name: Vec<(String, ScalarValue)> = Vec::new();
    if let Some(params) = params {
        if let Ok(mapping) = params.cast::<PyMapping>() {
            for pair in mapping.items()? {
                let (name, value): (String, Bound<'_, PyAny>) = pair.extract()?;
                let value = scalar(&value, &name)?;
                by_name.push((name, value));
            }
        } else {
            if named.is_some_and(|named| !named.is_empty()) {
                return Err(usage(
                    "give parameters by position or by name, not both".to_string(),
                ));
            }
            let single = params.is_instance_of::<PyString>() || params.is_instance_of::<PyBytes>();
            let (false, Ok(values)) = (single, params.try_iter()) else {
                return Err(PyTypeError::new_err(format!(
                    "params is of type {}: give a list for $1, $2, … or a dict for $name (a parameter $params, too, is \
                     given in a dict)",
                    params.get_type().name()?
                )));
            };
            let values = values.collect::<PyResult<Vec<_>>>()?;
            let numbers: Vec<String> = (1..=values.len()).map(|n| n.to_string()).collect();
            check(numbers.iter().map(String::as_str), placeholders)?;
            let values = values.iter().zip(&numbers);
            let values = values.map(|(value, number)| scalar(value, number));
            return Ok(ParamValues::from(values.collect::<PyResult<Vec<_>>>()?));
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
    check(by_name.iter().map(|(name, _)| name.as_str()), placeholders)?;
    Ok(ParamValues::from(by_name))
}

/// Refuses a parameter that the statement has not: it is misspelt, or the statement is. `placeholders` are those that it
/// has, if it can be read.
fn check<'a>(
    mut names: impl Iterator<Item = &'a str>,
    placeholders: Option<&[String]>,
) -> PyResult<()> {
    let Some(placeholders) = placeholders else {
        return Ok(()); // what is wrong with the statement is said when it is planned
    };
    let has = |name: &str| {
        placeholders
            .iter()
            .any(|p| p.strip_prefix('$') == Some(name))
    };
    let Some(surplus) = names.find(|name| !has(name)) else {
        return Ok(());
    };
    let known = match placeholders {
        [] => "it has none".to_string(),
        some => format!("it has {}", some.join(", ")),
    };
    Err(usage(format!(
        "the statement has no parameter ${surplus}: {known}"
    )))
}

/// Of a scope's variables, those whose values the statement asks for.
pub fn of_scope<'py>(
    scope: &Bound<'py, PyDict>,
    placeholders: &[String],
) -> PyResult<Bound<'py, PyDict>> {
    let asked = PyDict::new(scope.py());
    for placeholder in placeholders {
        let name = placeholder.strip_prefix('$').unwrap_or(placeholder);
        if let Some(value) = scope.get_item(name)? {
            asked.set_item(name, value)?;
        }
    }
    Ok(asked)
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
