//! A query that fails on a damaged file of kept entities: which file it is, and what to do.
//!
//! Damage is looked for once a query has failed, never before: `spanql store verify` reads every file, a query only what it
//! needs. Documents are not looked at, of which there may be terabytes.

use std::io::ErrorKind;

use arrow::error::ArrowError;
use datafusion::error::DataFusionError;

use crate::error::Error;
use crate::store::{Store, check, checksum_in};

/// The error as it is, or the damaged file of kept entities that may be behind it.
pub(super) fn named(error: DataFusionError, store: Option<&Store>) -> DataFusionError {
    match store.filter(|_| may_be_of_a_file(&error)).and_then(damaged) {
        Some(damaged) => damaged.into(),
        None => error,
    }
}

fn may_be_of_a_file(error: &DataFusionError) -> bool {
    match error.find_root() {
        DataFusionError::ParquetError(_)
        | DataFusionError::IoError(_)
        | DataFusionError::ObjectStore(_) => true,
        DataFusionError::ArrowError(inner, _) => matches!(
            **inner,
            ArrowError::ParquetError(_) | ArrowError::ExternalError(_) | ArrowError::IoError(..)
        ),
        DataFusionError::External(inner) => !inner.is::<Error>(),
        _ => false,
    }
}

fn damaged(store: &Store) -> Option<Error> {
    let kept = store.committed().ok()?.entities;
    kept.iter().find_map(|path| {
        let name = path.file_name()?.to_str()?;
        let what = check(path, None, checksum_in(name)?).err()?;
        let what = format!(
            "{what}: delete the file, and its entities are computed anew (`spanql store verify` names every damaged file)"
        );
        Some(Error::io(path)(std::io::Error::new(ErrorKind::InvalidData, what)))
    })
}
