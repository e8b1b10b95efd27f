//! [`Catalog`]: which model a name, or a folder, means.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::Model;
use super::tagger::Tagger;

/// The models that come with SpanQL: a name, and how to open it.
const BUILT_IN: &[(&str, Open)] = &[("tagger", || -> Arc<dyn Model> {
    Tagger::embedded().clone()
})];

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

    /// The model of a name, or else a tagger's weights in a file, or a model in a folder; relative paths are beneath
    /// `beside`. With the feature `rust-bert`, what is none of these
    /// but looks like `owner/model` is fetched from Hugging Face's hub, once.
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
            return of_folder(&folder).map_err(|e| format!("model {source:?}: {e}"));
        }
        #[cfg(feature = "rust-bert")]
        if let Some(name) = super::bert::Name::parse(source) {
            let fetched = name.fetch().and_then(|folder| of_folder(&folder));
            return fetched.map_err(|e| {
                format!(
                    "model {source:?}: there is no folder {}; from the hub: {e}",
                    folder.display()
                )
            });
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

#[cfg(feature = "rust-bert")]
fn of_folder(folder: &Path) -> Result<Arc<dyn Model>, String> {
    Ok(Arc::new(super::bert::Bert::open(folder)?))
}

#[cfg(not(feature = "rust-bert"))]
fn of_folder(_: &Path) -> Result<Arc<dyn Model>, String> {
    let message = "models in folders are run by rust-bert, which this build of SpanQL is without: \
                   build it with `--features rust-bert`";
    Err(message.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_needs_rust_bert_and_a_models_files() {
        let folder = tempfile::tempdir().unwrap();
        let error = Catalog::default().open(".", folder.path()).unwrap_err();
        let expected = if cfg!(feature = "rust-bert") {
            "config.json"
        } else {
            "--features rust-bert"
        };
        assert!(
            error.starts_with("model \".\": ") && error.contains(expected),
            "{error}"
        );
    }

    #[test]
    fn a_name_that_is_nothing_is_said_to_be() {
        let folder = tempfile::tempdir().unwrap();
        let error = Catalog::default()
            .open("nothing", folder.path())
            .unwrap_err();
        assert!(
            error.contains("neither the name of a model") && error.contains("nothing"),
            "{error}"
        );
    }
}
