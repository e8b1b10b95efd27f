//! Runs of ASCII digits: how long they are, and the numbers that they write.

/// How many digits stand at `at`, counted up to `most`.
pub(super) fn run(bytes: &[u8], at: usize, most: usize) -> usize {
    let rest = bytes.get(at..).unwrap_or_default().iter();
    rest.take(most).take_while(|b| b.is_ascii_digit()).count()
}

/// How many digits stand directly before `at`, counted up to `most`.
pub(super) fn run_before(bytes: &[u8], at: usize, most: usize) -> usize {
    let rest = bytes[..at].iter().rev();
    rest.take(most).take_while(|b| b.is_ascii_digit()).count()
}

/// The number that at most nine digits write.
pub(super) fn number(digits: &[u8]) -> u32 {
    digits
        .iter()
        .fold(0, |number, digit| number * 10 + u32::from(digit - b'0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_and_numbers() {
        let text = b"a0123b";
        assert_eq!(
            [
                run(text, 1, 9),
                run(text, 1, 3),
                run(text, 0, 9),
                run(text, 99, 9)
            ],
            [4, 3, 0, 0]
        );
        assert_eq!(
            [
                run_before(text, 5, 9),
                run_before(text, 5, 3),
                run_before(text, 1, 9)
            ],
            [4, 3, 0]
        );
        assert_eq!(
            [number(&text[1..5]), number(b""), number(b"999999999")],
            [123, 0, 999_999_999]
        );
    }
}
