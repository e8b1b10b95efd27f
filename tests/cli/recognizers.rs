//! `spanql recognizers`: the list, and why a text gives what it gives.

use std::fs;
use std::io::Write as _;
use std::process::Stdio;

use serde_json::{Value, json};

use super::{fails, ok, run, spanql};

const CONFIG: &str = r#"
[[recognizer]]
label = "ORDER"
pattern = 'ORD-\d{4}'
score = 0.6

[label.ORDER]
min_score = 0.5

[[label.ORDER.context]]
words = ["see", "订单"]
raise = 0.3

[[label.ORDER.context]]
words = ["page"]
lower = 0.2
before = 8
"#;

fn configured() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("spanql.toml"), CONFIG).unwrap();
    folder
}

fn rows(json: &str) -> Vec<Value> {
    serde_json::from_str(json).unwrap()
}

#[test]
fn the_list_says_what_is_loaded_and_from_where() {
    let here = configured();
    let all = rows(&ok(here.path(), &["recognizers"]));
    assert!(all.len() > 5);
    let fingerprint = all[0]["registry"].as_str().unwrap();
    assert_eq!(fingerprint.len(), 16);
    assert!(all.iter().all(|row| row["registry"] == fingerprint));
    assert_eq!(
        (&all[0]["label"], &all[0]["origin"]),
        (&json!("EMAIL"), &json!("built in"))
    );
    assert_eq!(
        *all.last().unwrap(),
        json!({
            "label": "ORDER", "recognizer": "pattern:ORDER", "origin": "spanql.toml:2",
            "description": r"ORD-\d{4}", "score": 0.6, "min_score": 0.5,
            "context": "+0.3 see, 订单; -0.2 page", "registry": fingerprint,
        })
    );

    let some = rows(&ok(
        here.path(),
        &["recognizers", "--labels", "ORDER,EMAIL"],
    ));
    let labels: Vec<_> = some
        .iter()
        .map(|row| row["label"].as_str().unwrap())
        .collect();
    assert_eq!(labels, ["EMAIL", "ORDER"]);
    assert_eq!(
        some[0]["registry"], fingerprint,
        "what is shown changes no fingerprint"
    );

    // A table ends in the fingerprint.
    let table = ok(here.path(), &["recognizers", "--format", "table"]);
    assert!(table.contains("| ORDER "), "{table}");
    assert_eq!(
        table.lines().last().unwrap(),
        format!("registry {fingerprint}")
    );
    assert_eq!(table.matches(fingerprint).count(), 1);

    // Without the configuration, and with another one, the fingerprint is another.
    let bare = tempfile::tempdir().unwrap();
    let plain = rows(&ok(bare.path(), &["recognizers"]));
    assert_ne!(plain[0]["registry"], fingerprint);
    fs::write(here.path().join("other.toml"), CONFIG.replace("0.3", "0.4")).unwrap();
    let other = rows(&ok(here.path(), &["recognizers", "--config", "other.toml"]));
    assert_eq!(other.len(), all.len());
    assert_ne!(other[0]["registry"], fingerprint);
}

#[test]
fn a_test_shows_what_is_found_and_why_the_rest_is_refused() {
    let here = configured();
    let text =
        "看订单：ORD-1234，page ORD-5678, ORD-9999. Write to Ann@Example.com or ann@localhost.";
    let test = |more: &[&str]| {
        let args = [&["recognizers", "--test", text], more].concat();
        rows(&ok(here.path(), &args))
    };
    let found = test(&["--labels", "EMAIL,ORDER"]);
    let summary: Vec<String> = found
        .iter()
        .map(|row| {
            let cell = |name: &str| match &row[name] {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            [
                "label",
                "entity",
                "value",
                "span_start",
                "span_end",
                "score",
                "context",
                "refused",
            ]
            .map(cell)
            .join(" | ")
        })
        .collect();
    assert_eq!(
        summary,
        [
            "ORDER | ORD-1234 | ORD-1234 | 4 | 12 | 0.9 | +0.3 订单 | null",
            "ORDER | ORD-5678 | null | 18 | 26 | null | null | its score 0.4 (-0.2 for \"page\") is below min_score 0.5",
            "ORDER | ORD-9999 | ORD-9999 | 28 | 36 | 0.6 | null | null",
            "EMAIL | Ann@Example.com | ann@example.com | 47 | 62 | 1.0 | null | null",
            "EMAIL | ann@localhost | null | 66 | 79 | null | null | its domain is no host name that ends in a top-level domain",
        ]
    );
    let all = test(&[]);
    assert!(
        found.iter().all(|row| all.contains(row)),
        "other labels change nothing"
    );

    let table = ok(
        here.path(),
        &[
            "recognizers",
            "--test",
            "-5 ann@localhost",
            "--format",
            "table",
        ],
    );
    assert!(
        table.contains("| ann@localhost |") && table.contains("its domain is no host name"),
        "{table}"
    );
    let nothing = ok(
        here.path(),
        &["recognizers", "--test", "", "--format", "json"],
    );
    assert_eq!(rows(&nothing), [] as [Value; 0]);
}

#[test]
fn a_text_comes_from_stdin() {
    let here = tempfile::tempdir().unwrap();
    let from_stdin = |bytes: &[u8]| {
        let mut child = spanql(here.path())
            .args(["recognizers", "--labels", "EMAIL", "--test", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(bytes).unwrap();
        child.wait_with_output().unwrap()
    };
    let output = from_stdin("邮箱\na@b.com\n".as_bytes());
    assert_eq!(output.status.code(), Some(0));
    let found = rows(&String::from_utf8(output.stdout).unwrap());
    assert_eq!(
        (&found[0]["value"], &found[0]["span_start"]),
        (&json!("a@b.com"), &json!(3))
    );
    let output = from_stdin(b"\xff");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("error: stdin: "));
}

#[test]
fn what_cannot_be_shown_is_an_error() {
    let here = configured();
    let unknown = fails(here.path(), 1, &["recognizers", "--labels", "EMAIL,EMIAL"]);
    assert!(
        unknown.contains("unknown label \"EMIAL\": the labels are "),
        "{unknown}"
    );
    let unknown = fails(
        here.path(),
        1,
        &["recognizers", "--labels", "EMIAL", "--test", "x"],
    );
    assert!(unknown.contains("EMIAL"), "{unknown}");
    fails(here.path(), 2, &["recognizers", "--format", "xlsx"]);
    fs::write(
        here.path().join("spanql.toml"),
        "[label.PHONE]\nmin_score = 0.5\n\n[[label.PHONE.context]]\nwords = ['tel']\nrise = 0.3\n",
    )
    .unwrap();
    let error = fails(here.path(), 1, &["recognizers"]);
    assert!(
        error.contains("spanql.toml:6: ") && error.contains("rise"),
        "{error}"
    );
}

#[test]
fn results_carry_the_fingerprint() {
    let here = configured();
    let listed = rows(&ok(here.path(), &["recognizers"]));
    let fingerprint = listed[0]["registry"].as_str().unwrap();
    let query = "SELECT unnest(entity_values('ORD-1234', 'ORDER')) AS id";
    for name in ["out.parquet", "out.arrow"] {
        let output = run(here.path(), &["sql", query, "-o", name]);
        assert_eq!(output.status.code(), Some(0));
    }
    let file = fs::File::open(here.path().join("out.parquet")).unwrap();
    let reader = parquet::file::serialized_reader::SerializedFileReader::new(file).unwrap();
    let metadata = parquet::file::reader::FileReader::metadata(&reader).file_metadata();
    let footer = metadata.key_value_metadata().unwrap();
    let carried = footer
        .iter()
        .find(|pair| pair.key == "spanql.registry")
        .unwrap();
    assert_eq!(carried.value.as_deref(), Some(fingerprint));

    let file = fs::File::open(here.path().join("out.arrow")).unwrap();
    let reader = arrow::ipc::reader::FileReader::try_new(file, None).unwrap();
    assert_eq!(reader.schema().metadata()["spanql.registry"], fingerprint);
}
