//! CVE: identifiers of published vulnerabilities.
//!
//! Grammar (the CVE Record Format 5, `cveId`):
//! ```text
//! cve   = "CVE-" year "-" 4*19DIGIT        in any case; the year has four digits and is 1999 or later
//! ```
//! Borders: not cut out of a longer word or number; `_` may stand beside it (`poc_cve-2014-0160.py`). Candidates of the
//! old kind (`CAN-2002-0001`) are left out.
//!
//! The value is in upper case.
//!
//! Cost: stops at a hyphen between `E` and `1` or `2`; at most 30 bytes at each.

use std::borrow::Cow;

use super::{Anchor, Bytes, Found, Recognizer, border, digits};

/// Recognizes identifiers of vulnerabilities.
#[derive(Debug)]
pub(super) struct Cve;

const MAX_NUMBER: usize = 19;

impl Recognizer for Cve {
    fn label(&self) -> &str {
        "CVE"
    }
    fn description(&self) -> &str {
        "CVE numbers of vulnerabilities"
    }
    fn name(&self) -> &str {
        "cve"
    }
    fn definition(&self) -> Cow<'_, str> {
        Cow::Borrowed("1")
    }
    fn anchors(&self) -> Vec<Anchor> {
        let hyphen = Bytes::of(b"-").preceded_by(b"eE").followed_by(b"12");
        vec![Anchor::Bytes(hyphen)]
    }
    fn verify(&self, text: &str, at: usize, found: &mut Found<'_>) -> usize {
        let bytes = text.as_bytes();
        let (year, number) = (at + 1, at + 6);
        let Some(start) = at.checked_sub(3) else {
            return year;
        };
        if !bytes[start..at].eq_ignore_ascii_case(b"CVE") || bytes.get(at + 5) != Some(&b'-') {
            return year;
        }
        let length = digits::run(bytes, number, MAX_NUMBER + 1);
        let end = number + length;
        let joins = |c: Option<char>| c != Some('_') && border::joins(c);
        if digits::run(bytes, year, 4) < 4 || joins(border::before(text, start)) {
            return year;
        }
        let verdict = if bytes[year..year + 4] < b"1999"[..] {
            Err("the first year is 1999")
        } else if !(4..=MAX_NUMBER).contains(&length) {
            Err("its number has 4 to 19 digits")
        } else if joins(border::after(text, end)) {
            Err("it is part of something longer")
        } else {
            Ok(())
        };
        found.decide(start..end, verdict, year)
    }
    fn value<'a>(&self, entity: &'a str) -> Cow<'a, str> {
        if entity.bytes().any(|b| b.is_ascii_lowercase()) {
            Cow::Owned(entity.to_ascii_uppercase())
        } else {
            Cow::Borrowed(entity)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{assert_linear, assert_table};
    use super::*;

    #[test]
    fn table() {
        assert_table(
            &Cve,
            &[
                ("CVE-2014-0160", &["CVE-2014-0160"]),
                (
                    "cve-2014-0160 Cve-2014-0160",
                    &[
                        "cve-2014-0160 → CVE-2014-0160",
                        "Cve-2014-0160 → CVE-2014-0160",
                    ],
                ),
                ("漏洞CVE-2014-0160的补丁", &["CVE-2014-0160"]),
                (
                    "ＣＶＥ－２０１４－０１６０",
                    &["ＣＶＥ－２０１４－０１６０ → CVE-2014-0160"],
                ),
                (
                    "(CVE-2021-44228, CVE-1999-0001)",
                    &["CVE-2021-44228", "CVE-1999-0001"],
                ),
                (
                    "CVE-2021-44228/CVE-2021-45046",
                    &["CVE-2021-44228", "CVE-2021-45046"],
                ),
                (
                    "poc_CVE-2014-0160.py exp-CVE-2014-0160-1",
                    &["CVE-2014-0160", "CVE-2014-0160"],
                ),
                (
                    "CVE-2026-1234567890123456789",
                    &["CVE-2026-1234567890123456789"],
                ),
                // No identifier.
                ("", &[]),
                (
                    "-1 E-1 CVE-1 CVE-2014 CVE-2014- CVE-2014-016 CVE-201-01600",
                    &[],
                ),
                (
                    "CVE-1998-0001 CVE-2014-01600000000000000000 CVE-2014-0160a",
                    &[],
                ),
                (
                    "XCVE-2014-0160 éCVE-2014-0160 CVE-2014-0160é CVE_2014_0160 CAN-2002-0001",
                    &[],
                ),
            ],
        );
    }

    #[test]
    fn hostile_texts_are_linear() {
        assert_linear(
            &Cve,
            &[
                "-",
                "E-1",
                "CVE-1",
                "CVE-2014-",
                "CVE-2014-0160",
                "CVE-2014-0160 ",
                "1",
            ],
        );
    }
}
