//! Tests with a real model: `make test-rust-bert` prepares it, and names its folder in `RAMPART`.

mod broken;
mod every;
mod same;

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::Bert;
use crate::ner::Model;

/// The folder with the model; a test without it says so.
fn rampart() -> Option<PathBuf> {
    let folder = std::env::var_os("RAMPART").map(PathBuf::from);
    if folder.is_none() {
        println!("skipped: RAMPART names no model; make test-rust-bert does");
    }
    folder
}

/// What another runtime found: `tests/rust_bert/record.py`.
#[derive(Deserialize)]
struct Recorded {
    text: String,
    spans: Vec<(usize, usize, String, f32)>,
}

fn recorded() -> Vec<Recorded> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rust_bert/expected.json");
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn it_finds_what_another_runtime_finds() {
    let Some(folder) = rampart() else { return };
    let model = Bert::open(&folder).unwrap();
    let recorded = recorded();
    assert!(
        recorded
            .iter()
            .map(|record| record.spans.len())
            .sum::<usize>()
            > 80
    );
    for Recorded { text, spans } in recorded {
        let chars = |byte: usize| text[..byte].chars().count();
        let found: Vec<(usize, usize, String, f32)> = model.tag(&[&text]).unwrap()[0]
            .iter()
            .map(|s| {
                (
                    chars(s.start),
                    chars(s.end),
                    model.labels()[s.label].clone(),
                    s.score,
                )
            })
            .collect();
        let places = |spans: &[(usize, usize, String, f32)]| -> Vec<(usize, usize, String)> {
            spans
                .iter()
                .map(|(start, end, label, _)| (*start, *end, label.clone()))
                .collect()
        };
        assert_eq!(places(&found), places(&spans), "{text:?}");
        for ((.., ours), (.., theirs)) in found.iter().zip(&spans) {
            // They compute with other kernels, and from the 4-bit weights.
            assert!(
                (ours - theirs).abs() < 0.002,
                "{text:?}: {ours} for {theirs}"
            );
        }
    }
}

#[test]
fn labels_are_without_prefixes() {
    let Some(folder) = rampart() else { return };
    let model = Bert::open(&folder).unwrap();
    assert_eq!(model.labels()[..3], ["GIVEN_NAME", "SURNAME", "EMAIL"]);
    assert_eq!(model.labels().len(), 17);
    assert!(
        model.description().starts_with("bert, by rust-bert"),
        "{}",
        model.description()
    );
}
