//! The tables of a store: `documents`, `quarantine`, and `entities`, which is documents × recognizers.
//!
//! Only reading is here; what writes a store is `ingest/`.

mod entities;
pub(crate) mod files;
mod parquet_files;

use std::path::PathBuf;
use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::execution::context::SessionContext;

use crate::error::Result;
use crate::ner::Models;
use crate::store::{Store, merge_schemas, quarantine_schema};

/// The names that a store's tables have; nothing else may be registered under them.
pub const NAMES: [&str; 3] = ["documents", "quarantine", "entities"];

/// The files of a store at one moment.
#[derive(Debug, PartialEq, Eq)]
pub struct Snapshot {
    documents: Vec<PathBuf>,
    quarantine: Vec<PathBuf>,
}

impl Snapshot {
    /// The files of `store` now.
    ///
    /// # Errors
    /// [`crate::Error::Io`] where a folder cannot be listed.
    pub fn of(store: &Store) -> Result<Self> {
        Ok(Self {
            documents: store.committed(&store.documents())?,
            quarantine: store.committed(&store.quarantine())?,
        })
    }
}

/// Registers the tables over the files of `snapshot`, in place of those of an earlier state.
///
/// # Errors
/// [`crate::Error::Io`] where a Parquet file of the store cannot be read.
pub fn register_store(
    ctx: &SessionContext,
    snapshot: &Snapshot,
    models: &Arc<Models>,
) -> Result<()> {
    let documents = parquet_files::table(&snapshot.documents, |schemas| {
        Arc::new(merge_schemas(schemas.iter().map(AsRef::as_ref)))
    })?;
    let quarantine = parquet_files::table(&snapshot.quarantine, |_| quarantine_schema())?;
    let entities = Arc::new(entities::EntitiesTable::new(
        Arc::clone(&documents),
        Arc::clone(models),
    ));
    for (name, table) in
        NAMES
            .into_iter()
            .zip([documents, quarantine, entities as Arc<dyn TableProvider>])
    {
        ctx.deregister_table(name)?;
        ctx.register_table(name, table)?;
    }
    Ok(())
}
