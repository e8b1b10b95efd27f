//! Where the results of due runs lie.
//!
//! Owns their names, the switch of `latest`, and what is removed. What is written is `output`'s.
//!
//! ```text
//! DIR/NAME/2026-11-25T0630+0800.json   the run for that scheduled time, in the schedule's zone
//! DIR/NAME/latest.json                 a symbolic link to the last one
//! ```
//!
//! The time is the one that the schedule speaks of, since "the report of the 25th" is the 24th in UTC. The offset keeps
//! the two passes of a repeated hour apart. Names sort in the order of time, but for those two passes where the offset is
//! east of Greenwich, and where a schedule's zone was changed; `--keep` goes by the times, not by the names.

use std::fs;
use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use chrono::{DateTime, FixedOffset, TimeZone};

use crate::error::{Error, Result};
use crate::output::{Format, replace_file, sync_folder};

const NAME: &str = "%Y-%m-%dT%H%M%z";

/// The folder of one report's results.
#[derive(Debug)]
pub(super) struct Outputs {
    folder: PathBuf,
    extension: &'static str,
}

impl Outputs {
    /// `DIR/NAME`, made if it is not there.
    pub(super) fn of(output: &Path, report: &str, format: Format) -> Result<Self> {
        let folder = output.join(report);
        fs::create_dir_all(&folder).map_err(Error::io(&folder))?;
        Ok(Self {
            folder,
            extension: format.extension(),
        })
    }

    /// The file of a scheduled time.
    pub(super) fn path<Z: TimeZone>(&self, due: &DateTime<Z>) -> PathBuf {
        let name = due.fixed_offset().format(NAME);
        self.folder.join(format!("{name}.{}", self.extension))
    }

    /// Lets `latest` stand for a file of the folder: whoever opens it gets the earlier result or this one. Where there are no
    /// symbolic links it is a copy.
    pub(super) fn switch_latest(&self, path: &Path) -> Result<()> {
        let latest = self.folder.join(format!("latest.{}", self.extension));
        if self.link(path, &latest).is_err() {
            return replace_file(&latest, |mut copy| {
                io::copy(&mut fs::File::open(path)?, &mut copy).map(drop)
            });
        }
        sync_folder(&self.folder).map_err(Error::io(&self.folder))
    }

    fn link(&self, path: &Path, latest: &Path) -> io::Result<()> {
        let target = path.file_name().ok_or(io::ErrorKind::InvalidFilename)?;
        let link = tempfile::Builder::new()
            .prefix(".latest.")
            .suffix(".tmp")
            .make_in(&self.folder, |link| symlink(target.as_ref(), link))?;
        link.persist(latest).map_err(|e| e.error)
    }

    /// Removes what killed runs left behind and, of the results, all but the `keep` latest. Nothing is touched that has not a
    /// name of this format.
    pub(super) fn sweep(&self, keep: Option<NonZeroUsize>) -> Result<()> {
        let mut results = Vec::new();
        for entry in fs::read_dir(&self.folder).map_err(Error::io(&self.folder))? {
            let path = entry.map_err(Error::io(&self.folder))?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if let Some(time) = self.time(&name) {
                results.push((time, path));
            } else if self.is_remainder(&name) {
                remove(&path)?;
            }
        }
        if let Some(keep) = keep {
            results.sort_unstable();
            for (_, path) in results.iter().rev().skip(keep.get()) {
                remove(path)?;
            }
        }
        Ok(())
    }

    fn time(&self, name: &str) -> Option<DateTime<FixedOffset>> {
        let stem = name.strip_suffix(self.extension)?.strip_suffix('.')?;
        DateTime::parse_from_str(stem, NAME).ok()
    }

    /// `.2026-11-25T0630+0800.json.AbCdEf.tmp` or `.latest.AbCdEf.tmp`; the runs that wrote them hold the lock no longer.
    fn is_remainder(&self, name: &str) -> bool {
        let inner = name
            .strip_prefix('.')
            .and_then(|name| name.strip_suffix(".tmp"));
        let target = inner.and_then(|inner| Some(inner.rsplit_once('.')?.0));
        target.is_some_and(|target| target == "latest" || self.time(target).is_some())
    }
}

#[cfg(unix)]
fn symlink(target: &Path, link: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, link)
}

/// Windows gives them to administrators only.
#[cfg(not(unix))]
fn symlink(_: &Path, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(Error::io(path)(e)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    fn due(text: &str) -> DateTime<FixedOffset> {
        text.parse().unwrap()
    }

    #[test]
    fn latest_is_switched_and_only_results_are_removed() {
        let dir = tempfile::tempdir().unwrap();
        let outputs = Outputs::of(dir.path(), "daily", Format::Json).unwrap();
        let folder = dir.path().join("daily");
        let latest = || fs::read_to_string(folder.join("latest.json")).unwrap();
        // The second pass of 2 o'clock in Berlin comes after the first, whatever their names say.
        for time in [
            "2026-10-24T02:00:00+02:00",
            "2026-10-25T02:00:00+02:00",
            "2026-10-25T02:00:00+01:00",
        ] {
            let path = outputs.path(&due(time));
            fs::write(&path, time).unwrap();
            outputs.switch_latest(&path).unwrap();
            assert_eq!(latest(), time);
        }
        assert!(cfg!(not(unix)) || folder.join("latest.json").is_symlink());
        for other in [
            ".2026-10-24T0200+0200.json.aBcDeF.tmp",
            ".latest.aBcDeF.tmp",
            ".mine.json.aBcDeF.tmp",
            "2026-10-24.json",
            "2026-10-24T0200+0200.csv",
            "notes.json",
        ] {
            fs::write(folder.join(other), "").unwrap();
        }
        outputs.sweep(None).unwrap();
        let others = [
            ".mine.json.aBcDeF.tmp",
            "2026-10-24.json",
            "2026-10-24T0200+0200.csv",
        ];
        let results = [
            "2026-10-24T0200+0200.json",
            "2026-10-25T0200+0100.json",
            "2026-10-25T0200+0200.json",
        ];
        let rest = ["latest.json", "notes.json"];
        assert_eq!(names(&folder), [&others[..], &results, &rest].concat());
        outputs.sweep(NonZeroUsize::new(1)).unwrap();
        assert_eq!(
            names(&folder),
            [&others[..], &results[1..2], &rest].concat()
        );
        assert_eq!(latest(), "2026-10-25T02:00:00+01:00");
    }

    #[test]
    fn a_copy_takes_the_place_of_a_link() {
        let dir = tempfile::tempdir().unwrap();
        let outputs = Outputs::of(dir.path(), "daily", Format::Csv).unwrap();
        let path = outputs.path(&due("2026-11-25T06:30:00+08:00"));
        fs::write(&path, "a,b\n").unwrap();
        // A path without a file name makes no link.
        assert!(
            outputs
                .link(&path.join(".."), &dir.path().join("latest.csv"))
                .is_err()
        );
        fs::create_dir(dir.path().join("daily/latest.csv")).unwrap();
        let error = outputs.switch_latest(&path).unwrap_err().to_string();
        assert!(error.contains("latest.csv"), "{error}");
        assert_eq!(
            names(&dir.path().join("daily")),
            ["2026-11-25T0630+0800.csv", "latest.csv"]
        );
    }
}
