//! The command as a user runs it: messages, exit codes, formats, and no half-written file whatever fails.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[cfg(unix)]
mod demo;
mod due;
mod gazetteer;
mod ingest;
mod killed;
mod recognizers;
mod redact;
mod report;
mod s3;
mod server;
mod shell;
mod sql;
mod store;
mod tagger;
mod web;

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use tempfile::TempDir;

/// Runs a command line in a terminal.
#[cfg(unix)]
const PTY: &str =
    "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))";

fn spanql(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_spanql"));
    command
        .current_dir(folder)
        .env_remove("RUST_LOG")
        .env_remove("SPANQL_REDACT_KEY")
        .env("NO_PROXY", "127.0.0.1")
        .stdin(Stdio::null());
    command
}

fn run(folder: &Path, args: &[&str]) -> Output {
    spanql(folder).args(args).output().unwrap()
}

/// stdout of a run that must succeed without a word on stderr.
fn ok(folder: &Path, args: &[&str]) -> String {
    let output = run(folder, args);
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{args:?}");
    assert_eq!(output.status.code(), Some(0), "{args:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// stderr of a run that must fail with this code and give no data.
fn fails(folder: &Path, code: i32, args: &[&str]) -> String {
    let output = run(folder, args);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{args:?}: {stderr}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "", "{args:?}");
    assert!(
        stderr.starts_with("error: ") && !stderr.contains("panicked"),
        "{args:?}: {stderr}"
    );
    stderr
}

/// A folder with the corpus of `tests/data` in `store`; made once, so do not write into it.
fn stored() -> &'static Path {
    static FOLDER: OnceLock<TempDir> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
        for name in ["mails.jsonl", "posts.csv", "notes.txt"] {
            fs::copy(data.join(name), folder.path().join(name)).unwrap();
        }
        let output = run(
            folder.path(),
            &[
                "ingest",
                "mails.jsonl",
                "posts.csv",
                "notes.txt",
                "--store",
                "store",
            ],
        );
        assert_eq!(
            output.status.code(),
            Some(0),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        assert_eq!(output.stdout, b"");
        folder
    });
    folder.path()
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn version_help_and_usage() {
    let here = tempfile::tempdir().unwrap();
    assert_eq!(
        ok(here.path(), &["--version"]),
        format!("spanql {}\n", env!("CARGO_PKG_VERSION"))
    );
    for command in [
        "ingest",
        "extract",
        "store",
        "sql",
        "report",
        "schedule",
        "recognizers",
        "shell",
    ] {
        assert!(ok(here.path(), &[command, "--help"]).contains("Usage: spanql"));
    }
    fails(here.path(), 2, &["nonsense"]);
    assert!(fails(here.path(), 2, &["sql", "SELECT 1", "--format", "xlsx"]).contains("ndjson"));
    assert!(fails(here.path(), 2, &["sql", "SELECT 1", "-o", "out.xlsx"]).contains("out.xlsx"));
    assert!(
        fails(
            here.path(),
            2,
            &["sql", "SELECT 1", "--memory-limit", "much"]
        )
        .contains("512MB")
    );
    assert_eq!(names(here.path()), [""; 0]);
}

#[test]
fn bad_configuration_is_refused_with_its_line() {
    for (text, line, part) in [
        ("[[recognizer]]\nlabel = 'A'\npattern = '(x'\n", 3, "(x"),
        ("[[recognizer]]\nlabel = 'A'\npatern = 'x'\n", 3, "patern"),
        ("stroe = 'x'\n", 1, "stroe"),
    ] {
        let here = tempfile::tempdir().unwrap();
        fs::write(here.path().join("spanql.toml"), text).unwrap();
        let error = fails(here.path(), 1, &["sql", "SELECT 1", "-o", "out.json"]);
        assert!(
            error.contains(&format!("spanql.toml:{line}")) && error.contains(part),
            "{error}"
        );
        assert_eq!(names(here.path()), ["spanql.toml"]);
    }
}

#[test]
fn what_is_not_there_is_named() {
    let here = tempfile::tempdir().unwrap();
    let error = fails(
        here.path(),
        1,
        &["sql", "SELECT 1", "--store", "absent", "-o", "out.json"],
    );
    assert!(
        error.contains("absent") && error.contains("spanql ingest"),
        "{error}"
    );
    assert!(fails(here.path(), 1, &["sql", "SELECT 1", "--config", "no.toml"]).contains("no.toml"));
    for query in [
        "SELECT extract_entities('x', 'EMIAL') AS e",
        "SELECT entity_values('x', 'EMIAL') AS e",
    ] {
        let error = fails(here.path(), 1, &["sql", query, "-o", "out.json"]);
        assert!(
            error.contains("EMIAL") && error.contains("EMAIL"),
            "{error}"
        );
    }
    for query in [
        "SELEC 1",
        "SELECT nope FROM documents",
        "SELECT 1; SELECT 2",
        "",
    ] {
        fails(
            stored(),
            1,
            &["sql", query, "--store", "store", "-o", "never.json"],
        );
    }
    let error = fails(here.path(), 1, &["sql", "SELECT 1", "-o", "absent/out.csv"]);
    assert!(error.contains("absent/out.csv: the folder"), "{error}");
    for query in ["SELECT * FROM entities", "SELECT * FROM documents d"] {
        let error = fails(here.path(), 1, &["sql", query]);
        assert!(error.contains("--store DIR"), "{error}");
    }
    assert_eq!(names(here.path()), [""; 0]);
    assert!(!stored().join("never.json").exists());
}
