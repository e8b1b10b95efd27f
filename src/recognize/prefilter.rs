//! A pattern's prefilter: where a match can be, and which part of a text to search for it. Both are read off the regex.
//!
//! Three facts make searching a small window give exactly what searching the whole text gives:
//! 1. every match holds one of some *sites* (`sites.rs`), at most [`Prefilter::reach`] bytes after its start;
//! 2. every match consists of [`Prefilter::inside`] bytes only, so it lies within one maximal run of them;
//! 3. no match is longer than [`Prefilter::longest`], where there is a bound.
//!
//! Look-around is not cut off by a window, because the search sees the text around it.

use std::ops::Range;

use regex_syntax::hir::{Hir, HirKind};

use super::sites::{self, Site, each_sequence};
use super::{Anchor, ByteSet, Bytes};

/// What is known about every match of a pattern. There is none where a match may be empty or contain anything.
#[derive(Debug, Clone)]
pub(super) struct Prefilter {
    /// Every match holds one of these.
    sites: Vec<Site>,
    /// By byte: which of the sites have it, one bit each.
    sites_of: Box<[u64; 256]>,
    /// How far before a site a match can begin, whichever its own site is; unbounded where `None`.
    reach: Option<usize>,
    /// By byte: whether it can be part of a match.
    inside: Box<[bool; 256]>,
    /// The longest match in bytes, where it is short.
    longest: Option<usize>,
}

/// Matches up to this many bytes are looked for in windows of twice their length; longer ones in whole runs.
const SHORT: usize = 256;

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
        let sites = sites::of(hir)?;
        let mut sites_of = Box::new([0; 256]);
        for (i, site) in sites.iter().enumerate() {
            site.byte
                .iter()
                .for_each(|byte| sites_of[usize::from(byte)] |= 1 << i);
        }
        let reach = sites
            .iter()
            .map(|site| site.reach)
            .try_fold(0, |all, one| Some(all.max(one?)));
        let mut set = ByteSet::default();
        bytes_of(hir, &mut set);
        let longest = hir
            .properties()
            .maximum_len()
            .filter(|&longest| longest <= SHORT);
        Some(Self {
            sites,
            sites_of,
            reach,
            inside: Box::new(std::array::from_fn(|byte| set.contains(byte as u8))),
            longest,
        })
    }

    /// Where candidates begin.
    pub(super) fn anchors(&self) -> Vec<Anchor> {
        let anchor = |site: &Site| {
            let mut bytes = Bytes::of(site.byte);
            if let Some(&before) = site.before.first() {
                bytes = bytes.preceded_by(before);
            }
            if let Some(&after) = site.after.first() {
                bytes = bytes.followed_by(after);
            }
            Anchor::Bytes(bytes)
        };
        self.sites.iter().map(anchor).collect()
    }

    /// Where to search for the matches that hold a site at `at`, none of which begins before `floor`; nowhere if there
    /// is no site.
    pub(super) fn window(&self, text: &[u8], at: usize, floor: usize) -> Option<Window> {
        let mut sites = self.sites_of[usize::from(text[at])];
        while !self.sites[sites.checked_ilog2()? as usize].stands_at(text, at) {
            sites ^= 1 << sites.ilog2();
        }
        let reach = self.reach.unwrap_or(usize::MAX);
        let start = at - self.run(text[floor.min(at)..at].iter().rev().take(reach));
        Some(match self.longest {
            Some(longest) if text.len() - at > 2 * longest => {
                let length = self.run(text[at..at + 2 * longest].iter());
                let cut = length == 2 * longest;
                // A match that begins `longest` bytes before a cut, or earlier, is whole.
                Window {
                    span: start..at + length,
                    settled: if cut { at + longest + 1 } else { usize::MAX },
                }
            }
            _ => Window {
                span: start..at + self.run(text[at..].iter()),
                settled: usize::MAX,
            },
        })
    }

    /// How many of these bytes, from the first on, can be part of a match.
    fn run<'a>(&self, bytes: impl Iterator<Item = &'a u8>) -> usize {
        bytes
            .take_while(|&&byte| self.inside[usize::from(byte)])
            .count()
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

    fn of(pattern: &str) -> Prefilter {
        Prefilter::of(&regex_syntax::parse(pattern).unwrap()).unwrap()
    }

    #[test]
    fn windows_are_runs_of_what_a_match_can_hold() {
        let email = of("[a-z]+@[a-z]+");
        let whole = |span| {
            Some(Window {
                span,
                settled: usize::MAX,
            })
        };
        assert_eq!(email.window(b"x, ab@cd, y", 5, 0), whole(3..8));
        assert_eq!(email.window(b"x, ab@cd, y", 5, 4), whole(4..8));
        assert_eq!(email.window(b"x, ab@, y", 5, 0), None);
        let short = of("-[a-z]{1,3}");
        assert_eq!(
            short.window(b"a-bcdefghijklm", 1, 0),
            Some(Window {
                span: 1..9,
                settled: 6
            })
        );
        assert_eq!(short.window(b"a-bcd", 1, 0), whole(1..5));
    }
}
