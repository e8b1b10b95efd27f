//! The SQL functions, one file each; this page lists them.
//!
//! They turn what `recognize/` finds into Arrow arrays that are views into their input. I/O is absent here, and so is
//! any decision about what an entity is.

mod compiled;
pub mod entity_columns;
mod extract_entities;
mod labels;
mod redact;
mod regexp_extract_all;
mod text;

use std::sync::Arc;

use datafusion::prelude::SessionContext;

pub use extract_entities::{entity_values, extract_entities};
pub use redact::redact;
pub use regexp_extract_all::regexp_extract_all;

use crate::recognize::{Key, Registry};

/// Registers every function of this module, over one registry of recognizers. `key` is what [`redact`] hashes with, or
/// why there is none.
pub fn register_all(ctx: &SessionContext, registry: &Arc<Registry>, key: Result<Key, String>) {
    ctx.register_udf(extract_entities(registry));
    ctx.register_udf(entity_values(registry));
    ctx.register_udf(redact(registry, key));
    ctx.register_udf(regexp_extract_all());
}
