//! URL: web addresses with a scheme, and `www.` hosts.
//!
//! Grammar (RFC 3986 §3, with the characters of RFC 3987 that do not belong to scripts written without spaces):
//! ```text
//! url       = scheme "://" [user "@"] host [":" port] rest       the schemes are SCHEMES
//!           / "www." name rest                                   at least three labels
//! host      = name / "localhost" / IPv4 / "[" IPv6 "]" / letter *(letter / digit / "-" / "_") before a port
//! name      = a host name, with "_"; host.rs's
//! rest      = "/" … / "?" … / "#" … / nothing
//! ```
//! A URL ends before white space, controls, double quotes, `<>\^|` and the backtick; before Han and other scripts without
//! spaces, full-width forms, symbols and emoji, because Chinese text stands directly beside URLs
//! (`见https://example.com/a。`: a Han path must be percent-encoded); before a closing bracket or apostrophe that nothing
//! opened; before escaped HTML that stands for a delimiter (`&gt;`); and without trailing `.,:;!?*~([{` and character
//! references, much as linkify-it and GitHub's autolinks do. Other scripts' letters (`/wiki/Žižek`) belong to it.
//!
//! Borders: a scheme is not cut out of a longer word (`xhttp://`), but for quoted-printable's `=3D`, nor `www.` out of a
//! longer host or path. A host before `=` is cut short by quoted-printable, and none. Names without a scheme or `www.`
//! are left out: in real text most are files, packages, images of containers and ends of broken URLs. So are hosts
//! without a dot or a port: placeholders, and broken URLs again.
//!
//! The value has scheme and host in lower case, `http://` before `www.`, no default port, and no `/` as its whole
//! path; percent-encoding and punycode stay as written.
//!
//! Cost: stops at `:` and `.`; what is no `://` or `www.` is dropped after three bytes, a bad host after 800.

use std::borrow::Cow;
use std::net::Ipv6Addr;

use super::{Anchor, Bytes, Found, Recognizer, border, host};

/// Recognizes web addresses.
#[derive(Debug)]
pub(super) struct Url;

/// Schemes whose URLs name a host of the internet, and their default ports (IANA's registries).
const SCHEMES: [(&str, &str); 14] = [
    ("http", ":80"),
    ("https", ":443"),
    ("ftp", ":21"),
    ("ftps", ":990"),
    ("git", ":9418"),
    ("irc", ":6667"),
    ("rsync", ":873"),
    ("rtmp", ":1935"),
    ("rtsp", ":554"),
    ("sftp", ":22"),
    ("ssh", ":22"),
    ("svn", ":3690"),
    ("ws", ":80"),
    ("wss", ":443"),
];
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
        Cow::Borrowed("2")
    }
    fn anchors(&self) -> Vec<Anchor> {
        let colon = Bytes::of(b":")
            .preceded_by(b"cChHnNpPsStT")
            .followed_by(b"/");
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
                    let word = text[start..].chars().take(host::MAX_NAME);
                    let word = word.take_while(|c| !c.is_whitespace());
                    let length: usize = word.map(char::len_utf8).sum();
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

/// Where the URL with a scheme ends that byte `at` lies in, if it begins at `from` or later.
pub(super) fn end_around(text: &str, at: usize, from: usize) -> Option<usize> {
    let before = &text.as_bytes()[from..at];
    let word = before.iter().rposition(u8::is_ascii_whitespace);
    let mut from = from + word.map_or(0, |space| space + 1);
    while from < at
        && let Some(colon) = memchr::memmem::find(&text.as_bytes()[from..at], b"://")
    {
        let colon_at = from + colon;
        let end = scheme_start(text, colon_at)
            .and_then(|start| with_scheme(text, start, colon_at + 3).ok())
            .unwrap_or(0);
        if end > at {
            return Some(end);
        }
        from = end.max(from + colon + 1);
    }
    None
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
    let mut start = at - length;
    // Quoted-printable writes `=` as `=3D`.
    if bytes[..start].ends_with(b"=3") && bytes[start] == b'D' {
        start += 1;
    }
    is_scheme(&text[start..at]).then_some(start)
}

/// Where the URL with a scheme at `start` and an authority at `authority` ends, or why it is none.
fn with_scheme(text: &str, start: usize, authority: usize) -> Result<usize, &'static str> {
    let before = &text[..start];
    if !before.ends_with("=3D") && border::joins(border::before(text, start)) {
        return Err("the letter or digit before its scheme makes it part of something longer");
    }
    let host = user_end(text.as_bytes(), authority).unwrap_or(authority);
    let end = host_end(text, host, true)?;
    Ok(rest_end(text, end, before.ends_with('\'')))
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
    let end = host_end(text, start, false)?;
    Ok(rest_end(text, end, before == Some('\'')))
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
/// an address, `localhost`, or a bare name before a port.
fn host_end(text: &str, start: usize, free: bool) -> Result<usize, &'static str> {
    let bytes = text.as_bytes();
    if free && bytes.get(start) == Some(&b'[') {
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
        return port_end(bytes, end + 1);
    }
    let run = host::run(&text[start..], true);
    let mut end = start + run.len();
    if !(free && host::is_address(run)) {
        if free && is_bare(run) {
            return match port_end(bytes, end)? {
                port if port > end => Ok(port),
                _ => Err("its host has neither a top-level domain nor a port"),
            };
        }
        let name = host::name_end(run).ok_or(
            "its host is neither an IP address nor a name that ends in a top-level domain",
        )?;
        let name = &run[..name];
        let first = name.split('.').next().unwrap_or_default();
        // `www.example` is cut short, or no host.
        if first.eq_ignore_ascii_case("www") && name.matches('.').count() < 2 {
            return Err("no name and top-level domain follow its www.");
        }
        end = start + name.len();
    }
    match &bytes[end..] {
        // Quoted-printable breaks lines with `=`: the host goes on in the next one.
        [b'=', ..] => Err("its host goes on in the next line"),
        // A dot that ends a sentence is none of the host's; one before a path is (the root).
        [b'.', b'/' | b':', ..] => port_end(bytes, end + 1),
        _ => port_end(bytes, end),
    }
}

/// Whether a run can be the name of a host in a local network.
fn is_bare(run: &str) -> bool {
    let label = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    run.len() <= 63 && run.starts_with(|c: char| c.is_ascii_alphabetic()) && run.bytes().all(label)
}

/// Where the port ends; the host's own end where there is none. A number that is no port makes it no host.
fn port_end(bytes: &[u8], end: usize) -> Result<usize, &'static str> {
    if bytes.get(end) != Some(&b':') {
        return Ok(end);
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
        0 => Ok(end),
        1..=5 if number <= u32::from(u16::MAX) => Ok(end + 1 + digits),
        _ => Err("its port is beyond 65535"),
    }
}

/// Full-width and half-width forms: word characters of Chinese and Japanese typography.
fn is_full_width(c: char) -> bool {
    matches!(u32::from(c), 0xFF00..=0xFFEF)
}

/// Where path, query and fragment that begin at `start` end. What closes a `quoted` URL is none of them.
fn rest_end(text: &str, start: usize, quoted: bool) -> usize {
    let bytes = text.as_bytes();
    if !matches!(bytes.get(start), Some(b'/' | b'?' | b'#')) {
        return start;
    }
    let mut end = text.len();
    let mut open = [0_usize; 3];
    let mut apostrophes = 0;
    for (offset, c) in text[start..].char_indices() {
        let at = start + offset;
        let goes_on = match c {
            '(' | '[' | '{' => {
                open[kind(c)] += 1;
                true
            }
            ')' | ']' | '}' => {
                let count = &mut open[kind(c)];
                let opened = *count > 0;
                *count = count.saturating_sub(1);
                opened
            }
            // Inside a word, or closing what opened there.
            '\'' => {
                let inside = bytes
                    .get(at + 1)
                    .is_some_and(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'/'));
                apostrophes += 1;
                !quoted && (inside || apostrophes % 2 == 0)
            }
            '&' => !is_escaped_delimiter(&bytes[at..]),
            _ if c.is_ascii() => {
                c.is_ascii_alphanumeric() || b"-._~:/?#@!$*+,;=%".contains(&(c as u8))
            }
            _ => border::joins(Some(c)) && !is_full_width(c),
        };
        if !goes_on {
            end = at;
            break;
        }
    }
    while end > start && b".,:;!?*~([{".contains(&bytes[end - 1]) {
        end = reference_start(&bytes[start..end]).map_or(end - 1, |length| start + length);
    }
    end
}

fn kind(bracket: char) -> usize {
    match bracket {
        '(' | ')' => 0,
        '[' | ']' => 1,
        _ => 2,
    }
}

/// Whether escaped HTML begins that stands for a delimiter.
fn is_escaped_delimiter(bytes: &[u8]) -> bool {
    [
        &b"&lt;"[..],
        b"&gt;",
        b"&quot;",
        b"&nbsp;",
        b"&#39;",
        b"&#34;",
    ]
    .iter()
    .any(|escaped| bytes.starts_with(escaped))
}

/// Where the character reference (`&copy;`) that `bytes` ends with begins.
fn reference_start(bytes: &[u8]) -> Option<usize> {
    let name = bytes.strip_suffix(b";")?;
    let length = name
        .iter()
        .rev()
        .take_while(|b| b.is_ascii_alphanumeric())
        .count();
    let start = name.len().checked_sub(length + 1)?;
    (length > 0 && name[start] == b'&').then_some(start)
}

#[cfg(test)]
mod tests;
