//! What paths, folders and globs mean: which sources, of which format, and what is left out.

use super::*;

fn sources(paths: &[&str], root: &Path, format: Option<InputFormat>) -> Result<(Vec<String>, u64)> {
    let paths: Vec<String> = paths
        .iter()
        .map(|p| root.join(p).to_string_lossy().into_owned())
        .collect();
    let options = IngestOptions {
        format,
        ..IngestOptions::default()
    };
    let found = Inputs::find(&paths, &root.join("store"), &options, &())?;
    let prefix = format!("{}/", root.display());
    let names = found
        .inputs
        .iter()
        .map(|i| i.source.replacen(&prefix, "", 1))
        .collect();
    Ok((names, found.unknown_files))
}

fn tree() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    let files = [
        "in/b.jsonl",
        "in/a.CSV",
        "in/c.txt.gz",
        "in/sub/d.ndjson.zst",
        "in/notes.md",
        "in/.hidden.txt",
        "in/.git/x.txt",
        "store/documents/000001-0001.parquet",
        "other.log",
    ];
    for file in files {
        let path = root.path().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "x").unwrap();
    }
    root
}

#[test]
fn folders_are_walked_in_order_and_files_taken_once() {
    let root = tree();
    let expected = [
        "in/a.CSV",
        "in/b.jsonl",
        "in/c.txt.gz",
        "in/sub/d.ndjson.zst",
    ]
    .map(String::from)
    .to_vec();
    assert_eq!(
        sources(&["in"], root.path(), None).unwrap(),
        (expected.clone(), 1)
    );
    assert_eq!(sources(&["."], root.path(), None).unwrap().0.len(), 4);
    let (mut twice, _) = sources(&["in/b.jsonl", "in/*", "in"], root.path(), None).unwrap();
    twice.sort();
    assert_eq!(twice, expected);
}

#[cfg(unix)]
#[test]
fn names_that_are_no_utf8_stay_apart() {
    use std::os::unix::ffi::OsStrExt;
    assert_eq!(words(Path::new("邮件/a#1 \n.txt")), "邮件/a#1 \n.txt");
    let names: [&[u8]; 3] = [b"bad\xFE.txt", b"bad\xFF.txt", "bad\u{FFFD}.txt".as_bytes()];
    let root = tempfile::tempdir().unwrap();
    for name in names {
        let name = std::ffi::OsStr::from_bytes(name);
        // Some file systems refuse such names, and then there is nothing to tell apart.
        if std::fs::write(root.path().join(name), "x").is_err() {
            return;
        }
    }
    let options = IngestOptions::default();
    let found = Inputs::find(
        &[words(root.path())],
        &root.path().join("store"),
        &options,
        &(),
    )
    .unwrap();
    let ends: Vec<&str> = found
        .inputs
        .iter()
        .filter_map(|input| input.identity.as_deref()?.rsplit('/').next())
        .collect();
    assert_eq!(ends.len(), 3);
    for end in ["bad\\xFE.txt", "bad\\xFF.txt", "bad\u{FFFD}.txt"] {
        assert!(ends.contains(&end), "{end}: {ends:?}");
    }
}

#[test]
fn names_tell_format_and_compression() {
    use Compression::{Gzip, Zstd};
    let of = |name: &str| of_name(Path::new(name));
    assert_eq!(of("a.jsonl"), (Some(InputFormat::Jsonl), None));
    assert_eq!(of("a.b.TSV.GZ"), (Some(InputFormat::Tsv), Some(Gzip)));
    assert_eq!(
        of("a.parquet.zst"),
        (Some(InputFormat::Parquet), Some(Zstd))
    );
    assert_eq!(of("a.gz"), (None, Some(Gzip)));
    assert_eq!(of("jsonl"), (None, None));
    assert_eq!(of("a.tgz"), (Some(InputFormat::Tar), Some(Gzip)));
    assert_eq!(of("a.tar.zst"), (Some(InputFormat::Tar), Some(Zstd)));
    let form = |name: &str| Form::of_name(Path::new(name), Some(InputFormat::Text));
    assert_eq!(
        form("a.jsonl").map(|form| form.format),
        Some(InputFormat::Text)
    );
    assert_eq!(
        form("a.zip").map(|form| form.format),
        Some(InputFormat::Zip)
    );
}

#[test]
fn what_cannot_be_found_or_told_is_an_error() {
    let root = tree();
    let error = |path: &str| sources(&[path], root.path(), None).unwrap_err().to_string();
    assert!(error("missing.jsonl").contains("missing.jsonl"));
    assert!(error("other.log").contains("--format"));
    assert!(error("none-*.csv").contains("none-*.csv"));
    assert!(error("in/.git/../notes.*").contains("no files"));
    let forced = sources(&["other.log"], root.path(), Some(InputFormat::Text)).unwrap();
    assert_eq!(forced.0, ["other.log"]);
}

#[test]
fn streams_tell_their_format_by_their_first_bytes() {
    let format = |bytes: &'static [u8]| {
        Input::stream("stdin", Box::new(bytes), &IngestOptions::default()).map(|i| i.format)
    };
    assert_eq!(format(b"{\0\"\0").unwrap(), InputFormat::Jsonl);
    assert_eq!(format(b"\xFE\xFF\0{\0\"").unwrap(), InputFormat::Jsonl);
    assert_eq!(
        format(b"\xEF\xBB\xBF\n {\"a\":1}").unwrap(),
        InputFormat::Jsonl
    );
    assert_eq!(format(b"[\n{\"a\":1}]").unwrap(), InputFormat::Json);
    assert_eq!(format(b"{\r\n  \"a\":1}").unwrap(), InputFormat::Json);
    assert_eq!(format(b"PAR1....").unwrap(), InputFormat::Parquet);
    assert!(
        format(b"a,b\n")
            .unwrap_err()
            .to_string()
            .contains("--format")
    );
}
