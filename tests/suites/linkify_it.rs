//! linkify-it by Vitaly Puzrin (MIT), which the list quotes: a finder of links and addresses in Markdown.
//! The first line of a case is a text, the last the one link in it. A link that is an address is EMAIL's.

use regex::Regex;

use super::{Differences, compare, found, read};

const DIFFERENCES: Differences = &[
    (
        "a host without a dot is a placeholder in prose, or a host cut short, unless a port follows",
        &["http://inrgess2", "http://999", "http://host-name"],
    ),
    (
        "a name without a scheme or `www.` cannot be told from a file, a package or two sentences",
        &[
            ">>example.com",
            "google.com",
            "google.com:",
            "s.l.o.w.io",
            "a-b.com",
            "GOOGLE.COM.",
            "google.xxx",
            "[example.com/foo_bar.jpg)]",
            "<domain.com>",
            "<domain.com>.",
            "<domain.com/foo>",
            "a.ws",
            "➡.ws/䨹",
            "example.com/䨹",
            "президент.рф",
        ],
    ),
    (
        "an IP address without a scheme is an IP address",
        &["4.4.4.4", "192.168.1.1/abc"],
    ),
    (
        "`//` without a scheme is a comment or a path",
        &["//localhost", "//test.123", "My ssl //example.com site"],
    ),
    (
        "a quotation mark ends a URL, for it delimits URLs in markup and code",
        &["http://foo.com/blah_blah_\"doublequoted\""],
    ),
    (
        "a quoted local part cannot be told from a quotation",
        &["test.\"foo\".bar@gmail.co.uk!"],
    ),
    (
        "a domain without a dot is a word in prose, `mailto:` or not",
        &["mailto:foo@bar"],
    ),
];

#[test]
fn links() {
    let Some(cases) = read("linkify-it/links.txt") else {
        return;
    };
    let scheme = Regex::new("(?i)^mailto:").unwrap();
    let cases = cases.split("\n\n").filter_map(|block| {
        let mut lines = lines(block);
        let text = lines.next()?;
        let link = lines.last().unwrap_or_else(|| text.clone());
        let agrees = if link.contains('@') && !link.contains('/') {
            found("EMAIL", &text) == [&*scheme.replace(&link, "")]
        } else {
            found("URL", &text) == [link]
        };
        Some((text, agrees))
    });
    compare("linkify-it's links", cases, DIFFERENCES);
}

#[test]
fn not_links() {
    let Some(cases) = read("linkify-it/not_links.txt") else {
        return;
    };
    let nothing = |text: &str| found("URL", text).is_empty() && found("EMAIL", text).is_empty();
    let cases = lines(&cases).map(|text| (text.clone(), nothing(&text)));
    compare("linkify-it's texts without links", cases, &[]);
}

/// The lines that are no comments, without those at their ends.
fn lines(block: &str) -> impl Iterator<Item = String> {
    let comment = Regex::new(r"\s+[%/]+ .*$").unwrap();
    block
        .lines()
        .filter(|line| !line.starts_with('%') && !line.trim().is_empty())
        .map(move |line| comment.replace(line, "").into_owned())
}
