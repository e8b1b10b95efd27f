//! Phrases and texts, the same in every run: English word combinations and Han terms, and documents of a kilobyte with
//! one phrase in a thousand words. Words and characters are as unevenly frequent as real ones.

use std::collections::HashSet;

const WORDS: usize = 60_000;
const HAN: usize = 3_000;
const DOCUMENT: usize = 1_000;
/// Chinese writes about so many characters a word.
const HAN_A_WORD: usize = 2;

/// SplitMix64 (Steele, Lea, Flood 2014).
struct Random(u64);

impl Random {
    fn below(&mut self, count: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((u128::from(mixed ^ mixed >> 31) * count as u128) >> 64) as usize
    }

    /// A rank, each about as likely as its reciprocal says (Zipf).
    fn rank(&mut self, count: usize) -> usize {
        let part = self.below(1 << 30) as f64 / f64::from(1 << 30);
        ((count as f64).powf(part) as usize).min(count) - 1
    }

    /// A rank of a word in a name: rare words are as welcome as frequent ones, the most frequent less.
    fn rank_in_name(&mut self, count: usize) -> usize {
        (self.below(count) * (self.below(count) + 1)) / count
    }
}

/// Half of them English, half Chinese.
pub(super) fn phrases(count: usize) -> Vec<String> {
    let (words, han) = (words(), han());
    let mut random = Random(1);
    let mut seen = HashSet::new();
    let mut phrases = Vec::with_capacity(count);
    while phrases.len() < count {
        let phrase = if phrases.len() < count / 2 {
            let length = 2 + random.below(3);
            let parts: Vec<&str> = (0..length)
                .map(|_| &*words[random.rank_in_name(WORDS)])
                .collect();
            parts.join(" ")
        } else {
            let length = 3 + random.below(4);
            (0..length).map(|_| han[random.rank_in_name(HAN)]).collect()
        };
        if seen.insert(phrase.clone()) {
            phrases.push(phrase);
        }
    }
    phrases
}

/// Documents of English words, one a line.
pub(super) fn english(bytes: usize, phrases: &[String]) -> String {
    let words = words();
    let mut random = Random(2);
    documents(bytes, |document, count| {
        if count % 1000 == 999 {
            document.push_str(&phrases[random.below(phrases.len() / 2)]);
        } else {
            document.push_str(&words[random.rank(WORDS)]);
        }
        document.push_str([", ", ". ", " ", " ", " ", " ", " ", " "][random.below(8)]);
    })
}

/// Documents of Han characters, one a line.
pub(super) fn chinese(bytes: usize, phrases: &[String]) -> String {
    let han = han();
    let mut random = Random(3);
    documents(bytes, |document, count| {
        if count % (1000 * HAN_A_WORD) == 999 {
            document.push_str(&phrases[phrases.len() / 2 + random.below(phrases.len() / 2)]);
        } else {
            document.push(han[random.rank(HAN)]);
        }
        if random.below(10) == 0 {
            document.push_str(["，", "。"][random.below(2)]);
        }
    })
}

fn documents(bytes: usize, mut add: impl FnMut(&mut String, usize)) -> String {
    let (mut text, mut document, mut count) = (String::new(), String::new(), 0);
    while text.len() < bytes {
        add(&mut document, count);
        count += 1;
        if document.len() > DOCUMENT {
            text += &document;
            text.push('\n');
            document.clear();
        }
    }
    text
}

/// By rank; frequent ones are short.
fn words() -> Vec<String> {
    let syllables: Vec<String> = "b c d f g h j k l m n p r s t v w st tr ch"
        .split(' ')
        .flat_map(|head| {
            ["a", "e", "i", "o", "u", "an", "er", "in", "ou", "es"]
                .map(|tail| format!("{head}{tail}"))
        })
        .collect();
    let mut random = Random(4);
    let mut seen = HashSet::new();
    let mut words = Vec::with_capacity(WORDS);
    while words.len() < WORDS {
        let more = usize::from(words.len() > 100);
        let length = 1 + more + random.below(1 + words.len().div_ceil(20_000));
        let mut word: String = (0..length)
            .map(|_| &*syllables[random.below(syllables.len())])
            .collect();
        if random.below(10) == 0 {
            word[..1].make_ascii_uppercase();
        }
        if seen.insert(word.clone()) {
            words.push(word);
        }
    }
    words
}

/// By rank: every seventh character of the Unicode block, in no order.
fn han() -> Vec<char> {
    let mut han: Vec<char> = (0x4E00..0x9FFF)
        .step_by(7)
        .filter_map(char::from_u32)
        .take(HAN)
        .collect();
    let mut random = Random(5);
    for i in (1..han.len()).rev() {
        han.swap(i, random.below(i + 1));
    }
    han
}
