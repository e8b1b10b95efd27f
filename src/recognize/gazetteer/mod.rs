//! Gazetteers: lists of phrases as recognizers, a million of them as fast as a few.
//!
//! Owns what of a text is a phrase, and the compiled form of a list. Files are absent here: a list comes as bytes, and
//! its compiled form leaves and comes back as bytes.
//!
//! **Grammar.** Found are the leftmost-longest phrases, none overlapping another of the same list. Where a phrase begins
//! or ends with a letter or digit of a script with spaces between words, the word is whole there (`Go` is not in `Going`,
//! but is in `用Go写`); Han and everything else is found anywhere (`北京上海` holds both). A space in a phrase is any
//! white space in the text with at most one line break. [`Folding`] makes case and width count for nothing. Of the rest
//! every character counts.
//!
//! **Value.** The value beside the phrase, or the phrase as the list has it. A value that is a phrase of the same list
//! stands for *its* value, so that the value of a value is itself.
//!
//! **Structure.** The tokens of the phrases (`tokens.rs`) are an Aho–Corasick automaton that reads a text from its end
//! (`automaton.rs`), its states in one hash table, behind filters that fit a cache (`sweep.rs`). Time is linear in the
//! text, whatever the phrases are and however they overlap; phrases that all begin or end alike, in a text that is like
//! them, cost up to five times what ordinary text does. There is no bound on the number of phrases but memory (some 110
//! bytes each), and one of 1,024 bytes on their length.
//!
//! Ready-made automata, daachorse and aho-corasick, step through their states once a byte or character, and with a
//! million phrases each step waits for memory: daachorse takes two to eight times as long for a scan, and longer to
//! compile. They know nothing of words, and cannot be loaded from bytes that nobody vouches for. `make bench-gazetteer`
//! has the figures.

mod automaton;
mod compile;
mod filter;
mod fold;
mod format;
mod list;
mod phrases;
mod sweep;
mod table;
#[cfg(test)]
mod tests;
mod tokens;
mod values;

use std::borrow::Cow;
use std::sync::Arc;

use super::context::checked_score;
use super::{Anchor, Found, Recognizer};
use crate::error::{Error, Result};
pub use fold::Folding;
use format::Form;
pub use list::{ListFormat, SkipReason, Skipped};
use sweep::Scratch;

/// The longest list in bytes; compiling takes about ten times its size.
const MAX_LIST: usize = 256 << 20;

/// A compiled list of phrases under a label. Cloning is cheap.
///
/// ```
/// use spanql::recognize::{Folding, Gazetteer, ListFormat, Registry, Scratch};
///
/// let list = "New York\nNYC,New York\n北京\n上海\n";
/// let folding = Folding { case: true, width: false };
/// let cities = Gazetteer::compile("CITY", list.as_bytes(), ListFormat::Csv, folding)?;
/// let registry = Registry::default().with_gazetteer(cities);
/// let scanner = registry.scanner(&["CITY"])?;
/// let text = "from nyc and new\nyork to 北京上海";
/// let mut scratch = Scratch::default();
/// let found = scanner.scan(text, &mut scratch).iter();
/// let values: Vec<_> = found.map(|span| registry.value(span.recognizer, span.of(text))).collect();
/// assert_eq!(values, ["New York", "New York", "北京", "上海"]);
/// # Ok::<(), spanql::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Gazetteer {
    label: Arc<str>,
    name: Arc<str>,
    origin: Arc<str>,
    description: Arc<str>,
    definition: Arc<str>,
    score: f32,
    form: Arc<Form>,
}

impl Gazetteer {
    /// Compiles a list. Lines that cannot be used are skipped, and counted in [`Gazetteer::skipped`].
    ///
    /// # Errors
    /// [`Error::Gazetteer`] where no phrase is left, or the list is longer than 256 MiB.
    pub fn compile(label: &str, list: &[u8], format: ListFormat, folding: Folding) -> Result<Self> {
        if list.len() > MAX_LIST {
            return Err(Error::Gazetteer(format!(
                "the list has more than {} MiB: split it, several lists can have one label",
                MAX_LIST >> 20
            )));
        }
        let compiled = compile::compile(list, format, folding);
        let form = Form::read(Form::write(&compiled)).filter(|form| form.phrases() > 0);
        let form = form.ok_or_else(|| {
            let skipped = compiled.skipped.skipped();
            let reasons: Vec<_> = skipped.iter().map(ToString::to_string).collect();
            Error::Gazetteer(match reasons.as_slice() {
                [] => "the list is empty".to_string(),
                reasons => format!("the list holds no phrase: {}", reasons.join("; ")),
            })
        })?;
        Ok(Self::new(label, form))
    }

    /// Takes a compiled form that [`Gazetteer::bytes`] gave; nothing where the bytes are damaged, or of another version.
    ///
    /// No bytes can do worse than to find the wrong phrases.
    #[must_use]
    pub fn from_bytes(label: &str, bytes: Vec<u8>) -> Option<Self> {
        Some(Self::new(label, Form::read(bytes)?))
    }

    fn new(label: &str, form: Form) -> Self {
        let Folding { case, width } = form.folding;
        // The first number changes with the grammar.
        let definition = format!("1 case={case} width={width} {:016x}", form.content);
        Self {
            label: label.into(),
            name: format!("gazetteer:{label}").into(),
            origin: "in code".into(),
            description: format!("{} phrases", form.phrases()).into(),
            definition: definition.into(),
            score: 1.0,
            form: Arc::new(form),
        }
    }

    /// The same gazetteer with the place of its definition, such as `spanql.toml:3`.
    #[must_use]
    pub fn with_origin(self, origin: &str) -> Self {
        Self {
            origin: origin.into(),
            ..self
        }
    }

    /// The same gazetteer with what it looks for in a few words.
    #[must_use]
    pub fn with_description(self, description: &str) -> Self {
        Self {
            description: description.into(),
            ..self
        }
    }

    /// The same gazetteer with this score for all that it finds, 1 where nothing is said.
    ///
    /// # Errors
    /// A message where it is not from 0 to 1.
    pub fn with_score(self, score: f32) -> Result<Self, String> {
        let score = checked_score(score)?;
        Ok(Self { score, ..self })
    }

    /// The same gazetteer under the name `gazetteer:LABEL#number`, if that is not the first.
    pub(super) fn numbered(self, number: usize) -> Self {
        if number == 1 {
            return self;
        }
        Self {
            name: format!("{}#{number}", self.name).into(),
            ..self
        }
    }

    /// The compiled form.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.form.bytes()
    }

    /// How many different phrases it has.
    #[must_use]
    pub fn phrases(&self) -> usize {
        self.form.phrases()
    }

    /// What does not count.
    #[must_use]
    pub fn folding(&self) -> Folding {
        self.form.folding
    }

    /// The lines of the list that were skipped, by reason.
    #[must_use]
    pub fn skipped(&self) -> &[Skipped] {
        &self.form.skipped
    }
}

impl Recognizer for Gazetteer {
    fn label(&self) -> &str {
        &self.label
    }
    fn name(&self) -> &str {
        &self.name
    }
    fn definition(&self) -> Cow<'_, str> {
        Cow::Owned(format!("{} {}", self.score, self.definition))
    }
    fn origin(&self) -> &str {
        &self.origin
    }
    fn description(&self) -> &str {
        &self.description
    }
    fn score(&self) -> f32 {
        self.score
    }
    fn anchors(&self) -> Vec<Anchor> {
        vec![Anchor::Start]
    }
    fn folds_width(&self) -> bool {
        false
    }
    fn verify(&self, text: &str, _: usize, found: &mut Found<'_>) -> usize {
        let mut memory = std::mem::take(found.memory());
        let scratch = memory.get_or_insert_with(Scratch::default);
        scratch.sweep(&self.form.automaton(), text, |span| found.push(span));
        *found.memory() = memory;
        usize::MAX
    }
    fn value<'a>(&self, entity: &'a str) -> Cow<'a, str> {
        let phrase = self.form.automaton().lookup(entity);
        match phrase.and_then(|phrase| self.form.value(phrase)) {
            Some(value) if value != entity => Cow::Owned(value.to_string()),
            _ => Cow::Borrowed(entity),
        }
    }
}
