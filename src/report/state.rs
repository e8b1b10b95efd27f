//! What a store remembers of a report's due runs: `STORE/schedule/NAME.json`.
//!
//! Owns the file. What follows from it, and when it changes, is `due.rs`; that one process at a time changes it is the
//! scheduler's lock.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use chrono::{DateTime, FixedOffset};
use serde::{Deserialize, Serialize};

use super::Schedule;
use crate::error::{Error, Result};
use crate::output;
use crate::store::Store;

/// What is known of a report's due runs. Times are RFC 3339 in the file, to the second, with the offset of the schedule's
/// zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// The schedule that the times are of, as [`Schedule`] displays it.
    pub schedule: String,
    /// Scheduled times up to this instant are done with: run, or dropped by the policy for missed runs.
    #[serde(with = "rfc3339")]
    pub settled: DateTime<FixedOffset>,
    /// The last run that succeeded.
    #[serde(default)]
    pub success: Option<Success>,
    /// The run that failed last, if none has succeeded since.
    #[serde(default)]
    pub failure: Option<Failure>,
}

/// A run that succeeded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Success {
    /// The scheduled time that it was for.
    #[serde(with = "rfc3339")]
    pub due: DateTime<FixedOffset>,
    /// When it ended.
    #[serde(with = "rfc3339")]
    pub finished: DateTime<FixedOffset>,
    /// The rows of the result.
    pub rows: u64,
    /// Where the result was written.
    pub path: PathBuf,
    /// The fingerprint of the report's file and the parameters given to it.
    pub report: String,
    /// The fingerprint of the recognizers ([`Registry::fingerprint`](crate::recognize::Registry::fingerprint)).
    pub recognizers: String,
}

/// A run that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The scheduled time that it was for.
    #[serde(with = "rfc3339")]
    pub due: DateTime<FixedOffset>,
    /// When it failed last.
    #[serde(with = "rfc3339")]
    pub at: DateTime<FixedOffset>,
    /// How often it failed for this scheduled time.
    pub attempts: u32,
    /// Why.
    pub error: String,
}

impl State {
    /// What a store knows of a report; none where it never was due there.
    ///
    /// # Errors
    /// [`Error::Config`] with the line where the file is no such state. It is not taken for absent, since runs would then
    /// be repeated.
    pub fn read(store: &Store, report: &str) -> Result<Option<Self>> {
        StateFile::new(store, report).load()
    }

    /// Whether it is of this schedule. The text tells, so that another zone is another schedule.
    pub(super) fn is_of(&self, schedule: &Schedule) -> bool {
        self.schedule == schedule.to_string()
    }
}

/// Where a report's state is kept.
pub(super) trait Ledger {
    fn load(&self) -> Result<Option<State>>;
    /// After it the state is kept whatever happens; if it fails, the earlier one may be.
    fn save(&self, state: &State) -> Result<()>;
}

/// A state in its store.
#[derive(Debug)]
pub(super) struct StateFile {
    path: PathBuf,
}

impl StateFile {
    pub(super) fn new(store: &Store, report: &str) -> Self {
        Self {
            path: store.schedule().join(format!("{report}.json")),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Ledger for StateFile {
    fn load(&self) -> Result<Option<State>> {
        let text = match fs::read_to_string(&self.path) {
            Ok(text) => text,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(Error::io(&self.path)(e)),
        };
        let state = serde_json::from_str(&text).map_err(|e| Error::Config {
            path: self.path.clone(),
            line: e.line().max(1),
            message: format!(
                "{e}: mend the file, or delete it to let the report's schedule begin anew"
            ),
        })?;
        Ok(Some(state))
    }

    fn save(&self, state: &State) -> Result<()> {
        let mut json =
            serde_json::to_vec_pretty(state).map_err(|e| Error::io(&self.path)(e.into()))?;
        json.push(b'\n');
        output::replace_file(&self.path, |mut file| file.write_all(&json))
    }
}

/// chrono's own serialisation is a feature that would compile arrow and DataFusion anew.
mod rfc3339 {
    use chrono::{DateTime, FixedOffset, SecondsFormat};
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(
        time: &DateTime<FixedOffset>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&time.to_rfc3339_opts(SecondsFormat::Secs, false))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<DateTime<FixedOffset>, D::Error> {
        let text = String::deserialize(deserializer)?;
        DateTime::parse_from_rfc3339(&text)
            .map_err(|e| D::Error::custom(format!("{text:?} is no RFC 3339 time: {e}")))
    }
}
