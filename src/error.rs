//! Everything that can go wrong, in words for the person who has to act on it.
//!
//! A message says what, where (file, line, byte), the offending value, and what to do. Sources are kept, so that a
//! caller can tell an I/O failure from a bad query. Records that cannot be read are no errors: they go to quarantine.

use std::path::{Path, PathBuf};
use std::time::Duration;

use datafusion::error::DataFusionError;

/// A result whose error is [`enum@Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Reading or writing a file failed.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },

    /// `spanql.toml`, or the header of a report, is wrong.
    #[error("{}:{line}: {message}", path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// 1-based line.
        line: usize,
        /// What is wrong with it and what to do.
        message: String,
    },

    /// A regular expression does not compile, or compiles to something unusable.
    #[error("pattern {pattern:?}: {message}")]
    Pattern {
        /// The pattern as written.
        pattern: String,
        /// Why it was refused.
        message: String,
    },

    /// A list of phrases that no gazetteer can be made of.
    #[error("{0}")]
    Gazetteer(String),

    /// A label that no recognizer of the registry has.
    #[error("unknown label {label:?}: the labels are {known}")]
    UnknownLabel {
        /// The label asked for.
        label: String,
        /// The labels there are, comma separated.
        known: String,
    },

    /// A name that no model has.
    #[error("unknown model {model:?}: {}", if known.is_empty() { "there are none; `model = …` in spanql.toml adds one".to_string() } else { format!("the models are {known}") })]
    UnknownModel {
        /// The name asked for.
        model: String,
        /// The names there are, comma separated.
        known: String,
    },

    /// A model failed, or cannot run.
    #[error("model {model}: {message}")]
    Model {
        /// Its name.
        model: String,
        /// What happened.
        message: String,
    },

    /// No store where one was expected.
    #[error("no store at {0}: make one with `spanql ingest PATHS… --store {0}`", path.display())]
    MissingStore {
        /// Where it was looked for.
        path: PathBuf,
    },

    /// Another process is at work that must be alone; nothing was started, and later it may go.
    #[error("{}: {what}{}; wait for its end", folder.display(), holder.as_ref().map(|h| format!(" ({h})")).unwrap_or_default())]
    Busy {
        /// The folder that it works in.
        folder: PathBuf,
        /// What it does.
        what: &'static str,
        /// Which process it is and since when, if that can be told.
        holder: Option<String>,
    },

    /// The caller asked for it to stop; nothing was changed.
    #[error("interrupted: nothing was changed")]
    Interrupted,

    /// A query took longer than it may.
    #[error("the query was stopped after {} s, its time limit: give it more, or ask for less", limit.as_secs_f64())]
    Timeout {
        /// How long it may take.
        limit: Duration,
    },

    /// The request itself makes no sense; nothing was started.
    #[error("{0}")]
    Usage(String),

    /// Planning or running a query failed.
    #[error("{}", query_message(.0))]
    Query(#[source] DataFusionError),
}

impl Error {
    /// Attaches a path to an I/O error: `fs::read(&p).map_err(Error::io(&p))`.
    pub fn io(path: impl AsRef<Path>) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Io {
            path: path.as_ref().to_path_buf(),
            source,
        }
    }
}

impl Error {
    /// Where in the statement the error is, if that is known: line and column, counted from 1.
    #[must_use]
    pub fn position(&self) -> Option<(u64, u64)> {
        let Self::Query(error) = self else {
            return None;
        };
        if let Some(span) = error.diagnostic().and_then(|diagnostic| diagnostic.span) {
            return Some((span.start.line, span.start.column));
        }
        // The parser says it in words alone.
        let DataFusionError::SQL(parser, _) = error.find_root() else {
            return None;
        };
        let words = parser.to_string();
        let (_, place) = words.rsplit_once(" at Line: ")?;
        let (line, column) = place.split_once(", Column: ")?;
        Some((line.parse().ok()?, column.parse().ok()?))
    }
}

/// DataFusion wraps errors in context and hints; the innermost message of ours is what the user needs.
fn query_message(error: &DataFusionError) -> String {
    match error.find_root() {
        DataFusionError::External(inner) => inner.to_string(),
        DataFusionError::ResourcesExhausted(words) => {
            let of_join = if words.contains("HashJoinInput") {
                "; in the shell or in Python, SET datafusion.optimizer.prefer_hash_join = false lets a join go to disk, more slowly"
            } else {
                ""
            };
            format!(
                "not enough memory within the limit: {}\nGive the query more (--memory-limit; memory_limit in Python), or \
                 ask for fewer labels, columns or documents at once{of_join}",
                words.trim_end()
            )
        }
        _ => error.strip_backtrace(),
    }
}

impl From<DataFusionError> for Error {
    fn from(error: DataFusionError) -> Self {
        match error {
            DataFusionError::External(inner) => match inner.downcast::<Self>() {
                Ok(own) => *own,
                Err(inner) => Self::Query(DataFusionError::External(inner)),
            },
            other => Self::Query(other),
        }
    }
}

impl From<Error> for DataFusionError {
    fn from(error: Error) -> Self {
        match error {
            Error::Query(inner) => inner,
            other => Self::External(Box::new(other)),
        }
    }
}

impl From<arrow::error::ArrowError> for Error {
    fn from(error: arrow::error::ArrowError) -> Self {
        Self::from(DataFusionError::from(error))
    }
}

impl From<parquet::errors::ParquetError> for Error {
    fn from(error: parquet::errors::ParquetError) -> Self {
        Self::from(DataFusionError::from(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_without_enough_memory_says_what_to_do() {
        let said = |words: &str| {
            let within = DataFusionError::ResourcesExhausted(words.into()).context("sorting");
            Error::from(within).to_string()
        };
        let groups = said("no room for GroupedHashAggregateStream");
        assert!(groups.contains("no room for GroupedHash"), "{groups}");
        assert!(groups.contains("--memory-limit"), "{groups}");
        assert!(!groups.contains("join"), "{groups}");
        let join = said("no room for HashJoinInput[0]");
        assert!(join.contains("prefer_hash_join = false"), "{join}");
    }
}
