//! One process at a time: a file's lock, and who holds it.
//!
//! The lock is the operating system's, so that it ends with its process, `kill -9` included; the file stays. What stands in
//! it is for people.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::Path;

use chrono::{SecondsFormat, Utc};

use crate::error::{Error, Result};

/// Held until it is dropped.
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
}

impl Drop for Lock {
    /// Closing the file is not enough while a process that was forked meanwhile, and has not yet become another program,
    /// has it open, too.
    fn drop(&mut self) {
        // If it fails, closing does it.
        let _ = self.file.unlock();
    }
}

impl Lock {
    /// Takes `FOLDER/.lock`, without waiting; `what` says what another holder would be doing.
    ///
    /// # Errors
    /// [`Error::Busy`] while another process, or another holder in this one, has it.
    pub(crate) fn take(folder: &Path, what: &'static str) -> Result<Self> {
        let path = folder.join(".lock");
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(Error::io(&path))?;
        file.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => Error::Busy {
                folder: folder.to_path_buf(),
                what,
                holder: holder(&path),
            },
            TryLockError::Error(error) => Error::io(&path)(error),
        })?;
        sign(&file).map_err(Error::io(&path))?;
        Ok(Self { file })
    }
}

fn sign(mut file: &File) -> io::Result<()> {
    let since = Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true);
    file.set_len(0)?;
    writeln!(file, "process {} since {since}", std::process::id())
}

/// What the holder wrote; nothing where it has not done so yet, or where the system lets nobody else read.
fn holder(path: &Path) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    Some(text.trim().to_string()).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_holder_is_told_who_the_first_is() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(
            dir.path().join(".lock"),
            "a much longer line that a killed process left\n",
        )
        .unwrap();
        let lock = Lock::take(dir.path(), "another is at work").unwrap();
        let error = Lock::take(dir.path(), "another is at work")
            .unwrap_err()
            .to_string();
        let expected = format!(
            "{}: another is at work (process {} since 2",
            dir.path().display(),
            std::process::id()
        );
        assert!(error.starts_with(&expected), "{error}");
        assert!(error.ends_with("Z); wait for its end"), "{error}");
        drop(lock);
        Lock::take(dir.path(), "another is at work").unwrap();
    }

    #[test]
    fn a_lock_ends_when_it_is_dropped_whoever_has_the_file_open() {
        let dir = tempfile::tempdir().unwrap();
        let lock = Lock::take(dir.path(), "another is at work").unwrap();
        let inherited = lock.file.try_clone().unwrap();
        drop(lock);
        Lock::take(dir.path(), "another is at work").unwrap();
        drop(inherited);
    }
}
