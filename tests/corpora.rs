//! Real text that lies beside the repository: the old e-mail regex as a user pattern over 6,046 mails, against Python's `re`,
//! and how the built-in EMAIL differs from it; the embedded tagger on marked sentences. Where something is absent the test says
//! so and passes.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::ops::Range;
use std::path::Path;
use std::process::Command;

use spanql::ner::tagger::{LABELS, Tagger, conll, evaluate::evaluate};
use spanql::recognize::{Pattern, Registry, Scratch};

const OLD: &str = r"[a-z0-9\.\-+_]+@[a-z0-9\.\-+_]+\.[a-z]+";

const PYTHON: &str = r#"
import gzip, json, re, sys
old = re.compile(sys.argv[2])
print(sum(len(old.findall(json.loads(line)["text"].lower())) for line in gzip.open(sys.argv[1], "rt", encoding="utf-8")))
"#;

#[test]
fn the_old_regex_counts_as_python_does() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../shared/data/corpora/en_spamassassin_6046_emails.jsonl.gz");
    if !path.exists() {
        println!("skipped: no corpus at {}", path.display());
        return;
    }
    let old = Pattern::new("OLD", OLD, 0).unwrap();
    let scanner = Registry::builtin()
        .with_patterns([old])
        .scanner(&["OLD", "EMAIL"])
        .unwrap();
    let mut scratch = Scratch::default();
    let (mut old_count, mut new_count, mut differences) = (0, 0, BTreeMap::<&str, usize>::new());
    for line in BufReader::new(flate2::read::MultiGzDecoder::new(
        File::open(&path).unwrap(),
    ))
    .lines()
    {
        let record: serde_json::Value = serde_json::from_str(&line.unwrap()).unwrap();
        let text = record["text"].as_str().unwrap().to_lowercase();
        let spans = scanner.scan(&text, &mut scratch);
        let of = |name: &str| -> Vec<Range<usize>> {
            let recognizers = scanner.registry().recognizers();
            spans
                .iter()
                .filter(|s| recognizers[s.recognizer].label() == name)
                .map(|s| s.start..s.end)
                .collect()
        };
        let (old, new) = (of("OLD"), of("EMAIL"));
        old_count += old.len();
        new_count += new.len();
        for one in &old {
            let other = new
                .iter()
                .find(|other| other.start < one.end && one.start < other.end);
            *differences
                .entry(difference(&text, one, other))
                .or_default() += 1;
        }
        let alone = new
            .iter()
            .filter(|one| !old.iter().any(|o| o.start < one.end && one.start < o.end))
            .count();
        *differences.entry("only EMAIL finds one").or_default() += alone;
    }
    println!("old regex: {old_count}; built-in EMAIL: {new_count}; of the old regex's:");
    differences
        .iter()
        .for_each(|(what, count)| println!("  {count:>6} {what}"));

    match Command::new("python3")
        .args(["-c", PYTHON])
        .arg(&path)
        .arg(OLD)
        .output()
    {
        Err(error) => println!("skipped: python3 does not run: {error}"),
        Ok(output) => {
            assert!(
                output.status.success(),
                "{}",
                String::from_utf8_lossy(&output.stderr)
            );
            let python: usize = String::from_utf8_lossy(&output.stdout)
                .trim()
                .parse()
                .unwrap();
            println!("Python's re: {python}; SpanQL's pattern: {old_count}");
            assert_eq!(old_count, python);
        }
    }
}

/// How EMAIL's answer differs from the old regex's, in words.
fn difference(text: &str, old: &Range<usize>, new: Option<&Range<usize>>) -> &'static str {
    let found = &text[old.clone()];
    let next = text[old.end..].chars().next();
    match new {
        Some(new) if new == old => "the same",
        Some(new) if new.end > old.end => {
            "EMAIL goes on: the last label has a digit or hyphen, or the name other characters"
        }
        Some(new)
            if new.start < old.start
                && text[new.start..old.start].contains(['#', '$', '&', '*', '/', '=']) =>
        {
            "EMAIL begins earlier: a bounce address, a message id"
        }
        Some(new) if new.start < old.start => {
            "EMAIL begins earlier: at a character the old regex does not know"
        }
        Some(_) if text[..old.start].ends_with(['%', '=']) => {
            "EMAIL is shorter: encoded punctuation is not part of an address"
        }
        Some(_) => "EMAIL is shorter: punctuation is not part of an address",
        None if text[old.end..].starts_with(':') => "none: a path on another host",
        None if text[..old.start].ends_with(['#', '$', '=']) => {
            "none: cut out of a local part over 64 bytes"
        }
        None if text[..old.start].ends_with("://")
            || text[..old.start].ends_with(':') && text[..old.start].contains("://") =>
        {
            "none: user information of a URL"
        }
        None if text[..old.start].ends_with('@') || next == Some('@') => "none: a part of a@b@c",
        None if found.contains("..") => "none: two dots in a row",
        None if found.rsplit('.').next().is_some_and(|top| top.len() < 2) => {
            "none: a top-level domain of one letter"
        }
        None if found
            .split('@')
            .nth(1)
            .is_some_and(|domain| domain.contains('_')) =>
        {
            "none: _ in the domain"
        }
        None if next.is_some_and(|c| c.is_alphanumeric() || c == '-' || c == '_') => {
            "none: cut out of a longer domain, which is none"
        }
        None if found
            .split('@')
            .next()
            .is_some_and(|local| local.len() > 64) =>
        {
            "none: a local part over 64 bytes"
        }
        None => "none: another reason",
    }
}

/// What the model card says of the embedded tagger, from below.
#[test]
fn the_tagger_is_as_good_as_its_card_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/ner");
    for (file, least) in [
        ("en_uner_ewt_dev.conll.gz", 0.74),
        ("en_btc_dev.conll.gz", 0.72),
        ("en_wnut17_dev.conll.gz", 0.58),
        ("zh_uner_gsd_dev.char.conll.gz", 0.66),
        ("zh_uner_gsdsimp_dev.char.conll.gz", 0.71),
    ] {
        let path = folder.join(file);
        if !path.is_file() {
            println!("skipped: there is no {}", path.display());
            continue;
        }
        let sentences = conll::read(&path).unwrap();
        let counts = evaluate(&**Tagger::embedded(), &sentences).unwrap();
        let f1 = counts[LABELS.len()].f1();
        println!("{file}: F1 {f1:.3}");
        assert!(f1 > least, "{file}: {f1}");
    }
}
