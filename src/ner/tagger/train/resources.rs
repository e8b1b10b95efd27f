//! What is known of words before training: lexicon and vector files, and how they become a [`Lexicon`] and [`Vectors`].
//!
//! Lines are tab-separated; files ending in `.gz` are decompressed.
//!
//! - *Lexicon*: `word`, its classes with spaces between them, and how often it occurs, if that is known; only then is a word
//!   of Han characters a word of its own, by which runs of them are cut. A word after
//!   `^` (in lower case) is meant whatever its case. What the classes are is up to the file: `city`, `given`, a cluster.
//! - *Vectors*: `word number number …`, separated by spaces, most frequent word first, as word2vec and GloVe write them.
//! - *Variants*: a character and the one that it is read as.
//!
//! A word goes to the side of its script.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use super::random::Random;
use crate::error::{Error, Result};
use crate::ner::sentences::is_han;
use crate::ner::tagger::conll::read_text;
use crate::ner::tagger::lexicon::{Entry, Key, Keys, Lexicon, NO_WORD};
use crate::ner::tagger::network::{CODES, PART, Vectors};
use crate::ner::tagger::variants::Variants;

/// Rounds of k-means.
const ROUNDS: usize = 8;

/// The most vectors of a side; each costs 28 bytes of the unpacked weights.
const MOST_VECTORS: usize = 60_000;

/// The most words of a side's lexicon; each costs five bytes of the unpacked weights.
const MOST_WORDS: usize = 250_000;

/// One side's words.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub lexicon: Lexicon,
    /// Without projections.
    pub vectors: Vectors,
}

impl Known {
    /// Numbers of a vector.
    pub(super) fn dimensions(&self) -> usize {
        self.vectors.codebook.len() / CODES
    }

    /// Appends the vector of a word, as its codes have it; zeros where it has none.
    pub(super) fn vector(&self, key: Option<Key>, to: &mut Vec<f32>) {
        let end = to.len() + self.dimensions();
        for (part, &code) in self.vectors.codes(key).iter().enumerate() {
            let at = (part * CODES + usize::from(code)) * PART;
            to.extend(&self.vectors.codebook[at..at + PART]);
        }
        to.resize(end, 0.0);
    }
}

#[derive(Debug, Default, Clone)]
struct Word {
    classes: Vec<String>,
    count: Option<f64>,
}

/// Files of what is known.
#[derive(Debug, Default, Clone)]
pub(super) struct Files<'a> {
    pub lexicons: &'a [PathBuf],
    pub vectors: &'a [PathBuf],
}

/// Reads the variants.
pub(super) fn read_variants(files: &[PathBuf]) -> Result<Variants> {
    let mut pairs = BTreeMap::new();
    for path in files {
        for (number, line) in read_text(path)?.lines().enumerate() {
            let mut parts = line.split('\t').map(|part| {
                let mut characters = part.chars();
                characters.next().filter(|_| characters.next().is_none())
            });
            let (Some(Some(from)), Some(Some(to)), None) =
                (parts.next(), parts.next(), parts.next())
            else {
                return Err(bad(
                    path,
                    number,
                    line,
                    "two characters with a tab between them",
                ));
            };
            pairs.entry(from).or_insert(to);
        }
    }
    let (from, to) = pairs.into_iter().unzip();
    Ok(Variants::new(from, to).expect("pairs of a map ascend"))
}

/// Reads the words of both sides: of alphabetic scripts, then of Han.
pub(super) fn read(files: &Files, variants: &Variants) -> Result<[Known; 2]> {
    let mut sides: [Sources; 2] = Default::default();
    for path in files.lexicons {
        read_lexicon(path, variants, &mut sides)?;
    }
    for path in files.vectors {
        read_vectors(path, variants, &mut sides)?;
    }
    let [words, characters] = sides;
    Ok([words.known(), characters.known()])
}

#[derive(Debug, Default)]
struct Sources {
    words: HashMap<String, Word>,
    /// In the order of the files: what is cut off at the end is the rarest.
    order: Vec<String>,
    /// Words that have a vector, and these.
    vector_keys: Vec<Key>,
    vectors: Vec<f32>,
    dimensions: usize,
}

fn side_of(word: &str, variants: &Variants) -> (usize, String) {
    if word.chars().any(is_han) {
        (1, word.chars().map(|c| variants.read(c)).collect())
    } else {
        (0, word.to_string())
    }
}

fn read_lexicon(path: &Path, variants: &Variants, sides: &mut [Sources; 2]) -> Result<()> {
    for (number, line) in read_text(path)?.lines().enumerate() {
        let mut parts = line.split('\t');
        let (word, classes, count) = (parts.next().unwrap_or(""), parts.next(), parts.next());
        let count = count.map(str::parse).transpose();
        let (Some(classes), Ok(count), false) = (classes, count, word.is_empty()) else {
            return Err(bad(
                path,
                number,
                line,
                "a word, its classes and perhaps a count, with tabs between them",
            ));
        };
        let (side, word) = side_of(word, variants);
        let word = sides[side].word(word);
        for class in classes.split(' ').filter(|class| !class.is_empty()) {
            if !word.classes.iter().any(|known| known == class) {
                word.classes.push(class.to_string());
            }
        }
        word.count = match (word.count, count) {
            (Some(a), Some(b)) => Some(f64::max(a, b)),
            (a, b) => a.or(b),
        };
    }
    Ok(())
}

fn read_vectors(path: &Path, variants: &Variants, sides: &mut [Sources; 2]) -> Result<()> {
    for (line_number, line) in read_text(path)?.lines().enumerate() {
        let mut parts = line.trim_end().split(' ');
        let word = parts.next().unwrap_or("");
        let numbers: std::result::Result<Vec<f32>, _> = parts.map(str::parse).collect();
        let Ok(mut numbers) = numbers else {
            return Err(bad(
                path,
                line_number,
                word,
                "a word and the numbers of its vector, with spaces between them",
            ));
        };
        // word2vec's files begin with how many words and how many numbers there are.
        if line_number == 0 && numbers.len() == 1 {
            continue;
        }
        numbers.resize(numbers.len().next_multiple_of(PART), 0.0);
        let (side, word) = side_of(word, variants);
        let sources = &mut sides[side];
        if sources.dimensions == 0 {
            sources.dimensions = numbers.len();
        }
        if sources.dimensions != numbers.len() {
            return Err(bad(
                path,
                line_number,
                &word,
                &format!("{} numbers, as many as before", sources.dimensions),
            ));
        }
        if sources.vector_keys.len() < MOST_VECTORS {
            // Words of alphabetic scripts have one vector for all their cases.
            let key = if side == 0 {
                Key::folded(&word.to_lowercase())
            } else {
                Key::exact(&word)
            };
            sources.vector_keys.push(key);
            sources.vectors.extend(numbers);
        }
    }
    Ok(())
}

fn bad(path: &Path, line: usize, found: &str, wanted: &str) -> Error {
    let found: String = found.chars().take(80).collect();
    Error::Usage(format!(
        "{}:{}: {found:?} is not {wanted}",
        path.display(),
        line + 1
    ))
}

impl Sources {
    fn word(&mut self, word: String) -> &mut Word {
        if !self.words.contains_key(&word) {
            self.order.push(word.clone());
        }
        self.words.entry(word).or_default()
    }

    fn known(mut self) -> Known {
        // The most frequent words, then the first ones.
        let rank = |word: &String| -self.words[word].count.unwrap_or(0.0);
        self.order.sort_by(|a, b| rank(a).total_cmp(&rank(b)));
        self.order.truncate(MOST_WORDS);
        let mut numbers: BTreeMap<&str, u16> = BTreeMap::new();
        for word in &self.order {
            for class in &self.words[word].classes {
                numbers.insert(class, 0);
            }
        }
        numbers
            .values_mut()
            .zip(0..)
            .for_each(|(number, at)| *number = at);
        let total: f64 = self
            .order
            .iter()
            .filter_map(|word| self.words[word].count)
            .sum();
        let mut sets: Vec<Vec<u16>> = vec![vec![]];
        let mut set_numbers: HashMap<Vec<u16>, u16> = HashMap::from([(vec![], 0)]);
        let words: Vec<(Key, Entry)> = self
            .order
            .iter()
            .map(|word| {
                let known = &self.words[word];
                let set: Vec<u16> = known
                    .classes
                    .iter()
                    .map(|class| numbers[class.as_str()])
                    .collect();
                let set = *set_numbers.entry(set.clone()).or_insert_with(|| {
                    // Past 65,535 kinds of words the rest have no classes.
                    let number = sets.len();
                    if number > usize::from(u16::MAX) {
                        return 0;
                    }
                    sets.push(set);
                    number as u16
                });
                let cost =
                    known
                        .count
                        .filter(|_| word.chars().all(is_han))
                        .map_or(NO_WORD, |count| {
                            let share = count.max(0.5) / total;
                            (-8.0 * share.log2())
                                .round()
                                .clamp(0.0, f64::from(NO_WORD - 1))
                                as u8
                        });
                let key = match word.strip_prefix('^') {
                    Some(lower) if !lower.is_empty() => Key::folded(lower),
                    _ => Key::exact(word),
                };
                (key, Entry { set, cost })
            })
            .collect();
        let mut lexicon = Lexicon::new(&words, &sets);
        if !lexicon.costs.is_empty() {
            let cut = self
                .order
                .iter()
                .filter(|word| self.words[*word].count.is_some());
            lexicon = lexicon.with_beginnings(cut.map(String::as_str));
        }
        normalise(&mut self.vectors);
        let (codebook, codes) = quantise(&self.vectors, self.dimensions);
        let parts = self.dimensions / PART;
        let mut vectors = Vectors {
            keys: Keys::with_capacity(self.vector_keys.len()),
            codebook,
            ..Vectors::default()
        };
        vectors.codes = vec![0; vectors.keys.checks.len() * parts];
        for (n, &key) in self.vector_keys.iter().enumerate() {
            if let Some(slot) = vectors.keys.insert(key) {
                vectors.codes[slot * parts..][..parts]
                    .copy_from_slice(&codes[n * parts..][..parts]);
            }
        }
        Known { lexicon, vectors }
    }
}

/// To deviation 1, whatever they were trained with.
fn normalise(vectors: &mut [f32]) {
    let mean_square = vectors.iter().map(|v| v * v).sum::<f32>() / vectors.len().max(1) as f32;
    let scale = 1.0 / mean_square.sqrt().max(1e-6);
    vectors.iter_mut().for_each(|v| *v *= scale);
}

/// Codebook and codes of vectors, by k-means a part (product quantisation).
fn quantise(vectors: &[f32], dimensions: usize) -> (Vec<f32>, Vec<u8>) {
    let (parts, count) = (
        dimensions / PART,
        vectors.len().checked_div(dimensions).unwrap_or(0),
    );
    let mut codebook = vec![0f32; parts * CODES * PART];
    let mut codes = vec![0u8; parts * count];
    if count == 0 {
        return (codebook, codes);
    }
    let mut random = Random::new(1);
    for part in 0..parts {
        let points: Vec<[f32; PART]> = vectors
            .chunks_exact(dimensions)
            .map(|vector| {
                vector[part * PART..]
                    .first_chunk()
                    .copied()
                    .unwrap_or_default()
            })
            .collect();
        let mut centres: Vec<[f32; PART]> =
            (0..CODES).map(|_| points[random.below(count)]).collect();
        let mut nearest = vec![0u8; count];
        for round in 0..=ROUNDS {
            for (nearest, point) in nearest.iter_mut().zip(&points) {
                *nearest = nearest_of(point, &centres);
            }
            if round == ROUNDS {
                break;
            }
            let mut sums = vec![([0f64; PART], 0usize); CODES];
            for (&code, point) in nearest.iter().zip(&points) {
                let (sum, times) = &mut sums[usize::from(code)];
                sum.iter_mut()
                    .zip(point)
                    .for_each(|(sum, &value)| *sum += f64::from(value));
                *times += 1;
            }
            for (centre, (sum, times)) in centres.iter_mut().zip(sums) {
                if times > 0 {
                    *centre = sum.map(|sum| (sum / times as f64) as f32);
                }
            }
        }
        for (code, centre) in centres.iter().enumerate() {
            codebook[(part * CODES + code) * PART..][..PART].copy_from_slice(centre);
        }
        for (vector, &code) in nearest.iter().enumerate() {
            codes[vector * parts + part] = code;
        }
    }
    (codebook, codes)
}

fn nearest_of(point: &[f32; PART], centres: &[[f32; PART]]) -> u8 {
    let mut best = (f32::MAX, 0);
    for (code, centre) in centres.iter().enumerate() {
        let distance: f32 = point
            .iter()
            .zip(centre)
            .map(|(a, b)| (a - b) * (a - b))
            .sum();
        if distance < best.0 {
            best = (distance, code as u8);
        }
    }
    best.1
}
