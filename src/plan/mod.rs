//! Nodes and optimizer rules of our own.
//!
//! [`OneScanRule`] lets calls over the same texts meet in one [`ScanTexts`], which scans each text once for all of them;
//! scans of the same documents in several places of a plan are shared by a [`SharedExec`]. `SET spanql.one_scan = false`
//! switches both off, and [`JoinRule`], which lets entities be joined with their documents where these are scanned.
//! [`SizedBatches`] gives long documents shorter batches. [`ViewKeys`] groups by views instead of dictionaries, [`ByDocument`]
//! batch by batch where groups are of one document; [`SinglePrecision`] compares scores as what they are. [`ExtractExec`] turns documents into entities; [`CompactViews`] sees
//! to it that whatever keeps batches does not keep the documents that they point into; [`GateExec`] stops conditions; [`show_functions`] shows in EXPLAIN
//! ANALYZE what functions scanned. What an entity is, and how it becomes columns, is absent here.

mod batches;
mod by_document;
mod compact;
mod extract;
mod extract_node;
mod gate;
mod gather;
mod join_documents;
mod models;
mod needed;
mod planner;
mod read_fields;
mod scan_texts;
mod settings;
mod share;
mod share_scans;
mod shared;
mod single_precision;
mod unmistakable;
mod view_keys;

pub use batches::SizedBatches;
pub use by_document::{ByDocument, ByDocumentExec};
pub use compact::{CompactViews, CompactViewsExec, compact_batch};
pub use extract::ExtractExec;
pub use extract_node::Extract;
pub use gate::GateExec;
pub use gather::OneScanRule;
pub use join_documents::JoinRule;
pub use models::{FunctionsExec, show_functions};
pub use planner::Planner;
pub use scan_texts::{ScanTexts, ScanTextsExec};
pub use settings::Settings;
pub use share_scans::ShareScans;
pub use shared::SharedExec;
pub use single_precision::SinglePrecision;
pub use unmistakable::Unmistakable;
pub use view_keys::ViewKeys;
