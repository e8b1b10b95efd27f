//! [`Models`]: the models of a session, behind some of the recognizers of its registry.
//!
//! Owns which model answers to which name, which must have answered before another is asked, and that each is there once,
//! with one cache, however many queries, partitions and recognizers use it.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::finder::{Finder, Stage};
use super::recognizer::registered;
use super::{ModelRecognizer, Scheduler};
use crate::error::{Error, Result};
use crate::recognize::Registry;

/// A registry, and the models that some of its labels come from.
#[derive(Debug, Clone)]
pub struct Models {
    registry: Arc<Registry>,
    /// Each after those that its `when` names.
    models: Vec<Loaded>,
    cache_bytes: usize,
}

#[derive(Debug, Clone)]
struct Loaded {
    recognizer: ModelRecognizer,
    scheduler: Arc<Scheduler>,
}

/// Why models do not fit together: which of them, which of the names in its `when`, and what is wrong with it.
#[derive(Debug, PartialEq, Eq)]
pub struct Misfit {
    /// Index of the model.
    pub model: usize,
    /// Index in its `when`; none where its own name is wrong.
    pub when: Option<usize>,
    /// What is wrong.
    pub message: String,
}

impl Models {
    /// What a model's cache may take where nobody says.
    pub const CACHE_BYTES: usize = 32 << 20;

    /// Models over a registry that holds [`ModelRecognizer::recognizers`] of each. A model that several share has one
    /// cache, of at most `cache_bytes`.
    ///
    /// # Errors
    /// As [`Models::check`].
    pub fn new(
        registry: Arc<Registry>,
        recognizers: Vec<ModelRecognizer>,
        cache_bytes: usize,
    ) -> Result<Self, Misfit> {
        let order = Self::check(&registry, &recognizers)?;
        let mut models: Vec<Loaded> = Vec::with_capacity(recognizers.len());
        for recognizer in order.into_iter().map(|i| recognizers[i].clone()) {
            let shared = models.iter().map(|known| &known.scheduler);
            let shared = shared
                .into_iter()
                .find(|known| Arc::ptr_eq(known.model(), recognizer.model()));
            let scheduler = shared.map_or_else(
                || {
                    let model = Arc::clone(recognizer.model());
                    Arc::new(Scheduler::new(recognizer.name(), model, cache_bytes))
                },
                Arc::clone,
            );
            models.push(Loaded {
                recognizer,
                scheduler,
            });
        }
        Ok(Self {
            registry,
            models,
            cache_bytes,
        })
    }

    /// An order of some models in which each comes after those that its `when` names.
    ///
    /// # Errors
    /// Where two models have one name, or one has that of a label; where a `when` names what is neither a model nor a label,
    /// or leads back to the model itself.
    pub fn check(
        registry: &Registry,
        recognizers: &[ModelRecognizer],
    ) -> Result<Vec<usize>, Misfit> {
        let is_label = |name: &str| registry.labels().any(|label| label == name);
        for (at, recognizer) in recognizers.iter().enumerate() {
            let name = recognizer.name();
            let wrong = |message: String| Misfit {
                model: at,
                when: None,
                message,
            };
            if recognizers[..at]
                .iter()
                .any(|earlier| earlier.name() == name)
            {
                return Err(wrong(format!(
                    "there is a model {name:?} already: give this one a `name`"
                )));
            }
            if is_label(name) {
                return Err(wrong(format!(
                    "a model cannot be named {name:?}: that is a label"
                )));
            }
            for (i, when) in recognizer.when().iter().enumerate() {
                if !is_label(when) && !recognizers.iter().any(|known| known.name() == when) {
                    let models: Vec<&str> = recognizers.iter().map(ModelRecognizer::name).collect();
                    return Err(Misfit {
                        model: at,
                        when: Some(i),
                        message: format!(
                            "{when:?} is neither a model nor a label: the models are {}, the labels {}",
                            models.join(", "),
                            registry.labels().collect::<Vec<_>>().join(", ")
                        ),
                    });
                }
            }
        }
        let mut search = Search {
            recognizers,
            order: Vec::new(),
            path: Vec::new(),
        };
        (0..recognizers.len()).try_for_each(|at| search.visit(at))?;
        Ok(search.order)
    }

    /// A registry without models.
    #[must_use]
    pub fn none(registry: Arc<Registry>) -> Self {
        Self {
            registry,
            models: Vec::new(),
            cache_bytes: 0,
        }
    }

    /// These models and one more, with recognizers of its own at the end of the registry.
    ///
    /// # Errors
    /// As [`Models::new`].
    pub fn with(&self, recognizer: ModelRecognizer) -> Result<Self, Misfit> {
        let registry = Registry::clone(&self.registry).with(recognizer.recognizers());
        let mut recognizers: Vec<_> = self.models.iter().map(|m| m.recognizer.clone()).collect();
        recognizers.push(recognizer);
        Self::new(Arc::new(registry), recognizers, self.cache_bytes)
    }

    /// The registry.
    #[must_use]
    pub fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }

    /// The models' names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let names: BTreeSet<&str> = self.models.iter().map(|m| m.recognizer.name()).collect();
        names.into_iter()
    }

    /// The model that is registered under the name of a recognizer.
    #[must_use]
    pub fn behind(&self, recognizer: &str) -> Option<&ModelRecognizer> {
        let mut all = self.models.iter().map(|model| &model.recognizer);
        all.find(|model| registered(model.name()) == recognizer)
    }

    /// What finds the entities of some labels.
    ///
    /// # Errors
    /// [`Error::UnknownLabel`] for a label that no recognizer has.
    pub fn finder<L: AsRef<str>>(&self, labels: &[L]) -> Result<Finder> {
        let scanner = self.registry.scanner(labels)?;
        let wanted = |label: &str| labels.iter().any(|wanted| wanted.as_ref() == label);
        Ok(Finder::new(scanner, self.stages(|_, label| wanted(label))))
    }

    /// What finds the entities of all labels.
    #[must_use]
    pub fn finder_for_all(&self) -> Finder {
        Finder::new(self.registry.scanner_for_all(), self.stages(|_, _| true))
    }

    /// What finds the entities of one model, and no others.
    ///
    /// # Errors
    /// [`Error::UnknownModel`] for a name that no model has.
    pub fn finder_of_model(&self, name: &str) -> Result<Finder> {
        if !self.models.iter().any(|m| m.recognizer.name() == name) {
            return Err(Error::UnknownModel {
                model: name.to_string(),
                known: self.names().collect::<Vec<_>>().join(", "),
            });
        }
        let registered = registered(name);
        let scanner = self.registry.scanner_where(|r| r.name() == registered);
        let stages = self.stages(|model, _| model.name() == name);
        Ok(Finder::new(scanner, stages))
    }

    /// The models to run, in order, where these of their labels are wanted: those models, and those that they wait for.
    fn stages(&self, wanted: impl Fn(&ModelRecognizer, &str) -> bool) -> Vec<Stage> {
        let mut needed = vec![false; self.models.len()];
        for (at, Loaded { recognizer, .. }) in self.models.iter().enumerate().rev() {
            needed[at] |= recognizer.labels().any(|label| wanted(recognizer, label));
            if needed[at] {
                for before in self.waits_for(at) {
                    needed[before] = true;
                }
            }
        }
        let chosen: Vec<usize> = (0..needed.len()).filter(|&at| needed[at]).collect();
        let stage_of = |at: usize| chosen.iter().position(|&chosen| chosen == at);
        let stages = chosen.iter().map(|&at| {
            let Loaded {
                recognizer,
                scheduler,
            } = &self.models[at];
            let by_name = |name: &str| {
                self.models[..at]
                    .iter()
                    .position(|m| m.recognizer.name() == name)
            };
            let labels: Vec<&String> = recognizer
                .when()
                .iter()
                .filter(|w| by_name(w).is_none())
                .collect();
            let index = |label: &str| self.index(recognizer, label);
            Stage {
                scheduler: Arc::clone(scheduler),
                name: recognizer.name().to_string(),
                indexes: (0..recognizer.model().labels().len())
                    .map(|of_model| recognizer.label(of_model).map(index))
                    .collect(),
                wanted: (0..recognizer.model().labels().len())
                    .map(|of_model| {
                        let label = recognizer.label(of_model);
                        label.is_some_and(|label| wanted(recognizer, label))
                    })
                    .collect(),
                min_score: recognizer.min_score(),
                script: recognizer.script(),
                conditional: !recognizer.when().is_empty(),
                after_models: recognizer
                    .when()
                    .iter()
                    .filter_map(|w| stage_of(by_name(w)?))
                    .collect(),
                after_labels: (!labels.is_empty()).then(|| {
                    let scanner = self
                        .registry
                        .scanner_where(|r| labels.iter().any(|l| *l == r.label()));
                    let stages = self.waits_for(at).into_iter().filter_map(stage_of);
                    (scanner, stages.collect())
                }),
            }
        });
        stages.collect()
    }

    /// The models that must have answered before the one at `at` is asked; they stand before it.
    fn waits_for(&self, at: usize) -> Vec<usize> {
        let names = self.models[at].recognizer.when();
        let before = self.models[..at].iter().enumerate();
        before
            .filter(|(_, model)| names.iter().any(|name| answers_to(&model.recognizer, name)))
            .map(|(before, _)| before)
            .collect()
    }

    fn index(&self, recognizer: &ModelRecognizer, label: &str) -> usize {
        let registered = registered(recognizer.name());
        let mut all = self.registry.recognizers().iter();
        all.position(|r| r.name() == registered && r.label() == label)
            .expect("the registry holds the recognizers of each of its models")
    }
}

/// Whether a model's findings are meant by a name in a `when`: its own, or that of one of its labels.
fn answers_to(recognizer: &ModelRecognizer, name: &str) -> bool {
    recognizer.name() == name || recognizer.labels().any(|label| label == name)
}

/// A depth-first search along `when`.
struct Search<'a> {
    recognizers: &'a [ModelRecognizer],
    order: Vec<usize>,
    path: Vec<usize>,
}

impl Search<'_> {
    fn visit(&mut self, at: usize) -> Result<(), Misfit> {
        if self.order.contains(&at) {
            return Ok(());
        }
        self.path.push(at);
        for (i, when) in self.recognizers[at].when().iter().enumerate() {
            // A model's own name goes before a label's, and means that one model.
            let all = self.recognizers.iter().enumerate();
            let before: Vec<usize> = all
                .filter(|(_, model)| answers_to(model, when))
                .map(|(before, _)| before)
                .collect();
            for before in before {
                if let Some(start) = self.path.iter().position(|&on_path| on_path == before) {
                    let circle = self.path[start..].iter().chain([&before]);
                    let names: Vec<&str> = circle.map(|&i| self.recognizers[i].name()).collect();
                    return Err(Misfit {
                        model: at,
                        when: Some(i),
                        message: format!(
                            "{when:?} leads back to the model itself ({}): name models that do not wait for it",
                            names.join(" waits for ")
                        ),
                    });
                }
                self.visit(before)?;
            }
        }
        self.path.pop();
        self.order.push(at);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::Capitals;
    use super::*;

    fn checked(models: &[(&str, &[&str], &str)]) -> Result<Vec<usize>, String> {
        let recognizers: Vec<_> = models
            .iter()
            .map(|(name, when, label)| {
                ModelRecognizer::new(name, Arc::new(Capitals::default()))
                    .with_labels([("NAME", *label)])
                    .unwrap()
                    .with_when(when.iter().map(ToString::to_string))
            })
            .collect();
        let all = recognizers.iter().flat_map(ModelRecognizer::recognizers);
        Models::check(&Registry::builtin().with(all), &recognizers)
            .map_err(|wrong| format!("{} {:?}: {}", wrong.model, wrong.when, wrong.message))
    }

    #[test]
    fn models_come_after_those_that_they_wait_for() {
        assert_eq!(checked(&[]), Ok(vec![]));
        let models: [(&str, &[&str], &str); 4] = [
            ("a", &["EMAIL", "c"], "A"),
            ("b", &[], "B"),
            ("c", &["B"], "C"),
            ("d", &["a", "c"], "B2"),
        ];
        assert_eq!(checked(&models), Ok(vec![1, 2, 0, 3]));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for (models, error) in [
            (
                &[("a", &[][..], "A"), ("a", &[][..], "B")][..],
                "1 None: there is a model \"a\" already: give this one a `name`",
            ),
            (
                &[("EMAIL", &[][..], "A")],
                "0 None: a model cannot be named \"EMAIL\": that is a label",
            ),
            (
                &[("a", &["EMAIL", "MAIL"][..], "A")],
                "0 Some(1): \"MAIL\" is neither a model nor a label: the models are a, the labels A, ",
            ),
            (
                &[("a", &["a"][..], "A")],
                "0 Some(0): \"a\" leads back to the model itself (a waits for a): ",
            ),
            (
                &[("a", &["A"][..], "A")],
                "0 Some(0): \"A\" leads back to the model itself (a waits for a): ",
            ),
            (
                &[
                    ("a", &["c"][..], "A"),
                    ("b", &["a"][..], "B"),
                    ("c", &["EMAIL", "B"][..], "C"),
                ],
                "1 Some(0): \"a\" leads back to the model itself (a waits for c waits for b waits for a): ",
            ),
        ] {
            let found = checked(models).unwrap_err();
            assert!(found.starts_with(error), "{found}");
        }
    }

    #[test]
    fn one_model_has_one_cache() {
        let model: Arc<dyn super::super::Model> = Arc::new(Capitals::default());
        let named = |name: &str| ModelRecognizer::new(name, Arc::clone(&model));
        let both = vec![named("a"), named("b")];
        let registry = Registry::default().with(both.iter().flat_map(ModelRecognizer::recognizers));
        let models = Models::new(Arc::new(registry), both, 1 << 20).unwrap();
        assert!(Arc::ptr_eq(
            &models.models[0].scheduler,
            &models.models[1].scheduler
        ));
        let more = models.with(named("c")).unwrap();
        assert_eq!(more.names().collect::<Vec<_>>(), ["a", "b", "c"]);
        assert!(Arc::ptr_eq(
            &more.models[0].scheduler,
            &more.models[2].scheduler
        ));
        assert!(models.with(named("b")).is_err());
    }
}
