//! `[[recognizer]]` with a `model`: which model, and what is asked of it. What it does with that is `ner/`.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use toml::Spanned;

use super::UserRecognizer;
use super::recognizer::{Entry, Wrong, check_label};
use crate::ner::{Catalog, Model, ModelRecognizer, Models, Script};
use crate::recognize::Registry;

/// The model's labels, each with the name that it has in SQL: `["PERSON", "ORG"]` or `{ PER = "PERSON", ORG = "ORG" }`.
pub(super) struct Labels(Vec<(Spanned<String>, Spanned<String>)>);

/// The models that a configuration names. One that is named twice is opened once, so that it is in memory once.
pub(super) struct Opened<'a> {
    catalog: &'a Catalog,
    folder: &'a Path,
    models: BTreeMap<String, Arc<dyn Model>>,
}

impl<'a> Opened<'a> {
    /// Folders are beside the configuration at `config`.
    pub(super) fn new(catalog: &'a Catalog, config: &'a Path) -> Self {
        Self {
            catalog,
            folder: config.parent().unwrap_or(Path::new("")),
            models: BTreeMap::new(),
        }
    }

    fn open(&mut self, source: &str) -> Result<Arc<dyn Model>, String> {
        if let Some(known) = self.models.get(source) {
            return Ok(Arc::clone(known));
        }
        let model = self.catalog.open(source, self.folder)?;
        self.models.insert(source.to_string(), Arc::clone(&model));
        Ok(model)
    }
}

/// Makes the recognizer, or says at which byte of the configuration what is wrong.
pub(super) fn recognizer(
    entry: &Entry,
    source: &Spanned<String>,
    origin: &str,
    opened: &mut Opened<'_>,
) -> Result<ModelRecognizer, Wrong> {
    let at_source = |message: String| (source.span().start, message);
    let model = opened.open(source.get_ref()).map_err(at_source)?;
    let name = entry.name.as_ref().unwrap_or(source);
    if name.get_ref().trim() != name.get_ref() || name.get_ref().is_empty() {
        let message = format!("name {:?}: write one, without white space around it", name.get_ref());
        return Err((name.span().start, message));
    }
    let mut recognizer = ModelRecognizer::new(name.get_ref(), model).with_origin(origin);
    match &entry.labels {
        None => {
            for label in recognizer.labels() {
                check_label(label).map_err(|message| {
                    let hint = format!("rename it: labels = {{ {label:?} = \"PERSON\" }}");
                    at_source(format!("{message}; {hint}"))
                })?;
            }
        }
        Some(labels) => {
            let Labels(pairs) = labels.get_ref();
            if pairs.is_empty() {
                let message = "labels: none are left; name some, or leave `labels` out for all";
                return Err((labels.span().start, message.to_string()));
            }
            for (i, (theirs, ours)) in pairs.iter().enumerate() {
                check_label(ours.get_ref()).map_err(|message| (ours.span().start, message))?;
                let so_far = pairs[..=i].iter();
                let so_far = so_far.map(|(theirs, ours)| (&**theirs.get_ref(), &**ours.get_ref()));
                recognizer = recognizer
                    .with_labels(so_far)
                    .map_err(|message| (theirs.span().start, format!("labels: {message}")))?;
            }
        }
    }
    if let Some(score) = &entry.min_score {
        recognizer = recognizer
            .with_min_score(*score.get_ref())
            .map_err(|message| (score.span().start, format!("min_score: {message}")))?;
    }
    if let Some(when) = &entry.when {
        let names = when.get_ref().iter().map(|name| name.get_ref().clone());
        recognizer = recognizer.with_when(names);
        if recognizer.when().is_empty() {
            let message = "when: it names nothing, so the model would never be asked; leave it out, or name models or labels";
            return Err((when.span().start, message.to_string()));
        }
    }
    match &entry.script {
        None => Ok(recognizer),
        Some(script) => {
            let known = [Script::Latin, Script::Han];
            let found = known.into_iter().find(|known| known.name() == script.get_ref());
            let found = found.ok_or_else(|| {
                let message = format!("script {:?}: there are \"latin\" and \"han\"", script.get_ref());
                (script.span().start, message)
            })?;
            Ok(recognizer.with_script(found))
        }
    }
}

/// Checks what the models of a configuration say of each other; each has one of the entries, in order.
pub(super) fn check<'e>(
    registry: &Registry,
    recognizers: &[UserRecognizer],
    entries: impl Iterator<Item = &'e Entry>,
) -> Result<(), Wrong> {
    let models = recognizers.iter().filter_map(UserRecognizer::model);
    let models: Vec<ModelRecognizer> = models.cloned().collect();
    let Err(misfit) = Models::check(registry, &models) else {
        return Ok(());
    };
    let entry = entries.filter(|entry| entry.model.is_some()).nth(misfit.model);
    let place = entry.and_then(|entry| {
        let when = entry.when.as_ref().zip(misfit.when);
        let name = when.map(|(names, i)| &names.get_ref()[i]);
        name.or(entry.name.as_ref()).or(entry.model.as_ref())
    });
    let key = if misfit.when.is_some() { "when: " } else { "" };
    let message = format!("{key}{}", misfit.message);
    Err((place.map_or(0, |place| place.span().start), message))
}

impl<'de> Deserialize<'de> for Labels {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = Labels;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("labels of the model, such as [\"PER\"], or with new names, such as { PER = \"PERSON\" }")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut labels: A) -> Result<Labels, A::Error> {
                let mut pairs = Vec::new();
                while let Some(label) = labels.next_element::<Spanned<String>>()? {
                    pairs.push((label.clone(), label));
                }
                Ok(Labels(pairs))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut labels: A) -> Result<Labels, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = labels.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Labels(pairs))
            }
        }

        deserializer.deserialize_any(Either)
    }
}
