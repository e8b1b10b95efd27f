//! Readers keep what they read: a file that was replaced is removed when nobody reads the store.
//!
//! Who reads shares a lock from before it looks which files count until its last batch; who removes replaced files must
//! have it alone, and leaves them to the next one where it cannot. No reader ever waits for more than such a removal, and
//! none fails since a file is gone.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use super::{Store, documents_of, list};
use crate::error::{Error, Result};

/// Held by readers of a store until it is dropped.
#[derive(Debug)]
pub(crate) struct Reading {
    file: Option<File>,
    /// Who took it: a process that was forked since shares the lock, and must not let go of it for both.
    process: u32,
}

impl Reading {
    fn of(file: Option<File>) -> Self {
        let process = std::process::id();
        Self { file, process }
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        if let Some(file) = &self.file
            && self.process == std::process::id()
        {
            // If it fails, closing does it.
            let _ = file.unlock();
        }
    }
}

impl Store {
    /// Says that files of the store are read from now on. A store that cannot be written to is read without a word: nobody
    /// can remove anything there either.
    pub(crate) fn reading(&self) -> Result<Reading> {
        let path = self.root().join(".reading");
        let Ok(file) = File::open(&path).or_else(|_| create(&path)) else {
            return Ok(Reading::of(None));
        };
        file.lock_shared().map_err(Error::io(&path))?;
        Ok(Reading::of(Some(file)))
    }

    /// Removes the files that others were put in the place of, and the kept entities of such documents, unless somebody
    /// reads. To be called under the store's lock.
    pub(super) fn remove_replaced(&self) -> Result<()> {
        let Some(_alone) = self.alone()? else {
            tracing::info!("replaced files stay while they may be read");
            return Ok(());
        };
        // Not before: until then a file may come that only looks as if it were one of them.
        remove(&self.outlived()?)
    }

    /// Removes what was found of copies among other files than those that count now, and other files that are of no use
    /// any more, unless somebody reads.
    pub(crate) fn remove_outdated_duplicates(&self, unused: &[PathBuf]) -> Result<()> {
        let Some(_alone) = self.alone()? else {
            return Ok(());
        };
        remove(unused)?;
        remove(&self.outdated_duplicates(&self.committed()?)?)
    }

    /// The files that are there and count no more.
    pub(crate) fn outlived(&self) -> Result<Vec<PathBuf>> {
        let replaced = self.replaced(&self.runs()?)?;
        let files = replaced.iter().map(|file| self.root().join(file));
        let mut gone: Vec<PathBuf> = files.filter(|path| path.exists()).collect();
        let committed = self.committed()?;
        let kept = [
            (self.entities(), &committed.entities),
            (self.signatures(), &committed.signatures),
        ];
        for (folder, counting) in kept {
            for kept in list(&folder)? {
                let path = folder.join(&kept);
                if documents_of(&kept).is_some() && counting.binary_search(&path).is_err() {
                    gone.push(path);
                }
            }
        }
        gone.extend(self.outdated_duplicates(&committed)?);
        Ok(gone)
    }

    /// Keeps readers out, for a moment; nothing where there are some.
    pub(crate) fn alone(&self) -> Result<Option<Reading>> {
        let path = self.root().join(".reading");
        let file = create(&path).map_err(Error::io(&path))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Reading::of(Some(file)))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(e)) => Err(Error::io(&path)(e)),
        }
    }
}

/// Others may have removed some of them before.
pub(crate) fn remove(files: &[PathBuf]) -> Result<()> {
    for path in files {
        match fs::remove_file(path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(Error::io(path)(e)),
            _ => {}
        }
    }
    Ok(())
}

fn create(path: &Path) -> io::Result<File> {
    File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_one_removed_before_is_no_error() {
        let dir = tempfile::tempdir().unwrap();
        let there = dir.path().join("there");
        std::fs::write(&there, "").unwrap();
        remove(&[dir.path().join("gone"), there.clone()]).unwrap();
        assert!(!there.exists());
        let folder = dir.path().join("folder");
        std::fs::create_dir(&folder).unwrap();
        assert!(remove(&[folder]).is_err());
    }

    #[test]
    fn a_forked_process_lets_go_of_nothing_that_its_parent_reads() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::create(dir.path()).unwrap();
        let reading = store.reading().unwrap();
        // What a fork leaves in the child: the same lock, taken by another process.
        let file = reading.file.as_ref().unwrap().try_clone().unwrap();
        let process = reading.process + 1;
        drop(Reading {
            file: Some(file),
            process,
        });
        assert!(store.alone().unwrap().is_none(), "the parent reads on");
        // Whoever took the lock lets go of it, though a child has it open.
        let child = reading.file.as_ref().unwrap().try_clone().unwrap();
        drop(reading);
        assert!(store.alone().unwrap().is_some());
        drop(child);
    }
}
