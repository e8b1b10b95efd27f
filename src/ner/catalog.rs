//! [`Catalog`]: which model a name, or a folder, means.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::Model;
use super::tagger::Tagger;

/// The models that come with SpanQL: a name, and how to open it.
const BUILT_IN: &[(&str, Open)] = &[("tagger", || -> Arc<dyn Model> { Tagger::embedded().clone() })];

type Open = fn() -> Arc<dyn Model>;

/// The models that can be opened: those that come with SpanQL, those of the program around it, and those in folders.
///
/// Opening one reads what its labels and its fingerprint need; a model with large weights reads those when it is first
/// called.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    own: BTreeMap<String, Arc<dyn Model>>,
}

impl Catalog {
    /// Adds a model under a name, in place of one that comes with SpanQL.
    #[must_use]
    pub fn with(mut self, name: &str, model: Arc<dyn Model>) -> Self {
        self.own.insert(name.to_string(), model);
        self
    }

    /// The names, sorted.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        let built_in = BUILT_IN.iter().map(|(name, _)| *name);
        let mut names: Vec<&str> = self
            .own
            .keys()
            .map(String::as_str)
            .chain(built_in)
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// The model of a name.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<Arc<dyn Model>> {
        let own = self.own.get(name).map(Arc::clone);
        own.or_else(|| {
            let (_, open) = BUILT_IN.iter().find(|(known, _)| *known == name)?;
            Some(open())
        })
    }

    /// The model of a name, or else a tagger's weights in a file, or a folder; relative ones are beneath `beside`.
    ///
    /// # Errors
    /// A message that names what is missing or wrong.
    pub fn open(&self, source: &str, beside: &Path) -> Result<Arc<dyn Model>, String> {
        if let Some(model) = self.named(source) {
            return Ok(model);
        }
        let folder = beside.join(source);
        if folder.is_file() {
            let read = std::fs::read(&folder).map_err(|e| e.to_string());
            let tagger = read.and_then(|bytes| Tagger::from_bytes(&bytes));
            return match tagger {
                Ok(tagger) => Ok(Arc::new(tagger)),
                Err(reason) => Err(format!("model {source:?}: {}: {reason}", folder.display())),
            };
        }
        if folder.is_dir() {
            return Err(format!(
                "model {source:?}: this build of SpanQL runs no models from folders"
            ));
        }
        let known = match self.names().as_slice() {
            [] => "none come with this build of SpanQL".to_string(),
            names => format!("there are {}", names.join(", ")),
        };
        Err(format!(
            "model {source:?} is neither the name of a model ({known}) nor a file or folder: there is no {}",
            folder.display()
        ))
    }
}
