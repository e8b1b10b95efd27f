//! Context: words near an entity that raise or lower its score, and the least score that a label's entities need.
//!
//! Eleven digits after `电话` are a phone number, after `订单号` they are not. The walk goes outwards from the entity,
//! first to the left, and **the nearest word decides**: Chinese and English both put the noun that names a number
//! last (`客服电话订单号：…`, `order phone: …`), so adding up all the words around would let those of the neighbours
//! count. Of words that end at the same place the longest decides, of words equally far on both sides the left one.
//!
//! A word is found in any case and width; white space in it stands for any white space character. Where it begins or
//! ends with a letter or digit of a script with spaces, no such letter or digit may join it there (`tel` is not found
//! in `hotel`); Han is found anywhere. The entity itself joins nothing.
//!
//! Cost: for spans that were found under a label with context, and for them [`Context::FARTHEST`] characters on either
//! side at most. Which words a label has is not decided here (`shipped.rs`, and the user's `spanql.toml`).

use std::fmt::Write as _;
use std::ops::Range;

use super::{Span, border};

/// Scores are rounded to thousandths after a change, so that 1 - 0.6 is 0.4 and not 0.39999998.
const STEPS: f32 = 1000.0;

/// Some words, and what one of them near an entity does to its score.
///
/// ```
/// use spanql::recognize::{Context, Registry, Rules, Scratch};
///
/// let order = Context::new(["订单号", "order"], -0.6, 20, 0)?;
/// let registry = Registry::builtin().with_rules("PHONE", Rules::default().with_context(order)?);
/// let scanner = registry.scanner(&["PHONE"]).expect("PHONE is built in");
/// let mut scratch = Scratch::default();
/// let sure = scanner.scan("+86 13812345678", &mut scratch)[0].score;
/// let unsure = scanner.scan("Order: +86 13812345678", &mut scratch)[0].score;
/// assert_eq!((sure, unsure), (1.0, 0.4));
/// # Ok::<(), String>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Context {
    words: Vec<String>,
    change: f32,
    before: usize,
    after: usize,
}

impl Context {
    /// How many characters before an entity are looked at where nothing is said. After it none are: what follows a
    /// number names the next one more often than this one.
    pub const BEFORE: usize = 20;
    /// The most characters that may be looked at on either side.
    pub const FARTHEST: usize = 100;

    /// `change` is added to the score, from -1 to 1; a word counts where it lies wholly within `before` characters
    /// before the entity or `after` characters after it.
    ///
    /// # Errors
    /// A message that names the value: no words, a word that is empty, has white space at an end or is longer than
    /// what is looked at, a change beyond ±1 or of 0, a window of more than [`Context::FARTHEST`].
    pub fn new<W: Into<String>>(
        words: impl IntoIterator<Item = W>,
        change: f32,
        before: usize,
        after: usize,
    ) -> Result<Self, String> {
        let words: Vec<String> = words.into_iter().map(Into::into).collect();
        let farthest = before.max(after);
        if farthest > Self::FARTHEST || farthest == 0 {
            return Err(format!(
                "{before} characters before and {after} after: look at 1 to {} on at least one side",
                Self::FARTHEST
            ));
        }
        if !(-1.0..=1.0).contains(&change) || change == 0.0 {
            return Err(format!(
                "a score is from 0 to 1, so {change} cannot be added to it"
            ));
        }
        if words.is_empty() {
            return Err("no words".to_string());
        }
        for word in &words {
            if word.trim() != word || word.is_empty() {
                return Err(format!(
                    "word {word:?}: write it without white space around it"
                ));
            }
            let length = word.chars().count();
            if length > farthest {
                return Err(format!(
                    "word {word:?} has {length} characters, and only {farthest} are looked at"
                ));
            }
        }
        Ok(Self {
            words,
            change,
            before,
            after,
        })
    }
}

impl std::fmt::Display for Context {
    /// `+0.3 tel, phone`
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:+} {}", self.change, self.words.join(", "))
    }
}

/// What the entities of a label are weighed by: words near them, and the score that they need.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    min_score: f32,
    contexts: Vec<Context>,
    /// All words as they are met on the way to the left of an entity (last character first), and to the right.
    leftward: Words,
    rightward: Words,
}

#[derive(Debug, Clone, Default)]
struct Words {
    /// Sorted, longer ones before those that they begin with.
    sorted: Vec<Word>,
    /// Which characters may begin a word, ASCII and others, 128 bits each: nearly all that is met begins none.
    first: [u128; 2],
}

#[derive(Debug, Clone)]
struct Word {
    /// At least one character, folded.
    characters: Vec<char>,
    context: usize,
}

/// The word that changed a score.
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence {
    /// Where it stands, in bytes.
    pub word: Range<usize>,
    /// What it added to the score, before the score was kept within 0 and 1.
    pub change: f32,
}

impl Rules {
    /// Entities whose score, after context, is below `min_score` are dropped.
    ///
    /// # Errors
    /// A message where it is not from 0 to 1.
    pub fn with_min_score(mut self, min_score: f32) -> Result<Self, String> {
        self.min_score = checked_score(min_score)?;
        Ok(self)
    }

    /// Adds a context.
    ///
    /// # Errors
    /// A message that names a word which a context of these rules has already.
    pub fn with_context(mut self, context: Context) -> Result<Self, String> {
        for word in &context.words {
            let number = self.contexts.len();
            let new = self.rightward.add(word.chars().map(fold), number)
                && self.leftward.add(word.chars().rev().map(fold), number);
            if !new {
                return Err(format!(
                    "word {word:?} is there already, in this form or another case or width"
                ));
            }
        }
        self.contexts.push(context);
        Ok(self)
    }

    /// The least score.
    #[must_use]
    pub fn min_score(&self) -> f32 {
        self.min_score
    }

    /// The contexts, in order.
    #[must_use]
    pub fn contexts(&self) -> &[Context] {
        &self.contexts
    }

    /// What the answers depend on, for the registry's fingerprint.
    pub(crate) fn definition(&self) -> String {
        let mut definition = format!("min_score {}", self.min_score);
        for context in &self.contexts {
            let Context { before, after, .. } = context;
            // Writing to a string does not fail.
            let _ = write!(definition, "\n{before} {after} {context}");
        }
        definition
    }

    /// Changes the score of a span by its context; says whether the span stays.
    pub(super) fn weigh(&self, text: &str, span: &mut Span) -> bool {
        if let Some(evidence) = self.evidence(text, span) {
            let changed = (span.score + evidence.change) * STEPS;
            span.score = changed.round().clamp(0.0, STEPS) / STEPS;
        }
        span.score >= self.min_score
    }

    /// The word that decides about a span.
    pub(super) fn evidence(&self, text: &str, span: &Span) -> Option<Evidence> {
        let left = self.nearest(&self.leftward, text[..span.start].chars().rev(), |c| {
            c.before
        });
        let right = self.nearest(&self.rightward, text[span.end..].chars(), |c| c.after);
        let (word, met) = match (left, right) {
            (Some(left), right) if right.is_none_or(|r| left.distance <= r.distance) => {
                let near = span.start - left.between;
                (near - left.length..near, left)
            }
            (_, right) => {
                let right = right?;
                let near = span.end + right.between;
                (near..near + right.length, right)
            }
        };
        let change = self.contexts[met.context].change;
        Some(Evidence { word, change })
    }

    /// The first of the words that is met in the characters which lead away from an entity.
    fn nearest(
        &self,
        words: &Words,
        mut away: impl Iterator<Item = char> + Clone,
        reach: fn(&Context) -> usize,
    ) -> Option<Met> {
        let farthest = self.contexts.iter().map(reach).max()?;
        let (mut inner, mut between) = (None, 0);
        for distance in 0..farthest {
            let here = away.clone();
            let c = away.next()?;
            for word in words.beginning_with(fold(c)) {
                let context = word.context;
                if distance + word.characters.len() <= reach(&self.contexts[context])
                    && let Some(length) = word.at(inner, here.clone())
                {
                    return Some(Met {
                        distance,
                        between,
                        length,
                        context,
                    });
                }
            }
            inner = Some(c);
            between += c.len_utf8();
        }
        None
    }
}

impl Words {
    /// Adds a word, unless it is there.
    fn add(&mut self, characters: impl Iterator<Item = char>, context: usize) -> bool {
        let characters: Vec<char> = characters.collect();
        let place = self
            .sorted
            .binary_search_by(|word| characters.cmp(&word.characters));
        if let Err(place) = place {
            let (half, bit) = bit(characters[0]);
            self.first[half] |= bit;
            let word = Word {
                characters,
                context,
            };
            self.sorted.insert(place, word);
        }
        place.is_err()
    }

    #[inline]
    fn beginning_with(&self, first: char) -> &[Word] {
        let (half, bit) = bit(first);
        if self.first[half] & bit == 0 {
            return &[];
        }
        let from = self
            .sorted
            .partition_point(|word| word.characters[0] > first);
        let rest = &self.sorted[from..];
        &rest[..rest.partition_point(|word| word.characters[0] == first)]
    }
}

/// Its own bit for an ASCII character, one shared with others for any other.
#[inline]
fn bit(c: char) -> (usize, u128) {
    (usize::from(!c.is_ascii()), 1 << (u32::from(c) & 127))
}

/// A word met on the way.
#[derive(Clone, Copy)]
struct Met {
    /// Characters between the entity and the word.
    distance: usize,
    /// Bytes between them.
    between: usize,
    /// The word's own bytes.
    length: usize,
    context: usize,
}

impl Word {
    /// Its length in bytes, where it stands in the characters to come and is no part of something longer; `inner` is the
    /// character on the entity's side of it, none where that is the entity.
    fn at(&self, inner: Option<char>, mut here: impl Iterator<Item = char>) -> Option<usize> {
        let (mut length, mut last) = (0, inner);
        for (i, &wanted) in self.characters.iter().enumerate() {
            let c = here.next().filter(|&c| fold(c) == wanted)?;
            if i == 0 && joined(inner, c) {
                return None;
            }
            length += c.len_utf8();
            last = Some(c);
        }
        (!joined(here.next(), last?)).then_some(length)
    }
}

/// A score as the user gives it.
pub(super) fn checked_score(score: f32) -> Result<f32, String> {
    match (0.0..=1.0).contains(&score) {
        true => Ok(score),
        false => Err(format!("{score} is no score: scores are from 0 to 1")),
    }
}

/// Whether a neighbour makes a word out of what the word begins or ends with.
fn joined(neighbour: Option<char>, own: char) -> bool {
    // An underscore stands between words: `phone_number`.
    let joins = |c: Option<char>| c != Some('_') && border::joins(c);
    joins(neighbour) && joins(Some(own))
}

/// What is compared of a character: its lower case where that is one character, the ASCII of a full-width form, a
/// space for any white space.
fn fold(c: char) -> char {
    match u32::from(c) {
        0x4E00..=0x9FFF => c,
        _ if c.is_whitespace() => ' ',
        ..0x80 => c.to_ascii_lowercase(),
        // `！` to `～` are U+FF01 to U+FF5E; `!` to `~` 94 characters as well.
        wide @ 0xFF01..=0xFF5E => char::from((wide - 0xFF01) as u8 + b'!').to_ascii_lowercase(),
        _ if border::glues(c) => c,
        _ => {
            let mut lower = c.to_lowercase();
            match (lower.next(), lower.next()) {
                (Some(one), None) => one,
                _ => c,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(contexts: &[(&[&str], f32, usize, usize)]) -> Rules {
        contexts.iter().fold(
            Rules::default(),
            |rules, &(words, change, before, after)| {
                let context = Context::new(words.iter().copied(), change, before, after).unwrap();
                rules.with_context(context).unwrap()
            },
        )
    }

    /// The score of `◆` in a text, from 0.5, and the word that changed it.
    fn weighed(rules: &Rules, text: &str) -> (f32, Option<String>) {
        let start = text.find('◆').unwrap();
        let mut span = Span {
            start,
            end: start + '◆'.len_utf8(),
            recognizer: 0,
            score: 0.5,
        };
        let evidence = rules.evidence(text, &span);
        rules.weigh(text, &mut span);
        (span.score, evidence.map(|e| text[e.word].to_string()))
    }

    #[test]
    fn the_nearest_word_decides() {
        let rules = rules(&[
            (
                &["tel", "电话", "phone", "Téléphone", "call me"],
                0.3,
                10,
                4,
            ),
            (&["order", "订单号", "单号", "订单电话"], -0.6, 10, 4),
        ]);
        for (text, score, word) in [
            ("◆", 0.5, ""),
            ("tel ◆", 0.8, "tel"),
            ("Tel.: ◆", 0.8, "Tel"),
            ("ＴＥＬ：◆", 0.8, "ＴＥＬ"),
            ("TÉLÉPHONE ◆", 0.8, "TÉLÉPHONE"),
            ("call\u{3000}me ◆", 0.8, "call\u{3000}me"),
            ("请打电话◆吧", 0.8, "电话"),
            ("客服电话订单号：◆", 0.0, "订单号"),
            ("order tel ◆", 0.8, "tel"),
            ("tel order ◆", 0.0, "order"),
            ("phone_◆", 0.8, "phone"),
            ("user_phone=◆", 0.8, "phone"),
            // Of words that end at one place the longest.
            ("订单电话◆", 0.0, "订单电话"),
            ("tel单号◆", 0.0, "单号"),
            // The nearer side, and the left one of two.
            ("◆ tel", 0.8, "tel"),
            ("order  ◆ tel", 0.8, "tel"),
            ("order ◆ tel", 0.0, "order"),
            ("tel.◆.order", 0.8, "tel"),
            ("◆单号", 0.0, "单号"),
            // Only part of something longer.
            ("hotel ◆", 0.5, ""),
            ("telephone ◆", 0.5, ""),
            ("tel2 ◆", 0.5, ""),
            ("2tel ◆ tel2", 0.5, ""),
            ("telé ◆", 0.5, ""),
            ("éphone ◆", 0.5, ""),
            ("电 话◆", 0.5, ""),
            // The window.
            ("tel 345678◆", 0.8, "tel"),
            ("tel 3456789◆", 0.5, ""),
            ("电话：四五六七八九十◆", 0.8, "电话"),
            ("电话：四五六七八九十一◆", 0.5, ""),
            ("◆ phone", 0.5, ""),
            ("◆tel", 0.8, "tel"),
        ] {
            let expected = (score, Some(word.to_string()).filter(|w| !w.is_empty()));
            assert_eq!(weighed(&rules, text), expected, "{text}");
        }
    }

    #[test]
    fn scores_stay_scores() {
        let raised = rules(&[(&["a"], 0.8, 5, 0)]);
        let lowered = rules(&[(&["a"], -0.6, 5, 0)]);
        assert_eq!(weighed(&raised, "a ◆").0, 1.0);
        assert_eq!(weighed(&lowered, "a ◆").0, 0.0);
        let mut sure = Span {
            start: 2,
            end: 5,
            recognizer: 0,
            score: 1.0,
        };
        assert!(
            lowered
                .clone()
                .with_min_score(0.4)
                .unwrap()
                .weigh("a ◆", &mut sure)
        );
        assert_eq!(sure.score, 0.4);
        sure.score = 0.99;
        assert!(!lowered.with_min_score(0.4).unwrap().weigh("a ◆", &mut sure));
    }

    #[test]
    fn what_cannot_count_is_refused() {
        let context = |words: &[&str], change, before, after| {
            Context::new(words.iter().copied(), change, before, after).unwrap_err()
        };
        for (error, part) in [
            (context(&[], 0.3, 20, 0), "no words"),
            (context(&[""], 0.3, 20, 0), "\"\""),
            (context(&["a", " b"], 0.3, 20, 0), "\" b\""),
            (
                context(&["abcdef"], 0.3, 5, 4),
                "\"abcdef\" has 6 characters, and only 5",
            ),
            (context(&["a"], 0.0, 20, 0), "0 cannot"),
            (context(&["a"], 1.5, 20, 0), "1.5 cannot"),
            (context(&["a"], f32::NAN, 20, 0), "NaN cannot"),
            (context(&["a"], 0.3, 101, 0), "1 to 100"),
            (context(&["a"], 0.3, 0, 0), "1 to 100"),
            (
                Rules::default().with_min_score(1.1).unwrap_err(),
                "1.1 is no score",
            ),
            (
                Rules::default().with_min_score(f32::NAN).unwrap_err(),
                "NaN is no score",
            ),
        ] {
            assert!(error.contains(part), "{error}");
        }
        let again = Context::new(["b", "ＴＥＬ"], -0.3, 20, 0).unwrap();
        let error = rules(&[(&["tel"], 0.3, 20, 0)])
            .with_context(again)
            .unwrap_err();
        assert!(error.contains("\"ＴＥＬ\" is there already"), "{error}");
    }

    #[test]
    fn definitions_tell_rules_apart() {
        let mut all = vec![
            rules(&[]).definition(),
            rules(&[]).with_min_score(0.5).unwrap().definition(),
            rules(&[(&["a"], 0.3, 20, 0)]).definition(),
            rules(&[(&["a"], -0.3, 20, 0)]).definition(),
            rules(&[(&["a"], 0.3, 0, 20)]).definition(),
            rules(&[(&["a"], 0.3, 19, 0)]).definition(),
            rules(&[(&["b"], 0.3, 20, 0)]).definition(),
            rules(&[(&["a", "b"], 0.3, 20, 0)]).definition(),
            rules(&[(&["a"], 0.3, 20, 0), (&["b"], 0.3, 20, 0)]).definition(),
        ];
        let count = all.len();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), count);
    }
}
