//! CN_USCC: China's unified social credit codes (统一社会信用代码) of companies and other organisations.
//!
//! Grammar (GB 32100-2015):
//! ```text
//! uscc   = department kind division body check      18 characters, letters in either case
//! department = "1"-"9" / "A" / "N" / "Y"            the registering authority
//! kind   = "1"-"9"
//! division = province city county                   two digits each, GB/T 2260; "1000" where a ministry registers
//! body   = 9 of the standard's 31 characters        digits and letters but for I, O, S, V, Z
//! check  = modulus 31
//! ```
//! Borders: not cut out of a longer number, word, or code with hyphens or dots. Of eighteen digits, which may be any
//! number, the body must be an organisation's code by GB 11714-1997, whose own check digit is the body's last; and an
//! identity number (CN_ID) is that.
//!
//! The value is in upper case.
//!
//! Cost: stops at runs of 18 digits, and of 8 or more before a letter or 7 or more after one; at most 20 bytes at each.

use std::borrow::Cow;

use super::{Anchor, ByteSet, DigitRuns, Found, Recognizer, border, checksum, cn_id};

/// Recognizes unified social credit codes.
#[derive(Debug)]
pub(super) struct CnUscc;

const LENGTH: usize = 18;

impl Recognizer for CnUscc {
    fn label(&self) -> &str {
        "CN_USCC"
    }
    fn description(&self) -> &str {
        "Chinese credit codes of organisations with a valid check character"
    }
    fn name(&self) -> &str {
        "cn_uscc"
    }
    fn definition(&self) -> Cow<'_, str> {
        Cow::Borrowed("1")
    }
    fn anchors(&self) -> Vec<Anchor> {
        const LETTERS: ByteSet = ByteSet::of(b"ABCDEFGHJKLMNPQRTUWXYabcdefghjklmnpqrtuwxy");
        let department = ByteSet::of(b"ANYany");
        vec![
            Anchor::Digits(DigitRuns::of_length(LENGTH..=LENGTH)),
            Anchor::Digits(DigitRuns::of_length(8..=17).followed_by(LETTERS)),
            Anchor::Digits(DigitRuns::of_length(7..=17).preceded_by(department)),
        ]
    }
    fn verify(&self, text: &str, at: usize, found: &mut Found<'_>) -> usize {
        let bytes = text.as_bytes();
        let after_letter = at > 0 && bytes[at - 1].is_ascii_alphabetic();
        let start = at - usize::from(after_letter);
        let span = start..start + LENGTH;
        let Some(code) = bytes.get(span.clone()) else {
            return at + 1;
        };
        if !begins_well(code) || !code[8..].iter().all(u8::is_ascii_alphanumeric) {
            return at + 1;
        }
        let digits = code.iter().all(u8::is_ascii_digit);
        let verdict = if !checksum::mod_31(code) {
            Err("the checksum is wrong")
        } else if !border::stands_alone(text, &span) {
            Err("it is part of something longer")
        } else if digits && cn_id::is_id(code) {
            Err("it is an identity number")
        } else if digits && !is_organisation(&code[8..17]) {
            Err("the checksum of the organisation's code is wrong")
        } else {
            Ok(())
        };
        found.decide(span, verdict, at + 1)
    }
    fn value<'a>(&self, entity: &'a str) -> Cow<'a, str> {
        if entity.bytes().any(|b| b.is_ascii_lowercase()) {
            Cow::Owned(entity.to_ascii_uppercase())
        } else {
            Cow::Borrowed(entity)
        }
    }
}

/// Whether department, kind and division are such.
fn begins_well(code: &[u8]) -> bool {
    matches!(
        code[0].to_ascii_uppercase(),
        b'1'..=b'9' | b'A' | b'N' | b'Y'
    ) && matches!(code[1], b'1'..=b'9')
        && (cn_id::is_division(&code[2..6]) || &code[2..6] == b"1000")
        && code[6..8].iter().all(u8::is_ascii_digit)
}

/// Whether nine digits are an organisation's code of GB 11714-1997: eight, weighted, and a check digit of modulus 11.
fn is_organisation(code: &[u8]) -> bool {
    const WEIGHTS: [u32; 9] = [3, 7, 9, 10, 5, 8, 4, 2, 1];
    let digits = code.iter().map(|digit| u32::from(digit - b'0'));
    digits
        .zip(WEIGHTS)
        .map(|(digit, weight)| digit * weight)
        .sum::<u32>()
        .is_multiple_of(11)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{assert_linear, assert_table};
    use super::*;

    #[test]
    fn table() {
        let code = "91350100M000100Y43";
        assert_table(
            &CnUscc,
            &[
                (code, &[code]),
                (
                    "统一社会信用代码：91350100m000100y43。",
                    &["91350100m000100y43 → 91350100M000100Y43"],
                ),
                ("某公司91350100M000100Y43成立", &[code]),
                (
                    "９１３５０１００Ｍ０００１００Ｙ４３",
                    &["９１３５０１００Ｍ０００１００Ｙ４３ → 91350100M000100Y43"],
                ),
                // A farmers' cooperative, a body of the army, a ministry's registration, digits alone.
                (
                    "N2330106MA2CFG7K14 A1110000600037341K",
                    &["N2330106MA2CFG7K14", "A1110000600037341K"],
                ),
                (
                    "91100000710932515M,121100001234560406",
                    &["91100000710932515M", "121100001234560406"],
                ),
                // No code: checksum, department, kind, division, letters; or only a part of something longer.
                ("", &[]),
                ("91350100M000100Y44 91350100M000100Y4", &[]),
                (
                    "B1350100M000100Y43 90350100M000100Y43 91990100M000100Y43",
                    &[],
                ),
                (
                    "91350100I000100Y43 91350100M00010OY43 91350100-000100Y43",
                    &[],
                ),
                (
                    "91350100M000100Y433 191350100M000100Y43 X91350100M000100Y43",
                    &[],
                ),
                (
                    "a-91350100M000100Y43 91350100M000100Y43@example.com é91350100M000100Y43",
                    &[],
                ),
                // An identity number whose last digit fits both standards.
                ("111130195003070278", &[]),
            ],
        );
        assert!(checksum::mod_31(b"111130195003070278") && cn_id::is_id(b"111130195003070278"));
    }

    #[test]
    fn hostile_texts_are_linear() {
        assert_linear(
            &CnUscc,
            &[
                "1",
                "91350100M",
                "9135010",
                "N2330106",
                "91350100M000100Y43",
                "91350100M000100Y43 ",
                "913501000001000004 ",
            ],
        );
    }
}
