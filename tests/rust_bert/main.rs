//! Transformers from outside: `spanql.toml` names a model's folder, SQL asks, and what it is told is what another runtime
//! recorded. `make test-rust-bert` prepares the model, whose folder is in `RAMPART`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde::Deserialize;
use serde_json::{Value, json};
use tempfile::TempDir;

/// The folder with the model; a test without it says so.
fn rampart() -> Option<PathBuf> {
    let folder = std::env::var_os("RAMPART").map(PathBuf::from);
    if folder.is_none() {
        println!("skipped: RAMPART names no model; make test-rust-bert does");
    }
    folder
}

/// A folder with a configuration of this model; words near its phone numbers do not change their scores.
fn configured(model: &Path) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let model = model.to_str().unwrap();
    let config = format!(
        "[[recognizer]]\nmodel = {model:?}\nname = \"rampart\"\n\n[label.PHONE]\ncontext = []\n"
    );
    fs::write(folder.path().join("spanql.toml"), config).unwrap();
    folder
}

fn spanql(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_spanql"));
    command
        .current_dir(folder)
        .args(args)
        .stdin(Stdio::null())
        .env_remove("RUST_LOG")
        .output()
        .unwrap()
}

fn rows(folder: &Path, args: &[&str]) -> Value {
    let output = spanql(folder, args);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

fn error(folder: &Path, args: &[&str]) -> String {
    let output = spanql(folder, args);
    assert_eq!(
        output.status.code(),
        Some(1),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
    String::from_utf8(output.stderr).unwrap()
}

/// `record.py` wrote these.
#[derive(Deserialize)]
struct Recorded {
    text: String,
    spans: Vec<(usize, usize, String, f64)>,
}

#[test]
fn its_entities_stand_beside_those_of_recognizers() {
    let Some(model) = rampart() else { return };
    let here = configured(&model);
    let query = "SELECT e['label'] AS label, e['entity'] AS entity, e['recognizer'] AS recognizer
                 FROM (SELECT unnest(extract_entities('#tea for Sarah Johnson', 'SURNAME,HASHTAG')) AS e)";
    let told = rows(here.path(), &["sql", "--format", "json", query]);
    let row = |label: &str, entity: &str, recognizer: &str| json!({ "label": label, "entity": entity, "recognizer": recognizer });
    let expected = [
        row("HASHTAG", "#tea", "hashtag"),
        row("SURNAME", "Johnson", "model:rampart"),
    ];
    assert_eq!(told, json!(expected));
}

#[test]
fn sql_gives_what_another_runtime_found() {
    let Some(model) = rampart() else { return };
    let here = configured(&model);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rust_bert/expected.json");
    let recorded: Vec<Recorded> = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let lines = recorded
        .iter()
        .map(|record| json!({ "text": record.text }).to_string() + "\n");
    fs::write(here.path().join("texts.jsonl"), lines.collect::<String>()).unwrap();
    let ingested = spanql(here.path(), &["ingest", "texts.jsonl", "--store", "store"]);
    assert!(
        ingested.status.success(),
        "{}",
        String::from_utf8_lossy(&ingested.stderr)
    );

    // In `entities` labels that recognizers have too, such as PHONE, would be settled with these.
    let query =
        "SELECT doc_id, e['label'] AS label, e['entity'] AS entity, e['span_start'] AS span_start,
                        e['span_end'] AS span_end, e['score'] AS score
                 FROM (SELECT doc_id, unnest(ner(text, 'rampart')) AS e FROM documents)
                 ORDER BY doc_id, span_start";
    let found = rows(
        here.path(),
        &["sql", "--store", "store", "--format", "json", query],
    );
    let found = found.as_array().unwrap();
    let mut expected = 0;
    for (number, Recorded { text, spans }) in (1..).zip(&recorded) {
        let of_text = |row: &&Value| {
            row["doc_id"]
                .as_str()
                .unwrap()
                .ends_with(&format!("#{number}"))
        };
        let rows: Vec<&Value> = found.iter().filter(of_text).collect();
        assert_eq!(rows.len(), spans.len(), "{text:?}: {rows:?}");
        for (row, (start, end, label, score)) in rows.iter().zip(spans) {
            let entity: String = text.chars().skip(*start).take(end - start).collect();
            let told = (
                &row["span_start"],
                &row["span_end"],
                &row["label"],
                &row["entity"],
            );
            assert_eq!(
                told,
                (&json!(start), &json!(end), &json!(label), &json!(entity)),
                "{text:?}"
            );
            let difference = row["score"].as_f64().unwrap() - score;
            assert!(
                difference.abs() < 0.003,
                "{text:?}: {row}, recorded {score}"
            );
        }
        expected += spans.len();
    }
    assert!(expected > 80 && found.len() == expected);
}

#[test]
fn texts_that_are_hardly_any_and_texts_without_end() {
    let Some(model) = rampart() else { return };
    let here = configured(&model);
    let hardly = "SELECT ner(NULL, 'rampart') AS a, ner('', 'rampart') AS b, ner(' \n', 'rampart') AS c, ner('😀', 'rampart') AS d,
                         ner('\u{fffd}\u{fffd}', 'rampart') AS e";
    let told = rows(here.path(), &["sql", "--format", "json", hardly]);
    assert_eq!(
        told,
        json!([{ "a": null, "b": [], "c": [], "d": [], "e": [] }])
    );

    // A megabyte without a space, and a name far behind the first window.
    let long = "SELECT array_length(ner(repeat('x', 1000000), 'rampart')) AS x,
                       ner(repeat('The tea is good. ', 2000) || 'Ask Sarah Johnson.', 'rampart')[-1]['entity'] AS name";
    let told = rows(here.path(), &["sql", "--format", "json", long]);
    assert_eq!(told[0]["name"], "Johnson");
}

#[test]
fn a_model_that_is_broken_fails_the_query_by_name() {
    let Some(model) = rampart() else { return };
    let copy = tempfile::tempdir().unwrap();
    for name in ["config.json", "tokenizer_config.json", "vocab.txt"] {
        fs::copy(model.join(name), copy.path().join(name)).unwrap();
    }
    let here = configured(copy.path());
    let query = ["sql", "SELECT ner('Sarah Johnson', 'rampart')"];
    let refused = error(here.path(), &query);
    assert!(
        refused.contains("spanql.toml") && refused.contains("no model.safetensors"),
        "{refused}"
    );
    fs::write(copy.path().join("model.safetensors"), "not weights").unwrap();
    let failed = error(here.path(), &query);
    assert!(
        failed.contains("rampart") && failed.contains("model.safetensors"),
        "{failed}"
    );
    // Queries for what the model does not find do without it.
    let query = "SELECT extract_entities('#tea', 'HASHTAG') AS found";
    rows(here.path(), &["sql", "--format", "json", query]);
}

/// The loader's words, since without libtorch no word of ours can run.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[test]
fn without_libtorch_the_loader_names_it() {
    let output = Command::new("/lib64/ld-linux-x86-64.so.2")
        .args([
            "--inhibit-rpath",
            "",
            env!("CARGO_BIN_EXE_spanql"),
            "--version",
        ])
        .env_remove("LD_LIBRARY_PATH")
        .output()
        .unwrap();
    assert!(!output.status.success());
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(
        error.contains("libtorch") && error.contains("cannot open shared object file"),
        "{error}"
    );
}
