//! Phrase lists in files, and their compiled forms beside them.
//!
//! Owns names, compression, and when a compiled form is believed. What a list means, and whether a form is whole, is
//! `recognize/gazetteer/`'s business.
//!
//! A form is kept as `.LIST.FOLDING.spanql-gaz`: the bytes of the gazetteer, then a stamp of eight bytes. The stamp is
//! a hash of the list's bytes, the folding and this program's version: with another stamp the form is of another list
//! or program, and is written anew. So there is nothing to configure and nothing to clear, and whoever cannot write
//! compiles. Processes that write at once write the same, each under a temporary name first.

use std::fmt;
use std::fs::{self, File};
use std::hash::Hasher;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use twox_hash::XxHash64;

use crate::error::Error;
use crate::ingest::decompress::{Compression, EXPANSION, Measure, decompress};
use crate::output;
use crate::recognize::{Folding, Gazetteer, ListFormat};

/// Lists of fewer bytes are compiled in a few milliseconds, which is not worth a file.
const KEPT_FROM: usize = 64 << 10;
/// More than a list may have; enough to be told so.
const MOST_BYTES: u64 = (256 << 20) + 1;
const STAMP: usize = 8;

/// What became of the compiled form.
#[derive(Debug)]
enum Form {
    /// The list is small.
    Unneeded,
    /// It was read.
    Read,
    /// The list was compiled, and it was written.
    Written,
    /// The list was compiled; it could not be written.
    Unwritten(PathBuf, Error),
}

/// The gazetteer of a list, or what is wrong with it.
pub(super) fn load(label: &str, list: &Path, folding: Folding) -> Result<Gazetteer, String> {
    let started = Instant::now();
    let told = |message: &dyn fmt::Display| format!("{}: {message}", list.display());
    let (gazetteer, form) = open(label, list, folding).map_err(|e| told(&*e))?;
    tracing::debug!(list = %list.display(), ?form, elapsed = ?started.elapsed(), "gazetteer");

    let mut description = format!("{} phrases of {}", gazetteer.phrases(), list.display());
    for (folds, what) in [(folding.case, "case"), (folding.width, "width")] {
        if folds {
            description += &format!(", ignoring {what}");
        }
    }
    let mut warn = |what: String| {
        tracing::warn!("{}", told(&what));
        description += &format!("; {what}");
    };
    for skipped in gazetteer.skipped() {
        warn(format!("skipped {skipped}"));
    }
    if let Form::Unwritten(path, error) = form {
        warn(format!(
            "compiled each time, since {} cannot be written: {error}",
            path.display()
        ));
    }
    Ok(gazetteer.with_description(&description))
}

type Failure = Box<dyn std::error::Error>;

fn open(label: &str, list: &Path, folding: Folding) -> Result<(Gazetteer, Form), Failure> {
    let name = list.file_name().ok_or("names no file")?;
    let (format, compression) = kind(&name.to_string_lossy()).ok_or(
        "a list is a .csv, .tsv or .txt file, with .gz or .zst after it where it is compressed",
    )?;
    let bytes = read(list)?;
    let compile = || -> Result<Gazetteer, Failure> {
        let Some(compression) = compression else {
            return Ok(Gazetteer::compile(label, &bytes, format, folding)?);
        };
        let mut plain = Vec::new();
        let measure = Measure::new(EXPANSION);
        measure.read(bytes.len() as u64);
        decompress(bytes.as_slice(), Some(compression), &measure)?
            .take(MOST_BYTES)
            .read_to_end(&mut plain)?;
        Ok(Gazetteer::compile(label, &plain, format, folding)?)
    };
    if bytes.len() < KEPT_FROM {
        return Ok((compile()?, Form::Unneeded));
    }
    let mut hidden = std::ffi::OsString::from(".");
    hidden.push(name);
    hidden.push(match folding {
        Folding {
            case: false,
            width: false,
        } => ".exact.spanql-gaz",
        Folding {
            case: true,
            width: false,
        } => ".case.spanql-gaz",
        Folding {
            case: false,
            width: true,
        } => ".width.spanql-gaz",
        Folding {
            case: true,
            width: true,
        } => ".case-width.spanql-gaz",
    });
    let kept = list.with_file_name(hidden);
    let stamp = stamp(&bytes, format, folding);
    if let Some(gazetteer) =
        take(&kept, stamp).and_then(|bytes| Gazetteer::from_bytes(label, bytes))
    {
        return Ok((gazetteer, Form::Read));
    }
    let gazetteer = compile()?;
    let form = match output::replace_file(&kept, |mut file| {
        file.write_all(gazetteer.bytes())?;
        file.write_all(&stamp)
    }) {
        Ok(()) => Form::Written,
        Err(error) => Form::Unwritten(kept, error),
    };
    Ok((gazetteer, form))
}

/// What the name of a file says about it.
fn kind(name: &str) -> Option<(ListFormat, Option<Compression>)> {
    let lower = name.to_ascii_lowercase();
    let (stem, extension) = lower.rsplit_once('.')?;
    let compression = Compression::of_extension(extension);
    let extension = match compression {
        None => extension,
        Some(_) => stem.rsplit_once('.')?.1,
    };
    let format = match extension {
        "csv" => ListFormat::Csv,
        "tsv" => ListFormat::Tsv,
        "txt" => ListFormat::Lines,
        _ => return None,
    };
    Some((format, compression))
}

/// The bytes of a list. A pipe or device would never end.
fn read(list: &Path) -> Result<Vec<u8>, Failure> {
    if !fs::metadata(list)?.is_file() {
        return Err("is no regular file".into());
    }
    let mut bytes = Vec::new();
    File::open(list)?.take(MOST_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn stamp(list: &[u8], format: ListFormat, folding: Folding) -> [u8; STAMP] {
    let mut hasher = XxHash64::with_seed(0);
    let about = format!("{} {format:?} {folding:?} ", env!("CARGO_PKG_VERSION"));
    hasher.write(about.as_bytes());
    hasher.write(list);
    hasher.finish().to_le_bytes()
}

/// The bytes before the stamp of a file, if that is the stamp. Whatever is the matter with it, the list can be compiled.
fn take(kept: &Path, stamp: [u8; STAMP]) -> Option<Vec<u8>> {
    if !fs::metadata(kept).ok()?.is_file() {
        return None;
    }
    let mut file = File::open(kept).ok()?;
    let length = file.seek(SeekFrom::End(-(STAMP as i64))).ok()?;
    let mut found = [0; STAMP];
    file.read_exact(&mut found).ok()?;
    if found != stamp {
        return None;
    }
    file.rewind().ok()?;
    let mut bytes = Vec::with_capacity(usize::try_from(length).ok()?);
    file.take(length).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {

    use super::*;
    use crate::recognize::{Recognizer, Registry, Scratch};

    const EXACT: Folding = Folding {
        case: false,
        width: false,
    };

    /// A list that is worth a compiled form.
    fn long_list(word: &str) -> String {
        let lines = (0..10_000).map(|i| format!("{word} {i},{i}\n"));
        lines.collect()
    }

    fn opened(list: &Path) -> (Gazetteer, Form) {
        open("X", list, EXACT).unwrap()
    }

    fn found(gazetteer: Gazetteer, text: &str) -> Vec<String> {
        let registry = Registry::default().with_gazetteer(gazetteer);
        let scanner = registry.scanner_for_all();
        let mut scratch = Scratch::default();
        let spans = scanner.scan(text, &mut scratch).iter();
        spans
            .map(|span| registry.value(0, span.of(text)).into_owned())
            .collect()
    }

    fn names(folder: &Path) -> Vec<String> {
        let name = |entry: std::io::Result<fs::DirEntry>| {
            entry.unwrap().file_name().into_string().unwrap()
        };
        let mut names: Vec<String> = fs::read_dir(folder).unwrap().map(name).collect();
        names.sort();
        names
    }

    #[test]
    fn a_long_list_is_compiled_once() {
        let dir = tempfile::tempdir().unwrap();
        let list = dir.path().join("brands.csv");
        fs::write(&list, long_list("Tea")).unwrap();
        let (first, form) = opened(&list);
        assert!(matches!(form, Form::Written), "{form:?}");
        assert_eq!(
            names(dir.path()),
            [".brands.csv.exact.spanql-gaz", "brands.csv"]
        );
        let (second, form) = opened(&list);
        assert!(matches!(form, Form::Read), "{form:?}");
        assert_eq!(first.definition(), second.definition());
        assert_eq!(found(second, "Tea 12, tea 7"), ["12"]);

        // Another folding has a form of its own; another list, its own answers.
        let case = Folding {
            case: true,
            width: false,
        };
        assert!(matches!(open("X", &list, case).unwrap().1, Form::Written));
        assert!(matches!(opened(&list).1, Form::Read));
        fs::write(&list, long_list("Pot")).unwrap();
        let (third, form) = opened(&list);
        assert!(matches!(form, Form::Written), "{form:?}");
        assert_eq!(found(third, "Tea 12, Pot 7"), ["7"]);
        assert!(matches!(opened(&list).1, Form::Read));
    }

    #[test]
    fn a_short_list_leaves_no_file() {
        let dir = tempfile::tempdir().unwrap();
        let list = dir.path().join("brands.txt");
        fs::write(&list, "Tea").unwrap();
        assert!(matches!(opened(&list).1, Form::Unneeded));
        assert_eq!(names(dir.path()), ["brands.txt"]);
    }

    #[test]
    fn a_form_that_is_not_whole_is_written_anew() {
        let dir = tempfile::tempdir().unwrap();
        let list = dir.path().join("brands.csv");
        fs::write(&list, long_list("Tea")).unwrap();
        let kept = dir.path().join(".brands.csv.exact.spanql-gaz");
        opened(&list);
        let whole = fs::read(&kept).unwrap();
        let cut = |length: usize| whole[..length].to_vec();
        let flipped = |at: usize| {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x10;
            bytes
        };
        let last = whole.len() - 1;
        let mut damaged = vec![
            b"hidden notes".to_vec(),
            vec![0; 100_000],
            [&whole[..], b"x"].concat(),
        ];
        damaged.extend([0, 1, 7, 8, 100, whole.len() / 2, last - 8, last].map(cut));
        damaged.extend([0, 8, 20, 200, whole.len() / 2, last - 8, last].map(flipped));
        for bytes in damaged {
            fs::write(&kept, &bytes).unwrap();
            let (gazetteer, form) = opened(&list);
            assert!(
                matches!(form, Form::Written),
                "{form:?}, {} bytes",
                bytes.len()
            );
            assert_eq!(found(gazetteer, "Tea 12"), ["12"]);
            assert!(fs::read(&kept).unwrap() == whole);
        }
    }

    #[test]
    fn where_a_form_cannot_be_written_the_description_says_so() {
        let dir = tempfile::tempdir().unwrap();
        let list = dir.path().join("brands.csv");
        fs::write(&list, long_list("Tea")).unwrap();
        fs::create_dir(dir.path().join(".brands.csv.exact.spanql-gaz")).unwrap();
        let gazetteer = load("X", &list, EXACT).unwrap();
        let description = gazetteer.description().to_string();
        assert!(
            description.starts_with(&format!(
                "10000 phrases of {}; compiled each time, since ",
                list.display()
            )),
            "{description}"
        );
        assert_eq!(found(gazetteer, "Tea 12"), ["12"]);
        assert_eq!(
            names(dir.path()),
            [".brands.csv.exact.spanql-gaz", "brands.csv"]
        );
    }

    #[test]
    fn many_can_compile_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let list = dir.path().join("brands.csv");
        fs::write(&list, long_list("Tea")).unwrap();
        std::thread::scope(|scope| {
            let running: Vec<_> = (0..8).map(|_| scope.spawn(|| opened(&list))).collect();
            for one in running {
                let (gazetteer, form) = one.join().unwrap();
                assert!(matches!(form, Form::Written | Form::Read), "{form:?}");
                assert_eq!(found(gazetteer, "Tea 12"), ["12"]);
            }
        });
        assert!(matches!(opened(&list).1, Form::Read));
        assert_eq!(
            names(dir.path()),
            [".brands.csv.exact.spanql-gaz", "brands.csv"]
        );
    }

    #[test]
    fn a_stamped_form_is_believed() {
        let dir = tempfile::tempdir().unwrap();
        let list = dir.path().join("brands.csv");
        fs::write(&list, long_list("Tea")).unwrap();
        let other = Gazetteer::compile("X", b"Pot", ListFormat::Lines, EXACT).unwrap();
        let stamp = stamp(&fs::read(&list).unwrap(), ListFormat::Csv, EXACT);
        let kept = dir.path().join(".brands.csv.exact.spanql-gaz");
        fs::write(&kept, [other.bytes(), &stamp].concat()).unwrap();
        assert_eq!(found(opened(&list).0, "Pot, Tea 12"), ["Pot"]);
    }

    #[test]
    fn lists_are_compressed_or_plain() {
        let dir = tempfile::tempdir().unwrap();
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(b"Tea\tPot").unwrap();
        let zstd = zstd::encode_all(&b"phrase,value\nTea,Pot"[..], 1).unwrap();
        for (name, bytes) in [
            ("a.tsv.gz", gzip.finish().unwrap()),
            ("b.CSV.zst", zstd),
            ("c.csv", b"Tea,Pot".to_vec()),
        ] {
            let list = dir.path().join(name);
            fs::write(&list, bytes).unwrap();
            assert_eq!(found(opened(&list).0, "Tea"), ["Pot"], "{name}");
        }
    }

    #[test]
    fn what_is_wrong_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let error = |name: &str, bytes: Option<&[u8]>| {
            let list = dir.path().join(name);
            if let Some(bytes) = bytes {
                fs::write(&list, bytes).unwrap();
            }
            let error = load("X", &list, EXACT).unwrap_err();
            error
                .strip_prefix(&format!("{}: ", list.display()))
                .unwrap()
                .to_string()
        };
        assert!(error("none.csv", None).contains("No such file"));
        assert!(error("list.json", Some(b"[]")).starts_with("a list is a .csv, .tsv or .txt file"));
        assert!(error("list", Some(b"Tea")).starts_with("a list is"));
        assert_eq!(error("empty.txt", Some(b"")), "the list is empty");
        assert_eq!(
            error("bad.txt", Some(b"\xFF\n\n")),
            "the list holds no phrase: line 2: no phrase; line 1: not UTF-8"
        );
        assert!(!error("cut.csv.gz", Some(b"\x1F\x8B\x08")).is_empty());
        fs::create_dir(dir.path().join("folder.csv")).unwrap();
        assert_eq!(error("folder.csv", None), "is no regular file");

        let list = dir.path().join("some.csv");
        fs::write(&list, "Tea,1\n\nTea,2\nPot\n").unwrap();
        let both = Folding {
            case: true,
            width: true,
        };
        assert_eq!(
            load("X", &list, both).unwrap().description(),
            format!(
                "2 phrases of {}, ignoring case, ignoring width; skipped line 2: no phrase; \
                 skipped line 3: the phrase of an earlier line, with another value than there",
                list.display()
            )
        );
    }
}
