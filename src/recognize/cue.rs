//! Cues: words that say what stands beside them (`QQ：`, `微信号`, `NASDAQ:`), in any ASCII case.
//!
//! Owns how they are compared with a text. Which words are cues is each label's business.

use super::{ByteSet, border};

/// As many words as are taken together.
const MAX_WORDS: usize = 64;

/// What follows `word` at the start of `text`.
pub(super) fn strip_start<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    // One byte tells most words apart.
    let same = text
        .bytes()
        .next()?
        .eq_ignore_ascii_case(&word.bytes().next()?);
    let (first, rest) = text.split_at_checked(word.len()).filter(|_| same)?;
    first.eq_ignore_ascii_case(word).then_some(rest)
}

/// What precedes `word` at the end of `text`.
pub(super) fn strip_end<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let same = text
        .bytes()
        .next_back()?
        .eq_ignore_ascii_case(&word.bytes().next_back()?);
    let at = text.len().checked_sub(word.len()).filter(|_| same)?;
    let (rest, last) = text.split_at_checked(at)?;
    last.eq_ignore_ascii_case(word).then_some(rest)
}

/// Whether `text` ends with `word`, a Latin one not being the end of a longer word.
pub(super) fn ends(text: &str, word: &str) -> bool {
    strip_end(text, word).is_some_and(|rest| {
        !word.starts_with(|c: char| c.is_ascii()) || !border::joins(rest.chars().next_back())
    })
}

/// The bytes that some words end with, in either case.
pub(super) const fn last_bytes(words: &[&str]) -> ByteSet {
    let mut bytes = [0; 2 * MAX_WORDS];
    let mut i = 0;
    while i < words.len() {
        let word = words[i].as_bytes();
        bytes[2 * i] = word[word.len() - 1].to_ascii_lowercase();
        bytes[2 * i + 1] = word[word.len() - 1].to_ascii_uppercase();
        i += 1;
    }
    ByteSet::of(bytes.split_at(2 * i).0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_does_not_matter_and_borders_do() {
        assert_eq!(strip_start("WeChat: x", "wechat"), Some(": x"));
        assert_eq!(strip_start("微信：x", "微信"), Some("：x"));
        assert_eq!(strip_end("Tel. QQ", "qq"), Some("Tel. "));
        assert_eq!(
            (
                strip_start("微", "w"),
                strip_end("微", "w"),
                strip_end("", "w")
            ),
            (None, None, None)
        );
        assert_eq!(last_bytes(&["qq", "群"]), ByteSet::of(b"qQ\xA4"));
        for (text, word, is) in [
            ("QQ", "qq", true),
            ("加QQ", "qq", true),
            ("a QQ", "qq", true),
            ("aqq", "qq", false),
            ("企鹅号", "企鹅号", true),
            ("a企鹅号", "企鹅号", true),
        ] {
            assert_eq!(ends(text, word), is, "{text}");
        }
    }
}
