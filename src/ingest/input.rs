//! What is to be read: paths, folders, globs, URLs and `-` → inputs in a fixed order, each once.
//!
//! Anything that cannot be told or found is an error here, before anything is written. What URLs name is found in
//! `object.rs`.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs::{File, Metadata};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use walkdir::WalkDir;

use super::ahead::Ahead;
use super::decompress::{Compression, Measure, decompress};
use super::object::{Object, Objects, is_url};
use super::{IngestOptions, Progress, glob};
use crate::error::{Error, Result};

/// What the records of an input look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputFormat {
    /// One JSON object a line (`.jsonl`, `.ndjson`).
    Jsonl,
    /// JSON objects in an array, or one after the other, on any lines (`.json`).
    Json,
    /// Comma-separated values with a header, or values that something else separates.
    Csv,
    /// Tab-separated values with a header.
    Tsv,
    /// Plain text (`.txt`).
    Text,
    /// Apache Parquet.
    Parquet,
    /// A letter (`.eml`).
    Eml,
    /// Letters one after the other (`.mbox`).
    Mbox,
    /// A page, of which the text is kept (`.html`, `.htm`).
    Html,
    /// What web servers sent, of which pages and plain text are kept (`.warc`).
    Warc,
    /// An archive (`.tar`, also `.tgz` and the like) of any of these.
    Tar,
    /// As above (`.zip`).
    Zip,
}

const FORMATS: &str = "jsonl, json, csv, tsv, txt, parquet, eml, mbox, html, warc, tar or zip";

impl InputFormat {
    fn of_extension(extension: &str) -> Option<Self> {
        match extension {
            "jsonl" | "ndjson" => Some(Self::Jsonl),
            "json" => Some(Self::Json),
            "csv" => Some(Self::Csv),
            "tsv" => Some(Self::Tsv),
            "txt" => Some(Self::Text),
            "parquet" => Some(Self::Parquet),
            "eml" => Some(Self::Eml),
            "mbox" => Some(Self::Mbox),
            "html" | "htm" => Some(Self::Html),
            "warc" => Some(Self::Warc),
            "tar" => Some(Self::Tar),
            "zip" => Some(Self::Zip),
            _ => None,
        }
    }

    /// Whether it holds files, each with a format of its own.
    pub(crate) fn is_archive(self) -> bool {
        matches!(self, Self::Tar | Self::Zip)
    }

    /// From the first bytes of the decompressed stream.
    fn of_first_bytes(bytes: &[u8]) -> Option<Self> {
        let marks = [&b"\xEF\xBB\xBF"[..], b"\xFF\xFE", b"\xFE\xFF"];
        let text = marks
            .iter()
            .find_map(|mark| bytes.strip_prefix(*mark))
            .unwrap_or(bytes);
        // UTF-16 has a zero beside each ASCII character.
        let mut text = text.iter().filter(|byte| **byte != 0);
        let is = |magic: &[u8]| bytes.starts_with(magic);
        let lower = bytes.trim_ascii_start().to_ascii_lowercase();
        if is(b"PAR1") {
            Some(Self::Parquet)
        } else if is(b"PK\x03\x04") {
            Some(Self::Zip)
        } else if bytes.get(257..262) == Some(b"ustar") {
            Some(Self::Tar)
        } else if is(b"WARC/") {
            Some(Self::Warc)
        } else if is(b"From ") {
            Some(Self::Mbox)
        } else if lower.starts_with(b"<!doctype html") || lower.starts_with(b"<html") {
            Some(Self::Html)
        } else {
            match text.find(|byte| !byte.is_ascii_whitespace()) {
                // An object that goes on after its first line is not one a line.
                Some(b'{') => match text.find(|byte| **byte != b'\r') {
                    Some(b'\n') => Some(Self::Json),
                    _ => Some(Self::Jsonl),
                },
                Some(b'[') => Some(Self::Json),
                _ => None,
            }
        }
    }
}

impl FromStr for InputFormat {
    type Err = String;

    fn from_str(name: &str) -> std::result::Result<Self, String> {
        Self::of_extension(&name.to_ascii_lowercase())
            .ok_or_else(|| format!("{name:?} is no input format: it is {FORMATS}"))
    }
}

/// Where an input's bytes come from.
pub(crate) enum Origin {
    File {
        path: PathBuf,
        compression: Option<Compression>,
        size: u64,
    },
    Object {
        object: Object,
        compression: Option<Compression>,
    },
    Stream(Box<dyn Read + Send>),
}

impl std::fmt::Debug for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File { path, .. } => write!(f, "{}", path.display()),
            Self::Object { object, .. } => write!(f, "{object:?}"),
            Self::Stream(_) => f.write_str("stream"),
        }
    }
}

/// One file or stream.
#[derive(Debug)]
pub(crate) struct Input {
    /// As given, or as joined from the folder that was given.
    pub source: String,
    /// The same for one file however it is spelt; none for a stream.
    pub identity: Option<String>,
    pub format: InputFormat,
    pub origin: Origin,
}

/// All inputs, and how many files in folders and globs were left out because nothing tells their format.
#[derive(Debug, Default)]
pub(crate) struct Inputs {
    pub inputs: Vec<Input>,
    pub unknown_files: u64,
    /// Links to nothing, in folders and globs.
    pub broken_links: u64,
    /// Files named so far, those named before included.
    named: u64,
    seen: HashSet<OsString>,
    objects: Objects,
    /// The folder of the last file, as given and without links.
    folder: Option<(PathBuf, PathBuf)>,
}

impl Inputs {
    /// Finds the inputs; what lies inside of `store` is none of them.
    pub(crate) fn find(
        paths: &[String],
        store: &Path,
        options: &IngestOptions,
        progress: &dyn Progress,
    ) -> Result<Self> {
        let format = options.format;
        let mut found = Self::default();
        let store = store.canonicalize().ok();
        if paths.is_empty() {
            return Err(Error::Usage(
                "nothing to ingest: name files, folders, globs, URLs, or - for standard input"
                    .into(),
            ));
        }
        for given in paths {
            let path = Path::new(given);
            let there = path.metadata();
            let before = found.named;
            if given == "-" {
                found.stdin(options)?;
                continue;
            }
            if is_url(given) {
                let named = found.objects.find(given, format, progress)?;
                found.unknown_files += named.unknown;
                for input in named.inputs {
                    found.add(input.identity.clone().unwrap_or_default().into(), input);
                }
            } else if path.is_dir() {
                found.folder(path, store.as_deref(), format)?;
            } else if there.as_ref().is_ok_and(Metadata::is_file) {
                if !found.file(path, None, format)? {
                    return Err(nameless(given));
                }
                continue;
            } else if there.is_ok() {
                found.pipe(path, options)?;
                continue;
            } else if given.contains(['*', '?', '[']) {
                found.glob(given, store.as_deref(), options)?;
            } else if let Err(error) = there {
                return Err(Error::io(path)(error));
            }
            if found.named == before {
                return Err(Error::Usage(format!(
                    "{given}: no files there that could be read (known are .jsonl .ndjson .json .csv .tsv .txt .parquet .eml .mbox .html .warc .tar .zip, \
                     with .gz, .zst, .bz2 or .xz after it or not; --format takes any other)"
                )));
            }
        }
        Ok(found)
    }

    fn stdin(&mut self, options: &IngestOptions) -> Result<()> {
        // No file has this for its real path.
        if !self.seen.insert("-".into()) {
            return Err(Error::Usage("standard input (-) is named twice".into()));
        }
        let stream = Box::new(std::io::stdin());
        self.inputs.push(Input::stream("stdin", stream, options)?);
        Ok(())
    }

    /// A named pipe, or what `<(command)` is: a stream, which is never the same twice. It is opened in its turn, since
    /// who writes to one pipe after the other waits for a reader of each; where only its first bytes tell what it is, now.
    fn pipe(&mut self, path: &Path, options: &IngestOptions) -> Result<()> {
        let real = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
        let source = words(path);
        let input = match Form::of_name(path, options.format) {
            Some(form) => Input {
                source,
                identity: None,
                format: form.format,
                origin: Origin::File {
                    path: path.to_path_buf(),
                    compression: form.compression,
                    size: 0,
                },
            },
            None if self.seen.contains(real.as_os_str()) => return Ok(()),
            None => {
                let stream = File::open(path).map_err(Error::io(path))?;
                Input::stream(&source, Box::new(stream), options)?
            }
        };
        self.add(real.into_os_string(), input);
        Ok(())
    }

    fn glob(&mut self, pattern: &str, store: Option<&Path>, options: &IngestOptions) -> Result<()> {
        for path in glob::matching(pattern)? {
            match path.metadata() {
                Err(error) if is_broken_link(&path, &error) => self.pass_broken_link(&path),
                Err(error) => return Err(Error::io(path)(error)),
                Ok(there) if there.is_dir() => self.folder(&path, store, options.format)?,
                Ok(there) if !there.is_file() => self.pipe(&path, options)?,
                Ok(_) => {
                    if !self.file(&path, None, options.format)? {
                        self.unknown_files += 1;
                    }
                }
            }
        }
        Ok(())
    }

    fn pass_broken_link(&mut self, path: &Path) {
        let name = path.file_name().unwrap_or_default();
        let real = path.parent().and_then(|folder| folder.canonicalize().ok());
        if real.is_some_and(|folder| !self.seen.insert(folder.join(name).into_os_string())) {
            return;
        }
        tracing::warn!("{}: a link to nothing, left out", words(path));
        self.broken_links += 1;
    }

    fn folder(
        &mut self,
        folder: &Path,
        store: Option<&Path>,
        format: Option<InputFormat>,
    ) -> Result<()> {
        let is_store =
            |path: &Path| store.is_some() && path.canonicalize().ok().as_deref() == store;
        let walk = WalkDir::new(folder)
            .follow_links(true)
            // By name, since what is compared lies in one folder; cheaper than to cut the names out each time.
            .sort_by(|a, b| a.path().as_os_str().cmp(b.path().as_os_str()))
            .into_iter()
            .filter_entry(|entry| {
                let is_hidden = entry.depth() > 0 && glob::is_hidden(entry.file_name());
                let is_ours = entry.file_type().is_dir() && is_store(entry.path());
                !is_hidden && !is_ours
            });
        for entry in walk {
            let entry = match entry {
                Ok(entry) => entry,
                // What is in a folder around it is found there.
                Err(error) if error.loop_ancestor().is_some() => continue,
                Err(error) => {
                    let path = error.path().unwrap_or(folder).to_path_buf();
                    let error = error.into_io_error().unwrap_or_else(|| {
                        std::io::Error::other("the folder cannot be walked through")
                    });
                    if !is_broken_link(&path, &error) {
                        return Err(Error::io(path)(error));
                    }
                    // Editors lock files by such links.
                    if !path.file_name().is_some_and(glob::is_hidden) {
                        self.pass_broken_link(&path);
                    }
                    continue;
                }
            };
            if !entry.file_type().is_file() {
                continue;
            }
            // The real path of a folder is found once for all the files in it.
            let real = match entry.path().parent() {
                Some(parent) if !entry.path_is_symlink() => {
                    if self
                        .folder
                        .as_ref()
                        .is_none_or(|(given, _)| given != parent)
                    {
                        let real = parent.canonicalize().map_err(Error::io(parent))?;
                        self.folder = Some((parent.to_path_buf(), real));
                    }
                    let folder = self.folder.as_ref().map(|(_, real)| real);
                    folder.map(|real| real.join(entry.file_name()))
                }
                _ => None,
            };
            if !self.file(entry.path(), real, format)? {
                self.unknown_files += 1;
            }
        }
        Ok(())
    }

    fn add(&mut self, real: OsString, input: Input) {
        self.named += 1;
        if self.seen.insert(real) {
            self.inputs.push(input);
        }
    }

    /// Adds a file unless it is there already; false where nothing tells its format. `real` is its path without links, where
    /// that is known.
    fn file(
        &mut self,
        path: &Path,
        real: Option<PathBuf>,
        format: Option<InputFormat>,
    ) -> Result<bool> {
        let Some(Form {
            format,
            compression,
        }) = Form::of_name(path, format)
        else {
            return Ok(false);
        };
        let real = match real {
            Some(real) => real,
            None => path.canonicalize().map_err(Error::io(path))?,
        };
        let metadata = path.metadata().map_err(Error::io(path))?;
        // So that a file that may not be read stops the ingest before it begins.
        if metadata.is_file() && !is_for_all(&metadata) {
            File::open(path).map_err(Error::io(path))?;
        }
        let input = Input {
            source: words(path),
            identity: Some(words(&real)),
            format,
            origin: Origin::File {
                path: path.to_path_buf(),
                compression,
                size: metadata.len(),
            },
        };
        self.add(real.into_os_string(), input);
        Ok(true)
    }
}

/// Whether this error, met at this path, says no more than that a link leads nowhere, or to itself.
fn is_broken_link(path: &Path, error: &std::io::Error) -> bool {
    error.kind() != std::io::ErrorKind::PermissionDenied && path.is_symlink()
}

/// Whether everybody may read it, which spares opening it to find out.
fn is_for_all(metadata: &Metadata) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        metadata.permissions().mode() & 0o444 == 0o444
    }
    #[cfg(not(unix))]
    {
        let _ = metadata;
        false
    }
}

impl Input {
    /// A stream whose format is told by its first bytes where `format` does not say it.
    pub(crate) fn stream(
        source: &str,
        stream: Box<dyn Read + Send>,
        options: &IngestOptions,
    ) -> Result<Self> {
        let mut stream = Ahead::new(stream);
        // bzip2 gives nothing before a block of up to 900 kB is there.
        let mut looks = [8 << 10, 1 << 20].into_iter();
        let format = options
            .format
            .or_else(|| looks.find_map(|look| first_bytes_tell(stream.look(look))))
            .ok_or_else(|| {
                Error::Usage(format!(
                    "{source}: its first bytes do not tell what it is; say so with --format: {FORMATS}"
                ))
            })?;
        Ok(Self {
            source: source.to_string(),
            identity: None,
            format,
            origin: Origin::Stream(Box::new(stream)),
        })
    }
}

/// What to say where nothing tells the format.
pub(crate) fn nameless(given: &str) -> Error {
    Error::Usage(format!(
        "{given}: its name does not tell what it is; say so with --format: {FORMATS}"
    ))
}

/// A path as text. Bytes that are no UTF-8 are written as `\xFF`: with a replacement character in their place two files
/// would be one, and the second would be taken for one that was read before.
pub(crate) fn words(path: &Path) -> String {
    let mut words = String::new();
    for chunk in path.as_os_str().as_encoded_bytes().utf8_chunks() {
        words.push_str(chunk.valid());
        for byte in chunk.invalid() {
            words.push_str(&format!("\\x{byte:02X}"));
        }
    }
    words
}

/// The format of a stream that begins with these bytes, compressed or not.
fn first_bytes_tell(head: &[u8]) -> Option<InputFormat> {
    let mut first = Vec::new();
    // Cut off as it is, it may end in an error.
    let _ = decompress(head, None, &Measure::new(u64::MAX))
        .and_then(|stream| stream.take(512).read_to_end(&mut first));
    InputFormat::of_first_bytes(&first)
}

/// What a file is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Form {
    pub format: InputFormat,
    pub compression: Option<Compression>,
}

impl Form {
    /// By its name, and what is `given` for files whose names do not tell; nothing where neither does. In an archive, what is
    /// given is about the files in it.
    pub(crate) fn of_name(path: &Path, given: Option<InputFormat>) -> Option<Self> {
        let (by_name, compression) = of_name(path);
        let archive = by_name.filter(|format| format.is_archive());
        let format = archive.or(given).or(by_name)?;
        Some(Self {
            format,
            compression,
        })
    }
}

/// `logs.jsonl.gz` → JSONL, gzip.
fn of_name(path: &Path) -> (Option<InputFormat>, Option<Compression>) {
    let lower = |path: &Path| {
        path.extension()
            .map(|e| e.to_string_lossy().to_ascii_lowercase())
            .unwrap_or_default()
    };
    let extension = lower(path);
    let packed_tar = match extension.as_str() {
        "tgz" => Some(Compression::Gzip),
        "tzst" => Some(Compression::Zstd),
        "tbz2" | "tbz" => Some(Compression::Bzip2),
        "txz" => Some(Compression::Xz),
        _ => None,
    };
    if packed_tar.is_some() {
        return (Some(InputFormat::Tar), packed_tar);
    }
    match Compression::of_extension(&extension) {
        Some(compression) => (
            InputFormat::of_extension(&lower(&path.with_extension(""))),
            Some(compression),
        ),
        None => (InputFormat::of_extension(&extension), None),
    }
}

#[cfg(test)]
mod tests;
