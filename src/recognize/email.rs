//! EMAIL: addresses as people write them.
//!
//! Grammar (a subset of RFC 5321 §4.1.2 `Mailbox` and RFC 6531, of what occurs in running text):
//! ```text
//! address = local "@" ( host name / literal )  at most 254 bytes; the name is host.rs's
//! local   = 1*64 bytes of letters, marks, digits . _ % + - '
//!           starts with a letter, digit or _; ends with neither . nor ' ; no ..
//! literal = "[" IPv4 "]" / "[IPv6:" IPv6 "]"
//! ```
//! Of RFC 5321's other local characters `!#$&*/=?^{|}~` and the backtick are taken as markup around an address
//! (`?to=a@example.com`, `*a@example.com*`), but all belong to it after `<`, `#` and `$` inside a word, and `=` where
//! mailing lists write the recipient (`list-12-ann=example.com@lists.example.org`). Quoted local parts and those in Han and
//! other scripts without spaces, which cannot be told from the text before them, are left out.
//!
//! Borders: an address is not cut out of a longer local part or domain, of `@user@host` (a fediverse handle), of a
//! URL's user information or of a remote path (`git@example.com:a/b`); leading `.-+%'` and trailing `.-` are
//! punctuation, and encoded punctuation is none of it (`%2Cann@`, quoted-printable `=3Dann@`). `a@b.com-foo` is none,
//! because its last label would be `com-foo`.
//!
//! The value is the whole address in lower case: no provider tells cases apart, although RFC 5321 lets it.
//!
//! Cost: one `memchr` for `@`, and at most 130 bytes before and 256 after each.

use std::borrow::Cow;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::Range;

use super::{Anchor, ByteSet, Bytes, Found, Recognizer, border, host};

/// Recognizes e-mail addresses.
#[derive(Debug)]
pub(super) struct Email;

const MAX_LOCAL: usize = 64;
const MAX_ADDRESS: usize = 254;

/// What local parts are made of in ASCII.
static LOCAL: [bool; 256] =
    ByteSet::of(b"._%+-'0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz").table();

fn is_local(byte: u8) -> bool {
    LOCAL[usize::from(byte)]
}

/// RFC 5322 `atext`, and the dot.
fn is_atom(byte: u8) -> bool {
    is_local(byte)
        || matches!(
            byte,
            b'!' | b'#' | b'$' | b'&' | b'*' | b'/' | b'=' | b'?' | b'^' | b'`' | b'{'..=b'~'
        )
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
        Cow::Borrowed("2")
    }
    fn anchors(&self) -> Vec<Anchor> {
        // Of what may stand before the sign, what may stand there last; and what a domain begins with.
        let letter = ByteSet::alphanumeric().union(ByteSet::range(0x80, 0xFF));
        let at = Bytes::of(b"@").preceded_by(letter.union(ByteSet::of(b"_%+-")));
        vec![Anchor::Bytes(
            at.followed_by(letter.union(ByteSet::of(b"["))),
        )]
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
                    let domain = host::run(&text[at + 1..], false);
                    found.refuse(run_start(text, at, 0)..at + 1 + domain.len(), reason);
                }
                at + 1
            }
        }
    }
    fn value<'a>(&self, entity: &'a str) -> Cow<'a, str> {
        if !entity.is_ascii() {
            Cow::Owned(entity.to_lowercase())
        } else if entity.bytes().any(|b| b.is_ascii_uppercase()) {
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

/// Where the local part before the `@` at `at` begins.
fn local_start(text: &str, at: usize, floor: usize) -> Result<usize, &'static str> {
    let bytes = text.as_bytes();
    let mut start = run_start(text, at, floor);
    if let Some(length) = encoded_length(&bytes[start..at]) {
        start += length;
    } else if bytes[floor..start].ends_with(b"=") && bytes[start..at].starts_with(b"3D") {
        start += 2;
    } else {
        start = widened(text, start..at, floor);
        let before = border::before(text, start);
        if at - start > MAX_LOCAL {
            return Err("what stands before its @ is longer than 64 bytes");
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
    }
    while start < at && matches!(bytes[start], b'.' | b'%' | b'+' | b'-' | b'\'') {
        start += 1;
    }
    let local = &bytes[start..at];
    if matches!(local.last(), None | Some(b'.' | b'\'')) {
        return Err("no letter, digit or one of _%+- stands before its @");
    }
    match local.windows(2).any(|pair| pair == b"..") {
        true => Err("two dots stand in a row before its @"),
        false => Ok(start),
    }
}

/// Where the run of local characters that ends at `end` begins; cut short where it is too long for a local part.
fn run_start(text: &str, end: usize, floor: usize) -> usize {
    let bytes = text.as_bytes();
    let ascii = |end: usize| {
        let lowest = floor.max(end.saturating_sub(MAX_LOCAL + 1));
        let outside = bytes[lowest..end].iter().rposition(|&b| !is_local(b));
        outside.map_or(lowest, |at| lowest + at + 1)
    };
    let mut start = ascii(end);
    while bytes[floor..start].last().is_some_and(|b| !b.is_ascii())
        && end - start <= MAX_LOCAL
        && let Some(c) = border::before(text, start).filter(|&c| border::joins(Some(c)))
    {
        start = ascii(start - c.len_utf8());
    }
    start
}

/// How much of a run is none of the local part, for a percent-encoded delimiter ends there (`to=%22ann@example.com`).
fn encoded_length(run: &[u8]) -> Option<usize> {
    let delimiter_end = |at: usize| {
        let digit = |at: usize| char::from(*run.get(at)?).to_digit(16);
        let byte = u8::try_from(digit(at + 1)? * 16 + digit(at + 2)?).ok()?;
        let delimits = byte.is_ascii() && byte != b'@' && !is_local(byte);
        (delimits && at + 3 < run.len()).then_some(at + 3)
    };
    let mut end = run.len();
    while let Some(percent) = run[..end].iter().rposition(|&b| b == b'%') {
        let length = delimiter_end(percent);
        if length.is_some() {
            return length;
        }
        end = percent;
    }
    None
}

/// Where a local part begins that holds more than the run of ordinary characters before its `@`.
fn widened(text: &str, run: Range<usize>, floor: usize) -> usize {
    let bytes = text.as_bytes();
    let mut start = run.start;
    if !bytes[floor..start].last().is_some_and(|&b| is_atom(b)) {
        return start;
    }
    let atoms = bytes[floor..start]
        .iter()
        .rev()
        .take(MAX_LOCAL)
        .take_while(|&&b| is_atom(b))
        .count();
    let first = start - atoms;
    if bytes[..first].ends_with(b"<") && bytes[first].is_ascii_alphanumeric() {
        return first;
    }
    while run.end - start <= MAX_LOCAL
        && let Some(&sign @ (b'#' | b'$' | b'=')) = bytes[floor..start].last()
    {
        let left = run_start(text, start - 1, floor);
        let word = &bytes[left..start - 1];
        if word.is_empty() || sign == b'=' && !is_bounce(word) {
            break;
        }
        start = left;
    }
    start
}

/// Whether a word before `=` is a mailing list's own address rather than the name of a parameter.
fn is_bounce(word: &[u8]) -> bool {
    let hyphen = word.contains(&b'-');
    word.contains(&b'+') || word.ends_with(b"-") || hyphen && word.iter().any(u8::is_ascii_digit)
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
    let rest = &text[start..];
    if rest.starts_with('[') {
        let length = literal_length(rest).ok_or("what stands in [ ] is no address literal")?;
        return Ok(start + length);
    }
    let run = host::run(rest, false);
    let length =
        host::name_end(run).ok_or("its domain is no host name that ends in a top-level domain")?;
    let after = &rest[length..];
    // Only a name that prose cuts short is shorter than its run.
    if length == run.len() && goes_on(after) {
        return Err("the letter, digit or @ after it makes it part of something longer");
    }
    match is_remote_path(after.as_bytes()) {
        true => Err("a path follows: it is a place on a remote host"),
        false => Ok(start + length),
    }
}

/// Whether what follows a domain makes it a part of something longer. `_` may close emphasis, or rule a line.
fn goes_on(after: &str) -> bool {
    let next = border::after(after.trim_start_matches('_'), 0);
    next == Some('@') || border::joins(next)
}

/// Whether what follows a domain is a path on that host, as ssh, scp and git write it: `:` and a path with a `/`.
fn is_remote_path(after: &[u8]) -> bool {
    let Some((b':', path)) = after.split_first() else {
        return false;
    };
    let word = path
        .iter()
        .take(MAX_LOCAL)
        .take_while(|&&b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
        .count();
    path.get(word) == Some(&b'/') || path.first() == Some(&b'~')
}

/// The length of the address literal (RFC 5321 §4.1.3) that `text` begins with.
fn literal_length(text: &str) -> Option<usize> {
    const LONGEST: usize = "IPv6:".len() + 45;
    let inside = text.bytes().skip(1).take(LONGEST + 1);
    let length = inside
        .take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b':'))
        .count();
    let address = &text[1..=length];
    (text.as_bytes().get(length + 1) == Some(&b']')).then_some(())?;
    let fine = match address.split_at_checked("IPv6:".len()) {
        Some((tag, six)) if tag.eq_ignore_ascii_case("IPv6:") => six.parse::<Ipv6Addr>().is_ok(),
        _ => address.parse::<Ipv4Addr>().is_ok(),
    };
    fine.then_some(length + 2)
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
                // Combining marks belong to the letters before them.
                ("jose\u{301}@example.com", &["jose\u{301}@example.com"]),
                ("x@example.come\u{301}", &[]),
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
                ("a@b.com_ a@b.com____", &["a@b.com", "a@b.com"]),
                ("ａ＠Ｂ．ｃｏｍ", &["ａ＠Ｂ．ｃｏｍ → a@b.com"]),
                (
                    "Jörg@Bücher.example почта@пример.рф",
                    &[
                        "Jörg@Bücher.example → jörg@bücher.example",
                        "почта@пример.рф",
                    ],
                ),
                ("a@例子.中国的邮箱", &["a@例子.中国"]),
                (
                    "root@[10.0.0.1] <a@[IPv6:2001:db8::1]>",
                    &[
                        "root@[10.0.0.1]",
                        "a@[IPv6:2001:db8::1] → a@[ipv6:2001:db8::1]",
                    ],
                ),
                (
                    "<01$c2$a8c0@b.com> 01$c2$a8c0@b.com <a/b+c=d@b.com>",
                    &["01$c2$a8c0@b.com", "01$c2$a8c0@b.com", "a/b+c=d@b.com"],
                ),
                (
                    "list-12-ann=c.org@b.com list+ann=c.org@b.com Ab-=9@b.com",
                    &[
                        "list-12-ann=c.org@b.com",
                        "list+ann=c.org@b.com",
                        "Ab-=9@b.com → ab-=9@b.com",
                    ],
                ),
                ("mail=a@b.com data-to=a.b@c.com", &["a@b.com", "a.b@c.com"]),
                (
                    "href=3Da@b.com to=%22a@b.com x%2Cy%2Bz@b.com a%25@b.com",
                    &[
                        "a@b.com",
                        "a@b.com",
                        "y%2Bz@b.com → y%2bz@b.com",
                        "a%25@b.com",
                    ],
                ),
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
                ("a@b.comé a@b.com１ 邮箱@b.com", &[]),
                ("http://user@example.com ftp://user:pass@example.com", &[]),
                ("git@b.com:c/d.git scp a@b.com:~ a@b.com:/tmp", &[]),
                ("icon@2x.png getty@tty1.service", &[]),
                ("a@[10.0.0.256] a@[10.0.0.1 a@[::1] a@[IPv6:] a@[]", &[]),
            ],
        );
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
    fn reasons() {
        let scanner = super::super::Registry::builtin()
            .scanner(&["EMAIL"])
            .unwrap();
        for (text, part, reason) in [
            ("to: ann@localhost.", "ann@localhost", "no host name"),
            ("ann@example.c", "ann@example.c", "top-level"),
            ("root@[10.0.0]", "root@", "no address literal"),
            ("git@example.com:a/b", "git@example.com", "a path follows"),
            (
                "@user@example.social",
                "user@example.social",
                "another @ stands before",
            ),
            ("a@b.com@c.org", "a@b.com", "@ after it"),
            (
                "http://ann@example.com",
                "ann@example.com",
                "user information",
            ),
            ("x..a@b.com", "x..a@b.com", "two dots"),
            (
                &format!("{}@b.com", "x".repeat(65)),
                &format!("{}@b.com", "x".repeat(65)),
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
    fn hostile_texts_are_linear() {
        assert_linear(
            &Email,
            &[
                "@", "a@", "a@b.", "a.@b.", "a@b.com", "@a.", "a", ".", "-@-", "a=", "a-1=",
                "$a@b", "<#a@", "%2Ca@", "é@é.", "a@中.", "a@[", "a@b.co:c",
            ],
        );
    }
}
