//! [`DigitRuns`]: which runs of ASCII digits a recognizer wants to be asked about.
//!
//! Digits are everywhere (dates, sizes, message ids), and most runs cannot be what is looked for. Length and neighbours
//! tell, before a recognizer is called: three table look-ups a run, however many recognizers read digits.

use super::ByteSet;

/// Lengths from here on are one: no grammar here counts further.
pub(super) const LONG: usize = 31;

/// Maximal runs of ASCII digits, by their length and the bytes directly beside them.
///
/// ```
/// use spanql::recognize::DigitRuns;
/// let month = DigitRuns::of_length(1..=2).followed_by(b"-/.");
/// # let _ = month;
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DigitRuns {
    lengths: u32,
    before: Option<ByteSet>,
    after: Option<ByteSet>,
}

impl DigitRuns {
    /// Runs of these lengths; 31 stands for 31 and more. Every neighbour will do, and so does none.
    #[must_use]
    pub fn of_length(lengths: std::ops::RangeInclusive<usize>) -> Self {
        Self {
            lengths: lengths.fold(0, |all, length| all | 1 << length.min(LONG)),
            before: None,
            after: None,
        }
    }

    /// Those that one of these bytes stands directly before.
    #[must_use]
    pub fn preceded_by(self, bytes: &[u8]) -> Self {
        Self {
            before: Some(ByteSet::of(bytes)),
            ..self
        }
    }

    /// Those that one of these bytes stands directly after.
    #[must_use]
    pub fn followed_by(self, bytes: &[u8]) -> Self {
        Self {
            after: Some(ByteSet::of(bytes)),
            ..self
        }
    }
}

/// Tells for a run which of up to 64 [`DigitRuns`] it belongs to.
#[derive(Debug)]
pub(super) struct DigitRunTable {
    /// By length, up to [`LONG`].
    lengths: [u64; LONG + 1],
    /// By neighbour; the last entry is for none.
    before: Box<[u64; 257]>,
    after: Box<[u64; 257]>,
}

impl DigitRunTable {
    /// Bit `i` of an answer is `shapes[i]`.
    pub(super) fn new(shapes: &[DigitRuns]) -> Self {
        assert!(shapes.len() <= 64, "a table tells 64 shapes apart");
        let mut table = Self {
            lengths: [0; LONG + 1],
            before: Box::new([0; 257]),
            after: Box::new([0; 257]),
        };
        for (i, shape) in shapes.iter().enumerate() {
            let bit = 1 << i;
            for (length, bits) in table.lengths.iter_mut().enumerate() {
                *bits |= if shape.lengths >> length & 1 == 1 {
                    bit
                } else {
                    0
                };
            }
            for (bits, set) in [
                (&mut table.before, shape.before),
                (&mut table.after, shape.after),
            ] {
                for (byte, bits) in bits.iter_mut().enumerate() {
                    let fits = match (set, u8::try_from(byte)) {
                        (None, _) => true,
                        (Some(set), Ok(byte)) => set.contains(byte),
                        (Some(_), Err(_)) => false,
                    };
                    *bits |= if fits { bit } else { 0 };
                }
            }
        }
        table
    }

    /// The shapes of the run of `length` digits at `at`.
    #[inline]
    pub(super) fn shapes(&self, text: &[u8], at: usize, length: usize) -> u64 {
        let neighbour = |at: Option<usize>| {
            at.and_then(|at| text.get(at))
                .map_or(256, |&byte| usize::from(byte))
        };
        self.lengths[length.min(LONG)]
            & self.before[neighbour(at.checked_sub(1))]
            & self.after[neighbour(at.checked_add(length))]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_and_neighbours_decide() {
        let table = DigitRunTable::new(&[
            DigitRuns::of_length(1..=2).followed_by(b"-"),
            DigitRuns::of_length(2..=40),
            DigitRuns::of_length(0..=LONG).preceded_by(b"+"),
        ]);
        let of = |text: &str| {
            let at = text.find(|c: char| c.is_ascii_digit()).unwrap();
            let length = text[at..].bytes().take_while(u8::is_ascii_digit).count();
            table.shapes(text.as_bytes(), at, length)
        };
        assert_eq!(of("1-"), 0b001);
        assert_eq!(of("1"), 0);
        assert_eq!(of("12-"), 0b011);
        assert_eq!(of("+1"), 0b100);
        assert_eq!(of(&"1".repeat(99)), 0b010);
        assert_eq!(of("é+123456é"), 0b110);
    }
}
