//! Replays `tests/fuzz/seeds/<target>/*` through the fuzz targets' own assertions.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "fuzz/targets.rs"]
mod targets;

use std::fs;
use std::path::Path;

fn replay(target: &str, run: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fuzz/seeds")
        .join(target);
    let mut seeds: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    seeds.sort();
    assert!(
        seeds.len() >= 12,
        "{} holds only {} seeds",
        folder.display(),
        seeds.len()
    );
    for seed in seeds {
        println!("{}", seed.display());
        run(&fs::read(&seed).unwrap());
    }
}

#[test]
fn registry() {
    replay("registry", targets::registry);
}

#[test]
fn pattern() {
    replay("pattern", targets::pattern);
}

#[test]
fn records() {
    replay("records", targets::records);
}

#[test]
fn json_record() {
    replay("json_record", targets::json_record);
}

#[test]
fn time_text() {
    replay("time_text", targets::time_text);
}

#[test]
fn encoded() {
    replay("encoded", targets::encoded);
}

#[test]
fn letters_and_pages() {
    replay("letters_and_pages", targets::letters_and_pages);
}

#[test]
fn config() {
    replay("config", targets::config);
}

#[test]
fn report() {
    replay("report", targets::report);
}

#[test]
fn gazetteer() {
    replay("gazetteer", targets::gazetteer);
}

#[test]
fn gazetteer_form() {
    replay("gazetteer_form", targets::gazetteer_form);
}
