//! Physical nodes and optimizer rules of our own.
//!
//! [`ExtractExec`] turns documents into entities; [`CompactViews`] sees to it that whatever keeps batches does not
//! keep the documents that they point into; [`show_models`] shows in EXPLAIN ANALYZE what models took. What an entity is, and how it becomes columns, is absent here.

mod compact;
mod extract;
mod models;

pub use compact::{CompactViews, CompactViewsExec, compact_batch};
pub use extract::ExtractExec;
pub use models::{ModelsExec, show_models};
