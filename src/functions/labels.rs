//! The label argument that `extract_entities`, `entity_values` and `redact` share.

use datafusion::common::{Result, plan_err};

use crate::ner::{Finder, Models};

/// What the argument is called in messages.
pub(super) const LABELS: &str = "the label list";

/// What finds the entities of labels as written, such as `EMAIL,URL`; of all where nothing, or `*`, is written.
pub(super) fn finder(function: &str, models: &Models, labels: Option<&str>) -> Result<Finder> {
    match names(function, labels)? {
        Some(names) => Ok(models.finder(&names)?),
        None => Ok(models.finder_for_all()),
    }
}

/// The labels in a list as written; nothing for all of them.
pub(super) fn names<'l>(function: &str, labels: Option<&'l str>) -> Result<Option<Vec<&'l str>>> {
    let Some(labels) = labels.filter(|labels| labels.trim() != "*") else {
        return Ok(None);
    };
    let names: Vec<&str> = labels
        .split(',')
        .map(str::trim)
        .filter(|label| !label.is_empty())
        .collect();
    if names.is_empty() {
        return plan_err!("{function}: no label in {labels:?}; name some, such as 'EMAIL,URL'");
    }
    Ok(Some(names))
}
