//! The label argument that `extract_entities`, `entity_values` and `redact` share.

use datafusion::common::{Result, plan_err};

use crate::recognize::{Registry, Scanner};

/// What the argument is called in messages.
pub(super) const LABELS: &str = "the label list";

/// A scanner for labels as written, such as `EMAIL,URL`; for all where nothing, or `*`, is written.
pub(super) fn scanner(
    function: &str,
    registry: &Registry,
    labels: Option<&str>,
) -> Result<Scanner> {
    let Some(labels) = labels.filter(|labels| labels.trim() != "*") else {
        return Ok(registry.scanner_for_all());
    };
    let names: Vec<&str> = labels
        .split(',')
        .map(str::trim)
        .filter(|label| !label.is_empty())
        .collect();
    if names.is_empty() {
        return plan_err!("{function}: no label in {labels:?}; name some, such as 'EMAIL,URL'");
    }
    Ok(registry.scanner(&names)?)
}
