//! Small files merged into larger ones.
//!
//! Files of one schema are merged in their order, so that no column changes its type; what queries see stays the same, but for
//! the order of columns in `SELECT *`. Kept entities and signatures of merged documents are merged, too. Quarantine is left alone: its age is
//! that of its run, and `prune` goes by it.

use std::fs;
use std::path::PathBuf;

use super::carry::carry;
use super::{Replaced, Summary, commit};
use crate::duplicates;
use crate::error::{Error, Result};
use crate::store::rewrite::{Names, all_rows, rewrite};
use crate::store::{Kind, Lock, RecordedFile, RecordedFiles, Run, Store, rows_of, schema_of};

/// What is merged.
#[derive(Debug, Clone, Copy)]
pub struct CompactOptions {
    /// Files below this size, in bytes, are small.
    pub below: u64,
    /// No merged file has more bytes than this, about.
    pub up_to: u64,
}

impl Default for CompactOptions {
    fn default() -> Self {
        Self {
            below: 64 << 20,
            up_to: 256 << 20,
        }
    }
}

/// Merges small files, all or nothing.
///
/// # Errors
/// [`Error::Busy`] while another process writes to the store; [`Error::Io`] where reading or writing fails.
pub fn compact(store: &Store, options: CompactOptions) -> Result<Summary> {
    let run = Run::begin(store.clone())?;
    // Kept entities and signatures are carried along: nobody else may write or remove any meanwhile.
    let entities = store.entities();
    fs::create_dir_all(&entities).map_err(Error::io(&entities))?;
    let _keeping = Lock::take(
        &entities,
        "another process is keeping entities of this store",
    )?;
    let _signing = duplicates::lock(store)?;
    let committed = store.committed()?;
    let mut replaced = Replaced::default();
    let mut files = RecordedFiles::default();
    let mut names = Names::after(&run, run.documents(), &[]);
    for group in groups(&committed.documents, options)? {
        if let Some(merged) = merge(&group, &mut names, &mut replaced)? {
            carry(store, &committed, &group, &merged.name)?;
            duplicates::carry(store, &committed, &group, &merged.name)?;
            files.documents.push(merged);
        }
    }
    commit(run, Kind::Compact, files, replaced)
}

fn merge(
    group: &[PathBuf],
    names: &mut Names,
    replaced: &mut Replaced,
) -> Result<Option<RecordedFile>> {
    let merged = rewrite(group, names, &all_rows)?;
    for path in group {
        replaced.add("documents", path, rows_of(path)?);
    }
    Ok(merged)
}

/// Files that are to become one, at least two each.
fn groups(files: &[PathBuf], options: CompactOptions) -> Result<Vec<Vec<PathBuf>>> {
    let mut groups: Vec<(arrow::datatypes::SchemaRef, u64, Vec<PathBuf>)> = Vec::new();
    for path in files {
        let bytes = path.metadata().map_err(Error::io(path))?.len();
        if bytes >= options.below {
            continue;
        }
        let schema = schema_of(path)?;
        // The last group of a schema is the one that is not full.
        let open = groups.iter_mut().rev().find(|(of, ..)| *of == schema);
        match open {
            Some((_, size, group)) if *size + bytes <= options.up_to => {
                *size += bytes;
                group.push(path.clone());
            }
            _ => groups.push((schema, bytes, vec![path.clone()])),
        }
    }
    let groups = groups.into_iter().map(|(.., group)| group);
    Ok(groups.filter(|group| group.len() > 1).collect())
}
