//! What a candidate must look like before its recognizer is called: the byte, or the run of digits, and its neighbours.
//!
//! Digits, dots and colons are everywhere (dates, sizes, message ids), and most of them cannot be what is looked for.
//! Three table look-ups tell which of 64 shapes a candidate has, however many recognizers there are.

use std::ops::RangeInclusive;

use super::ByteSet;

/// Lengths of digit runs from here on are one: no grammar here counts further.
pub(super) const LONG: usize = 31;
/// More bytes than this stand before most others.
const FEW: usize = 8;
/// Stands for the neighbour where the text ends.
const NONE: usize = 256;

/// The bytes that may stand directly before and after a candidate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Beside {
    before: Neighbour,
    after: Neighbour,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Neighbour {
    #[default]
    Any,
    /// One of these; the end of the text is none of them.
    In(ByteSet),
    /// None of these; the end of the text will do.
    NotIn(ByteSet),
}

impl Neighbour {
    fn fits(self, byte: usize) -> bool {
        let among = |set: ByteSet| u8::try_from(byte).is_ok_and(|byte| set.contains(byte));
        match self {
            Self::Any => true,
            Self::In(set) => among(set),
            Self::NotIn(set) => !among(set),
        }
    }
}

macro_rules! neighbours {
    () => {
        /// Those that one of these bytes stands directly before.
        #[must_use]
        pub fn preceded_by(mut self, bytes: impl Into<ByteSet>) -> Self {
            self.beside.before = Neighbour::In(bytes.into());
            self
        }

        /// Those that none of these bytes stands directly before; nothing at all may.
        #[must_use]
        pub fn not_preceded_by(mut self, bytes: impl Into<ByteSet>) -> Self {
            self.beside.before = Neighbour::NotIn(bytes.into());
            self
        }

        /// Those that one of these bytes stands directly after.
        #[must_use]
        pub fn followed_by(mut self, bytes: impl Into<ByteSet>) -> Self {
            self.beside.after = Neighbour::In(bytes.into());
            self
        }

        /// Those that none of these bytes stands directly after; nothing at all may.
        #[must_use]
        pub fn not_followed_by(mut self, bytes: impl Into<ByteSet>) -> Self {
            self.beside.after = Neighbour::NotIn(bytes.into());
            self
        }
    };
}

/// Bytes, by their neighbours.
///
/// ```
/// use spanql::recognize::{Anchor, Bytes};
/// let scheme = Anchor::Bytes(Bytes::of(b":").preceded_by(b"sSpP").followed_by(b"/"));
/// # let _ = scheme;
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bytes {
    pub(super) set: ByteSet,
    beside: Beside,
}

impl Bytes {
    /// Every byte of the set.
    #[must_use]
    pub fn of(bytes: impl Into<ByteSet>) -> Self {
        Self {
            set: bytes.into(),
            beside: Beside::default(),
        }
    }

    /// What stands directly before, where that is one of so few bytes that looking for it spares stops.
    pub(super) fn few_before(&self) -> Option<ByteSet> {
        match self.beside.before {
            Neighbour::In(set) if set.len() <= FEW => Some(set),
            _ => None,
        }
    }

    neighbours!();
}

/// Maximal runs of ASCII digits, by their length and neighbours.
///
/// ```
/// use spanql::recognize::{Anchor, DigitRuns};
/// let month = Anchor::Digits(DigitRuns::of_length(1..=2).followed_by(b"-/."));
/// # let _ = month;
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DigitRuns {
    lengths: u32,
    beside: Beside,
}

impl DigitRuns {
    /// Runs of these lengths; 31 stands for 31 and more.
    #[must_use]
    pub fn of_length(lengths: RangeInclusive<usize>) -> Self {
        Self {
            lengths: lengths.fold(0, |all, length| all | 1 << length.min(LONG)),
            beside: Beside::default(),
        }
    }

    neighbours!();
}

/// A candidate's shape.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shape {
    Byte(Bytes),
    Digits(DigitRuns),
}

/// Tells which of some shapes a candidate has.
#[derive(Debug)]
pub(super) struct ShapeTable {
    bytes: Box<[u64; 256]>,
    /// By length, up to [`LONG`].
    lengths: [u64; LONG + 1],
    /// By neighbour; the last entry is for [`NONE`].
    before: Box<[u64; NONE + 1]>,
    after: Box<[u64; NONE + 1]>,
}

impl ShapeTable {
    /// As many shapes as one table tells apart.
    pub(super) const SHAPES: usize = 64;

    /// Bit `i` of an answer is `shapes[i]`.
    pub(super) fn new(shapes: &[Shape]) -> Self {
        assert!(shapes.len() <= Self::SHAPES, "{} shapes", shapes.len());
        let mut table = Self {
            bytes: Box::new([0; 256]),
            lengths: [0; LONG + 1],
            before: Box::new([0; NONE + 1]),
            after: Box::new([0; NONE + 1]),
        };
        for (i, shape) in shapes.iter().enumerate() {
            let bit = 1 << i;
            let beside = match shape {
                Shape::Byte(Bytes { set, beside }) => {
                    set.iter()
                        .for_each(|byte| table.bytes[usize::from(byte)] |= bit);
                    beside
                }
                Shape::Digits(DigitRuns { lengths, beside }) => {
                    for (length, bits) in table.lengths.iter_mut().enumerate() {
                        *bits |= if lengths >> length & 1 == 1 { bit } else { 0 };
                    }
                    beside
                }
            };
            for byte in 0..=NONE {
                table.before[byte] |= if beside.before.fits(byte) { bit } else { 0 };
                table.after[byte] |= if beside.after.fits(byte) { bit } else { 0 };
            }
        }
        table
    }

    /// The shapes of the byte at `at`.
    #[inline]
    pub(super) fn of_byte(&self, text: &[u8], at: usize) -> u64 {
        self.bytes[usize::from(text[at])] & self.beside(text, at, at + 1)
    }

    /// The shapes of the run of `length` digits at `at`.
    #[inline]
    pub(super) fn of_digits(&self, text: &[u8], at: usize, length: usize) -> u64 {
        self.lengths[length.min(LONG)] & self.beside(text, at, at + length)
    }

    #[inline]
    fn beside(&self, text: &[u8], start: usize, end: usize) -> u64 {
        let at = |at: usize| text.get(at).map_or(NONE, |&byte| usize::from(byte));
        self.before[at(start.wrapping_sub(1))] & self.after[at(end)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_and_neighbours_decide() {
        let table = ShapeTable::new(&[
            Shape::Digits(DigitRuns::of_length(1..=2).followed_by(b"-")),
            Shape::Digits(DigitRuns::of_length(2..=40)),
            Shape::Digits(DigitRuns::of_length(0..=LONG).preceded_by(b"+")),
            Shape::Digits(DigitRuns::of_length(3..=3).not_followed_by(b"-")),
        ]);
        let of = |text: &str| {
            let at = text.find(|c: char| c.is_ascii_digit()).unwrap();
            let length = text[at..].bytes().take_while(u8::is_ascii_digit).count();
            table.of_digits(text.as_bytes(), at, length)
        };
        assert_eq!(of("1-"), 0b0001);
        assert_eq!(of("1"), 0);
        assert_eq!(of("12-"), 0b0011);
        assert_eq!(of("+1"), 0b0100);
        assert_eq!(of(&"1".repeat(99)), 0b0010);
        assert_eq!(of("é+123456é"), 0b0110);
        assert_eq!(
            (of("123"), of("123-"), of("123+")),
            (0b1010, 0b0010, 0b1010)
        );
    }

    #[test]
    fn bytes_have_neighbours_too() {
        let table = ShapeTable::new(&[
            Shape::Byte(Bytes::of(b"@").preceded_by(b"a").followed_by(b"b")),
            Shape::Byte(Bytes::of(b"@#").not_preceded_by(b"a")),
        ]);
        let of = |text: &str| {
            let at = text.find(['@', '#']).unwrap();
            table.of_byte(text.as_bytes(), at)
        };
        assert_eq!(
            [of("a@b"), of("a@"), of("@b"), of("#"), of("a#b")],
            [0b01, 0, 0b10, 0b10, 0]
        );
    }
}
