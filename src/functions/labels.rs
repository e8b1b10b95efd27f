//! The label argument that `extract_entities`, `entity_values` and `redact` share.

use datafusion::common::{Result, plan_err};

use crate::ner::{Finder, Models};

/// What the argument is called in messages.
pub(super) const LABELS: &str = "the label list";

/// What finds the entities of labels as written, such as `EMAIL,URL`; of all where nothing, or `*`, is written.
pub(super) fn finder(function: &str, models: &Models, labels: Option<&str>) -> Result<Finder> {
    let Some(labels) = labels.filter(|labels| labels.trim() != "*") else {
        return Ok(models.finder_for_all());
    };
    let names: Vec<&str> = labels
        .split(',')
        .map(str::trim)
        .filter(|label| !label.is_empty())
        .collect();
    if names.is_empty() {
        return plan_err!("{function}: no label in {labels:?}; name some, such as 'EMAIL,URL'");
    }
    Ok(models.finder(&names)?)
}
