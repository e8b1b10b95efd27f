//! [`Finder`]: what finds the entities of some labels, in many texts: a scanner, and the models that those labels need.
//!
//! Owns the order of things: models first, over as many texts as they like to see at once, each over the sentences that
//! it is for; then the scan of each text, which takes what the models found as it takes what its recognizers find. Whether
//! a span stays, and which of two that overlap, is decided there.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use super::passages::passages;
use super::{Cancel, Scheduler, Script, Tagged, Usage};
use crate::error::Result;
use crate::recognize::{Refusal, Scanner, Scratch, Span};

/// Text that is looked ahead, in batches of the model whose batches are smallest.
const AHEAD_BATCHES: usize = 8;
/// Bytes of text for each token of a batch.
const BYTES_PER_TOKEN: usize = 4;
/// The least and the most bytes that are looked ahead: a model is called for some work, and little lies around.
const AHEAD: (usize, usize) = (64 << 10, 4 << 20);

/// See the module. Shared by threads.
#[derive(Debug)]
pub struct Finder {
    scanner: Scanner,
    stages: Vec<Stage>,
}

/// One model of a finder, after those that it waits for.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) scheduler: Arc<Scheduler>,
    pub(super) name: String,
    /// By label of the model: the recognizer in the registry.
    pub(super) indexes: Vec<Option<usize>>,
    /// By label of the model: whether it is asked for; others may only choose sentences.
    pub(super) wanted: Vec<bool>,
    pub(super) min_score: f32,
    pub(super) script: Option<Script>,
    /// Whether it sees only sentences in which something was found: by these models, or under these labels, which these
    /// models have, too.
    pub(super) conditional: bool,
    pub(super) after_models: Vec<usize>,
    pub(super) after_labels: Option<(Scanner, Vec<usize>)>,
}

/// What models found in some texts.
#[derive(Debug, Default)]
pub struct Ahead {
    spans: Vec<Span>,
    /// By text: where its spans end.
    ends: Vec<usize>,
    /// By model, in the order of [`Finder::models`].
    usage: Vec<Usage>,
}

impl Ahead {
    /// What was found in the text of this number, for [`Scanner::scan_with`].
    #[must_use]
    pub fn spans(&self, text: usize) -> &[Span] {
        let Some(&end) = self.ends.get(text) else {
            return &[];
        };
        let start = text.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.spans[start..end]
    }

    /// What it took, by model in the order of [`Finder::models`].
    #[must_use]
    pub fn usage(&self) -> &[Usage] {
        &self.usage
    }
}

impl Finder {
    pub(super) fn new(scanner: Scanner, stages: Vec<Stage>) -> Self {
        Self { scanner, stages }
    }

    /// The scanner, which knows nothing of models: what they find must be given to it.
    #[must_use]
    pub fn scanner(&self) -> &Scanner {
        &self.scanner
    }

    /// The models that it runs, in order.
    pub fn models(&self) -> impl ExactSizeIterator<Item = &str> {
        self.stages.iter().map(|stage| stage.name.as_str())
    }

    /// How much text to look ahead at once, in bytes; none where there is no model.
    #[must_use]
    pub fn ahead_bytes(&self) -> Option<usize> {
        let batches = self
            .stages
            .iter()
            .map(|stage| stage.scheduler.model().batch_tokens());
        let bytes = batches
            .min()?
            .saturating_mul(BYTES_PER_TOKEN * AHEAD_BATCHES);
        Some(bytes.clamp(AHEAD.0, AHEAD.1))
    }

    /// Runs the models over some texts.
    ///
    /// # Errors
    /// As [`Scheduler::tag`].
    pub fn look_ahead(&self, texts: &[&str], cancel: &Cancel) -> Result<Ahead> {
        self.look_ahead_and_say(texts, cancel, None)
    }

    /// The spans of one text, and what was refused for a reason worth telling: as [`Scanner::explain`].
    ///
    /// # Errors
    /// As [`Finder::look_ahead`].
    pub fn explain(&self, text: &str) -> Result<(Vec<Span>, Vec<Refusal>)> {
        let mut refused = Vec::new();
        let ahead = self.look_ahead_and_say(&[text], &Cancel::default(), Some(&mut refused))?;
        Ok(self.scanner.explain_with(text, ahead.spans(0), refused))
    }

    fn look_ahead_and_say(
        &self,
        texts: &[&str],
        cancel: &Cancel,
        mut refused: Option<&mut Vec<Refusal>>,
    ) -> Result<Ahead> {
        let mut found: Vec<PerText> = Vec::with_capacity(self.stages.len());
        let mut usage = Vec::with_capacity(self.stages.len());
        for stage in &self.stages {
            let (parts, owners) = stage.parts(texts, &found);
            let (tagged, used) = stage.scheduler.tag(&parts, cancel)?;
            usage.push(used);
            let mut spans = PerText::with_capacity(texts.len());
            let mut parts = owners.iter().zip(&tagged).peekable();
            for text in 0..texts.len() {
                while let Some((owner, tagged)) = parts.next_if(|(owner, _)| owner.text == text) {
                    for one in tagged.iter() {
                        stage.take(one, owner.start, &mut spans.spans, refused.as_deref_mut());
                    }
                }
                spans.ends.push(spans.spans.len());
            }
            found.push(spans);
        }
        Ok(self.wanted(found, texts.len(), usage))
    }

    /// Of all that was found what is asked for, by text.
    fn wanted(&self, found: Vec<PerText>, texts: usize, usage: Vec<Usage>) -> Ahead {
        let mut ahead = Ahead {
            usage,
            ..Ahead::default()
        };
        ahead.ends.reserve_exact(texts);
        for text in 0..texts {
            for (stage, found) in self.stages.iter().zip(&found) {
                let asked = found.of(text).iter().filter(|one| stage.wanted[one.label]);
                ahead.spans.extend(asked.map(|one| one.span));
            }
            ahead.ends.push(ahead.spans.len());
        }
        ahead
    }
}

/// Whose a part of a text is.
#[derive(Debug, Clone, Copy)]
struct Owner {
    text: usize,
    start: usize,
}

/// What one model found, by text.
#[derive(Debug)]
struct PerText {
    spans: Vec<FromModel>,
    ends: Vec<usize>,
}

#[derive(Debug, Clone, Copy)]
struct FromModel {
    span: Span,
    /// The model's.
    label: usize,
}

impl PerText {
    fn with_capacity(texts: usize) -> Self {
        Self {
            spans: Vec::new(),
            ends: Vec::with_capacity(texts),
        }
    }

    fn of(&self, text: usize) -> &[FromModel] {
        let start = text.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.spans[start..self.ends[text]]
    }
}

impl Stage {
    /// What the model is to see, and whose it is.
    fn parts<'t>(&self, texts: &[&'t str], found: &[PerText]) -> (Vec<&'t str>, Vec<Owner>) {
        if !self.conditional && self.script.is_none() {
            let owners = (0..texts.len()).map(|text| Owner { text, start: 0 });
            return (texts.to_vec(), owners.collect());
        }
        let mut scratch = Scratch::default();
        let (mut parts, mut owners) = (Vec::new(), Vec::new());
        for (number, &text) in texts.iter().enumerate() {
            let places = self
                .conditional
                .then(|| self.places(number, text, found, &mut scratch));
            for passage in passages(text, self.script, places.as_deref()) {
                owners.push(Owner {
                    text: number,
                    start: passage.start,
                });
                parts.push(&text[passage]);
            }
        }
        (parts, owners)
    }

    /// Where something was found that makes a sentence worth the model's while.
    fn places(
        &self,
        number: usize,
        text: &str,
        found: &[PerText],
        scratch: &mut Scratch,
    ) -> Vec<Range<usize>> {
        let of_models = self
            .after_models
            .iter()
            .flat_map(|&stage| found[stage].of(number));
        let mut places: Vec<Range<usize>> =
            of_models.map(|one| one.span.start..one.span.end).collect();
        if let Some((scanner, stages)) = &self.after_labels {
            let spans = stages.iter().flat_map(|&stage| found[stage].of(number));
            let spans: Vec<Span> = spans.map(|one| one.span).collect();
            let all = scanner.scan_with(text, &spans, scratch).iter();
            places.extend(all.map(|span| span.start..span.end));
        }
        places.sort_unstable_by_key(|place| place.start);
        places
    }

    /// Adds a span of a part that begins at byte `start`, unless it is not wanted or not sure enough.
    fn take(
        &self,
        one: &Tagged,
        start: usize,
        spans: &mut Vec<FromModel>,
        refused: Option<&mut Vec<Refusal>>,
    ) {
        let Some(recognizer) = self.indexes[one.label] else {
            return;
        };
        let span = Span {
            start: start + one.start,
            end: start + one.end,
            recognizer,
            score: one.score,
        };
        if one.score >= self.min_score {
            spans.push(FromModel {
                span,
                label: one.label,
            });
        } else if let Some(refused) = refused
            && self.wanted[one.label]
        {
            refused.push(Refusal {
                span: span.start..span.end,
                recognizer,
                reason: Cow::Owned(format!(
                    "its score {} is below min_score {} of model {}",
                    one.score, self.min_score, self.name
                )),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::Capitals;
    use super::super::{Model, ModelRecognizer, Models};
    use super::*;
    use crate::recognize::{Context, Pattern, Registry, Rules};

    /// Of one model several recognizers.
    fn models(recognizers: Vec<ModelRecognizer>) -> Models {
        let registry = Registry::builtin()
            .with_patterns([
                Pattern::new("BRAND", "(?i)acme", 0).unwrap(),
                Pattern::new("NAME", r"\w+ Smithee", 0).unwrap(),
            ])
            .with(recognizers.iter().flat_map(ModelRecognizer::recognizers));
        let lower = Context::new(["mount"], -0.5, 20, 0).unwrap();
        let rules = Rules::default().with_context(lower).unwrap();
        let rules = rules.with_min_score(0.45).unwrap();
        let registry = registry.with_rules("NAME", rules);
        Models::new(Arc::new(registry), recognizers, 1 << 20).unwrap()
    }

    fn capitals(name: &str) -> (Arc<Capitals>, ModelRecognizer) {
        let model = Arc::new(Capitals::default());
        let shared: Arc<dyn Model> = Arc::clone(&model) as Arc<dyn Model>;
        (model, ModelRecognizer::new(name, shared))
    }

    fn found(finder: &Finder, texts: &[&str]) -> Vec<String> {
        let ahead = finder.look_ahead(texts, &Cancel::default()).unwrap();
        let mut scratch = Scratch::default();
        let registry = finder.scanner().registry().clone();
        let mut all = Vec::new();
        for (number, text) in texts.iter().enumerate() {
            let spans = finder
                .scanner()
                .scan_with(text, ahead.spans(number), &mut scratch);
            let spans = spans.iter().map(|span| {
                let recognizer = &registry.recognizers()[span.recognizer];
                format!(
                    "{} {} {}",
                    recognizer.label(),
                    span.of(text),
                    recognizer.name()
                )
            });
            all.push(spans.collect::<Vec<_>>().join(", "));
        }
        all
    }

    fn seen(model: &Capitals) -> Vec<String> {
        let mut calls = model.calls.lock().unwrap();
        std::mem::take(&mut *calls).concat()
    }

    const TEXTS: [&str; 3] = ["Ann is at Rome. a@b.com", "Alan Smithee", "none"];

    #[test]
    fn spans_of_models_stand_beside_those_of_recognizers() {
        let (model, recognizer) = capitals("m");
        let models = models(vec![recognizer]);
        assert_eq!(
            found(&models.finder(&["NAME", "PLACE", "EMAIL"]).unwrap(), &TEXTS),
            [
                "NAME Ann model:m, PLACE Rome model:m, EMAIL a@b.com email",
                "NAME Alan Smithee pattern:NAME",
                ""
            ]
        );
        assert_eq!(seen(&model).len(), 3);
        // A label of the model is enough to run it; no other is.
        assert_eq!(
            found(&models.finder(&["PLACE"]).unwrap(), &TEXTS[..2]),
            ["PLACE Rome model:m", ""]
        );
        let emails = models.finder(&["EMAIL"]).unwrap();
        assert_eq!((emails.models().len(), emails.ahead_bytes()), (0, None));
        assert_eq!(
            found(&models.finder_of_model("m").unwrap(), &TEXTS)[1],
            "NAME Alan Smithee model:m"
        );
        // All of it was known.
        assert_eq!(seen(&model), [""; 0]);
        assert_eq!(
            models.finder_of_model("n").unwrap_err().to_string(),
            "unknown model \"n\": the models are m"
        );
    }

    #[test]
    fn rules_and_thresholds_weigh_what_models_find() {
        let (_, recognizer) = capitals("m");
        let recognizer = recognizer.with_labels([("NAME", "NAME")]).unwrap();
        let all = models(vec![recognizer.clone()]);
        let text = "Ann and mount Everest, and then, far from there, Peter at Rome";
        let names = |models: &Models| found(&models.finder(&["NAME"]).unwrap(), &[text]).remove(0);
        // Everest scores 0.9, and 0.4 beside `mount`; Ann 0.457.
        assert_eq!(names(&all), "NAME Ann model:m, NAME Peter model:m");
        let sure = models(vec![recognizer.with_min_score(0.5).unwrap()]);
        assert_eq!(names(&sure), "NAME Peter model:m");
        let (_, refused) = sure.finder(&["NAME"]).unwrap().explain(text).unwrap();
        let refused: Vec<_> = refused
            .iter()
            .map(|r| (&text[r.span.clone()], &*r.reason))
            .collect();
        assert_eq!(
            refused,
            [
                ("Ann", "its score 0.457 is below min_score 0.5 of model m"),
                (
                    "Everest",
                    "its score 0.4 (-0.5 for \"mount\") is below min_score 0.45"
                ),
            ]
        );
    }

    const LETTER: &str = "Ann saw it. Acme sent Bob. No one. 拉 met Carl. Then Dan left. 他说。";

    /// What the dear model sees, where the cheap one is sure of words of more than three letters.
    fn seen_when(when: &[&str], script: Option<Script>) -> (Vec<String>, Vec<String>) {
        let (cheap, first) = capitals("cheap");
        let first = first.with_labels([("NAME", "PERSON")]).unwrap();
        let first = first.with_min_score(0.5).unwrap();
        let (dear, mut second) = capitals("dear");
        second = second
            .with_labels([("NAME", "NAME"), ("PLACE", "NAME")])
            .unwrap();
        second = second.with_when(when.iter().map(ToString::to_string));
        if let Some(script) = script {
            second = second.with_script(script);
        }
        // The order of the file does not matter.
        let models = models(vec![second, first]);
        let found = found(&models.finder(&["NAME"]).unwrap(), &[LETTER, "", "none"]);
        assert!(
            !found.concat().contains("PERSON"),
            "{found:?}: not asked for"
        );
        (seen(&cheap), seen(&dear))
    }

    #[test]
    fn a_cascade_sees_the_sentences_in_which_something_was_found() {
        let none: Vec<String> = Vec::new();
        let (cheap, dear) = seen_when(&["BRAND"], None);
        assert_eq!(dear, ["Acme sent Bob."]);
        assert_eq!(cheap, none, "what nothing waits for is not run");
        assert_eq!(seen_when(&["EMAIL"], None).1, none);
        let sure = ["Acme sent Bob.", "拉 met Carl. Then Dan left."];
        for when in [
            &["cheap"][..],
            &["PERSON"],
            &["BRAND", "cheap"],
            &["EMAIL", "PERSON"],
        ] {
            let (cheap, dear) = seen_when(when, None);
            assert_eq!(cheap, ["none", LETTER]);
            assert_eq!(dear, sure, "{when:?}");
        }
        let (_, dear) = seen_when(&["cheap"], Some(Script::Han));
        assert_eq!(dear, none);
    }

    #[test]
    fn a_model_sees_the_sentences_of_its_script() {
        let latin = LETTER.strip_suffix(" 他说。").unwrap();
        assert_eq!(seen_when(&[], Some(Script::Latin)).1, ["none", latin]);
        assert_eq!(seen_when(&[], Some(Script::Han)).1, ["他说。"]);
    }

    #[test]
    fn spans_of_passages_lie_in_the_text() {
        let (_, recognizer) = capitals("m");
        let models = models(vec![recognizer.with_when(["BRAND".to_string()])]);
        let text = "他去了。 Acme sent Ann. 没有。\n\nAt acme: Bob.";
        assert_eq!(
            found(&models.finder(&["NAME"]).unwrap(), &[text]),
            ["NAME Acme model:m, NAME Ann model:m, NAME At model:m, NAME Bob model:m"]
        );
    }

    #[test]
    fn rows_keep_what_is_theirs() {
        let (_, recognizer) = capitals("m");
        let models = models(vec![recognizer]);
        let finder = models.finder(&["NAME"]).unwrap();
        let ahead = finder.look_ahead(&["", "Ann", "", "Bob Carl, Dan", "x"], &Cancel::default());
        let ahead = ahead.unwrap();
        let counts: Vec<usize> = (0..6).map(|row| ahead.spans(row).len()).collect();
        assert_eq!(counts, [0, 1, 0, 2, 0, 0]);
        assert_eq!(ahead.usage()[0].texts, 3);
    }
}
