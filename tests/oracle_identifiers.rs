//! The labels of identifiers against naive oracles: their documented grammars as regular expressions tried at every
//! character, addresses read by `std::net`, days by `chrono`, check digits computed as the standards' tables have them.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

use chrono::NaiveDate;
use proptest::prelude::*;
use proptest::sample::select;
use regex::Regex;
use spanql::recognize::{Registry, Scratch};

/// Text made of pieces that meet grammars half-way.
fn text_of(pieces: &'static [&'static str], length: usize) -> impl Strategy<Value = String> {
    proptest::collection::vec(select(pieces), 0..length).prop_map(|parts| parts.concat())
}

/// Entities as the oracles write them: in half-width forms.
fn found(label: &str, text: &str) -> Vec<String> {
    let scanner = Registry::builtin().scanner(&[label]).unwrap();
    let mut scratch = Scratch::default();
    let spans = scanner.scan(text, &mut scratch).iter();
    spans.map(|span| half_width(span.of(text))).collect()
}

/// The text that the built-in recognizers see.
fn half_width(text: &str) -> String {
    let ascii = |wide: char| char::from_u32(u32::from(wide).wrapping_sub(0xFEE0));
    let folds = |c: &char| c.is_ascii_alphanumeric() || "#$%+-./@_".contains(*c);
    text.chars()
        .map(|c| ascii(c).filter(folds).unwrap_or(c))
        .collect()
}

/// The entities that `end_of` sees: where one ends that begins at a byte, tried at every character from left to right.
fn all(text: &str, end_of: impl Fn(&str, usize) -> Option<usize>) -> Vec<String> {
    let (mut all, mut at) = (Vec::new(), 0);
    while let Some(c) = text[at..].chars().next() {
        match end_of(text, at) {
            Some(end) => {
                all.push(text[at..end].to_string());
                at = end;
            }
            None => at += c.len_utf8(),
        }
    }
    all
}

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).unwrap()
}

/// Whether one of these expressions, compiled once, matches.
macro_rules! matches_regex {
    ($text:expr, $pattern:expr) => {{
        static REGEX: LazyLock<Regex> = LazyLock::new(|| regex($pattern));
        REGEX.is_match($text)
    }};
}

/// The end of the expression's match at the start of `text`.
macro_rules! match_end {
    ($text:expr, $pattern:expr) => {{
        static REGEX: LazyLock<Regex> = LazyLock::new(|| regex(concat!("^(?:", $pattern, ")")));
        REGEX.find($text).map(|found| found.end())
    }};
}

/// Letters, digits and `_`, among the characters of these tests.
const WORD: &str = "[0-9A-Za-z_é]";

fn begins(before: &str) -> bool {
    !matches_regex!(before, &format!("(?:{WORD}|[0-9A-Za-z][-.])$"))
}

fn ends(after: &str) -> bool {
    !matches_regex!(after, &format!("^(?:{WORD}|@|[-.][0-9A-Za-z])"))
}

fn digits_of(text: &str) -> Vec<u32> {
    text.chars().filter_map(|c| c.to_digit(10)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn ip_equals_its_oracle(text in text_of(IP, 16)) {
        prop_assert_eq!(found("IP", &text), all(&half_width(&text), ip), "{}", text);
    }

    #[test]
    fn mac_equals_its_oracle(text in text_of(MAC, 14)) {
        prop_assert_eq!(found("MAC", &text), all(&half_width(&text), mac), "{}", text);
    }

    #[test]
    fn uuid_equals_its_oracle(text in text_of(UUID, 14)) {
        prop_assert_eq!(found("UUID", &text), all(&half_width(&text), uuid), "{}", text);
    }

    #[test]
    fn cve_equals_its_oracle(text in text_of(CVE, 14)) {
        prop_assert_eq!(found("CVE", &text), all(&half_width(&text), cve), "{}", text);
    }

    #[test]
    fn credit_card_equals_its_oracle(text in text_of(CARD, 12)) {
        prop_assert_eq!(found("CREDIT_CARD", &text), all(&half_width(&text), card), "{}", text);
    }

    #[test]
    fn any_digits_as_a_card(digits in "[2-6][0-9]{12,18}") {
        prop_assert_eq!(found("CREDIT_CARD", &digits), all(&digits, card));
    }

    #[test]
    fn iban_equals_its_oracle(text in text_of(IBAN, 12)) {
        prop_assert_eq!(found("IBAN", &text), all(&half_width(&text), iban), "{}", text);
    }

    #[test]
    fn any_account_as_an_iban(country in select(&["DE", "NO", "GB"][..]), rest in "[0-9]{2}[A-Z0-9]{11,18}") {
        let text = format!("{country}{rest}");
        prop_assert_eq!(found("IBAN", &text), all(&text, iban));
    }

    #[test]
    fn cn_id_equals_its_oracle(text in text_of(CN_ID, 8)) {
        prop_assert_eq!(found("CN_ID", &text), all(&half_width(&text), cn_id), "{}", text);
    }

    #[test]
    fn any_digits_as_an_identity_number(
        region in "[1-9][0-9]{5}", year in 1790..2110, month in 0..14, day in 0..33, rest in "[0-9]{3}[0-9Xx]",
    ) {
        let text = format!("{region}{year}{month:02}{day:02}{rest}");
        prop_assert_eq!(found("CN_ID", &text), all(&text, cn_id));
    }

    #[test]
    fn cn_uscc_equals_its_oracle(text in text_of(CN_USCC, 8)) {
        prop_assert_eq!(found("CN_USCC", &text), all(&half_width(&text), cn_uscc), "{}", text);
    }

    #[test]
    fn any_characters_as_a_credit_code(text in "[19ANY][0-9](?:[1-6][0-9]{5}|100000)[0-9A-Z]{9}[0-9A-HJ-N]") {
        prop_assert_eq!(found("CN_USCC", &text), all(&text, cn_uscc));
    }

    #[test]
    fn qq_equals_its_oracle(text in text_of(QQ, 12)) {
        prop_assert_eq!(found("QQ", &text), qq(&half_width(&text)), "{}", text);
    }

    #[test]
    fn wechat_equals_its_oracle(text in text_of(WECHAT, 10)) {
        prop_assert_eq!(found("WECHAT", &text), wechat(&half_width(&text)), "{}", text);
    }

    #[test]
    fn stock_equals_its_oracle(text in text_of(STOCK, 9)) {
        prop_assert_eq!(found("STOCK", &text), all(&half_width(&text), stock), "{}", text);
    }
}

const IP: &[&str] = &[
    "10.0.0.1",
    "192.168.1.20",
    "0.9.4.1",
    "0.0.0.0",
    "1.2.3",
    "256",
    "255",
    "01",
    "7",
    ".",
    ".",
    "-",
    "::",
    ":",
    ":",
    "a",
    "fe80",
    "2001:db8",
    "1a2b",
    "::1",
    "::ffff:",
    "00:1a:2b",
    "[",
    "]",
    "/",
    "/0",
    " ",
    "%eth0",
    "std",
    "v",
    "version ",
    "版本",
    "Mutt/",
    "addr:",
    "IPv6:",
    "中",
    "，",
    "é",
    "_",
    "g",
    "１",
    "1:2:3:4:5:6:7:8",
    "1:2:3:4:5:6:",
];
const MAC: &[&str] = &[
    "00:1a:2b:3c:4d:5e",
    "00-1A-2B-3C-4D-5E",
    "001a.2b3c.4d5e",
    "00:1a:2b:",
    "3c:4d",
    "11-22-33-",
    "44-55-66",
    "1234.5678.",
    "9012",
    "abcd",
    "ff",
    "1a",
    "a",
    "0",
    ":",
    ":",
    "-",
    "-",
    ".",
    "MAC",
    "x",
    "é",
    "_",
    " ",
    "中",
    "，",
    "１Ａ",
];
const UUID: &[&str] = &[
    "f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
    "f81d4fae",
    "7dec",
    "11d0",
    "a765",
    "00a0c91e6bf6",
    "-",
    "-",
    "-",
    "-",
    "{",
    "}",
    "0",
    "g",
    "x",
    "é",
    "_",
    "%7B",
    "%",
    " ",
    "中",
    "ｆ",
];
const CVE: &[&str] = &[
    "CVE-2014-0160",
    "cve-",
    "CVE-",
    "ＣＶＥ－",
    "CVE",
    "2014-",
    "1998-",
    "1999-",
    "0160",
    "123",
    "1234567890",
    "-",
    "1",
    "2",
    "E",
    "_",
    "é",
    "x",
    " ",
    "中",
    "，",
];
const CARD: &[&str] = &[
    "4111111111111111",
    "4111 1111 1111 1111",
    "4111-1111-1111-1111",
    "6222 0202 0011 2233 446",
    "622202 0200112233446",
    "DE47 ",
    "3782 822463 10005",
    "3056 930902 5904",
    "378282246310005",
    "4111111111111112",
    " 123",
    "4111",
    "1111",
    "1234",
    "12",
    "1",
    " ",
    " ",
    "-",
    "-",
    ".",
    "/",
    "x",
    "é",
    "_",
    "@",
    "中",
    "，",
    "１",
];
const IBAN: &[&str] = &[
    "DE89370400440532013000",
    "GB29 NWBK 6016 1331 9268 19",
    "gb29nwbk60161331926819",
    "NO9386011117947",
    "NO93 8601 1117 947",
    "DE88370400440532013000",
    "DE",
    "GB",
    "NO",
    "93",
    "89",
    "3704",
    "8601",
    "1117",
    "947",
    "NWBK",
    " ",
    " ",
    "1",
    "a",
    "X",
    "-",
    ".",
    "@",
    "é",
    "_",
    "中",
    "，",
    "１",
];
const CN_ID: &[&str] = &[
    "11010519491231002X",
    "440524188001010014",
    "11010519491231002x",
    "440524188001010015",
    "4405241880",
    "01010014",
    "1",
    "X",
    "x",
    "-",
    ".",
    "@",
    "é",
    "_",
    " ",
    "中",
    "，",
    "１",
];
const CN_USCC: &[&str] = &[
    "91350100M000100Y43",
    "91350100m000100y43",
    "91350100M000100Y44",
    "N2330106MA2CFG7K14",
    "A1110000600037341K",
    "121100001234560406",
    "111130195003070278",
    "91350100",
    "M000100Y43",
    "1",
    "N",
    "I",
    "-",
    ".",
    "@",
    "é",
    "_",
    " ",
    "中",
    "，",
    "１",
];
const QQ: &[&str] = &[
    "QQ",
    "qq",
    "Q群",
    "加q",
    "扣扣",
    "企鹅号",
    "企鹅",
    "号",
    "群",
    "码",
    "是",
    "：",
    ":",
    " ",
    "(",
    "）",
    "#",
    "-",
    "number",
    "ID",
    "交流",
    "微信",
    "12345678",
    "13812345678",
    "01234567",
    "1234",
    "123456789012",
    "、",
    "，",
    "/",
    "或",
    "和",
    ", ",
    "@",
    ".5",
    "a",
    "é",
    "中",
    "１２３４５",
    "Ｑ",
];
const WECHAT: &[&str] = &[
    "微信",
    "微",
    "信",
    "加微",
    "加V",
    "加v",
    "vx",
    "WX",
    "V信",
    "Weixin",
    "weixin",
    "WeChat",
    "wechat",
    "ID",
    "id",
    "号",
    "公众号",
    "同号",
    "是",
    "：",
    ":",
    " ",
    "（",
    "/",
    "qq",
    "abc_123",
    "zhangsan",
    "abc",
    "13812345678",
    "1234567",
    "-",
    "_",
    "@",
    ".",
    "é",
    "x",
    "中",
    "，",
    "ｖ",
];
const STOCK: &[&str] = &[
    "600519",
    "000001",
    "300750",
    "830799",
    "00700",
    "0700",
    "5",
    "123456",
    "12345",
    "AAPL",
    "BRK.A",
    "TSLA",
    "Q",
    "F",
    "abc",
    ".",
    ".SH",
    ".sz",
    ".HK",
    ".hk",
    ".US",
    ".XSHG",
    "SH",
    "sz",
    "HK",
    "sh.",
    "：",
    ":",
    ": ",
    "上交所",
    "港交所",
    "深市",
    "美股",
    "NASDAQ",
    "NYSE",
    "Nasdaq",
    "SSE",
    "股票代码",
    "证券代码",
    "为",
    "（",
    "）",
    "(",
    ")",
    "$",
    "$",
    "$苹果(",
    ")$",
    "USD",
    "PATH",
    " ",
    "x",
    "é",
    "_",
    "@",
    "，",
    "中",
    "１",
];

fn ip(text: &str, at: usize) -> Option<usize> {
    version_6(text, at).or_else(|| version_4(text, at))
}

fn version_4(text: &str, at: usize) -> Option<usize> {
    let quad = |text: &str| match_end!(text, r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}");
    let (before, rest) = text.split_at(at);
    let length = quad(rest)?;
    let address: Ipv4Addr = rest[..length].parse().ok()?;
    let [first, second, _, last] = address.octets();
    let after = &rest[length..];
    if first == 0 && second > 0 || matches_regex!(before, r"(?:[0-9A-Za-z_é.]|[A-Za-z]-)$") {
        return None;
    }
    // Ranges.
    if matches_regex!(before, "[0-9]-$") {
        static BEGIN: LazyLock<Regex> = LazyLock::new(|| regex("([0-9.]+)-$"));
        BEGIN.captures(before)?[1].parse::<Ipv4Addr>().ok()?;
    }
    if let Some(further) = after.strip_prefix('-')
        && let Some(end) = match_end!(further, "[0-9]{1,4}")
    {
        let greater = further[..end].parse::<u32>().unwrap() > u32::from(last);
        let range = quad(further).is_some_and(|end| !matches_regex!(&further[end..], "^[0-9]"));
        (greater || range).then_some(())?;
    }
    let spoilt = matches_regex!(after, r"^(?:[0-9A-Za-z_é]|\.[0-9A-Za-z]|-[A-Za-z])");
    let version = matches_regex!(
        before,
        "(?i:(?:^|[^a-z])(?:v|rv|ver|version|revision|release|rel|build|firmware)|版本|版本号|版)[:：.]? ?$"
    ) || matches_regex!(before, "(?:^|[^A-Za-z])[A-Z][A-Za-z]*/$");
    (!spoilt && !version).then_some(at + length)
}

fn version_6(text: &str, at: usize) -> Option<usize> {
    let (before, rest) = text.split_at(at);
    // After a colon only if that ends a word which is no group.
    let opens = !matches_regex!(before, "[0-9A-Za-z_é:]$")
        || matches_regex!(before, "(?:^|[^0-9A-Za-z_é:]|[g-zG-Z_é][0-9A-Za-z_é]*):$");
    let run = match_end!(rest, "[0-9A-Fa-f:]+")?;
    let quad = match_end!(rest, r"[0-9A-Fa-f:]*:[0-9]{1,3}(?:\.[0-9]{1,3}){3}");
    let without_colon = run - usize::from(rest[..run].ends_with(':'));
    let length = [quad, Some(run), Some(without_colon)]
        .into_iter()
        .flatten()
        .find(|&end| rest[..end].parse::<Ipv6Addr>().is_ok())?;
    let (written, after) = rest.split_at(length);
    let groups: Vec<&str> = written
        .split(':')
        .filter(|group| !group.is_empty())
        .collect();
    let decimal = groups
        .iter()
        .all(|group| matches_regex!(group, "^[0-9]{1,3}$"));
    let slice = matches_regex!(before, r"[0-9A-Za-z_é]\[$");
    let unspecified = written == "::"
        && (before.ends_with('[') && after.starts_with(']') || after.starts_with("/0"));
    let name = groups.len() < 3 && !written.contains(|c: char| c.is_ascii_digit()) && !unspecified;
    let short = groups.len() < 3
        && decimal
        && !groups.is_empty()
        && written.parse() != Ok(Ipv6Addr::LOCALHOST);
    let eui = groups.len() == 8 && groups.iter().all(|group| group.len() == 2);
    let spoilt = matches_regex!(after, r"^(?:[0-9A-Za-z_é]|\.[0-9])");
    (opens && !slice && !name && !short && !eui && !spoilt).then_some(at + length)
}

fn mac(text: &str, at: usize) -> Option<usize> {
    let (before, rest) = text.split_at(at);
    let forms = [
        (
            ":",
            match_end!(
                rest,
                "(?:[0-9A-Fa-f]{2}:){7}[0-9A-Fa-f]{2}|(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}"
            ),
        ),
        (
            "-",
            match_end!(
                rest,
                "(?:[0-9A-Fa-f]{2}-){7}[0-9A-Fa-f]{2}|(?:[0-9A-Fa-f]{2}-){5}[0-9A-Fa-f]{2}"
            ),
        ),
        (
            ".",
            match_end!(rest, r"(?:[0-9A-Fa-f]{4}\.){2}[0-9A-Fa-f]{4}"),
        ),
    ];
    let (separator, length) = forms
        .into_iter()
        .find_map(|(separator, end)| Some((separator, end?)))?;
    let letter = rest[..length].contains(|c: char| c.is_ascii_alphabetic());
    let (before, after) = (before.strip_suffix(separator), &rest[length..]);
    let group_before =
        before.is_some_and(|before| matches_regex!(before, "(?:^|[^0-9A-Za-z])[0-9A-Fa-f]{1,4}$"));
    let group_after = after
        .strip_prefix(separator)
        .is_some_and(|after| matches_regex!(after, "^[0-9A-Fa-f]"));
    let word = matches_regex!(&text[..at], &format!("{WORD}$"))
        || matches_regex!(after, &format!("^{WORD}"));
    (!word && !group_before && !group_after && (letter || separator == ":")).then_some(at + length)
}

fn uuid(text: &str, at: usize) -> Option<usize> {
    let (before, rest) = text.split_at(at);
    let length = match_end!(rest, "[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}")?;
    let opens =
        !matches_regex!(before, "[0-9A-Za-zé]$") || matches_regex!(before, "%[0-7][0-9A-Fa-f]$");
    (opens && !matches_regex!(&rest[length..], "^[0-9A-Za-zé]")).then_some(at + length)
}

fn cve(text: &str, at: usize) -> Option<usize> {
    let (before, rest) = text.split_at(at);
    let length = match_end!(rest, "(?i:CVE)-(?:1999|2[0-9]{3})-[0-9]{4,19}")?;
    let word =
        matches_regex!(before, "[0-9A-Za-zé]$") || matches_regex!(&rest[length..], "^[0-9A-Za-zé]");
    (!word).then_some(at + length)
}

/// Luhn's formula with the doubled digits written out.
fn luhn(digits: &[u32]) -> bool {
    let from_right = digits.iter().rev().enumerate();
    let sum: u32 = from_right
        .map(|(i, digit)| {
            if i % 2 == 0 {
                *digit
            } else {
                digits_of(&(2 * digit).to_string()).iter().sum()
            }
        })
        .sum();
    sum.is_multiple_of(10)
}

fn card(text: &str, at: usize) -> Option<usize> {
    let (before, rest) = text.split_at(at);
    let forms = [
        match_end!(rest, "[0-9]{14,19}"),
        match_end!(
            rest,
            "[0-9]{4}(?: [0-9]{4}){3} [0-9]{3}|[0-9]{4}(?:-[0-9]{4}){3}-[0-9]{3}"
        ),
        match_end!(rest, "[0-9]{4}(?: [0-9]{4}){3}|[0-9]{4}(?:-[0-9]{4}){3}"),
        match_end!(
            rest,
            "[0-9]{4} [0-9]{6} [0-9]{5}|[0-9]{4}-[0-9]{6}-[0-9]{5}"
        ),
        match_end!(
            rest,
            "[0-9]{4} [0-9]{6} [0-9]{4}|[0-9]{4}-[0-9]{6}-[0-9]{4}"
        ),
        match_end!(rest, "[0-9]{6}[ -][0-9]{13}"),
    ];
    forms.into_iter().flatten().find(|&length| {
        let (written, after) = rest.split_at(length);
        let digits = digits_of(written);
        let compact: String = written.chars().filter(char::is_ascii_digit).collect();
        let issued = match compact.len() {
            16 if matches_regex!(&compact, "^(?:5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720)") => true,
            15 if matches_regex!(&compact, "^3[47]") => true,
            16 | 19 if compact.starts_with('4') => true,
            _ if matches_regex!(&compact, "^(?:30[0-5]|3095|36|38|39)") => true,
            16.. => matches_regex!(
                &compact,
                "^(?:6011|64[4-9]|65|352[89]|35[3-8]|62|81[0-6]|817[01]|5018|5020|5038|5893|6304|6759|676[123])"
            ),
            _ => false,
        };
        let grouped = compact.len() < length;
        let more = grouped && (matches_regex!(before, "[0-9A-Za-z]{3}[0-9] $") || matches_regex!(after, "^ [0-9]{4}"));
        let path = matches_regex!(before, "[/0-9A-Za-z]/$");
        let identity = length == 18 && !grouped && is_identity_number(&compact);
        issued && luhn(&digits) && !identity && begins(before) && ends(after) && !more && !path
    }).map(|length| at + length)
}

fn iban(text: &str, at: usize) -> Option<usize> {
    let (before, rest) = text.split_at(at);
    let length = (15..=34.min(rest.len())).rev().find(|&length| {
        rest.is_char_boundary(length) && {
            let written = &rest[..length];
            let fours: Vec<char> = written.chars().filter(|c| *c != ' ').collect();
            let spaced: Vec<String> = fours.chunks(4).map(|four| four.iter().collect()).collect();
            let compacted: String = fours.iter().collect();
            let whole = matches_regex!(
                &compacted,
                "^(?:DE[0-9]{20}|NO[0-9]{13}|GB[0-9]{2}[A-Z]{4}[0-9]{14}|de[0-9]{20}|no[0-9]{13}|gb[0-9]{2}[a-z]{4}[0-9]{14})$"
            );
            whole && (written == compacted || written == spaced.join(" "))
        }
    })?;
    let (written, after) = rest.split_at(length);
    let characters: Vec<char> = written.chars().filter(|c| *c != ' ').collect();
    let number: String = characters[4..]
        .iter()
        .chain(&characters[..4])
        .map(|c| c.to_digit(36).unwrap().to_string())
        .collect();
    let rest_of_97 = digits_of(&number)
        .iter()
        .fold(0, |rest, digit| (rest * 10 + digit) % 97);
    (rest_of_97 == 1 && begins(before) && ends(after)).then_some(at + length)
}

/// GB/T 2260's provinces.
const PROVINCES: &str = "1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[1-3]";

/// The check character by the tables of GB 11643-1999.
fn is_identity_number(id: &str) -> bool {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let region = matches_regex!(
        id,
        &format!("^(?:(?:{PROVINCES})(?:[0-6][0-9]|70|90)|9(?:{PROVINCES})[0-9])")
    );
    let birth = NaiveDate::parse_from_str(&id[6..14], "%Y%m%d")
        .is_ok_and(|_| ("1800".."2100").contains(&&id[6..10]));
    let sum: u32 = digits_of(&id[..17])
        .iter()
        .zip(WEIGHTS)
        .map(|(digit, weight)| digit * weight)
        .sum();
    region && birth && id[17..].to_uppercase() == "10X98765432"[(sum % 11) as usize..][..1]
}

fn cn_id(text: &str, at: usize) -> Option<usize> {
    let (before, rest) = text.split_at(at);
    let length = match_end!(rest, "[0-9]{17}[0-9Xx]")?;
    (is_identity_number(&rest[..length]) && begins(before) && ends(&rest[length..]))
        .then_some(at + length)
}

fn cn_uscc(text: &str, at: usize) -> Option<usize> {
    const WEIGHTS: [usize; 17] = [
        1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28,
    ];
    const BODY: [u32; 8] = [3, 7, 9, 10, 5, 8, 4, 2];
    let (before, rest) = text.split_at(at);
    static FORM: LazyLock<Regex> = LazyLock::new(|| {
        let division = format!("(?:(?:{PROVINCES})(?:[0-6][0-9]|70|90)|1000)[0-9]{{2}}");
        regex(&format!(
            "^[1-9ANYany][1-9]{division}[0-9A-HJ-NPQRTUWXYa-hj-npqrtuwxy]{{10}}"
        ))
    });
    let code = FORM.find(rest)?.as_str().to_uppercase();
    let value = |c: char| "0123456789ABCDEFGHJKLMNPQRTUWXY".find(c).unwrap();
    let sum: usize = code
        .chars()
        .zip(WEIGHTS)
        .map(|(c, weight)| value(c) * weight)
        .sum();
    let checked = value(code.chars().last().unwrap()) == (31 - sum % 31) % 31;
    let digits = code.chars().all(|c| c.is_ascii_digit());
    let body: u32 = digits_of(&code[8..16])
        .iter()
        .zip(BODY)
        .map(|(digit, weight)| digit * weight)
        .sum();
    let organisation = format!("{}", (11 - body % 11) % 11) == code[16..17];
    let taken = !digits || organisation && !is_identity_number(&code);
    (checked && taken && begins(before) && ends(&rest[18..])).then_some(at + 18)
}

/// As [`all`], for numbers that may follow one another.
fn qq(text: &str) -> Vec<String> {
    let cue = regex(
        "(?i:(?:^|[^0-9a-z_é])(?:qq|q群)|(?:^|[^0-9a-z_é])加q|加q|扣扣|企鹅号|企鹅群)(?i:[ ：:号群码是为#=/()（）【】-]|number|group|id|交流|讨论|官方|粉丝|技术|客服|咨询|联系|微信){0,6}$",
    );
    let (mut numbers, mut at, mut last) = (Vec::new(), 0, None);
    while let Some(c) = text[at..].chars().next() {
        let (before, rest) = text.split_at(at);
        let length = match_end!(rest, "[0-9]{5,11}").unwrap_or(0);
        let after = &rest[length..];
        let mobile = length == 11 && matches_regex!(rest, "^1[3-9]");
        let between = last.map_or("", |last: usize| &text[last..at]);
        let another = matches_regex!(between, "^(?:、|/| / |,|, |，|或|和)$") && !mobile;
        let whole = !matches_regex!(before, "[0-9]$") && ends(after);
        if length > 0 && whole && !rest.starts_with('0') && (another || cue.is_match(before)) {
            numbers.push(rest[..length].to_string());
            at += length;
            last = Some(at);
        } else {
            at += c.len_utf8();
        }
    }
    numbers
}

/// As [`all`], from cue to cue.
fn wechat(text: &str) -> Vec<String> {
    // What the words after a cue must say for any handle, and for letters alone: 1 a space, 2 a colon, 3 `ID`.
    let cues = [
        (
            regex("^(?:微信|加微信?|加[vV]信|加[vV](?:[^xX信]|$))"),
            0,
            2,
        ),
        (regex("^(?i:[vw]x)"), 1, 2),
        (regex("^(?i:weixin)"), 2, 3),
        (regex("^(?i:(?:wechat|weixin) *(?:id)?)[:：]"), 2, 3),
        (regex("^(?i:v信)[:：]"), 0, 2),
    ];
    let words = [
        regex("^(?i:[ /()（）【】「]|同号|电话|手机|qq)"),
        regex("^[:：]"),
        regex("^(?i:号码|号|账号|帐号|公众号|订阅号|服务号|id|是|为)"),
    ];
    let (mut handles, mut at) = (Vec::new(), 0);
    'next: while let Some(c) = text[at..].chars().next() {
        let (before, rest) = text.split_at(at);
        for (cue, for_any, for_letters) in &cues {
            let latin = rest.starts_with(|c: char| c.is_ascii());
            if !cue.is_match(rest) || latin && matches_regex!(before, &format!("{WORD}$")) {
                continue;
            }
            let name =
                match_end!(rest, "微信|加微信?|加[vV]信?|(?i:vx|wx|weixin|wechat|v信)").unwrap();
            let (mut rest, mut says) = (&rest[name..], 0);
            for _ in 0..6 {
                let word = words
                    .iter()
                    .enumerate()
                    .find_map(|(i, word)| Some((i + 1, word.find(rest)?.end())));
                let Some((says_more, end)) = word else { break };
                (rest, says) = (&rest[end..], says.max(says_more));
            }
            let handle = match_end!(rest, "1[3-9][0-9]{9}|[A-Za-z][0-9A-Za-z_-]*")
                .map_or("", |end| &rest[..end]);
            let handle = handle.trim_end_matches('-');
            let letters = handle.chars().all(|c| c.is_ascii_alphabetic());
            let enough = says >= if letters { *for_letters } else { *for_any };
            let name = matches_regex!(handle, "^(?i:wechat|weixin)$");
            if (6..=20).contains(&handle.len()) && !name && enough && ends(&rest[handle.len()..]) {
                handles.push(handle.to_string());
                at = text.len() - rest.len() + handle.len();
                continue 'next;
            }
        }
        at += c.len_utf8();
    }
    handles
}

const SHANGHAI: &str = "(?:(?:60|68|90|5[0-9])[0-9]{4}|000[0-9]{3})";
const SHENZHEN: &str = "(?:(?:00|30|20|39|15|16|18)[0-9]{4})";
const BEIJING: &str = "(?:(?:43|83|87|88)[0-9]{4}|(?:899|920)[0-9]{3})";
/// Of as many digits as are written.
const HONG_KONG: &str = "(?:0*[1-9][0-9]{0,3}|8[0-9]{4})";
const AMERICA: &str = "(?:[A-Z]{2,5}(?:[.-][A-Z])?|[A-Z][.-][A-Z])";

/// Exchanges before a colon.
const EXCHANGES: [&str; 5] = [
    "(?:上交所|上海证券交易所|沪市|SH|sh|SSE|SHSE|SHA)[：:] ?",
    "(?:深交所|深圳证券交易所|深市|SZ|sz|SZSE|SHE)[：:] ?",
    "(?:北交所|北京证券交易所|BJ|bj|BJSE)[：:] ?",
    "(?:港交所|联交所|香港交易所|香港联合交易所|港股|HK|hk|HKEX|SEHK|HKSE|HKG)[：:] ?",
    "(?:纳斯达克|纽交所|美股|NASDAQ|Nasdaq|NYSE|AMEX|NYSEAMERICAN|NYSEARCA|ARCA|BATS)[：:] ?",
];

/// A form, and the digits that it may have.
static WITH_MARKET: LazyLock<Vec<(Regex, std::ops::RangeInclusive<usize>)>> = LazyLock::new(|| {
    let whole = |form: String| regex(&format!("^(?:{form})$"));
    let [shanghai, shenzhen, beijing, hong_kong, america] = EXCHANGES;
    vec![
        (
            whole(format!(
                r"{SHANGHAI}\.(?i:SH|SS|XSHG)|(?i:SH|SH\.|SS\.){SHANGHAI}|{shanghai}{SHANGHAI}"
            )),
            6..=6,
        ),
        (
            whole(format!(
                r"{SHENZHEN}\.(?i:SZ|XSHE)|(?i:SZ\.?){SHENZHEN}|{shenzhen}{SHENZHEN}"
            )),
            6..=6,
        ),
        (
            whole(format!(
                r"{BEIJING}\.(?i:BJ)|(?i:BJ\.?){BEIJING}|{beijing}{BEIJING}"
            )),
            6..=6,
        ),
        (
            whole(format!(r"{HONG_KONG}\.HK|{hong_kong}{HONG_KONG}")),
            1..=5,
        ),
        (whole(format!(r"{HONG_KONG}\.(?i:HK)")), 4..=5),
        (whole(format!(r"(?i:HK\.?){HONG_KONG}")), 5..=5),
        (
            whole(format!(r"[A-Z]{{1,5}}\.US|{america}{AMERICA}")),
            0..=0,
        ),
    ]
});

fn stock(text: &str, at: usize) -> Option<usize> {
    let (before, rest) = text.split_at(at);
    // Every end that a form allows; only at one of them can something end.
    let ends_at = |length: &usize| {
        let (written, after) = rest.split_at(*length);
        let mut forms = WITH_MARKET.iter();
        let digits = digits_of(written).len();
        let lone = after.starts_with([')', '）'])
            && matches_regex!(written, &format!("^{}[A-Z]$", EXCHANGES[4]));
        begins(before)
            && ends(after)
            && (lone
                || forms.any(|(form, count)| count.contains(&digits) && form.is_match(written)))
    };
    let boundaries = (1..=rest.len())
        .rev()
        .filter(|&length| rest.is_char_boundary(length));
    if let Some(length) = boundaries.clone().find(ends_at) {
        return Some(at + length);
    }
    let is_code = |code: &str| {
        matches_regex!(
            code,
            &format!("^(?:{SHANGHAI}|{SHENZHEN}|{BEIJING}|{HONG_KONG})$")
        ) && code.len() <= 6
    };
    if matches_regex!(before, "(?:股票|证券)代码[：: （(【为是]{0,2}$")
        && let Some(length) = match_end!(rest, "[0-9]+")
        && (5..=6).contains(&length)
        && is_code(&rest[..length])
        && ends(&rest[length..])
    {
        return Some(at + length);
    }
    static NAME: LazyLock<Regex> = LazyLock::new(|| regex(r"\$([^$\\^_=+*/{}-]*)[(（]$"));
    if let Some(name) = NAME.captures(before)
        && (3..60).contains(&name[1].len())
        && !name[1].ends_with(' ')
        && let Some(length) = match_end!(rest, "[0-9]{1,6}|[A-Z]{2,5}(?:[.][A-Z])?|[A-Z][.][A-Z]")
        && matches_regex!(&rest[length..], r"^[)）]\$")
        && (is_code(&rest[..length]) || rest.starts_with(|c: char| c.is_ascii_uppercase()))
    {
        return Some(at + length);
    }
    cashtag(before, rest).map(|length| at + length)
}

fn cashtag(before: &str, rest: &str) -> Option<usize> {
    let length = match_end!(rest, r"\$[A-Z]{2,5}|\$[A-Z][.-][A-Z]")?;
    let class = match_end!(&rest[length..], "[.-][A-Z]")
        .filter(|end| length > 2 && !matches_regex!(&rest[length + end..], "^[0-9A-Za-z]"));
    let length = length + class.unwrap_or(0);
    let after = &rest[length..];
    let fits = matches_regex!(before, r"(?:^|[\s(]|[^\x00-\x7Fé])$")
        && matches_regex!(after, r"^[,.;:!?)]?(?:$|\s|[^\x00-\x7Fé])");
    // As far as the second dollar sign on either side, and 40 bytes at most.
    let dollars = |text: &str| {
        text.match_indices('$')
            .map(|(at, _)| at)
            .collect::<Vec<_>>()
    };
    let left = dollars(before)
        .into_iter()
        .rev()
        .filter(|at| before.len() - at <= 40)
        .take(2);
    let right = dollars(after).into_iter().filter(|at| *at < 40).take(2);
    let (left, right): (Vec<_>, Vec<_>) = (left.collect(), right.collect());
    let from = left
        .get(1)
        .copied()
        .unwrap_or(before.len().saturating_sub(40));
    let to = right.get(1).copied().unwrap_or(after.len().min(40));
    let variable =
        |next: Option<&u8>| !next.is_some_and(|b| b.is_ascii_digit() || b.is_ascii_uppercase());
    let shouts = |bytes: &[u8]| matches_regex!(&String::from_utf8_lossy(bytes), "[A-Z]{6}");
    let code = left
        .iter()
        .any(|at| variable(before.as_bytes().get(at + 1)))
        || right
            .iter()
            .any(|at| variable(after.as_bytes().get(at + 1)))
        || shouts(&before.as_bytes()[from..])
        || shouts(&after.as_bytes()[..to])
        || matches_regex!(before, "  $")
        || matches_regex!(&rest[..length], r"^\$(?:USD|PATH)$");
    (fits && !code).then_some(length)
}
