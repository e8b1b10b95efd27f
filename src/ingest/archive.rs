//! Archives: the files in a tar or a zip, each read like a file of its own.
//!
//! A member's source is the archive's with its path behind it. Members are read in their order, one at a time; a tar is a
//! stream, a zip is read from its end (`zip_members.rs`) and goes to a nameless file where it is not one. Links and what is
//! not a file are passed over, as in folders; members whose names tell no format are counted.

use std::cell::Cell;
use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tar::EntryType;

use super::decompress::{Stream, bounded};
use super::input::{Form, words};
use super::reader::{Reader, Stop};
use super::zip_members;
use crate::error::Error;

/// Archives in archives are read so deep.
const DEPTH: usize = 3;
/// What stands before a member of a tar, long names above all, which the crate `tar` holds in memory, is no longer.
const BEFORE: u64 = 1 << 20;

impl Reader<'_> {
    pub(crate) fn read_tar(
        &mut self,
        source: &Arc<str>,
        stream: Stream<'_>,
        depth: usize,
    ) -> Result<(), Stop> {
        // Where the stream stands, and up to where it may be read.
        let (at, until) = (Cell::new(0), Cell::new(0));
        let mut archive = tar::Archive::new(Guarded {
            stream,
            at: &at,
            until: &until,
        });
        let mut entries = match archive.entries() {
            Ok(entries) => entries,
            Err(error) => return self.refuse(source, 1, None, error.to_string()),
        };
        let mut names = HashSet::new();
        let mut end: u64 = 0;
        loop {
            until.set(end.saturating_add(BEFORE));
            let Some(entry) = entries.next() else { break };
            until.set(u64::MAX);
            let mut entry = match entry {
                Ok(entry) => entry,
                Err(error) => return self.refuse(source, 1, None, error.to_string()),
            };
            // Of a file with holes the size is what it becomes, and the header says what is there.
            let packed = match entry.header().entry_type() {
                EntryType::GNUSparse => entry.header().entry_size().unwrap_or(entry.size()),
                _ => entry.size(),
            };
            end = at.get().saturating_add(packed);
            let what = Member::of(&mut entry);
            if matches!(what, Member::NoFile) {
                continue;
            }
            let path = match entry.path() {
                Ok(path) => path.into_owned(),
                Err(error) => {
                    self.refuse(source, 1, None, error.to_string())?;
                    continue;
                }
            };
            let left = entry.size();
            let stream = Whole {
                stream: entry,
                left,
            };
            match what {
                Member::NoFile => {}
                Member::File => self.member(source, &path, Box::new(stream), &mut names, depth)?,
                Member::Holes => {
                    let stream = bounded(stream, packed, &self.measure);
                    self.member(source, &path, stream, &mut names, depth)?;
                }
                Member::Unread { path: real, why } => {
                    let path = real.unwrap_or(path);
                    match self.name_member(source, &path, &mut names) {
                        Some((source, _)) => self.refuse(&source, 1, None, why)?,
                        None => self.unknown_files += 1,
                    }
                }
            }
        }
        Ok(())
    }

    pub(crate) fn read_zip(
        &mut self,
        source: &Arc<str>,
        file: File,
        depth: usize,
    ) -> Result<(), Stop> {
        let size = file.metadata().map_or(u64::MAX, |metadata| metadata.len());
        let archives = match zip_members::open(file) {
            Ok(archives) => archives,
            Err(error) => return self.refuse(source, 1, None, error.to_string()),
        };
        let mut names = HashSet::new();
        let mut packed_before = 0_u64;
        let mut number = 0;
        for mut archive in archives.of_all_members {
            for index in 0..archive.len() {
                number += 1;
                let entry = match archive.by_index(index) {
                    Ok(entry) => entry,
                    Err(error) => {
                        let why = format!("member {number}: {error}");
                        self.refuse(source, number, None, why)?;
                        continue;
                    }
                };
                if !entry.is_file() {
                    continue;
                }
                let packed = entry.compressed_size();
                packed_before = packed_before.saturating_add(packed);
                if packed_before > size {
                    let why =
                        "its members lie over one another, as in an archive made to fill a disk";
                    return self.refuse(source, number, None, why.to_string());
                }
                let path = Path::new(entry.name()).to_path_buf();
                let stream = bounded(entry, packed, &self.measure);
                self.member(source, &path, stream, &mut names, depth)?;
            }
        }
        if archives.hidden > 0 {
            let why = format!(
                "its list has {} more members than can be read",
                archives.hidden
            );
            self.refuse(source, number + 1, None, why)?;
        }
        Ok(())
    }

    /// The source that a member is, and what it is made of; nothing where its name does not tell.
    fn name_member(
        &self,
        archive: &Arc<str>,
        path: &Path,
        names: &mut HashSet<String>,
    ) -> Option<(Arc<str>, Form)> {
        let form = Form::of_name(path, self.options.format)?;
        let name = format!("{archive}/{}", words(path));
        // The same path may be there twice, the later one being the newer.
        let name = std::iter::once(name.clone())
            .chain((2..).map(|n| format!("{name} ({n})")))
            .find(|name| names.insert(name.clone()))
            .unwrap_or(name);
        Some((name.into(), form))
    }

    fn member(
        &mut self,
        archive: &Arc<str>,
        path: &Path,
        stream: Stream<'_>,
        names: &mut HashSet<String>,
        depth: usize,
    ) -> Result<(), Stop> {
        let Some((source, form)) = self.name_member(archive, path, names) else {
            self.unknown_files += 1;
            return Ok(());
        };
        if depth >= DEPTH {
            let why = format!("archives lie in one another more than {DEPTH} deep");
            return self.refuse(&source, 1, None, why);
        }
        self.read_stream(&source, form, stream, depth + 1)
            .map(|_| ())
            .map_err(|stop| match stop {
                Stop::Error(Error::Io { source: error, .. }) => {
                    Stop::Error(Error::io(source.as_ref())(error))
                }
                stop => stop,
            })
    }
}

/// What a member of a tar is to us.
enum Member {
    File,
    /// A file of which runs of zeros are not in the archive.
    Holes,
    /// A folder, a link, a device, or words about the archive.
    NoFile,
    /// What would be text of which something else is read.
    Unread {
        path: Option<PathBuf>,
        why: String,
    },
}

impl Member {
    fn of<R: Read>(entry: &mut tar::Entry<'_, R>) -> Self {
        let kind = entry.header().entry_type();
        let what = match kind {
            EntryType::Regular | EntryType::Continuous => Self::File,
            EntryType::GNUSparse => Self::Holes,
            EntryType::Link | EntryType::Symlink | EntryType::Directory => return Self::NoFile,
            EntryType::Char | EntryType::Block | EntryType::Fifo => return Self::NoFile,
            EntryType::XGlobalHeader => return Self::NoFile,
            // A folder's listing, and the archive's own name.
            _ if matches!(kind.as_byte(), b'D' | b'V') => return Self::NoFile,
            _ => {
                let kind = char::from(kind.as_byte());
                let why = format!("a member of the kind {kind:?}, which is not read");
                return Self::Unread { path: None, why };
            }
        };
        let (mut has_map, mut path) = (false, None);
        if let Ok(Some(extensions)) = entry.pax_extensions() {
            for extension in extensions.flatten() {
                has_map |= extension.key_bytes().starts_with(b"GNU.sparse.");
                if extension.key_bytes() == b"GNU.sparse.name" {
                    let name = String::from_utf8_lossy(extension.value_bytes());
                    path = Some(PathBuf::from(name.into_owned()));
                }
            }
        }
        if !has_map {
            return what;
        }
        let why = "a file with holes in the PAX format, which is not read (tar --format=gnu writes one that is)";
        Self::Unread {
            path,
            why: why.to_string(),
        }
    }
}

/// A tar that is read up to some place, and no further for now.
struct Guarded<'c, R> {
    stream: R,
    at: &'c Cell<u64>,
    until: &'c Cell<u64>,
}

impl<R: Read> Read for Guarded<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.until.get().saturating_sub(self.at.get());
        if left == 0 && !buffer.is_empty() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("what stands before a member is longer than {BEFORE} bytes"),
            ));
        }
        let length = usize::try_from(left).map_or(buffer.len(), |left| left.min(buffer.len()));
        let read = self.stream.read(&mut buffer[..length])?;
        self.at.set(self.at.get() + read as u64);
        Ok(read)
    }
}

/// A member that is not over before its end.
struct Whole<R> {
    stream: R,
    left: u64,
}

impl<R: Read> Read for Whole<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.stream.read(buffer)?;
        self.left = self.left.saturating_sub(read as u64);
        if read == 0 && self.left > 0 && !buffer.is_empty() {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                format!(
                    "the archive ends {} bytes before its member does",
                    self.left
                ),
            ));
        }
        Ok(read)
    }
}
