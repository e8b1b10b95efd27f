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
    fn description(&self) -> &str {
        "#tag, and #话题#"
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
        let tag = if !follows_topic
            && (border::joins(before) || matches!(before, Some('#' | '&' | '/')))
        {
            Err("what stands before it makes it part of something longer")
        } else {
            topic_end(text, inside).map_or_else(|| tag_end(text, inside), Ok)
        };
        match tag {
            Ok(end) => {
                found.push(at..end);
                end
            }
            Err(reason) => {
                if found.explains() {
                    let word = text[inside..].chars().take(MAX_TAG);
                    let length: usize = word
                        .take_while(|&c| border::is_word(c))
                        .map(char::len_utf8)
                        .sum();
                    found.refuse(at..inside + length, reason);
                }
                inside
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

/// Where a plain tag that begins at `start` ends, or why there is none.
fn tag_end(text: &str, start: usize) -> Result<usize, &'static str> {
    let (mut names, mut end) = (false, text.len());
    for (count, (offset, c)) in text[start..].char_indices().enumerate() {
        if !border::is_word(c) {
            end = start + offset;
            break;
        }
        if count == MAX_TAG {
            return Err("it is longer than 100 characters");
        }
        names |= c.is_alphabetic();
    }
    if text[end..].starts_with("://") {
        return Err("it is part of a URL");
    }
    match names {
        true => Ok(end),
        false => Err("it has no letter"),
    }
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
    fn reasons() {
        let scanner = super::super::Registry::builtin()
            .scanner(&["HASHTAG"])
            .unwrap();
        for (text, part, reason) in [
            ("see #12.", "#12", "no letter"),
            ("page.html#part", "#part", "before it"),
            ("#http://example.com", "#http", "URL"),
            (
                &format!("#{}", "话".repeat(101)),
                &format!("#{}", "话".repeat(100)),
                "100",
            ),
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
        assert_eq!(scanner.explain("# title #tag").1, []);
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
