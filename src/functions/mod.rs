//! The SQL functions, one file each; this page lists them.
//!
//! They turn what `recognize/` and `ner/` find into Arrow arrays that are views into their input. I/O is absent here, and so is
//! any decision about what an entity is.

mod approx_top_k;
mod compiled;
pub mod entity_columns;
mod entity_pairs;
mod extract_entities;
mod labels;
pub mod lookahead;
mod ner;
pub mod one_scan;
mod redact;
mod regexp_extract_all;
pub mod run;
mod text;

use std::sync::Arc;

use datafusion::logical_expr::ScalarUDF;
use datafusion::prelude::SessionContext;

pub use approx_top_k::approx_top_k;
pub use entity_pairs::entity_pairs;
pub use extract_entities::{entity_values, extract_entities};
pub use ner::{ner, unregistered_models};
pub use redact::redact;
pub use regexp_extract_all::regexp_extract_all;

use crate::ner::{Catalog, Models};
use crate::recognize::Key;

/// Registers every function of this module, over one registry of recognizers and the models behind it. `catalog` has
/// models that [`ner`] may name without a configuration; `key` is what [`redact`] hashes with, or why there is none.
pub fn register_all(
    ctx: &SessionContext,
    models: &Arc<Models>,
    catalog: &Catalog,
    key: Result<Key, String>,
) {
    ctx.register_udf(extract_entities(models));
    ctx.register_udf(entity_values(models));
    ctx.register_udf(ner(models, catalog));
    ctx.register_udf(redact(models, key));
    ctx.register_udf(regexp_extract_all());
    ctx.register_udf(entity_pairs());
    ctx.register_udaf(approx_top_k());
}

/// Whether a function scans texts for entities, and then tells its [`Run`](run::Run) what it scanned.
#[must_use]
pub fn scans_texts(function: &ScalarUDF) -> bool {
    let function = function.inner().as_ref();
    ner::is_ner(function) || extract_entities::is_extract(function) || redact::is_redact(function)
}
