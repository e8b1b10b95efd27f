//! `spanql sql`: statements, parameters, formats, and failures in the middle.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::{fails, names, ok, run, spanql, stored};

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

/// What reports over entities do: many groups, by a label and a text.
#[test]
fn many_groups_finish_within_little_memory() {
    let here = tempfile::tempdir().unwrap();
    let query = "SELECT count(*) AS groups, sum(n) AS rows FROM (\
        SELECT arrow_cast('L' || (value % 7), 'Dictionary(Int32, Utf8)') AS label, \
            arrow_cast(value, 'Utf8View') || ' a key that is no number' AS key, count(*) AS n \
        FROM generate_series(1, 300000) GROUP BY 1, 2)";
    let limits = ["--memory-limit", "15MB", "--threads", "2"];
    let args = [&["sql", query, "--format", "csv"], &limits[..]].concat();
    assert_eq!(ok(here.path(), &args), "groups,rows\n300000,300000\n");
}

/// The last of each thousand rows, found by sorting all.
#[test]
fn a_sort_finishes_within_little_memory() {
    let here = tempfile::tempdir().unwrap();
    let query = "SELECT count(*) AS last, sum(value) AS values FROM (\
        SELECT value, row_number() OVER ( \
            PARTITION BY value % 300 ORDER BY 'a key that is no number ' || (value + 1000000)) AS number \
        FROM generate_series(1, 300000)) WHERE number = 1000";
    let limits = ["--memory-limit", "20MB", "--threads", "2"];
    let args = [&["sql", query, "--format", "csv"], &limits[..]].concat();
    assert_eq!(ok(here.path(), &args), "last,values\n300,89955150\n");
}

#[test]
fn a_query_ends_when_its_time_is_up() {
    let here = tempfile::tempdir().unwrap();
    let endless =
        "WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n";
    let said = fails(here.path(), 1, &["sql", endless, "--timeout", "50ms"]);
    assert!(
        said.contains("stopped after 0.05 s, its time limit"),
        "{said}"
    );
    assert_eq!(
        ok(here.path(), &["sql", "SELECT 1 AS one", "--timeout", "1h"]),
        "[\n{\"one\":1}\n]\n"
    );
    assert!(fails(here.path(), 2, &["sql", endless, "--timeout", "soon"]).contains("soon"));
}
