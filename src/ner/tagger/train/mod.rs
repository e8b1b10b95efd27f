//! Training: CoNLL files and what is known of words in, weights out.
//!
//! Owns the order of learning: which sentences, how they are disturbed, at which rate. The same files and the same seed
//! give the same weights on the same kind of processor. Fetching data is not done here.

mod crf;
mod dense;
mod model;
mod random;
mod resources;
mod round;

use std::collections::HashMap;
use std::path::PathBuf;

use super::conll::{self, Sentence};
use super::features::{Buffers, Features};
use super::lexicon::Lexicon;
use super::network::{Shape, TAGS, Table};
use super::segment::{Ways, segment};
use super::tokens::{Token, tokenize};
use super::variants::Variants;
use super::{Run, Side, script_of, weights};
use crate::error::{Error, Result};
use crate::ner::script::{Mainly, Script};
use model::{Batch, Dropout, Model};
use random::Random;
use resources::{Files, Known};

/// What a tagger learns from.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// CoNLL files with `PER`, `ORG` and `LOC`, or names that mean the same; see [`conll`]. A factor says how much a
    /// file's sentences count.
    pub sentences: Vec<(PathBuf, f32)>,
    /// Lexicons: words, their classes, how often they occur.
    pub lexicons: Vec<PathBuf>,
    /// Word vectors, as word2vec and GloVe write them.
    pub vectors: Vec<PathBuf>,
    /// Characters that are read as others.
    pub variants: Vec<PathBuf>,
}

/// How it learns. The defaults are those of the weights that SpanQL ships.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// How often each sentence is learned from.
    pub epochs: usize,
    /// What the random numbers begin with.
    pub seed: u64,
    /// Rows of the table of features for words; characters, of which there are fewer, get three quarters.
    pub rows: usize,
    /// Numbers of a token's embedding.
    pub embedding: usize,
    /// Units of each recurrence.
    pub hidden: usize,
    /// Rectified units.
    pub units: usize,
    /// The highest rate of learning; it rises to it and then falls to nothing.
    pub rate: f32,
    /// How fast dense weights decay.
    pub decay: f32,
    /// The share of tokens that are not told which word they are.
    pub hidden_words: f32,
    /// The share of an embedding's numbers that are left out.
    pub embedding_dropout: f32,
    /// The share of states that the last layer does not see.
    pub state_dropout: f32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            epochs: 5,
            seed: 2,
            rows: 29_000,
            embedding: 80,
            hidden: 48,
            units: 64,
            rate: 0.002,
            decay: 0.01,
            hidden_words: 0.6,
            embedding_dropout: 0.4,
            state_dropout: 0.6,
        }
    }
}

/// Sentences of a batch.
const BATCH: usize = 16;

/// A feature is learned of from so many tokens on.
const SEEN_OFTEN: usize = 2;

/// Size of the filter of these features.
const SEEN_BYTES: usize = 1 << 18;

/// The share of all steps over which the rate rises.
const WARM_UP: f32 = 0.03;

/// The lowest rate, as a share of the highest.
const LAST_RATE: f32 = 0.02;

/// How far training is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// Which side: `words` or `characters`.
    pub side: &'static str,
    /// Epochs that are done.
    pub epoch: usize,
    /// The mean loss of a sentence in the last one.
    pub loss: f32,
}

/// Trains a tagger and gives its weights, for [`Tagger::from_bytes`](super::Tagger::from_bytes).
///
/// Both sides learn at the same time, each on a thread.
///
/// # Errors
/// [`Error::Io`] and [`Error::Usage`] for files that cannot be read or are not what they should be, and where there is no
/// sentence to learn from.
pub fn train(
    sources: &Sources,
    settings: &Settings,
    progress: impl Fn(Progress) + Sync,
) -> Result<Vec<u8>> {
    let variants = resources::read_variants(&sources.variants)?;
    let files = Files {
        lexicons: &sources.lexicons,
        vectors: &sources.vectors,
    };
    let [words, characters] = resources::read(&files, &variants)?;
    let mut sets = [Examples::default(), Examples::default()];
    let mut reader = Reader::default();
    for (path, weight) in &sources.sentences {
        for sentence in conll::read(path)? {
            reader.read(
                &sentence,
                *weight,
                [&words.lexicon, &characters.lexicon],
                &variants,
                &mut sets,
            );
        }
    }
    if sets.iter().all(|set| set.sentences.is_empty()) {
        return Err(Error::Usage(
            "no sentences to learn from: name CoNLL files".into(),
        ));
    }
    let [word_examples, character_examples] = &sets;
    let [words, characters] = std::thread::scope(|scope| {
        let progress = &progress;
        let characters_side = scope.spawn(|| {
            learn(
                "characters",
                settings.rows * 3 / 4,
                &characters,
                character_examples,
                settings,
                progress,
            )
        });
        let words_side = learn(
            "words",
            settings.rows,
            &words,
            word_examples,
            settings,
            progress,
        );
        let characters_side = characters_side
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        [
            Side {
                network: words_side,
                lexicon: words.lexicon.clone(),
            },
            Side {
                network: characters_side,
                lexicon: characters.lexicon.clone(),
            },
        ]
    });
    weights::write(&words, &characters, &variants).map_err(Error::Usage)
}

/// Sentences of one side, as numbers.
#[derive(Debug, Default)]
struct Examples {
    sentences: Vec<Example>,
    /// Features by kind of token.
    kinds: Vec<Features>,
    numbers: HashMap<(String, usize), u32>,
}

#[derive(Debug)]
struct Example {
    kinds: Vec<u32>,
    tags: Vec<u8>,
    weight: f32,
}

impl Examples {
    fn kind(&mut self, word: &str, place: usize, make: impl FnOnce(&mut Features)) -> u32 {
        let kinds = &mut self.kinds;
        *self
            .numbers
            .entry((word.to_string(), place))
            .or_insert_with(|| {
                let mut features = Features::default();
                make(&mut features);
                kinds.push(features);
                (kinds.len() - 1) as u32
            })
    }
}

/// Memory for reading sentences.
#[derive(Debug, Default)]
struct Reader {
    tokens: Vec<Token>,
    buffers: Buffers,
    run: Run,
    ways: Ways,
}

impl Reader {
    /// Reads a sentence as the tagger does.
    fn read(
        &mut self,
        sentence: &Sentence,
        weight: f32,
        lexicons: [&Lexicon; 2],
        variants: &Variants,
        sets: &mut [Examples; 2],
    ) {
        let text = &sentence.text;
        let Self {
            tokens,
            buffers,
            run,
            ways,
        } = self;
        tokens.clear();
        tokenize(text, 0..text.len(), usize::MAX, tokens);
        let side = match script_of(text, tokens) {
            Mainly::Nothing => return,
            Mainly::This(Script::Han) => 1,
            _ => 0,
        };
        let (lexicon, set) = (lexicons[side], &mut sets[side]);
        let mut kinds = Vec::with_capacity(tokens.len());
        while kinds.len() < tokens.len() {
            let at = kinds.len();
            if side == 0 || variants.read_run(text, &tokens[at..], run) == 0 {
                let word = tokens[at].of(text);
                kinds.push(set.kind(word, usize::MAX, |features| {
                    features.of_word(word, lexicon, buffers)
                }));
                continue;
            }
            run.places.clear();
            segment(&run.text, &run.starts, lexicon, ways, &mut run.places);
            for place in &run.places {
                let word = &run.text[place.start..place.end];
                kinds.push(set.kind(word, place.at, |features| {
                    features.of_character(word, place.at, lexicon, &mut buffers.ends);
                }));
            }
        }
        let tags = tags_of(sentence, tokens);
        set.sentences.push(Example {
            kinds,
            tags,
            weight,
        });
    }
}

/// The tag of each token: one that an entity touches belongs to it.
fn tags_of(sentence: &Sentence, tokens: &[Token]) -> Vec<u8> {
    let mut tags = vec![0; tokens.len()];
    for (span, label) in &sentence.entities {
        let touched = tokens
            .iter()
            .enumerate()
            .filter(|(_, t)| t.start < span.end && t.end > span.start);
        for (n, (at, _)) in touched.enumerate() {
            tags[at] = (2 * label + 1 + usize::from(n > 0)) as u8;
        }
    }
    debug_assert!(tags.iter().all(|&tag| usize::from(tag) < TAGS));
    tags
}

fn learn(
    side: &'static str,
    rows: usize,
    known: &Known,
    examples: &Examples,
    settings: &Settings,
    progress: &(impl Fn(Progress) + Sync),
) -> super::network::Network {
    let mut random = Random::new(settings.seed);
    let shape = Shape {
        embedding: settings.embedding,
        hidden: settings.hidden,
        units: settings.units,
    };
    let table = table_of(examples, rows);
    let mut model = Model::new(shape, rows, known.dimensions(), &mut random);
    let mut order: Vec<&Example> = examples.sentences.iter().collect();
    let steps = settings.epochs * order.len().div_ceil(BATCH);
    let mut step = 0;
    for epoch in 0..settings.epochs {
        random.shuffle(&mut order);
        let mut loss = 0.0;
        for sentences in order.chunks(BATCH) {
            let batch = batch_of(sentences, examples, known, &table, settings, &mut random);
            let tokens = batch.rows.len();
            let dropout = Dropout::new(
                tokens,
                shape,
                settings.embedding_dropout,
                settings.state_dropout,
                &mut random,
            );
            step += 1;
            let done = step as f32 / steps as f32;
            let rate = settings.rate
                * if done < WARM_UP {
                    done / WARM_UP
                } else {
                    (1.0 - done).max(LAST_RATE)
                };
            loss += model.learn(&batch, &dropout, rate, settings.decay, step);
        }
        progress(Progress {
            side,
            epoch: epoch + 1,
            loss: loss / order.len().max(1) as f32,
        });
    }
    round::round(&model, &table, known)
}

/// The features that are seen often enough to learn of.
fn table_of(examples: &Examples, rows: usize) -> Table {
    let mut times: HashMap<u64, usize> = HashMap::new();
    for sentence in &examples.sentences {
        for &kind in &sentence.kinds {
            for &hash in &examples.kinds[kind as usize].hashes {
                *times.entry(hash).or_default() += 1;
            }
        }
    }
    let mut table = Table {
        rows,
        seen: vec![0; SEEN_BYTES],
    };
    for (hash, times) in times {
        if times >= SEEN_OFTEN {
            table.see(hash);
        }
    }
    table
}

fn batch_of(
    sentences: &[&Example],
    examples: &Examples,
    known: &Known,
    table: &Table,
    settings: &Settings,
    random: &mut Random,
) -> Batch {
    let mut batch = Batch::default();
    for sentence in sentences {
        batch.lengths.push(sentence.kinds.len());
        batch.weights.push(sentence.weight);
        batch.tags.extend(&sentence.tags);
        for &kind in &sentence.kinds {
            let features = &examples.kinds[kind as usize];
            let shown = if random.chance(settings.hidden_words) {
                features.identity
            } else {
                0
            };
            let rows = features.hashes[shown..]
                .iter()
                .filter_map(|&hash| table.row(hash));
            batch.rows.push(rows.map(|row| row as u32).collect());
            for (vectors, &key) in batch.vectors.iter_mut().zip(&features.vectors) {
                known.vector(key, vectors);
            }
        }
    }
    batch
}

#[cfg(test)]
pub(in crate::ner::tagger) mod tests {
    use std::path::Path;

    use super::*;
    use crate::ner::Model as _;
    use crate::ner::tagger::evaluate::evaluate;
    use crate::ner::tagger::{LABELS, Tagger};

    const SMALL: Settings = Settings {
        epochs: 40,
        seed: 1,
        rows: 512,
        embedding: 8,
        hidden: 6,
        units: 6,
        rate: 0.02,
        decay: 0.0,
        hidden_words: 0.2,
        embedding_dropout: 0.0,
        state_dropout: 0.1,
    };

    const SENTENCES: &str = "Ann\tB-PER\nLee\tI-PER\nlives\tO\nin\tO\nParis\tB-LOC\n.\tO\n\n\
        Bob\tB-PER\nKim\tI-PER\nleft\tO\nRome\tB-LOC\n.\tO\n\n\
        Acme\tB-ORG\nInc\tI-ORG\nhired\tO\nBob\tB-PER\n.\tO\n\n\
        she\tO\nleft\tO\nAcme\tB-ORG\nInc\tI-ORG\n.\tO\n\n\
        王\tB-PER\n明\tI-PER\n住\tO\n在\tO\n北\tB-LOC\n京\tI-LOC\n。\tO\n\n\
        他\tO\n們\tO\n去\tO\n上\tB-LOC\n海\tI-LOC\n。\tO\n\n\
        李\tB-PER\n红\tI-PER\n去\tO\n北\tB-LOC\n京\tI-LOC\n。\tO\n\n";

    fn sources(folder: &Path) -> Sources {
        let file = |name: &str, text: &str| {
            let path = folder.join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let vectors = "12 3\nparis 1 0 2\nrome 1 0.1 2\nann -1 0 0\n北京 0 1 1\n上海 0 1 0.9\n";
        Sources {
            sentences: vec![(file("a.conll", SENTENCES), 1.0)],
            lexicons: vec![file(
                "words.tsv",
                "^ann\tgiven\n^bob\tgiven female\nParis\tcity\n北京\tcity\t50\n上海\tcity\t40\n",
            )],
            vectors: vec![file("vectors.txt", vectors)],
            variants: vec![file("variants.tsv", "們\t们\n")],
        }
    }

    /// Weights that know the sentences above.
    pub(in crate::ner::tagger) fn small_weights() -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        train(&sources(folder.path()), &SMALL, |_| ()).unwrap()
    }

    #[test]
    fn what_is_taught_is_learned_and_again_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let sources = sources(folder.path());
        let weights = train(&sources, &SMALL, |_| ()).unwrap();
        assert!(weights == train(&sources, &SMALL, |_| ()).unwrap());
        let tagger = Tagger::from_bytes(&weights).unwrap();
        let counts = evaluate(&tagger, &conll::read(&sources.sentences[0].0).unwrap()).unwrap();
        let all = counts[LABELS.len()];
        assert_eq!((all.marked, all.f1()), (12, 1.0), "{counts:?}");
        // Traditional characters are read as simplified ones, and spans are of the text as it stands.
        let text = "李紅去北京。 She left Rome.";
        let found = &tagger.tag(&[text]).unwrap()[0];
        assert!(
            found
                .iter()
                .any(|e| &text[e.start..e.end] == "北京" && LABELS[e.label] == "LOC"),
            "{found:?}"
        );
    }

    #[test]
    fn another_seed_gives_other_weights() {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings {
            seed: 2,
            epochs: 1,
            ..SMALL
        };
        let again = Settings { epochs: 1, ..SMALL };
        let sources = sources(folder.path());
        assert!(
            train(&sources, &settings, |_| ()).unwrap() != train(&sources, &again, |_| ()).unwrap()
        );
    }

    #[test]
    fn bad_files_are_named_with_their_lines() {
        let folder = tempfile::tempdir().unwrap();
        let bad = folder.path().join("bad");
        for (text, spoil, words) in [
            (
                "a\tO\nb\n",
                (|s, p| s.sentences.push((p, 1.0))) as fn(&mut Sources, PathBuf),
                ":2: \"b\" has no tag",
            ),
            (
                "word\n",
                |s, p| s.lexicons.push(p),
                ":1: \"word\" is not a word, its classes",
            ),
            ("word\tclass\tmany\n", |s, p| s.lexicons.push(p), ":1:"),
            (
                "a 1 2\nb 1 x\n",
                |s, p| s.vectors.push(p),
                ":2: \"b\" is not a word and the numbers",
            ),
            (
                "a 1 2 3 4 5 6\n",
                |s, p| s.vectors.push(p),
                "as many as before",
            ),
            (
                "們 们\n",
                |s, p| s.variants.push(p),
                ":1: \"們 们\" is not two characters",
            ),
        ] {
            std::fs::write(&bad, text).unwrap();
            let mut sources = sources(folder.path());
            spoil(&mut sources, bad.clone());
            let error = train(&sources, &SMALL, |_| ()).unwrap_err().to_string();
            assert!(error.contains(words) && error.contains("bad:"), "{error}");
        }
        let nothing = train(&Sources::default(), &SMALL, |_| ())
            .unwrap_err()
            .to_string();
        assert!(nothing.contains("no sentences"), "{nothing}");
    }
}
