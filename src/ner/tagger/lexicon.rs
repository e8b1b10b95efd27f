//! [`Lexicon`]: what is known of words before a text is read.
//!
//! Owns the table of words: their classes (a word cluster, a given name, a city) and how common they are. Words are kept
//! as 16-bit hashes, so a word that is not there is taken for another once in some thousand times: features are
//! evidence, not facts.

use twox_hash::XxHash64;

/// A word as the table knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Key(u64);

impl Key {
    /// A word as it is written.
    pub(super) fn exact(word: &str) -> Self {
        Self(XxHash64::oneshot(1, word.as_bytes()))
    }

    /// A word whatever its case; `lower` is its lower case.
    pub(super) fn folded(lower: &str) -> Self {
        Self(XxHash64::oneshot(2, lower.as_bytes()))
    }

    /// What the table holds of it; never the mark of a free slot.
    fn check(self) -> u16 {
        (self.0 as u16).max(1)
    }

    fn slot(self, slots: usize) -> usize {
        ((self.0 >> 32) as usize * slots) >> 32
    }
}

/// What is known of a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Entry {
    /// Number of its set of classes.
    pub set: u16,
    /// How rare it is: −8 log₂ of its share of all words; [`NO_WORD`] where it is none to cut a text by.
    pub cost: u8,
}

/// Slots of [`Lexicon::longest`].
const BEGINNINGS: usize = 1 << 17;

/// Characters whose cost is looked up beforehand: the common Han characters.
const COMMON: std::ops::Range<u32> = 0x4E00..0xA000;

/// No word of its own: it is known for its classes alone.
pub(super) const NO_WORD: u8 = 255;

/// Keys by hash, in open addressing; what belongs to a key is in arrays of its users, by slot.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Keys {
    /// By slot, the key's check; 0 where the slot is free.
    pub checks: Vec<u16>,
}

impl Keys {
    /// Room for so many keys: four fifths full, for short ways and little air.
    pub(super) fn with_capacity(keys: usize) -> Self {
        Self {
            checks: vec![0; keys * 5 / 4 + 1],
        }
    }

    /// The slot of a key that is new; of one that is there, nothing.
    pub(super) fn insert(&mut self, key: Key) -> Option<usize> {
        let slot = self.find(key).err()?;
        self.checks[slot] = key.check();
        Some(slot)
    }

    pub(super) fn get(&self, key: Key) -> Option<usize> {
        self.find(key).ok()
    }

    /// The key's slot, or the free one where it would be.
    fn find(&self, key: Key) -> Result<usize, usize> {
        let slots = self.checks.len();
        let (check, mut slot) = (key.check(), key.slot(slots));
        loop {
            match self.checks[slot] {
                0 => return Err(slot),
                known if known == check => return Ok(slot),
                _ => slot = if slot + 1 == slots { 0 } else { slot + 1 },
            }
        }
    }
}

/// Words, their classes and how common they are.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Lexicon {
    pub keys: Keys,
    /// By slot.
    pub sets: Vec<u16>,
    /// By slot; empty where no word has one.
    pub costs: Vec<u8>,
    /// By hash of two characters, how many characters the longest word has that begins with them: most two begin none.
    pub longest: Vec<u8>,
    /// Set `n` has the classes `classes[ends[n - 1]..ends[n]]`; set 0 has none.
    pub ends: Vec<u32>,
    pub classes: Vec<u16>,
    /// Costs of [`COMMON`] characters as words, since each place of a text asks for one; made by [`Lexicon::prepare`].
    pub characters: Vec<u8>,
}

impl Lexicon {
    /// A table of words. Of two under one key the first one counts.
    pub(super) fn new(words: &[(Key, Entry)], sets: &[Vec<u16>]) -> Self {
        let keys = Keys::with_capacity(words.len());
        let slots = keys.checks.len();
        let has_costs = words.iter().any(|(_, entry)| entry.cost != NO_WORD);
        let mut lexicon = Self {
            keys,
            sets: vec![0; slots],
            costs: vec![NO_WORD; if has_costs { slots } else { 0 }],
            longest: Vec::new(),
            ends: Vec::with_capacity(sets.len()),
            classes: sets.concat(),
            characters: Vec::new(),
        };
        let mut end = 0;
        for set in sets {
            end += set.len() as u32;
            lexicon.ends.push(end);
        }
        for (key, entry) in words {
            if let Some(slot) = lexicon.keys.insert(*key) {
                lexicon.sets[slot] = entry.set;
                if has_costs {
                    lexicon.costs[slot] = entry.cost;
                }
            }
        }
        lexicon
    }

    /// Notes the words that a text may be cut into.
    pub(super) fn with_beginnings<'a>(mut self, words: impl Iterator<Item = &'a str>) -> Self {
        self.longest = vec![0; BEGINNINGS];
        for word in words {
            let mut ends = word.char_indices().map(|(at, _)| at).skip(2);
            let (Some(two), length) = (
                ends.next()
                    .or((word.chars().count() == 2).then_some(word.len())),
                word.chars().count(),
            ) else {
                continue;
            };
            let longest = &mut self.longest[Key::exact(&word[..two]).slot(BEGINNINGS)];
            *longest = (*longest).max(length.min(255) as u8);
        }
        self
    }

    /// Makes what is not stored.
    pub(super) fn prepare(&mut self) {
        if self.costs.is_empty() {
            return;
        }
        self.characters = COMMON
            .filter_map(char::from_u32)
            .map(|c| self.cost(c.encode_utf8(&mut [0; 4])))
            .collect();
    }

    /// How rare a word is, or [`NO_WORD`].
    pub(super) fn cost(&self, word: &str) -> u8 {
        self.get(Key::exact(word))
            .map_or(NO_WORD, |entry| entry.cost)
    }

    /// How rare a character is as a word, or [`NO_WORD`].
    pub(super) fn cost_of_character(&self, character: &str) -> u8 {
        let code = character.chars().next().map_or(0, u32::from);
        let common = code
            .checked_sub(COMMON.start)
            .and_then(|at| self.characters.get(at as usize));
        common.copied().unwrap_or_else(|| self.cost(character))
    }

    /// How many characters a word has at the most that begins with these two.
    pub(super) fn longest(&self, two: &str) -> usize {
        match self.longest.len() {
            0 => usize::MAX,
            length => self.longest[Key::exact(two).slot(length)].into(),
        }
    }

    /// Whether it can be looked up in: the arrays fit each other, and a search comes to an end.
    pub(super) fn check(&self) -> Result<(), String> {
        let slots = self.keys.checks.len();
        let fits = self.keys.checks.contains(&0)
            && self.sets.len() == slots
            && (self.costs.is_empty() || self.costs.len() == slots)
            && self.ends.is_sorted()
            && self.ends.last().map_or(0, |&end| end as usize) == self.classes.len()
            && self
                .sets
                .iter()
                .all(|&set| usize::from(set) < self.ends.len().max(1));
        if fits {
            Ok(())
        } else {
            Err("its lexicon's arrays do not fit each other".into())
        }
    }

    pub(super) fn get(&self, key: Key) -> Option<Entry> {
        let slot = self.keys.get(key)?;
        Some(Entry {
            set: self.sets[slot],
            cost: self.costs.get(slot).copied().unwrap_or(NO_WORD),
        })
    }

    /// The classes of a set.
    pub(super) fn classes(&self, set: u16) -> &[u16] {
        let end = |set: u16| {
            self.ends
                .get(usize::from(set))
                .map_or(0, |&end| end as usize)
        };
        let start = set.checked_sub(1).map_or(0, end);
        &self.classes[start..end(set)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_and_others_are_not() {
        let entry = |set, cost| Entry { set, cost };
        let words: Vec<_> = (0..1000)
            .map(|n| (Key::exact(&format!("word{n}")), entry((n % 3) as u16, 7)))
            .chain([(Key::folded("word1"), entry(2, NO_WORD))])
            .collect();
        let lexicon = Lexicon::new(&words, &[vec![], vec![5], vec![6, 7]]);
        assert_eq!(lexicon.check(), Ok(()));
        for (key, entry) in &words {
            assert_eq!(lexicon.get(*key), Some(*entry));
        }
        let strangers =
            (1000..3000).filter(|n| lexicon.get(Key::exact(&format!("word{n}"))).is_some());
        assert!(strangers.count() < 5);
        assert_eq!(lexicon.classes(0), [] as [u16; 0]);
        assert_eq!(lexicon.classes(1), [5]);
        assert_eq!(lexicon.classes(2), [6, 7]);
        assert_eq!(Lexicon::new(&[], &[]).get(Key::exact("a")), None);
    }

    #[test]
    fn arrays_that_do_not_fit_are_noticed() {
        let good = Lexicon::new(&[(Key::exact("a"), Entry::default())], &[vec![], vec![1]]);
        assert_eq!(good.check(), Ok(()));
        for spoil in [
            (|l: &mut Lexicon| l.keys.checks.fill(1)) as fn(&mut Lexicon),
            |l| l.sets.truncate(1),
            |l| l.costs.truncate(1),
            |l| l.sets[0] = 9,
            |l| l.ends[1] = 9,
            |l| l.ends[0] = 2,
            |l| l.keys.checks.clear(),
        ] {
            let mut bad = good.clone();
            spoil(&mut bad);
            assert!(bad.check().is_err(), "{bad:?}");
        }
    }
}
