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
//! text, whatever the phrases are and however they overlap; there is no bound on their number but memory (some 90 bytes
//! a phrase), and one of 1,024 bytes on their length. Ready-made automata, `daachorse` and `aho-corasick`, step through
//! their states once a byte or character, and with a million phrases each step waits for memory: with them a scan takes
//! several times as long, and compiling ten times. Nor can they be loaded from bytes that nobody vouches for. They know
//! nothing of words either. `make bench-gazetteer` has the figures.

mod automaton;
mod compile;
mod filter;
mod fold;
mod format;
mod list;
mod phrases;
mod sweep;
mod table;
mod tokens;
mod values;

use std::borrow::Cow;
use std::sync::Arc;

use super::{Anchor, Found, Recognizer};
use crate::error::{Error, Result};
pub use fold::Folding;
use format::Form;
pub use list::{ListFormat, Reason, Skipped};
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

    /// Where it comes from, for people.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// What it looks for, for people: how many phrases of which list, and what was skipped.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
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
        Cow::Borrowed(&self.definition)
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

#[cfg(test)]
mod tests {
    use super::super::testing::{assert_linear, assert_table, find};
    use super::*;

    const EXACT: Folding = Folding {
        case: false,
        width: false,
    };
    const ALL: Folding = Folding {
        case: true,
        width: true,
    };

    fn of(list: &str, folding: Folding) -> Gazetteer {
        Gazetteer::compile("X", list.as_bytes(), ListFormat::Csv, folding).unwrap()
    }

    #[test]
    fn words_are_whole_and_han_is_found_anywhere() {
        let gazetteer = of(
            "Go\nC++\n.NET\niPhone手机\n手机\n北京\n上海\n京上\n北京大学\n大学生\nn°5\n@\né",
            EXACT,
        );
        assert_table(
            &gazetteer,
            &[
                ("Go, Go-Go (Go)", &["Go", "Go", "Go", "Go"]),
                ("Going Gogo xGo Go_ 1Go Go2 go GO", &[]),
                ("用Go写的，Go。", &["Go", "Go"]),
                ("C++11 C++/C++ xC++ C+", &["C++", "C++", "C++"]),
                ("ASP.NET a .NETs .NET", &[".NET", ".NET"]),
                (
                    "新iPhone手机壳 iPhone壳 myiPhone手机",
                    &["iPhone手机", "手机"],
                ),
                ("北京上海", &["北京", "上海"]),
                ("去北京大学生活", &["北京大学"]),
                ("京上海", &["京上"]),
                ("n°5 n°55 an°5", &["n°5"]),
                ("a@b", &["@"]),
                ("é éa e\u{301}", &["é"]),
                ("", &[]),
            ],
        );
    }

    #[test]
    fn the_longest_phrase_at_the_leftmost_place() {
        let gazetteer = of(
            "a\na b\na b c d\nb c\nc d\nd e f g\n中\n中中中\n中中中中中国",
            EXACT,
        );
        assert_table(
            &gazetteer,
            &[
                ("a b c d", &["a b c d"]),
                ("a b c e", &["a b"]),
                ("a x b c d", &["a", "b c"]),
                ("b c d e f g", &["b c", "d e f g"]),
                ("d e f a", &["a"]),
                ("中中中中", &["中中中", "中"]),
                ("中中中中中中国", &["中中中", "中中中"]),
                ("中中中中中国", &["中中中中中国"]),
            ],
        );
    }

    #[test]
    fn a_space_is_any_white_space_without_an_empty_line() {
        let gazetteer = of("New  York\n张 三", EXACT);
        assert_table(
            &gazetteer,
            &[
                ("New York", &["New York"]),
                (
                    "New \t York, New\nYork, New\r\n  York, New\u{3000}York",
                    &[
                        "New \t York → New York",
                        "New\nYork → New York",
                        "New\r\n  York → New York",
                        "New\u{3000}York → New York",
                    ],
                ),
                (
                    "New\n\nYork New\r\n\r\nYork NewYork New-York New\u{200B}York",
                    &[],
                ),
                ("张 三，张\n三，张三", &["张 三", "张\n三 → 张 三"]),
            ],
        );
    }

    #[test]
    fn folding_keeps_the_offsets_of_the_text() {
        let gazetteer = of("h&m\nStraße\nkiss\nガス\nıI", ALL);
        assert_table(
            &gazetteer,
            &[
                ("H&M Ｈ＆ｍ", &["H&M → h&m", "Ｈ＆ｍ → h&m"]),
                ("STRAẞE strasse", &["STRAẞE → Straße"]),
                (
                    "\u{212A}IſS ＫＩＳＳ",
                    &["\u{212A}IſS → kiss", "ＫＩＳＳ → kiss"],
                ),
                ("ｶﾞｽと都市ガス、カス", &["ｶﾞｽ → ガス", "ガス"]),
                ("İi ıi İI", &["ıi → ıI"]),
            ],
        );
        // Only what was asked for.
        let case = of(
            "h&m",
            Folding {
                case: true,
                width: false,
            },
        );
        assert_table(&case, &[("H&M Ｈ&Ｍ", &["H&M → h&m"])]);
        let width = of(
            "h&m",
            Folding {
                case: false,
                width: true,
            },
        );
        assert_table(&width, &[("ｈ＆ｍ H&M", &["ｈ＆ｍ → h&m"])]);
    }

    #[test]
    fn values_are_resolved() {
        let gazetteer = of(
            "NYC,New York\nNew York,New York City\nBig Apple,NYC\nIBM,IBM\nBig Blue,ibm\na,b\nb,c\nc,a\nGotham,Batman's city",
            ALL,
        );
        assert_table(
            &gazetteer,
            &[
                (
                    "nyc, new york, big apple",
                    &[
                        "nyc → New York City",
                        "new york → New York City",
                        "big apple → New York City",
                    ],
                ),
                ("ibm big blue", &["ibm → IBM", "big blue → IBM"]),
                ("A b C", &["A → b", "b", "C → b"]),
                ("Gotham", &["Gotham → Batman's city"]),
            ],
        );
        let told: Vec<String> = gazetteer
            .skipped()
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            told,
            ["line 7 and 1 more: a value that leads back to its own phrase"]
        );
    }

    #[test]
    fn the_first_of_equal_phrases_counts() {
        let gazetteer = of(
            "a,1\nA\na,1\nB,2\nb,3\nC  d\nc d\nC d,C d",
            Folding {
                case: true,
                width: false,
            },
        );
        assert_eq!(gazetteer.phrases(), 3);
        assert_table(&gazetteer, &[("A b c D", &["A → 1", "b → 2", "c D → C d"])]);
        let told: Vec<String> = gazetteer
            .skipped()
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            told,
            [
                "line 2 and 3 more: the phrase of an earlier line again",
                "line 5: the phrase of an earlier line, with another value than there",
            ]
        );
    }

    #[test]
    fn a_list_without_a_phrase_says_why() {
        let error = |list: &[u8]| {
            Gazetteer::compile("X", list, ListFormat::Csv, EXACT)
                .unwrap_err()
                .to_string()
        };
        assert_eq!(error(b""), "the list is empty");
        assert_eq!(error(b"phrase,value\n"), "the list is empty");
        assert_eq!(
            error(b"\n\n\xD6\xD0"),
            "the list holds no phrase: line 1 and 1 more: no phrase; line 3: not UTF-8"
        );
    }

    #[test]
    fn definitions_tell_contents_and_options_apart() {
        let definition = |list: &str, folding| of(list, folding).definition().into_owned();
        let plain = definition("a\nb,c", EXACT);
        assert_eq!(
            plain,
            definition("b,c\nb\n\na", EXACT),
            "order and skipped lines change no answer"
        );
        let mut all = vec![
            plain,
            definition("a\nb,c", ALL),
            definition("a\nb", EXACT),
            definition("a\nb,d", EXACT),
            definition("a", EXACT),
            definition("b,a\nc", EXACT),
        ];
        let count = all.len();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), count);
    }

    #[test]
    fn hostile_phrases_and_texts_are_linear() {
        let mut list = String::new();
        for length in 1..=300 {
            list += &format!("{}国\n{}y\n", "中".repeat(length), "x ".repeat(length));
        }
        let gazetteer = of(&list, EXACT);
        assert_linear(
            &gazetteer,
            &[
                "中", "x ", "x", " ", "\n", "中国", "x y ", "中x ", ".", "ａ", "é", "\u{301}",
            ],
        );
        let text = "中".repeat(1000) + "国";
        assert_eq!(
            find(&gazetteer, &text)[0].of(&text),
            "中".repeat(300) + "国"
        );
    }

    #[test]
    fn damaged_forms_are_refused_and_forged_ones_are_harmless() {
        let gazetteer = of("北京,京\n上海\na b c d\nb c\nd\nd e\nFoo,Bar", ALL);
        let bytes = gazetteer.bytes();
        let again = Gazetteer::from_bytes("X", bytes.to_vec()).unwrap();
        assert_eq!(again.definition(), gazetteer.definition());
        for length in 0..bytes.len() {
            assert!(
                Gazetteer::from_bytes("X", bytes[..length].to_vec()).is_none(),
                "{length}"
            );
        }
        let text = "去北京上海 a b c d e b c d FOO d e ａ b c x\n\na";
        for at in 0..bytes.len() {
            for value in [0, 1, 0x7F, 0xFF, bytes[at] ^ 1, bytes[at] ^ 0x80] {
                if value == bytes[at] {
                    continue;
                }
                let mut damaged = bytes.to_vec();
                damaged[at] = value;
                assert!(
                    Gazetteer::from_bytes("X", damaged.clone()).is_none(),
                    "byte {at} is {value}"
                );
                let Some(forged) = Gazetteer::from_bytes("X", format::sealed(damaged)) else {
                    continue;
                };
                for span in find(&forged, text) {
                    forged.value(span.of(text));
                }
            }
        }
    }
}
