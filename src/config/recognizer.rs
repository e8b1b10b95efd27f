//! `[[recognizer]]`: a pattern, a list of phrases or a model, as written.
//!
//! Owns which keys belong together. How lists are read is `list_file.rs`'s business, what a model is asked `model.rs`'s.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;

use super::model::{self, Opened};
use super::{UserRecognizer, list_file};
use crate::recognize::{Folding, Gazetteer, Pattern};

/// A byte of the configuration, and what is wrong there.
pub(super) type Wrong = (usize, String);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    label: Option<Spanned<String>>,
    pattern: Option<Spanned<String>>,
    group: Option<Spanned<usize>>,
    gazetteer: Option<Spanned<PathBuf>>,
    ignore_case: Option<Spanned<bool>>,
    ignore_width: Option<Spanned<bool>>,
    score: Option<Spanned<f32>>,
    pub(super) model: Option<Spanned<String>>,
    pub(super) name: Option<Spanned<String>>,
    pub(super) labels: Option<Spanned<model::Labels>>,
    pub(super) min_score: Option<Spanned<f32>>,
    pub(super) when: Option<Spanned<Vec<Spanned<String>>>>,
    pub(super) script: Option<Spanned<String>>,
}

impl Entry {
    /// Makes it, or says at which byte of the configuration at `config` what is wrong. The entry itself begins at `at`.
    pub(super) fn recognizer(
        &self,
        at: usize,
        config: &Path,
        origin: &str,
        opened: &mut Opened<'_>,
    ) -> Result<UserRecognizer, Wrong> {
        match (&self.pattern, &self.gazetteer, &self.model) {
            (Some(pattern), None, None) => {
                let label = self.label(at)?;
                self.refuse_lists_keys()?;
                self.refuse_models_keys()?;
                let group = self.group.as_ref().map_or(0, |group| *group.get_ref());
                let pattern = Pattern::new(label, pattern.get_ref(), group)
                    .map_err(|e| (pattern.span().start, e.to_string()))?
                    .with_origin(origin);
                self.scored(pattern, Pattern::with_score)
                    .map(UserRecognizer::Pattern)
            }
            (None, Some(list), None) => {
                let label = self.label(at)?;
                refuse(
                    &self.group,
                    "`group` is for patterns: a gazetteer finds whole phrases",
                )?;
                self.refuse_models_keys()?;
                let flag = |flag: &Option<Spanned<bool>>| {
                    flag.as_ref().is_some_and(|flag| *flag.get_ref())
                };
                let folding = Folding {
                    case: flag(&self.ignore_case),
                    width: flag(&self.ignore_width),
                };
                let folder = config.parent().unwrap_or(Path::new(""));
                let gazetteer = list_file::load(label, &folder.join(list.get_ref()), folding)
                    .map_err(|message| (list.span().start, message))?
                    .with_origin(origin);
                self.scored(gazetteer, Gazetteer::with_score)
                    .map(UserRecognizer::Gazetteer)
            }
            (None, None, Some(model)) => {
                self.refuse_others_keys()?;
                model::recognizer(self, model, origin, opened).map(UserRecognizer::Model)
            }
            (None, None, None) => {
                let (at, who) = self.label.as_ref().map_or((at, "a recognizer"), |label| {
                    (label.span().start, label.get_ref().as_str())
                });
                let message =
                    format!("{who} has neither a `pattern` nor a `gazetteer` nor a `model`");
                Err((at, message))
            }
            (Some(_), Some(list), None) => {
                let message = "a recognizer has a `pattern` or a `gazetteer`, not both: write two under one label";
                Err((list.span().start, message.to_string()))
            }
            (_, _, Some(model)) => {
                let message =
                    "a recognizer with a `model` has no `pattern` and no `gazetteer`: write two";
                Err((model.span().start, message.to_string()))
            }
        }
    }

    fn label(&self, at: usize) -> Result<&str, Wrong> {
        let Some(label) = &self.label else {
            return Err((
                at,
                "missing `label`: what the entities are called in SQL".to_string(),
            ));
        };
        check_label(label.get_ref()).map_err(|message| (label.span().start, message))?;
        Ok(label.get_ref())
    }

    fn refuse_lists_keys(&self) -> Result<(), Wrong> {
        for (key, flag) in [
            ("ignore_case", &self.ignore_case),
            ("ignore_width", &self.ignore_width),
        ] {
            let message = format!(
                "`{key}` is for gazetteers: a pattern ignores case after (?i) and names the characters that it wants"
            );
            refuse(flag, &message)?;
        }
        Ok(())
    }

    fn refuse_models_keys(&self) -> Result<(), Wrong> {
        let only = |key: &str| format!("`{key}` is for models");
        refuse(&self.name, &only("name"))?;
        refuse(
            &self.labels,
            "`labels` is for models: this recognizer has one `label`",
        )?;
        refuse(
            &self.min_score,
            "`min_score` is for models: write it in [label.NAME] for all recognizers of a label",
        )?;
        refuse(&self.when, &only("when"))?;
        refuse(&self.script, &only("script"))
    }

    fn refuse_others_keys(&self) -> Result<(), Wrong> {
        refuse(
            &self.label,
            "`label` is for patterns and gazetteers: a model has labels of its own, which `labels` chooses and renames",
        )?;
        refuse(
            &self.score,
            "`score` is for patterns and gazetteers: a model says how sure it is, and `min_score` what is sure enough",
        )?;
        refuse(&self.group, "`group` is for patterns")?;
        refuse(&self.ignore_case, "`ignore_case` is for gazetteers")?;
        refuse(&self.ignore_width, "`ignore_width` is for gazetteers")
    }

    /// `made` with the score that is written, if one is.
    fn scored<R>(&self, made: R, with_score: fn(R, f32) -> Result<R, String>) -> Result<R, Wrong> {
        match &self.score {
            None => Ok(made),
            Some(score) => with_score(made, *score.get_ref())
                .map_err(|e| (score.span().start, format!("score: {e}"))),
        }
    }
}

/// A key that says nothing here must not look as if it did.
fn refuse<T>(key: &Option<Spanned<T>>, message: &str) -> Result<(), Wrong> {
    match key {
        Some(key) => Err((key.span().start, message.to_string())),
        None => Ok(()),
    }
}

/// Labels are written in comma-separated lists inside SQL strings, hence no commas, spaces or quotes.
pub(super) fn check_label(label: &str) -> Result<(), String> {
    let mut bytes = label.bytes();
    let fine = bytes.next().is_some_and(|b| b.is_ascii_alphabetic())
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if fine {
        Ok(())
    } else {
        Err(format!(
            "label {label:?}: a label is a letter followed by letters, digits or underscores, such as ORDER"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Config, UserRecognizer};
    use crate::recognize::Recognizer;

    #[test]
    fn a_recognizer_is_a_pattern_or_a_gazetteer() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("tea.csv"), "Tea\n").unwrap();
        std::fs::create_dir(dir.path().join("lists")).unwrap();
        std::fs::write(dir.path().join("lists/pot.txt"), "Pot\nKettle\n").unwrap();
        let path = dir.path().join("spanql.toml");
        let parse = |text: &str| Config::parse(text, &path);
        let text = "
[[recognizer]]
label = 'A'
gazetteer = 'tea.csv'

[[recognizer]]
label = 'A'
pattern = 'x'

[[recognizer]]
label = 'B'
gazetteer = 'lists/pot.txt'
ignore_case = true
ignore_width = false

[[recognizer]]
label = 'A'
gazetteer = 'lists/pot.txt'
";
        let config = parse(text).unwrap();
        let registry = config.registry();
        let names: Vec<_> = registry.recognizers().iter().map(|r| r.name()).collect();
        assert!(
            names.ends_with(&["gazetteer:A", "pattern:A", "gazetteer:B", "gazetteer:A#2"]),
            "{names:?}"
        );
        let UserRecognizer::Gazetteer(pots) = &config.recognizers[2] else {
            panic!("{:?}", config.recognizers);
        };
        assert_eq!(pots.origin(), format!("{}:10", path.display()));
        assert!(pots.folding().case && !pots.folding().width);
        assert_eq!(pots.phrases(), 2);

        let error = |lines: &str| {
            let text = format!("[[recognizer]]\nlabel = 'A'\n{lines}\n");
            let error = parse(&text).unwrap_err().to_string();
            error
                .strip_prefix(&format!("{}:", path.display()))
                .unwrap()
                .to_string()
        };
        for (lines, line, words) in [
            ("", 2, "A has neither"),
            ("pattern = 'x'\nname = 'x'", 4, "`name` is for models"),
            ("pattern = 'x'\nlabels = ['B']", 4, "`labels` is for models"),
            (
                "gazetteer = 'tea.csv'\nmin_score = 0.5",
                4,
                "`min_score` is for models",
            ),
            (
                "gazetteer = 'tea.csv'\nwhen = ['A']",
                4,
                "`when` is for models",
            ),
            ("pattern = 'x'\nscript = 'han'", 4, "`script` is for models"),
            ("pattern = 'x'\nmodel = 'm'", 4, "write two"),
            ("gazetteer = 'tea.csv'\npattern = 'x'", 3, "not both"),
            (
                "gazetteer = 'tea.csv'\ngroup = 1",
                4,
                "`group` is for patterns",
            ),
            (
                "pattern = 'x'\nignore_case = true",
                4,
                "`ignore_case` is for gazetteers",
            ),
            (
                "ignore_width = false\npattern = 'x'",
                3,
                "`ignore_width` is for gazetteers",
            ),
            ("gazetteer = 'tea.csv'\nignore_case = 'yes'", 4, "boolean"),
            ("gazetteer = 'tee.csv'", 3, "tee.csv: No such file"),
            ("gazetteer = 'lists'", 3, "a list is"),
            ("gazetteer = ['tea.csv']", 3, "string"),
        ] {
            let error = error(lines);
            assert!(
                error.starts_with(&format!("{line}: ")) && error.contains(words),
                "{lines}: {error}"
            );
        }
    }
}
