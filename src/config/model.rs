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
        let message = format!(
            "name {:?}: write one, without white space around it",
            name.get_ref()
        );
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
            let found = known
                .into_iter()
                .find(|known| known.name() == script.get_ref());
            let found = found.ok_or_else(|| {
                let message = format!(
                    "script {:?}: there are \"latin\" and \"han\"",
                    script.get_ref()
                );
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
    let entry = entries
        .filter(|entry| entry.model.is_some())
        .nth(misfit.model);
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

#[cfg(test)]
mod tests {
    use super::super::Config;
    use super::*;
    use crate::ner::Tagged;

    #[derive(Debug)]
    struct Silent(Vec<String>);

    impl Model for Silent {
        fn labels(&self) -> &[String] {
            &self.0
        }

        fn fingerprint(&self) -> String {
            self.0.join(" ")
        }

        fn description(&self) -> String {
            "says nothing".to_string()
        }

        fn window(&self) -> Option<usize> {
            None
        }

        fn batch_tokens(&self) -> usize {
            100
        }

        fn count_tokens(&self, text: &str) -> usize {
            text.len()
        }

        fn tag(&self, texts: &[&str]) -> Result<Vec<Vec<Tagged>>, String> {
            Ok(vec![Vec::new(); texts.len()])
        }
    }

    fn parse(text: &str) -> crate::Result<Config> {
        let model = |labels: &[&str]| {
            let labels = labels.iter().map(ToString::to_string);
            Arc::new(Silent(labels.collect())) as Arc<dyn Model>
        };
        let catalog = Catalog::default()
            .with("m", model(&["PER", "ORG", "LOC"]))
            .with("odd", model(&["first name"]));
        Config::parse_with(text, "spanql.toml", &catalog)
    }

    fn rows(config: &Config) -> Vec<(String, String, String)> {
        let registry = config.registry();
        let all = registry.recognizers().iter().map(|r| {
            let (label, name) = (r.label().to_string(), r.name().to_string());
            (label, name, r.description().to_string())
        });
        all.filter(|(_, name, _)| name.starts_with("model:"))
            .collect()
    }

    #[test]
    fn a_model_is_a_recognizer_a_label() {
        let config = parse(
            "[[recognizer]]\nmodel = 'm'\n\n[[recognizer]]\nname = 'people'\nmodel = 'm'\nlabels = ['PER']\n\
             min_score = 0.5\nscript = 'han'\nwhen = ['m', 'EMAIL']\n\n[[recognizer]]\nmodel = 'odd'\n\
             labels = { 'first name' = 'NAME' }\n\n[label.PER]\nmin_score = 0.1",
        )
        .unwrap();
        let row = |label: &str, name: &str, description: &str| {
            (label.to_string(), name.to_string(), description.to_string())
        };
        let people = "says nothing; sentences in han; sentences with m or EMAIL";
        assert_eq!(
            rows(&config),
            [
                row("PER", "model:m", "says nothing"),
                row("ORG", "model:m", "says nothing"),
                row("LOC", "model:m", "says nothing"),
                row("PER", "model:people", people),
                row("NAME", "model:odd", "says nothing"),
            ]
        );
        let UserRecognizer::Model(people) = &config.recognizers[1] else {
            panic!("{:?}", config.recognizers[1]);
        };
        assert_eq!(
            (people.min_score(), people.script()),
            (0.5, Some(Script::Han))
        );
        assert_eq!(people.when(), ["m", "EMAIL"]);
        let models = config.models(1 << 20).unwrap();
        assert_eq!(models.names().collect::<Vec<_>>(), ["m", "odd", "people"]);
        let registry = models.registry();
        let origin = |name: &str| {
            let found = registry.recognizers().iter().find(|r| r.name() == name);
            found.unwrap().origin().to_string()
        };
        assert_eq!(origin("model:people"), "spanql.toml:4");
    }

    #[test]
    fn whatever_changes_answers_changes_the_fingerprint() {
        let of = |lines: &str| {
            let text = format!("[[recognizer]]\nmodel = 'm'\n{lines}");
            parse(&text).unwrap().registry().fingerprint()
        };
        let mut all = vec![
            Config::default().registry().fingerprint(),
            of(""),
            of("labels = ['PER']"),
            of("labels = { PER = 'PERSON' }"),
            of("labels = { PER = 'ORG', ORG = 'PER' }"),
            of("min_score = 0.5"),
            of("script = 'latin'"),
            of("script = 'han'"),
            of("when = ['EMAIL']"),
            of("when = ['URL']"),
            of("name = 'n'"),
        ];
        let count = all.len();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), count);
        assert_eq!(of(""), of("labels = ['PER', 'ORG', 'LOC']"));
    }

    #[test]
    fn errors_name_the_line() {
        let error = |text: &str| parse(text).unwrap_err().to_string();
        let one = |lines: &str| error(&format!("[[recognizer]]\nmodel = 'm'\n{lines}"));
        for (error, line, part) in [
            (one("modl = 'x'"), 3, "modl"),
            (
                one("label = 'PER'"),
                3,
                "`label` is for patterns and gazetteers: a model has labels",
            ),
            (
                one("score = 0.5"),
                3,
                "`score` is for patterns and gazetteers",
            ),
            (one("\ngroup = 1"), 4, "`group` is for patterns"),
            (
                one("ignore_case = true"),
                3,
                "`ignore_case` is for gazetteers",
            ),
            (
                one("labels = ['PERSON']"),
                3,
                "labels: the model has no label \"PERSON\": its labels are PER, ORG, LOC",
            ),
            (one("labels = ['PER',\n'LOCO']"), 4, "no label \"LOCO\""),
            (
                one("labels = { PER = 'a b' }"),
                3,
                "label \"a b\": a label is a letter",
            ),
            (one("labels = { PERS = 'PER' }"), 3, "no label \"PERS\""),
            (one("labels = []"), 3, "labels: none are left"),
            (one("labels = 'PER'"), 3, "labels of the model, such as"),
            (one("min_score = 2"), 3, "min_score: 2 is no score"),
            (one("min_score = nan"), 3, "min_score: NaN is no score"),
            (
                one("script = 'latn'"),
                3,
                "script \"latn\": there are \"latin\" and \"han\"",
            ),
            (one("when = []"), 3, "when: it names nothing"),
            (one("when = 'EMAIL'"), 3, "sequence"),
            (
                one("when = [\n'EMAIL',\n'MAIL']"),
                5,
                "when: \"MAIL\" is neither a model nor a label: the models are m",
            ),
            (
                one("when = ['m']"),
                3,
                "when: \"m\" leads back to the model itself",
            ),
            (
                one("when = ['PER']"),
                3,
                "when: \"PER\" leads back to the model itself",
            ),
            (one("name = ''"), 3, "name \"\": write one"),
            (
                one("name = ' m'"),
                3,
                "name \" m\": write one, without white space",
            ),
            (
                one("name = 'URL'"),
                3,
                "a model cannot be named \"URL\": that is a label",
            ),
            (
                one("[[recognizer]]\nmodel = 'm'"),
                4,
                "there is a model \"m\" already: give this one a `name`",
            ),
            (
                error("[[recognizer]]\nmodel = 'odd'"),
                2,
                "label \"first name\": a label is a letter",
            ),
            (
                error("[[recognizer]]\nmodel = 'odd'"),
                2,
                "rename it: labels = { \"first name\" = \"PERSON\" }",
            ),
            (
                error("\n[[recognizer]]\n\nmodel = 'models/none'"),
                4,
                "model \"models/none\" is neither the name of a model (there are m, odd, tagger) nor a file or folder: there is no models/none",
            ),
            (
                error("[[recognizer]]\nname = 'x'"),
                1,
                "a recognizer has neither a `pattern` nor a `gazetteer` nor a `model`",
            ),
            (error("[[recognizer]]\npattern = 'x'"), 1, "missing `label`"),
            (
                error(
                    "[[recognizer]]\nmodel = 'm'\nname = 'a'\nwhen = ['b']\n[[recognizer]]\nmodel = 'm'\nname = 'b'\nwhen = ['URL', 'a']",
                ),
                8,
                "when: \"a\" leads back to the model itself (a waits for b waits for a)",
            ),
        ] {
            let place = format!("spanql.toml:{line}: ");
            assert!(
                error.starts_with(&place) && error.contains(part),
                "{error}, not line {line}: {part}"
            );
        }
        let none = Config::parse("[[recognizer]]\nmodel = 'm'", "spanql.toml").unwrap_err();
        assert!(
            none.to_string()
                .starts_with("spanql.toml:2: model \"m\" is neither the name of a model ("),
            "{none}"
        );
    }
}
