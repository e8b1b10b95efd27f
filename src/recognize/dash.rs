//! The dash of a range: what may stand between its ends.
//!
//! Owns where the second end begins. Which ends belong together is each label's business.

/// As Latin text writes it.
pub(super) const DASHES: &[char] = &['-', '–', '—'];

/// As Chinese text does: dashes, waves and words.
pub(super) const HAN_DASHES: &[char] = &['-', '–', '—', '~', '～', '至', '到'];

/// Where begins what stands behind one of these dashes at `at`, which may be doubled and have a space on either side.
pub(super) fn behind(text: &str, at: usize, dashes: &[char]) -> Option<usize> {
    let rest = &text[at..];
    let rest = rest.strip_prefix(' ').unwrap_or(rest);
    let dash = rest.chars().next().filter(|c| dashes.contains(c))?;
    let rest = &rest[dash.len_utf8()..];
    let rest = rest.strip_prefix(dash).unwrap_or(rest);
    let rest = rest.strip_prefix(' ').unwrap_or(rest);
    Some(text.len() - rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_dash_or_two_and_a_space_on_either_side() {
        for (text, rest) in [
            ("-5", Some("5")),
            (" – 5", Some("5")),
            ("——5", Some("5")),
            ("到5", Some("5")),
            ("  -5", None),
            ("-–5", Some("–5")),
            (",5", None),
            ("", None),
        ] {
            assert_eq!(
                behind(text, 0, HAN_DASHES).map(|at| &text[at..]),
                rest,
                "{text}"
            );
        }
        assert_eq!(behind("到5", 0, DASHES), None);
    }
}
