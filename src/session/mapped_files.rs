//! The store's Parquet, mapped into memory instead of copied out of the page cache.
//!
//! Only files of the session's store are mapped: they are renamed into place and never changed afterwards, so that a
//! mapping cannot shrink under its reader. Every other file, and every other operation, is the local file system's.

use std::fmt;
use std::fs::File;
use std::ops::Range;
use std::path::{Path as FilePath, PathBuf};

use async_trait::async_trait;
use bytes::Bytes;
use datafusion::object_store::local::LocalFileSystem;
use datafusion::object_store::path::Path;
use datafusion::object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, Result,
};
use futures::stream::BoxStream;
use memmap2::{Advice, Mmap, MmapOptions};

/// Ranges below this are cheaper to copy than to map.
const WORTH_MAPPING: u64 = 256 << 10;

/// The local file system, with the files below one folder mapped.
#[derive(Debug)]
pub(super) struct MappedFiles {
    local: LocalFileSystem,
    folder: PathBuf,
}

impl MappedFiles {
    /// Maps the files below `folder`, an absolute path.
    pub(super) fn below(folder: PathBuf) -> Self {
        Self {
            local: LocalFileSystem::new(),
            folder,
        }
    }
}

impl fmt::Display for MappedFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MappedFiles({})", self.folder.display())
    }
}

fn map(path: &FilePath, file: &File, range: &Range<u64>) -> Result<Bytes> {
    let failed = |source: std::io::Error| Error::Generic {
        store: "MappedFiles",
        source: format!("{}: {source}", path.display()).into(),
    };
    let length = usize::try_from(range.end.saturating_sub(range.start))
        .map_err(|e| failed(std::io::Error::other(e)))?;
    if file.metadata().map_err(failed)?.len() < range.end {
        return Err(failed(std::io::Error::other(
            "shorter than its own footer says",
        )));
    }
    // SAFETY: the file belongs to a store, whose files are complete when they get their names and are not written
    // afterwards; removing one leaves its mappings whole.
    let mapped: Mmap = unsafe {
        MmapOptions::new()
            .offset(range.start)
            .len(length)
            .map(file)
            .map_err(failed)?
    };
    // One call that fills the page table instead of a fault a page. Kernels before 5.14 do not know it, and need not.
    #[cfg(target_os = "linux")]
    let _ = mapped.advise(Advice::PopulateRead);
    Ok(Bytes::from_owner(mapped))
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl ObjectStore for MappedFiles {
    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let path = self.local.path_to_filesystem(location)?;
        let large = ranges.iter().all(|r| r.end - r.start >= WORTH_MAPPING);
        if !large || !path.starts_with(&self.folder) {
            return self.local.get_ranges(location, ranges).await;
        }
        let file = File::open(&path).map_err(|source| Error::Generic {
            store: "MappedFiles",
            source: format!("{}: {source}", path.display()).into(),
        })?;
        ranges
            .iter()
            .map(|range| map(&path, &file, range))
            .collect()
    }

    async fn put_opts(
        &self,
        to: &Path,
        payload: PutPayload,
        opts: PutOptions,
    ) -> Result<PutResult> {
        self.local.put_opts(to, payload, opts).await
    }

    async fn put_multipart_opts(
        &self,
        to: &Path,
        opts: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.local.put_multipart_opts(to, opts).await
    }

    async fn get_opts(&self, from: &Path, options: GetOptions) -> Result<GetResult> {
        self.local.get_opts(from, options).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.local.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.local.list(prefix)
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        self.local.list_with_offset(prefix, offset)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.local.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.local.copy_opts(from, to, options).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        self.local.rename_opts(from, to, options).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn mapped_and_copied_ranges_hold_the_same_bytes() {
        let dir = tempfile::tempdir().unwrap();
        let bytes: Vec<u8> = (0..1_000_000_u32).map(|i| (i % 251) as u8).collect();
        let file = dir.path().join("a.parquet");
        std::fs::write(&file, &bytes).unwrap();
        let location = Path::from_absolute_path(&file).unwrap();
        let ranges = [5..700_005, 300_000..1_000_000];
        for folder in [dir.path(), FilePath::new("/nowhere")] {
            let store = MappedFiles::below(folder.to_path_buf());
            let read = store.get_ranges(&location, &ranges).await.unwrap();
            for (range, read) in ranges.iter().zip(read) {
                assert_eq!(read, bytes[range.start as usize..range.end as usize]);
            }
        }
        let store = MappedFiles::below(dir.path().to_path_buf());
        let beyond = 0..2_000_000;
        let error = store
            .get_ranges(&location, std::slice::from_ref(&beyond))
            .await
            .unwrap_err();
        assert!(error.to_string().contains("a.parquet"), "{error}");
    }
}
