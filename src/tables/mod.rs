//! The tables of a store: `documents`, `quarantine`, `entities`, which is documents × recognizers, and `duplicates`, which is
//! documents beside each other.
//!
//! Only reading is here; what writes a store is `ingest/`, `keep/`, `duplicates/` and `care/`.

mod duplicates;
mod entities;
pub(crate) mod files;
mod kept;
mod known_labels;
mod listed;
mod parquet_files;

pub use entities::EntitiesRule;
pub use known_labels::KnownLabels;

use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::execution::context::SessionContext;

use crate::error::Result;
use crate::ner::Models;
use crate::store::{Committed, merge_schemas, quarantine_schema};
pub(crate) use entities::{EntitiesTable, label_value};
pub(crate) use kept::Kept;

/// The names that a store's tables have; nothing else may be registered under them.
pub const NAMES: [&str; 4] = ["documents", "quarantine", "entities", "duplicates"];

/// Registers the tables over some files of a store, in place of those of an earlier state.
///
/// # Errors
/// [`crate::Error::Io`] where a Parquet file of the store cannot be read.
pub fn register_store(ctx: &SessionContext, files: &Committed, models: &Arc<Models>) -> Result<()> {
    let documents = documents_table(files)?;
    let quarantine = parquet_files::table(&files.quarantine, |_| quarantine_schema())?;
    let entities = Arc::new(EntitiesTable::new(
        Arc::clone(&documents),
        files.documents.clone(),
        Arc::clone(models),
        Kept::of(files, models),
    ));
    let duplicates = duplicates::table(files)?;
    let tables: [Arc<dyn TableProvider>; 4] = [documents, quarantine, entities, duplicates];
    for (name, table) in NAMES.into_iter().zip(tables) {
        ctx.deregister_table(name)?;
        ctx.register_table(name, table)?;
    }
    Ok(())
}

/// All documents.
pub(crate) fn documents_table(files: &Committed) -> Result<Arc<dyn TableProvider>> {
    parquet_files::table(&files.documents, |schemas| {
        Arc::new(merge_schemas(schemas.iter().map(AsRef::as_ref)))
    })
}
