//! Cues: words that say what stands beside them (`QQ：`, `微信号`, `NASDAQ:`), in any ASCII case.
//!
//! Owns how they are compared with a text. Which words are cues is each label's business.

use super::border;

/// What follows `word` at the start of `text`.
pub(super) fn strip_start<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let (first, rest) = text.split_at_checked(word.len())?;
    first.eq_ignore_ascii_case(word).then_some(rest)
}

/// What precedes `word` at the end of `text`.
pub(super) fn strip_end<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let (rest, last) = text.split_at_checked(text.len().checked_sub(word.len())?)?;
    last.eq_ignore_ascii_case(word).then_some(rest)
}

/// Whether `text` ends with `word`, a Latin one not being the end of a longer word.
pub(super) fn ends(text: &str, word: &str) -> bool {
    strip_end(text, word).is_some_and(|rest| {
        !word.starts_with(|c: char| c.is_ascii()) || !border::joins(rest.chars().next_back())
    })
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
