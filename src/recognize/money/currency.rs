//! Which currency a sign, a code or a word names (ISO 4217).
//!
//! The mainland's usage decides where several countries share a name: `¥` and `元` are CNY, `$` is USD.

use super::super::border;
use super::amount::{is_numeral, unit};

/// A currency that is named beside an amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Named {
    /// The code of ISO 4217.
    pub(super) code: &'static str,
    /// Where the name begins, before an amount, or ends, after one.
    pub(super) edge: usize,
    /// Whether a more exact name on the other side decides: `$` before `CAD`, `元` after `港币`.
    pub(super) vague: bool,
}

/// The code of a sign after these letters, which name its country.
fn sign(letters: &str, sign: char) -> Option<&'static str> {
    Some(match (letters, sign) {
        ("" | "US" | "U.S." | "USD", '$') => "USD",
        ("HK", '$') => "HKD",
        ("NT", '$') => "TWD",
        ("A" | "AU", '$') => "AUD",
        ("C" | "CA", '$') => "CAD",
        ("NZ", '$') => "NZD",
        ("S", '$') => "SGD",
        ("R", '$') => "BRL",
        ("MX", '$') => "MXN",
        ("", '¥' | '￥') => "CNY",
        ("CN", '¥' | '￥') => "CNY",
        ("JP", '¥') => "JPY",
        ("", '€') => "EUR",
        ("", '£') => "GBP",
        ("", '₩') => "KRW",
        ("", '₹') => "INR",
        ("", '₽') => "RUB",
        _ => return None,
    })
}

/// Codes that occur in text; those that are words of their own (`TRY`, `ALL`, `PHP`) are left out.
const CODES: [(&str, &str); 24] = [
    ("USD", "USD"),
    ("CNY", "CNY"),
    ("RMB", "CNY"),
    ("EUR", "EUR"),
    ("GBP", "GBP"),
    ("JPY", "JPY"),
    ("HKD", "HKD"),
    ("TWD", "TWD"),
    ("MOP", "MOP"),
    ("KRW", "KRW"),
    ("INR", "INR"),
    ("AUD", "AUD"),
    ("CAD", "CAD"),
    ("NZD", "NZD"),
    ("SGD", "SGD"),
    ("CHF", "CHF"),
    ("RUB", "RUB"),
    ("SEK", "SEK"),
    ("NOK", "NOK"),
    ("DKK", "DKK"),
    ("THB", "THB"),
    ("BRL", "BRL"),
    ("MXN", "MXN"),
    ("ZAR", "ZAR"),
];

/// Whose dollars.
const DOLLARS: [(&str, &str); 9] = [
    ("us", "USD"),
    ("u.s.", "USD"),
    ("american", "USD"),
    ("hong kong", "HKD"),
    ("canadian", "CAD"),
    ("australian", "AUD"),
    ("singapore", "SGD"),
    ("new zealand", "NZD"),
    ("new taiwan", "TWD"),
];

/// Chinese names by their last character: what stands before it, longer parts before what they end with, and the code.
fn chinese(last: char) -> &'static [(&'static str, &'static str)] {
    match last {
        '元' => &[
            ("美", "USD"),
            ("港", "HKD"),
            ("日", "JPY"),
            ("欧", "EUR"),
            ("歐", "EUR"),
            ("韩", "KRW"),
            ("加", "CAD"),
            ("澳", "AUD"),
            ("新", "SGD"),
            ("新加坡", "SGD"),
            ("台", "TWD"),
            ("", "CNY"),
        ],
        '圆' | '圓' => &[
            ("美", "USD"),
            ("港", "HKD"),
            ("日", "JPY"),
            ("韩", "KRW"),
            ("", "CNY"),
        ],
        '円' => &[("", "JPY")],
        '币' | '幣' => &[
            ("人民", "CNY"),
            ("港", "HKD"),
            ("新台", "TWD"),
            ("新臺", "TWD"),
            ("台", "TWD"),
            ("澳门", "MOP"),
            ("澳", "AUD"),
            ("日", "JPY"),
            ("韩", "KRW"),
            ("加", "CAD"),
        ],
        '金' => &[("美", "USD")],
        '镑' | '鎊' => &[("英", "GBP")],
        '钱' => &[("块", "CNY")],
        '铢' => &[("泰", "THB")],
        '布' => &[("卢", "RUB")],
        '比' => &[("卢", "INR"), ("印度卢", "INR")],
        '郎' => &[("瑞士法", "CHF")],
        _ => &[],
    }
}

/// The Chinese name that ends before `end`, and where it begins.
fn chinese_before(text: &str, end: usize) -> Option<(&'static str, usize)> {
    let last = border::before(text, end)?;
    let rest = &text[..end - last.len_utf8()];
    let (part, code) = chinese(last)
        .iter()
        .find(|(part, _)| rest.ends_with(part))?;
    Some((code, rest.len() - part.len()))
}

/// What a currency's name can end with before an amount.
pub(super) const LAST_BYTES: &[u8] = b"$DYBRPWFKLNS\xA5\xAC\xA9\xB9\xBD\xA3\x81\x91";

/// The currency named directly before `at`, or before a space there.
pub(super) fn before(text: &str, at: usize) -> Option<Named> {
    let end = at - usize::from(text[..at].ends_with(' '));
    let named = &text[..end];
    let last = named.chars().next_back()?;
    let whole = |edge: usize| !border::joins(border::before(text, edge));
    if named.ends_with("$US") {
        let edge = end - "$US".len();
        return whole(edge).then_some(Named {
            code: "USD",
            edge,
            vague: false,
        });
    }
    if last.is_ascii_uppercase() {
        let code = named.as_bytes().last_chunk::<3>()?;
        let (_, code) = CODES.iter().find(|(name, _)| name.as_bytes() == code)?;
        let edge = end - 3;
        return whole(edge).then_some(Named {
            code,
            edge,
            vague: false,
        });
    }
    if last.is_ascii() && last != '$' {
        return None;
    }
    if matches!(last, '$' | '¥' | '￥' | '€' | '£' | '₩' | '₹' | '₽') {
        let sign_start = end - last.len_utf8();
        let letters = named.as_bytes()[..sign_start]
            .iter()
            .rev()
            .take(4)
            .take_while(|b| b.is_ascii_uppercase() || **b == b'.')
            .count();
        // What is no country's name is no part of it: `...$5`.
        let edge = sign_start - letters;
        let (edge, code) = match sign(&text[edge..sign_start], last) {
            Some(code) => (edge, code),
            None => (sign_start, sign("", last)?),
        };
        return whole(edge).then_some(Named {
            code,
            edge,
            vague: edge == sign_start && matches!(last, '$' | '¥' | '￥'),
        });
    }
    // `元` before an amount is the end of another one.
    let (code, edge) = match last {
        '币' | '幣' | '金' | '镑' => chinese_before(named, end)?,
        _ => return None,
    };
    Some(Named {
        code,
        edge,
        vague: false,
    })
}

/// Whether the bytes before `at` can be the end of a currency's name: most digits are refused here.
pub(super) fn may_be_before(bytes: &[u8], at: usize) -> bool {
    let named = &bytes[..at];
    match named.strip_suffix(b" ").unwrap_or(named) {
        [.., b'$'] | [.., b'$', b'U', b'S'] => true,
        [.., first, second, third] if third.is_ascii() => [first, second, third]
            .iter()
            .all(|b| b.is_ascii_uppercase()),
        rest => last_char(rest).is_some_and(|c| is_numeral(c) || "¥￥€£₩₹₽币幣金镑".contains(c)),
    }
}

/// The character that ends a text, if it is none of ASCII's.
fn last_char(bytes: &[u8]) -> Option<char> {
    let start = bytes.len()
        - bytes
            .iter()
            .rev()
            .take_while(|b| **b & 0xC0 == 0x80)
            .count();
    let last = bytes.get(start.checked_sub(1)?..)?;
    std::str::from_utf8(last).ok()?.chars().next()
}

/// The characters that a Chinese name begins with.
const BEGINNINGS: &str = "元圆圓円美港日欧歐韩加澳新台人英块泰卢印瑞";

/// Whether what stands after `at` can be the beginning of a currency's name, of a magnitude, or of more figures.
pub(super) fn may_be_after(text: &str, at: usize) -> bool {
    let rest = &text.as_bytes()[at..];
    let (apart, rest) = match rest {
        [b' ' | b'-' | b'\n', rest @ ..] | [b'\r', b'\n', rest @ ..] => (true, rest),
        _ => (false, rest),
    };
    match rest {
        [first, ..] if !first.is_ascii() => {
            let c = text[text.len() - rest.len()..].chars().next();
            c.is_some_and(|c| {
                unit(c).is_some()
                    || BEGINNINGS.contains(c)
                    || matches!(
                        c,
                        '余' | '餘' | '多' | '€' | '’' | '\u{A0}' | '\u{202F}' | '\u{2009}'
                    )
            })
        }
        [first, second, ..] if apart => {
            let code = first.is_ascii_uppercase() && second.is_ascii_uppercase();
            code || matches!(
                &[first.to_ascii_lowercase(), second.to_ascii_lowercase()],
                b"th"
                    | b"mi"
                    | b"bi"
                    | b"tr"
                    | b"mn"
                    | b"ml"
                    | b"mr"
                    | b"bn"
                    | b"bl"
                    | b"tn"
                    | b"la"
                    | b"cr"
                    | b"do"
                    | b"eu"
                    | b"yu"
                    | b"ye"
                    | b"re"
                    | b"ru"
                    | b"ro"
                    | b"po"
                    | b"br"
                    | b"sw"
                    | b"ko"
                    | b"us"
                    | b"u."
                    | b"am"
                    | b"ho"
                    | b"ca"
                    | b"au"
                    | b"si"
                    | b"ne"
            )
        }
        [
            b'k' | b'K' | b'm' | b'M' | b'b' | b'B' | b't' | b'T',
            second,
            ..,
        ] if !second.is_ascii_digit() => true,
        [first, second, third, ..] => [first, second, third]
            .iter()
            .all(|b| b.is_ascii_uppercase()),
        _ => false,
    }
}

/// The currency named directly after `at`, or after a space or hyphen there.
pub(super) fn after(text: &str, at: usize) -> Option<Named> {
    let bytes = text.as_bytes();
    let apart = bytes.get(at).filter(|b| matches!(b, b' ' | b'-'));
    let start = at + usize::from(apart.is_some());
    let first = *bytes.get(start)?;
    if first >= 0x80 {
        (apart != Some(&b'-')).then_some(())?;
        return han_after(text, start).or_else(|| {
            text[start..].starts_with('€').then_some(Named {
                code: "EUR",
                edge: start + '€'.len_utf8(),
                vague: false,
            })
        });
    }
    if !first.is_ascii_alphabetic() {
        return None;
    }
    let (length, code, vague) = match &text[start..] {
        rest if first.is_ascii_uppercase() && is_code(rest) => {
            let (name, code) = CODES.iter().find(|(name, _)| rest.starts_with(name))?;
            (name.len(), *code, false)
        }
        rest => english(rest)?,
    };
    let edge = start + length;
    (!border::joins(border::after(text, edge))).then_some(Named { code, edge, vague })
}

/// Whether three capitals stand at the beginning.
fn is_code(text: &str) -> bool {
    let letters = text.as_bytes().first_chunk::<3>();
    letters.is_some_and(|letters| letters.iter().all(u8::is_ascii_uppercase))
}

/// The English name at the beginning of `text`: its length, its code, and whether it is `dollars` alone. Pounds alone
/// are a weight as well, and cents are of many currencies.
fn english(text: &str) -> Option<(usize, &'static str, bool)> {
    let mut word = [0; 8];
    let mut length = 0;
    for (to, from) in word.iter_mut().zip(text.bytes()) {
        if !from.is_ascii_alphabetic() {
            break;
        }
        *to = from.to_ascii_lowercase();
        length += 1;
    }
    let followed = |next: &str, code| {
        let rest = text.as_bytes().get(length..length + next.len())?;
        rest.eq_ignore_ascii_case(next.as_bytes())
            .then_some((length + next.len(), code, false))
    };
    match &word[..length] {
        b"dollar" | b"dollars" => Some((length, "USD", true)),
        b"euro" | b"euros" => Some((length, "EUR", false)),
        b"yuan" | b"renminbi" => Some((length, "CNY", false)),
        b"yen" => Some((length, "JPY", false)),
        b"rupees" => Some((length, "INR", false)),
        b"roubles" | b"rubles" => Some((length, "RUB", false)),
        b"pounds" => followed(" sterling", "GBP"),
        b"british" => followed(" pounds", "GBP"),
        b"swiss" => followed(" francs", "CHF"),
        b"korean" => followed(" won", "KRW"),
        b"us" | b"u" | b"american" | b"hong" | b"canadian" | b"australi" | b"singapor" | b"new" => {
            DOLLARS.iter().find_map(|(whose, code)| {
                let rest = text.as_bytes().get(whose.len()..)?;
                let theirs = text.as_bytes()[..whose.len()].eq_ignore_ascii_case(whose.as_bytes());
                let dollars = [" dollars", " dollar"].iter().find(|name| {
                    rest.get(..name.len())
                        .is_some_and(|word| word.eq_ignore_ascii_case(name.as_bytes()))
                })?;
                theirs.then_some((whose.len() + dollars.len(), *code, false))
            })
        }
        _ => None,
    }
}

/// The Chinese name that begins at `start`: four characters or fewer.
pub(super) fn han_after(text: &str, start: usize) -> Option<Named> {
    let mut last_start = start;
    for last in text[start..].chars().take(4) {
        let edge = last_start + last.len_utf8();
        let part = &text[start..last_start];
        if let Some((_, code)) = chinese(last).iter().find(|(name, _)| *name == part) {
            return Some(Named {
                code,
                edge,
                vague: part.is_empty() && last != '円',
            });
        }
        last_start = edge;
    }
    None
}

/// Where the Chinese name begins whose last character stands at `at`; the last but one, if that is `块`.
pub(super) fn han_name_start(text: &str, at: usize) -> Option<usize> {
    if text[at..].starts_with("块钱") {
        return Some(at);
    }
    // Most of these characters are parts of words.
    let begins_name = |c| "美港日欧歐韩加澳新台人英".contains(c);
    let before = border::before(text, at)?;
    let counted = before.is_ascii() || is_numeral(before) || matches!(before, '余' | '餘' | '多');
    (counted || begins_name(before)).then_some(())?;
    let end = at + border::after(text, at)?.len_utf8();
    chinese_before(text, end).map(|(_, start)| start)
}

/// The currency where one is named on both sides: `$100 CAD`, `¥100元`, `港币100元`. None where the second belongs to
/// something else, as in `USD 100 USD 200`.
pub(super) fn one_of(first: Named, second: Named) -> Option<Named> {
    if second.vague {
        return Some(first);
    }
    let family = match first.code {
        "USD" => ["USD", "CAD", "AUD", "HKD", "SGD", "NZD", "TWD"].contains(&second.code),
        "CNY" => ["CNY", "JPY"].contains(&second.code),
        _ => false,
    };
    (first.vague && family).then_some(second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_chinese_names_begin_as_is_asked_first() {
        for last in "元圆圓円币幣金镑鎊钱铢布比郎".chars() {
            assert!(!chinese(last).is_empty(), "{last}");
            for (part, _) in chinese(last) {
                let name = format!("{part}{last}");
                assert!(name.starts_with(|c| BEGINNINGS.contains(c)), "{name}");
                assert!(may_be_after(&format!("1{name}"), 1), "{name}");
            }
        }
    }
}
