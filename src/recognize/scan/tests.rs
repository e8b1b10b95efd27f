//! One pass for several labels: the same spans as for each alone, settled within a label.

use super::super::{Context, Pattern};
use super::*;

fn scan<'t>(registry: &Registry, labels: &[&str], text: &'t str) -> Vec<(&'t str, String)> {
    let scanner = registry.scanner(labels).unwrap();
    let mut scratch = Scratch::default();
    let spans = scanner.scan(text, &mut scratch);
    spans
        .iter()
        .map(|s| {
            (
                s.of(text),
                registry.recognizers()[s.recognizer].name().to_string(),
            )
        })
        .collect()
}

fn label_of<'r>(registry: &'r Registry, span: &Span) -> &'r str {
    registry.recognizers()[span.recognizer].label()
}

fn pattern(label: &str, pattern: &str) -> Pattern {
    Pattern::new(label, pattern, 0).unwrap()
}

#[test]
fn labels_overlap_each_other_but_not_themselves() {
    let registry = Registry::default().with_patterns([
        pattern("A", "b+c"),
        pattern("A", "ab+"),
        pattern("B", "bb"),
    ]);
    let own = |text: &'static str, name: &str| (text, format!("pattern:{name}"));
    assert_eq!(
        scan(&registry, &["A", "B"], "abbbc"),
        [own("abbb", "A#2"), own("bb", "B")]
    );
    assert_eq!(scan(&registry, &["A"], "abbbc"), [own("abbb", "A#2")]);
    assert_eq!(scan(&registry, &["B", "B"], "abbbc"), [own("bb", "B")]);
    assert_eq!(scan(&registry, &[], "abbbc"), []);
    assert_eq!(scan(&registry, &["A", "B"], ""), []);
}

#[test]
fn a_scratch_serves_any_scanner() {
    let registry = Registry::builtin().with_patterns([pattern("X", r"x\d")]);
    let text = "x1 a@b.com x2";
    let mut scratch = Scratch::default();
    for _ in 0..2 {
        for (label, count) in [("X", 2), ("EMAIL", 1), ("PHONE", 0)] {
            let scanner = registry.scanner(&[label]).unwrap();
            assert_eq!(scanner.scan(text, &mut scratch).len(), count, "{label}");
            assert_eq!(
                scanner.scan(text, &mut scratch).len(),
                count,
                "{label}, again"
            );
        }
    }
}

#[test]
fn what_each_recognizer_had_to_do_is_told_once() {
    let registry = Registry::default().with_patterns([
        pattern("A", r"a\d"),
        pattern("A", r"a\d\d"),
        pattern("B", r"b\d"),
        pattern("C", r"c\d"),
    ]);
    let scanner = registry.scanner(&["A", "B"]).unwrap();
    let mut scratch = Scratch::default();
    let told = |scratch: &mut Scratch| {
        let mut all = Vec::new();
        scratch.tally(|name, tally| all.push((name.to_string(), tally)));
        all
    };
    assert_eq!(told(&mut scratch), []);
    for text in ["a1 a2 a34 ax c1", "", "a5"] {
        scanner.scan(text, &mut scratch);
    }
    let [(first, a), (second, longer)] = &told(&mut scratch)[..] else {
        panic!("the recognizers of A were asked, that of B was not")
    };
    assert_eq!(["pattern:A", "pattern:A#2"], [first.as_str(), second]);
    // The longer one wins over a3; what begins with a and goes on with a letter is a candidate, if at all, and no span.
    assert_eq!((a.spans, longer.spans), (3, 1));
    assert!(
        a.candidates >= 4 && longer.candidates >= 1,
        "{a:?} {longer:?}"
    );
    assert_eq!(told(&mut scratch), []);
    scanner.scan("a1", &mut scratch);
    registry.scanner(&["B"]).unwrap().scan("b1", &mut scratch);
    let left = told(&mut scratch);
    assert_eq!(left.len(), 1);
    assert_eq!((left[0].0.as_str(), left[0].1.spans), ("pattern:B", 1));
}

#[derive(Debug)]
struct Stopping(Cancel, std::sync::atomic::AtomicUsize);

impl Recognizer for Stopping {
    fn label(&self) -> &str {
        "X"
    }

    fn name(&self) -> &str {
        "x"
    }

    fn definition(&self) -> Cow<'_, str> {
        Cow::Borrowed("1")
    }

    fn anchors(&self) -> Vec<super::super::Anchor> {
        vec![super::super::Anchor::Bytes(super::super::Bytes::of(b"x"))]
    }

    fn verify(&self, _: &str, at: usize, _: &mut Found<'_>) -> usize {
        let asked = self.1.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        if asked == 1000 {
            self.0.cancel();
        }
        at + 1
    }
}

#[test]
fn a_scan_ends_in_the_midst_of_a_text() {
    let text = "x".repeat(1 << 20);
    for others in [Registry::default(), Registry::builtin()] {
        let cancel = Cancel::default();
        let stopping = Arc::new(Stopping(cancel.clone(), Default::default()));
        let recognizer: Arc<dyn Recognizer> = Arc::clone(&stopping) as _;
        let registry = others.with([recognizer]);
        let scanner = registry.scanner_for_all();
        let mut scratch = Scratch::default();
        scratch.stop_when(&cancel);
        scanner.scan(&text, &mut scratch);
        let asked = stopping.1.load(std::sync::atomic::Ordering::Relaxed);
        assert!((1000..1000 + 2 * BETWEEN).contains(&asked), "{asked}");
    }
}

fn tel() -> Rules {
    let raise = Context::new(["tel", "电话"], 0.3, 20, 0).unwrap();
    Rules::default().with_context(raise).unwrap()
}

#[test]
fn rules_weigh_every_recognizer_of_their_label_and_no_other() {
    let unsure = |label| pattern(label, r"\d+").with_score(0.5).unwrap();
    let registry = Registry::builtin()
        .with_patterns([unsure("PHONE"), unsure("N")])
        .with_rules("PHONE", tel());
    let text = "ＴＥＬ：13812345678，12";
    let scanner = registry.scanner_for_all();
    let mut scratch = Scratch::default();
    let spans = scanner.scan(text, &mut scratch);
    let scores: Vec<_> = spans
        .iter()
        .map(|s| (label_of(&registry, s), s.of(text), s.score))
        .collect();
    assert_eq!(
        scores,
        [
            ("N", "13812345678", 0.5),
            ("PHONE", "13812345678", 1.0),
            ("N", "12", 0.5),
            ("PHONE", "12", 0.8),
        ]
    );
    let evidence = registry.evidence(text, &spans[3]).unwrap();
    assert_eq!((&text[evidence.word], evidence.change), ("ＴＥＬ", 0.3));
    assert_eq!(registry.evidence(text, &spans[2]), None);
}

#[test]
fn what_is_below_min_score_hides_nothing_and_says_so() {
    let registry = Registry::default()
        .with_patterns([
            pattern("A", "ab+c").with_score(0.4).unwrap(),
            pattern("A", "b+"),
        ])
        .with_rules("A", tel().with_min_score(0.5).unwrap());
    assert_eq!(
        scan(&registry, &["A"], "abbc"),
        [("bb", "pattern:A#2".to_string())]
    );
    assert_eq!(
        scan(&registry, &["A"], "tel abbc"),
        [("abbc", "pattern:A".to_string())]
    );

    let reason = |text: &str| {
        let (_, refused) = registry.scanner_for_all().explain(text);
        let all: Vec<_> = refused
            .iter()
            .map(|r| (&text[r.span.clone()], r.reason.to_string()))
            .map(|(part, reason)| format!("{part}: {reason}"))
            .collect();
        all.join("; ")
    };
    assert_eq!(reason("abbc"), "abbc: its score 0.4 is below min_score 0.5");
    assert!(reason("tel abbc").starts_with("bb: another entity of its label overlaps it"));
    let lower = Context::new(["no"], -0.6, 20, 0).unwrap();
    let lowered = tel()
        .with_context(lower)
        .unwrap()
        .with_min_score(0.5)
        .unwrap();
    let (_, refused) = registry
        .with_rules("A", lowered)
        .scanner_for_all()
        .explain("No: b");
    assert_eq!(
        refused[0].reason,
        "its score 0.4 (-0.6 for \"No\") is below min_score 0.5"
    );
}

#[test]
fn full_width_forms_are_read_by_the_built_ins_and_left_to_patterns() {
    let registry = Registry::builtin().with_patterns([pattern("WIDE", "[０-９]+")]);
    let text = "邮箱：ａ＠Ｂ．ｃｏｍ，电话１３８１２３４５６７８。";
    let email = ("ａ＠Ｂ．ｃｏｍ", "email".to_string());
    let phone = ("１３８１２３４５６７８", "phone".to_string());
    let wide = ("１３８１２３４５６７８", "pattern:WIDE".to_string());
    assert_eq!(
        scan(&registry, &["EMAIL"], text),
        std::slice::from_ref(&email)
    );
    assert_eq!(
        scan(&registry, &["WIDE"], text),
        std::slice::from_ref(&wide)
    );
    assert_eq!(
        scan(&registry, &["EMAIL", "PHONE", "WIDE"], text),
        [email, phone, wide]
    );
    assert_eq!(registry.value(0, "ａ＠Ｂ．ｃｏｍ"), "a@b.com");
}

#[test]
fn a_text_of_ten_megabytes_is_scanned_to_its_end() {
    let registry = Registry::builtin();
    let prose = "One of many lines，还有中文的一行, of 1 thing or 2.\n";
    let entity = "ann@example.com 2026-11-22 +8613812345678";
    let filler = prose.repeat(10_000_000 / 2 / prose.len());
    let text = format!("{entity}\n{filler}{entity}\n{filler}{entity}");
    let mut scratch = Scratch::default();
    let spans = registry.scanner_for_all().scan(&text, &mut scratch);
    let found: Vec<&str> = spans.iter().map(|span| span.of(&text)).collect();
    let each: Vec<&str> = entity.split(' ').collect();
    assert_eq!(found, each.repeat(3));
    assert_eq!(spans.last().unwrap().end, text.len());
}
