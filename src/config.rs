//! `spanql.toml`: the user's recognizers, what labels are weighed by, the store, the memory limit, the redaction key.
//!
//! Unknown keys, bad patterns and lists that cannot be read are refused with file and line, because a misspelt key that
//! is silently ignored looks exactly like a recognizer that finds nothing. What a pattern *means* is
//! `recognize/pattern.rs`, what a list means `recognize/gazetteer/`, what a model means `ner/`.

mod label;
mod list_file;
mod model;
mod recognizer;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;
use toml::Spanned;

use crate::error::{Error, Result};
use crate::ner::{Catalog, ModelRecognizer, Models};
use crate::recognize::{Gazetteer, Pattern, Registry, Rules};

/// The name looked for in the working directory when no file is given.
pub const FILE_NAME: &str = "spanql.toml";

/// A parsed and checked `spanql.toml`.
///
/// ```
/// # use spanql::Config;
/// let config = Config::parse(
///     r#"
///     memory = "2GB"
///
///     [[recognizer]]
///     label = "ORDER"
///     pattern = '\bORD-\d{8}\b'
///     "#,
///     "spanql.toml",
/// )?;
/// assert_eq!(config.memory, Some(2_000_000_000));
/// assert!(config.registry().labels().any(|label| label == "ORDER"));
/// # Ok::<(), spanql::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// The store to use where none is named.
    pub store: Option<PathBuf>,
    /// The engine's memory limit in bytes.
    pub memory: Option<usize>,
    /// The user's recognizers, in the order of the file.
    pub recognizers: Vec<UserRecognizer>,
    /// What the entities of some labels are weighed by, in place of what SpanQL ships.
    pub rules: BTreeMap<String, Rules>,
    /// The file that holds the key of `redact`'s hashes; beside the configuration where its path is relative.
    pub redact_key_file: Option<PathBuf>,
}

/// A recognizer that the user defined.
#[derive(Debug, Clone)]
pub enum UserRecognizer {
    /// A regular expression.
    Pattern(Pattern),
    /// A list of phrases.
    Gazetteer(Gazetteer),
    /// A model.
    Model(ModelRecognizer),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    store: Option<PathBuf>,
    memory: Option<Spanned<String>>,
    redact_key_file: Option<PathBuf>,
    #[serde(default)]
    recognizer: Vec<Spanned<recognizer::Entry>>,
    #[serde(default)]
    label: BTreeMap<Spanned<String>, label::Table>,
}

impl Config {
    /// Reads `path`, or `spanql.toml` in the working directory if there is one, or gives the defaults.
    ///
    /// # Errors
    /// [`Error::Io`] where a named file cannot be read; otherwise as [`Config::parse`].
    pub fn load(path: Option<&Path>) -> Result<Self> {
        Self::load_with(path, &Catalog::default())
    }

    /// As [`Config::load`], with models of one's own.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn load_with(path: Option<&Path>, catalog: &Catalog) -> Result<Self> {
        let path = match path {
            Some(path) => path,
            None if Path::new(FILE_NAME).exists() => Path::new(FILE_NAME),
            None => return Ok(Self::default()),
        };
        let text = std::fs::read_to_string(path).map_err(Error::io(path))?;
        Self::parse_with(&text, path, catalog)
    }

    /// Checks the text of a configuration and reads the lists that it names; relative ones are beside `path`.
    ///
    /// A list of more than 64 KB is compiled once: the compiled form is kept beside it, in `.LIST.*.spanql-gaz`. Where
    /// it cannot be written, each call compiles anew, and a warning is logged; so it is where lines are skipped.
    ///
    /// # Errors
    /// [`Error::Config`] with the line of an unknown key, a bad label, a pattern that does not compile, a list that
    /// cannot be read or has no phrase, a model that cannot be opened or that waits for itself, a score or a memory size
    /// that is none, context that cannot count, or a table for a label that no recognizer has.
    pub fn parse(text: &str, path: impl AsRef<Path>) -> Result<Self> {
        Self::parse_with(text, path, &Catalog::default())
    }

    /// As [`Config::parse`], with models of one's own.
    ///
    /// # Errors
    /// As [`Config::parse`].
    pub fn parse_with(text: &str, path: impl AsRef<Path>, catalog: &Catalog) -> Result<Self> {
        let path = path.as_ref();
        let line = |offset: usize| {
            let before = &text.as_bytes()[..offset.min(text.len())];
            before.iter().filter(|&&b| b == b'\n').count() + 1
        };
        let fail = |offset: usize, message: String| Error::Config {
            path: path.to_path_buf(),
            line: line(offset),
            message,
        };
        let file: File = toml::from_str(text).map_err(|e| {
            fail(
                e.span().map_or(0, |span| span.start),
                e.message().to_string(),
            )
        })?;
        let mut recognizers = Vec::with_capacity(file.recognizer.len());
        let mut opened = model::Opened::new(catalog, path);
        for entry in &file.recognizer {
            let (at, entry) = (entry.span().start, entry.get_ref());
            let origin = format!("{}:{}", path.display(), line(at));
            let made = entry.recognizer(at, path, &origin, &mut opened);
            recognizers.push(made.map_err(|(offset, message)| fail(offset, message))?);
        }
        let memory = match &file.memory {
            None => None,
            Some(size) => Some(
                parse_size(size.get_ref())
                    .map_err(|message| fail(size.span().start, format!("memory: {message}")))?,
            ),
        };
        let mut config = Self {
            store: file.store,
            memory,
            recognizers,
            rules: BTreeMap::new(),
            redact_key_file: file.redact_key_file.map(|key| {
                path.parent()
                    .map_or(key.clone(), |folder| folder.join(&key))
            }),
        };
        let registry = config.registry();
        let entries = file.recognizer.iter().map(Spanned::get_ref);
        model::check(&registry, &config.recognizers, entries)
            .map_err(|(offset, message)| fail(offset, message))?;
        for (label, table) in file.label {
            let (at, label) = (label.span().start, label.into_inner());
            if !registry.labels().any(|known| known == label) {
                let known = registry.labels().collect::<Vec<_>>().join(", ");
                return Err(fail(at, Error::UnknownLabel { label, known }.to_string()));
            }
            let rules = table
                .rules(&label, &registry)
                .map_err(|(at, message)| fail(at, format!("label {label}: {message}")))?;
            config.rules.insert(label, rules);
        }
        Ok(config)
    }

    /// The built-in recognizers followed by the user's.
    #[must_use]
    pub fn registry(&self) -> Registry {
        let user = self.recognizers.iter().cloned();
        let registry = user.fold(
            Registry::builtin(),
            |registry, recognizer| match recognizer {
                UserRecognizer::Pattern(pattern) => registry.with_patterns([pattern]),
                UserRecognizer::Gazetteer(gazetteer) => registry.with_gazetteer(gazetteer),
                UserRecognizer::Model(model) => registry.with(model.recognizers()),
            },
        );
        let rules = self.rules.iter();
        rules.fold(registry, |registry, (label, rules)| {
            registry.with_rules(label, rules.clone())
        })
    }

    /// [`Config::registry`] with the models behind it, each with a cache of at most so many bytes.
    ///
    /// # Errors
    /// [`Error::Usage`] for models that do not fit together, which [`Config::parse`] would have refused.
    pub fn models(&self, cache_bytes: usize) -> Result<Models> {
        let models = self.recognizers.iter().filter_map(UserRecognizer::model);
        Models::new(
            Arc::new(self.registry()),
            models.cloned().collect(),
            cache_bytes,
        )
        .map_err(|misfit| Error::Usage(misfit.message))
    }
}

impl UserRecognizer {
    fn model(&self) -> Option<&ModelRecognizer> {
        match self {
            Self::Model(model) => Some(model),
            _ => None,
        }
    }
}

/// Bytes from `512MB`, `2GB`, `1GiB` or a plain number.
///
/// # Errors
/// A message that names the value and the accepted units.
pub fn parse_size(size: &str) -> Result<usize, String> {
    let trimmed = size.trim();
    let digits = trimmed
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(trimmed.len());
    let unit: usize = match trimmed[digits..].trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kb" | "k" => 1_000,
        "mb" | "m" => 1_000_000,
        "gb" | "g" => 1_000_000_000,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        _ => 0,
    };
    trimmed[..digits]
        .parse::<usize>()
        .ok()
        .and_then(|n| n.checked_mul(unit))
        .filter(|&n| n > 0)
        .ok_or_else(|| format!("{size:?} is no size: write 512MB, 2GB, 1GiB or a number of bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        Config::parse(text, "spanql.toml").unwrap_err().to_string()
    }

    #[test]
    fn labels_that_differ_in_case_are_different() {
        let text = "[[recognizer]]\nlabel = 'email'\npattern = 'x'\n";
        let registry = Config::parse(text, "spanql.toml").unwrap().registry();
        for label in ["email", "EMAIL"] {
            assert!(registry.labels().any(|known| known == label), "{label}");
        }
    }

    #[test]
    fn errors_name_file_line_and_value() {
        let unknown = error("[[recognizer]]\nlabel = 'A'\npatern = 'x'\n");
        assert!(unknown.starts_with("spanql.toml:"), "{unknown}");
        assert!(unknown.contains("patern"), "{unknown}");
        let bad = error("memory = '1GB'\n[[recognizer]]\nlabel = 'A'\npattern = '(x'\n");
        assert!(
            bad.starts_with("spanql.toml:4:") && bad.contains("(x"),
            "{bad}"
        );
        let label = error("[[recognizer]]\nlabel = 'A,B'\npattern = 'x'\n");
        assert!(
            label.starts_with("spanql.toml:2:") && label.contains("A,B"),
            "{label}"
        );
        let score = error("[[recognizer]]\nlabel = 'A'\npattern = 'x'\nscore = 1.5\n");
        assert_eq!(
            score,
            "spanql.toml:4: score: 1.5 is no score: scores are from 0 to 1"
        );
        let memory = error("\nmemory = 'much'\n");
        assert!(
            memory.starts_with("spanql.toml:2:") && memory.contains("much"),
            "{memory}"
        );
    }

    #[test]
    fn a_pattern_knows_its_place_and_score() {
        let text = "memory = '1GB'\n\n[[recognizer]]\nlabel = 'A'\npattern = 'x'\nscore = 0.7\n";
        let registry = Config::parse(text, "conf/spanql.toml").unwrap().registry();
        let pattern = registry.recognizers().last().unwrap();
        assert_eq!(pattern.origin(), "conf/spanql.toml:3");
        assert_eq!((pattern.score(), pattern.description()), (0.7, "x"));
    }

    #[test]
    fn the_key_lies_beside_the_configuration() {
        let file = |path: &str| {
            let text = "redact_key_file = 'a/redact.key'";
            Config::parse(text, path).unwrap().redact_key_file.unwrap()
        };
        assert_eq!(file("spanql.toml"), Path::new("a/redact.key"));
        assert_eq!(
            file("/etc/spanql/spanql.toml"),
            Path::new("/etc/spanql/a/redact.key")
        );
    }

    #[test]
    fn sizes() {
        assert_eq!(parse_size("512MB"), Ok(512_000_000));
        assert_eq!(parse_size("1 GiB"), Ok(1 << 30));
        assert_eq!(parse_size("7"), Ok(7));
        for bad in ["", "GB", "-1", "1XB", "0", "99999999999GB"] {
            assert!(parse_size(bad).is_err(), "{bad}");
        }
    }
}
