//! What does a gazetteer of a million phrases cost: to compile, to load, to keep, and to scan with?
//!
//! `make bench-gazetteer` makes the phrases and two texts itself, in each of which one word in a thousand is a phrase.
//! `cargo bench --workspace --bench gazetteer -- TEXT…` scans texts of yours as well, one document a line. Rates are of one
//! thread's CPU time, in the fastest of some rounds: on a shared machine only slower is noise.
//!
//! The peer is daachorse, an automaton made for this, by bytes and by characters. It knows no words: each phrase that it
//! finds is asked for its borders, and of what is left the leftmost-longest are chosen. Its answers are compared with
//! ours first. *Search alone* is its leftmost-longest search as it comes, which answers another question.

mod make;
mod peer;
mod real;

use std::hint::black_box;
use std::io::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use spanql::Config;
use spanql::recognize::{Scanner, Scratch};

const PHRASES: usize = 1_000_000;
const TEXT: usize = 20_000_000;
const ROUNDS: usize = 5;
/// The size at which hostile texts are asked for.
const HOSTILE: usize = 1_000_000;
const BOTH: &str = "ignore_case = true\nignore_width = true\n";

fn main() {
    // Cargo adds `--bench` to what the caller says.
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| a != "--bench")
        .collect();
    if let [flag, config] = arguments.as_slice()
        && flag == "--load"
    {
        load(Path::new(config));
        return;
    }
    let dir = tempfile::tempdir().expect("a temporary folder");
    let phrases = make::phrases(PHRASES);
    let mut texts = vec![
        ("English".to_string(), make::english(TEXT, &phrases)),
        ("Chinese".to_string(), make::chinese(TEXT, &phrases)),
    ];
    let list = phrases.join("\n");
    let config = configure(dir.path(), "million.txt", list.as_bytes(), "");
    println!("{PHRASES} phrases, a list of {} MB", list.len() / 1_000_000);
    for what in ["compiled and kept", "loaded again"] {
        measure_load(what, &config);
    }
    let form = std::fs::metadata(dir.path().join(".million.txt.exact.spanql-gaz"));
    println!(
        "{:30}{:8} MB",
        "its compiled form",
        form.expect("it was kept").len() / 1_000_000
    );

    let exact = scanner(&config);
    compare_with_peers(&exact, &phrases, &texts);
    for path in &arguments {
        let text = std::fs::read_to_string(path).expect("a text in UTF-8");
        texts.push((path.clone(), text));
    }
    println!("\n{:30}{:>8} {:>10}", "a million phrases", "MB/s", "found");
    let ordinary = rows("", &exact, &texts);
    let folding = configure(dir.path(), "folding.txt", list.as_bytes(), BOTH);
    rows(", case and width folded", &scanner(&folding), &texts);
    if let Some(list) = real::list() {
        let config = configure(dir.path(), "real.txt", list.as_bytes(), "");
        println!("\nreal names of places, people and companies");
        measure_load("compiled and kept", &config);
        rows("", &scanner(&config), &texts);
    }
    hostile(dir.path(), &exact, ordinary);
}

/// Writes a list, and a configuration that names it.
fn configure(dir: &Path, list: &str, bytes: &[u8], options: &str) -> PathBuf {
    std::fs::write(dir.join(list), bytes).expect("the list can be written");
    let config = dir.join(list).with_extension("toml");
    let text = format!("[[recognizer]]\nlabel = \"NAME\"\ngazetteer = \"{list}\"\n{options}");
    std::fs::write(&config, text).expect("the configuration can be written");
    config
}

fn scanner(config: &Path) -> Scanner {
    let config = Config::load(Some(config)).expect("a configuration");
    config.registry().scanner(&["NAME"]).expect("its label")
}

/// In a process of its own, which holds nothing else.
fn measure_load(what: &str, config: &Path) {
    print!("{what:30}");
    std::io::stdout().flush().expect("somebody reads this");
    let this = std::env::current_exe().expect("this program");
    let status = Command::new(this).arg("--load").arg(config).status();
    assert!(status.expect("this program starts").success());
}

fn load(config: &Path) {
    let started = Instant::now();
    let scanner = scanner(config);
    let seconds = started.elapsed().as_secs_f64();
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = peak.and_then(|peak| peak.trim().trim_end_matches(" kB").parse::<u64>().ok());
    println!(
        "{seconds:8.3} s, peak {} MB",
        peak.map_or(0, |kb| kb / 1_000)
    );
    black_box(scanner);
}

fn compare_with_peers(scanner: &Scanner, phrases: &[String], texts: &[(String, String)]) {
    println!(
        "\n{:30}{:>8} {:>10} {:>14}",
        "daachorse", "MB/s", "found", "search alone"
    );
    for (by, make) in peer::KINDS {
        let started = Instant::now();
        let peer = make(phrases);
        let built = started.elapsed().as_secs_f64();
        for (name, text) in texts {
            let documents: Vec<&str> = text.lines().collect();
            let mut scratch = Scratch::default();
            for document in &documents {
                let ours = scanner.scan(document, &mut scratch).iter();
                let ours: Vec<Range<usize>> = ours.map(|span| span.start..span.end).collect();
                assert_eq!(peer.whole_words(document), ours, "{document}");
            }
            let (rate, found) = measure(&documents, |text| peer.whole_words(text).len());
            let (alone, _) = measure(&documents, |text| peer.count(text));
            println!(
                "{:30}{rate:8.0} {found:10} {alone:14.0}",
                format!("{name}, by {by}")
            );
        }
        println!(
            "{:30}{built:8.1} s to build, {} MB",
            "",
            peer.heap_bytes() / 1_000_000
        );
    }
}

/// One row a text; gives the lowest rate.
fn rows(what: &str, scanner: &Scanner, texts: &[(String, String)]) -> f64 {
    let mut lowest = f64::MAX;
    for (name, text) in texts {
        let documents: Vec<&str> = text.lines().collect();
        let mut scratch = Scratch::default();
        let (rate, found) = measure(&documents, |text| scanner.scan(text, &mut scratch).len());
        println!("{:30}{rate:8.0} {found:10}", format!("{name}{what}"));
        lowest = lowest.min(rate);
    }
    lowest
}

/// Megabytes a second, and what is found.
fn measure(texts: &[&str], mut count: impl FnMut(&str) -> usize) -> (f64, usize) {
    let bytes: usize = texts.iter().map(|text| text.len()).sum();
    let (mut best, mut found) = (f64::MAX, 0);
    let first = Instant::now();
    for _ in 0..ROUNDS {
        let started = cpu_seconds(first);
        found = texts.iter().map(|text| black_box(count(text))).sum();
        best = best.min(cpu_seconds(first) - started);
    }
    (bytes as f64 / 1e6 / best, found)
}

/// What this thread has had of a processor; elsewhere than on Linux, what has passed since `first`.
fn cpu_seconds(first: Instant) -> f64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = stat.and_then(|stat| stat.split(' ').next()?.parse::<f64>().ok());
    nanoseconds.map_or_else(|| first.elapsed().as_secs_f64(), |n| n / 1e9)
}

/// Nothing takes longer to read than a token a byte, and nothing is longer looked at in vain than phrases that begin or
/// end alike: each unit 1 to 300 times in a row, with an end or a beginning that never comes.
fn hostile(dir: &Path, million: &Scanner, ordinary: f64) {
    let units = [
        "中", "a ", "a", " ", ".", "@", "#", "-", "1", "é", "，", "ａ", "😀", "ｶﾞ", "a.", "a中",
    ];
    let mut list = String::new();
    for unit in units.iter().filter(|unit| **unit != " ") {
        for times in 1..=300 {
            let row = unit.repeat(times);
            list += &format!("{row}!\n!{row}\n");
        }
    }
    let alike = scanner(&configure(dir, "alike.txt", list.as_bytes(), BOTH));
    println!(
        "\n{:30}{:>8} {:>10} {:>20} {:>10}",
        "a megabyte of", "MB/s", "× ordinary", "phrases alike, MB/s", "× ordinary"
    );
    for unit in units {
        let text = unit.repeat(HOSTILE / unit.len());
        let rate = |scanner: &Scanner| {
            let mut scratch = Scratch::default();
            // The clock counts in milliseconds.
            measure(&[&*text; 20], |text| scanner.scan(text, &mut scratch).len()).0
        };
        let (rate, alike) = (rate(million), rate(&alike));
        println!(
            "{:30}{rate:8.0} {:10.1} {alike:20.0} {:10.1}",
            format!("{unit:?}"),
            ordinary / rate,
            ordinary / alike
        );
    }
}
