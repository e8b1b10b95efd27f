//! Words of a run of Han characters: the likeliest way through the lexicon.
//!
//! Owns nothing but the search: which words there are and how common they are, the [`Lexicon`] says. Its words are
//! features of the characters; a name may begin and end within them.

use super::lexicon::{Lexicon, NO_WORD};

/// The longest word in characters.
pub(super) const LONGEST_WORD: usize = 6;

/// What a character costs that is no word: rarer than any word.
const UNKNOWN: u32 = 8 * 21;

/// A character's place in the words of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Place {
    /// The bytes of its word within the run.
    pub start: usize,
    pub end: usize,
    /// Which of the word's characters it is.
    pub at: usize,
}

/// Memory of [`segment`].
#[derive(Debug, Default)]
pub(super) struct Ways {
    cost: Vec<u32>,
    from: Vec<u32>,
}

/// Appends the place of each character of a run, whose characters begin at `starts` and end at the last of these.
pub(super) fn segment(
    run: &str,
    starts: &[usize],
    lexicon: &Lexicon,
    ways: &mut Ways,
    places: &mut Vec<Place>,
) {
    let length = starts.len() - 1;
    ways.cost.clear();
    ways.cost.resize(length + 1, u32::MAX);
    ways.from.clear();
    ways.from.resize(length + 1, 0);
    ways.cost[0] = 0;
    for from in 0..length {
        let longest = match starts.get(from + 2) {
            Some(&end) => lexicon
                .longest(&run[starts[from]..end])
                .clamp(1, LONGEST_WORD),
            None => 1,
        };
        for to in from + 1..=length.min(from + longest) {
            let word = &run[starts[from]..starts[to]];
            let cost = if to == from + 1 {
                lexicon.cost_of_character(word)
            } else {
                lexicon.cost(word)
            };
            let cost = match cost {
                NO_WORD if to == from + 1 => UNKNOWN,
                NO_WORD => continue,
                cost => u32::from(cost),
            };
            let cost = ways.cost[from] + cost;
            if cost < ways.cost[to] {
                ways.cost[to] = cost;
                ways.from[to] = from as u32;
            }
        }
    }
    let first = places.len();
    places.resize(first + length, Place::default());
    let mut to = length;
    while to > 0 {
        let from = ways.from[to] as usize;
        for at in from..to {
            places[first + at] = Place {
                start: starts[from],
                end: starts[to],
                at: at - from,
            };
        }
        to = from;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ner::tagger::lexicon::{Entry, Key};

    #[test]
    fn the_likeliest_words() {
        let word = |word, cost| {
            (
                Key::exact(word),
                Entry {
                    cost,
                    ..Entry::default()
                },
            )
        };
        let lexicon = Lexicon::new(
            &[
                word("南京", 90),
                word("南京市", 100),
                word("市长", 80),
                word("长江", 90),
                word("大桥", 90),
                word("长江大桥", 120),
                word("市", 70),
                word("江", 80),
                word("大", 60),
                word("名", NO_WORD),
            ],
            &[],
        );
        let words = |run: &str| {
            let mut starts: Vec<usize> = run.char_indices().map(|(at, _)| at).collect();
            starts.push(run.len());
            let mut places = Vec::new();
            segment(run, &starts, &lexicon, &mut Ways::default(), &mut places);
            assert_eq!(places.len(), run.chars().count());
            let words: Vec<_> = places
                .iter()
                .filter(|place| place.at == 0)
                .map(|place| &run[place.start..place.end])
                .collect();
            assert_eq!(words.concat(), run);
            words.join(" ")
        };
        assert_eq!(words("南京市长江大桥"), "南京市 长江大桥");
        assert_eq!(words("大名"), "大 名");
        assert_eq!(words("不知"), "不 知");
        assert_eq!(words(""), "");
    }
}
