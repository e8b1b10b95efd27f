//! `spanql report --due` and `spanql schedule`: what is run, what is left behind, and who is told to wait.
//!
//! The schedules here name one minute a year, so that no time passes while a test runs, but for the turn of the year.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use chrono::{Datelike, Utc};
use serde_json::Value;
use tempfile::TempDir;

use crate::{fails, names, ok, run, spanql};

const YEARLY: &str = "-- schedule: 0 0 1 1 *";

/// A folder with a store `s` of two documents, and these reports in `q`: name, header lines, SQL.
fn with_reports(reports: &[(&str, &str, &str)]) -> TempDir {
    let here = tempfile::tempdir().unwrap();
    fs::write(here.path().join("in.txt"), "one\ntwo\n").unwrap();
    let output = run(here.path(), &["ingest", "in.txt", "--store", "s"]);
    assert_eq!(output.status.code(), Some(0));
    fs::create_dir(here.path().join("q")).unwrap();
    for (name, header, sql) in reports {
        write_report(here.path(), name, header, sql);
    }
    here
}

fn write_report(here: &Path, name: &str, header: &str, sql: &str) {
    let text = format!("-- question: q?\n-- column: a  a\n{header}\n\n{sql}");
    fs::write(here.join(format!("q/{name}.sql")), text).unwrap();
}

const DUE: [&str; 8] = [
    "report",
    "--due",
    "--store",
    "s",
    "--queries",
    "q",
    "-o",
    "out",
];

fn due<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&DUE[..], more].concat()
}

/// The name of this year's result.
fn this_year() -> String {
    format!("{}-01-01T0000+0000.json", Utc::now().year())
}

fn state(here: &Path, report: &str) -> PathBuf {
    here.join(format!("s/schedule/{report}.json"))
}

fn read_state(here: &Path, report: &str) -> Value {
    serde_json::from_slice(&fs::read(state(here, report)).unwrap()).unwrap()
}

#[test]
fn what_is_due_runs_once_and_latest_follows() {
    let header =
        format!("{YEARLY}\n-- param: day date = yesterday\n-- param: until timestamp = due");
    let sql = "SELECT concat($day, ' ', $until, ' ', count(*)) AS a FROM documents";
    let here = with_reports(&[("yearly", &header, sql), ("never", "", "SELECT 1 AS a")]);
    let out = here.path().join("out");
    assert_eq!(ok(here.path(), &due(&[])), "");
    assert_eq!(
        names(&out),
        ["yearly"],
        "stock reports and those without a schedule are not due"
    );
    let result = this_year();
    assert_eq!(names(&out.join("yearly")), [result.as_str(), "latest.json"]);
    let year = Utc::now().year();
    let expected = format!(
        "[\n{{\"a\":\"{}-12-31 {year}-01-01T00:00:00Z 2\"}}\n]\n",
        year - 1
    );
    for file in [result.as_str(), "latest.json"] {
        assert_eq!(
            fs::read_to_string(out.join("yearly").join(file)).unwrap(),
            expected
        );
    }
    let known = read_state(here.path(), "yearly");
    let scheduled = format!("{year}-01-01T00:00:00+00:00");
    assert_eq!(known["schedule"], "0 0 1 1 *");
    assert_eq!(known["settled"], scheduled);
    assert_eq!(known["success"]["due"], scheduled);
    assert_eq!(known["success"]["rows"], 1);
    assert_eq!(known["failure"], Value::Null);

    // By hand it is run for the same time.
    assert_eq!(
        ok(
            here.path(),
            &["report", "yearly", "--store", "s", "--queries", "q"]
        ),
        expected
    );
    // It is not due again, even where its query has changed.
    fs::remove_dir_all(&out).unwrap();
    write_report(here.path(), "yearly", YEARLY, "SELECT 'new' AS a");
    ok(here.path(), &due(&[]));
    assert!(!out.exists());
    // Where the state is deleted it begins anew.
    fs::remove_file(state(here.path(), "yearly")).unwrap();
    ok(here.path(), &due(&["yearly", "--format", "csv"]));
    assert_eq!(
        fs::read_to_string(out.join("yearly/latest.csv")).unwrap(),
        "a\nnew\n"
    );
}

#[test]
fn one_that_fails_stops_no_other_and_is_tried_again() {
    let late =
        "SELECT 1 / (1 - count(DISTINCT doc_id) / count(DISTINCT doc_id)) AS a FROM documents";
    let here = with_reports(&[
        ("a_late", YEARLY, late),
        ("b_header", "-- schedule: 0 0 30 2 *", "SELECT 1 AS a"),
        (
            "c_needs",
            &format!("{YEARLY}\n-- param: day date"),
            "SELECT $day AS a",
        ),
        ("d_fine", YEARLY, "SELECT 1 AS a"),
    ]);
    let scheduled = format!("due {}-01-01T00:00:00Z: ", Utc::now().year());
    let error = fails(here.path(), 1, &due(&[]));
    for part in [
        format!("error: report a_late: {scheduled}"),
        "error: report b_header: q/b_header.sql:3: schedule \"0 0 30 2 *\": it never fires"
            .to_string(),
        format!("error: report c_needs: {scheduled}"),
        "\"day\" must be given".to_string(),
    ] {
        assert!(error.contains(&part), "{part}: {error}");
    }
    assert_eq!(error.lines().count(), 3, "{error}");
    assert_eq!(names(&here.path().join("out/a_late")), [""; 0]);
    assert_eq!(names(&here.path().join("out/d_fine")).len(), 2);
    assert_eq!(read_state(here.path(), "a_late")["failure"]["attempts"], 1);

    fails(here.path(), 1, &due(&["a_late"]));
    let known = read_state(here.path(), "a_late");
    assert_eq!(
        (&known["failure"]["attempts"], &known["success"]),
        (&2.into(), &Value::Null)
    );
    let list = run(here.path(), &["report", "--store", "s", "--queries", "q"]);
    let list = String::from_utf8(list.stdout).unwrap();
    let year = Utc::now().year();
    for part in [
        format!(
            "    schedule 0 0 1 1 *, missed once, next {}-01-01T00:00:00+00:00\n",
            year + 1
        ),
        format!("    failed 2 × for {year}-01-01T00:00:00+00:00: "),
        format!(
            "    last {year}-01-01T00:00:00+00:00: 1 rows in out/d_fine/{}\n",
            this_year()
        ),
    ] {
        assert!(list.contains(&part), "{part}: {list}");
    }

    write_report(here.path(), "a_late", YEARLY, "SELECT 2 AS a");
    fs::remove_file(here.path().join("q/b_header.sql")).unwrap();
    assert_eq!(ok(here.path(), &due(&["--param", "day=2026-11-25"])), "");
    assert_eq!(
        fs::read_to_string(here.path().join("out/a_late/latest.json")).unwrap(),
        "[\n{\"a\":2}\n]\n"
    );
    assert_eq!(read_state(here.path(), "a_late")["failure"], Value::Null);
}

#[test]
fn old_results_are_kept_unless_told() {
    let here = with_reports(&[("yearly", YEARLY, "SELECT 1 AS a")]);
    let folder = here.path().join("out/yearly");
    fs::create_dir_all(&folder).unwrap();
    let old = ["1999-01-01T0000+0000.json", "2000-01-01T0000+0000.json"];
    let remains = ".2000-01-01T0000+0000.json.aBcDeF.tmp";
    for name in old.iter().chain([&remains, &"mine.json"]) {
        fs::write(folder.join(name), "[]").unwrap();
    }
    let this_year = this_year();
    ok(here.path(), &due(&[]));
    assert_eq!(
        names(&folder),
        [
            old[0],
            old[1],
            this_year.as_str(),
            "latest.json",
            "mine.json"
        ]
    );
    fs::remove_file(state(here.path(), "yearly")).unwrap();
    ok(here.path(), &due(&["--keep", "2"]));
    assert_eq!(
        names(&folder),
        [old[1], this_year.as_str(), "latest.json", "mine.json"]
    );
}

#[test]
fn a_clock_put_back_and_a_state_that_is_none() {
    let here = with_reports(&[
        ("yearly", YEARLY, "SELECT 1 AS a"),
        ("other", YEARLY, "SELECT 1 AS a"),
    ]);
    ok(here.path(), &due(&[]));
    let text = fs::read_to_string(state(here.path(), "yearly")).unwrap();
    let year = Utc::now().year();
    let later = text.replace(&format!("{year}-01-01T"), "9000-01-01T");
    fs::write(state(here.path(), "yearly"), later).unwrap();
    fs::write(state(here.path(), "other"), "{\n  \"schedule\": 3\n}").unwrap();
    fs::remove_dir_all(here.path().join("out")).unwrap();
    let output = run(here.path(), &due(&[]));
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    for part in [
        "error: report other: s/schedule/other.json:2: ",
        "mend the file, or delete it",
        "report yearly: the clock was put back: times up to 9000-01-01T00:00:00Z are settled",
        "delete s/schedule/yearly.json\n",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(!here.path().join("out").exists());
    let output = run(here.path(), &due(&["yearly"]));
    assert_eq!(
        output.status.code(),
        Some(0),
        "a clock put back is no failure"
    );
}

#[test]
fn wrong_requests() {
    let here = with_reports(&[
        ("plain", "", "SELECT 1 AS a"),
        (
            "late",
            "-- missed: skip 1m\n-- schedule: 0 0 1 1 *",
            "SELECT 1 AS a",
        ),
    ]);
    assert!(fails(here.path(), 2, &["report", "--due", "--store", "s"]).contains("--output"));
    assert!(fails(here.path(), 2, &["report", "plain", "--keep", "3"]).contains("--due"));
    assert!(fails(here.path(), 2, &due(&["--keep", "0"])).contains("--keep"));
    assert!(fails(here.path(), 2, &due(&["nosuch"])).contains("nosuch"));
    assert!(fails(here.path(), 2, &due(&["plain"])).contains("report plain has no schedule"));
    assert!(fails(here.path(), 2, &due(&["--param", "tpo=1"])).contains("\"tpo\""));
    let stock = ["report", "--due", "--store", "s", "-o", "out"];
    assert!(fails(here.path(), 2, &stock).contains("no report has a schedule"));
    let without = ["report", "--due", "--queries", "q", "-o", "out"];
    assert!(fails(here.path(), 2, &without).contains("--store"));
    assert!(
        fails(
            here.path(),
            2,
            &["schedule", "--store", "s", "--queries", "q"]
        )
        .contains("--output")
    );
    assert!(!here.path().join("out").exists());
    // Later than its policy allows.
    let output = run(here.path(), &due(&[]));
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        (output.status.code(), said.lines().count()),
        (Some(0), 1),
        "{said}"
    );
    assert!(
        said.contains("report late: due ") && said.contains("`missed: skip 1m`"),
        "{said}"
    );
    ok(here.path(), &due(&[]));
    assert!(!here.path().join("out").exists());
}

const LOOP: [&str; 7] = ["schedule", "--store", "s", "--queries", "q", "-o", "out"];

/// A scheduler that has written a line with this in it.
fn started(here: &Path, until: &str) -> (Child, impl Iterator<Item = String>) {
    let mut child = spanql(here)
        .args(LOOP)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap())
        .lines()
        .map(Result::unwrap);
    assert!(lines.any(|line| line.contains(until)), "it ended before");
    (child, lines)
}

#[cfg(unix)]
fn signal(child: &Child, name: &str) {
    let kill = Command::new("kill")
        .args([name, &child.id().to_string()])
        .status();
    assert!(kill.unwrap().success());
}

#[cfg(unix)]
#[test]
fn a_scheduler_runs_what_is_due_keeps_others_out_and_ends_when_told() {
    let here = with_reports(&[("yearly", YEARLY, "SELECT 1 AS a")]);
    let (mut child, lines) = started(here.path(), "yearly: due ");
    assert_eq!(names(&here.path().join("out/yearly")).len(), 2);
    for args in [&due(&[])[..], &LOOP] {
        let error = fails(here.path(), 75, args);
        assert!(error.contains("s/schedule: another scheduler"), "{error}");
        assert!(
            error.contains(&format!("(process {} since ", child.id())),
            "{error}"
        );
    }
    signal(&child, "-TERM");
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(lines.count(), 0, "it says nothing more");
    ok(here.path(), &due(&[]));

    // A lock does not outlive its process, however that ends.
    fs::remove_file(state(here.path(), "yearly")).unwrap();
    let (mut child, _) = started(here.path(), "yearly: due ");
    child.kill().unwrap();
    child.wait().unwrap();
    ok(here.path(), &due(&[]));
    let (mut child, _) = started(here.path(), "yearly: next at ");
    signal(&child, "-INT");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[cfg(unix)]
#[test]
fn a_run_that_is_stopped_leaves_nothing_and_is_due_again() {
    let endless = "SELECT value AS a FROM generate_series(1, 100000000000)";
    let here = with_reports(&[("yearly", YEARLY, endless)]);
    let folder = here.path().join("out/yearly");
    for (args, name, code) in [
        (&DUE[..], "-TERM", 143),
        (&DUE, "-INT", 130),
        (&LOOP, "-TERM", 0),
    ] {
        let mut child = spanql(here.path())
            .args(args)
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        while !folder.exists() || names(&folder).is_empty() {
            assert!(
                child.try_wait().unwrap().is_none(),
                "it runs until it is stopped"
            );
            std::thread::yield_now();
        }
        signal(&child, name);
        assert_eq!(child.wait().unwrap().code(), Some(code), "{name}");
        assert_eq!(names(&folder), [""; 0]);
        let known = read_state(here.path(), "yearly");
        assert_eq!(
            (&known["success"], &known["failure"]),
            (&Value::Null, &Value::Null)
        );
    }
    write_report(here.path(), "yearly", YEARLY, "SELECT 1 AS a");
    ok(here.path(), &due(&[]));
    assert_eq!(names(&folder), [this_year().as_str(), "latest.json"]);
}
