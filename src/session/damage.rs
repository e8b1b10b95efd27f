//! A query that fails on a damaged file of kept entities: which file it is, and what to do.
//!
//! Damage is looked for once a query has failed in a way that damage can bring about, never before: `spanql store verify` reads
//! every file, a query only what it needs. Documents are not looked at, of which there may be terabytes.

use std::error::Error as StdError;
use std::fmt;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::error::ArrowError;
use datafusion::datasource::physical_plan::FileScanConfig;
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::DataFusionError;
use datafusion::physical_plan::ExecutionPlan;

use crate::error::Error;
use crate::ner::Cancel;
use crate::store::{Store, check, checksum_in};

/// The error as it is, or the damaged file of kept entities that may be behind it. Files are read in a thread for such work,
/// and no other is begun once the query is cancelled.
pub(super) async fn named(
    error: DataFusionError,
    kept: impl FnOnce() -> Vec<PathBuf> + Send + 'static,
    cancel: Cancel,
) -> DataFusionError {
    if !may_be_of_damage(&error) {
        return error;
    }
    let looked = tokio::task::spawn_blocking(move || damaged(&kept(), &cancel)).await;
    match looked {
        Ok(Some((path, what))) => {
            let found = Damaged { what, first: error };
            Error::io(path)(io::Error::new(ErrorKind::InvalidData, found)).into()
        }
        _ => error,
    }
}

/// The files of kept entities that a plan reads.
pub(super) fn kept_in(plan: &Arc<dyn ExecutionPlan>, store: &Store) -> Vec<PathBuf> {
    let source = plan.downcast_ref::<DataSourceExec>();
    let files = source.and_then(|source| source.data_source().downcast_ref::<FileScanConfig>());
    let groups = files.into_iter().flat_map(|files| &files.file_groups);
    let names = groups.flat_map(|group| group.iter()).filter_map(|file| {
        let name = file.object_meta.location.filename()?;
        checksum_in(name).map(|_| store.entities().join(name))
    });
    let below = plan.children().into_iter();
    let below = below.flat_map(|plan| kept_in(plan, store));
    names.chain(below).collect()
}

/// Whether it is about what stands in a file, not about what the system refuses, or has none of.
fn may_be_of_damage(error: &DataFusionError) -> bool {
    let is_of_reading = match error.find_root() {
        DataFusionError::ParquetError(_)
        | DataFusionError::IoError(_)
        | DataFusionError::ObjectStore(_) => true,
        DataFusionError::ArrowError(inner, _) => matches!(
            **inner,
            ArrowError::ParquetError(_) | ArrowError::ExternalError(_) | ArrowError::IoError(..)
        ),
        _ => false,
    };
    let mut source: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(error) = source {
        let refused = error.downcast_ref::<io::Error>().is_some_and(|error| {
            let of_bytes = [
                ErrorKind::UnexpectedEof,
                ErrorKind::InvalidData,
                ErrorKind::InvalidInput,
                ErrorKind::Other,
            ];
            !of_bytes.contains(&error.kind())
        });
        if refused {
            return false;
        }
        source = error.source();
    }
    is_of_reading
}

/// The first damaged one, and what is wrong with it. One that is gone is not damaged.
fn damaged(kept: &[PathBuf], cancel: &Cancel) -> Option<(PathBuf, String)> {
    let wrong = |path: &Path| {
        let checksum = checksum_in(path.file_name()?.to_str()?)?;
        check(path, None, checksum).err()
    };
    let mut kept = kept.iter().take_while(|_| !cancel.is_cancelled());
    kept.find_map(|path| Some((path.clone(), wrong(path).filter(|_| path.is_file())?)))
}

/// What is wrong with a file, and the error that made it looked for.
#[derive(Debug)]
struct Damaged {
    what: String,
    first: DataFusionError,
}

impl fmt::Display for Damaged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, first } = self;
        write!(
            f,
            "{what}: delete the file, and its entities are computed anew (`spanql store verify` names every damaged file); \
             the query failed with: {}",
            first.strip_backtrace()
        )
    }
}

impl StdError for Damaged {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&self.first)
    }
}

#[cfg(test)]
mod tests {
    use parquet::errors::ParquetError;

    use super::*;

    #[test]
    fn what_the_system_refuses_is_no_damage() {
        let parquet = |error| DataFusionError::ParquetError(Box::new(error));
        let broken = parquet(ParquetError::General("a page that is none".into()));
        assert!(may_be_of_damage(&broken));
        let io = |kind: ErrorKind| io::Error::from(kind);
        let wrapped = parquet(ParquetError::External(Box::new(io(
            ErrorKind::UnexpectedEof,
        ))));
        assert!(may_be_of_damage(&wrapped.context("while reading")));
        let full = io(ErrorKind::StorageFull);
        let spilled = ArrowError::IoError("spilling".into(), full);
        for error in [
            DataFusionError::IoError(io(ErrorKind::StorageFull)),
            DataFusionError::ArrowError(Box::new(spilled), None),
            parquet(ParquetError::External(Box::new(io(
                ErrorKind::PermissionDenied,
            )))),
            DataFusionError::ResourcesExhausted("no memory".into()),
            DataFusionError::External(Box::new(Error::Interrupted)),
            DataFusionError::External("a model's".into()),
        ] {
            assert!(!may_be_of_damage(&error), "{error:?}");
        }
    }

    #[tokio::test]
    async fn a_cancelled_query_has_no_file_read() {
        let folder = tempfile::tempdir().unwrap();
        let name = "000001-0001.0123456789abcdef.parquet";
        let path = folder.path().join(name);
        std::fs::write(&path, "damaged").unwrap();
        let broken = || DataFusionError::ParquetError(Box::new(ParquetError::EOF("at 7".into())));
        let cancel = Cancel::default();
        let of = |cancel: &Cancel| {
            let path = path.clone();
            named(broken(), move || vec![path], cancel.clone())
        };
        let found = Error::from(of(&cancel).await);
        let Error::Io { path: at, source } = &found else {
            panic!("{found}")
        };
        assert_eq!(at, &path);
        let words = source.to_string();
        assert!(
            words.starts_with("its checksum is") && words.contains("at 7"),
            "{words}"
        );
        let first = source.get_ref().and_then(|found| found.source());
        assert!(first.is_some_and(|first| first.is::<DataFusionError>()));
        cancel.cancel();
        assert!(matches!(
            of(&cancel).await,
            DataFusionError::ParquetError(_)
        ));
    }
}
