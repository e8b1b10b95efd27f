//! IP: addresses of versions 4 and 6.
//!
//! Grammar (RFC 4291 §2.2 for version 6, with the dotted quad of RFC 6943 §3.1.1 for version 4):
//! ```text
//! v4    = number 3("." number)             0-255, without leading zeros
//! v6    = 8 groups of 1-4 hexadecimal digits with ":" between them; "::" stands for one or more groups of zeros;
//!         the last two groups may be a v4
//! ```
//! A zone (`fe80::1%eth0`), a prefix length (`/24`), a port and brackets stand outside. Not taken for addresses: `::`
//! but for `[::]` and `::/0`, names of programs (`std::add`, `ace::bad`: a v6 of fewer than three groups has a digit),
//! slices (`[::2]`, `1::3`: one or two short decimal groups, but for `::1`), `0.9.4.1` (no host's: RFC 1122 §3.2.1.3;
//! masks such as `0.0.0.255` are taken), eight groups of two digits (an EUI-64), and times, which have neither `::` nor
//! eight groups.
//!
//! Borders: not cut out of a longer word, of more than four numbers (`1.2.3.4.5`, an OID), of a host or file name
//! (`4.3.2.1.in-addr.arpa`, `lib-1.2.3.4.so`), or of a longer run of groups; not a version (`v1.2.3.4`, `version
//! 1.2.3.4`, `Browser/1.2.3.4`, `版本1.2.3.4`, `内核2.6.32.27`, `pkg==1.2.3.4` where the name is no address's) nor a section
//! (`Section 4.2.1.1`, `§ 4.2.1.1`, `第1.2.3.4节`). A colon that ends a word stands before a v6 (`IPv6:::1`), not one alone
//! (`:::8080`, any address and a port).
//!
//! The value is the canonical form of RFC 5952.
//!
//! Cost: stops at runs of up to three digits before a dot, at double colons, and at groups that may be a version 6's;
//! at most 100 bytes at each.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Range;

use super::{Anchor, ByteSet, Bytes, DigitRuns, Found, Recognizer, border, cue, digits};

/// Recognizes IP addresses.
#[derive(Debug)]
pub(super) struct Ip;

const MAX_V4: usize = 15;
/// The longest version 6 address: seven groups of four, their colons, and one that is a version 4 address.
const MAX_V6: usize = 45;

impl Recognizer for Ip {
    fn label(&self) -> &str {
        "IP"
    }
    fn description(&self) -> &str {
        "IPv4 and IPv6 addresses"
    }
    fn name(&self) -> &str {
        "ip"
    }
    fn definition(&self) -> Cow<'_, str> {
        Cow::Borrowed("2")
    }
    fn anchors(&self) -> Vec<Anchor> {
        const LETTERS: ByteSet = ByteSet::of(b"abcdefABCDEF");
        const HEX: ByteSet = ByteSet::of(b"0123456789abcdefABCDEF");
        // Of eight groups one has a letter at its end, or is digits, or begins with them.
        let group = DigitRuns::of_length(1..=4).preceded_by(b":");
        vec![
            Anchor::Digits(
                DigitRuns::of_length(1..=3)
                    .not_preceded_by(b".")
                    .followed_by(b"."),
            ),
            Anchor::Bytes(Bytes::of(b":").not_preceded_by(b":").followed_by(b":")),
            Anchor::Bytes(Bytes::of(b":").preceded_by(HEX).followed_by(LETTERS)),
            Anchor::Bytes(Bytes::of(b":").preceded_by(LETTERS).followed_by(HEX)),
            Anchor::Digits(group.followed_by(LETTERS.union(ByteSet::of(b":")))),
        ]
    }
    fn verify(&self, text: &str, at: usize, found: &mut Found<'_>) -> usize {
        let bytes = text.as_bytes();
        let mut resume = at + 1;
        let mut span = None;
        if bytes[at] == b':' || at > 0 && bytes[at - 1] == b':' {
            (span, resume) = version_6(text, at, found);
        }
        if span.is_none() && bytes[at].is_ascii_digit() {
            span = version_4(text, at, found);
        }
        match span.filter(|span| span.start >= found.floor()) {
            None => resume,
            Some(span) => {
                let end = span.end;
                found.push(span);
                end
            }
        }
    }
    fn value<'a>(&self, entity: &'a str) -> Cow<'a, str> {
        match entity.parse::<IpAddr>().map(|address| address.to_string()) {
            Ok(value) if value != entity => Cow::Owned(value),
            _ => Cow::Borrowed(entity),
        }
    }
}

/// The version 4 address whose first digits stand at `at`.
fn version_4(text: &str, at: usize, found: &mut Found<'_>) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let end = quad_end(bytes, at)?;
    let is_byte =
        |number: &[u8]| digits::number(number) < 256 && (number[0] != b'0' || number.len() == 1);
    let reason = if !bytes[at..end].split(|&b| b == b'.').all(is_byte) {
        "a number in it is greater than 255 or begins with 0"
    } else if bytes[at..].starts_with(b"0.") && !bytes[at..].starts_with(b"0.0.") {
        "no host has an address of 0.1.0.0 or more below 1.0.0.0"
    } else if !opens(text, at) || !closes(text, end) {
        "it is part of something longer"
    } else if is_version(&text[..at]) || is_pinned(&text[..at]) {
        "it is the number of a version"
    } else if is_section(&text[..at], &text[end..]) {
        "it is the number of a section"
    } else {
        return Some(at..end);
    };
    found.refuse(at..end, reason);
    None
}

/// Where four numbers that begin at `at` end.
fn quad_end(bytes: &[u8], at: usize) -> Option<usize> {
    let mut end = at;
    for number in 0..4 {
        if number > 0 {
            (bytes.get(end) == Some(&b'.')).then_some(())?;
            end += 1;
        }
        let length = digits::run(bytes, end, 4);
        (1..=3).contains(&length).then_some(())?;
        end += length;
    }
    Some(end)
}

/// Whether four numbers may begin at `start`. Behind a hyphen they end a range that another address begins.
fn opens(text: &str, start: usize) -> bool {
    let before = border::before(text, start);
    let further = before.and_then(|c| border::before(text, start - c.len_utf8()));
    match before {
        Some('-') if further.is_some_and(|c| c.is_ascii_digit()) => {
            let first = text[..start - 1].bytes().rev().take(MAX_V4 + 1);
            let length = first
                .take_while(|b| b.is_ascii_digit() || *b == b'.')
                .count();
            text[start - 1 - length..start - 1]
                .parse::<Ipv4Addr>()
                .is_ok()
        }
        Some('-') => !further.is_some_and(|c| c.is_ascii_alphabetic()),
        _ => !border::joins(before),
    }
}

/// Whether four numbers may end at `end`. Before a hyphen they begin a range, to an address or a greater last number.
fn closes(text: &str, end: usize) -> bool {
    let (after, bytes) = (border::after(text, end), text.as_bytes());
    match after {
        Some('.') => !bytes.get(end + 1).is_some_and(u8::is_ascii_alphanumeric),
        Some('-') if bytes.get(end + 1).is_some_and(u8::is_ascii_digit) => {
            let number_at = |at: usize| digits::number(&bytes[at..at + digits::run(bytes, at, 4)]);
            let last = end - digits::run_before(bytes, end, 3);
            quad_end(bytes, end + 1).is_some() || number_at(last) < number_at(end + 1)
        }
        Some('-') => !bytes.get(end + 1).is_some_and(u8::is_ascii_alphabetic),
        _ => !border::joins(after),
    }
}

/// Whether what stands before four numbers says that they are a version's.
fn is_version(before: &str) -> bool {
    const WORDS: [&str; 9] = [
        "v", "rv", "ver", "version", "revision", "release", "rel", "build", "firmware",
    ];
    let letters = |text: &str| {
        let last = text.bytes().rev().take(20);
        last.take_while(u8::is_ascii_alphabetic).count()
    };
    if before.ends_with(['[', '(', '\n', '\t']) {
        return false;
    }
    // A product's name before a slash, as in a User-Agent; `localhost/127.0.0.1` has none.
    if let Some(name) = before.strip_suffix('/') {
        let length = letters(name);
        return name[name.len() - length..].starts_with(|c: char| c.is_ascii_uppercase());
    }
    let before = before.strip_suffix(' ').unwrap_or(before);
    // `kernel: 10.0.0.1 sent an invalid ICMP` is a log's line.
    if before.ends_with("内核") || cue::ends(before, "kernel") {
        return true;
    }
    let before = before.strip_suffix([':', '：', '.']).unwrap_or(before);
    if ["版本", "版本号", "版"]
        .iter()
        .any(|word| before.ends_with(word))
    {
        return true;
    }
    let word = &before[before.len() - letters(before)..];
    WORDS.iter().any(|known| known.eq_ignore_ascii_case(word))
}

/// Whether a package's name and `==` stand before, as in a list of requirements. In a filter an address's own name does:
/// `ip.src==10.0.0.1`, `host==10.0.0.1`.
fn is_pinned(before: &str) -> bool {
    const ADDRESSED: [&str; 9] = [
        "addr", "address", "client", "dst", "host", "ip", "peer", "server", "src",
    ];
    let Some(name) = before.strip_suffix("==") else {
        return false;
    };
    let inside = |b: &u8| b.is_ascii_alphanumeric() || b"-_.".contains(b);
    let length = name.bytes().rev().take(40).take_while(inside).count();
    let name = &name[name.len() - length..];
    let mut words = name.split(['-', '_']);
    !name.is_empty() && !name.contains('.') && !words.any(|word| ADDRESSED.contains(&word))
}

/// Whether what stands beside four numbers says that they count sections.
fn is_section(before: &str, after: &str) -> bool {
    const WORDS: [&str; 5] = ["section", "sec.", "chapter", "clause", "paragraph"];
    let before = before.strip_suffix(' ').unwrap_or(before);
    let after = after.strip_prefix(' ').unwrap_or(after);
    before.ends_with(['§', '第'])
        || after.starts_with(['节', '節', '章'])
        || WORDS.iter().any(|word| cue::ends(before, word))
}

/// The version 6 address around `at`, and the byte before which no other one can begin.
fn version_6(text: &str, at: usize, found: &mut Found<'_>) -> (Option<Range<usize>>, usize) {
    let bytes = text.as_bytes();
    let inside = |b: &&u8| b.is_ascii_hexdigit() || **b == b':';
    let before = bytes[..at].iter().rev().take(MAX_V6 + 1);
    let after = bytes[at..].iter().take(MAX_V6 + 1);
    let mut start = at - before.take_while(inside).count();
    let mut end = at + after.take_while(inside).count();
    // The digits after the last colon may begin a version 4 address; all before is settled here.
    let last_colon = memchr::memrchr(b':', &bytes[start..end]).map_or(at, |i| start + i);
    let resume = at.max(last_colon) + 1;
    let run = &bytes[start..end];
    let colons = memchr::memchr_iter(b':', run).count();
    let shortened = || run.windows(2).any(|pair| pair == b"::");
    if run.len() > MAX_V6 || colons < 6 && !shortened() || start < found.floor() {
        return (None, resume);
    }
    let word = border::before(text, start).is_some_and(border::is_word);
    if bytes[start..end].starts_with(b":::") && !word {
        found.refuse(start..end, "its third colon stands before a port");
        return (None, resume);
    }
    if border::joins(border::before(text, start)) {
        // `addr:2001:db8::1`, `IPv6:::1`: the word ends at the first colon. `std::add`: it does not.
        start = memchr::memchr(b':', &bytes[start..end]).map_or(end, |i| start + i);
        if bytes[start..end].starts_with(b"::") && !bytes[start..end].starts_with(b":::") {
            return (None, resume);
        }
    }
    // One colon, or the third, is punctuation: `addr:::1`.
    let colons =
        |run: &mut dyn Iterator<Item = &u8>| run.take(3).take_while(|&&b| b == b':').count();
    start += colons(&mut bytes[start..end].iter()) % 2;
    if let Some(quad) = quad_end(bytes, last_colon + 1) {
        end = quad;
    } else if start < end {
        end -= colons(&mut bytes[start..end].iter().rev()) % 2;
    }
    let Ok(address) = text[start..end].parse::<Ipv6Addr>() else {
        return (None, resume);
    };
    match why_not(text, start..end, address) {
        None => (Some(start..end), resume),
        Some(reason) => {
            found.refuse(start..end, reason);
            (None, resume)
        }
    }
}

/// Why what reads as a version 6 address is none.
fn why_not(text: &str, span: Range<usize>, address: Ipv6Addr) -> Option<&'static str> {
    let written = &text[span.clone()];
    let groups = || written.split(':').filter(|group| !group.is_empty());
    let count = groups().count();
    let short = |group: &str| group.len() < 4 && group.bytes().all(|b| b.is_ascii_digit());
    let further = text.as_bytes().get(span.end + 1);
    if border::joins(border::after(text, span.end))
        || text[span.end..].starts_with('.') && further.is_some_and(u8::is_ascii_digit)
    {
        Some("it is part of something longer")
    } else if is_slice(text, &span)
        || count < 3 && groups().all(short) && count > 0 && !address.is_loopback()
    {
        Some("it may be a slice")
    } else if count < 3 && !written.bytes().any(|b| b.is_ascii_digit()) {
        let (before, after) = (&text[..span.start], &text[span.end..]);
        let listens = before.ends_with('[') && after.starts_with(']') || after.starts_with("/0");
        (!(count == 0 && listens)).then_some("without a digit it may be a name in a program")
    } else if count == 8 && groups().all(|group| group.len() == 2) {
        Some("eight groups of two digits are a hardware address")
    } else {
        None
    }
}

/// Whether brackets around `span` follow a name.
fn is_slice(text: &str, span: &Range<usize>) -> bool {
    let name = text[..span.start].strip_suffix('[');
    name.is_some_and(|name| border::joins(name.chars().next_back()))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{assert_linear, assert_table};
    use super::*;

    #[test]
    fn version_4_table() {
        assert_table(
            &Ip,
            &[
                ("10.0.0.1", &["10.0.0.1"]),
                ("服务器10.0.0.1已重启", &["10.0.0.1"]),
                ("１０．０．０．１", &["１０．０．０．１ → 10.0.0.1"]),
                (
                    "0.0.0.0 255.255.255.255 0.0.0.255",
                    &["0.0.0.0", "255.255.255.255", "0.0.0.255"],
                ),
                ("10.0.0.1:8080 10.0.0.0/24", &["10.0.0.1", "10.0.0.0"]),
                ("from [10.0.0.1] (10.0.0.2)", &["10.0.0.1", "10.0.0.2"]),
                ("http://10.0.0.1/ @10.0.0.1 ip=10.0.0.1", &["10.0.0.1"; 3]),
                (
                    "10.0.0.1-10.0.0.9 10.0.0.10-20",
                    &["10.0.0.1", "10.0.0.9", "10.0.0.10"],
                ),
                (
                    "10.0.0.1,10.0.0.2;10.0.0.3",
                    &["10.0.0.1", "10.0.0.2", "10.0.0.3"],
                ),
                ("It is 10.0.0.1. Or 10.0.0.2...", &["10.0.0.1", "10.0.0.2"]),
                ("host:10.0.0.1 12:30:10.0.0.1", &["10.0.0.1", "10.0.0.1"]),
                // No address, or only a part of something longer.
                ("", &[]),
                ("1", &[]),
                ("1.2.3 1.2.3. 1..2.3.4 1.2.3.", &[]),
                ("256.1.1.1 1.1.1.256 1.1.1.1000 1000.1.1.1", &[]),
                ("01.2.3.4 1.02.3.4 1.2.3.04 00.0.0.0", &[]),
                ("1.2.3.4.5 1.3.6.1.4.1.311 .1.2.3.4.5", &[]),
                ("v1.2.3.4 V1.2.3.4 x1.2.3.4 _1.2.3.4 1.2.3.4a 1.2.3.4_", &[]),
                ("0.9.4.1 0.1.0.0", &[]),
                (
                    "rv:1.2.3.4 version 1.2.3.4 Version: 1.2.3.4 ver.1.2.3.4 build 1.2.3.4",
                    &[],
                ),
                (
                    "ip.addr==10.0.0.1 src_ip==10.0.0.2 kernel: 10.0.0.3 sent 第 10.0.0.4",
                    &["10.0.0.1", "10.0.0.2", "10.0.0.3"],
                ),
                (
                    "见4.2.1.1节 第1.2.3.4节 4.2.1.1 章 Section 4.2.1.1, sec. 4.2.1.1, § 4.2.1.1 §4.2.1.1 chapter 4.2.1.1",
                    &[],
                ),
                (
                    "内核2.6.32.27 Kernel 2.6.32.27 pkg==1.2.3.4 opencv-python==4.5.5.64",
                    &[],
                ),
                ("版本1.2.3.4 版本号：1.2.3.4 版本: 1.2.3.4", &[]),
                ("Browser/1.2.3.4 lib-1.2.3.4 a.1.2.3.4", &[]),
                ("4.3.2.1.in-addr.arpa 1.2.3.4.example.com 1.2.3.4-beta", &[]),
                ("7.0.8.4-1 555-1.2.3.4 6.6.7-9.2.1.6 lib-1.2.3.4-5", &[]),
                ("é1.2.3.4 1.2.3.4é", &[]),
            ],
        );
    }

    #[test]
    fn version_6_table() {
        assert_table(
            &Ip,
            &[
                ("2001:db8::1", &["2001:db8::1"]),
                (
                    "地址2001:db8::1，地址：fe80::1",
                    &["2001:db8::1", "fe80::1"],
                ),
                (
                    "2001:DB8:0:0:8:800:200C:417A",
                    &["2001:DB8:0:0:8:800:200C:417A → 2001:db8::8:800:200c:417a"],
                ),
                (
                    "2001:0db8:0000:0000:0000:0000:0000:0001",
                    &["2001:0db8:0000:0000:0000:0000:0000:0001 → 2001:db8::1"],
                ),
                ("2001:10:20:30:40:50:60:70", &["2001:10:20:30:40:50:60:70"]),
                ("1:2:3:4:5:6:7:8", &["1:2:3:4:5:6:7:8"]),
                (
                    "::1 ::ffff:10.0.0.1 64:ff9b::10.0.0.1",
                    &[
                        "::1",
                        "::ffff:10.0.0.1",
                        "64:ff9b::10.0.0.1 → 64:ff9b::a00:1",
                    ],
                ),
                (
                    "2001:db8:: fe80::/10 2001:db8::1/64",
                    &["2001:db8::", "fe80::", "2001:db8::1"],
                ),
                (
                    "http://[2001:db8::1]:8080/ [::1]:80 [IPv6:2001:db8::1]",
                    &["2001:db8::1", "::1", "2001:db8::1"],
                ),
                (
                    "fe80::1%eth0 fe80::202:b3ff:fe1e:8329%en0",
                    &["fe80::1", "fe80::202:b3ff:fe1e:8329"],
                ),
                (
                    "addr:2001:db8::1 inet6 addr: ::1 IPv6:::1",
                    &["2001:db8::1", "::1", "::1"],
                ),
                (
                    "2001:db8::1: host. At 2001:db8::1.",
                    &["2001:db8::1", "2001:db8::1"],
                ),
                ("dead:beef::cafe", &["dead:beef::cafe"]),
                ("[::]:22 ::/0", &["::", "::"]),
                ("地址:::1 [IPv6:::1]", &["::1", "::1"]),
                // No address, or only a part of something longer.
                (":::1234 0 :::111 :::* `:::8080` :::1", &[]),
                (": :: ::: :::: a:b 1:2 x[::] x[::1]", &[]),
                (
                    "std::vector std::add::bad ace::bad Foo::Bar::e ::begin ::e",
                    &[],
                ),
                ("x[::2] [1::3] 1:: ::23", &[]),
                ("10:30 12:36:23 12:36:23.456 2002:08:22 07:36:16", &[]),
                ("00:1a:2b:3c:4d:5e 00:1a:2b:ff:fe:3c:4d:5e", &[]),
                (
                    "1:2:3:4:5:6:7:8:9 1:2:3:4:5:6:7 1::2::3 12345::1 2001:db8::g",
                    &[],
                ),
                ("2001:db8::1x é2001:db8::1é ::ffff:10.0.0.1.5", &[]),
                ("43:51:43:a1:b5:fc:8b:b7:0a:3a:a9:b1:0f:66:73:a8:43:51", &[]),
            ],
        );
    }

    #[test]
    fn hostile_texts_are_linear() {
        assert_linear(
            &Ip,
            &[
                ":",
                "::",
                ":::",
                "1:",
                "a:",
                "1a:",
                "a1:",
                "12:",
                "::1",
                "1::",
                "fe80::1 ",
                "1.",
                "1.2.3.4",
                "1.2.3.4 ",
                "1.2.3.4:",
                "1:1.",
                "255.255.255.255:",
                "f",
                ".",
            ],
        );
    }
}
