//! HASHTAG, read slowly. What a URL is, the recognizer of URLs says.

use spanql::recognize::{Registry, Scratch};

use super::{joins, regex};

pub fn hashtags(text: &str) -> Vec<String> {
    let spoilt_before = regex(concat!(
        r"(?:[A-Za-z0-9_é#&/=@$\{<\\^`]|\]\(|url\(|\]:|   |(?:^|\n)(?:[+-]|\t+)|<!--",
        r#"|(?:=|=3D|\() *["'])$"#
    ));
    let spoilt_after = regex(r#"^(?:[={$\\^]| \{|[*;>(\[+"%][A-Za-z0-9$%@&(=+])"#);
    let encoded = regex(r"(?:^M[ -`]{0,60}|\nM[ -`]{0,59})$");
    let signs = |text: &str| {
        text.rsplit('\n')
            .next()
            .unwrap()
            .matches(|c: char| c.is_ascii_punctuation())
            .count()
    };
    let topic = regex(r"^#((?:[\w.+&'-]|[^\x00-\x7F\s#]){1,32})#");
    let tag = regex(r"^#(\w+(?:[·・]\w+)*)");
    let letter = regex(r"\p{Alphabetic}");
    let digits = regex("^[0-9]{3,}$");
    let separates = "-.+&'，。、；：";
    let urls: Vec<_> = {
        let scanner = Registry::builtin().scanner(&["URL"]).unwrap();
        let mut scratch = Scratch::default();
        let spans = scanner.scan(text, &mut scratch);
        spans.iter().map(|span| span.start..span.end).collect()
    };
    let (mut all, mut at, mut closed) = (Vec::new(), 0, false);
    while let Some(c) = text[at..].chars().next() {
        let fine = closed && c == '#' || !spoilt_before.is_match(&text[..at]);
        let rest = &text[at..];
        let as_topic = || {
            let found = topic.captures(rest).filter(|_| fine)?;
            let inside = &found[1];
            let edges = [inside.chars().next()?, inside.chars().next_back()?];
            let named = (letter.is_match(inside) || digits.is_match(inside))
                && !edges.iter().any(|c| separates.contains(*c));
            let two_tags = !inside.contains(['中', '话', '题'])
                && joins(rest[found[0].len()..].chars().next());
            (named && !two_tags && !"”！".contains(edges[0])).then(|| found[0].len())
        };
        let as_tag = || {
            let found = tag.captures(rest).filter(|_| fine)?;
            let after = &rest[found[0].len()..];
            let named = letter.is_match(&found[1]) && found[1].chars().count() <= 100;
            (named && !after.starts_with("://")).then(|| found[0].len())
        };
        let end = as_topic().or_else(as_tag);
        if let Some(end) = end {
            let (word, after) = (&rest[1..end], &rest[end..]);
            let line = text[..at].is_empty() || text[..at].ends_with('\n');
            let code = spoilt_after.is_match(after)
                || encoded.is_match(&text[..at])
                    && signs(&text[..at]) > 2
                    && !word.contains(|c: char| c.is_ascii_lowercase())
                || line && after.starts_with(" = ")
                || word == "include"
                || is_number(word)
                || is_colour(&text[..at], word, after);
            let url = urls.iter().find(|url| url.start < at && at < url.end);
            closed = !code && url.is_none();
            if closed {
                all.push(rest[..end].to_string());
            }
            at = url.filter(|_| !code).map_or(at + end, |url| url.end);
        } else {
            closed = false;
            at += c.len_utf8();
        }
    }
    all
}

/// A number in hexadecimal digits: `0x`, a colour by its own look, or long and mostly of digits.
fn is_number(word: &str) -> bool {
    let digits = word.chars().filter(char::is_ascii_digit).count();
    let repeats = |word: &str| {
        word.as_bytes()
            .chunks(2)
            .all(|pair| pair == &word.as_bytes()[..2])
    };
    let doubled = |word: &str| word.as_bytes().chunks(2).all(|pair| pair[0] == pair[1]);
    let digits_only = |word: &str| word.chars().all(|c| c.is_ascii_hexdigit());
    match word.strip_prefix("0x") {
        Some(number) => digits_only(number),
        None if !digits_only(word) => false,
        None if word.len() == 6 || word.len() == 8 => digits > 0 || repeats(word) || doubled(word),
        None => word.len() > 8 && digits * 2 >= word.len(),
    }
}

/// A colour by its place: after a colon, before what ends a declaration.
fn is_colour(before: &str, word: &str, after: &str) -> bool {
    let digits = regex("^[0-9A-Fa-f]+$").is_match(word);
    let declared = regex(": *$").is_match(before);
    let ends = regex(r#"^[;"'!}]"#).is_match(after);
    let line_ends = regex("^(?:[\r\n]|$)").is_match(after);
    digits
        && match word.len() {
            3 | 4 => declared && ends,
            6 | 8 => after.starts_with(';') || declared && (ends || line_ends),
            _ => false,
        }
}
