//! The labels of identifiers against naive oracles: their documented grammars as regular expressions tried at every
//! character, addresses read by `std::net`, days by `chrono`, check digits computed as the standards' tables have them.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[macro_use]
#[path = "oracle/naive.rs"]
mod naive;

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

use chrono::NaiveDate;
use naive::{WORD, all, begins, digits_of, ends, found, half_width, regex, text_of};
use proptest::prelude::*;
use proptest::sample::select;
use regex::Regex;

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
}

#[rustfmt::skip]
const IP: &[&str] = &[
    "10.0.0.1", "192.168.1.20", "0.9.4.1", "0.0.0.0", "1.2.3", "256", "255", "01", "7", ".", ".", "-", "::", ":", ":",
    "a", "fe80", "2001:db8", "1a2b", "::1", "::ffff:", "00:1a:2b", "[", "]", "/", "/0", " ", "%eth0", "std", "v",
    "version ", "版本", "Mutt/", "addr:", "IPv6:", "中", "，", "é", "_", "g", "１", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:",
    "kernel ", "内核", "pkg==", "src_ip==", "==", "Section ", "§", "第", " 节",
];

#[rustfmt::skip]
const MAC: &[&str] = &[
    "00:1a:2b:3c:4d:5e", "00-1A-2B-3C-4D-5E", "001a.2b3c.4d5e", "00:1a:2b:", "3c:4d", "11-22-33-", "44-55-66",
    "1234.5678.", "9012", "abcd", "ff", "1a", "a", "0", ":", ":", "-", "-", ".", "MAC", "x", "é", "_", " ", "中", "，",
    "１Ａ",
];

#[rustfmt::skip]
const UUID: &[&str] = &[
    "f81d4fae-7dec-11d0-a765-00a0c91e6bf6", "f81d4fae", "7dec", "11d0", "a765", "00a0c91e6bf6", "-", "-", "-", "-",
    "{", "}", "0", "g", "x", "é", "_", "%7B", "%", " ", "中", "ｆ",
];

#[rustfmt::skip]
const CVE: &[&str] = &[
    "CVE-2014-0160", "cve-", "CVE-", "ＣＶＥ－", "CVE", "2014-", "1998-", "1999-", "0160", "123", "1234567890", "-", "1",
    "2", "E", "_", "é", "x", " ", "中", "，",
];

#[rustfmt::skip]
const CARD: &[&str] = &[
    "4111111111111111", "4111 1111 1111 1111", "4111-1111-1111-1111", "6222 0202 0011 2233 446",
    "622202 0200112233446", "DE47 ", "3782 822463 10005", "3056 930902 5904", "378282246310005", "4111111111111112",
    " 123", "4111", "1111", "1234", "12", "1", " ", " ", "-", "-", ".", "/", "x", "é", "_", "@", "中", "，", "１",
];

#[rustfmt::skip]
const IBAN: &[&str] = &[
    "DE89370400440532013000", "GB29 NWBK 6016 1331 9268 19", "gb29nwbk60161331926819", "NO9386011117947",
    "NO93 8601 1117 947", "DE88370400440532013000", "DE", "GB", "NO", "93", "89", "3704", "8601", "1117", "947",
    "NWBK", " ", " ", "1", "a", "X", "-", ".", "@", "é", "_", "中", "，", "１",
];

#[rustfmt::skip]
const CN_ID: &[&str] = &[
    "11010519491231002X", "440524188001010014", "11010519491231002x", "440524188001010015", "4405241880", "01010014",
    "1", "X", "x", "-", ".", "@", "é", "_", " ", "中", "，", "１",
];

#[rustfmt::skip]
const CN_USCC: &[&str] = &[
    "91350100M000100Y43", "91350100m000100y43", "91350100M000100Y44", "N2330106MA2CFG7K14", "A1110000600037341K",
    "121100001234560406", "111130195003070278", "91350100", "M000100Y43", "1", "N", "I", "-", ".", "@", "é", "_", " ",
    "中", "，", "１",
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
    static PINNED: LazyLock<Regex> = LazyLock::new(|| regex("([0-9A-Za-z_.-]+)==$"));
    let pinned = PINNED.captures(before).is_some_and(|c| {
        !matches_regex!(
            &c[1],
            r"\.|(?:^|[-_])(?:addr|address|client|dst|host|ip|peer|server|src)(?:[-_]|$)"
        )
    });
    let version =
        version || pinned || matches_regex!(before, r"(?:内核|(?i:(?:^|[^0-9A-Za-z_é])kernel)) ?$");
    let section = matches_regex!(
        before,
        r"(?:[§第]|(?i:(?:^|[^0-9A-Za-z_é])(?:section|sec\.|chapter|clause|paragraph))) ?$"
    ) || matches_regex!(after, "^ ?[节章]");
    (!spoilt && !version && !section).then_some(at + length)
}

fn version_6(text: &str, at: usize) -> Option<usize> {
    let (before, rest) = text.split_at(at);
    // After a colon only if that ends a word which is no group.
    let opens = !matches_regex!(before, "[0-9A-Za-z_é:]$")
        || matches_regex!(before, "(?:^|[^0-9A-Za-z_é:]|[g-zG-Z_é][0-9A-Za-z_é]*):$");
    // netstat's `:::8080`.
    let port = rest.starts_with("::") && before.ends_with(':') && !matches_regex!(before, r"\w:$");
    let opens = opens && !port;
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
