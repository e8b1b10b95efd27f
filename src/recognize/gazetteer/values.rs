//! Values that are phrases themselves.
//!
//! A phrase stands for its value, and a value that is a phrase for *its* value, and so on: the value of a value is then
//! always itself. Where values lead back in a circle, all stand for the value on the first line of it.

use super::automaton::Automaton;
use super::list::{SkipReason, Tally};
use super::phrases::Phrases;

/// By phrase: the one whose value counts.
pub(super) fn settle(
    phrases: &Phrases,
    automaton: &Automaton<'_>,
    skipped: &mut Tally,
) -> Vec<u32> {
    let steps: Vec<u32> = phrases
        .numbers()
        .map(|phrase| {
            let value = phrases.own_value(phrase);
            value
                .and_then(|value| automaton.lookup(value))
                .unwrap_or(phrase)
        })
        .collect();
    let line = |phrase: u32| phrases.line_number(phrase);
    ends(&steps, line, |phrase| {
        skipped.count(SkipReason::Circle, line(phrase))
    })
}

/// Where each path ends, given one step from each place. In a circle all end at the place that ranks first, and
/// `circular` hears of the others.
fn ends(steps: &[u32], rank: impl Fn(u32) -> usize, mut circular: impl FnMut(u32)) -> Vec<u32> {
    // A place that is not settled yet has no end; the path that is walked along now is marked by its first place.
    let mut ends: Vec<Option<u32>> = vec![None; steps.len()];
    let mut walked: Vec<Option<u32>> = vec![None; steps.len()];
    for first in 0..steps.len() as u32 {
        let (mut path, mut at) = (Vec::new(), first);
        let end = loop {
            path.push(at);
            if let Some(end) = ends[at as usize] {
                break end;
            }
            let next = steps[at as usize];
            if next == at {
                break at;
            }
            if walked[at as usize] == Some(first) {
                let start = path.iter().position(|&other| other == at).unwrap_or(0);
                let circle = &path[start..path.len() - 1];
                let end = circle
                    .iter()
                    .copied()
                    .min_by_key(|&one| rank(one))
                    .unwrap_or(at);
                circle
                    .iter()
                    .filter(|&&one| one != end)
                    .for_each(|&one| circular(one));
                break end;
            }
            walked[at as usize] = Some(first);
            at = next;
        };
        for one in path {
            ends[one as usize] = Some(end);
        }
    }
    ends.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_end_where_they_stay_or_at_the_first_of_a_circle() {
        // 0 → 1 → 2, 3 → 1; 4 → 5 → 6 → 4, 7 → 5; 8.
        let steps = [1, 2, 2, 1, 5, 6, 4, 5, 8];
        let mut circular = Vec::new();
        let rank = |place: u32| [0, 0, 0, 0, 9, 3, 7, 1, 0][place as usize];
        let ends = ends(&steps, rank, |place| circular.push(place));
        assert_eq!(ends, [2, 2, 2, 2, 5, 5, 5, 5, 8]);
        assert_eq!(circular, [4, 6]);
    }
}
