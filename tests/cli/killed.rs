//! `kill -9` at any moment, a full disk, a store that cannot be written to: what counted before counts, and the next run
//! brings all of the rest.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use spanql::Store;

use crate::{names, run, spanql};

/// How often in `cargo test`; `kills_by_the_hundred` goes on.
const KILLS: u64 = 50;

/// Documents and quarantined records that count, each once.
type Rows = (Vec<(String, String)>, Vec<(String, i64)>);

fn rows(store: &Path) -> Rows {
    let Ok(store) = Store::open(store) else {
        return Rows::default();
    };
    let committed = store.committed().unwrap();
    let batches = |files: Vec<std::path::PathBuf>| {
        files.into_iter().flat_map(|path| {
            let file = fs::File::open(path).unwrap();
            let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
            reader.build().unwrap().map(Result::unwrap)
        })
    };
    let mut rows = Rows::default();
    for batch in batches(committed.documents) {
        let column = |name: &str| batch[name].as_string_view().clone();
        let (ids, texts) = (column("doc_id"), column("text"));
        let both = ids.iter().flatten().zip(texts.iter().flatten());
        rows.0
            .extend(both.map(|(id, text)| (id.to_string(), text.to_string())));
    }
    for batch in batches(committed.quarantine) {
        let sources = batch["source"].as_string_view().clone();
        let numbers = batch["record"].as_primitive::<Int64Type>().clone();
        let both = sources.iter().flatten().zip(numbers.values());
        rows.1
            .extend(both.map(|(source, &number)| (source.to_string(), number)));
    }
    rows.0.sort();
    rows.1.sort();
    rows
}

fn write_inputs(folder: &Path, words: &str) {
    fs::create_dir_all(folder.join("in")).unwrap();
    for file in 0..6 {
        let line = |n: usize| match n % 9 {
            3 => "{broken\n".to_string(),
            _ => format!("{{\"text\":\"{words} {n} of {file} to a{n}@example.com\"}}\n"),
        };
        let lines: String = (0..120).map(line).collect();
        fs::write(folder.join(format!("in/{file}.jsonl")), lines).unwrap();
    }
}

const INGEST: [&str; 9] = [
    "ingest",
    "in",
    "--codec",
    "none",
    "--row-group-bytes",
    "2KiB",
    "--changed",
    "replace",
    "--store",
];

fn args(store: &str) -> Vec<&str> {
    INGEST.into_iter().chain([store]).collect()
}

fn ends(folder: &Path, store: &str) {
    let output = run(folder, &args(store));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(matches!(output.status.code(), Some(0 | 3)), "{stderr}");
}

fn copy(from: &Path, to: &Path) {
    for entry in walkdir::WalkDir::new(from) {
        let entry = entry.unwrap();
        let target = to.join(entry.path().strip_prefix(from).unwrap());
        if entry.file_type().is_dir() {
            fs::create_dir_all(target).unwrap();
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Kills ingests into copies of the store `before` (none: into new ones), each somewhere between its start and its end, and
/// lets another one go on.
fn kill_ingests(folder: &Path, before: Option<&Path>, kills: u64) {
    let store = |name: &str| folder.join(name);
    let start = |name: &str| {
        if let Some(before) = before {
            copy(before, &store(name));
        }
    };
    start("whole");
    let began = Instant::now();
    ends(folder, "whole");
    let whole_run = began.elapsed();
    let (old, new) = (before.map(rows).unwrap_or_default(), rows(&store("whole")));
    assert_eq!((new.0.len(), new.1.len()), (6 * 107, 6 * 13));
    assert_ne!(old, new);
    let mut remains = BTreeSet::new();
    for kill in 0..kills {
        start("s");
        let mut child = spanql(folder)
            .args(args("s"))
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // Over all of its run, in an order that favours no part of it.
        let part = (kill * 7919 % kills) as f64 / kills as f64;
        std::thread::sleep(Duration::from_secs_f64(whole_run.as_secs_f64() * part));
        child.kill().unwrap();
        child.wait().unwrap();
        let shown = rows(&store("s"));
        assert!(
            shown == old || shown == new,
            "kill {kill}: {} rows",
            shown.0.len()
        );
        if store("s").exists() {
            let hidden = names(&store("s"))
                .iter()
                .any(|name| name.starts_with(".tmp-"));
            remains.insert((hidden, shown == new));
        }
        ends(folder, "s");
        assert_eq!(rows(&store("s")), new, "kill {kill}");
        let left = names(&store("s"));
        assert!(
            !left.iter().any(|name| name.starts_with(".tmp-")),
            "{left:?}"
        );
        fs::remove_dir_all(store("s")).unwrap();
    }
    assert!(
        remains.contains(&(true, false)),
        "none was killed at work: {remains:?}"
    );
    fs::remove_dir_all(store("whole")).unwrap();
}

fn kill_all(kills: u64) {
    let here = tempfile::tempdir().unwrap();
    write_inputs(here.path(), "words");
    kill_ingests(here.path(), None, kills);
    // Now into a store that has these files, which then change.
    ends(here.path(), "before");
    write_inputs(here.path(), "other words");
    kill_ingests(here.path(), Some(&here.path().join("before")), kills / 5);
}

#[test]
fn kills_at_any_moment_lose_and_double_nothing() {
    kill_all(KILLS);
}

/// Merging files and keeping entities, killed between start and end: queries give the same before and after.
fn kill_care(kills: u64) {
    let here = tempfile::tempdir().unwrap();
    let folder = here.path();
    for number in 0..4 {
        write_inputs(folder, "words");
        fs::rename(folder.join("in"), folder.join(format!("in{number}"))).unwrap();
        let input = format!("in{number}");
        let output = run(folder, &["ingest", &input, "--store", "before"]);
        assert_eq!(output.status.code(), Some(3));
    }
    let count = [
        "sql",
        "SELECT label, count(*) AS n, min(value) AS v FROM entities GROUP BY label ORDER BY label",
    ];
    let count =
        |store: &'static str| crate::ok(folder, &[&count[..], &["--store", store]].concat());
    let (documents, entities) = (rows(&folder.join("before")), count("before"));
    for command in [&["extract"][..], &["store", "compact"]] {
        let began = Instant::now();
        copy(&folder.join("before"), &folder.join("s"));
        let args = |store: &'static str| [command, &["--store", store]].concat();
        assert_eq!(run(folder, &args("s")).status.code(), Some(0));
        let whole_run = began.elapsed();
        for kill in 0..kills {
            fs::remove_dir_all(folder.join("s")).unwrap();
            copy(&folder.join("before"), &folder.join("s"));
            let mut child = spanql(folder)
                .args(args("s"))
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            let part = (kill * 7919 % kills) as f64 / kills as f64;
            std::thread::sleep(Duration::from_secs_f64(whole_run.as_secs_f64() * part));
            child.kill().unwrap();
            child.wait().unwrap();
            assert_eq!(rows(&folder.join("s")), documents, "{command:?} {kill}");
            assert_eq!(count("s"), entities, "{command:?} {kill}");
            assert_eq!(run(folder, &args("s")).status.code(), Some(0));
            assert_eq!(rows(&folder.join("s")), documents, "{command:?} {kill}");
            assert_eq!(
                run(folder, &["store", "verify", "--store", "s"])
                    .status
                    .code(),
                Some(0)
            );
        }
        assert_eq!(count("s"), entities);
        // The next one finds kept entities to carry along.
        fs::remove_dir_all(folder.join("before")).unwrap();
        fs::rename(folder.join("s"), folder.join("before")).unwrap();
        copy(&folder.join("before"), &folder.join("s"));
    }
    assert_eq!(names(&folder.join("before/documents")).len(), 1);
}

#[test]
fn kills_of_extract_and_compact_change_no_answer() {
    kill_care(5);
}

#[test]
#[ignore = "minutes: make bench-kills"]
fn kills_by_the_hundred() {
    kill_all(500);
    kill_care(125);
}

/// A folder on a file system of 1 MiB; nothing where this process may not mount one.
#[cfg(target_os = "linux")]
struct Small(tempfile::TempDir);

#[cfg(target_os = "linux")]
impl Small {
    fn mount(options: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mounted = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(folder.path())
            .stderr(Stdio::null())
            .status();
        if mounted.is_ok_and(|status| status.success()) {
            Some(Self(folder))
        } else {
            println!("skipped: this process may not mount a file system");
            None
        }
    }
}

#[cfg(target_os = "linux")]
impl Drop for Small {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount")
            .arg(self.0.path())
            .status();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error_that_changes_nothing() {
    let Some(small) = Small::mount("size=1m") else {
        return;
    };
    let here = tempfile::tempdir().unwrap();
    write_inputs(here.path(), "words");
    let store = small.0.path().join("s");
    let name = store.display().to_string();
    ends(here.path(), &name);
    let before = rows(&store);
    let long = "words without an end ".repeat(200_000);
    fs::write(here.path().join("in/long.txt"), long.replace(" a", "\n")).unwrap();
    let output = run(here.path(), &args(&name));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("No space left on device"), "{stderr}");
    assert_eq!(rows(&store), before);
    fs::remove_file(here.path().join("in/long.txt")).unwrap();
    write_inputs(here.path(), "fewer");
    ends(here.path(), &name);
    assert_ne!(rows(&store), before);
}

/// No file may grow beyond some blocks; with the signal ignored, writing on fails as it does on a full disk.
#[cfg(unix)]
#[test]
fn a_disk_that_fills_while_a_store_is_kept_changes_nothing() {
    let here = tempfile::tempdir().unwrap();
    let folder = here.path();
    for part in ["a.txt", "b.txt"] {
        let lines: String = (0..3_000)
            .map(|n| format!("{part} number {n} to user{n}@{part}.example.com\n"))
            .collect();
        fs::write(folder.join(part), lines).unwrap();
        assert_eq!(
            run(folder, &["ingest", part, "--store", "s"]).status.code(),
            Some(0)
        );
    }
    let count = || {
        let query =
            "SELECT count(*) AS n, count(DISTINCT value) AS v FROM entities WHERE label = 'EMAIL'";
        crate::ok(folder, &["sql", query, "--store", "s", "--format", "json"])
    };
    let (documents, entities) = (rows(&folder.join("s")), count());
    for command in [
        &["extract"][..],
        &["store", "compact"],
        &["store", "compact"],
    ] {
        let arguments = [command, &["--store", "s"]].concat();
        let output = std::process::Command::new("sh")
            .args(["-c", "trap '' XFSZ; ulimit -f 32; exec \"$0\" \"$@\""])
            .arg(env!("CARGO_BIN_EXE_spanql"))
            .args(&arguments)
            .current_dir(folder)
            .env_remove("RUST_LOG")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{command:?}: {said}");
        assert!(
            said.contains("error: s/") && said.contains("File too large"),
            "{said}"
        );
        assert_eq!(rows(&folder.join("s")), documents, "{command:?}");
        assert_eq!(count(), entities, "{command:?}");
        // Where there is room again, nothing is left of it.
        assert_eq!(run(folder, &arguments).status.code(), Some(0));
        assert_eq!(
            run(folder, &["store", "verify", "--store", "s"])
                .status
                .code(),
            Some(0)
        );
        let hidden =
            |folder: &std::path::Path| names(folder).iter().any(|name| name.starts_with(".tmp"));
        assert!(!hidden(&folder.join("s")) && !hidden(&folder.join("s/entities")));
        assert_eq!(
            (rows(&folder.join("s")), count()),
            (documents.clone(), entities.clone())
        );
        if command == ["extract"] {
            continue;
        }
        // Once without kept entities to carry along.
        fs::remove_dir_all(folder.join("s")).unwrap();
        for part in ["a.txt", "b.txt"] {
            run(folder, &["ingest", part, "--store", "s"]);
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_store_that_cannot_be_written_to_can_be_read() {
    let Some(small) = Small::mount("size=8m") else {
        return;
    };
    let here = tempfile::tempdir().unwrap();
    write_inputs(here.path(), "words");
    let store = small.0.path().join("s");
    let name = store.display().to_string();
    ends(here.path(), &name);
    let before = rows(&store);
    // As stores of other versions are.
    fs::remove_file(store.join(".reading")).unwrap();
    let remounted = std::process::Command::new("mount")
        .args(["-o", "remount,ro"])
        .arg(small.0.path())
        .status()
        .unwrap();
    assert!(remounted.success());
    let output = run(here.path(), &args(&name));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("Read-only file system"), "{stderr}");
    assert_eq!(rows(&store), before);
    for command in [&["extract"][..], &["store", "compact"]] {
        let error = crate::fails(here.path(), 1, &[command, &["--store", &name]].concat());
        assert!(error.contains("Read-only file system"), "{error}");
    }
    let query = [
        "sql",
        "SELECT count(*) AS n FROM documents",
        "--store",
        &name,
    ];
    let counted = crate::ok(here.path(), &query);
    assert!(counted.contains("642"), "{counted}");
}

/// `/sys` is no place for files, whoever asks.
#[cfg(target_os = "linux")]
#[test]
fn a_place_where_no_store_can_be_made_is_named() {
    let here = tempfile::tempdir().unwrap();
    write_inputs(here.path(), "words");
    let error = crate::fails(here.path(), 1, &["ingest", "in", "--store", "/sys/store"]);
    assert!(error.contains("/sys/store"), "{error}");
}
