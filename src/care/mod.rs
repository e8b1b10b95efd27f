//! Care of a store: what is in it ([`info`]), whether it is what was written ([`verify`]), small files merged ([`compact`]),
//! old documents removed ([`prune`]), and documents whose text others have ([`drop_duplicates`]).
//!
//! What changes a store is a run as an ingest is: under the store's lock, all or nothing at one rename, and readers keep
//! what they read (`store/commit.rs`, `store/reading.rs`). Which entities documents have is no business of this room; kept
//! ones are carried along where documents are merged.

mod carry;
mod compact;
mod drop;
mod info;
mod prune;
mod verify;

use std::path::Path;

pub use compact::{CompactOptions, compact};
pub use drop::drop_duplicates;
pub use info::info;
pub use prune::prune;
pub use verify::{Damage, Verified, verify};

use crate::error::Result;
use crate::store::{Kind, Record, RecordedFiles, Run};

/// What [`compact`], [`prune`] or [`drop_duplicates`] did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Files that were there before and count no more.
    pub replaced: u64,
    /// Files that came in their place.
    pub written: u64,
    /// Rows that went, documents and records of quarantine, less the dropped documents that came back in their place.
    pub removed: u64,
}

/// Commits what was written in the place of other files.
fn commit(run: Run, kind: Kind, files: RecordedFiles, replaced: Replaced) -> Result<Summary> {
    let rows: u64 = files
        .documents
        .iter()
        .chain(&files.quarantine)
        .map(|f| f.rows)
        .sum();
    let summary = Summary {
        replaced: replaced.files.len() as u64,
        written: (files.documents.len() + files.quarantine.len()) as u64,
        removed: replaced.rows.saturating_sub(rows),
    };
    if replaced.files.is_empty() {
        return Ok(summary);
    }
    let record = Record {
        run: run.id.clone(),
        kind,
        version: env!("CARGO_PKG_VERSION").to_string(),
        finished: chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
        files,
        ..Record::default()
    };
    run.commit(&record, &replaced.files)?;
    Ok(summary)
}

/// The files that a run puts others in the place of.
#[derive(Debug, Default)]
struct Replaced {
    files: std::collections::BTreeSet<String>,
    rows: u64,
}

impl Replaced {
    fn add(&mut self, folder: &str, path: &Path, rows: u64) {
        self.files.insert(format!("{folder}/{}", name(path)));
        self.rows += rows;
    }
}

fn name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}
