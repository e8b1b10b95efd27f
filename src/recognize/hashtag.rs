//! HASHTAG: `#tag`, and Weibo's `#话题#`.
//!
//! Grammar (after Unicode UAX #31 §2.1 "hashtag identifiers", as X and Weibo use them):
//! ```text
//! tag   = "#" 1*100 word                   letters, marks, digits, "_"; at least one letter
//! topic = "#" 1*32 topic-character "#"     32 is a bound of ours; tried first
//! topic-character = word, non-ASCII characters other than white space, and - . + & '
//! ```
//! A topic begins and ends with a character other than punctuation that separates (`，。、；：` and `-.+&'`). Borders: not after a word character of a script with spaces (`C#`, `page.html#part`), `&`, `/`, `#`
//! (`&#39;`, `/#/route`, `##`); Han stands directly before a tag. Not before `://`. A text such as `#1` is a number,
//! and a colour (`#c0ffee`) cannot be told from a tag.
//!
//! The value is the tag without `#`, in lower case.
//!
//! Cost: stops at `#`; at most 101 characters after each.

use std::borrow::Cow;

use super::{Anchor, ByteSet, Bytes, Found, Recognizer, border};

/// Recognizes hashtags.
#[derive(Debug)]
pub(super) struct Hashtag;

const MAX_TAG: usize = 100;
const MAX_TOPIC: usize = 32;

impl Recognizer for Hashtag {
    fn label(&self) -> &str {
        "HASHTAG"
    }
    fn name(&self) -> &str {
        "hashtag"
    }
    fn definition(&self) -> Cow<'_, str> {
        Cow::Borrowed("1")
    }
    fn anchors(&self) -> Vec<Anchor> {
        let inside = ByteSet::alphanumeric()
            .union(ByteSet::of(b"_"))
            .union(ByteSet::range(0x80, 0xFF));
        vec![Anchor::Bytes(Bytes::of(b"#").followed_by(inside))]
    }
    fn verify(&self, text: &str, at: usize, found: &mut Found<'_>) -> usize {
        let inside = at + 1;
        let before = border::before(text, at);
        // A `#` that closed the last topic may stand before the next one.
        let follows_topic = found.floor() == at && before == Some('#');
        if !follows_topic && (border::joins(before) || matches!(before, Some('#' | '&' | '/'))) {
            return inside;
        }
        match topic_end(text, inside).or_else(|| tag_end(text, inside)) {
            None => inside,
            Some(end) => {
                found.push(at..end);
                end
            }
        }
    }
    fn value<'a>(&self, entity: &'a str) -> Cow<'a, str> {
        let tag = entity.trim_matches('#');
        if tag.chars().any(char::is_uppercase) {
            Cow::Owned(tag.to_lowercase())
        } else {
            Cow::Borrowed(tag)
        }
    }
}

/// Where a topic that begins at `start` ends, after its closing sign.
fn topic_end(text: &str, start: usize) -> Option<usize> {
    let mut names = false;
    let mut last = None;
    for (count, (offset, c)) in text[start..].char_indices().enumerate() {
        if c == '#' {
            let fine = names && !separates(last?);
            return fine.then_some(start + offset + 1);
        }
        let inside = if c.is_ascii() {
            border::is_word(c) || separates(c)
        } else {
            !c.is_whitespace() && !c.is_control()
        };
        if !inside || count == MAX_TOPIC || count == 0 && separates(c) {
            return None;
        }
        names |= c.is_alphabetic();
        last = Some(c);
    }
    None
}

/// Punctuation that stands between tags as well as inside topics.
fn separates(c: char) -> bool {
    matches!(
        c,
        '-' | '.' | '+' | '&' | '\'' | '，' | '。' | '、' | '；' | '：'
    )
}

/// Where a plain tag that begins at `start` ends.
fn tag_end(text: &str, start: usize) -> Option<usize> {
    let mut names = false;
    for (count, (offset, c)) in text[start..].char_indices().enumerate() {
        if !border::is_word(c) {
            let end = start + offset;
            return (names && !text[end..].starts_with("://")).then_some(end);
        }
        if count == MAX_TAG {
            return None;
        }
        names |= c.is_alphabetic();
    }
    names.then_some(text.len())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{assert_linear, assert_table, find};
    use super::*;

    #[test]
    fn table() {
        assert_table(
            &Hashtag,
            &[
                ("#rust", &["#rust → rust"]),
                (
                    "#Rust2026, #rust_lang. (#c)",
                    &["#Rust2026 → rust2026", "#rust_lang → rust_lang", "#c → c"],
                ),
                ("今天#话题#真好", &["#话题# → 话题"]),
                ("#话题##另一个#", &["#话题# → 话题", "#另一个# → 另一个"]),
                (
                    "#话题#正文#第二个#",
                    &["#话题# → 话题", "#第二个# → 第二个"],
                ),
                ("＃话题＃ ＃tag", &["＃话题＃ → 话题", "＃tag → tag"]),
                (
                    "#2026世界杯：开幕！#",
                    &["#2026世界杯：开幕！# → 2026世界杯：开幕！"],
                ),
                ("#a.b#", &["#a.b# → a.b"]),
                ("#话题，#另一个", &["#话题 → 话题", "#另一个 → 另一个"]),
                ("#foo.#bar", &["#foo → foo", "#bar → bar"]),
                ("#a #b#", &["#a → a", "#b# → b"]),
                (
                    "#Ünïcode #Привет #हिन्दी",
                    &["#Ünïcode → ünïcode", "#Привет → привет", "#हिन्दी → हिन्दी"],
                ),
                ("#Go语言", &["#Go语言 → go语言"]),
                ("#1st", &["#1st → 1st"]),
                // No tag.
                ("", &[]),
                ("#", &[]),
                ("# title", &[]),
                ("##title", &[]),
                ("#1 #123 #_ #1_2 #520#", &[]),
                ("C# F#m page.html#part", &[]),
                ("&#39; &#x27; /#/route", &[]),
                ("#http://example.com", &[]),
                ("é#tag 1#tag _#tag", &[]),
                ("#️⃣ #😀 #", &[]),
            ],
        );
    }

    #[test]
    fn lengths() {
        let topic = |n: usize| format!("#{}#", "话".repeat(n));
        let found = |text: &str| {
            find(&Hashtag, text)
                .iter()
                .map(|s| s.of(text).to_string())
                .collect::<Vec<_>>()
        };
        assert_eq!(found(&topic(32)), [topic(32)]);
        assert_eq!(found(&topic(33)), [topic(33).trim_end_matches('#')]);
        assert_eq!(found(&format!("#{}", "x".repeat(100))).len(), 1);
        assert_eq!(found(&format!("#{}", "x".repeat(101))).len(), 0);
    }

    #[test]
    fn hostile_texts_are_linear() {
        assert_linear(&Hashtag, &["#", "#a", "#a#", "＃", "#话", "#-", "# ", "ａ"]);
    }
}
