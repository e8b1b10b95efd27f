//! `spanql.toml`: the user's recognizers, what labels are weighed by, the store, the memory limit, the redaction key.
//!
//! Unknown keys, bad patterns and lists that cannot be read are refused with file and line, because a misspelt key that
//! is silently ignored looks exactly like a recognizer that finds nothing. What a pattern *means* is
//! `recognize/pattern.rs`, what a list means `recognize/gazetteer/`.

mod label;
mod list_file;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;

use crate::error::{Error, Result};
use crate::recognize::{Folding, Gazetteer, Pattern, Registry, Rules};

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
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    store: Option<PathBuf>,
    memory: Option<Spanned<String>>,
    redact_key_file: Option<PathBuf>,
    #[serde(default)]
    recognizer: Vec<Spanned<Entry>>,
    #[serde(default)]
    label: BTreeMap<Spanned<String>, label::Table>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    label: Spanned<String>,
    pattern: Option<Spanned<String>>,
    group: Option<Spanned<usize>>,
    gazetteer: Option<Spanned<PathBuf>>,
    ignore_case: Option<Spanned<bool>>,
    ignore_width: Option<Spanned<bool>>,
    score: Option<Spanned<f32>>,
}

impl Config {
    /// Reads `path`, or `spanql.toml` in the working directory if there is one, or gives the defaults.
    ///
    /// # Errors
    /// [`Error::Io`] where a named file cannot be read; otherwise as [`Config::parse`].
    pub fn load(path: Option<&Path>) -> Result<Self> {
        let path = match path {
            Some(path) => path,
            None if Path::new(FILE_NAME).exists() => Path::new(FILE_NAME),
            None => return Ok(Self::default()),
        };
        let text = std::fs::read_to_string(path).map_err(Error::io(path))?;
        Self::parse(&text, path)
    }

    /// Checks the text of a configuration and reads the lists that it names; relative ones are beside `path`.
    ///
    /// A list of more than 64 KB is compiled once: the compiled form is kept beside it, in `.LIST.*.spanql-gaz`. Where
    /// it cannot be written, each call compiles anew, and a warning is logged; so it is where lines are skipped.
    ///
    /// # Errors
    /// [`Error::Config`] with the line of an unknown key, a bad label, a pattern that does not compile, a list that
    /// cannot be read or has no phrase, a score or a memory size that is none, context that cannot count, or a table for
    /// a label that no recognizer has.
    pub fn parse(text: &str, path: impl AsRef<Path>) -> Result<Self> {
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
        for entry in &file.recognizer {
            let origin = format!("{}:{}", path.display(), line(entry.span().start));
            let made = entry.get_ref().recognizer(path, &origin);
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
            },
        );
        let rules = self.rules.iter();
        rules.fold(registry, |registry, (label, rules)| {
            registry.with_rules(label, rules.clone())
        })
    }
}

impl Entry {
    /// Makes it, or says at which byte of the configuration at `config` what is wrong.
    fn recognizer(&self, config: &Path, origin: &str) -> Result<UserRecognizer, (usize, String)> {
        let label = self.label.get_ref();
        check_label(label).map_err(|message| (self.label.span().start, message))?;
        match (&self.pattern, &self.gazetteer) {
            (Some(pattern), None) => {
                for (key, flag) in [
                    ("ignore_case", &self.ignore_case),
                    ("ignore_width", &self.ignore_width),
                ] {
                    if let Some(flag) = flag {
                        let message = format!(
                            "`{key}` is for gazetteers: a pattern ignores case after (?i) and names the characters that it wants"
                        );
                        return Err((flag.span().start, message));
                    }
                }
                let group = self.group.as_ref().map_or(0, |group| *group.get_ref());
                let pattern = Pattern::new(label, pattern.get_ref(), group)
                    .map_err(|e| (pattern.span().start, e.to_string()))?
                    .with_origin(origin);
                self.scored(pattern, Pattern::with_score)
                    .map(UserRecognizer::Pattern)
            }
            (None, Some(list)) => {
                if let Some(group) = &self.group {
                    let message = "`group` is for patterns: a gazetteer finds whole phrases";
                    return Err((group.span().start, message.to_string()));
                }
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
            (Some(_), Some(list)) => {
                let message = "a recognizer has a `pattern` or a `gazetteer`, not both: write two under one label";
                Err((list.span().start, message.to_string()))
            }
            (None, None) => {
                let message = format!("{label} has neither a `pattern` nor a `gazetteer`");
                Err((self.label.span().start, message))
            }
        }
    }

    /// `made` with the score that is written, if one is.
    fn scored<R>(
        &self,
        made: R,
        with_score: fn(R, f32) -> Result<R, String>,
    ) -> Result<R, (usize, String)> {
        match &self.score {
            None => Ok(made),
            Some(score) => with_score(made, *score.get_ref())
                .map_err(|e| (score.span().start, format!("score: {e}"))),
        }
    }
}

/// Labels are written in comma-separated lists inside SQL strings, hence no commas, spaces or quotes.
fn check_label(label: &str) -> Result<(), String> {
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
    use crate::recognize::Recognizer;

    fn error(text: &str) -> String {
        Config::parse(text, "spanql.toml").unwrap_err().to_string()
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
            ("", 2, "neither"),
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
