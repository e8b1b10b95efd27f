//! What may stand beside an entity: the question every recognizer asks about its neighbours.
//!
//! Latin text puts spaces or punctuation around an address; Chinese, Japanese, Korean and Thai text does not
//! (`邮箱a@b.com谢谢`). So a neighbouring letter makes an entity part of something longer, unless the letter is of a
//! script that is written without spaces or glues its particles to foreign words.

/// The character before byte `at`, if any.
pub(super) fn before(text: &str, at: usize) -> Option<char> {
    text[..at].chars().next_back()
}

/// The character at byte `at`, if any.
pub(super) fn after(text: &str, at: usize) -> Option<char> {
    text[at..].chars().next()
}

/// Whether a neighbour continues a word, so that what stands beside it is only a part of something longer.
///
/// Full-width letters and digits (`Ａ`, `１`) continue words: they are letters and digits of the same text.
pub(super) fn joins(neighbour: Option<char>) -> bool {
    neighbour.is_some_and(|c| !glues(c) && is_word(c))
}

/// Letters, marks, digits and `_` (Unicode's `\w`).
pub(super) fn is_word(c: char) -> bool {
    if c.is_ascii() {
        c.is_ascii_alphanumeric() || c == '_'
    } else {
        regex_syntax::is_word_character(c)
    }
}

/// Characters of scripts that stand beside a foreign word without a space: Han, kana, bopomofo, Hangul, Thai, Lao,
/// Khmer, Myanmar (Unicode blocks).
pub(super) fn glues(c: char) -> bool {
    matches!(u32::from(c),
        0x0E00..=0x0EFF | 0x1000..=0x11FF | 0x1780..=0x17FF | 0x2E80..=0x31FF | 0x3400..=0x4DBF | 0x4E00..=0x9FFF
        | 0xA960..=0xA97F | 0xAC00..=0xD7FF | 0xF900..=0xFAFF | 0xFF66..=0xFFDC | 0x1AFF0..=0x1B16F
        | 0x20000..=0x3FFFF)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_join_unless_their_script_has_no_spaces() {
        for c in ['a', '9', '_', 'é', 'я', 'Ａ', '１'] {
            assert!(joins(Some(c)), "{c}");
        }
        for c in [
            '邮', 'の', '한', 'ไ', '，', '：', '。', ' ', '😀', '-', '𠀀',
        ] {
            assert!(!joins(Some(c)), "{c}");
        }
        assert!(!joins(None));
    }
}
