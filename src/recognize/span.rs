//! [`Span`], and the one place where byte offsets become character offsets.

/// A half-open byte range of a text, and who found it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// Byte after the last.
    pub end: usize,
    /// Index of the recognizer in its registry.
    pub recognizer: usize,
    /// How sure it is, from 0 to 1.
    pub score: f32,
}

impl Span {
    /// The entity's text.
    #[must_use]
    pub fn of<'a>(&self, text: &'a str) -> &'a str {
        &text[self.start..self.end]
    }
}

/// Converts ascending byte offsets of one text to character offsets in a single pass.
///
/// ```
/// use spanql::recognize::CharOffsets;
/// let mut offsets = CharOffsets::new("邮箱：a@b.com");
/// assert_eq!(offsets.at(9), 3);
/// assert_eq!(offsets.at(16), 10);
/// ```
#[derive(Debug)]
pub struct CharOffsets<'a> {
    text: &'a str,
    byte: usize,
    chars: usize,
}

impl<'a> CharOffsets<'a> {
    /// Starts at the beginning of `text`.
    #[must_use]
    pub fn new(text: &'a str) -> Self {
        Self {
            text,
            byte: 0,
            chars: 0,
        }
    }

    /// Characters before `byte`, which must be a character boundary. Cheap when `byte` does not go back.
    pub fn at(&mut self, byte: usize) -> usize {
        if byte < self.byte {
            self.byte = 0;
            self.chars = 0;
        }
        self.chars += self.text[self.byte..byte].chars().count();
        self.byte = byte;
        self.chars
    }
}
