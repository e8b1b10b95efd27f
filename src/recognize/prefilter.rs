//! A pattern's prefilter: which bytes every match must contain, and which part of a text a match around one of them
//! can lie in. Both are read off the regex itself.
//!
//! Three facts make searching a small window give exactly what searching the whole text gives:
//! 1. every match contains an *anchor* byte at most [`Prefilter::before`] bytes after its start;
//! 2. every match consists of [`Prefilter::inside`] bytes only, so it lies within one maximal run of them;
//! 3. no match is longer than [`Prefilter::longest`], where there is a bound.
//!
//! Look-around is not cut off by a window, because the search sees the text around it.

use std::ops::Range;

use regex_syntax::hir::{Class, Hir, HirKind};
use regex_syntax::utf8::Utf8Sequences;

use super::ByteSet;

/// What is known about every match of a pattern. There is none where a match may be empty or contain anything.
#[derive(Debug, Clone)]
pub(super) struct Prefilter {
    /// Every match contains one of these bytes.
    pub(super) anchor: ByteSet,
    /// Literals around the anchor, one of which stands there in every match, with the anchor's offset in each. Empty
    /// where that is not known.
    literals: Vec<(usize, Box<[u8]>)>,
    /// How far before the anchor a match can begin; unbounded where `None`.
    before: Option<usize>,
    /// By byte: whether it can be part of a match.
    inside: Box<[bool; 256]>,
    /// The longest match in bytes, where it is short.
    longest: Option<usize>,
}

/// Matches up to this many bytes are looked for in windows of twice their length; longer ones in whole runs.
const SHORT: usize = 256;
/// More literals than this cost more to compare than a failed search.
const MAX_LITERALS: usize = 16;
/// Classes of up to this many characters are taken as that many literals.
const SMALL_CLASS: usize = 8;

/// The part of a text to search for matches around one candidate.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Window {
    /// The bytes to search.
    pub(super) span: Range<usize>,
    /// Matches that begin at or after this byte may be cut off by the window: they are found from a later candidate.
    pub(super) settled: usize,
}

impl Prefilter {
    pub(super) fn of(hir: &Hir) -> Option<Self> {
        let Required {
            anchor,
            literals,
            before,
            ..
        } = required(hir)?;
        let mut set = ByteSet::default();
        bytes_of(hir, &mut set);
        let longest = hir
            .properties()
            .maximum_len()
            .filter(|&longest| longest <= SHORT);
        Some(Self {
            anchor,
            literals,
            before,
            inside: Box::new(std::array::from_fn(|byte| set.contains(byte as u8))),
            longest,
        })
    }

    /// Whether a match may have its anchor at `at`.
    pub(super) fn confirms(&self, text: &[u8], at: usize) -> bool {
        self.literals.is_empty()
            || self.literals.iter().any(|(offset, literal)| {
                at.checked_sub(*offset)
                    .is_some_and(|start| text[start..].starts_with(literal))
            })
    }

    /// Where to search for the matches with their anchor at `at`, none of which begins before `floor`.
    pub(super) fn window(&self, text: &[u8], at: usize, floor: usize) -> Window {
        let run = |bytes: &[u8]| {
            bytes
                .iter()
                .take_while(|&&b| self.inside[usize::from(b)])
                .count()
        };
        let start = match self.before {
            Some(before) => at.saturating_sub(before),
            None => {
                at - text[floor..at]
                    .iter()
                    .rev()
                    .take_while(|&&b| self.inside[usize::from(b)])
                    .count()
            }
        };
        let start = start.max(floor);
        match self.longest {
            Some(longest) if text.len() - at > 2 * longest => {
                let length = run(&text[at..at + 2 * longest]);
                let cut = length == 2 * longest;
                // A match that begins `longest` bytes before a cut, or earlier, is whole.
                Window {
                    span: start..at + length,
                    settled: if cut { at + longest + 1 } else { usize::MAX },
                }
            }
            _ => Window {
                span: start..at + run(&text[at..]),
                settled: usize::MAX,
            },
        }
    }
}

/// A byte set that each match contains, and how good it is.
struct Required {
    anchor: ByteSet,
    literals: Vec<(usize, Box<[u8]>)>,
    before: Option<usize>,
    weight: u32,
}

impl Required {
    fn new(anchor: ByteSet, literals: Vec<(usize, Box<[u8]>)>, before: Option<usize>) -> Self {
        Self {
            anchor,
            literals,
            before,
            weight: anchor.weight(),
        }
    }

    /// The rarest byte of a literal.
    fn literal(literal: &[u8]) -> Option<Self> {
        let rarest = (0..literal.len()).min_by_key(|&i| ByteSet::of(&[literal[i]]).weight())?;
        Some(Self::new(
            ByteSet::of(&[literal[rarest]]),
            vec![(rarest, literal.into())],
            Some(rarest),
        ))
    }

    /// One or the other.
    fn or(self, other: Self) -> Self {
        let known = !self.literals.is_empty() && !other.literals.is_empty();
        let mut literals = self.literals;
        literals.extend(other.literals);
        if !known || literals.len() > MAX_LITERALS {
            literals.clear();
        }
        let before = self.before.zip(other.before).map(|(a, b)| a.max(b));
        Self::new(self.anchor.union(other.anchor), literals, before)
    }
}

/// The rarest byte set that every match of `hir` contains.
fn required(hir: &Hir) -> Option<Required> {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => None,
        HirKind::Literal(literal) => Required::literal(&literal.0),
        HirKind::Class(class) => required_of_class(class),
        HirKind::Repetition(repetition) if repetition.min > 0 => required(&repetition.sub),
        HirKind::Repetition(_) => None,
        HirKind::Capture(capture) => required(&capture.sub),
        HirKind::Concat(parts) => {
            let mut before = Some(0_usize);
            let mut best: Option<Required> = None;
            for part in parts {
                if let Some(mut one) = required(part) {
                    one.before = before.zip(one.before).and_then(|(a, b)| a.checked_add(b));
                    if best.as_ref().is_none_or(|best| one.weight < best.weight) {
                        best = Some(one);
                    }
                }
                before = before
                    .zip(part.properties().maximum_len())
                    .and_then(|(a, b)| a.checked_add(b));
            }
            best
        }
        HirKind::Alternation(branches) => branches
            .iter()
            .map(required)
            .reduce(|a, b| Some(a?.or(b?)))
            .flatten(),
    }
}

fn required_of_class(class: &Class) -> Option<Required> {
    let literals = class_literals(class);
    if let Some(literals) = literals {
        return literals
            .iter()
            .map(|literal| Required::literal(literal))
            .reduce(|a, b| Some(a?.or(b?)))
            .flatten();
    }
    let mut first = ByteSet::default();
    each_sequence(class, |sequence| {
        first = first.union(ByteSet::range(sequence[0].0, sequence[0].1))
    });
    Some(Required::new(first, Vec::new(), Some(0)))
}

/// The characters of a small class.
fn class_literals(class: &Class) -> Option<Vec<Vec<u8>>> {
    let Class::Unicode(class) = class else {
        return None;
    };
    let chars = || {
        class
            .ranges()
            .iter()
            .flat_map(|range| range.start()..=range.end())
    };
    (1..=SMALL_CLASS)
        .contains(&chars().take(SMALL_CLASS + 1).count())
        .then(|| chars().map(|c| c.to_string().into_bytes()).collect())
}

/// Calls `each` with the byte ranges of every encoded form of a class's characters.
fn each_sequence(class: &Class, mut each: impl FnMut(&[(u8, u8)])) {
    match class {
        Class::Bytes(class) => class
            .ranges()
            .iter()
            .for_each(|range| each(&[(range.start(), range.end())])),
        Class::Unicode(class) => {
            for range in class.ranges() {
                for sequence in Utf8Sequences::new(range.start(), range.end()) {
                    let ranges: Vec<(u8, u8)> =
                        sequence.into_iter().map(|r| (r.start, r.end)).collect();
                    each(&ranges);
                }
            }
        }
    }
}

/// Adds every byte that a match of `hir` can contain.
fn bytes_of(hir: &Hir, set: &mut ByteSet) {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => *set = set.union(ByteSet::of(&literal.0)),
        HirKind::Class(class) => each_sequence(class, |sequence| {
            for &(first, last) in sequence {
                *set = set.union(ByteSet::range(first, last));
            }
        }),
        HirKind::Repetition(repetition) => bytes_of(&repetition.sub, set),
        HirKind::Capture(capture) => bytes_of(&capture.sub, set),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => {
            parts.iter().for_each(|part| bytes_of(part, set))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pattern: &str) -> Option<Prefilter> {
        Prefilter::of(&regex_syntax::parse(pattern).unwrap())
    }

    fn anchor(pattern: &str) -> String {
        of(pattern).map_or("none".to_string(), |p| {
            p.anchor.iter().map(char::from).collect()
        })
    }

    #[test]
    fn anchors_are_the_rarest_required_bytes() {
        for (pattern, expected) in [
            (r"[A-Za-z0-9.\-+_]+@[A-Za-z0-9.\-+_]+\.[A-Za-z]+", "@"),
            (r"https?://\S+", ":"),
            (r"\bORD-\d{8}\b", "O"),
            (r"(?:^|\s)(@\w{2,30})", "@"),
            (r"#[a-z]+#|#[0-9]+", "#"),
            (r"[0-9]{4}-[0-9]{2}", "-"),
            (r"(?i)kg", "Gg"),
            (r"[a-z]+", "abcdefghijklmnopqrstuvwxyz"),
            ("[￥$][0-9]", "$¿"),
            (r"a|b*", "none"),
            (r"\b", "none"),
            (r"x*", "none"),
            (r"(?:abc)?", "none"),
        ] {
            let sorted = |text: &str| text.chars().collect::<std::collections::BTreeSet<_>>();
            assert_eq!(sorted(&anchor(pattern)), sorted(expected), "{pattern}");
        }
    }

    #[test]
    fn windows_are_runs_of_what_a_match_can_hold() {
        let email = of("[a-z]+@[a-z]+").unwrap();
        assert_eq!(
            email.window(b"x, ab@cd, y", 5, 0),
            Window {
                span: 3..8,
                settled: usize::MAX
            }
        );
        assert_eq!(email.window(b"x, ab@cd, y", 5, 4).span, 4..8);
        let short = of("-[a-z]{1,3}").unwrap();
        assert_eq!(
            short.window(b"a-bcdefghijklm", 1, 0),
            Window {
                span: 1..9,
                settled: 6
            }
        );
        assert_eq!(
            short.window(b"a-bcd", 1, 0),
            Window {
                span: 1..5,
                settled: usize::MAX
            }
        );
    }

    #[test]
    fn literals_confirm() {
        let url = of("https?://e").unwrap();
        assert!(
            url.confirms(b"http://e", 4) && !url.confirms(b"http:/e/", 4) && !url.confirms(b":", 0)
        );
    }
}
