//! [`ModelRecognizer`]: a model, and what is asked of it: a recognizer that works on many texts at once.
//!
//! Owns its labels, its threshold, the sentences it sees, and how it stands in a [`Registry`](crate::recognize::Registry):
//! one recognizer a label, without anchors, so that a scan passes it by. When it runs is `finder.rs`'s business.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::Arc;

use super::{Model, Script};
use crate::recognize::{Anchor, Found, Recognizer};

/// A model under a name.
#[derive(Debug, Clone)]
pub struct ModelRecognizer {
    name: Arc<str>,
    model: Arc<dyn Model>,
    /// By label of the model: ours, where it is wanted.
    labels: Vec<Option<Arc<str>>>,
    min_score: f32,
    when: Vec<String>,
    script: Option<Script>,
    origin: Arc<str>,
}

impl ModelRecognizer {
    /// A model with all its labels, for all sentences.
    #[must_use]
    pub fn new(name: &str, model: Arc<dyn Model>) -> Self {
        let labels = model
            .labels()
            .iter()
            .map(|label| Some(label.as_str().into()));
        Self {
            name: name.into(),
            labels: labels.collect(),
            model,
            min_score: 0.0,
            when: Vec::new(),
            script: None,
            origin: "built in".into(),
        }
    }

    /// The same with some of the model's labels, each with the name that it has in SQL. Several may share one.
    ///
    /// # Errors
    /// A message that names a label which the model does not have.
    pub fn with_labels<'a>(
        mut self,
        labels: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, String> {
        self.labels.fill(None);
        for (theirs, ours) in labels {
            let known = self.model.labels();
            match known.iter().position(|label| label == theirs) {
                Some(at) => self.labels[at] = Some(ours.into()),
                None => {
                    return Err(format!(
                        "the model has no label {theirs:?}: its labels are {}",
                        known.join(", ")
                    ));
                }
            }
        }
        Ok(self)
    }

    /// The same without what the model is less sure of.
    ///
    /// # Errors
    /// A message where it is not from 0 to 1.
    pub fn with_min_score(mut self, min_score: f32) -> Result<Self, String> {
        if !(0.0..=1.0).contains(&min_score) {
            return Err(format!("{min_score} is no score: scores are from 0 to 1"));
        }
        self.min_score = min_score;
        Ok(self)
    }

    /// The same for those sentences only in which one of these, models or labels, found something.
    #[must_use]
    pub fn with_when(mut self, when: impl IntoIterator<Item = String>) -> Self {
        self.when = when.into_iter().collect();
        self
    }

    /// The same for those sentences only that are mainly in this script.
    #[must_use]
    pub fn with_script(mut self, script: Script) -> Self {
        self.script = Some(script);
        self
    }

    /// The same with the place of its definition, such as `spanql.toml:3`.
    #[must_use]
    pub fn with_origin(mut self, origin: &str) -> Self {
        self.origin = origin.into();
        self
    }

    /// What SQL calls it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The model behind it.
    #[must_use]
    pub fn model(&self) -> &Arc<dyn Model> {
        &self.model
    }

    /// Its labels, each once.
    pub fn labels(&self) -> impl Iterator<Item = &str> {
        let all = self.labels.iter().enumerate();
        all.filter_map(|(i, label)| {
            let label = label.as_ref()?;
            (!self.labels[..i].contains(&Some(Arc::clone(label)))).then_some(&**label)
        })
    }

    /// The label that we give to the model's label of this number.
    pub(super) fn label(&self, of_model: usize) -> Option<&str> {
        self.labels[of_model].as_deref()
    }

    /// The score below which nothing counts.
    #[must_use]
    pub fn min_score(&self) -> f32 {
        self.min_score
    }

    /// The models and labels one of which must have found something in a sentence; none where all sentences count.
    #[must_use]
    pub fn when(&self) -> &[String] {
        &self.when
    }

    /// The script of its sentences, if that matters.
    #[must_use]
    pub fn script(&self) -> Option<Script> {
        self.script
    }

    /// What stands in a registry for it: a recognizer for each of its labels.
    pub fn recognizers(&self) -> Vec<Arc<dyn Recognizer>> {
        let name: Arc<str> = registered(&self.name).into();
        let (definition, description) = (self.definition(), self.description());
        let recognizer = |label: &str| {
            let recognizer = OfLabel {
                label: label.into(),
                name: Arc::clone(&name),
                definition: Arc::clone(&definition),
                description: Arc::clone(&description),
                origin: Arc::clone(&self.origin),
            };
            Arc::new(recognizer) as Arc<dyn Recognizer>
        };
        self.labels().map(recognizer).collect()
    }

    fn definition(&self) -> Arc<str> {
        let mut definition = format!("{} min_score {}", self.model.fingerprint(), self.min_score);
        let pairs = self.model.labels().iter().zip(&self.labels);
        for (theirs, ours) in pairs.filter_map(|(theirs, ours)| Some((theirs, ours.as_ref()?))) {
            // Writing to a string does not fail.
            let _ = write!(definition, "\n{theirs} is {ours}");
        }
        for when in &self.when {
            let _ = write!(definition, "\nwhen {when}");
        }
        if let Some(script) = self.script {
            let _ = write!(definition, "\nscript {}", script.name());
        }
        definition.into()
    }

    fn description(&self) -> Arc<str> {
        let mut parts = vec![self.model.description()];
        parts.extend(
            self.script
                .map(|script| format!("sentences in {}", script.name())),
        );
        if !self.when.is_empty() {
            parts.push(format!("sentences with {}", self.when.join(" or ")));
        }
        parts.retain(|part| !part.is_empty());
        parts.join("; ").into()
    }
}

/// What a model's recognizers are called in a registry.
pub(super) fn registered(name: &str) -> String {
    format!("model:{name}")
}

/// One label of a model, as a registry knows it. A model sees many texts at once, a recognizer a place in one; so this one
/// has no anchor, and its spans come to a scan from outside ([`Scanner::scan_with`](crate::recognize::Scanner::scan_with)).
#[derive(Debug)]
struct OfLabel {
    label: Arc<str>,
    name: Arc<str>,
    definition: Arc<str>,
    description: Arc<str>,
    origin: Arc<str>,
}

impl Recognizer for OfLabel {
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
        Vec::new()
    }

    fn verify(&self, _: &str, _: usize, _: &mut Found<'_>) -> usize {
        usize::MAX
    }

    /// A name over two lines is the name in one.
    fn value<'a>(&self, entity: &'a str) -> Cow<'a, str> {
        let plain = |c: char| !c.is_whitespace() || c == ' ';
        if entity.chars().all(plain) && !entity.contains("  ") && entity.trim() == entity {
            return Cow::Borrowed(entity);
        }
        Cow::Owned(entity.split_whitespace().collect::<Vec<_>>().join(" "))
    }

    fn origin(&self) -> &str {
        &self.origin
    }

    fn description(&self) -> &str {
        &self.description
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::Capitals;
    use super::*;

    #[test]
    fn a_value_is_the_name_in_one_line() {
        let recognizer = ModelRecognizer::new("m", Arc::new(Capitals::default()));
        let recognizers = recognizer.recognizers();
        for (entity, value) in [
            ("New York", "New York"),
            ("New\nYork", "New York"),
            ("New  \r\n\u{3000}York City", "New York City"),
            (" a ", "a"),
            ("北京", "北京"),
        ] {
            assert_eq!(recognizers[0].value(entity), value, "{entity:?}");
            assert_eq!(recognizers[0].value(value), value);
        }
    }

    #[test]
    fn several_labels_of_a_model_may_be_one() {
        let recognizer = ModelRecognizer::new("m", Arc::new(Capitals::default()));
        assert_eq!(recognizer.labels().collect::<Vec<_>>(), ["NAME", "PLACE"]);
        let one = recognizer
            .clone()
            .with_labels([("PLACE", "X"), ("NAME", "X")])
            .unwrap();
        assert_eq!(one.labels().collect::<Vec<_>>(), ["X"]);
        assert_eq!(one.recognizers().len(), 1);
        let error = recognizer
            .clone()
            .with_labels([("PLACE", "X"), ("ORG", "X")])
            .unwrap_err();
        assert_eq!(
            error,
            "the model has no label \"ORG\": its labels are NAME, PLACE"
        );
        assert!(recognizer.with_min_score(-0.1).is_err());
    }
}
