//! `spanql report`: the list, parameters, files, and one report that fails among others.

use std::fs;

use serde_json::Value;

use crate::{fails, names, ok, run, stored};

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
    assert_eq!(files.len(), 7);
    for file in files {
        let rows: Vec<Value> =
            serde_json::from_slice(&fs::read(folder.join(&file)).unwrap()).unwrap();
        // No document of the corpus is a copy.
        assert_eq!(rows.is_empty(), file == "most_copied.json", "{file}");
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
