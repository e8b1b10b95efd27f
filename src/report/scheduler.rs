//! Runs the reports that are due, one process at a time.
//!
//! Owns the lock, the order of what is written (result, `latest`, state), and what is told. Which times are due is `due.rs`;
//! when to ask again is the caller's.
//!
//! A kill between two of the writes leaves a run to be made again, under the same name: the state, written last, is what
//! makes it a success.

use std::collections::BTreeMap;
use std::fmt;
use std::hash::Hasher;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use chrono::{DateTime, FixedOffset, SecondsFormat, TimeDelta, Utc};
use chrono_tz::Tz;
use twox_hash::XxHash64;

use super::due::{Note, Turn};
use super::outputs::Outputs;
use super::state::{StateFile, Success};
use super::{MOST_RUNS, Missed, Report, Schedule};
use crate::error::{Error, Result};
use crate::output::{Format, write_file};
use crate::session::{Session, SessionOptions, no_store};
use crate::store::{Lock, Store};

/// Which reports are run when they are due, and where their results go.
#[derive(Debug, Clone)]
pub struct DueOptions {
    /// The session that they run in; it needs a store.
    pub session: SessionOptions,
    /// The reports; all that have a schedule where none is named.
    pub names: Vec<String>,
    /// The folder of one's own reports.
    pub queries: Option<PathBuf>,
    /// Parameters for the reports that have them.
    pub params: BTreeMap<String, String>,
    /// How results are written.
    pub format: Format,
    /// Where: `OUTPUT/NAME/TIME.FORMAT`.
    pub output: PathBuf,
    /// So many results of each report stay; all, where it is not set.
    pub keep: Option<NonZeroUsize>,
    /// How long a time that failed is left alone.
    pub patience: TimeDelta,
}

/// Tells what time it is.
pub type Clock = Box<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// What happened with a report.
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

/// Runs what is due in one store. Two of one store cannot be open at a time, in whatever process.
pub struct Scheduler {
    options: DueOptions,
    store: Store,
    clock: Clock,
    _lock: Lock,
}

impl fmt::Debug for Scheduler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scheduler")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl Scheduler {
    /// Takes the store's lock for due reports, and keeps it until the scheduler is dropped.
    ///
    /// # Errors
    /// [`Error::Busy`] while another scheduler has the lock; [`Error::Usage`] where there is no store, a report named is
    /// unknown or has no schedule, none has one, or none takes a parameter given; as [`Report::find`] and
    /// [`Config::load`](crate::Config::load).
    pub fn open(options: DueOptions, clock: Clock) -> Result<Self> {
        let store = options.session.open_store()?.ok_or_else(no_store)?;
        let reports = scheduled(&options)?;
        let mut fine = Vec::new();
        for report in reports.values() {
            match report {
                Ok((report, _)) => fine.push(report),
                // A name that does not exist is the caller's error; a file that cannot be read is told when it is its turn.
                Err(Error::Usage(message)) => return Err(Error::Usage(message.clone())),
                Err(_) => {}
            }
        }
        if reports.is_empty() {
            return Err(Error::Usage(
                "no report has a schedule: add `-- schedule: 30 6 * * 1-5 Asia/Shanghai` to one of yours, and name its \
                 folder with --queries"
                    .into(),
            ));
        }
        Report::check_given(fine, &options.params)?;
        let folder = store.schedule();
        std::fs::create_dir_all(&folder).map_err(Error::io(&folder))?;
        let lock = Lock::take(
            &folder,
            "another scheduler runs the due reports of this store",
        )?;
        Ok(Self {
            options,
            store,
            clock,
            _lock: lock,
        })
    }

    /// Runs what is due at the call's beginning, report by report; one that fails does not stop the others. Report files are
    /// read anew.
    ///
    /// # Errors
    /// As [`Report::all`]; what concerns one report is told.
    pub async fn run_due(&self, tell: &mut (dyn FnMut(Event) + Send)) -> Result<()> {
        let now = (self.clock)();
        let mut session = None;
        for (name, report) in scheduled(&self.options)? {
            let mut tell = |what| {
                tell(Event {
                    report: name.clone(),
                    what,
                });
            };
            let outcome = match report {
                Ok((report, schedule)) => {
                    self.turn(&report, &schedule, now, &mut session, &mut tell)
                        .await
                }
                Err(error) => Err(error),
            };
            if let Err(error) = outcome {
                tell(What::Failed { due: None, error });
            }
        }
        Ok(())
    }

    /// The next scheduled time of any report, with the report's name.
    ///
    /// # Errors
    /// As [`Report::all`].
    pub fn next(&self) -> Result<Option<(String, DateTime<Tz>)>> {
        let now = (self.clock)();
        let times = scheduled(&self.options)?
            .into_iter()
            .filter_map(|(name, report)| Some((name, report.ok()?.1.next_after(now)?)));
        Ok(times.min_by_key(|(_, time)| *time))
    }

    async fn turn(
        &self,
        report: &Report,
        schedule: &Schedule,
        now: DateTime<Utc>,
        session: &mut Option<Session>,
        tell: &mut (dyn FnMut(What) + Send),
    ) -> Result<()> {
        let file = StateFile::new(&self.store, &report.name);
        let path = file.path().to_path_buf();
        let mut turn = Turn::begin(file, schedule, report.missed, now, self.options.patience)?;
        while let Some(due) = turn.next() {
            match self.run(report, due, session).await {
                Ok(success) => {
                    let done = What::Done {
                        due: success.due,
                        path: success.path.clone(),
                        rows: success.rows,
                    };
                    turn.succeeded(success)?;
                    tell(done);
                    let outputs = self.outputs(report);
                    if let Err(error) = outputs.and_then(|o| o.sweep(self.options.keep)) {
                        tell(What::NotSwept { error });
                    }
                }
                Err(error) => {
                    turn.failed(due, (self.clock)(), error.to_string())?;
                    tell(What::Failed {
                        due: Some(due.fixed_offset()),
                        error,
                    });
                }
            }
        }
        match turn.note {
            Some(Note::ClockBehind) => tell(What::ClockBehind {
                settled: turn.state.settled,
                state: path,
            }),
            Some(Note::Dropped(due)) => tell(What::Dropped {
                due: due.fixed_offset(),
                missed: report.missed,
            }),
            Some(Note::More(due)) => tell(What::More {
                due: due.fixed_offset(),
            }),
            None => {}
        }
        Ok(())
    }

    async fn run(
        &self,
        report: &Report,
        due: DateTime<Tz>,
        session: &mut Option<Session>,
    ) -> Result<Success> {
        let outputs = self.outputs(report)?;
        let session = match session {
            Some(session) => session,
            None => session.insert(Session::open(self.options.session.clone()).await?),
        };
        let mut given = self.options.params.clone();
        given.retain(|name, _| report.takes(name));
        let query = report.query_due(session, &given, due).await?;
        let path = outputs.path(&due);
        let rows = write_file(query.stream().await?, self.options.format, &path).await?;
        outputs.switch_latest(&path)?;
        Ok(Success {
            due: due.fixed_offset(),
            finished: (self.clock)().with_timezone(&due.timezone()).fixed_offset(),
            rows,
            path,
            report: fingerprint(report, &given),
            recognizers: session.registry().fingerprint(),
        })
    }

    fn outputs(&self, report: &Report) -> Result<Outputs> {
        Outputs::of(&self.options.output, &report.name, self.options.format)
    }
}

type Scheduled = (Report, Schedule);

/// The reports that the options name, with their schedules; what is wrong with one does not hide the others.
fn scheduled(options: &DueOptions) -> Result<BTreeMap<String, Result<Scheduled>>> {
    let queries = options.queries.as_deref();
    let with_schedule = |report: Report| {
        let schedule = report.schedule.clone()?;
        Some((report, schedule))
    };
    if options.names.is_empty() {
        let all = Report::all(queries)?.into_iter();
        let scheduled = all.filter_map(|(name, report)| {
            let scheduled = report.map(with_schedule).transpose()?;
            Some((name, scheduled))
        });
        return Ok(scheduled.collect());
    }
    let named = options.names.iter().map(|name| {
        let without = || {
            Error::Usage(format!(
                "report {name} has no schedule: add `-- schedule: 30 6 * * 1-5 Asia/Shanghai` to its header"
            ))
        };
        let report = Report::find(name, queries);
        let scheduled = report.and_then(|report| with_schedule(report).ok_or_else(without));
        (name.clone(), scheduled)
    });
    Ok(named.collect())
}

/// Tells reports and given parameters apart, as [`Registry::fingerprint`](crate::recognize::Registry::fingerprint) does
/// recognizers.
fn fingerprint(report: &Report, given: &BTreeMap<String, String>) -> String {
    let mut hasher = XxHash64::with_seed(0);
    let given = given.iter().flat_map(|(name, value)| [name, value]);
    for part in std::iter::once(&report.sql).chain(given) {
        hasher.write(&(part.len() as u64).to_le_bytes());
        hasher.write(part.as_bytes());
    }
    format!("{:016x}", hasher.finish())
}
