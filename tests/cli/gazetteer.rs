//! Gazetteers as a user has them: a list beside `spanql.toml`, wherever the command is run.

use std::fs;

use crate::{fails, names, ok, run};

const CONFIG: &str =
    "[[recognizer]]\nlabel = 'TEA'\ngazetteer = 'lists/tea.csv'\nignore_case = true\n";
const QUERY: &str = "SELECT entity_values('oolong, 龙井茶', 'TEA') AS found";

#[test]
fn a_list_is_found_beside_the_configuration() {
    let here = tempfile::tempdir().unwrap();
    let conf = here.path().join("conf");
    fs::create_dir_all(conf.join("lists")).unwrap();
    fs::write(conf.join("spanql.toml"), CONFIG).unwrap();
    fs::write(conf.join("lists/tea.csv"), "Oolong,乌龙\n龙井\n").unwrap();
    let sql = [
        "sql",
        QUERY,
        "--config",
        "conf/spanql.toml",
        "--format",
        "ndjson",
    ];
    let expected = "{\"found\":[\"乌龙\",\"龙井\"]}\n";
    assert_eq!(ok(here.path(), &sql), expected);
    assert_eq!(ok(&conf, &["sql", QUERY, "--format", "ndjson"]), expected);
    assert_eq!(names(&conf.join("lists")), ["tea.csv"]);

    // A long list leaves its compiled form, which does not outlive it.
    let long = |value: &str| -> String {
        let lines = (0..10_000).map(|i| format!("tea number {i}\n"));
        lines.chain([format!("oolong,{value}\n")]).collect()
    };
    for value in ["one", "two", "one"] {
        fs::write(conf.join("lists/tea.csv"), long(value)).unwrap();
        for _ in 0..2 {
            assert_eq!(
                ok(here.path(), &sql),
                format!("{{\"found\":[\"{value}\"]}}\n")
            );
            assert_eq!(
                names(&conf.join("lists")),
                [".tea.csv.case.spanql-gaz", "tea.csv"]
            );
        }
    }
}

#[test]
fn skipped_lines_are_told_and_cost_nothing_else() {
    let here = tempfile::tempdir().unwrap();
    fs::create_dir(here.path().join("lists")).unwrap();
    fs::write(here.path().join("spanql.toml"), CONFIG).unwrap();
    let list = here.path().join("lists/tea.csv");
    let mut lines = b"Oolong\n\n\"open\n\xFF\xFE\noolong,x\na,b,c\n".to_vec();
    lines.extend(b"x".repeat(10_000));
    lines.extend(b"\n\xE9\xBE\x99\xE4\xBA\x95");
    fs::write(&list, lines).unwrap();
    let output = run(here.path(), &["sql", QUERY, "--format", "ndjson"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "{\"found\":[\"Oolong\",\"龙井\"]}\n"
    );
    let stderr = String::from_utf8_lossy(&output.stderr);
    for (line, reason) in [
        (2, "no phrase"),
        (3, "a quote that is not closed"),
        (4, "not UTF-8"),
        (5, "the phrase of an earlier line, with another value"),
        (6, "other fields than a phrase and a value"),
        (7, "more than 1,024 bytes"),
    ] {
        let told = format!("tea.csv: skipped line {line}: {reason}");
        assert!(stderr.contains(&told), "{told}: {stderr}");
    }
    assert_eq!(stderr.lines().count(), 6, "{stderr}");
    assert!(
        !stderr.contains('\x1b'),
        "colours, and no terminal: {stderr}"
    );
}

#[test]
fn a_list_that_cannot_be_used_is_an_error_with_its_line() {
    let here = tempfile::tempdir().unwrap();
    fs::create_dir(here.path().join("lists")).unwrap();
    fs::write(here.path().join("spanql.toml"), CONFIG).unwrap();
    let list = here.path().join("lists/tea.csv");
    let error = || fails(here.path(), 1, &["sql", QUERY]);
    assert!(error().starts_with("error: spanql.toml:3: lists/tea.csv: No such file"));
    fs::write(&list, "\n").unwrap();
    assert_eq!(
        error(),
        "error: spanql.toml:3: lists/tea.csv: the list is empty\n"
    );
    fs::write(&list, b"\xFF\n\xFE\n").unwrap();
    assert_eq!(
        error(),
        "error: spanql.toml:3: lists/tea.csv: the list holds no phrase: line 1 and 1 more: not UTF-8\n"
    );
}
