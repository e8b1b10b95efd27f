//! What does SpanQL cost beside calling rust-bert directly, and what does it save where texts are repeated?
//!
//! `make bench-rust-bert` runs it on the texts of `tests/data`; TEXT=FILES takes others, one text a line. rust-bert is called
//! as its users would at their best: without libtorch's own threads, texts sorted by length, in the batches that SpanQL
//! forms, which hold no text longer than the network. CPU seconds of the whole process count, since the wall also depends on who else uses the machine; the
//! two take turns, and a ratio is taken within each round.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;
use std::{env, fs};

use rust_bert::pipelines::common::{ModelResource, ModelType};
use rust_bert::pipelines::token_classification::{
    LabelAggregationOption, Token, TokenClassificationConfig, TokenClassificationModel,
};
use rust_bert::resources::LocalResource;
use spanql::ner::{Cancel, Catalog, Model, Scheduler, Tagged};

const ROUNDS: usize = 5;
/// Texts are repeated until there are so many, so that a round takes seconds.
const TEXTS: usize = 300;
/// Tokens of a text that is not longer than the network.
const WINDOW: usize = 512;

fn main() {
    // `cargo bench` and `cargo test` pass flags of their own.
    let files: Vec<String> = env::args()
        .skip(1)
        .filter(|arg| !arg.starts_with('-'))
        .collect();
    let Some(folder) = env::var_os("RAMPART").map(PathBuf::from) else {
        println!("skipped: RAMPART names no model; make bench-rust-bert does");
        return;
    };
    let model = Catalog::default().open(".", &folder).expect("the model");
    let direct = direct(&folder);
    let texts = texts(&files, &*model);
    let batches = batches(&texts, &*model);
    let tokens: usize = texts.iter().map(|text| model.count_tokens(text)).sum();
    println!(
        "{} texts, {tokens} tokens, {} batches",
        texts.len(),
        batches.len()
    );
    check(&texts, &model, &direct);

    let twice: Vec<&str> = texts.iter().chain(&texts).map(String::as_str).collect();
    let once: Vec<&str> = twice[..texts.len()].to_vec();
    let (mut plain, mut repeated) = (Vec::new(), Vec::new());
    for round in 1..=ROUNDS {
        let direct = cost(|| {
            for batch in &batches {
                direct.predict(batch, false, false);
            }
        });
        let scheduled = |texts: &[&str]| {
            // A cache of its own: nothing is known from the round before.
            let scheduler = Scheduler::new("rampart", Arc::clone(&model), 64 << 20);
            cost(|| drop(scheduler.tag(texts, &Cancel::default()).expect("answers")))
        };
        let (ours, ours_twice) = (scheduled(&once), scheduled(&twice));
        println!(
            "round {round}: rust-bert {}, SpanQL {}, SpanQL with every text twice {}",
            rate(direct, tokens),
            rate(ours, tokens),
            rate(ours_twice, 2 * tokens),
        );
        plain.push(direct.cpu / ours.cpu);
        repeated.push(2.0 * direct.cpu / ours_twice.cpu);
    }
    println!("throughput, SpanQL : rust-bert");
    println!("  each text once   {}", summary(&mut plain));
    println!("  each text twice  {}", summary(&mut repeated));
}

#[derive(Clone, Copy)]
struct Cost {
    cpu: f64,
    wall: f64,
}

fn cost(work: impl FnOnce()) -> Cost {
    let (cpu, wall) = (cpu_seconds(), Instant::now());
    work();
    Cost {
        cpu: cpu_seconds() - cpu,
        wall: wall.elapsed().as_secs_f64(),
    }
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

fn rate(cost: Cost, tokens: usize) -> String {
    let per = |seconds: f64| tokens as f64 / seconds;
    format!(
        "{:.0} tokens a CPU second ({:.0} a second)",
        per(cost.cpu),
        per(cost.wall)
    )
}

fn summary(ratios: &mut [f64]) -> String {
    ratios.sort_by(f64::total_cmp);
    format!(
        "{:.2} ({:.2}–{:.2})",
        ratios[ratios.len() / 2],
        ratios[0],
        ratios[ratios.len() - 1]
    )
}

/// rust-bert's own pipeline, with room for a whole batch: with more windows than it has room for it confuses the rows.
fn direct(folder: &Path) -> TokenClassificationModel {
    let local = |name: &str| LocalResource {
        local_path: folder.join(name),
    };
    let mut config = TokenClassificationConfig::new(
        ModelType::Bert,
        ModelResource::Torch(Box::new(local("model.safetensors"))),
        local("config.json"),
        local("vocab.txt"),
        None,
        true,
        None,
        None,
        LabelAggregationOption::First,
    );
    config.batch_size = usize::MAX;
    tch::set_num_threads(1);
    TokenClassificationModel::new(config).expect("the model")
}

fn texts(files: &[String], model: &dyn Model) -> Vec<String> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let own = ["mails.jsonl", "notes.txt", "posts.csv"].map(|name| data.join(name));
    let files: Vec<PathBuf> = if files.is_empty() {
        own.to_vec()
    } else {
        files.iter().map(PathBuf::from).collect()
    };
    let mut lines: Vec<String> = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        lines.extend(text.lines().map(str::to_owned));
    }
    lines.retain(|line| !line.trim().is_empty() && model.count_tokens(line) <= WINDOW);
    // Numbered, since each text is to be new to the cache.
    (0..TEXTS)
        .map(|number| format!("{number}: {}", lines[number % lines.len()]))
        .collect()
}

fn batches<'a>(texts: &'a [String], model: &dyn Model) -> Vec<Vec<&'a str>> {
    let mut sorted: Vec<(usize, &str)> = texts
        .iter()
        .map(|text| (model.count_tokens(text), text.as_str()))
        .collect();
    sorted.sort_by_key(|(tokens, _)| *tokens);
    let mut batches: Vec<Vec<&str>> = Vec::new();
    for (tokens, text) in sorted {
        match batches.last_mut() {
            Some(batch) if (batch.len() + 1) * tokens <= model.batch_tokens() => batch.push(text),
            _ => batches.push(vec![text]),
        }
    }
    batches
}

/// Equal answers first: what begins an entity for one begins it for the other, with the same label.
fn check(texts: &[String], model: &Arc<dyn Model>, direct: &TokenClassificationModel) {
    let some: Vec<&str> = texts.iter().take(200).map(String::as_str).collect();
    let scheduler = Scheduler::new("rampart", Arc::clone(model), 0);
    let (ours, _) = scheduler.tag(&some, &Cancel::default()).expect("answers");
    let theirs = direct.predict(&some, false, false);
    let mut entities = 0;
    for ((text, ours), theirs) in some.iter().zip(ours).zip(theirs) {
        for span in ours.iter() {
            let at = text[..span.start].chars().count() as u32;
            let token = theirs
                .iter()
                .find(|token| token.offset.is_some_and(|o| o.begin == at));
            let label = token.map_or("", label);
            assert_eq!(label, model.labels()[span.label], "{text:?}: {span:?}");
            entities += 1;
        }
        for token in theirs.iter().filter(|token| token.label.starts_with("B-")) {
            assert!(covered(text, token, &ours), "{text:?}: {token:?}");
        }
    }
    assert!(
        entities > 100,
        "only {entities} entities in {} texts",
        some.len()
    );
    println!(
        "the answers are equal: {entities} entities in {} texts",
        some.len()
    );
}

fn label(token: &Token) -> &str {
    token.label.split_once('-').map_or("", |(_, label)| label)
}

/// Whether a token is in an entity; one in the midst of a word need not be.
fn covered(text: &str, token: &Token, spans: &[Tagged]) -> bool {
    let Some(offset) = token.offset else {
        return true;
    };
    let at = text
        .char_indices()
        .nth(offset.begin as usize)
        .map_or(0, |(at, _)| at);
    let within = text[..at]
        .chars()
        .next_back()
        .is_some_and(char::is_alphanumeric);
    within
        || spans
            .iter()
            .any(|span| (span.start..span.end).contains(&at))
}
