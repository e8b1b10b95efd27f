//! [`ByteSet`]: a set of byte values, and how often they occur in text.

/// A set of byte values.
///
/// ```
/// use spanql::recognize::ByteSet;
/// let set = ByteSet::of(b"@#");
/// assert!(set.contains(b'@') && !set.contains(b'a'));
/// assert_eq!(set.len(), 2);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ByteSet([u64; 4]);

impl ByteSet {
    /// The set of these bytes.
    #[must_use]
    pub const fn of(bytes: &[u8]) -> Self {
        let mut set = [0; 4];
        let mut i = 0;
        while i < bytes.len() {
            set[(bytes[i] >> 6) as usize] |= 1 << (bytes[i] & 63);
            i += 1;
        }
        Self(set)
    }

    /// The set of the bytes from `first` to `last`, both included.
    #[must_use]
    pub fn range(first: u8, last: u8) -> Self {
        let mut set = Self::default();
        for byte in first..=last {
            set.insert(byte);
        }
        set
    }

    /// ASCII letters and digits.
    #[must_use]
    pub fn alphanumeric() -> Self {
        Self::range(b'0', b'9')
            .union(Self::range(b'A', b'Z'))
            .union(Self::range(b'a', b'z'))
    }

    /// Adds a byte.
    pub fn insert(&mut self, byte: u8) {
        self.0[usize::from(byte >> 6)] |= 1 << (byte & 63);
    }

    /// Whether a byte is in it.
    #[must_use]
    pub const fn contains(&self, byte: u8) -> bool {
        self.0[(byte >> 6) as usize] >> (byte & 63) & 1 == 1
    }

    /// The same as a table, for loops over every byte of an entity.
    ///
    /// ```
    /// use spanql::recognize::ByteSet;
    /// const DIGIT: [bool; 256] = ByteSet::of(b"0123456789").table();
    /// assert!(DIGIT[usize::from(b'7')] && !DIGIT[usize::from(b'x')]);
    /// ```
    #[must_use]
    pub const fn table(&self) -> [bool; 256] {
        let mut table = [false; 256];
        let mut byte = 0;
        while byte < table.len() {
            table[byte] = self.0[byte >> 6] >> (byte & 63) & 1 == 1;
            byte += 1;
        }
        table
    }

    /// What is in either.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        let ([a, b, c, d], [e, f, g, h]) = (self.0, other.0);
        Self([a | e, b | f, c | g, d | h])
    }

    /// What is not in it.
    #[must_use]
    pub fn complement(self) -> Self {
        Self(self.0.map(|word| !word))
    }

    /// How many bytes are in it.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0 == [0; 4]
    }

    /// The bytes, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u8> {
        (0..=u8::MAX).filter(|&byte| self.contains(byte))
    }

    /// Roughly how many bytes in a thousand of English and Chinese text are in it: what a scan that stops at them
    /// has to pay.
    #[must_use]
    pub fn weight(&self) -> u32 {
        self.iter().map(frequency).sum()
    }
}

impl<const N: usize> From<&[u8; N]> for ByteSet {
    fn from(bytes: &[u8; N]) -> Self {
        Self::of(bytes)
    }
}

/// Roughly how often a byte occurs, in a thousand, where it occurs: the higher of English and Chinese text.
fn frequency(byte: u8) -> u32 {
    match byte {
        b' ' => 150,
        b'e' => 90,
        b'a' | b'i' | b'n' | b'o' | b't' => 65,
        b'h' | b'r' | b's' => 50,
        b'c' | b'd' | b'l' | b'm' | b'u' => 30,
        b'b' | b'f' | b'g' | b'p' | b'w' | b'y' => 18,
        b'\n' => 15,
        b',' | b'.' | b'k' | b'v' => 9,
        b'0'..=b'9' => 8,
        b'-' | b'/' => 5,
        b':' | b'"' | b'\'' | b'_' | b'=' | b'A'..=b'Z' => 3,
        b'(' | b')' | b'j' | b'q' | b'x' | b'z' | b'\t' | b'\r' => 2,
        0x80..=0xBF => 12,
        0xE4..=0xE9 => 55,
        0xE2 | 0xE3 | 0xEF => 25,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_holds_what_was_put_in() {
        let set = ByteSet::range(b'0', b'9').union(ByteSet::of(&[0, 255]));
        assert_eq!(set.iter().collect::<Vec<_>>(), b"\x000123456789\xFF");
        assert_eq!(set.len(), 12);
        assert!(!set.is_empty() && ByteSet::default().is_empty());
        assert!(ByteSet::of(b"@").weight() < ByteSet::of(b"e").weight());
    }
}
