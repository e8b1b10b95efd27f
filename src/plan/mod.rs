//! Nodes and optimizer rules of our own.
//!
//! [`OneScanRule`] lets calls over the same texts meet in one [`ScanTexts`], which scans each text once for all of them;
//! `SET spanql.one_scan = false` switches it off.
//! [`ExtractExec`] turns documents into entities; [`CompactViews`] sees to it that whatever keeps batches does not
//! keep the documents that they point into; [`show_functions`] shows in EXPLAIN ANALYZE what functions scanned. What an
//! entity is, and how it becomes columns, is absent here.

mod compact;
mod extract;
mod gather;
mod models;
mod planner;
mod scan_texts;
mod settings;

pub use compact::{CompactViews, CompactViewsExec, compact_batch};
pub use extract::ExtractExec;
pub use gather::OneScanRule;
pub use models::{FunctionsExec, show_functions};
pub use planner::Planner;
pub use scan_texts::{ScanTexts, ScanTextsExec};
pub use settings::Settings;
