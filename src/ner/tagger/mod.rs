//! [`Tagger`]: persons, organisations and places in English and Chinese, without a native library.
//!
//! Owns the way from a text to spans: sentences, tokens, their features, a small network, the best way through its scores.
//! Two networks of the same kind, one for words and one for Han characters; a sentence goes to the one that it is mainly
//! written in. How the weights came about is [`train`]'s concern; batches and caches are the scheduler's.
//!
//! Cost: half a microsecond to one a token (`make bench-tagger`), since what a word contributes is kept (`memo.rs`).

mod decode;
mod edges;
mod features;
mod kernel;
mod lexicon;
mod memo;
mod network;
mod segment;
mod tokens;
mod variants;
mod weights;

pub mod conll;
pub mod evaluate;
pub mod train;

use std::ops::Range;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use twox_hash::XxHash64;

use super::script::{Mainly, Script};
use super::{Cancel, Model, Tagged, sentences};
use decode::{Decoder, Piece};
use edges::without_signs;
use features::{Buffers, Features};
use lexicon::Lexicon;
use memo::{Memo, Place};
use network::{Activations, Network};
use segment::Ways;
use tokens::{Kind, Token, tokenize};
use variants::Variants;

/// The labels, in the order of the tags.
pub const LABELS: [&str; 3] = ["PERSON", "ORG", "LOC"];

/// The same weights say something else where sums, tokens, sentences or edges are made in another way: then this is to be
/// raised.
const ARITHMETIC: u64 = 2;

/// Tokens that are read before their tags are looked for.
const BATCH: usize = 1 << 11;

/// Tokens of a sentence; what is longer is read in parts, so that memory does not grow with it.
const LONGEST: usize = 1 << 12;

static EMBEDDED: LazyLock<Arc<Tagger>> = LazyLock::new(|| {
    let weights = include_bytes!("../weights/tagger.safetensors.zst");
    Arc::new(Tagger::from_bytes(weights).expect("the weights that are built in are whole"))
});

/// A tagger: weights, and memory that threads take turns with.
///
/// ```
/// use spanql::ner::Model;
/// use spanql::ner::tagger::{LABELS, Tagger};
///
/// let text = "Angela Merkel met Emmanuel Macron in Paris.";
/// let found = Tagger::embedded().tag(&[text])?;
/// let names: Vec<_> = found[0].iter().map(|e| (&text[e.start..e.end], LABELS[e.label])).collect();
/// assert_eq!(names, [("Angela Merkel", "PERSON"), ("Emmanuel Macron", "PERSON"), ("Paris", "LOC")]);
/// # Ok::<(), String>(())
/// ```
#[derive(Debug)]
pub struct Tagger {
    words: Side,
    characters: Side,
    variants: Variants,
    labels: Vec<String>,
    fingerprint: String,
    bytes: usize,
    idle: Mutex<Vec<Scratch>>,
}

/// What one script has: a network and its lexicon.
#[derive(Debug, Clone, PartialEq)]
struct Side {
    network: Network,
    lexicon: Lexicon,
}

/// Memory of one thread.
#[derive(Debug, Default)]
struct Scratch {
    /// What has been read: sentences, their tokens, and each token's place in its side's memo.
    sentences: Vec<Sentence>,
    tokens: Vec<Token>,
    places: Vec<Place>,
    words: Memo,
    characters: Memo,
    activations: Activations,
    features: Features,
    sums: Vec<i32>,
    buffers: Buffers,
    decoder: Decoder,
    pieces: Vec<Piece>,
    run: Run,
}

/// A sentence, or a part of a very long one.
#[derive(Debug)]
struct Sentence {
    /// Which text it is of.
    text: usize,
    script: Script,
    /// Its tokens are those from the last sentence's end on.
    end: usize,
}

/// Memory of a run of Han characters.
#[derive(Debug, Default)]
struct Run {
    text: String,
    starts: Vec<usize>,
    places: Vec<segment::Place>,
    ways: Ways,
}

impl Tagger {
    /// The one that comes with SpanQL.
    #[must_use]
    pub fn embedded() -> &'static Arc<Self> {
        &EMBEDDED
    }

    /// Reads weights that [`train`](mod@train) wrote.
    ///
    /// # Errors
    /// A message where the bytes are no such weights, or parts of them do not fit each other.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        let (words, characters, variants) = weights::read(bytes)?;
        Ok(Self {
            words,
            characters,
            variants,
            labels: LABELS.map(String::from).to_vec(),
            fingerprint: format!("{:016x}", XxHash64::oneshot(ARITHMETIC, bytes)),
            bytes: bytes.len(),
            idle: Mutex::default(),
        })
    }

    fn side(&self, script: Script) -> &Side {
        match script {
            Script::Latin => &self.words,
            Script::Han => &self.characters,
        }
    }

    /// Reads tokens of `text` from `at` on, up to the sentence's end if it is not too long, and says how far it came.
    fn read(
        &self,
        number: usize,
        text: &str,
        sentence: Range<usize>,
        memory: &mut Scratch,
    ) -> usize {
        let first = memory.tokens.len();
        let end = tokenize(text, sentence, LONGEST, &mut memory.tokens);
        let script = match script_of(text, &memory.tokens[first..]) {
            Mainly::Nothing => {
                memory.tokens.truncate(first);
                return end;
            }
            Mainly::This(script) => script,
            Mainly::Other => Script::Latin,
        };
        self.find_places(text, first, script, memory);
        memory.sentences.push(Sentence {
            text: number,
            script,
            end: memory.tokens.len(),
        });
        end
    }

    /// Finds the places of the tokens from `first` on. Only the side for Han characters cuts runs of them into words.
    fn find_places(&self, text: &str, first: usize, script: Script, memory: &mut Scratch) {
        let Scratch {
            tokens,
            places,
            words,
            characters,
            features,
            buffers,
            run,
            ..
        } = memory;
        let Side { network, lexicon } = self.side(script);
        let memo = match script {
            Script::Latin => words,
            Script::Han => characters,
        };
        let mut at = first;
        while at < tokens.len() {
            if script == Script::Latin || self.variants.read_run(text, &tokens[at..], run) == 0 {
                let word = tokens[at].of(text);
                let hash = XxHash64::oneshot(0, word.as_bytes());
                places.push(memo.place(hash, |to| {
                    features.of_word(word, lexicon, buffers);
                    network.embed(features, to);
                }));
                at += 1;
                continue;
            }
            run.places.clear();
            segment::segment(
                &run.text,
                &run.starts,
                lexicon,
                &mut run.ways,
                &mut run.places,
            );
            for &place in &run.places {
                let word = &run.text[place.start..place.end];
                // A kind is a word and a place in it; no word that is written out has such a seed.
                let hash = XxHash64::oneshot(1 + place.at as u64, word.as_bytes());
                places.push(memo.place(hash, |to| {
                    features.of_character(word, place.at, lexicon, &mut buffers.ends);
                    network.embed(features, to);
                }));
            }
            at += run.places.len();
        }
    }

    /// Tags what has been read.
    fn finish(&self, memory: &mut Scratch, found: &mut [Vec<Tagged>]) {
        let Scratch {
            sentences,
            tokens,
            places,
            words,
            characters,
            activations,
            sums,
            decoder,
            pieces,
            ..
        } = memory;
        words.compute(&self.words.network, sums);
        characters.compute(&self.characters.network, sums);
        let mut first = 0;
        for &Sentence { text, script, end } in sentences.iter() {
            let network = &self.side(script).network;
            let memo = match script {
                Script::Latin => &*words,
                Script::Han => &*characters,
            };
            let contributions = places[first..end].iter().map(|&place| memo.get(place));
            network.score(contributions, activations);
            pieces.clear();
            decoder.decode(&activations.scores, &network.transitions, pieces);
            found[text].extend(pieces.iter().map(|piece| Tagged {
                start: tokens[first + piece.first].start,
                end: tokens[first + piece.end - 1].end,
                label: piece.label,
                score: piece.score,
            }));
            first = end;
        }
        words.settle();
        characters.settle();
        sentences.clear();
        tokens.clear();
        places.clear();
    }
}

/// What a sentence is mainly written in, by its tokens; as [`Mainly::of`] says it by characters.
fn script_of(text: &str, tokens: &[Token]) -> Mainly {
    let (mut han, mut words) = (0, 0);
    for token in tokens {
        match token.kind {
            Kind::Han => han += 2,
            Kind::Word if text.as_bytes()[token.start].is_ascii_digit() => {}
            Kind::Word => words += 3,
            Kind::Sign => {}
        }
    }
    match han.max(words) {
        0 => Mainly::Nothing,
        most if most == han => Mainly::This(Script::Han),
        _ => Mainly::This(Script::Latin),
    }
}

impl Model for Tagger {
    fn labels(&self) -> &[String] {
        &self.labels
    }

    fn fingerprint(&self) -> String {
        self.fingerprint.clone()
    }

    fn description(&self) -> String {
        format!("tagger, {:.1} MB", self.bytes as f64 / 1e6)
    }

    fn window(&self) -> Option<usize> {
        None
    }

    fn batch_tokens(&self) -> usize {
        1 << 14
    }

    /// An estimate by bytes: there is no window to fit.
    fn count_tokens(&self, text: &str) -> usize {
        text.len() / 4 + 1
    }

    fn tag(&self, texts: &[&str]) -> Result<Vec<Vec<Tagged>>, String> {
        self.tag_until(texts, &Cancel::default())
    }

    fn tag_until(&self, texts: &[&str], cancel: &Cancel) -> Result<Vec<Vec<Tagged>>, String> {
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let mut scratch = idle().pop().unwrap_or_default();
        let mut found = vec![Vec::new(); texts.len()];
        for (number, text) in texts.iter().enumerate() {
            for mut sentence in sentences(text) {
                while !sentence.is_empty() {
                    sentence.start = self.read(number, text, sentence.clone(), &mut scratch);
                    if scratch.tokens.len() >= BATCH {
                        self.finish(&mut scratch, &mut found);
                        if cancel.is_cancelled() {
                            idle().push(scratch);
                            return Ok(found);
                        }
                    }
                }
            }
        }
        self.finish(&mut scratch, &mut found);
        idle().push(scratch);
        for (text, found) in texts.iter().zip(&mut found) {
            found.retain_mut(
                |tagged| match without_signs(text, tagged.start..tagged.end) {
                    Some(span) => {
                        (tagged.start, tagged.end) = (span.start, span.end);
                        true
                    }
                    None => false,
                },
            );
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<(&str, &'static str)> {
        let found = Tagger::embedded().tag(&[text]).unwrap();
        found[0]
            .iter()
            .map(|e| (&text[e.start..e.end], LABELS[e.label]))
            .collect()
    }

    #[test]
    fn names_in_plain_sentences() {
        for (text, expected) in [
            ("", &[][..]),
            (" \n", &[]),
            ("😀", &[]),
            ("\u{FFFD}\u{FFFD}", &[]),
            ("the cat sat on the mat", &[]),
            (
                "Barack Obama was born in Hawaii.",
                &[("Barack Obama", "PERSON"), ("Hawaii", "LOC")],
            ),
            (
                "Microsoft and IBM opened offices in Berlin.",
                &[("Microsoft", "ORG"), ("IBM", "ORG"), ("Berlin", "LOC")],
            ),
            (
                "温家宝总理访问了日本。",
                &[("温家宝", "PERSON"), ("日本", "LOC")],
            ),
            (
                "溫家寶總理訪問了日本。",
                &[("溫家寶", "PERSON"), ("日本", "LOC")],
            ),
            (
                "毛泽东1893年出生于湖南。\nShe lives in London.",
                &[("毛泽东", "PERSON"), ("湖南", "LOC"), ("London", "LOC")],
            ),
        ] {
            assert_eq!(found(text), expected, "{text}");
        }
    }

    #[test]
    fn a_text_alone_or_beside_others_gives_the_same() {
        let texts = [
            "Angela Merkel met him in Paris.",
            "他在北京工作。",
            "",
            "Angela Merkel met him in Paris.",
        ];
        let together = Tagger::embedded().tag(&texts).unwrap();
        for (text, found) in texts.iter().zip(&together) {
            assert_eq!(
                &Tagger::embedded().tag(&[text]).unwrap()[0],
                found,
                "{text}"
            );
        }
        assert!(together[0] == together[3] && !together[0].is_empty());
    }

    #[test]
    fn what_the_memo_has_kept_changes_nothing() {
        let fresh =
            Tagger::from_bytes(include_bytes!("../weights/tagger.safetensors.zst")).unwrap();
        let text = "Ban Ki-moon 潘基文 spoke at the U.N. in New York";
        let before = fresh.tag(&[text]).unwrap();
        let many: String = (0..1 << 16).map(|n| format!("w{n} ")).collect();
        fresh.tag(&[&many]).unwrap();
        assert_eq!(fresh.tag(&[text]).unwrap(), before);
    }

    proptest::proptest! {
        #[test]
        fn spans_slice_any_text(text in "\\PC{0,40}|[A-Z][a-z]{1,5}( [A-Z][a-z]{1,5}|，|。|王|明|北京|\u{301}|😀){0,12}") {
            let mut last = 0;
            for tagged in &Tagger::embedded().tag(&[&text]).unwrap()[0] {
                proptest::prop_assert!(last <= tagged.start && tagged.start < tagged.end);
                proptest::prop_assert!(text.get(tagged.start..tagged.end).is_some());
                proptest::prop_assert!((0.0..=1.0).contains(&tagged.score));
                last = tagged.end;
            }
        }
    }

    #[test]
    fn names_behind_the_longest_part_of_a_sentence() {
        let text = format!(
            "{}Angela Merkel met him in Paris",
            "word ".repeat(LONGEST + 100)
        );
        assert_eq!(
            found(&text),
            [("Angela Merkel", "PERSON"), ("Paris", "LOC")]
        );
    }

    #[test]
    fn a_megabyte_of_anything() {
        for piece in [
            "a", "王", "A. ", "@", "''", "北京 ", "n't", "\u{301}", "http://",
        ] {
            let text = piece.repeat(1_000_000 / piece.len());
            let found = Tagger::embedded().tag(&[&text]).unwrap();
            assert!(
                found[0].iter().all(|e| text.get(e.start..e.end).is_some()),
                "{piece}"
            );
        }
    }
}
