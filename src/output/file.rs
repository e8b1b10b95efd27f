//! Files appear under their name when they are complete, and not before.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use datafusion::execution::SendableRecordBatchStream;
use tempfile::{Builder, NamedTempFile};

use super::{Format, Target, drive};
use crate::error::{Error, Result};

/// Writes a result to a file and gives the number of rows.
///
/// The bytes go to a hidden temporary file in the same folder, are forced to the disk, and take the final name in one
/// step. If the query or the disk fails in the middle, the temporary file is removed and what had the name before
/// has it still. A symbolic link is followed; a device or a named pipe is written to directly.
///
/// # Errors
/// As [`write`](super::write), with the path; also [`Error::Io`] where the folder is absent or cannot be written.
pub async fn write_file(
    stream: SendableRecordBatchStream,
    format: Format,
    path: &Path,
) -> Result<u64> {
    let fail = |source| Error::io(path)(source);
    let existing = match std::fs::metadata(path) {
        Ok(metadata) => Some(metadata),
        Err(e) if e.kind() == io::ErrorKind::NotFound => None,
        Err(e) => return Err(fail(e)),
    };
    match &existing {
        Some(metadata) if metadata.is_dir() => {
            return Err(Error::Usage(format!(
                "{}: is a folder, not a file",
                path.display()
            )));
        }
        Some(metadata) if !metadata.is_file() => {
            let out = OpenOptions::new().write(true).open(path).map_err(fail)?;
            return drive(stream, format, Target::Pipe, &out, path).await;
        }
        _ => {}
    }
    let target = match existing {
        Some(_) => path.canonicalize().map_err(fail)?,
        None => path.to_path_buf(),
    };
    let temporary = temporary_beside(&target, existing.as_ref()).map_err(fail)?;
    let rows = drive(stream, format, Target::File, temporary.as_file(), path).await?;
    publish(temporary, &target).map_err(fail)?;
    Ok(rows)
}

/// Writes a file that is there as it was, or as `fill` makes it, whatever happens in between.
pub(crate) fn replace_file(path: &Path, fill: impl FnOnce(&File) -> io::Result<()>) -> Result<()> {
    let write = || {
        let temporary = temporary_beside(path, None)?;
        fill(temporary.as_file())?;
        publish(temporary, path)
    };
    write().map_err(Error::io(path))
}

/// A temporary file with the permissions that the final one shall have.
fn temporary_beside(
    target: &Path,
    existing: Option<&std::fs::Metadata>,
) -> io::Result<NamedTempFile> {
    let name = target.file_name().ok_or(io::ErrorKind::InvalidFilename)?;
    let prefix = format!(".{}.", name.to_string_lossy());
    let mut builder = Builder::new();
    builder.prefix(&prefix).suffix(".tmp");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // Less the user's umask, as for any new file; tempfile's own default is 0600.
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let temporary = builder.tempfile_in(folder(target)).map_err(unnamed)?;
    if let Some(existing) = existing {
        temporary
            .as_file()
            .set_permissions(existing.permissions())?;
    }
    Ok(temporary)
}

/// Why there is no temporary file, without its name where the name is no part of it: nobody has asked for that file.
fn unnamed(error: io::Error) -> io::Error {
    use io::ErrorKind::{NotADirectory, NotFound, PermissionDenied, ReadOnlyFilesystem};
    match error.kind() {
        NotFound => io::Error::new(NotFound, "the folder that it shall be in is not there"),
        kind @ (NotADirectory | PermissionDenied | ReadOnlyFilesystem) => kind.into(),
        _ => error,
    }
}

fn publish(temporary: NamedTempFile, target: &Path) -> io::Result<()> {
    temporary.as_file().sync_all()?;
    temporary.persist(target).map_err(|e| e.error)?;
    sync_folder(&folder(target))
}

/// A rename lasts only once the folder is on the disk. Elsewhere than on Unix folders cannot be opened.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

fn folder(target: &Path) -> PathBuf {
    match target.parent() {
        Some(folder) if folder != Path::new("") => folder.to_path_buf(),
        _ => PathBuf::from("."),
    }
}
