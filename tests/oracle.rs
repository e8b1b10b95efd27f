//! Spans against naive oracles: patterns against the `regex` crate over the whole text, built-ins against slow
//! re-readings of their documented grammars, and every scan against the invariants of `fuzz/targets.rs`.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "oracle/email.rs"]
mod email;
#[path = "oracle/hashtag.rs"]
mod hashtag;
#[path = "fuzz/targets.rs"]
mod targets;

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::sync::Mutex;

use chrono::NaiveDate;
use proptest::prelude::*;
use proptest::sample::select;
use regex::Regex;
use spanql::recognize::{
    Context, Key, Pattern, Redactor, Registry, Rules, Scanner, Scratch, Style,
};

/// Pieces from which patterns grow: literals, classes of all kinds, look-around.
fn atom() -> impl Strategy<Value = String> {
    select(vec![
        "a",
        "b",
        "ab",
        "@",
        "-",
        "ORD-",
        "://",
        "中",
        "中文",
        "😀",
        ".",
        r"\d",
        r"\w",
        r"\s",
        "[a-c]",
        "[ab@]",
        "[^a]",
        "[^@\\s]",
        "[一-龥]",
        "[0-9.]",
        r"\b",
        r"\B",
        "^",
        "$",
        "(?m:^)",
        "(?i:k)",
        "(?s:.)",
        "[￥$]",
        r"\p{Lu}",
        "",
    ])
    .prop_map(str::to_string)
}

fn pattern() -> impl Strategy<Value = String> {
    atom().prop_recursive(5, 24, 4, |inner| {
        prop_oneof![
            3 => proptest::collection::vec(inner.clone(), 1..5).prop_map(|parts| parts.concat()),
            1 => proptest::collection::vec(inner.clone(), 2..4).prop_map(|parts| format!("(?:{})", parts.join("|"))),
            1 => inner.clone().prop_map(|one| format!("({one})")),
            2 => (inner, select(vec!["*", "+", "?", "*?", "+?", "{2}", "{1,3}", "{0,2}", "{2,}"]))
                .prop_map(|(one, times)| format!("(?:{one}){times}")),
        ]
    })
}

/// Text made of pieces that meet patterns and grammars half-way.
fn text_of(pieces: &'static [&'static str], length: usize) -> impl Strategy<Value = String> {
    proptest::collection::vec(select(pieces), 0..length).prop_map(|parts| parts.concat())
}

const PATTERN_PIECES: &[&str] = &[
    "a", "b", "c", "k", "K", "ab", "@", "-", "ORD-", "O", "://", ":", "1", "22", ".", " ", "\n",
    "中", "文", "😀", "$", "￥", "A", "\u{212a}",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn patterns_find_what_the_regex_crate_finds(pattern in pattern(), text in text_of(PATTERN_PIECES, 40)) {
        targets::equals_regex(&pattern, &text);
    }

    #[test]
    fn real_patterns_find_what_the_regex_crate_finds(
        pattern in select(REAL_PATTERNS),
        text in text_of(ALL_PIECES, 60),
    ) {
        targets::equals_regex(pattern, &text);
    }

    #[test]
    fn scans_keep_their_invariants(text in text_of(ALL_PIECES, 60)) {
        let competing = [(r"\S+@\S+", "EMAIL"), (r"\d+", "PHONE"), (r"#\S+", "HASHTAG"), (r"\w+", "WORD")];
        let patterns = competing.map(|(pattern, label)| Pattern::new(label, pattern, 0).unwrap());
        targets::scan(&Registry::builtin(), &text);
        let registry = Registry::builtin().with_patterns(patterns);
        targets::scan(&registry, &text);
        let rules = rules(&[(&["中", "a"], 0.3), (&["话题", "www"], -0.4)]).with_min_score(0.7).unwrap();
        targets::scan(&registry.with_rules("EMAIL", rules.clone()).with_rules("PHONE", rules), &text);
    }

    #[test]
    fn context_equals_its_oracle(text in text_of(CONTEXT_PIECES, 16), before in 0..9_usize, after in 1..9_usize) {
        contexts_agree(&text, before, after);
    }

    #[test]
    fn redaction_replaces_what_is_found_and_nothing_else(text in text_of(ALL_PIECES, 60)) {
        static SCANNERS: LazyLock<[Scanner; 2]> = LazyLock::new(|| {
            let competing = [(r"\S+@\S+", "EMAIL"), (r"\d+", "NUMBER"), (r"\S\S#", "SIGN"), (r"\w\w\w", "WORD")];
            let patterns = competing.map(|(pattern, label)| Pattern::new(label, pattern, 0).unwrap());
            [Registry::builtin(), Registry::builtin().with_patterns(patterns)].map(|r| r.scanner_for_all())
        });
        SCANNERS.iter().for_each(|scanner| redacts(scanner, &text));
    }

    #[test]
    fn nothing_is_found_in_a_redacted_text(text in text_of(APART_PIECES, 12)) {
        let scanner = Registry::builtin().scanner_for_all();
        for style in styles() {
            let redactor = Redactor::new(scanner.clone(), style);
            let mut scratch = Scratch::default();
            let once = redactor.redact(&text, &mut scratch).into_owned();
            prop_assert_eq!(scanner.scan(&once, &mut scratch), [], "{}", once);
            prop_assert_eq!(redactor.redact(&once, &mut scratch), once.as_str());
        }
    }

    #[test]
    fn email_equals_its_oracle(text in text_of(EMAIL_PIECES, 24)) {
        prop_assert_eq!(found("EMAIL", &text), email::emails(&half_width(&text)), "{}", text);
    }

    #[test]
    fn hashtag_equals_its_oracle(text in text_of(HASHTAG_PIECES, 24)) {
        prop_assert_eq!(found("HASHTAG", &text), hashtag::hashtags(&half_width(&text)), "{}", text);
    }

    #[test]
    fn mobile_equals_its_oracle(text in text_of(PHONE_PIECES, 12)) {
        prop_assert_eq!(found("PHONE", &text), mobiles(&half_width(&text)), "{}", text);
    }

    #[test]
    fn date_equals_its_oracle(text in text_of(DATE_PIECES, 14)) {
        prop_assert_eq!(found("DATE", &text), dates(&half_width(&text)), "{}", text);
    }
}

const REAL_PATTERNS: &[&str] = &[
    r"[A-Za-z0-9.\-+_]+@[A-Za-z0-9.\-+_]+\.[A-Za-z]+",
    r"https?://[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+",
    r"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])\.(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])",
    r"(?:\+86[ \-]?)?1[3-9][0-9]{9}|\+1[ \-][0-9]{3}-[0-9]{3}-[0-9]{4}",
    r"(?:^|[^A-Za-z0-9_.+\-])(@[A-Za-z0-9_一-龥]{2,30})",
    r"#[A-Za-z0-9_一-龥]{2,40}#|#[A-Za-z_][A-Za-z0-9_]{1,39}",
    r"[12][0-9]{3}-[01][0-9]-[0-3][0-9]|[12][0-9]{3}年[0-9]{1,2}月|(?:Jan|Nov)[a-z]* [0-9]{1,2}, [12][0-9]{3}",
    r"(?:US\$|\$|€|¥|￥) ?[0-9][0-9,]*(?:\.[0-9]{1,2})?(?:[万亿])?|[0-9][0-9,]* ?[万亿]?(?:美元|元)",
];

const ALL_PIECES: &[&str] = &[
    "a",
    "b.com",
    "@",
    ".",
    "..",
    "-",
    "_",
    " ",
    "\n",
    "，",
    "：",
    "中",
    "话题",
    "😀",
    "é",
    "Ａ",
    "１",
    "#",
    "＃",
    "&",
    "/",
    "(",
    ")",
    "'",
    "http://",
    "https://",
    "ssh://",
    "www.",
    ".中国",
    ".рф",
    "{",
    "}",
    "&gt;",
    "=",
    "=3D",
    "%2C",
    "$",
    "<",
    "\"",
    "example.org",
    ":80",
    "[::1]",
    "?q=1",
    "+86",
    "+1",
    "(202)",
    "138",
    "1234",
    "5678",
    "13812345678",
    "2026",
    "-11-",
    "11",
    "22",
    "年",
    "月",
    "日",
    "Nov ",
    ", ",
    "22nd",
    "T10:00",
    "$",
    "元",
    "万",
];
const EMAIL_PIECES: &[&str] = &[
    "a",
    "a@b.com",
    "@a@b.com",
    "B",
    "9",
    "com",
    "xn--a",
    "@",
    "@",
    ".",
    ".",
    "..",
    "-",
    "_",
    "'",
    "%",
    "+",
    " ",
    "，",
    "中",
    "é",
    "１",
    "😀",
    "*",
    ".中国",
    "=",
    "a-1=",
    "=3D",
    "%2C",
    "%2B",
    "$",
    "#",
    "<",
    "/",
    ":c/",
    "@[10.0.0.1]",
    "@2x.png",
];
const HASHTAG_PIECES: &[&str] = &[
    "#",
    "#",
    "＃",
    "a",
    "B",
    "9",
    "_",
    "é",
    "中",
    "话题",
    "，",
    "！",
    "-",
    ".",
    "&",
    "/",
    " ",
    "😀",
    "１",
    ",",
    "://",
    "\n",
    "\t",
    "  ",
    "=",
    "\"",
    "(",
    "](",
    ":",
    ";",
    "·",
    "”",
    "*",
    "+",
    "$",
    "<",
    "{",
    "M",
    "include",
    "ff00ff",
    "fff",
    "#618#",
    "#facade",
    "0x",
    "=3D\"",
    "http://a.bc/",
];
const PHONE_PIECES: &[&str] = &[
    "13812345678",
    "138 1234 5678",
    "138-1234-5678",
    " 123 ",
    "138",
    "1234",
    "5678",
    "12",
    "3",
    " ",
    "-",
    ".",
    "/",
    ",",
    "a",
    "_",
    "中",
    "，",
    "é",
    "１",
    "@",
    "%",
    "$",
];
const DATE_PIECES: &[&str] = &[
    "2026-11-22",
    "22/11/2026",
    "2024年2月29日",
    "1900-2-29",
    "2026-2-29",
    "2026",
    "2024",
    "1900",
    "11",
    "2",
    "29",
    "31",
    "5",
    "-",
    "/",
    ".",
    "年",
    "月",
    "日",
    "号",
    " ",
    "，",
    "中",
    "a",
    "T",
    "_",
    "é",
    "至",
    "/2026/11/22",
    ".html",
    "3月2-5日",
];

/// Words and what is nearly a word, around the one entity `◆`.
const CONTEXT_PIECES: &[&str] = &[
    "tel",
    "Tel",
    "ＴＥＬ",
    "order",
    "no",
    "order no",
    "电话",
    "话",
    "订单",
    "单",
    "é",
    "a",
    "1",
    "_",
    "-",
    " ",
    "\u{3000}",
    "，",
    "😀",
    "中",
];

/// Entities, and what may stand between them without being part of one.
const APART_PIECES: &[&str] = &[
    "ann@example.com，",
    " +86 138-1234-5678; ",
    "，13812345678。",
    " https://example.org/a?b=ann@example.com ",
    " #Rust ",
    "「#话题#」",
    "，2026年11月22日 ",
    " 2026-11-22, ",
    "中文",
    " words ",
    "😀",
    "\n",
];

fn rules(contexts: &[(&[&str], f32)]) -> Rules {
    contexts
        .iter()
        .fold(Rules::default(), |rules, (words, change)| {
            let context = Context::new(words.iter().copied(), *change, 20, 5).unwrap();
            rules.with_context(context).unwrap()
        })
}

/// The word that decides, by looking at every place of every word.
fn contexts_agree(text: &str, before: usize, after: usize) {
    const WORDS: [(&str, f32); 6] = [
        ("tel", 0.3),
        ("电话", 0.3),
        ("话", 0.3),
        ("order", -0.2),
        ("order no", -0.2),
        ("订单", -0.2),
    ];
    let fold = |text: &str| half_width(text).to_lowercase().replace('\u{3000}', " ");
    for middle in text.char_indices().map(|(at, _)| at).chain([text.len()]) {
        let text = format!("{}◆{}", &text[..middle], &text[middle..]);
        let chars: Vec<char> = fold(&text).chars().collect();
        let entity = chars.iter().position(|&c| c == '◆').unwrap();
        let joins = |c: Option<&char>| c.is_some_and(|c| c.is_ascii_alphanumeric() || *c == 'é');
        // Distance, right of the entity, length from long to short: the least decides.
        let mut best: Option<(usize, bool, std::cmp::Reverse<usize>, f32)> = None;
        for (word, change) in WORDS {
            let word: Vec<char> = word.chars().collect();
            for start in 0..chars.len() {
                let end = start + word.len();
                if chars.get(start..end) != Some(&word[..])
                    || joins(word.first()) && start > 0 && joins(chars.get(start - 1))
                    || joins(word.last()) && joins(chars.get(end))
                {
                    continue;
                }
                let (distance, right) = match end <= entity {
                    true => (entity - end, false),
                    false => (start - entity - 1, true),
                };
                let window = if right { after } else { before };
                if distance + word.len() <= window {
                    let one = (distance, right, std::cmp::Reverse(word.len()), change);
                    best = Some(best.map_or(one, |best| {
                        if (one.0, one.1, one.2) < (best.0, best.1, best.2) {
                            one
                        } else {
                            best
                        }
                    }));
                }
            }
        }
        let of_change = |change: f32| {
            let fitting = WORDS
                .iter()
                .filter(|(word, of)| *of == change && word.chars().count() <= before.max(after));
            let words: Vec<&str> = fitting.map(|(word, _)| *word).collect();
            (!words.is_empty()).then(|| Context::new(words, change, before, after).unwrap())
        };
        let contexts = [0.3, -0.2].into_iter().filter_map(of_change);
        let rules = contexts.fold(Rules::default(), |rules, context| {
            rules.with_context(context).unwrap()
        });
        let pattern = Pattern::new("X", "◆", 0).unwrap().with_score(0.5).unwrap();
        let registry = Registry::default()
            .with_patterns([pattern])
            .with_rules("X", rules);
        let mut scratch = Scratch::default();
        let scanner = registry.scanner_for_all();
        let span = scanner.scan(&text, &mut scratch)[0];
        let change = best.map_or(0.0, |best| best.3);
        assert_eq!(
            span.score,
            ((0.5 + change) * 10.0_f32).round() / 10.0,
            "{text} {before} {after}"
        );
        let evidence = registry.evidence(&text, &span);
        assert_eq!(
            evidence.map(|e| fold(&text[e.word]).chars().count()),
            best.map(|best| best.2.0),
            "{text}"
        );
    }
}

fn styles() -> [Style; 3] {
    [
        Style::Label,
        Style::Mask,
        Style::Hash(Key::new(&[1; 32]).unwrap()),
    ]
}

/// What lies outside of all spans is unchanged, what lies inside is gone.
fn redacts(scanner: &Scanner, text: &str) {
    let mut scratch = Scratch::default();
    let mut covered = vec![false; text.len()];
    for span in scanner.scan(text, &mut scratch) {
        covered[span.start..span.end].fill(true);
    }
    let (mut masked, mut shape, mut inside) = (String::new(), "(?s)^".to_string(), false);
    for (at, c) in text.char_indices() {
        masked.push(if covered[at] { '*' } else { c });
        match covered[at] {
            true if !inside => shape += r"(?:\[[A-Z]+(?::[0-9a-f]{20})?\])+",
            true => {}
            false => shape += &regex::escape(&c.to_string()),
        }
        inside = covered[at];
    }
    let shape = Regex::new(&(shape + "$")).unwrap();
    for style in styles() {
        let mask = matches!(style, Style::Mask);
        let redacted = Redactor::new(scanner.clone(), style)
            .redact(text, &mut scratch)
            .into_owned();
        match mask {
            true => assert_eq!(redacted, masked, "{text}"),
            false => assert!(shape.is_match(&redacted), "{text} became {redacted}"),
        }
    }
}

/// Entities as the oracles write them: in half-width forms.
fn found(label: &str, text: &str) -> Vec<String> {
    let scanner = Registry::builtin().scanner(&[label]).unwrap();
    scanner
        .scan(text, &mut Scratch::default())
        .iter()
        .map(|span| half_width(span.of(text)))
        .collect()
}

/// The text that the built-in recognizers see.
fn half_width(text: &str) -> String {
    let ascii = |wide: char| char::from_u32(u32::from(wide).wrapping_sub(0xFEE0));
    let folds = |c: &char| c.is_ascii_alphanumeric() || "#$%+-./@_".contains(*c);
    text.chars()
        .map(|c| ascii(c).filter(folds).unwrap_or(c))
        .collect()
}

fn previous(text: &str, at: usize) -> Option<char> {
    text[..at].chars().next_back()
}

/// A letter, mark or digit that continues a word, among the characters that these tests use.
fn joins(c: Option<char>) -> bool {
    c.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_' || c == 'é')
}

/// A regex, compiled once.
fn regex(pattern: &'static str) -> &'static Regex {
    static KNOWN: Mutex<BTreeMap<&str, &Regex>> = Mutex::new(BTreeMap::new());
    let mut known = KNOWN.lock().unwrap();
    known
        .entry(pattern)
        .or_insert_with(|| Box::leak(Box::new(Regex::new(pattern).unwrap())))
}

fn mobiles(text: &str) -> Vec<String> {
    let form =
        Regex::new(r"1[3-9][0-9]{9}|1[3-9][0-9] [0-9]{4} [0-9]{4}|1[3-9][0-9]-[0-9]{4}-[0-9]{4}")
            .unwrap();
    let (spoilt_before, spoilt_after) = (
        Regex::new(r"(?:[0-9a-zA-Z_é$]|[0-9]\.|[0-9a-zA-Z]-|[a-zA-Z]/)$").unwrap(),
        Regex::new(r"^(?:[0-9a-zA-Z_é@%$]|\.[0-9a-zA-Z]|-[0-9])").unwrap(),
    );
    let (group_before, group_after) = (
        Regex::new("[0-9]{3} $").unwrap(),
        Regex::new("^ [0-9]{3}").unwrap(),
    );
    let (mut all, mut at) = (Vec::new(), 0);
    while let Some(found) = form.find_at(text, at) {
        let (before, after) = (&text[..found.start()], &text[found.end()..]);
        let grouped = found.as_str().contains(' ')
            && (group_before.is_match(before) || group_after.is_match(after));
        let whole = !grouped && !spoilt_before.is_match(before) && !spoilt_after.is_match(after);
        if whole {
            all.push(found.as_str().to_string());
        }
        at = if whole {
            found.end()
        } else {
            found.start() + 1
        };
    }
    all
}

fn dates(text: &str) -> Vec<String> {
    let forms = [
        r"(?<y>[0-9]{4})(?:-(?<m>[0-9]{1,2})-|/(?<n>[0-9]{1,2})/|\.(?<o>[0-9]{1,2})\.)(?<d>[0-9]{1,2})",
        r"(?<y>[0-9]{4}) ?年 ?(?<m>[0-9]{1,2}) ?月(?: ?(?<d>[0-9]{1,2})(?: ?(?:--?|至至?) ?(?<l>[0-9]{1,2}))? ?[日号])?",
        r"(?<d>[0-9]{1,2})(?:-(?<m>[0-9]{1,2})-|/(?<n>[0-9]{1,2})/|\.(?<o>[0-9]{1,2})\.)(?<y>[0-9]{4})",
        r"(?<m>[0-9]{1,2}) ?月 ?(?<d>[0-9]{1,2})(?: ?(?:--?|至至?) ?(?<l>[0-9]{1,2}))? ?[日号]",
    ]
    .map(|form| Regex::new(form).unwrap());
    let spoilt_before = Regex::new(r"(?:[0-9a-zA-Zé]|[0-9][./-])$").unwrap();
    let spoilt_after = Regex::new(r"^(?:[0-9a-su-zA-SU-Zé]|[Tt](?:[^0-9]|$)|[./-][0-9])").unwrap();
    // A hyphen parts two dates; what looks like a date behind one is enough for the first.
    let date_after = Regex::new(
        r"^-(?:[0-9]{4}[-/.][0-9]{1,2}[-/.][0-9]{1,2}|[0-9]{1,2}[-/.][0-9]{1,2}[-/.][0-9]{4})(?:[^0-9]|$)",
    )
    .unwrap();
    let name_after = Regex::new(r"^(?:[-_][A-Za-z]|\.[-_]|\.(?P<end>[0-9A-Za-z]+))").unwrap();
    let of_a_year = Regex::new("[0-9] ?年 ?$").unwrap();
    let (mut all, mut at, mut last_end) = (Vec::new(), 0, None);
    'next: while at < text.len() {
        for (i, form) in forms.iter().enumerate() {
            let Some(found) = form
                .captures_at(text, at)
                .filter(|c| c.get(0).unwrap().start() == at)
            else {
                continue;
            };
            let number = |name: &str| found.name(name).map(|n| n.as_str().parse::<u32>().unwrap());
            // Without a year, 29 February exists; beside another year, the day belongs to that one.
            if i == 3 && of_a_year.is_match(&text[..at]) {
                continue;
            }
            let (year, month) = (
                if i == 3 { 2000 } else { number("y").unwrap() },
                number("m").or(number("n")).or(number("o")).unwrap(),
            );
            let whole = found.get(0).unwrap();
            let (before, after) = (&text[..at], &text[whole.end()..]);
            let chinese = matches!(i, 1 | 3);
            let ends = chinese || !spoilt_after.is_match(after) || date_after.is_match(after);
            let ranged = !chinese && before.ends_with('-') && last_end == Some(at - 1);
            let named = i == 0
                && found.name("n").is_some()
                && before.ends_with('/')
                && name_after
                    .captures(after)
                    .is_some_and(|c| c.name("end").is_none_or(|end| end.as_str() != "html"));
            let (month, day) = match (i, number("d")) {
                (2, Some(day)) if month > 12 => (day, Some(month)),
                (2, Some(day)) if day <= 12 && day != month => continue,
                (_, day) => (month, day),
            };
            let exists = |day| NaiveDate::from_ymd_opt(year as i32, month, day).is_some();
            let last = number("l");
            let exists = exists(day.unwrap_or(1))
                && last.is_none_or(|last| day.is_some_and(|day| day < last) && exists(last));
            if (1000..3000).contains(&year)
                && exists
                && ends
                && !named
                && (ranged || !spoilt_before.is_match(before))
            {
                all.push(whole.as_str().to_string());
                at = whole.end();
                last_end = Some(at);
                continue 'next;
            }
        }
        at += text[at..].chars().next().map_or(1, char::len_utf8);
    }
    all
}
