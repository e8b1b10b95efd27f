//! Full-width forms: what Chinese and Japanese input methods write for ASCII (`１３８`, `ａ＠ｂ．ｃｏｍ`).
//!
//! A text that holds some is folded once, and the built-in recognizers see the folded text; their spans are brought
//! back to the original. So no recognizer knows of width, and none can forget it. Patterns see what the user wrote.
//!
//! Folded are letters, digits and the signs that stand inside entities (`＃＄％＋－．／＠＿`). Not folded is punctuation
//! that separates (`，：；！？（）`): between full-width commas stand two numbers, not one with thousands.

use std::borrow::Cow;

use super::Span;

/// UTF-8 of U+FF01 to U+FF5E is `EF BC 81` to `EF BD 9E`.
const LEAD: u8 = 0xEF;
/// A full-width form takes three bytes, its ASCII one.
const SAVED: usize = 2;

/// A folded text and the way back.
#[derive(Debug, Default)]
pub(super) struct Folded {
    text: String,
    /// Bytes of the folded text that were three bytes before, ascending.
    folded_at: Vec<usize>,
}

impl Folded {
    /// Folds `text`, or says that there is nothing to fold.
    pub(super) fn fold(&mut self, text: &str) -> bool {
        let Some(first) = find(text.as_bytes(), 0) else {
            return false;
        };
        self.text.clear();
        self.folded_at.clear();
        let (mut copied, mut next) = (0, Some(first));
        while let Some((at, ascii)) = next {
            self.text.push_str(&text[copied..at]);
            self.folded_at.push(self.text.len());
            self.text.push(char::from(ascii));
            copied = at + SAVED + 1;
            next = find(text.as_bytes(), copied);
        }
        self.text.push_str(&text[copied..]);
        true
    }

    /// The folded text.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The byte of the original text for one of the folded text.
    pub(super) fn original(&self, at: usize) -> usize {
        at + SAVED * self.folded_at.partition_point(|&folded| folded < at)
    }

    /// Brings a span of the folded text back.
    pub(super) fn restore(&self, span: &mut Span) {
        span.start = self.original(span.start);
        span.end = self.original(span.end);
    }
}

/// `text` with its full-width forms folded.
pub(super) fn fold(text: &str) -> Cow<'_, str> {
    let mut folded = Folded::default();
    if folded.fold(text) {
        Cow::Owned(folded.text)
    } else {
        Cow::Borrowed(text)
    }
}

/// The first full-width form at or after `from`, and the ASCII it folds to.
fn find(bytes: &[u8], from: usize) -> Option<(usize, u8)> {
    let mut from = from;
    loop {
        let at = from + memchr::memchr(LEAD, bytes.get(from..)?)?;
        let ascii = match *bytes.get(at + 1..at + 3)? {
            [0xBC, last] => last.wrapping_sub(0x60),
            [0xBD, last] => last.wrapping_sub(0x20),
            _ => 0,
        };
        if ascii.is_ascii_alphanumeric() || b"#$%+-./@_".contains(&ascii) {
            return Some((at, ascii));
        }
        from = at + 3;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folds_letters_digits_and_inner_signs_only() {
        assert_eq!(
            fold("邮箱：ａ＠Ｂ．ｃｏｍ，＃１－２＋３／４％＄＿（）！？￥ー0"),
            "邮箱：a@B.com，#1-2+3/4%$_（）！？￥ー0"
        );
        for c in '\u{FF01}'..='\u{FF5E}' {
            let ascii = char::from_u32(u32::from(c) - 0xFEE0).unwrap();
            let text = c.to_string();
            let folded = fold(&text);
            assert!(*folded == text || *folded == ascii.to_string(), "{c}");
        }
        for plain in ["", "abc", "，。：", "ﬁ", "\u{FEFF}x", "\u{FFFD}"] {
            assert!(matches!(fold(plain), Cow::Borrowed(_)), "{plain}");
        }
    }

    #[test]
    fn offsets_come_back() {
        let text = "a，１２b３";
        let mut folded = Folded::default();
        assert!(folded.fold(text) && folded.text() == "a，12b3");
        for (at, original) in [(0, 0), (1, 1), (4, 4), (5, 7), (6, 10), (7, 11), (8, 14)] {
            assert_eq!(folded.original(at), original);
            assert!(text.is_char_boundary(original));
        }
        assert!(!folded.fold("abc，"));
    }
}
