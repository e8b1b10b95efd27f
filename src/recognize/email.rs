//! EMAIL: addresses as people write them.
//!
//! Grammar (a subset of RFC 5321 §4.1.2 `Mailbox`, of what occurs in running text):
//! ```text
//! address = local "@" domain               at most 254 bytes
//! local   = 1*64 of A-Z a-z 0-9 . _ % + - '   starts with a letter, digit or _; ends with neither . nor ' ; no ..
//! domain  = label 1*("." label)            labels of 1-63 letters, digits, inner hyphens; at most 253 bytes
//!           the last label is alphabetic, 2 or more, or starts with xn--
//! ```
//! Of RFC 5321's other local characters `!#$&*/=?^{|}~` and the backtick are taken as markup around an address
//! (`?to=a@example.com`, `*a@example.com*`), quoted local parts, address literals and non-ASCII addresses (RFC 6531)
//! are left out. Borders: an address is not cut out of a longer local part or domain, of `@user@host` (a fediverse
//! handle) or of a URL's user information; leading `.-+%'` and trailing `.-` are punctuation. `a@b.com-foo` is none,
//! because its last label would be `com-foo`.
//!
//! The value is the whole address in lower case: no provider tells cases apart, although RFC 5321 lets it.
//!
//! Cost: one `memchr` for `@`, and at most 64 bytes before and 256 after each.

use std::borrow::Cow;
use std::ops::Range;

use super::{Anchor, ByteSet, Bytes, Found, Recognizer, border};

/// Recognizes e-mail addresses.
#[derive(Debug)]
pub(super) struct Email;

const MAX_LOCAL: usize = 64;
const MAX_DOMAIN: usize = 253;
const MAX_ADDRESS: usize = 254;

fn is_local(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'%' | b'+' | b'-' | b'\'')
}

fn is_domain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-')
}

impl Recognizer for Email {
    fn label(&self) -> &str {
        "EMAIL"
    }
    fn description(&self) -> &str {
        "addresses as people write them"
    }
    fn name(&self) -> &str {
        "email"
    }
    fn definition(&self) -> Cow<'_, str> {
        Cow::Borrowed("1")
    }
    fn anchors(&self) -> Vec<Anchor> {
        // Of what may stand before the sign, what may stand there last; a domain begins with a letter or digit.
        let local = ByteSet::alphanumeric().union(ByteSet::of(b"_%+-"));
        let at = Bytes::of(b"@").preceded_by(local);
        vec![Anchor::Bytes(at.followed_by(ByteSet::alphanumeric()))]
    }
    fn verify(&self, text: &str, at: usize, found: &mut Found<'_>) -> usize {
        match address(text, at, found.floor()) {
            Ok(span) => {
                let end = span.end;
                found.push(span);
                end
            }
            Err(reason) => {
                if found.explains() {
                    found.refuse(surroundings(text, at), reason);
                }
                at + 1
            }
        }
    }
    fn value<'a>(&self, entity: &'a str) -> Cow<'a, str> {
        if entity.bytes().any(|b| b.is_ascii_uppercase()) {
            Cow::Owned(entity.to_ascii_lowercase())
        } else {
            Cow::Borrowed(entity)
        }
    }
}

/// The address around the `@` at `at`, or why there is none.
fn address(text: &str, at: usize, floor: usize) -> Result<Range<usize>, &'static str> {
    let span = local_start(text, at, floor)?..domain_end(text, at + 1)?;
    match span.len() <= MAX_ADDRESS {
        true => Ok(span),
        false => Err("it is longer than 254 bytes"),
    }
}

/// What might be taken for an address around the `@` at `at`.
fn surroundings(text: &str, at: usize) -> Range<usize> {
    let (before, after) = text.as_bytes().split_at(at);
    let local = before.iter().rev().take(MAX_LOCAL);
    let domain = after[1..].iter().take(MAX_DOMAIN);
    let start = at - local.take_while(|&&b| is_local(b)).count();
    start..at + 1 + domain.take_while(|&&b| is_domain(b)).count()
}

/// Where the local part before the `@` at `at` begins.
fn local_start(text: &str, at: usize, floor: usize) -> Result<usize, &'static str> {
    let bytes = text.as_bytes();
    let lowest = floor.max(at.saturating_sub(MAX_LOCAL + 1));
    let run = bytes[lowest..at]
        .iter()
        .rev()
        .take_while(|&&b| is_local(b))
        .count();
    let mut start = at - run;
    let before = border::before(text, start);
    if run > MAX_LOCAL {
        return Err("what stands before its @ is longer than 64 characters");
    }
    if before == Some('@') {
        return Err("another @ stands before it");
    }
    if border::joins(before) {
        return Err("the letter or digit before it makes it part of something longer");
    }
    if is_user_information(&bytes[..start]) {
        return Err("it is the user information of a URL");
    }
    while start < at && !(bytes[start].is_ascii_alphanumeric() || bytes[start] == b'_') {
        start += 1;
    }
    let local = &bytes[start..at];
    if matches!(local.last(), None | Some(b'.' | b'\'')) {
        return Err("no letter, digit or one of _%+- stands before its @");
    }
    if local.windows(2).any(|pair| pair == b"..") {
        return Err("two dots stand in a row before its @");
    }
    Ok(start)
}

/// Whether what follows `before` stands directly after `://`, or after `://name:`.
fn is_user_information(before: &[u8]) -> bool {
    if before.ends_with(b"://") {
        return true;
    }
    let Some((b':', rest)) = before.split_last() else {
        return false;
    };
    let name = rest
        .iter()
        .rev()
        .take(MAX_LOCAL)
        .take_while(|&&b| is_local(b))
        .count();
    rest[..rest.len() - name].ends_with(b"://")
}

/// Where the domain that begins at `start` ends, if there is one.
fn domain_end(text: &str, start: usize) -> Result<usize, &'static str> {
    let bytes = text.as_bytes();
    let run = bytes[start..]
        .iter()
        .take(MAX_DOMAIN + 3)
        .take_while(|&&b| is_domain(b))
        .count();
    let after = border::after(text, start + run);
    let emphasis = after == Some('_') && !border::joins(border::after(text, start + run + 1));
    if after == Some('@') {
        return Err("another @ stands after it");
    }
    if border::joins(after) && !emphasis {
        return Err("the letter, digit or _ after it makes it part of something longer");
    }
    let mut domain = &bytes[start..start + run];
    if let Some(ellipsis) = domain.windows(2).position(|pair| pair == b"..") {
        domain = &domain[..ellipsis];
    }
    while let [rest @ .., b'.' | b'-'] = domain {
        domain = rest;
    }
    if domain.len() > MAX_DOMAIN {
        return Err("its domain is longer than 253 bytes");
    }
    check_host_name(domain).map(|()| start + domain.len())
}

/// Two or more labels, the last of which is a top-level domain by its form.
pub(super) fn check_host_name(domain: &[u8]) -> Result<(), &'static str> {
    let mut labels = 0;
    let mut last: &[u8] = &[];
    for label in domain.split(|&b| b == b'.') {
        if label.is_empty() || label.len() > 63 || label.starts_with(b"-") || label.ends_with(b"-")
        {
            return Err(
                "a part of its domain is empty, longer than 63 characters, or has a hyphen at an end",
            );
        }
        labels += 1;
        last = label;
    }
    if labels < 2 {
        return Err("its domain has no dot");
    }
    match is_top_level(last) {
        true => Ok(()),
        false => Err("its domain does not end in a top-level domain"),
    }
}

/// Alphabetic and of two letters or more, or a punycode label.
pub(super) fn is_top_level(label: &[u8]) -> bool {
    let alphabetic = label.len() >= 2 && label.iter().all(u8::is_ascii_alphabetic);
    alphabetic || label.len() > 4 && label[..4].eq_ignore_ascii_case(b"xn--")
}

#[cfg(test)]
mod tests {
    use super::super::testing::{assert_linear, assert_table};
    use super::*;

    #[test]
    fn table() {
        assert_table(
            &Email,
            &[
                ("a@b.com", &["a@b.com"]),
                ("邮箱：a@b.com，谢谢", &["a@b.com"]),
                ("邮箱a@b.com谢谢", &["a@b.com"]),
                (
                    "Ann.Lee+news@Mail.Example.COM",
                    &["Ann.Lee+news@Mail.Example.COM → ann.lee+news@mail.example.com"],
                ),
                (
                    "<a@b.com>,b@c.org;'c@d.net'",
                    &["a@b.com", "b@c.org", "c@d.net"],
                ),
                ("o'brien@example.com it's", &["o'brien@example.com"]),
                ("write to a@b.com.", &["a@b.com"]),
                ("a@b.com... and -a@b.com-", &["a@b.com", "a@b.com"]),
                ("...a@b.com", &["a@b.com"]),
                (
                    "?to=a@b.com&x=1 *a@b.com* `a@b.com`",
                    &["a@b.com", "a@b.com", "a@b.com"],
                ),
                ("mailto:a@b.com", &["a@b.com"]),
                ("a@b.com/c a@b.com:25", &["a@b.com", "a@b.com"]),
                ("a@xn--fiqs8s.xn--p1ai", &["a@xn--fiqs8s.xn--p1ai"]),
                ("😀a@b.com😀", &["a@b.com"]),
                ("x_1%y@b-c.museum", &["x_1%y@b-c.museum"]),
                ("a@b.com_ a@b.com__", &["a@b.com"]),
                ("ａ＠Ｂ．ｃｏｍ", &["ａ＠Ｂ．ｃｏｍ → a@b.com"]),
                // No address, or only a part of something longer.
                ("", &[]),
                ("@", &[]),
                ("a@b", &[]),
                ("a@b.c", &[]),
                ("a@b.1", &[]),
                ("@b.com a@ .@b.com a.@b.com", &[]),
                ("x..a@b.com a@b..com", &[]),
                ("a@-b.com a@b-.com", &[]),
                ("a@b.com-foo a@b.com_foo", &[]),
                ("a@b.com@c.org @user@example.social", &[]),
                ("jöe@b.com a@b.comé a@b.com１", &[]),
                ("http://user@example.com ftp://user:pass@example.com", &[]),
            ],
        );
    }

    #[test]
    fn reasons() {
        let scanner = super::super::Registry::builtin()
            .scanner(&["EMAIL"])
            .unwrap();
        for (text, part, reason) in [
            (
                "to: ann@localhost.",
                "ann@localhost.",
                "its domain has no dot",
            ),
            ("ann@example.c", "ann@example.c", "top-level"),
            ("ann@example.com-foo", "ann@example.com-foo", "top-level"),
            ("a@b-.com", "a@b-.com", "a hyphen at an end"),
            (
                "@user@example.social",
                "user@example.social",
                "another @ stands before",
            ),
            ("a@b.com@c.org", "a@b.com", "another @ stands after"),
            ("jöe@b.com", "e@b.com", "the letter or digit before it"),
            ("a@b.comé", "a@b.com", "after it"),
            (
                "http://ann@example.com",
                "ann@example.com",
                "user information",
            ),
            ("x..a@b.com", "x..a@b.com", "two dots"),
            (
                &format!("{}@b.com", "x".repeat(65)),
                &format!("{}@b.com", "x".repeat(64)),
                "64",
            ),
        ] {
            let (spans, refused) = scanner.explain(text);
            assert_eq!(spans, [], "{text}");
            let first = &refused[0];
            assert_eq!(&text[first.span.clone()], part, "{text}");
            assert!(first.reason.contains(reason), "{text}: {}", first.reason);
        }
        assert_eq!(scanner.explain("ann@example.com @ 5").1, []);
    }

    #[test]
    fn lengths() {
        let local = |n: usize| format!("{}@b.com", "x".repeat(n));
        let domain = |n: usize| format!("a@{}.com", vec!["x".repeat(n); 4].join("."));
        for (text, count) in [
            (local(64), 1),
            (local(65), 0),
            (domain(59), 1),
            (domain(62), 0),
            (domain(64), 0),
        ] {
            assert_eq!(
                super::super::testing::find(&Email, &text).len(),
                count,
                "{text}"
            );
        }
    }

    #[test]
    fn hostile_texts_are_linear() {
        assert_linear(
            &Email,
            &[
                "@", "a@", "a@b.", "a.@b.", "a@b.com", "@a.", "a", ".", "-@-",
            ],
        );
    }
}
