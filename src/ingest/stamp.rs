//! What a file was like when it was read, so that a changed one is noticed later.
//!
//! A file whose size, modification time and change time are what they were is taken as unchanged, unread; times count by being
//! equal, never by being later. They are relied on only where they lay well in the past when the file was read and were
//! the same afterwards: a clock that was set back, a coarse one, or a file that was being written leave times that a later
//! change could have, too. In all other cases the bytes decide, by their hash.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::store::{Checked, Stamp, checksum_of};

/// Coarser than the clock of any file system: FAT's.
const COARSE: i64 = 2_000_000_000;

/// Whether a file is what it was when it was stamped.
pub(super) fn is_same(path: &Path, stamp: &Stamp) -> io::Result<bool> {
    let now = path.metadata()?;
    if now.len() != stamp.size {
        return Ok(false);
    }
    if stamp.times.is_some() && stamp.times == times(&now) {
        return Ok(true);
    }
    Ok(checksum_of(path)?.1 == stamp.hash)
}

/// All of a small file, and its stamp; nothing for what is no file, is empty, longer than `limit`, or cannot be opened or
/// read to its end, all of which is for [`Stamping`].
///
/// What is appended meanwhile is not read, and how the file looks afterwards is not asked: whatever changes it later than its
/// times were taken leaves others, or its bytes decide.
pub(super) fn read_small(path: &Path, limit: u64) -> Option<(Vec<u8>, Stamp)> {
    let file = File::open(path).ok()?;
    let metadata = file.metadata().ok()?;
    let size = metadata.len();
    if !metadata.is_file() || size == 0 || size > limit {
        return None;
    }
    let now = nanoseconds(SystemTime::now()).unwrap_or(i64::MIN);
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
    file.take(size).read_to_end(&mut bytes).ok()?;
    let mut seen = Checked::new(io::empty());
    seen.pass(&bytes);
    let stamp = Stamp {
        size: seen.count(),
        times: times(&metadata).filter(|times| seen.count() == size && are_past(*times, now)),
        hash: seen.checksum(),
        version: None,
    };
    Some((bytes, stamp))
}

/// Whether times of modification and change lay well in the past.
fn are_past((modified, changed): (i64, i64), now: i64) -> bool {
    let past = now.saturating_sub(COARSE);
    modified < past && changed < past
}

/// A file that is being read.
pub(super) struct Stamping {
    path: PathBuf,
    before: Metadata,
    /// As it was about then.
    now: i64,
    seen: Arc<Mutex<Checked<io::Empty>>>,
    failed: Arc<AtomicBool>,
}

impl Stamping {
    /// Begins with a file before it is read; nothing for what is no file, such as a named pipe.
    pub(super) fn begin(path: &Path) -> io::Result<Option<Self>> {
        let before = path.metadata()?;
        Ok(before.is_file().then(|| Self {
            path: path.to_path_buf(),
            before,
            now: nanoseconds(SystemTime::now()).unwrap_or(i64::MIN),
            seen: Arc::new(Mutex::new(Checked::new(io::empty()))),
            failed: Arc::default(),
        }))
    }

    /// The file, whose bytes are looked at as they are read from its start.
    pub(super) fn watch(&self, file: File) -> Watched {
        Watched {
            file,
            seen: Arc::clone(&self.seen),
            failed: Arc::clone(&self.failed),
        }
    }

    /// The stamp, once all of the file was read. Where it was read from its end, it is read once more now; of a file that
    /// has changed meanwhile, or has gone, the stamp is of what was read, so that the next one differs from it.
    ///
    /// # Errors
    /// Where some of the file could not be read: no stamp may say that all of it is known.
    pub(super) fn end(self) -> io::Result<Stamp> {
        if self.failed.load(Ordering::Relaxed) {
            return Err(io::Error::other("it was not read to its end"));
        }
        let after = self.path.metadata().ok();
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let same = after.is_some_and(|after| {
            after.len() == self.before.len() && times(&after) == times(&self.before)
        });
        let (size, hash) = if seen.count() == self.before.len() || !same {
            (seen.count(), seen.checksum())
        } else {
            checksum_of(&self.path)?
        };
        let times = times(&self.before)
            .filter(|times| same && size == self.before.len() && are_past(*times, self.now));
        Ok(Stamp {
            size,
            times,
            hash,
            version: None,
        })
    }
}

/// See [`Stamping::watch`].
pub(super) struct Watched {
    file: File,
    seen: Arc<Mutex<Checked<io::Empty>>>,
    failed: Arc<AtomicBool>,
}

impl Read for Watched {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer).inspect_err(|error| {
            // Whoever was only interrupted reads on.
            let failed = error.kind() != io::ErrorKind::Interrupted;
            self.failed.fetch_or(failed, Ordering::Relaxed);
        })?;
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.pass(&buffer[..read]);
        Ok(read)
    }
}

/// Of modification and of change, where the system knows them.
fn times(metadata: &Metadata) -> Option<(i64, i64)> {
    let modified = nanoseconds(metadata.modified().ok()?)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let seconds = metadata.ctime().checked_mul(1_000_000_000)?;
        Some((modified, seconds.checked_add(metadata.ctime_nsec())?))
    }
    // Whoever sets a modification time leaves no trace here.
    #[cfg(not(unix))]
    {
        let _ = modified;
        None
    }
}

fn nanoseconds(time: SystemTime) -> Option<i64> {
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_nanos()).ok(),
        Err(before) => i64::try_from(before.duration().as_nanos()).ok().map(|n| -n),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Duration;

    use super::*;

    fn stamp(path: &Path) -> Stamp {
        let stamping = Stamping::begin(path).unwrap().unwrap();
        let mut bytes = Vec::new();
        let mut file = stamping.watch(File::open(path).unwrap());
        file.read_to_end(&mut bytes).unwrap();
        stamping.end().unwrap()
    }

    fn set(path: &Path, time: SystemTime) {
        let file = File::options().write(true).open(path).unwrap();
        file.set_modified(time).unwrap();
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_could_not_be_read_to_its_end_has_no_stamp() {
        // A file whose first byte cannot be read, whoever asks.
        let path = Path::new("/proc/self/mem");
        let stamping = Stamping::begin(path).unwrap().unwrap();
        let mut file = stamping.watch(File::open(path).unwrap());
        assert!(file.read(&mut [0]).is_err());
        assert!(stamping.end().is_err());
        assert!(read_small(path, 9).is_none());
        assert!(read_small(Path::new("/nowhere/at/all"), 9).is_none());
    }

    #[test]
    fn bytes_decide_where_times_do_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        fs::write(&path, "one").unwrap();
        let fresh = stamp(&path);
        assert_eq!(
            (fresh.size, fresh.times),
            (3, None),
            "its times are too new"
        );
        assert!(is_same(&path, &fresh).unwrap());
        // The clock goes back, and forth.
        for time in [
            UNIX_EPOCH + Duration::from_secs(1),
            UNIX_EPOCH - Duration::from_secs(1),
            SystemTime::now() + Duration::from_secs(1 << 28),
        ] {
            set(&path, time);
            assert!(is_same(&path, &fresh).unwrap());
            assert_eq!(stamp(&path).times, None, "changed just now");
            fs::write(&path, "two").unwrap();
            set(&path, time);
            assert!(!is_same(&path, &fresh).unwrap());
            fs::write(&path, "one").unwrap();
        }
    }

    #[cfg(unix)]
    #[test]
    fn equal_times_are_believed_where_they_were_old() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        fs::write(&path, "one").unwrap();
        let mut old = stamp(&path);
        old.times = times(&path.metadata().unwrap());
        old.hash = "another".into();
        assert!(is_same(&path, &old).unwrap(), "it is not read");
        // As rsync and `cp -p` leave it: other bytes, and the time of modification that it had.
        let modified = path.metadata().unwrap().modified().unwrap();
        fs::write(&path, "two").unwrap();
        set(&path, modified);
        assert!(!is_same(&path, &old).unwrap());
    }

    #[test]
    fn a_file_that_another_took_the_place_of_has_changed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        for unread in [true, false] {
            fs::write(&path, "one").unwrap();
            let stamping = Stamping::begin(&path).unwrap().unwrap();
            if !unread {
                let mut file = stamping.watch(File::open(&path).unwrap());
                io::copy(&mut file, &mut io::sink()).unwrap();
            }
            fs::remove_file(&path).unwrap();
            let gone = stamping.end().unwrap();
            fs::write(&path, "another").unwrap();
            assert!(!is_same(&path, &gone).unwrap(), "{unread}");
        }
    }

    #[test]
    fn a_small_file_has_the_stamp_of_any_other() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        fs::write(&path, "one").unwrap();
        let (bytes, fresh) = read_small(&path, 3).unwrap();
        assert_eq!((bytes.as_slice(), &fresh), (&b"one"[..], &stamp(&path)));
        assert_eq!(fresh.times, None, "its times are too new");
        assert!(is_same(&path, &fresh).unwrap());
        fs::write(&path, "two").unwrap();
        assert!(!is_same(&path, &fresh).unwrap());
        let now = i64::MAX;
        let found = times(&path.metadata().unwrap());
        assert!(found.is_none_or(|times| are_past(times, now) && !are_past(times, times.0)));
        for other in ["more", ""] {
            fs::write(&path, other).unwrap();
            assert!(read_small(&path, 3).is_none(), "{other:?}");
        }
        assert!(read_small(dir.path(), 1 << 20).is_none());
    }

    #[test]
    fn what_was_not_read_to_its_end_is_read_for_its_stamp() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        fs::write(&path, "one").unwrap();
        let unread = Stamping::begin(&path).unwrap().unwrap().end().unwrap();
        assert_eq!(unread, stamp(&path));
        assert!(Stamping::begin(dir.path()).unwrap().is_none());
    }
}
