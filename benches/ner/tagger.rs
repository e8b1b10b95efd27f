//! How fast is the embedded tagger, how good, and what do repeated texts save?
//!
//! `make bench-tagger TEXT=FILES` runs it beside spaCy (`bench.py`): files of texts, one a line. Each file is tagged as a
//! query's partition does it, through a scheduler, on one thread; then every text twice, in two passes through one cache.
//! Of files in CoNLL format it says what a cascade behind the tagger would read and miss. One line of JSON a file and round,
//! for `bench.py` to set beside the peer's.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;
use std::{env, fs};

use serde_json::{Value, json};
use spanql::ner::tagger::{Tagger, conll};
use spanql::ner::{Cancel, Model, Scheduler, Tagged};

/// Texts a call: what a query looks ahead over is of this order.
const BATCH: usize = 256;
const CACHE_BYTES: usize = 64 << 20;

fn main() {
    // `cargo bench` and `cargo test` pass flags of their own.
    let files: Vec<String> = env::args()
        .skip(1)
        .filter(|arg| !arg.starts_with('-'))
        .collect();
    if files.is_empty() {
        println!("skipped: no texts are named; make bench-tagger TEXT=FILES");
        return;
    }
    let before = resident();
    let started = Instant::now();
    let tagger: Arc<dyn Model> = Tagger::embedded().clone();
    let load_ms = started.elapsed().as_secs_f64() * 1e3;
    check(&*tagger);
    for file in &files {
        if Path::new(file).to_string_lossy().contains(".conll") {
            println!("{}", cascade(&*tagger, file));
            continue;
        }
        let text = fs::read_to_string(file).unwrap_or_else(|e| panic!("{file}: {e}"));
        let texts: Vec<&str> = text
            .lines()
            .filter(|line| !line.trim().is_empty())
            .collect();
        let bytes: usize = texts.iter().map(|text| text.len()).sum();
        let (once, entities) = pass(&tagger, &[&texts]);
        let (twice, _) = pass(&tagger, &[&texts, &texts]);
        println!(
            "{}",
            json!({
                "system": "tagger", "file": name(file), "bytes": bytes, "tokens": tokens(&texts), "entities": entities,
                "cpu_s": once, "cpu_s_each_twice": twice, "load_ms": load_ms,
                "rss_above_start_mb": resident().saturating_sub(before) / 1000,
            })
        );
    }
}

/// A bench of a wrong answer measures nothing.
fn check(tagger: &dyn Model) {
    let text = "Angela Merkel flew to Paris.";
    let found = tagger
        .tag(&[text])
        .expect("the embedded tagger does not fail");
    let names: Vec<&str> = found[0]
        .iter()
        .map(|e: &Tagged| &text[e.start..e.end])
        .collect();
    assert_eq!(names, ["Angela Merkel", "Paris"]);
}

/// What a model behind `when = ["tagger"]` is given of the sentences, and of the entities that are marked in them: with a
/// perfect model, that share is the recall.
fn cascade(tagger: &dyn Model, file: &str) -> Value {
    let sentences = conll::read(Path::new(file)).unwrap_or_else(|e| panic!("{e}"));
    let (mut given, mut entities, mut in_given) = (0, 0, 0);
    for sentence in &sentences {
        let found = tagger
            .tag(&[&sentence.text])
            .expect("the embedded tagger does not fail");
        entities += sentence.entities.len();
        if !found[0].is_empty() {
            given += 1;
            in_given += sentence.entities.len();
        }
    }
    let share = |part: usize, whole: usize| part as f64 / whole.max(1) as f64;
    json!({
        "system": "cascade", "file": name(file),
        "sentences_given": share(given, sentences.len()), "entities_in_them": share(in_given, entities),
    })
}

/// CPU seconds of some passes through one new cache, and how many entities there are in the last.
fn pass(tagger: &Arc<dyn Model>, passes: &[&[&str]]) -> (f64, usize) {
    let scheduler = Scheduler::new("tagger", Arc::clone(tagger), CACHE_BYTES);
    let before = cpu_seconds();
    let mut entities = 0;
    // Interleaved, as reposts are: a batch comes again soon.
    for at in (0..passes[0].len()).step_by(BATCH) {
        for texts in passes {
            let batch = &texts[at..texts.len().min(at + BATCH)];
            let (found, _) = scheduler.tag(batch, &Cancel::default()).expect("answers");
            entities += found.iter().map(|spans| spans.len()).sum::<usize>();
        }
    }
    (cpu_seconds() - before, entities / passes.len())
}

/// Words and signs as people count them, and Han characters: what is compared must not depend on a system's own tokens.
fn tokens(texts: &[&str]) -> usize {
    let mut tokens = 0;
    for text in texts {
        let mut inside = false;
        for c in text.chars() {
            let han = ('\u{3400}'..='\u{9FFF}').contains(&c);
            let word = c.is_alphanumeric() && !han;
            tokens += usize::from(if word { !inside } else { !c.is_whitespace() });
            inside = word;
        }
    }
    tokens
}

/// User and system time of this process, as Linux counts it: in hundredths of a second.
fn cpu_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").expect("Linux");
    // The name, in parentheses, may hold spaces.
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap_or("")
        .split_whitespace()
        .collect();
    let ticks = |field: usize| fields[field].parse::<f64>().expect("a number");
    (ticks(11) + ticks(12)) / 100.0
}

/// Resident memory in kilobytes.
fn resident() -> usize {
    let status = fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse().ok())
        .unwrap_or(0)
}

fn name(file: &str) -> String {
    Path::new(file)
        .file_name()
        .map_or(file.into(), |name| name.to_string_lossy().into_owned())
}
