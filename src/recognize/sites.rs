//! The sites of a regular expression: what every match must hold, read off its syntax tree.
//!
//! A site is a byte of a set with what must stand around it, as far as that is certain: `USD` is the byte `U`, or `S`,
//! or `D`, with the two others beside it; `1[3-9][0-9]{9}` a `1` with ten sets after it. Of all the sites that a pattern
//! offers, those are taken that will be met least often in text.
//!
//! How a match is then looked for is `prefilter.rs`'s business.

use regex_syntax::hir::{Class, Hir, HirKind, Repetition};
use regex_syntax::utf8::Utf8Sequences;

use super::ByteSet;

/// A byte that a match holds, and its surroundings within the match.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Site {
    /// The byte is one of these.
    pub(super) byte: ByteSet,
    /// What the bytes before it are among, from the nearest on.
    pub(super) before: Vec<ByteSet>,
    /// What the bytes after it are among.
    pub(super) after: Vec<ByteSet>,
    /// How far before the byte a match can begin; unbounded where `None`.
    pub(super) reach: Option<usize>,
    /// Whether `before` and `after` tell all up to the ends of the part that the site was taken from, so that what is
    /// known of its neighbours can be added.
    open: Sides<bool>,
}

/// One value for what is before, one for what is after.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Sides<T> {
    before: T,
    after: T,
}

impl Site {
    /// Whether it stands at `at` of `text`.
    pub(super) fn stands_at(&self, text: &[u8], at: usize) -> bool {
        let fit = |sets: &[ByteSet], bytes: &mut dyn Iterator<Item = &u8>| {
            sets.iter()
                .all(|set| bytes.next().is_some_and(|&byte| set.contains(byte)))
        };
        self.byte.contains(text[at])
            && fit(&self.after, &mut text[at + 1..].iter())
            && fit(&self.before, &mut text[..at].iter().rev())
    }

    /// Nanoseconds a kilobyte, roughly: every byte of the set is a stop, those between the right neighbours a call,
    /// those in the right surroundings a search.
    fn cost(&self) -> f64 {
        let share = |set: &ByteSet| {
            let share = f64::from(set.weight()) / 1000.0;
            // Digits stand beside digits.
            if set.contains(b'5') {
                share.max(0.3)
            } else {
                share.min(1.0)
            }
        };
        let near = |sets: &[ByteSet]| sets.first().map_or(1.0, share);
        let all = |sets: &[ByteSet]| sets.iter().map(share).product::<f64>();
        let calls = near(&self.before) * near(&self.after);
        let searches = all(&self.before) * all(&self.after);
        f64::from(self.byte.weight()) * (2.0 + 10.0 * calls + 150.0 * searches)
    }
}

/// Sets are known this far; further ones would rarely refuse what these let through.
const FAR: usize = 12;
/// More sites than this are one, without surroundings.
const MAX_SITES: usize = 64;
/// Classes of up to this many characters are taken as that many literals.
const SMALL_CLASS: usize = 8;

/// Sites one of which every match of `hir` holds; none where a match may be empty.
pub(super) fn of(hir: &Hir) -> Option<Vec<Site>> {
    Some(match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => return None,
        HirKind::Literal(literal) => vec![of_literal(&literal.0)?],
        HirKind::Class(class) => of_class(class),
        HirKind::Capture(capture) => of(&capture.sub)?,
        HirKind::Repetition(repetition) => of_repetition(repetition)?,
        HirKind::Concat(parts) => (0..parts.len())
            .filter_map(|i| {
                let (before, after) = (&parts[..i], &parts[i + 1..]);
                let sites = of(&parts[i])?.into_iter();
                Some(
                    sites
                        .map(|site| among(site, before, after))
                        .collect::<Vec<_>>(),
                )
            })
            .min_by(|a, b| cost(a).total_cmp(&cost(b)))?,
        HirKind::Alternation(branches) => {
            let mut all: Vec<Site> = Vec::new();
            for branch in branches {
                for site in of(branch)? {
                    if !all.contains(&site) {
                        all.push(site);
                    }
                }
                if all.len() > MAX_SITES {
                    all = vec![merged(&all)];
                }
            }
            all
        }
    })
}

fn cost(sites: &[Site]) -> f64 {
    sites.iter().map(Site::cost).sum()
}

/// One site for many: any of their bytes, wherever.
fn merged(sites: &[Site]) -> Site {
    let reach = |a: Option<usize>, site: &Site| a.zip(site.reach).map(|(a, b)| a.max(b));
    Site {
        byte: sites
            .iter()
            .fold(ByteSet::default(), |all, site| all.union(site.byte)),
        before: Vec::new(),
        after: Vec::new(),
        reach: sites.iter().fold(Some(0), reach),
        open: Sides {
            before: false,
            after: false,
        },
    }
}

/// A site of one part of a concatenation, with what its neighbours add.
fn among(mut site: Site, before: &[Hir], after: &[Hir]) -> Site {
    if site.open.before {
        let row = row_of_parts(before, Direction::Backward);
        site.open.before = row.extend(&mut site.before);
    }
    if site.open.after {
        let row = row_of_parts(after, Direction::Forward);
        site.open.after = row.extend(&mut site.after);
    }
    for part in before {
        let longest = part.properties().maximum_len();
        site.reach = site.reach.zip(longest).and_then(|(a, b)| a.checked_add(b));
    }
    site
}

/// The rarest byte of a literal.
fn of_literal(literal: &[u8]) -> Option<Site> {
    let rarest = (0..literal.len()).min_by_key(|&i| ByteSet::of(&[literal[i]]).weight())?;
    let sets = |bytes: &mut dyn Iterator<Item = &u8>| -> Vec<ByteSet> {
        bytes.take(FAR).map(|&byte| ByteSet::of(&[byte])).collect()
    };
    Some(Site {
        byte: ByteSet::of(&[literal[rarest]]),
        before: sets(&mut literal[..rarest].iter().rev()),
        after: sets(&mut literal[rarest + 1..].iter()),
        reach: Some(rarest),
        open: Sides {
            before: rarest <= FAR,
            after: literal.len() - rarest <= FAR + 1,
        },
    })
}

/// The characters of a small class, those of one byte together; the first bytes of a large one.
fn of_class(class: &Class) -> Vec<Site> {
    if let Some(literals) = class_literals(class) {
        let (ascii, longer): (Vec<_>, Vec<_>) = literals.into_iter().partition(|l| l.len() == 1);
        let ascii: Vec<u8> = ascii.concat();
        let one = (!ascii.is_empty()).then(|| Site {
            byte: ByteSet::of(&ascii),
            ..of_literal(&ascii[..1]).expect("it is not empty")
        });
        let longer = longer.iter().filter_map(|literal| of_literal(literal));
        return one.into_iter().chain(longer).collect();
    }
    let row = row_of_class(class, Direction::Forward);
    // A class of nothing has no byte, and no match.
    vec![Site {
        byte: row.sets.first().copied().unwrap_or_default(),
        before: Vec::new(),
        after: row.sets.iter().skip(1).copied().collect(),
        reach: Some(0),
        open: Sides {
            before: true,
            after: row.exact,
        },
    }]
}

/// The first of the copies that must be there, with the other ones after it.
fn of_repetition(repetition: &Repetition) -> Option<Vec<Site>> {
    let Repetition { min, max, sub, .. } = repetition;
    if *min == 0 {
        return None;
    }
    let more = Row::repeated(sub, *min - 1, *max == Some(*min), Direction::Forward);
    let sites = of(sub)?.into_iter().map(|mut site| {
        if site.open.after {
            site.open.after = more.extend(&mut site.after);
        }
        site
    });
    Some(sites.collect())
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Direction {
    Forward,
    Backward,
}

/// What the first (or, backward, the last) bytes of every match are among, as far as that is certain.
#[derive(Debug, Clone)]
struct Row {
    sets: Vec<ByteSet>,
    /// Whether every match has exactly these bytes, so that what follows it can be told, too.
    exact: bool,
}

impl Row {
    const NOTHING: Self = Self {
        sets: Vec::new(),
        exact: true,
    };

    /// Adds it to what is known; says whether yet more could be added.
    fn extend(&self, known: &mut Vec<ByteSet>) -> bool {
        let room = FAR.saturating_sub(known.len());
        known.extend(self.sets.iter().take(room));
        self.exact && self.sets.len() <= room
    }

    /// One of two.
    fn or(mut self, other: &Self) -> Self {
        self.exact &= other.exact && self.sets.len() == other.sets.len();
        self.sets.truncate(other.sets.len());
        for (mine, theirs) in self.sets.iter_mut().zip(&other.sets) {
            *mine = mine.union(*theirs);
        }
        self
    }

    /// `sub` so many times, or at least so many times.
    fn repeated(sub: &Hir, times: u32, exactly: bool, direction: Direction) -> Self {
        let one = row_of(sub, direction);
        let mut row = Self::NOTHING;
        for _ in 0..times {
            if !row.exact || one.sets.is_empty() {
                break;
            }
            row.exact = one.extend(&mut row.sets);
        }
        row.exact &= exactly && one.exact;
        row
    }
}

fn row_of(hir: &Hir, direction: Direction) -> Row {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => Row::NOTHING,
        HirKind::Literal(literal) => {
            let set = |byte: &u8| ByteSet::of(&[*byte]);
            let sets = match direction {
                Direction::Forward => literal.0.iter().take(FAR).map(set).collect(),
                Direction::Backward => literal.0.iter().rev().take(FAR).map(set).collect(),
            };
            Row {
                sets,
                exact: literal.0.len() <= FAR,
            }
        }
        HirKind::Class(class) => row_of_class(class, direction),
        HirKind::Repetition(repetition) => {
            let exactly = repetition.max == Some(repetition.min);
            Row::repeated(&repetition.sub, repetition.min, exactly, direction)
        }
        HirKind::Capture(capture) => row_of(&capture.sub, direction),
        HirKind::Concat(parts) => row_of_parts(parts, direction),
        HirKind::Alternation(branches) => branches
            .iter()
            .map(|branch| row_of(branch, direction))
            .reduce(|all, row| all.or(&row))
            .unwrap_or(Row::NOTHING),
    }
}

/// The row of parts in a row. An optional part is there or not, and what comes after it is known either way.
fn row_of_parts(parts: &[Hir], direction: Direction) -> Row {
    let (part, rest) = match (direction, parts) {
        (_, []) => return Row::NOTHING,
        (Direction::Forward, [first, rest @ ..]) => (first, rest),
        (Direction::Backward, [rest @ .., last]) => (last, rest),
    };
    let optional = match part.kind() {
        HirKind::Repetition(repetition) if repetition.min == 0 => Some(repetition),
        _ => None,
    };
    let mut row = match optional {
        Some(Repetition { sub, max, .. }) => Row::repeated(sub, 1, *max == Some(1), direction),
        None => row_of(part, direction),
    };
    if row.exact && row.sets.len() < FAR || optional.is_some() {
        let further = row_of_parts(rest, direction);
        if row.exact {
            row.exact = further.extend(&mut row.sets);
        }
        if optional.is_some() {
            row = row.or(&further);
        }
    }
    row
}

fn row_of_class(class: &Class, direction: Direction) -> Row {
    let mut row: Option<Row> = None;
    each_sequence(class, |sequence| {
        let mut sets: Vec<ByteSet> = sequence
            .iter()
            .map(|&(first, last)| ByteSet::range(first, last))
            .collect();
        if direction == Direction::Backward {
            sets.reverse();
        }
        let one = Row { sets, exact: true };
        row = Some(match row.take() {
            None => one,
            Some(all) => all.or(&one),
        });
    });
    row.unwrap_or(Row::NOTHING)
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
pub(super) fn each_sequence(class: &Class, mut each: impl FnMut(&[(u8, u8)])) {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The bytes of the sites, sorted, or `none`.
    fn bytes(pattern: &str) -> String {
        let Some(sites) = of(&regex_syntax::parse(pattern).unwrap()) else {
            return "none".to_string();
        };
        merged(&sites).byte.iter().map(char::from).collect()
    }

    fn sites(pattern: &str) -> Vec<Site> {
        of(&regex_syntax::parse(pattern).unwrap()).unwrap()
    }

    #[test]
    fn the_rarest_bytes_that_a_match_must_hold() {
        for (pattern, expected) in [
            (r"[A-Za-z0-9.\-+_]+@[A-Za-z0-9.\-+_]+\.[A-Za-z]+", "@"),
            (r"https?://\S+", ":"),
            (r"(?:^|\s)(@\w{2,30})", "@"),
            (r"#[a-z]+#|#[0-9]+", "#"),
            (r"[0-9]{4}-[0-9]{2}", "-"),
            (r"(?i)kg", "Kk\u{84}"),
            (r"[a-z]+", "abcdefghijklmnopqrstuvwxyz"),
            ("[￥$][0-9]", "$¿"),
            (r"a|b*", "none"),
            (r"\b", "none"),
            (r"x*", "none"),
            (r"(?:abc)?", "none"),
        ] {
            let sorted = |text: &str| text.chars().collect::<std::collections::BTreeSet<_>>();
            assert_eq!(sorted(&bytes(pattern)), sorted(expected), "{pattern}");
        }
    }

    #[test]
    fn surroundings_are_told_as_far_as_they_are_certain() {
        let digit = ByteSet::range(b'0', b'9');
        let of = |byte: &[u8]| ByteSet::of(byte);
        let order = &sites(r"\bORD-\d?x")[0];
        assert_eq!(order.before.len() + order.after.len() + 1, 5, "{order:?}");

        let phone = &sites("(?:86)?1[3-9][0-9]{9}")[0];
        assert_eq!(
            (phone.byte, phone.before.len(), phone.reach),
            (of(b"1"), 0, Some(2))
        );
        assert_eq!(phone.after.len(), 10);
        assert_eq!(phone.after[9], digit);

        // An optional part: either its last byte or the one before it.
        let amount = &sites("[0-9] ?(?:USD)")[0];
        let near = &amount.before[amount.before.len() - 1];
        assert_eq!(*near, digit.union(of(b" ")), "{amount:?}");
        assert_eq!(amount.reach, Some(amount.before.len() + 1));

        let free = &sites("[0-9]*USD[a-z]+")[0];
        assert_eq!(free.reach, None);
        assert!(
            free.stands_at(b"USDx", 0) || free.stands_at(b"USDx", 1) || free.stands_at(b"USDx", 2)
        );
        assert!((0..3).all(|at| !free.stands_at(b"USD", at) && !free.stands_at(b"US x", at)));
    }
}
