//! Spans against naive oracles: patterns against the `regex` crate over the whole text, built-ins against slow
//! re-readings of their documented grammars, and every scan against the invariants of `fuzz/targets.rs`.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "fuzz/targets.rs"]
mod targets;

use chrono::NaiveDate;
use proptest::prelude::*;
use proptest::sample::select;
use regex::Regex;
use spanql::recognize::{Pattern, Registry, Scratch};

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
        targets::scan(&Registry::builtin().with_patterns(patterns), &text);
    }

    #[test]
    fn email_equals_its_oracle(text in text_of(EMAIL_PIECES, 24)) {
        prop_assert_eq!(found("EMAIL", &text), emails(&half_width(&text)), "{}", text);
    }

    #[test]
    fn hashtag_equals_its_oracle(text in text_of(HASHTAG_PIECES, 24)) {
        prop_assert_eq!(found("HASHTAG", &text), hashtags(&half_width(&text)), "{}", text);
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
    "www.",
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
    "a", "a@b.com", "@a@b.com", "B", "9", "com", "xn--a", "@", "@", ".", ".", "..", "-", "_", "'",
    "%", "+", " ", "，", "中", "é", "１", "😀", "*",
];
const HASHTAG_PIECES: &[&str] = &[
    "#", "#", "＃", "a", "B", "9", "_", "é", "中", "话题", "，", "！", "-", ".", "&", "/", " ",
    "😀", "１", ",", "://",
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
];

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

fn emails(text: &str) -> Vec<String> {
    let local_run = Regex::new(r"[A-Za-z0-9._%+'-]*$").unwrap();
    let domain_run = Regex::new(r"^[A-Za-z0-9.-]*").unwrap();
    let local = Regex::new(r"^[A-Za-z0-9_](?:\.?[A-Za-z0-9_%+'-])*$").unwrap();
    let domain = Regex::new(
        r"^(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+(?:[A-Za-z]{2,63}|(?i:xn--)[A-Za-z0-9-]{0,58}[A-Za-z0-9])$",
    )
    .unwrap();
    let mut all = Vec::new();
    for (at, _) in text.match_indices('@') {
        let names = local_run.find(&text[..at]).unwrap();
        let hosts = domain_run.find(&text[at + 1..]).unwrap();
        let (before, mut after) = (
            previous(text, names.start()),
            text[at + 1 + hosts.end()..].chars(),
        );
        let next = after.next();
        let emphasis = next == Some('_') && !joins(after.next());
        if before == Some('@') || next == Some('@') || joins(before) || joins(next) && !emphasis {
            continue;
        }
        let name = names
            .as_str()
            .trim_start_matches(['.', '%', '+', '-', '\'']);
        let host = hosts
            .as_str()
            .split("..")
            .next()
            .unwrap()
            .trim_end_matches(['.', '-']);
        if names.len() <= 64
            && !name.ends_with('\'')
            && local.is_match(name)
            && domain.is_match(host)
        {
            all.push(format!("{name}@{host}"));
        }
    }
    all
}

fn hashtags(text: &str) -> Vec<String> {
    let separates = "-.+&'，。、；：";
    let topic = Regex::new(r"^#((?:[\w.+&'-]|[^\x00-\x7F\s#]){1,32})#").unwrap();
    let tag = Regex::new(r"^#(\w+)").unwrap();
    let letter = Regex::new(r"\p{Alphabetic}").unwrap();
    let (mut all, mut at, mut closed) = (Vec::new(), 0, false);
    while let Some(c) = text[at..].chars().next() {
        let before = previous(text, at);
        let fine = closed && before.is_some_and(|c| c == '#')
            || !joins(before) && !before.is_some_and(|c| "#&/".contains(c));
        let rest = &text[at..];
        let as_topic = || {
            let found = topic.captures(rest).filter(|_| fine)?;
            let inside = &found[1];
            let edges = [inside.chars().next()?, inside.chars().next_back()?];
            let named = letter.is_match(inside) && !edges.iter().any(|c| separates.contains(*c));
            named.then(|| found[0].len())
        };
        let as_tag = || {
            let found = tag.captures(rest).filter(|_| fine)?;
            let after = &rest[found[0].len()..];
            let named = letter.is_match(&found[1]) && found[1].chars().count() <= 100;
            (named && !after.starts_with("://")).then(|| found[0].len())
        };
        let end = as_topic().or_else(as_tag);
        closed = end.is_some();
        if let Some(end) = end {
            all.push(rest[..end].to_string());
        }
        at += end.unwrap_or(c.len_utf8());
    }
    all
}

fn mobiles(text: &str) -> Vec<String> {
    let form =
        Regex::new(r"1[3-9][0-9]{9}|1[3-9][0-9] [0-9]{4} [0-9]{4}|1[3-9][0-9]-[0-9]{4}-[0-9]{4}")
            .unwrap();
    let (spoilt_before, spoilt_after) = (
        Regex::new(r"(?:[0-9a-zA-Z_é$]|[0-9]\.|[0-9a-zA-Z]-|[a-zA-Z]/)$").unwrap(),
        Regex::new(r"^(?:[0-9a-zA-Z_é@%]|\.[0-9a-zA-Z]|-[0-9])").unwrap(),
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
        r"(?<y>[0-9]{4}) ?年 ?(?<m>[0-9]{1,2}) ?月(?: ?(?<d>[0-9]{1,2}) ?[日号])?",
        r"(?<d>[0-9]{1,2})(?:-(?<m>[0-9]{1,2})-|/(?<n>[0-9]{1,2})/|\.(?<o>[0-9]{1,2})\.)(?<y>[0-9]{4})",
        r"(?<m>[0-9]{1,2}) ?月 ?(?<d>[0-9]{1,2}) ?[日号]",
    ]
    .map(|form| Regex::new(form).unwrap());
    let spoilt_before = Regex::new(r"(?:[0-9a-zA-Zé]|[0-9][./-])$").unwrap();
    let spoilt_after = Regex::new(r"^(?:[0-9a-su-zA-SU-Zé]|[Tt](?:[^0-9]|$)|[./-][0-9])").unwrap();
    let of_a_year = Regex::new("[0-9] ?年 ?$").unwrap();
    let (mut all, mut at) = (Vec::new(), 0);
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
            let ends = matches!(i, 1 | 3) || !spoilt_after.is_match(&text[whole.end()..]);
            let (month, day) = match (i, number("d")) {
                (2, Some(day)) if month > 12 => (day, Some(month)),
                (2, Some(day)) if day <= 12 && day != month => continue,
                (_, day) => (month, day),
            };
            let exists = NaiveDate::from_ymd_opt(year as i32, month, day.unwrap_or(1)).is_some();
            if (1000..3000).contains(&year)
                && exists
                && ends
                && !spoilt_before.is_match(&text[..at])
            {
                all.push(whole.as_str().to_string());
                at = whole.end();
                continue 'next;
            }
        }
        at += text[at..].chars().next().map_or(1, char::len_utf8);
    }
    all
}
