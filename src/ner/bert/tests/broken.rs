//! Models that are not as they should be: each says what is wrong, and where.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::{Bert, rampart};
use crate::ner::Model;

/// A copy of the model with other contents in one file, or without it.
fn with(folder: &Path, name: &str, contents: Option<&[u8]>) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(folder).unwrap() {
        let from = entry.unwrap();
        if from.file_name() != name {
            fs::copy(from.path(), copy.path().join(from.file_name())).unwrap();
        }
    }
    if let Some(contents) = contents {
        fs::write(copy.path().join(name), contents).unwrap();
    }
    copy
}

/// What opening it says, or tagging with it.
fn error(folder: &Path) -> String {
    match Bert::open(folder) {
        Err(error) => error,
        Ok(model) => {
            let error = model.tag(&["Ann Lee"]).unwrap_err();
            assert_eq!(
                model.tag(&["Ann Lee"]).unwrap_err(),
                error,
                "it stays broken"
            );
            error
        }
    }
}

fn config(folder: &Path, from: &str, to: &str) -> Vec<u8> {
    let config = fs::read_to_string(folder.join("config.json")).unwrap();
    assert!(config.contains(from), "{from}");
    config.replace(from, to).into_bytes()
}

#[track_caller]
fn assert_says(folder: &Path, name: &str, contents: Option<&[u8]>, parts: &[&str]) {
    let copy = with(folder, name, contents);
    let error = error(copy.path());
    for part in parts {
        assert!(error.contains(part), "{error:?} does not say {part:?}");
    }
}

#[test]
fn a_missing_file_is_named() {
    let Some(folder) = rampart() else { return };
    assert_says(
        &folder,
        "config.json",
        None,
        &["config.json", "No such file"],
    );
    assert_says(&folder, "vocab.txt", None, &["has no vocab.txt", "bert"]);
    assert_says(
        &folder,
        "model.safetensors",
        None,
        &["has no model.safetensors and no rust_model.ot"],
    );
}

#[test]
fn a_damaged_file_is_named() {
    let Some(folder) = rampart() else { return };
    assert_says(&folder, "config.json", Some(b"{"), &["config.json: EOF"]);
    assert_says(&folder, "vocab.txt", Some(b"\xff\xfe"), &["vocab.txt"]);
    assert_says(&folder, "vocab.txt", Some(b"just\nwords\n"), &["vocab.txt"]);
    assert_says(
        &folder,
        "tokenizer_config.json",
        Some(b"[]"),
        &["tokenizer_config.json"],
    );
    let weights = fs::read(folder.join("model.safetensors")).unwrap();
    assert_says(
        &folder,
        "model.safetensors",
        Some(&weights[..weights.len() / 2]),
        &["model.safetensors"],
    );
    assert_says(
        &folder,
        "model.safetensors",
        Some(b""),
        &["model.safetensors"],
    );
}

#[test]
fn an_architecture_that_rust_bert_lacks_is_named() {
    let Some(folder) = rampart() else { return };
    let other = config(
        &folder,
        r#""model_type": "bert""#,
        r#""model_type": "modernbert""#,
    );
    assert_says(
        &folder,
        "config.json",
        Some(&other),
        &["config.json", "\"modernbert\"", "albert, bert, "],
    );
    let other = config(&folder, "BertForTokenClassification", "BertForMaskedLM");
    assert_says(
        &folder,
        "config.json",
        Some(&other),
        &["BertForMaskedLM", "labels tokens"],
    );
}

#[test]
fn a_label_map_that_does_not_fit_is_refused() {
    let Some(folder) = rampart() else { return };
    let none = config(&folder, "\"id2label\"", "\"id_to_label\"");
    assert_says(
        &folder,
        "config.json",
        Some(&none),
        &["config.json", "no id2label"],
    );
    let gap = config(&folder, "\"34\": \"I-ZIP_CODE\"", "\"40\": \"I-ZIP_CODE\"");
    assert_says(
        &folder,
        "config.json",
        Some(&gap),
        &["35 labels", "number 34"],
    );
    let few = config(&folder, ",\n    \"34\": \"I-ZIP_CODE\"", "");
    assert_says(
        &folder,
        "config.json",
        Some(&few),
        &["model.safetensors", "classifier.", "34 labels"],
    );
}

#[test]
fn parts_of_different_models_are_told_apart() {
    let Some(folder) = rampart() else { return };
    let layers = config(
        &folder,
        "\"num_hidden_layers\": 6",
        "\"num_hidden_layers\": 7",
    );
    assert_says(
        &folder,
        "config.json",
        Some(&layers),
        &["model.safetensors", "layer.6."],
    );
    let heads = config(&folder, "\"hidden_act\": \"gelu\",", "");
    assert_says(
        &folder,
        "config.json",
        Some(&heads),
        &["config.json", "hidden_act"],
    );
    let vocabulary = fs::read_to_string(folder.join("vocab.txt")).unwrap();
    let longer = vocabulary.replace("\nlee\n", "\nlie\n") + "lee\n";
    assert_says(
        &folder,
        "vocab.txt",
        Some(longer.as_bytes()),
        &["19730", "different models"],
    );
}

#[test]
fn weights_that_are_no_numbers_are_noticed() {
    let Some(folder) = rampart() else { return };
    let mut weights = fs::read(folder.join("model.safetensors")).unwrap();
    let from = weights.len() - 4 * 384;
    weights[from..].fill(0xff);
    assert_says(
        &folder,
        "model.safetensors",
        Some(&weights),
        &["not a number", "damaged"],
    );
}

#[test]
fn a_fingerprint_tells_weights_and_labels_apart() {
    let Some(folder) = rampart() else { return };
    let of = |folder: &Path| Bert::open(folder).unwrap().fingerprint();
    let same = with(&folder, "LICENSE", None);
    assert_eq!(of(&folder), of(same.path()));
    let renamed = config(&folder, "B-SURNAME", "B-FAMILY_NAME");
    assert_ne!(
        of(&folder),
        of(with(&folder, "config.json", Some(&renamed)).path())
    );
    let mut weights = fs::read(folder.join("model.safetensors")).unwrap();
    *weights.last_mut().unwrap() ^= 1;
    assert_ne!(
        of(&folder),
        of(with(&folder, "model.safetensors", Some(&weights)).path())
    );
}
