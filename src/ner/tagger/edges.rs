//! An entity begins with what a name or a handle begins with, and ends with none of the signs that are put around it.
//!
//! The network learned on plain sentences. In markup, quoted mail and broken encodings it takes signs into a span (`### 谷歌`,
//! `Chris>`, `=====`), which no training data shows it not to.

use std::ops::Range;

/// The span without the signs at its edges; nothing where it has neither letters nor digits. A lone `@` stays: the Broad
/// Twitter Corpus marks it as an entity before a user's name, and files like it are what the tagger is evaluated on.
pub(super) fn without_signs(text: &str, span: Range<usize>) -> Option<Range<usize>> {
    let entity = &text[span.clone()];
    if entity == "@" {
        return Some(span);
    }
    let begins = entity
        .char_indices()
        .find(|&(at, c)| is_of_name(c) || is_handle(&entity[at..]))
        .map_or("", |(at, _)| &entity[at..]);
    let opened = begins.contains('(');
    let ends = begins.trim_end_matches(|c: char| match c {
        '.' | '!' | '+' | '_' => false,
        ')' => !opened,
        _ => c.is_ascii_punctuation() || c.is_whitespace() || c == char::REPLACEMENT_CHARACTER,
    });
    let start = span.end - begins.len();
    (!ends.is_empty()).then(|| start..start + ends.len())
}

fn is_handle(text: &str) -> bool {
    text.strip_prefix(['@', '#'])
        .is_some_and(|name| name.starts_with(is_of_name))
}

/// Users' names begin and end with `_`, too.
fn is_of_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_are_no_part_of_a_name() {
        for (taken, name) in [
            ("### 谷歌", Some("谷歌")),
            ("* [Linux 基金会", Some("Linux 基金会")),
            ("**Jane Doe**", Some("Jane Doe")),
            ("_jane_", Some("_jane_")),
            ("Chris>", Some("Chris")),
            ("IBXG\u{FFFD}", Some("IBXG")),
            ("Acme)", Some("Acme")),
            ("Acme (", Some("Acme")),
            ("@jane_doe", Some("@jane_doe")),
            ("Acme (Asia)", Some("Acme (Asia)")),
            ("Acme Inc.", Some("Acme Inc.")),
            ("Yahoo!", Some("Yahoo!")),
            ("Jose\u{301}", Some("Jose\u{301}")),
            ("=====", None),
            ("@", Some("@")),
            ("\u{FFFD}\u{FFFD}", None),
        ] {
            let text = format!("见{taken}。");
            let span = "见".len().."见".len() + taken.len();
            let found = without_signs(&text, span).map(|span| &text[span]);
            assert_eq!(found, name, "{taken}");
        }
    }
}
