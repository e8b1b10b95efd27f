//! What the fuzz targets assert. `cargo test` replays `seeds/` through the same functions (`tests/fuzz_seeds.rs`), so
//! that a crash found once stays found. Each target takes any bytes and panics where an invariant breaks.
#![allow(dead_code, reason = "each fuzz binary uses one target of these")]

use std::collections::BTreeMap;

use spanql::config::UserRecognizer;
#[allow(
    unused_imports,
    reason = "every test that includes this file uses its own part of it"
)]
pub use spanql::ingest::fuzz::{encoded, json_record, letters_and_pages, records, time_text};
use spanql::recognize::{
    CharOffsets, Folding, Gazetteer, ListFormat, Pattern, Recognizer, Registry, Scratch, Span,
};
use spanql::report::Report;
use spanql::{Config, Error};
use twox_hash::XxHash64;

/// Every invariant of a scan, over all built-in labels.
pub fn registry(data: &[u8]) {
    scan(&Registry::builtin(), &String::from_utf8_lossy(data));
}

/// The first line is a pattern, the rest a text: answers equal those of the `regex` crate.
pub fn pattern(data: &[u8]) {
    let data = String::from_utf8_lossy(data);
    let (pattern, text) = data.split_once('\n').unwrap_or((&data, ""));
    // Compiling and searching are linear in both; the limits only keep one run short.
    if pattern.len() <= 200 && text.len() <= 1 << 16 {
        equals_regex(pattern, text);
    }
}

/// Checks a scan of `text` for all labels of `registry`, and for each label alone.
pub fn scan(registry: &Registry, text: &str) {
    let mut scratch = Scratch::default();
    let all: Vec<Span> = registry.scanner_for_all().scan(text, &mut scratch).to_vec();
    let label = |span: &Span| registry.recognizers()[span.recognizer].label();
    let mut offsets = CharOffsets::new(text);
    let mut ends: BTreeMap<&str, usize> = BTreeMap::new();
    for span in &all {
        assert!(span.start < span.end, "{span:?} is empty");
        let entity = text
            .get(span.start..span.end)
            .expect("a span lies on character boundaries");
        let (start, end) = (offsets.at(span.start), offsets.at(span.end));
        assert_eq!(
            text.chars()
                .skip(start)
                .take(end - start)
                .collect::<String>(),
            entity
        );
        let last = ends.entry(label(span)).or_default();
        assert!(
            span.start >= *last,
            "{span:?} overlaps another {}",
            label(span)
        );
        *last = span.end;
        let value = registry.value(span.recognizer, entity);
        assert_eq!(
            registry.value(span.recognizer, &value),
            value,
            "the value of {entity:?} is not its own value"
        );
        assert!((0.0..=1.0).contains(&span.score));
    }
    let order = |a: &Span, b: &Span| (a.start, a.end, label(a)) < (b.start, b.end, label(b));
    assert!(
        all.windows(2).all(|pair| order(&pair[0], &pair[1])),
        "not in order: {all:?}"
    );
    for one in registry.labels() {
        let scanner = registry
            .scanner(&[one])
            .expect("the registry named this label itself");
        let alone = scanner.scan(text, &mut scratch);
        let among: Vec<Span> = all
            .iter()
            .copied()
            .filter(|span| label(span) == one)
            .collect();
        assert_eq!(
            alone, among,
            "{one} alone differs from {one} among all labels"
        );
    }
}

/// Checks that a pattern finds what `regex` finds over the whole text, if `regex` compiles it.
pub fn equals_regex(pattern: &str, text: &str) {
    let Ok(oracle) = regex::Regex::new(pattern) else {
        assert!(
            Pattern::new("X", pattern, 0).is_err(),
            "{pattern:?} compiles only here"
        );
        return;
    };
    for group in 0..oracle.captures_len().min(3) {
        let ours = Pattern::new("X", pattern, group).expect("the regex crate compiles it");
        let expected: Vec<_> = oracle
            .captures_iter(text)
            .map(|c| c.get(group).map(|found| found.range()))
            .collect();
        let mut found = Vec::new();
        ours.find_all(text, |range| {
            found.push(range);
            true
        });
        assert_eq!(
            found, expected,
            "find_all, {pattern:?}, group {group}, {text:?}"
        );
        let registry = Registry::default().with_patterns([ours]);
        let mut scratch = Scratch::default();
        let spans = registry.scanner_for_all().scan(text, &mut scratch).to_vec();
        let entities: Vec<_> = expected
            .into_iter()
            .flatten()
            .filter(|range| !range.is_empty())
            .collect();
        assert_eq!(
            spans
                .iter()
                .map(|span| span.start..span.end)
                .collect::<Vec<_>>(),
            entities,
            "scan, {pattern:?}, group {group}, {text:?}"
        );
    }
}

/// The first byte says how the list is read, which goes on to the first NUL; the rest is a text. The list is compiled or
/// refused; what is found keeps the invariants of a scan, also by the compiled form that came back from bytes.
pub fn gazetteer(data: &[u8]) {
    let Some((&options, data)) = data.split_first() else {
        return;
    };
    let end = data.iter().position(|&byte| byte == 0);
    let (list, text) = data.split_at(end.unwrap_or(data.len()));
    let text = String::from_utf8_lossy(text);
    let format = match options & 3 {
        0 => ListFormat::Lines,
        1 => ListFormat::Tsv,
        _ => ListFormat::Csv,
    };
    let folding = Folding {
        case: options & 4 != 0,
        width: options & 8 != 0,
    };
    match Gazetteer::compile("X", list, format, folding) {
        Err(error) => assert!(!error.to_string().is_empty()),
        Ok(gazetteer) => {
            let lines = list.split(|&byte| byte == b'\n').count();
            let skipped: usize = gazetteer.skipped().iter().map(|one| one.lines).sum();
            assert!((1..=lines).contains(&gazetteer.phrases()));
            assert!(skipped <= lines);
            let again =
                Gazetteer::from_bytes("X", gazetteer.bytes().to_vec()).expect("it is whole");
            let [one, other] =
                [gazetteer, again].map(|one| Registry::default().with_gazetteer(one));
            assert_eq!(one.fingerprint(), other.fingerprint());
            scan(&one, &text);
            let spans = |registry: &Registry| {
                registry
                    .scanner_for_all()
                    .scan(&text, &mut Scratch::default())
                    .to_vec()
            };
            assert_eq!(spans(&one), spans(&other));
        }
    }
}

/// Numbers of six bytes, each a place and what is written there into a compiled form, whose checksum is then set right:
/// no form does worse than to find the wrong phrases. The bytes by themselves are no form.
pub fn gazetteer_form(data: &[u8]) {
    assert!(Gazetteer::from_bytes("X", data.to_vec()).is_none());
    let list = "北京,京\n上海\na b c d\nb c\nd\nd e\nFoo-Bar,Baz\nc";
    let folding = Folding {
        case: true,
        width: true,
    };
    let gazetteer =
        Gazetteer::compile("X", list.as_bytes(), ListFormat::Csv, folding).expect("a list");
    let mut bytes = gazetteer.bytes().to_vec();
    for change in data.chunks_exact(6) {
        let place = u32::from_le_bytes([change[0], change[1], change[2], change[3]]) as usize
            % (bytes.len() - 1);
        bytes[place..place + 2].copy_from_slice(&change[4..]);
    }
    let checksum = XxHash64::oneshot(0, &bytes[16..]);
    bytes[8..16].copy_from_slice(&checksum.to_le_bytes());
    if let Some(forged) = Gazetteer::from_bytes("X", bytes) {
        let registry = Registry::default().with_gazetteer(forged);
        let scanner = registry.scanner_for_all();
        let mut scratch = Scratch::default();
        for text in [
            "",
            "去北京上海 a b c d e, B C d FOO-bar ａ b c x\n\na",
            "a b c d ".repeat(100).as_str(),
        ] {
            let mut floor = 0;
            for span in scanner.scan(text, &mut scratch) {
                assert!(floor <= span.start && span.start < span.end);
                floor = span.end;
                let _value = registry.value(span.recognizer, &text[span.start..span.end]);
            }
        }
    }
}

/// A configuration is read or refused with one of its own lines; what is read makes a registry.
pub fn config(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    // Compiling is linear in a pattern, with a large factor for counted repetitions: this only keeps one run short.
    if text.len() > 1 << 12 {
        return;
    }
    match Config::parse(&text, "spanql.toml") {
        Ok(config) => {
            let registry = config.registry();
            for recognizer in &config.recognizers {
                let labels = match recognizer {
                    UserRecognizer::Pattern(pattern) => {
                        assert!((0.0..=1.0).contains(&pattern.score()));
                        vec![pattern.label()]
                    }
                    UserRecognizer::Gazetteer(gazetteer) => vec![gazetteer.label()],
                    UserRecognizer::Model(model) => model.labels().collect(),
                };
                for label in labels {
                    assert!(registry.labels().any(|known| known == label));
                }
            }
            for label in config.rules.keys() {
                assert!(registry.labels().any(|known| known == label));
            }
        }
        Err(error) => names_a_line(&error, &text),
    }
}

/// A report is read or refused with one of its own lines; what is read can be bound, by its defaults or with a message.
pub fn report(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    match Report::parse(&text, "some/folder/fuzzed.sql") {
        Ok(report) => {
            assert_eq!(report.name, "fuzzed");
            assert!(!report.question.is_empty() && !report.columns.is_empty());
            let complete = report.params.iter().all(|param| param.default.is_some());
            assert_eq!(report.bind(&BTreeMap::new()).is_ok(), complete);
        }
        Err(error) => names_a_line(&error, &text),
    }
}

fn names_a_line(error: &Error, text: &str) {
    let Error::Config { line, message, .. } = error else {
        panic!("{error:?} names no line");
    };
    assert!(
        (1..=text.split('\n').count()).contains(line),
        "line {line} of {text:?}"
    );
    assert!(!message.is_empty());
}
