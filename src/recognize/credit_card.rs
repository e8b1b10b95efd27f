//! CREDIT_CARD: the numbers of payment cards.
//!
//! Grammar (ISO/IEC 7812-1; the ranges that the schemes publish):
//! ```text
//! card  = 14*19DIGIT with a correct Luhn check digit; first digits and lengths are one scheme's:
//!         Visa 4 (16, 19) · Mastercard 51-55, 2221-2720 (16) · American Express 34, 37 (15)
//!         Discover 6011, 644-65 (16-19) · JCB 3528-3589 (16-19) · Diners Club 300-305, 3095, 36, 38, 39 (14-19)
//!         UnionPay 62, 8100-8171 (16-19) · Maestro 5018, 5020, 5038, 5893, 6304, 6759, 6761-6763 (16-19)
//! form  = one piece / groups of 4-4-4-4, 4-4-4-4-3, 4-6-5, 4-6-4 or 6-13; between them one space or one hyphen,
//!         everywhere the same
//! ```
//! Visa's numbers of 13 digits, which are no longer issued, and Maestro's of fewer than 16 are left out: too many other
//! numbers look like them. Borders: not cut out of a longer number or row of groups, of a decimal, an identifier or a
//! path; up to three digits may follow after a space (a security code, a month). Eighteen digits that are a Chinese
//! identity number (CN_ID) are that.
//!
//! The value is the digits.
//!
//! Cost: stops at runs of 14 to 19 digits, and of 4 or 6 before a space or hyphen; at most 30 bytes at each.

use std::borrow::Cow;
use std::ops::Range;

use super::{Anchor, DigitRuns, Found, Recognizer, border, checksum, cn_id, digits};

/// Recognizes the numbers of payment cards.
#[derive(Debug)]
pub(super) struct CreditCard;

const MIN_DIGITS: usize = 14;
const MAX_DIGITS: usize = 19;

/// How numbers are written in groups; longer ones first.
const GROUPINGS: [&[usize]; 5] = [
    &[4, 4, 4, 4, 3],
    &[4, 4, 4, 4],
    &[4, 6, 5],
    &[4, 6, 4],
    &[6, 13],
];

impl Recognizer for CreditCard {
    fn label(&self) -> &str {
        "CREDIT_CARD"
    }
    fn description(&self) -> &str {
        "card numbers with a valid check digit"
    }
    fn name(&self) -> &str {
        "credit_card"
    }
    fn definition(&self) -> Cow<'_, str> {
        Cow::Borrowed("1")
    }
    fn anchors(&self) -> Vec<Anchor> {
        vec![
            Anchor::Digits(DigitRuns::of_length(14..=19)),
            Anchor::Digits(DigitRuns::of_length(4..=4).followed_by(b" -")),
            Anchor::Digits(DigitRuns::of_length(6..=6).followed_by(b" -")),
        ]
    }
    fn verify(&self, text: &str, at: usize, found: &mut Found<'_>) -> usize {
        let bytes = text.as_bytes();
        if !matches!(bytes[at], b'2'..=b'6' | b'8') {
            return at + 1;
        }
        let mut resume = at + 1;
        for end in ends(bytes, at) {
            let span = at..end;
            let digits = || {
                let bytes = bytes[span.clone()].iter().copied();
                bytes.filter(u8::is_ascii_digit)
            };
            if !is_issued(digits()) {
                continue;
            }
            let reason = if !stands_alone(text, &span) {
                // What begins further inside has a group before it.
                resume = resume.max(end);
                "it is part of something longer"
            } else if !checksum::luhn(digits()) {
                "the checksum is wrong"
            } else if span.len() == cn_id::LENGTH && cn_id::is_id(&bytes[span.clone()]) {
                "it is an identity number"
            } else {
                found.push(span);
                return end;
            };
            found.refuse(span, reason);
        }
        resume
    }
    fn value<'a>(&self, entity: &'a str) -> Cow<'a, str> {
        if entity.bytes().all(|b| b.is_ascii_digit()) {
            return Cow::Borrowed(entity);
        }
        Cow::Owned(entity.chars().filter(char::is_ascii_digit).collect())
    }
}

/// Where a number that begins at `at` can end.
fn ends(bytes: &[u8], at: usize) -> impl Iterator<Item = usize> {
    let run = digits::run(bytes, at, MAX_DIGITS + 1);
    let one_piece = (run >= MIN_DIGITS).then_some(at + run);
    let groups = GROUPINGS.iter().filter(move |grouping| grouping[0] == run);
    one_piece
        .into_iter()
        .chain(groups.filter_map(move |grouping| groups_end(bytes, at, grouping)))
}

fn groups_end(bytes: &[u8], at: usize, grouping: &[usize]) -> Option<usize> {
    let separator = bytes.get(at + grouping[0])?;
    let mut end = at + grouping[0];
    for group in &grouping[1..] {
        let fits =
            bytes.get(end) == Some(separator) && digits::run(bytes, end + 1, group + 1) == *group;
        fits.then_some(())?;
        end += 1 + group;
    }
    Some(end)
}

/// Whether a scheme issues numbers that begin like this and are as long.
fn is_issued(digits: impl Iterator<Item = u8> + Clone) -> bool {
    let length = digits.clone().count();
    let first = digits.take(6).map(|digit| u32::from(digit - b'0'));
    match first.fold(0, |number, digit| number * 10 + digit) {
        400_000..=499_999 => matches!(length, 16 | 19),
        510_000..=559_999 | 222_100..=272_099 => length == 16,
        340_000..=349_999 | 370_000..=379_999 => length == 15,
        300_000..=305_999 | 309_500..=309_599 | 360_000..=369_999 | 380_000..=399_999 => true,
        601_100..=601_199
        | 644_000..=659_999
        | 352_800..=358_999
        | 620_000..=629_999
        | 810_000..=817_199 => length >= 16,
        // Maestro.
        501_800..=501_899
        | 502_000..=502_099
        | 503_800..=503_899
        | 589_300..=589_399
        | 630_400..=630_499
        | 675_900..=675_999
        | 676_100..=676_399 => length >= 16,
        _ => false,
    }
}

/// Whether no more digits, groups or names belong to what stands at `span`.
fn stands_alone(text: &str, span: &Range<usize>) -> bool {
    let bytes = text.as_bytes();
    // Four digits, or the head of an IBAN.
    let group_before = matches!(bytes[..span.start], [.., a, b, c, b'0'..=b'9', b' ']
        if [a, b, c].iter().all(u8::is_ascii_alphanumeric));
    let group_after =
        bytes.get(span.end) == Some(&b' ') && digits::run(bytes, span.end + 1, 4) == 4;
    let in_path = bytes[..span.start].strip_suffix(b"/").is_some_and(|rest| {
        rest.ends_with(b"/") || rest.last().is_some_and(u8::is_ascii_alphanumeric)
    });
    let grouped = !bytes[span.clone()].iter().all(u8::is_ascii_digit);
    border::stands_alone(text, span) && !in_path && !(grouped && (group_before || group_after))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{assert_linear, assert_table, find};
    use super::*;

    #[test]
    fn table() {
        let visa = "4111111111111111";
        assert_table(
            &CreditCard,
            &[
                (visa, &[visa]),
                (&format!("{visa}\u{301}"), &[]),
                (
                    "卡号：4111 1111 1111 1111。",
                    &["4111 1111 1111 1111 → 4111111111111111"],
                ),
                (
                    "尾号4111-1111-1111-1111的卡",
                    &["4111-1111-1111-1111 → 4111111111111111"],
                ),
                (
                    "４１１１１１１１１１１１１１１１",
                    &["４１１１１１１１１１１１１１１１ → 4111111111111111"],
                ),
                (
                    "3782 822463 10005",
                    &["3782 822463 10005 → 378282246310005"],
                ),
                ("3056 930902 5904", &["3056 930902 5904 → 30569309025904"]),
                (
                    "6222 0202 0011 2233 446",
                    &["6222 0202 0011 2233 446 → 6222020200112233446"],
                ),
                (
                    "622202 0200112233446",
                    &["622202 0200112233446 → 6222020200112233446"],
                ),
                // A security code or a month after it.
                (
                    "4111 1111 1111 1111 123, 4111 1111 1111 1111 12/27",
                    &["4111 1111 1111 1111 → 4111111111111111"; 2],
                ),
                (
                    "card=4111111111111111&cvv=123 4111111111111111/12",
                    &[visa, visa],
                ),
                (
                    "4111111111111111,5555555555554444;378282246310005",
                    &[visa, "5555555555554444", "378282246310005"],
                ),
                (
                    "4111111111111111 5555555555554444",
                    &[visa, "5555555555554444"],
                ),
                ("DE47 2467 7091 9457 3166 12", &[]),
                ("620105199003070009 360105199003070101", &[]),
                // No number: checksum, scheme, length; or only a part of something longer.
                ("", &[]),
                ("4111111111111112 4111 1111 1111 1112", &[]),
                ("1234567812345670 9999999999999995 0000000000000000", &[]),
                ("411111111111116 41111111111111111 4222222222222", &[]),
                (
                    "4111 1111-1111 1111 4111  1111 1111 1111 41 1111 1111 1111 11",
                    &[],
                ),
                ("4111 1111 1111 1111 1111 1234 4111 1111 1111 1111", &[]),
                ("4111-1111-1111-1111-1 1-4111-1111-1111-1111", &[]),
                (
                    "3.4111111111111111 4111111111111111.5 x4111111111111111 4111111111111111_",
                    &[],
                ),
                (
                    "/item/4111111111111111 4111111111111111@example.com é4111111111111111",
                    &[],
                ),
            ],
        );
    }

    #[test]
    fn schemes_and_lengths() {
        for (number, count) in [
            ("5555555555554444", 1),
            ("2223003122003222", 1),
            ("2221000000000009", 1),
            ("2720999999999996", 1),
            ("2721000000000004", 0),
            ("378282246310005", 1),
            ("6011000990139424", 1),
            ("3530111333300000", 1),
            ("30569309025904", 1),
            ("6222020200112230", 1),
            ("622202020011223349", 1),
            ("6763000000000012", 1),
            ("2014000000000000", 0),
        ] {
            assert_eq!(find(&CreditCard, number).len(), count, "{number}");
        }
    }

    #[test]
    fn hostile_texts_are_linear() {
        assert_linear(
            &CreditCard,
            &[
                "4",
                "4111 ",
                "4111-",
                "4111 1111 1111 1111",
                "4111111111111111",
                "4111111111111111 ",
                "622202 ",
                "6222020200112233446 ",
            ],
        );
    }
}
