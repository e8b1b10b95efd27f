//! What due runs have to tell.

use std::fmt;
use std::path::PathBuf;

use chrono::{DateTime, FixedOffset, SecondsFormat};

use super::{MOST_RUNS, Missed};
use crate::error::Error;

/// What happened, and with which report.
#[derive(Debug)]
pub struct Event {
    /// The report's name.
    pub report: String,
    /// What happened.
    pub what: What,
}

/// What happened with a report.
#[derive(Debug)]
pub enum What {
    /// It ran for a scheduled time.
    Done {
        /// The scheduled time.
        due: DateTime<FixedOffset>,
        /// Where the result is.
        path: PathBuf,
        /// The rows of the result.
        rows: u64,
    },
    /// It did not; the next call tries again.
    Failed {
        /// The scheduled time; none where the report itself or its state cannot be read.
        due: Option<DateTime<FixedOffset>>,
        /// Why.
        error: Error,
    },
    /// The policy drops this scheduled time, and those before it.
    Dropped {
        /// The scheduled time.
        due: DateTime<FixedOffset>,
        /// The policy.
        missed: Missed,
    },
    /// This scheduled time and perhaps others are left for the next call.
    More {
        /// The scheduled time.
        due: DateTime<FixedOffset>,
    },
    /// Nothing is due since the clock stands before what is settled.
    ClockBehind {
        /// What is settled.
        settled: DateTime<FixedOffset>,
        /// The file that says so.
        state: PathBuf,
    },
    /// It ran, but what was to be removed after it is still there.
    NotSwept {
        /// Why.
        error: Error,
    },
}

impl What {
    /// Whether a run failed.
    #[must_use]
    pub fn is_failure(&self) -> bool {
        matches!(self, Self::Failed { .. })
    }
}

/// Without the report's name.
impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |time: &DateTime<FixedOffset>| time.to_rfc3339_opts(SecondsFormat::Secs, true);
        match self {
            Self::Done { due, path, rows } => {
                write!(f, "due {}: {rows} rows in {}", shown(due), path.display())
            }
            Self::Failed { due: None, error } => error.fmt(f),
            Self::Failed {
                due: Some(due),
                error,
            } => {
                write!(f, "due {}: {error}", shown(due))
            }
            Self::Dropped { due, missed } => write!(
                f,
                "due {}: dropped, since it is later than `missed: {missed}` allows",
                shown(due)
            ),
            Self::More { due } => write!(
                f,
                "{MOST_RUNS} missed runs made up for; those from {} on are left for the next call",
                shown(due)
            ),
            Self::ClockBehind { settled, state } => write!(
                f,
                "the clock was put back: times up to {} are settled, so that nothing is due before; if the clock was \
                 wrong then, delete {}",
                shown(settled),
                state.display()
            ),
            Self::NotSwept { error } => write!(f, "old results are not removed: {error}"),
        }
    }
}
