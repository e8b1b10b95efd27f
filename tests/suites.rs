//! Peers' test suites for what we recognize too. They lie beside the repository, not in it; where they are absent the
//! tests say so and pass. Grammars differ on purpose, so the numbers of agreement are floors, printed with `--nocapture`.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "fuzz/targets.rs"]
mod targets;

use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;
use spanql::recognize::{Registry, Scratch};

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

fn found(label: &str, text: &str) -> Vec<String> {
    let scanner = Registry::builtin().scanner(&[label]).unwrap();
    scanner
        .scan(text, &mut Scratch::default())
        .iter()
        .map(|span| span.of(text).to_string())
        .collect()
}

/// Prints how many of `cases` pass, and those that do not.
fn tally(name: &str, cases: Vec<(String, bool)>) -> (usize, usize) {
    let passed = cases.iter().filter(|(_, passed)| *passed).count();
    println!("{name}: {passed} of {}", cases.len());
    cases
        .iter()
        .filter(|(_, passed)| !passed)
        .for_each(|(case, _)| println!("  differs: {case}"));
    (passed, cases.len())
}

/// Links that have a scheme of ours or begin with `www.`.
fn ours(link: &str) -> bool {
    Regex::new(r"(?i)^(?:https?://|ftp://|www\.)")
        .unwrap()
        .is_match(link)
}

#[test]
fn linkify_it() {
    let Some(folder) = suite("linkify-it") else {
        return;
    };
    let comment = Regex::new(r"\s+[%/]+ .*$").unwrap();
    let links = fs::read_to_string(folder.join("links.txt")).unwrap();
    let blocks = links.split("\n\n").map(|block| {
        block
            .lines()
            .filter(|l| !l.starts_with('%') && !l.trim().is_empty())
            .map(|l| comment.replace(l, ""))
            .collect()
    });
    let cases = blocks
        .filter_map(|block: Vec<_>| Some((block.first()?.to_string(), block.last()?.to_string())))
        .filter(|(_, link)| ours(link))
        .map(|(text, link)| {
            (
                format!("{text:?}, {link:?}"),
                found("URL", &text).contains(&link),
            )
        })
        .collect();
    let (links, _) = tally("linkify-it links", cases);
    let not_links = fs::read_to_string(folder.join("not_links.txt")).unwrap();
    let cases = not_links
        .lines()
        .filter(|l| !l.starts_with('%') && !l.trim().is_empty())
        .map(|l| {
            (
                l.to_string(),
                found("URL", &comment.replace(l, "")).is_empty(),
            )
        })
        .collect();
    let (not_links, _) = tally("linkify-it not_links", cases);
    assert!(
        links >= LINKS && not_links >= NOT_LINKS,
        "{links} {not_links}"
    );
}

/// What agreed when the grammar was written. The rest are differences of grammar: dotless hosts, quotes and braces
/// inside paths, symbols in hosts, Han hosts; and private addresses, which are no URLs to spaCy.
const LINKS: usize = 73;
const NOT_LINKS: usize = 38;
const URLS: usize = 34;
const NOT_URLS: usize = 22;

#[test]
fn spacy_urls() {
    let Some(path) = suite("url/spacy_urls.json") else {
        return;
    };
    let all: serde_json::Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let list = |key: &str| -> Vec<String> {
        all[key]
            .as_array()
            .unwrap()
            .iter()
            .map(|url| url.as_str().unwrap().to_string())
            .filter(|u| ours(u))
            .collect()
    };
    let whole = |url: &String| found("URL", url) == [url.as_str()];
    let (urls, _) = tally(
        "spaCy URLs",
        list("URLS_SHOULD_MATCH")
            .into_iter()
            .map(|u| (u.clone(), whole(&u)))
            .collect(),
    );
    let (not_urls, _) = tally(
        "spaCy non-URLs",
        list("URLS_SHOULD_NOT_MATCH")
            .into_iter()
            .map(|u| (u.clone(), !whole(&u)))
            .collect(),
    );
    assert!(urls >= URLS && not_urls >= NOT_URLS, "{urls} {not_urls}");
}

#[test]
fn isemail() {
    let Some(path) = suite("isemail/tests.xml") else {
        return;
    };
    let xml = fs::read_to_string(path).unwrap();
    let case =
        Regex::new(r"(?s)<address>([^<]*)</address>.*?<category>([^<]*)</category>").unwrap();
    let (mut wrong, mut valid) = (Vec::new(), Vec::new());
    for case in case.captures_iter(&xml) {
        let address = case[1]
            .replace("&amp;", "&")
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&quot;", "\"");
        let whole = found("EMAIL", &address) == [address.as_str()];
        match &case[2] {
            "ISEMAIL_ERR" => wrong.push((address, !whole)),
            "ISEMAIL_VALID_CATEGORY" | "ISEMAIL_DNSWARN" => valid.push((address, whole)),
            _ => {}
        }
    }
    let (rejected, errors) = tally("isemail errors refused", wrong);
    tally("isemail valid found", valid);
    assert_eq!(
        rejected, errors,
        "an address that isemail calls an error was found whole"
    );
}

/// Every case that the `regex` crate itself would run with default flags.
#[test]
fn rust_regex() {
    let Some(folder) = suite("rust-regex") else {
        return;
    };
    let mut count = 0;
    for dir in [folder.clone(), folder.join("fowler")] {
        for file in fs::read_dir(dir)
            .unwrap()
            .map(|entry| entry.unwrap().path())
        {
            if file.extension().is_none_or(|e| e != "toml") {
                continue;
            }
            let suite: toml::Table = fs::read_to_string(&file).unwrap().parse().unwrap();
            for test in suite["test"].as_array().unwrap() {
                if let (Some(pattern), Some(text)) =
                    (test["regex"].as_str(), test["haystack"].as_str())
                {
                    targets::equals_regex(pattern, text);
                    targets::equals_regex(pattern, &format!("中{text}😀{text}"));
                    count += 1;
                }
            }
        }
    }
    println!("rust-regex: {count} cases agree");
    assert!(count > 500, "only {count} cases were read");
}
