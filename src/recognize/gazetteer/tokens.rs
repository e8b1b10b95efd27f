//! A text as tokens, from its end to its beginning.
//!
//! A *word* is a maximal run of letters, marks, digits and `_` of scripts that put spaces between words; every other
//! character but white space is a token of its own. So a phrase is found exactly where its tokens stand in a row: words
//! are whole, Han is found anywhere, and nobody asks about borders again.
//!
//! White space is no token but a gap between two: any run of it with at most one line break, because texts are wrapped
//! where they are.

use super::super::border;
use super::fold::Folding;
use super::table::{hash_bytes, hash_number};

/// What is between a token and the one after it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Gap {
    None,
    Space,
    /// An empty line, or the end of the text: no phrase goes on over it.
    #[default]
    Wide,
}

/// A token and where it stands.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Token {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) gap: Gap,
    pub(super) kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// One character, folded.
    Char(char),
    /// A word of several characters.
    Word,
    /// One that may differ from its folded form.
    WordToFold,
}

impl Default for Kind {
    fn default() -> Self {
        Self::Char('\0')
    }
}

/// The characters that are tokens of some phrase, as bits of their low 14 bits; where there are none, all may be.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Alphabet<'a>(pub(super) &'a [u8]);

impl Alphabet<'_> {
    pub(super) const BYTES: usize = 1 << 11;

    /// The byte and the bit of a character.
    #[inline]
    pub(super) fn place(c: u32) -> (usize, u8) {
        (c as usize >> 3 & (Self::BYTES - 1), 1 << (c & 7))
    }

    #[inline]
    fn may_hold(self, c: char) -> bool {
        let (byte, bit) = Self::place(c.into());
        self.0.get(byte).is_none_or(|bits| bits & bit != 0)
    }
}

/// Reads a text backwards.
#[derive(Debug)]
pub(super) struct Tokens<'t> {
    text: &'t str,
    alphabet: Alphabet<'t>,
    /// What is not read yet ends here.
    end: usize,
    gap: Gap,
    folding: Folding,
}

const WORD: u8 = 1;
const UPPER: u8 = 2;
const SPACE: u8 = 4;
const LONG: u8 = 8;

/// What a byte is; of bytes beyond ASCII only that they are.
const CLASS: [u8; 256] = {
    let mut class = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        class[byte] = match byte as u8 {
            b'A'..=b'Z' => WORD | UPPER,
            b'a'..=b'z' | b'0'..=b'9' | b'_' => WORD,
            b' ' | b'\t'..=b'\r' => SPACE,
            0x80.. => LONG,
            _ => 0,
        };
        byte += 1;
    }
    class
};

impl<'t> Tokens<'t> {
    pub(super) fn new(text: &'t str, folding: Folding) -> Self {
        Self::of(text, folding, Alphabet::default())
    }

    /// Characters that no phrase has are as good as empty lines.
    pub(super) fn of(text: &'t str, folding: Folding, alphabet: Alphabet<'t>) -> Self {
        Self {
            text,
            alphabet,
            end: text.len(),
            gap: Gap::Wide,
            folding,
        }
    }

    /// Goes over white space, which ends here.
    fn skip_space(&mut self) {
        let rest = self.text[..self.end].trim_end();
        let space = &self.text[rest.len()..self.end];
        self.end = rest.len();
        if space.len() > 1 && space.bytes().filter(|&byte| byte == b'\n').count() > 1 {
            self.gap = Gap::Wide;
        } else if self.gap == Gap::None {
            self.gap = Gap::Space;
        }
    }

    /// Takes what begins at `start`.
    #[inline]
    fn take(&mut self, start: usize, kind: Kind, token: &mut Token) -> bool {
        token.start = start;
        token.end = std::mem::replace(&mut self.end, start);
        token.gap = std::mem::replace(&mut self.gap, Gap::None);
        token.kind = kind;
        true
    }

    /// Takes a character that begins at `start`, unless no phrase has it.
    #[inline]
    fn take_char(&mut self, start: usize, c: char, token: &mut Token) -> bool {
        if self.alphabet.may_hold(c) {
            return self.take(start, Kind::Char(c), token);
        }
        self.end = start;
        self.gap = Gap::Wide;
        false
    }

    /// Takes the word that ends with `last`, which is before `at`.
    #[inline]
    fn take_word(&mut self, last: char, mut at: usize, mut seen: u8, token: &mut Token) -> bool {
        let (bytes, only) = (self.text.as_bytes(), at);
        while let Some(&byte) = bytes[..at].last() {
            let class = CLASS[usize::from(byte)];
            if class & WORD != 0 {
                at -= 1;
            } else if class & LONG == 0 {
                break;
            } else {
                match border::before(self.text, at) {
                    Some(c) if border::joins(Some(c)) => at -= c.len_utf8(),
                    _ => break,
                }
            }
            seen |= class;
        }
        if at == only {
            return self.take_char(at, self.folding.of(last), token);
        }
        let Folding { case, width } = self.folding;
        let folds = case && seen & (UPPER | LONG) != 0 || width && seen & LONG != 0;
        let kind = if folds { Kind::WordToFold } else { Kind::Word };
        self.take(at, kind, token)
    }

    /// Takes what ends with a character beyond ASCII.
    fn take_long(&mut self, token: &mut Token) -> bool {
        let Some(c) = border::before(self.text, self.end) else {
            return false;
        };
        if border::joins(Some(c)) {
            return self.take_word(c, self.end - c.len_utf8(), LONG, token);
        }
        if c.is_whitespace() {
            self.skip_space();
            return false;
        }
        let start = self.end - c.len_utf8();
        let kana = border::before(self.text, start);
        let voiced = kana.and_then(|kana| Some((kana, self.folding.voiced(kana, c)?)));
        match voiced {
            Some((kana, voiced)) => self.take_char(start - kana.len_utf8(), voiced, token),
            None => self.take_char(start, self.folding.of(c), token),
        }
    }

    /// Reads one more token, if there is one, to where it shall be: a copy of what has just been written piece by piece takes
    /// longer than the rest. Nor is this called for each token, which would cost a tenth of a scan.
    #[inline(always)]
    pub(super) fn read(&mut self, token: &mut Token) -> bool {
        loop {
            let before = &self.text.as_bytes()[..self.end];
            let Some(&byte) = before.last() else {
                return false;
            };
            let class = CLASS[usize::from(byte)];
            let taken = if let Some(c) = han(before) {
                self.take_char(self.end - 3, c, token)
            } else if class & WORD != 0 {
                self.take_word(char::from(byte), self.end - 1, class, token)
            } else if class & LONG != 0 {
                self.take_long(token)
            } else if class & SPACE != 0 {
                self.skip_space();
                false
            } else {
                self.take_char(self.end - 1, char::from(byte), token)
            };
            if taken {
                return true;
            }
        }
    }
}

impl Iterator for Tokens<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        let mut token = Token::default();
        self.read(&mut token).then_some(token)
    }
}

/// The last character, if it is one of U+4000 to U+9FFF: Han, of which nothing else need be asked.
#[inline]
fn han(text: &[u8]) -> Option<char> {
    let [.., first @ 0xE4..=0xE9, second, third] = *text else {
        return None;
    };
    let bits = [first & 0xF, second & 0x3F, third & 0x3F].map(u32::from);
    char::from_u32(bits[0] << 12 | bits[1] << 6 | bits[2])
}

impl Token {
    /// A hash that equal tokens share.
    #[inline]
    pub(super) fn hash(&self, text: &str, folding: Folding, buffer: &mut String) -> u64 {
        match self.kind {
            Kind::Char(c) => hash_number(c.into()),
            _ => hash_bytes(self.word(text, folding, buffer).as_bytes()),
        }
    }

    /// The word's folded form, written into `buffer` where it differs from the text.
    #[inline]
    pub(super) fn word<'a>(
        &self,
        text: &'a str,
        folding: Folding,
        buffer: &'a mut String,
    ) -> &'a str {
        let word = &text[self.start..self.end];
        if self.kind == Kind::WordToFold {
            buffer.clear();
            if word.is_ascii() {
                buffer.push_str(word);
                buffer.make_ascii_lowercase();
            } else {
                buffer.extend(word.chars().map(|c| folding.of(c)));
            }
            buffer
        } else {
            word
        }
    }
}
