//! What does a label cost, alone and among all, and can a hostile text make it dearer?
//!
//! `make bench-scan` runs it over the bench's text; `cargo bench --workspace --bench scan -- JSONL [CONFIG]` over any
//! file with a `text` a line, with the recognizers of any `spanql.toml`. One thread, nothing but the scan: no decoding,
//! no SQL. Each row is the fastest of some rounds, because on a shared machine only slower is noise.

use std::fs::File;
use std::hint::black_box;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::time::{Duration, Instant};

use serde::Deserialize;
use spanql::Config;
use spanql::recognize::{Registry, Scanner, Scratch};

const ROUNDS: usize = 5;
/// Enough text that caches and branch predictors cannot learn it.
const TEXT: usize = 100_000_000;
/// The size at which hostile texts are asked for.
const HOSTILE: usize = 1_000_000;

/// Repeated to a megabyte each: what makes a careless scanner quadratic, or simply slow.
const HOSTILE_UNITS: &[&str] = &[
    "@",
    ".",
    ":",
    "-",
    "/",
    "#",
    "+",
    "(",
    "[",
    "1",
    "0",
    "9",
    "a",
    "A",
    " ",
    "\n",
    "，",
    "中",
    "：",
    "é",
    "😀",
    "１",
    "ａ",
    "年",
    "万",
    "元",
    "一",
    "1 ",
    "1-",
    "1.",
    "1:",
    "1,",
    "12 ",
    "12:",
    "1234 ",
    "1234-",
    "2026-",
    "2026年",
    "138 1234 ",
    "13812345678 ",
    "+86 ",
    "+1",
    "(1",
    "a@",
    "a@b.",
    "@a",
    "a.b",
    "www.",
    "http://",
    "http://a.",
    "[::",
    "::",
    "a:b",
    "ab:",
    "Nov 1 ",
    "#a",
    "#话",
    "$1",
    "¥1,",
    "1万",
    "1亿",
    "USD ",
    "三百",
    "二〇",
    "QQ",
    "微信",
    "wx:",
    "SH6",
    "600519",
    ".SH",
    "CVE-",
    "4111 ",
    "4111-",
    "GB82 ",
    "91",
    "abcdef0-",
    "[(",
    "([{<",
];

#[derive(Deserialize)]
struct Document {
    text: String,
}

fn main() {
    // Cargo adds `--bench` to what the caller says.
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| a != "--bench")
        .collect();
    let [jsonl, rest @ ..] = arguments.as_slice() else {
        eprintln!("usage: scan JSONL [CONFIG]: JSONL has a \"text\" in each line");
        std::process::exit(2);
    };
    let registry = match rest {
        [] => Registry::builtin(),
        [config, ..] => Config::load(Some(Path::new(config)))
            .expect("a configuration")
            .registry(),
    };
    let file = BufReader::new(File::open(jsonl).expect("the texts can be read"));
    let mut left = TEXT;
    let texts: Vec<String> = file
        .lines()
        .map(|line| {
            let line = line.expect("the texts are UTF-8");
            serde_json::from_str::<Document>(&line)
                .expect("a line has a text")
                .text
        })
        .take_while(|text| {
            let within = left > 0;
            left = left.saturating_sub(text.len());
            within
        })
        .collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();

    println!(
        "{:14} {:>10} {:>10} {:>12}",
        "label", "ns/byte", "MB/s", "entities"
    );
    for label in registry.labels() {
        row(
            label,
            &registry.scanner(&[label]).expect("its own label"),
            &texts,
        );
    }
    let all = registry.scanner_for_all();
    let ordinary = row("all", &all, &texts);

    println!(
        "\n{:14} {:>10} {:>10} {:>12}",
        "a megabyte of", "ns/byte", "MB/s", "× ordinary"
    );
    let mut rows: Vec<(f64, &str)> = HOSTILE_UNITS
        .iter()
        .map(|unit| {
            let text = unit.repeat(HOSTILE / unit.len());
            (measure(&all, &[&text]).0, *unit)
        })
        .collect();
    rows.sort_by(|a, b| b.0.total_cmp(&a.0));
    for (cost, unit) in rows {
        println!(
            "{:14} {cost:10.2} {:10.0} {:12.2}",
            format!("{unit:?}"),
            1e3 / cost,
            cost / ordinary
        );
    }
}

fn row(name: &str, scanner: &Scanner, texts: &[&str]) -> f64 {
    let (cost, found) = measure(scanner, texts);
    println!("{name:14} {cost:10.3} {:10.0} {found:12}", 1e3 / cost);
    cost
}

/// Nanoseconds a byte, and entities.
fn measure(scanner: &Scanner, texts: &[&str]) -> (f64, usize) {
    let mut scratch = Scratch::default();
    let bytes: usize = texts.iter().map(|text| text.len()).sum();
    let (mut best, mut found) = (Duration::MAX, 0);
    for _ in 0..ROUNDS {
        let started = Instant::now();
        found = texts
            .iter()
            .map(|text| black_box(scanner.scan(text, &mut scratch)).len())
            .sum();
        best = best.min(started.elapsed());
    }
    (best.as_secs_f64() * 1e9 / bytes as f64, found)
}
