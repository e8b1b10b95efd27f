//! The further keys of `extract_and_aggregate`: labels beside the old e-mail addresses.

use std::collections::HashSet;

use arrow::array::{Array, AsArray, DictionaryArray, StringArray};
use arrow::datatypes::Int32Type;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString, PyTuple};

use crate::column::{engine, run};
use crate::error::usage;
use crate::session::Session;
use crate::texts::Texts;

/// The key that the answers have already.
const EMAILS: &str = "emails";

/// Adds a key for each label to the answers, of which there is one a text.
pub fn add(
    py: Python<'_>,
    texts: &Bound<'_, PyTuple>,
    labels: &str,
    session: Option<&Bound<'_, Session>>,
    answers: &Bound<'_, PyList>,
) -> PyResult<()> {
    let engine = engine(py, session)?;
    let mut names: Vec<&str> = match labels.trim() {
        "*" => engine.registry().labels().collect(),
        some => some.split(',').map(str::trim).collect(),
    };
    // A dictionary has a key once; the order is that of the first mention.
    let mut seen = HashSet::new();
    names.retain(|&name| !name.is_empty() && seen.insert(name));
    if names.contains(&EMAILS) {
        return Err(usage(format!(
            "labels: {EMAILS:?} is the key of the addresses that there are without labels: give the recognizer another \
             label"
        )));
    }
    let keys: Vec<Bound<'_, PyString>> = names
        .iter()
        .map(|name| PyString::intern(py, name))
        .collect();
    let texts = Texts::from_python(texts.as_any())?;
    let mut answers = answers.iter();
    for batch in run(py, "extract_entities", &[labels], &texts, session)? {
        let rows = batch.column(0).as_list::<i32>();
        let entities = rows.values().as_struct();
        // The fields that every entity has, in plain types.
        let (Some(found), Some(values)) = (
            entities
                .column_by_name("label")
                .and_then(|labels| labels.as_any().downcast_ref::<DictionaryArray<Int32Type>>())
                .and_then(DictionaryArray::downcast_dict::<StringArray>),
            entities
                .column_by_name("value")
                .and_then(|values| values.as_string_opt::<i32>()),
        ) else {
            return Err(pyo3::exceptions::PyRuntimeError::new_err(
                "entities have no label and value",
            ));
        };
        let (labels, numbers) = (found.values(), found.keys());
        let lists_of = labels.iter().map(|label| {
            let of_label = |key: &Bound<'_, PyString>| key.to_str().ok() == label;
            keys.iter().position(of_label)
        });
        let lists_of: Vec<Option<usize>> = lists_of.collect();
        for (row, answer) in (0..rows.len()).zip(&mut answers) {
            let lists: Vec<_> = keys.iter().map(|_| PyList::empty(py)).collect();
            let offsets = rows.value_offsets();
            for entity in offsets[row] as usize..offsets[row + 1] as usize {
                if let Some(list) = lists_of[numbers.value(entity) as usize] {
                    lists[list].append(values.value(entity))?;
                }
            }
            let answer = answer.cast::<PyDict>()?;
            for (key, list) in keys.iter().zip(lists) {
                answer.set_item(key, list)?;
            }
        }
    }
    Ok(())
}
