//! URL: web addresses with a scheme, and `www.` hosts.
//!
//! Grammar (RFC 3986 §3, with the characters of RFC 3987 that do not belong to scripts written without spaces):
//! ```text
//! url       = ("http" / "https" / "ftp") "://" [user "@"] host [":" port] rest
//!           / "www." name "." … rest                 at least three labels
//! host      = name with a dot / "localhost" / IPv4 / "[" IPv6 "]"
//! name      = labels of letters, digits, inner "-" and "_", 1-63 bytes each, 253 bytes together; the last label is
//!             alphabetic and of two letters or more, or starts with xn--
//! rest      = "/" … / "?" … / "#" … / nothing
//! ```
//! A URL ends before white space, controls, quotes, `<>\^{|}` and the backtick; before Han and other scripts without
//! spaces, full-width forms and emoji, because Chinese text stands directly beside URLs (`见https://example.com/a。`:
//! a Han path must be percent-encoded, a Han host in punycode); before a closing bracket that nothing opened; and without
//! trailing `.,:;!?'*([`, much as linkify-it and GitHub's autolinks do.
//! Other scripts' letters (`/wiki/Žižek`) belong to it. A scheme is not cut out of a longer word (`xhttp://`), nor
//! `www.` out of a longer host or path.
//!
//! The value has scheme and host in lower case, `http://` before `www.`, no default port, and no `/` as its whole
//! path; percent-encoding stays as written.
//!
//! Cost: stops at `:` and `.`; what is no `://` or `www.` is dropped after three bytes, a bad host after 700.

use std::borrow::Cow;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::email::is_top_level;
use super::{Anchor, Bytes, Found, Recognizer, border};

/// Recognizes web addresses.
#[derive(Debug)]
pub(super) struct Url;

/// Schemes and their default ports.
const SCHEMES: [(&str, &str); 3] = [("http", ":80"), ("https", ":443"), ("ftp", ":21")];
const MAX_HOST: usize = 253;
const MAX_USER: usize = 255;

impl Recognizer for Url {
    fn label(&self) -> &str {
        "URL"
    }
    fn description(&self) -> &str {
        "web addresses with a scheme, and www. hosts"
    }
    fn name(&self) -> &str {
        "url"
    }
    fn definition(&self) -> Cow<'_, str> {
        Cow::Borrowed("1")
    }
    fn anchors(&self) -> Vec<Anchor> {
        let colon = Bytes::of(b":").preceded_by(b"pPsS").followed_by(b"/");
        let dot = Bytes::of(b".").preceded_by(b"wW");
        vec![Anchor::Bytes(colon), Anchor::Bytes(dot)]
    }
    fn verify(&self, text: &str, at: usize, found: &mut Found<'_>) -> usize {
        let has_scheme = text.as_bytes()[at] == b':';
        let start = match has_scheme {
            true => scheme_start(text, at),
            false => www_start(text, at),
        };
        let Some(start) = start.filter(|&start| start >= found.floor()) else {
            return at + 1;
        };
        let end = match has_scheme {
            true => with_scheme(text, start, at + 3),
            false => with_www(text, start),
        };
        match end {
            Ok(end) => {
                found.push(start..end);
                end
            }
            Err(reason) => {
                if found.explains() {
                    let word = text[start..].chars().take(MAX_HOST);
                    let length: usize = word
                        .take_while(|c| !c.is_whitespace())
                        .map(char::len_utf8)
                        .sum();
                    found.refuse(start..start + length, reason);
                }
                at + 1
            }
        }
    }
    fn value<'a>(&self, entity: &'a str) -> Cow<'a, str> {
        let (scheme, authority) = match entity.split_once("://") {
            // The scheme of `www.a.com/?u=http://b.com` is not its first `://`.
            Some((scheme, _)) if is_scheme(scheme) => {
                (scheme.to_ascii_lowercase(), scheme.len() + 3)
            }
            _ => ("http".to_string(), 0),
        };
        let after = &entity[authority..];
        let (authority, mut rest) =
            after.split_at(after.find(['/', '?', '#']).unwrap_or(after.len()));
        let (user, host) = authority.split_at(authority.rfind('@').map_or(0, |at| at + 1));
        let mut host = host.to_lowercase();
        let port = SCHEMES
            .iter()
            .find(|(name, _)| *name == scheme)
            .map_or("", |(_, port)| port);
        if host.ends_with(port) {
            host.truncate(host.len() - port.len());
        }
        if rest == "/" {
            rest = "";
        }
        let value = format!("{scheme}://{user}{host}{rest}");
        if value == entity {
            Cow::Borrowed(entity)
        } else {
            Cow::Owned(value)
        }
    }
}

fn is_scheme(word: &str) -> bool {
    SCHEMES
        .iter()
        .any(|(name, _)| name.eq_ignore_ascii_case(word))
}

/// Where the scheme begins whose `://` stands at `at`.
fn scheme_start(text: &str, at: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    if !bytes[at + 1..].starts_with(b"//") {
        return None;
    }
    let length = bytes[..at]
        .iter()
        .rev()
        .take(6)
        .take_while(|b| b.is_ascii_alphabetic())
        .count();
    let start = at - length;
    is_scheme(&text[start..at]).then_some(start)
}

/// Where the URL with a scheme at `start` and an authority at `authority` ends, or why it is none.
fn with_scheme(text: &str, start: usize, authority: usize) -> Result<usize, &'static str> {
    if border::joins(border::before(text, start)) {
        return Err("the letter or digit before its scheme makes it part of something longer");
    }
    let host = user_end(text.as_bytes(), authority).unwrap_or(authority);
    Ok(rest_end(text, host_end(text, host, true)?))
}

/// Where the `www.` begins whose dot stands at `at`.
fn www_start(text: &str, at: usize) -> Option<usize> {
    let start = at.checked_sub(3)?;
    let www = &text.as_bytes()[start..at];
    www.eq_ignore_ascii_case(b"www").then_some(start)
}

/// Where the URL with `www.` at `start` ends, or why it is none.
fn with_www(text: &str, start: usize) -> Result<usize, &'static str> {
    let before = border::before(text, start);
    if border::joins(before) || matches!(before, Some('.' | '-' | '@' | '/')) {
        return Err("it is part of a longer host or path");
    }
    Ok(rest_end(text, host_end(text, start, false)?))
}

/// Where user information ends, after its `@`.
fn user_end(bytes: &[u8], start: usize) -> Option<usize> {
    let run = bytes[start..]
        .iter()
        .take(MAX_USER)
        .take_while(|&&b| b.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=:@".contains(&b))
        .count();
    memchr::memrchr(b'@', &bytes[start..start + run]).map(|at| start + at + 1)
}

/// Where the host that begins at `start`, and its port, end, or why it is none. `free` hosts follow a scheme and may be
/// an address or `localhost`.
fn host_end(text: &str, start: usize, free: bool) -> Result<usize, &'static str> {
    let bytes = text.as_bytes();
    let end = if free && bytes.get(start) == Some(&b'[') {
        let inside = bytes[start + 1..]
            .iter()
            .take(46)
            .take_while(|&&b| b != b']')
            .count();
        let end = start + 1 + inside;
        let address = text.get(start + 1..end).map(str::parse::<Ipv6Addr>);
        if bytes.get(end) != Some(&b']') || !matches!(address, Some(Ok(_))) {
            return Err("what stands in [ ] is no IPv6 address");
        }
        end + 1
    } else {
        let run = name_run(&text[start..]).ok_or("its host is longer than 253 bytes")?;
        // A dot that ends a sentence is none of the host's; one before a path is (the root).
        let name = run.trim_end_matches(['.', '-']);
        let next = bytes.get(start + run.len());
        let rooted =
            run.len() == name.len() + 1 && run.ends_with('.') && matches!(next, Some(b'/' | b':'));
        if !is_host(name, free) {
            return Err(match free {
                true => {
                    "its host is neither an IP address nor a name that ends in a top-level domain"
                }
                false => "no name that ends in a top-level domain follows its www.",
            });
        }
        start + name.len() + usize::from(rooted)
    };
    port_end(bytes, end).ok_or("its port is beyond 65535")
}

/// The longest beginning of `text` made of host characters; none where it is longer than a host.
fn name_run(text: &str) -> Option<&str> {
    let mut length = 0;
    for c in text.chars() {
        if !(c == '.' || c == '-' || border::joins(Some(c)) && !is_full_width(c)) {
            break;
        }
        length += c.len_utf8();
        if length > MAX_HOST + 1 {
            return None;
        }
    }
    Some(&text[..length])
}

fn is_host(name: &str, free: bool) -> bool {
    if free && name.eq_ignore_ascii_case("localhost") {
        return true;
    }
    let labels = name.split('.').count();
    let last = name.rsplit('.').next().unwrap_or_default();
    if last.bytes().all(|b| b.is_ascii_digit()) {
        return free && name.parse::<Ipv4Addr>().is_ok();
    }
    let top_level = is_top_level(last.as_bytes())
        || !last.is_ascii() && !last.contains(|c: char| c.is_numeric() || c == '_');
    let fine = |label: &str| {
        (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-')
    };
    name.len() <= MAX_HOST
        && labels >= if free { 2 } else { 3 }
        && top_level
        && name.split('.').all(fine)
}

/// Where the port ends; the host's own end where there is none. A number that is no port makes it no host.
fn port_end(bytes: &[u8], end: usize) -> Option<usize> {
    if bytes.get(end) != Some(&b':') {
        return Some(end);
    }
    let digits = bytes[end + 1..]
        .iter()
        .take(6)
        .take_while(|b| b.is_ascii_digit())
        .count();
    let number = bytes[end + 1..end + 1 + digits]
        .iter()
        .fold(0_u32, |n, b| n * 10 + u32::from(b - b'0'));
    match digits {
        0 => Some(end),
        _ => (number <= u32::from(u16::MAX)).then_some(end + 1 + digits),
    }
}

/// Full-width and half-width forms: word characters of Chinese and Japanese typography.
fn is_full_width(c: char) -> bool {
    matches!(u32::from(c), 0xFF00..=0xFFEF)
}

/// Where path, query and fragment that begin at `start` end.
fn rest_end(text: &str, start: usize) -> usize {
    let bytes = text.as_bytes();
    if !matches!(bytes.get(start), Some(b'/' | b'?' | b'#')) {
        return start;
    }
    let mut end = text.len();
    let mut open = [0_usize; 2];
    for (offset, c) in text[start..].char_indices() {
        let at = start + offset;
        let goes_on = match c {
            '(' | '[' => {
                open[usize::from(c == '[')] += 1;
                true
            }
            ')' | ']' => {
                let count = &mut open[usize::from(c == ']')];
                let opened = *count > 0;
                *count = count.saturating_sub(1);
                opened
            }
            // An apostrophe inside a word, not a closing quote.
            '\'' => bytes
                .get(at + 1)
                .is_some_and(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'/')),
            _ if c.is_ascii() => {
                c.is_ascii_alphanumeric() || b"-._~:/?#@!$&*+,;=%".contains(&(c as u8))
            }
            _ => border::joins(Some(c)) && !is_full_width(c),
        };
        if !goes_on {
            end = at;
            break;
        }
    }
    while end > start && b".,:;!?'*([".contains(&bytes[end - 1]) {
        end -= 1;
    }
    end
}

#[cfg(test)]
mod tests {
    use super::super::testing::{assert_linear, assert_table};
    use super::*;

    #[test]
    fn table() {
        assert_table(
            &Url,
            &[
                ("http://example.com", &["http://example.com"]),
                ("见https://example.com/a。谢谢", &["https://example.com/a"]),
                ("官网http://example.com官网", &["http://example.com"]),
                (
                    "HTTP://Example.COM:80/Path?Q=1#F",
                    &["HTTP://Example.COM:80/Path?Q=1#F → http://example.com/Path?Q=1#F"],
                ),
                (
                    "https://example.com:443/",
                    &["https://example.com:443/ → https://example.com"],
                ),
                (
                    "https://example.com:8443/",
                    &["https://example.com:8443/ → https://example.com:8443"],
                ),
                (
                    "ftp://user:pass@ftp.example.org/x.gz",
                    &["ftp://user:pass@ftp.example.org/x.gz"],
                ),
                (
                    "www.example.com/a",
                    &["www.example.com/a → http://www.example.com/a"],
                ),
                (
                    "http://localhost:8000/x http://10.0.0.1/ http://[::1]:8080/x",
                    &[
                        "http://localhost:8000/x",
                        "http://10.0.0.1/ → http://10.0.0.1",
                        "http://[::1]:8080/x",
                    ],
                ),
                (
                    "(http://example.com/a_(b)) [x](http://example.com/c)[y]",
                    &["http://example.com/a_(b)", "http://example.com/c"],
                ),
                (
                    "http://example.com(see below) http://example.com/(",
                    &[
                        "http://example.com",
                        "http://example.com/ → http://example.com",
                    ],
                ),
                (
                    "http://example.com/a, http://example.com/b. http://example.com/c?!",
                    &[
                        "http://example.com/a",
                        "http://example.com/b",
                        "http://example.com/c",
                    ],
                ),
                (
                    "\"http://example.com/a\" 'http://example.com/b' <http://example.com/c>",
                    &[
                        "http://example.com/a",
                        "http://example.com/b",
                        "http://example.com/c",
                    ],
                ),
                (
                    "**http://example.com/a** http://example.com/it's",
                    &["http://example.com/a", "http://example.com/it's"],
                ),
                ("http://example.com. Then", &["http://example.com"]),
                ("http://example.com./a", &["http://example.com./a"]),
                (
                    "https://example.com/wiki/Žižek http://bücher.example/x",
                    &["https://example.com/wiki/Žižek", "http://bücher.example/x"],
                ),
                (
                    "https://example.com/路径 http://example.com/%E8%B7%AF",
                    &[
                        "https://example.com/ → https://example.com",
                        "http://example.com/%E8%B7%AF",
                    ],
                ),
                (
                    "https://example.com/a？b http://example.com/a😀",
                    &["https://example.com/a", "http://example.com/a"],
                ),
                (
                    "http://example.com/?u=http://example.org/",
                    &["http://example.com/?u=http://example.org/"],
                ),
                (
                    "www.example.com?u=http://b.example",
                    &[
                        "www.example.com?u=http://b.example → http://www.example.com?u=http://b.example",
                    ],
                ),
                (
                    "view-source:http://a-b.example_x.com/",
                    &["http://a-b.example_x.com/ → http://a-b.example_x.com"],
                ),
                // No URL.
                ("", &[]),
                (":", &[]),
                ("http://", &[]),
                ("http://x", &[]),
                ("http://example.c", &[]),
                (
                    "http://1.2.3 http://1.2.3.400 http://[::g] http://[::1",
                    &[],
                ),
                ("xhttp://example.com _http://example.com", &[]),
                ("gopher://example.com mailto:a@b.com", &[]),
                ("http://example.com:99999/", &[]),
                ("http://-example.com http://exa..mple.com", &[]),
                ("http://example.com_x", &[]),
                ("http://例子.中国", &[]),
                (
                    "www.com a.www.example.com xwww.example.com path/www.example.com",
                    &[],
                ),
                ("example.com", &[]),
            ],
        );
    }

    #[test]
    fn reasons() {
        let scanner = super::super::Registry::builtin().scanner(&["URL"]).unwrap();
        for (text, part, reason) in [
            ("see http://example.", "http://example.", "top-level"),
            (
                "http://1.2.3.400/x y",
                "http://1.2.3.400/x",
                "neither an IP address",
            ),
            ("http://[::g]/", "http://[::g]/", "no IPv6"),
            (
                "_http://example.com",
                "http://example.com",
                "before its scheme",
            ),
            (
                "http://example.com:99999/",
                "http://example.com:99999/",
                "65535",
            ),
            ("http://例子.中国", "http://例子.中国", "top-level"),
            (
                "path/www.example.com",
                "www.example.com",
                "longer host or path",
            ),
            ("www.com", "www.com", "follows its www."),
        ] {
            let (spans, refused) = scanner.explain(text);
            assert_eq!(spans, [], "{text}");
            assert_eq!(&text[refused[0].span.clone()], part, "{text}");
            assert!(
                refused[0].reason.contains(reason),
                "{text}: {}",
                refused[0].reason
            );
        }
        assert_eq!(scanner.explain("https:/ ftp: http://www.example.com").1, []);
    }

    #[test]
    fn hostile_texts_are_linear() {
        assert_linear(
            &Url,
            &[
                "://",
                "http://",
                "http://a",
                "http://a.b/",
                "http://u:p@",
                "www.",
                "http://a.bc/(",
                "http://[",
                "http://x@",
                ":",
                ".",
            ],
        );
        assert_linear(
            &Url,
            &["http://a.bc/)", "http://a.bc/'", "http://é.", "www.a.bc."],
        );
    }
}
