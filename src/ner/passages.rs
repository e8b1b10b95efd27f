//! Passages: the parts of a text that a model sees, where it does not see all of it.
//!
//! A passage is a run of sentences that were chosen by script, or because something was found in them. Neighbours stay
//! together, so that a model sees as much context as there is.

use std::ops::Range;

use super::script::Mainly;
use super::{Script, sentences};

/// The passages of a text: its sentences of that script (or of any) in which one of the places lies (or all). Ascending,
/// without white space around them. `places` ascend by their starts.
pub(super) fn passages(
    text: &str,
    script: Option<Script>,
    places: Option<&[Range<usize>]>,
) -> Vec<Range<usize>> {
    let mut chosen = Chosen {
        text,
        passages: Vec::new(),
        last: None,
    };
    if places.is_some_and(<[_]>::is_empty) {
        return chosen.passages;
    }
    let mut places = places.map(Places::new);
    // What sentences without letters go by: those before them, at the beginning those after them.
    let mut before = None;
    let mut undecided: Vec<(Range<usize>, bool)> = Vec::new();
    for sentence in sentences(text) {
        let found = places.as_mut().is_none_or(|places| places.touch(&sentence));
        let Some(script) = script else {
            chosen.choose(sentence, found);
            continue;
        };
        match Mainly::of(&text[sentence.clone()]) {
            Mainly::Nothing => match before {
                Some(mainly) => chosen.choose(sentence, found && mainly == Mainly::This(script)),
                None => undecided.push((sentence, found)),
            },
            mainly => {
                let wanted = mainly == Mainly::This(script);
                for (sentence, found) in undecided.drain(..) {
                    chosen.choose(sentence, found && wanted);
                }
                chosen.choose(sentence, found && wanted);
                before = Some(mainly);
            }
        }
    }
    chosen.passages
}

/// Passages as they grow.
struct Chosen<'t> {
    text: &'t str,
    passages: Vec<Range<usize>>,
    /// Where the last passage ends with its white space.
    last: Option<usize>,
}

impl Chosen<'_> {
    fn choose(&mut self, sentence: Range<usize>, wanted: bool) {
        if !wanted {
            return;
        }
        let whole = &self.text[sentence.clone()];
        let end = sentence.start + whole.trim_end().len();
        let start = end - whole[..end - sentence.start].trim_start().len();
        match self.passages.last_mut() {
            Some(passage) if self.last == Some(sentence.start) => passage.end = end,
            _ if start < end => self.passages.push(start..end),
            _ => {}
        }
        self.last = Some(sentence.end);
    }
}

/// A walk along places, beside one along sentences.
struct Places<'a> {
    rest: &'a [Range<usize>],
    /// The farthest end of those that have begun.
    reach: usize,
}

impl<'a> Places<'a> {
    fn new(rest: &'a [Range<usize>]) -> Self {
        Self { rest, reach: 0 }
    }

    fn touch(&mut self, sentence: &Range<usize>) -> bool {
        while let [first, rest @ ..] = self.rest
            && first.start < sentence.end
        {
            self.reach = self.reach.max(first.end);
            self.rest = rest;
        }
        self.reach > sentence.start
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(text: &str, script: Option<Script>, words: Option<&[&str]>) -> Vec<String> {
        let places = words.map(|words| {
            let mut places: Vec<_> = words
                .iter()
                .flat_map(|word| text.match_indices(word))
                .map(|(at, word)| at..at + word.len())
                .collect();
            places.sort_by_key(|place| place.start);
            places
        });
        let passages = passages(text, script, places.as_deref());
        passages
            .into_iter()
            .map(|range| text[range].to_string())
            .collect()
    }

    #[test]
    fn neighbours_stay_together() {
        let text = " One. Two.\n\nThree. 四。Five. 六。七。 8. 9!  ";
        assert_eq!(seen(text, None, None), [text.trim()]);
        assert_eq!(
            seen(text, Some(Script::Latin), None),
            ["One. Two.\n\nThree.", "Five."]
        );
        assert_eq!(
            seen(text, Some(Script::Han), None),
            ["四。", "六。七。 8. 9!"]
        );
        let found = |words: &[&str]| seen(text, None, Some(words));
        assert_eq!(found(&[]), [""; 0]);
        assert_eq!(found(&["nothing"]), [""; 0]);
        assert_eq!(found(&["One", "9"]), ["One.", "9!"]);
        assert_eq!(found(&["Two", "Three", "七"]), ["Two.\n\nThree.", "七。"]);
        // A place across sentences chooses both.
        assert_eq!(found(&["e. Tw"]), ["One. Two."]);
        let both = seen(text, Some(Script::Han), Some(&["Two", "六", "8"]));
        assert_eq!(both, ["六。", "8."]);
    }

    #[test]
    fn what_has_no_letters_goes_by_its_neighbours() {
        let text = "1! 2! 三。4! Five. 6!";
        assert_eq!(seen(text, Some(Script::Han), None), ["1! 2! 三。4!"]);
        assert_eq!(seen(text, Some(Script::Latin), None), ["Five. 6!"]);
        assert_eq!(seen("1! 😀", Some(Script::Han), None), [""; 0]);
        assert_eq!(seen("", Some(Script::Han), None), [""; 0]);
    }
}
