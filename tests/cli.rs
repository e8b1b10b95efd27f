//! The command as a user runs it: messages, exit codes, formats, and no half-written file whatever fails.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use serde_json::Value;
use tempfile::TempDir;

fn spanql(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_spanql"));
    command
        .current_dir(folder)
        .env_remove("RUST_LOG")
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
    for command in ["ingest", "sql", "report"] {
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
fn the_statement_comes_from_the_command_line_a_file_or_stdin() {
    let here = tempfile::tempdir().unwrap();
    let query = "SELECT 1 AS one";
    assert_eq!(ok(here.path(), &["sql", query]), "[\n{\"one\":1}\n]\n");
    fs::write(here.path().join("q.sql"), query).unwrap();
    assert_eq!(
        ok(here.path(), &["sql", "-f", "q.sql", "--format", "ndjson"]),
        "{\"one\":1}\n"
    );
    assert!(fails(here.path(), 1, &["sql", "-f", "absent.sql"]).contains("absent.sql"));
    for args in [&["sql"][..], &["sql", "-"]] {
        let mut child = spanql(here.path())
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(query.as_bytes())
            .unwrap();
        assert_eq!(
            child.wait_with_output().unwrap().stdout,
            b"[\n{\"one\":1}\n]\n"
        );
    }
}

#[test]
fn parameters_have_types() {
    let here = tempfile::tempdir().unwrap();
    let types = "SELECT arrow_typeof($p) AS t, $p AS v";
    for (param, expected) in [
        ("p=5", r#"{"t":"Int64","v":5}"#),
        ("p=0.5", r#"{"t":"Float64","v":0.5}"#),
        ("p=true", r#"{"t":"Boolean","v":true}"#),
        ("p=+8613800138000", r#"{"t":"Utf8","v":"+8613800138000"}"#),
        ("p:text=5", r#"{"t":"Utf8","v":"5"}"#),
        ("p:date=2026-11-22", r#"{"t":"Date32","v":"2026-11-22"}"#),
    ] {
        let found = ok(
            here.path(),
            &["sql", types, "--param", param, "--format", "ndjson"],
        );
        assert_eq!(found.trim_end(), expected, "{param}");
    }
    assert!(fails(here.path(), 1, &["sql", "SELECT $p AS v"]).contains('p'));
    assert!(
        fails(
            here.path(),
            2,
            &["sql", "SELECT $p AS v", "--param", "p:date=soon"]
        )
        .contains("soon")
    );
}

#[test]
fn every_format_gives_the_same_rows() {
    let folder = stored();
    let query = "SELECT doc_id, label, value, span_start, span_end, ts FROM entities ORDER BY doc_id, span_start, span_end, label";
    let sql = |more: &[&str]| {
        run(
            folder,
            &[&["sql", query, "--store", "store"], more].concat(),
        )
        .stdout
    };
    let json: Vec<Value> = serde_json::from_slice(&sql(&[])).unwrap();
    assert!(json.len() > 150, "{}", json.len());
    let ndjson = String::from_utf8(sql(&["--format", "ndjson"])).unwrap();
    let lines: Vec<Value> = ndjson
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines, json);

    let out = tempfile::tempdir().unwrap();
    let csv = sql(&["--format", "csv"]);
    let mut reader = csv::Reader::from_reader(&csv[..]);
    let records: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(records.len(), json.len());
    for (record, row) in records.iter().zip(&json) {
        assert_eq!(
            (&record[0], &record[2]),
            (
                row["doc_id"].as_str().unwrap(),
                row["value"].as_str().unwrap()
            )
        );
    }

    // Columnar files are read back by the engine itself and must print the same JSON.
    let parquet = out.path().join("e.parquet");
    assert_eq!(sql(&["-o", parquet.to_str().unwrap()]), b"");
    let again = format!(
        "SELECT * FROM '{}' ORDER BY doc_id, span_start, span_end, label",
        parquet.display()
    );
    let read: Vec<Value> = serde_json::from_str(&ok(folder, &["sql", &again])).unwrap();
    assert_eq!(read, json);

    let arrow = out.path().join("e.arrow");
    sql(&["-o", arrow.to_str().unwrap()]);
    let file =
        arrow::ipc::reader::FileReader::try_new(fs::File::open(&arrow).unwrap(), None).unwrap();
    assert_eq!(
        file.map(|batch| batch.unwrap().num_rows()).sum::<usize>(),
        json.len()
    );
    let stream = sql(&["--format", "arrow"]);
    let stream = arrow::ipc::reader::StreamReader::try_new(&stream[..], None).unwrap();
    assert_eq!(
        stream.map(|batch| batch.unwrap().num_rows()).sum::<usize>(),
        json.len()
    );

    let table = String::from_utf8(sql(&["--format", "table"])).unwrap();
    assert!(table.ends_with(&format!("{} rows\n", json.len())));
    assert_eq!(names(out.path()), ["e.arrow", "e.parquet"]);
}

#[test]
fn the_table_is_straight_with_han() {
    let query = "SELECT value FROM entities WHERE label = 'HASHTAG' GROUP BY value ORDER BY value";
    let table = ok(
        stored(),
        &["sql", query, "--store", "store", "--format", "table"],
    );
    assert!(table.contains("新品发布"), "{table}");
    // All words of the corpus are ASCII or Han, which take one and two columns.
    let width = |line: &str| {
        line.chars()
            .map(|c| if c.is_ascii() { 1 } else { 2 })
            .sum::<usize>()
    };
    let framed: Vec<usize> = table
        .lines()
        .filter(|line| line.starts_with(['|', '+']))
        .map(width)
        .collect();
    assert!(
        framed.len() > 5 && framed.iter().all(|w| *w == framed[0]),
        "{table}"
    );
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
    assert_eq!(names(here.path()), [""; 0]);
    assert!(!stored().join("never.json").exists());
}

/// Fails on its last row only, when rows have been written.
const LATE: &str = "SELECT 1 / (n.value - 300000) AS x FROM generate_series(0, 300000) AS n";

#[test]
fn a_query_that_fails_late_leaves_no_file() {
    let here = tempfile::tempdir().unwrap();
    for name in [
        "out.json",
        "out.ndjson",
        "out.csv",
        "out.parquet",
        "out.arrow",
        "out.txt",
    ] {
        let error = fails(here.path(), 1, &["sql", LATE, "-o", name]);
        assert!(error.to_lowercase().contains("divide by zero"), "{error}");
        assert_eq!(names(here.path()), [""; 0]);
    }
    let output = run(here.path(), &["sql", LATE, "--format", "ndjson"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        output.stdout.starts_with(b"{\"x\":"),
        "what a pipe has got it keeps"
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_write_that_fails_in_the_middle_is_an_error_and_leaves_no_file() {
    const MANY: &str = "SELECT value FROM generate_series(1, 300000)";
    let here = tempfile::tempdir().unwrap();
    let error = fails(
        here.path(),
        1,
        &["sql", MANY, "--format", "json", "-o", "/dev/full"],
    );
    assert!(
        error.starts_with("error: /dev/full: No space left"),
        "{error}"
    );

    let full = fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let output = spanql(here.path())
        .args(["sql", MANY])
        .stdout(full)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("No space left"));

    // A limit on file size, where the system refuses the write instead of ending the process.
    for name in ["out.json", "out.csv", "out.parquet"] {
        let script = format!(
            "trap '' XFSZ; ulimit -f 64; exec '{}' sql '{MANY}' -o {name}",
            env!("CARGO_BIN_EXE_spanql")
        );
        let output = Command::new("bash")
            .args(["-c", &script])
            .current_dir(here.path())
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(
            stderr.starts_with(&format!("error: {name}: File too large")),
            "{stderr}"
        );
        assert_eq!(names(here.path()), [""; 0]);
    }
}

#[test]
fn a_reader_that_hangs_up_is_no_error() {
    let here = tempfile::tempdir().unwrap();
    let endless = "SELECT value FROM generate_series(1, 1000000000)";
    let mut child = spanql(here.path())
        .args(["sql", endless, "--format", "ndjson"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    assert_eq!(line, "{\"value\":1}\n");
    let output = child.wait_with_output().unwrap();
    assert_eq!(
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stderr).as_ref()
        ),
        (Some(0), "")
    );
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_at_once_and_leaves_no_file() {
    let here = tempfile::tempdir().unwrap();
    let endless = "SELECT value FROM generate_series(1, 100000000000)";
    let mut child = spanql(here.path())
        .args(["sql", endless, "-o", "out.csv"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    while names(here.path()).is_empty() {
        assert!(
            child.try_wait().unwrap().is_none(),
            "it runs until it is stopped"
        );
        std::thread::yield_now();
    }
    let kill = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(kill.success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let mut said = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut said)
        .unwrap();
    assert_eq!(said, "");
    assert_eq!(names(here.path()), [""; 0]);
}

#[test]
fn reports_are_listed_with_questions_and_parameters() {
    let here = tempfile::tempdir().unwrap();
    let list = ok(here.path(), &["report"]);
    for part in [
        "top_domains\n",
        "Which domains are named most",
        "--param top int = 20",
        "gives domain, mentions",
    ] {
        assert!(list.contains(part), "{part}: {list}");
    }
    fs::create_dir(here.path().join("own")).unwrap();
    fs::write(
        here.path().join("own/bad.sql"),
        "-- quesiton: what?\nSELECT 1",
    )
    .unwrap();
    let output = run(here.path(), &["report", "--queries", "own"]);
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(
        stderr.starts_with("error: report bad: own/bad.sql:1: "),
        "{stderr}"
    );
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        list,
        "one bad file hides nothing"
    );
}

#[test]
fn all_reports_become_files() {
    let out = tempfile::tempdir().unwrap();
    let folder = out.path().join("reports");
    ok(
        stored(),
        &[
            "report",
            "--all",
            "--store",
            "store",
            "-o",
            folder.to_str().unwrap(),
        ],
    );
    let files = names(&folder);
    assert_eq!(files.len(), 6);
    for file in files {
        let rows: Vec<Value> =
            serde_json::from_slice(&fs::read(folder.join(&file)).unwrap()).unwrap();
        assert!(!rows.is_empty(), "{file}");
    }
    let one = ok(
        stored(),
        &[
            "report",
            "top_domains",
            "--store",
            "store",
            "--param",
            "top=2",
            "--format",
            "csv",
        ],
    );
    assert_eq!(one.lines().count(), 3, "{one}");
    assert!(
        one.starts_with("domain,mentions,documents,emails,urls\n"),
        "{one}"
    );
}

#[test]
fn wrong_reports_and_parameters() {
    let folder = stored();
    let report =
        |args: &[&str]| fails(folder, 2, &[&["report", "--store", "store"], args].concat());
    assert!(report(&["nosuch"]).contains("top_domains"));
    let error = report(&["top_domains", "--param", "tpo=3"]);
    assert!(
        error.contains("\"tpo\"") && error.contains("top int = 20"),
        "{error}"
    );
    assert!(report(&["top_domains", "top_hashtags", "--param", "tpo=3"]).contains("\"tpo\""));
    assert!(report(&["top_domains", "--param", "top=1", "--param", "top=2"]).contains("twice"));
    assert!(report(&["top_domains", "--param", "top"]).contains("NAME=VALUE"));
    assert!(report(&["--all", "--format", "csv"]).contains("-o DIR"));
    let here = tempfile::tempdir().unwrap();
    assert!(fails(here.path(), 2, &["report", "top_domains"]).contains("--store"));
    assert!(
        fails(
            here.path(),
            1,
            &["report", "top_domains", "--store", "absent"]
        )
        .contains("absent")
    );
}

#[test]
fn one_failing_report_does_not_stop_the_others() {
    let here = tempfile::tempdir().unwrap();
    let own = here.path().join("own");
    fs::create_dir(&own).unwrap();
    let header = "-- question: q?\n-- column: a  a\n";
    fs::write(own.join("a_late.sql"), format!("{header}SELECT 1 / (1 - count(DISTINCT doc_id) / count(DISTINCT doc_id)) AS a FROM documents")).unwrap();
    fs::write(own.join("b_column.sql"), format!("{header}SELECT 1 AS b")).unwrap();
    fs::write(
        own.join("c_needs.sql"),
        "-- question: q?\n-- param: day date\n-- column: a  a\nSELECT $day AS a",
    )
    .unwrap();
    fs::write(own.join("d_fine.sql"), format!("{header}SELECT 1 AS a")).unwrap();
    let out = here.path().join("out");
    let (own, out_text) = (own.to_str().unwrap(), out.to_str().unwrap());
    let names_of = ["a_late", "b_column", "c_needs", "d_fine"];
    let args = [
        &["report"],
        &names_of[..],
        &["--store", "store", "--queries", own, "-o", out_text],
    ]
    .concat();
    let error = fails(stored(), 1, &args);
    for part in [
        "error: report a_late: ",
        "error: report b_column: ",
        "error: report c_needs: ",
        "\"day\" must be given",
    ] {
        assert!(error.contains(part), "{part}: {error}");
    }
    assert_eq!(error.lines().count(), 3, "{error}");
    assert_eq!(names(&out), ["d_fine.json"]);
    assert_eq!(
        fs::read_to_string(out.join("d_fine.json")).unwrap(),
        "[\n{\"a\":1}\n]\n"
    );
}

#[test]
fn quarantined_records_show_in_the_exit_code() {
    let here = tempfile::tempdir().unwrap();
    fs::write(
        here.path().join("in.jsonl"),
        "{\"text\":\"to a@example.com\"}\n{\"text\":\n",
    )
    .unwrap();
    let output = run(here.path(), &["ingest", "in.jsonl", "--store", "s"]);
    assert_eq!(
        output.status.code(),
        Some(3),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let count =
        "SELECT (SELECT count(*) FROM documents) AS d, (SELECT count(*) FROM quarantine) AS q";
    assert_eq!(
        ok(
            here.path(),
            &["sql", count, "--store", "s", "--format", "ndjson"]
        ),
        "{\"d\":1,\"q\":1}\n"
    );
}
