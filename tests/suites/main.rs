//! Peers' test suites for what we recognize too, every case of them. They lie beside the repository, not in it; where
//! they are absent the tests say so and pass.
//!
//! Our recognizers find entities in prose; the suites are of validators, browsers and other finders. What differs stands
//! in a list beside its test, by reason. A test fails when a difference appears, and when one disappears.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../fuzz/targets.rs"]
mod targets;

mod isemail;
mod linkify_it;
mod rust_regex;
mod urls;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use spanql::recognize::{Registry, Scratch};

/// Reasons, and the cases that differ for each.
type Differences<'a> = &'a [(&'a str, &'a [&'a str])];

fn suite(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../shared/data/suites")
        .join(name);
    if !path.exists() {
        println!("skipped: no suite at {}", path.display());
        return None;
    }
    Some(path)
}

fn read(name: &str) -> Option<String> {
    suite(name).map(|path| fs::read_to_string(path).unwrap())
}

fn found(label: &str, text: &str) -> Vec<String> {
    let scanner = Registry::builtin().scanner(&[label]).unwrap();
    scanner
        .scan(text, &mut Scratch::default())
        .iter()
        .map(|span| span.of(text).to_string())
        .collect()
}

/// Checks that of `cases`, each with whether we agree, exactly the known ones differ.
fn compare(suite: &str, cases: impl IntoIterator<Item = (String, bool)>, known: Differences) {
    let cases: Vec<_> = cases.into_iter().collect();
    let differs: BTreeSet<&str> = cases
        .iter()
        .filter(|(_, agrees)| !agrees)
        .map(|(case, _)| case.as_str())
        .collect();
    let listed: BTreeSet<&str> = known
        .iter()
        .flat_map(|(_, cases)| *cases)
        .copied()
        .collect();
    println!("{suite}: {} cases, {} differ", cases.len(), differs.len());
    for (reason, cases) in known {
        println!("  {:>3} {reason}", cases.len());
    }
    let (new, gone): (Vec<_>, Vec<_>) = (
        differs.difference(&listed).collect(),
        listed.difference(&differs).collect(),
    );
    assert!(
        new.is_empty() && gone.is_empty(),
        "{suite}: differs on {new:#?}, which no list has; agrees on {gone:#?}, which a list has"
    );
}
