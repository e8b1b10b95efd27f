//! Features of a token: the rows of the network's table that say what it looks like, and its word's vectors.
//!
//! A feature is a template with what fills it, hashed; features that share a row share a weight, as in Weinberger et al.,
//! "Feature hashing for large scale multitask learning" (2009). What stands around a token is the network's concern.

use twox_hash::XxHash64;

use super::lexicon::{Key, Lexicon};

/// The features of a kind of token.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Features {
    /// Hashes of templates with what fills them.
    pub hashes: Vec<u64>,
    /// So many of them, the first ones, name the token itself. Training hides them at times, so that the network learns
    /// to do without them.
    pub identity: usize,
    /// The words whose vectors it has: its own, and for Han characters that of the character.
    pub vectors: [Option<Key>; 2],
}

/// What a feature is about. Their order is part of the weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Template {
    /// In each token.
    Any = 1,
    Word,
    CasedWord,
    Trigram,
    Tetragram,
    Prefix,
    Suffix,
    Shape,
    ShortShape,
    /// `@` or `#`.
    Lead,
    Address,
    Class,
    LowerClass,
    TitleClass,
    FoldedClass,
    CasedClass,
    Unknown,
    Character,
    PlacedCharacter,
    PlacedWord,
    Bigram,
    Length,
    First,
    Last,
    PlacedClass,
    CharacterClass,
}

impl Features {
    fn add(&mut self, template: Template, value: &[u8]) {
        self.hashes.push(XxHash64::oneshot(template as u64, value));
    }

    fn add_class(&mut self, template: Template, class: u16, with: u8) {
        let [low, high] = class.to_le_bytes();
        self.add(template, &[low, high, with]);
    }

    fn clear(&mut self) {
        self.hashes.clear();
        self.identity = 0;
        self.vectors = [None; 2];
        self.add(Template::Any, b"");
    }

    /// The features of a word or a sign.
    pub(super) fn of_word(&mut self, word: &str, lexicon: &Lexicon, buffers: &mut Buffers) {
        self.clear();
        if word.starts_with("http") || word.starts_with("www.") {
            self.add(Template::Address, b"");
            return;
        }
        let Buffers {
            lower,
            gram,
            shape,
            ends,
        } = buffers;
        lower.clear();
        lower.extend(word.chars().flat_map(char::to_lowercase));
        let lead = if word.len() > 1 && word.starts_with(['@', '#']) {
            1
        } else {
            0
        };

        self.hashes.clear();
        self.add(Template::Word, lower.as_bytes());
        self.add(Template::CasedWord, word.as_bytes());
        // Character n-grams, with borders: `<`, the word's characters, `>`.
        gram.clear();
        gram.push('<');
        gram.extend(lower[lead..].chars().take(LONGEST_SPELLED));
        gram.push('>');
        ends.clear();
        ends.extend(gram.char_indices().map(|(at, _)| at));
        ends.push(gram.len());
        for (n, template) in [(3, Template::Trigram), (4, Template::Tetragram)] {
            // The whole word is a feature already.
            if ends.len() - 1 > n {
                for window in ends.windows(n + 1) {
                    self.add(template, &gram.as_bytes()[window[0]..window[n]]);
                }
            }
        }
        self.identity = self.hashes.len();

        self.add(Template::Any, b"");
        let letters = ends.len() - 3;
        let (first, last) = (ends[1], ends[ends.len() - 2]);
        for n in 1..=LONGEST_AFFIX.min(letters) {
            self.add(Template::Prefix, &gram.as_bytes()[first..ends[1 + n]]);
            self.add(
                Template::Suffix,
                &gram.as_bytes()[ends[ends.len() - 2 - n]..last],
            );
        }
        write_shape(word, shape);
        self.add(Template::Shape, shape.as_bytes());
        write_short_shape(word, shape);
        self.add(Template::ShortShape, shape.as_bytes());
        self.add(Template::Lead, &word.as_bytes()[..lead]);

        let case = case_of(word);
        let body = &lower[lead..];
        let mut known = false;
        let exact = lexicon.get(Key::exact(word)).map(|e| (Template::Class, e));
        let entry = exact
            .or_else(|| {
                lexicon
                    .get(Key::exact(lower))
                    .map(|e| (Template::LowerClass, e))
            })
            .or_else(|| {
                write_title(lower, shape);
                lexicon
                    .get(Key::exact(shape))
                    .map(|e| (Template::TitleClass, e))
            });
        if let Some((template, entry)) = entry {
            for &class in lexicon.classes(entry.set) {
                known = true;
                self.add_class(template, class, 0);
            }
        }
        self.vectors[0] = Some(Key::folded(body));
        if let Some(entry) = lexicon.get(Key::folded(body)) {
            for &class in lexicon.classes(entry.set) {
                known = true;
                self.add_class(Template::FoldedClass, class, 0);
                self.add_class(Template::CasedClass, class, case);
            }
        }
        if !known {
            self.add(Template::Unknown, &[case]);
        }
    }

    /// The features of a Han character at its place in a word.
    pub(super) fn of_character(
        &mut self,
        word: &str,
        at: usize,
        lexicon: &Lexicon,
        ends: &mut Vec<usize>,
    ) {
        self.clear();
        ends.clear();
        ends.extend(word.char_indices().map(|(at, _)| at));
        ends.push(word.len());
        let character = |at: usize| &word[ends[at]..ends[at + 1]];
        let length = ends.len() - 1;
        let own = character(at);
        let position = position_of(at, length);

        self.hashes.clear();
        self.add(Template::Character, own.as_bytes());
        self.add_joined(Template::PlacedCharacter, own, position / LENGTHS);
        self.add(Template::Word, word.as_bytes());
        self.add_joined(Template::PlacedWord, word, position);
        if at > 0 {
            let two = &word.as_bytes()[ends[at - 1]..ends[at + 1]];
            self.add(Template::Bigram, two);
        }
        if at + 1 < length {
            self.add_joined(Template::Bigram, &word[ends[at]..ends[at + 2]], 1);
        }
        self.identity = self.hashes.len();

        self.add(Template::Any, b"");
        self.add(Template::Length, &[position]);
        self.add(Template::First, character(0).as_bytes());
        self.add(Template::Last, character(length - 1).as_bytes());
        let mut known = false;
        self.vectors = [Key::exact(word), Key::exact(own)].map(Some);
        if let Some(entry) = lexicon.get(Key::exact(word)) {
            for &class in lexicon.classes(entry.set) {
                known = true;
                self.add_class(Template::Class, class, 0);
                self.add_class(Template::PlacedClass, class, position);
            }
        }
        if !known {
            self.add(Template::Unknown, &[position]);
        }
        if length > 1
            && let Some(entry) = lexicon.get(Key::exact(own))
        {
            for &class in lexicon.classes(entry.set) {
                self.add_class(Template::CharacterClass, class, 0);
            }
        }
    }

    fn add_joined(&mut self, template: Template, value: &str, with: u8) {
        let seed = template as u64 | u64::from(with + 1) << 8;
        self.hashes.push(XxHash64::oneshot(seed, value.as_bytes()));
    }
}

/// Memory that the features of words are spelled in.
#[derive(Debug, Default)]
pub(super) struct Buffers {
    lower: String,
    gram: String,
    shape: String,
    pub ends: Vec<usize>,
}

/// The most characters of a word that its n-grams are taken from.
const LONGEST_SPELLED: usize = 24;

/// The longest prefix and suffix, in characters.
const LONGEST_AFFIX: usize = 4;

/// The most characters of a shape.
const LONGEST_SHAPE: usize = 6;

/// Words longer than this are alike in [`position_of`].
const LENGTHS: u8 = 4;

/// Where in a word a character stands: alone, first, last or between, and how long the word is.
fn position_of(at: usize, length: usize) -> u8 {
    let role = match (at, length) {
        (_, 1) => 0,
        (0, _) => 1,
        (at, length) if at + 1 == length => 2,
        _ => 3,
    };
    role * LENGTHS + (length.min(usize::from(LENGTHS)) as u8 - 1)
}

fn case_of(word: &str) -> u8 {
    let mut letters = word.chars();
    if !letters.next().is_some_and(char::is_uppercase) {
        b'l'
    } else if word.chars().nth(1).is_some() && !letters.any(char::is_lowercase) {
        b'U'
    } else {
        b'T'
    }
}

fn kind_of(c: char) -> char {
    if c.is_uppercase() {
        'X'
    } else if c.is_alphabetic() {
        'x'
    } else if c.is_numeric() {
        'd'
    } else {
        c
    }
}

/// `Xxxx`, `dd`, `X.X.`: each character's kind, a few of them.
fn write_shape(word: &str, shape: &mut String) {
    shape.clear();
    shape.extend(word.chars().take(LONGEST_SHAPE).map(kind_of));
}

/// `Xx`, `d`, `X.X.`: runs of a kind as one.
fn write_short_shape(word: &str, shape: &mut String) {
    shape.clear();
    for kind in word.chars().map(kind_of) {
        if !shape.ends_with(kind) {
            shape.push(kind);
        }
    }
}

fn write_title(lower: &str, title: &mut String) {
    title.clear();
    let mut letters = lower.chars();
    title.extend(letters.next().into_iter().flat_map(char::to_uppercase));
    title.extend(letters);
}
