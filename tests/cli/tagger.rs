//! `spanql train-tagger` and `spanql evaluate`, and the tagger that comes with SpanQL.

use std::fs;

use serde_json::{Value, json};

use super::{fails, names, ok, run};

const SENTENCES: &str = "Ann\tB-PER\nLee\tI-PER\nlives\tO\nin\tO\nParis\tB-LOC\n\n\
    Bob\tB-PER\nleft\tO\nRome\tB-LOC\n\n王\tB-PER\n明\tI-PER\n在\tO\n北\tB-LOC\n京\tI-LOC\n";

#[test]
fn a_tagger_is_trained_measured_and_used() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.conll"), SENTENCES).unwrap();
    let train = [
        "train-tagger",
        "a.conll",
        "a.conll=0.5",
        "--epochs",
        "1",
        "-o",
        "own.zst",
    ];
    let trained = || {
        let output = run(folder.path(), &train);
        assert!(
            output.status.success() && output.stdout.is_empty(),
            "{output:?}"
        );
        let weights = fs::read(folder.path().join("own.zst")).unwrap();
        (String::from_utf8(output.stderr).unwrap(), weights)
    };
    let (told, weights) = trained();
    assert!(
        told.contains("words: epoch 1 of 1") && told.contains("own.zst: "),
        "{told}"
    );
    assert!(
        trained().1 == weights,
        "the same files give the same weights"
    );

    let rows: Vec<Value> =
        serde_json::from_str(&ok(folder.path(), &["evaluate", "own.zst", "a.conll"])).unwrap();
    let labels: Vec<&Value> = rows.iter().map(|row| &row["label"]).collect();
    assert_eq!(
        labels,
        [
            &json!("PERSON"),
            &json!("ORG"),
            &json!("LOC"),
            &json!("all")
        ]
    );
    assert_eq!(
        (&rows[3]["marked"], &rows[3]["file"]),
        (&json!(6), &json!("a.conll"))
    );

    let config = "[[recognizer]]\nmodel = \"own.zst\"\nname = \"own\"\n";
    fs::write(folder.path().join("spanql.toml"), config).unwrap();
    let list = ok(folder.path(), &["recognizers", "--labels", "LOC"]);
    assert!(list.contains("model:own"), "{list}");
}

#[test]
fn the_embedded_tagger_is_there_without_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let query = "SELECT e['label'] || ' ' || e['entity'] AS found
                 FROM (SELECT unnest(ner('Angela Merkel flew to Paris. 毛泽东1893年出生于湖南。')) AS e)";
    let rows = ok(folder.path(), &["sql", query, "--format", "csv"]);
    assert_eq!(
        rows,
        "found\nPERSON Angela Merkel\nLOC Paris\nPERSON 毛泽东\nLOC 湖南\n"
    );
    fs::write(folder.path().join("a.conll"), SENTENCES).unwrap();
    let rows: Vec<Value> =
        serde_json::from_str(&ok(folder.path(), &["evaluate", "tagger", "a.conll"])).unwrap();
    assert!(rows[3]["f1"].as_f64().unwrap() > 0.5, "{rows:?}");
}

#[test]
fn what_cannot_be_learned_from_leaves_no_weights() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("bad.conll"), "Ann\tB-PER\nLee\n").unwrap();
    fs::write(folder.path().join("a.conll"), SENTENCES).unwrap();
    for (args, words) in [
        (
            &["train-tagger", "bad.conll", "-o", "own.zst"][..],
            "bad.conll:2: \"Lee\" has no tag",
        ),
        (
            &["train-tagger", "a.conll=0", "-o", "own.zst"],
            "\"0\" is no weight",
        ),
        (
            &[
                "train-tagger",
                "a.conll",
                "--lexicon",
                "bad.conll",
                "-o",
                "own.zst",
            ],
            "bad.conll:2:",
        ),
        (
            &["evaluate", "bad.conll", "a.conll"],
            "bad.conll: no weights",
        ),
        (&["evaluate", "nobody", "a.conll"], "nobody"),
        (&["evaluate", "tagger", "bad.conll"], "bad.conll:2:"),
    ] {
        let error = fails(folder.path(), 2, args);
        assert!(error.contains(words), "{args:?}: {error}");
    }
    let error = fails(
        folder.path(),
        1,
        &["train-tagger", "missing.conll", "-o", "own.zst"],
    );
    assert!(error.contains("missing.conll"), "{error}");
    assert_eq!(names(folder.path()), ["a.conll", "bad.conll"]);
}
