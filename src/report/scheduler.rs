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

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use twox_hash::XxHash64;

use super::due::{Note, Turn};
use super::outputs::Outputs;
use super::state::{StateFile, Success};
use super::{Event, Report, Schedule, What};
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

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::sync::{Arc, Mutex};

    use super::*;

    /// A scheduler over a store without documents and one report `daily`, and the hand that sets its clock.
    fn scheduler(here: &Path, missed: &str) -> (Scheduler, impl Fn(&str)) {
        let (store, queries) = (here.join("store"), here.join("queries"));
        Store::create(&store).unwrap();
        fs::create_dir_all(&queries).unwrap();
        let report = format!(
            "-- question: q?\n-- schedule: 30 6 * * * Asia/Shanghai\n-- missed: {missed}\n-- param: day date = yesterday\n\
             -- column: day  d\nSELECT $day AS day"
        );
        fs::write(queries.join("daily.sql"), report).unwrap();
        let now = Arc::new(Mutex::new(DateTime::UNIX_EPOCH));
        let clock = Arc::clone(&now);
        let options = DueOptions {
            session: SessionOptions {
                store: Some(store),
                ..SessionOptions::default()
            },
            names: Vec::new(),
            queries: Some(queries),
            params: BTreeMap::new(),
            format: Format::Ndjson,
            output: here.join("out"),
            keep: None,
            patience: TimeDelta::minutes(5),
        };
        let scheduler = Scheduler::open(options, Box::new(move || *clock.lock().unwrap())).unwrap();
        (scheduler, move |time: &str| {
            *now.lock().unwrap() = format!("{time}:00+08:00").parse().unwrap();
        })
    }

    async fn told(scheduler: &Scheduler) -> Vec<String> {
        let mut told = Vec::new();
        let tell = &mut |event: Event| told.push(format!("{} {}", event.report, event.what));
        scheduler.run_due(tell).await.unwrap();
        told
    }

    fn results(here: &Path) -> Vec<(String, String)> {
        let mut results: Vec<_> = fs::read_dir(here.join("out/daily"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .map(|path| {
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                (name, fs::read_to_string(path).unwrap())
            })
            .collect();
        results.sort();
        results
    }

    #[tokio::test]
    async fn each_day_gets_its_own_answer_however_late() {
        let here = tempfile::tempdir().unwrap();
        let (scheduler, set) = scheduler(here.path(), "all");
        set("2026-11-22T12:00");
        assert_eq!(told(&scheduler).await.len(), 1);
        let (name, next) = scheduler.next().unwrap().unwrap();
        assert_eq!(
            (name.as_str(), next.to_rfc3339().as_str()),
            ("daily", "2026-11-23T06:30:00+08:00")
        );
        set("2026-11-24T06:29");
        assert_eq!(told(&scheduler).await.len(), 1);
        set("2026-11-26T23:00");
        let said = told(&scheduler).await;
        assert_eq!(said.len(), 3);
        assert!(
            said[0].starts_with("daily due 2026-11-24T06:30:00+08:00: 1 rows in "),
            "{said:?}"
        );
        assert_eq!(told(&scheduler).await, [""; 0]);
        let expected: Vec<(String, String)> = (22..=26)
            .map(|day| {
                (
                    format!("2026-11-{day}T0630+0800.ndjson"),
                    format!("{{\"day\":\"2026-11-{}\"}}\n", day - 1),
                )
            })
            .chain([(
                "latest.ndjson".to_string(),
                "{\"day\":\"2026-11-25\"}\n".to_string(),
            )])
            .collect();
        assert_eq!(results(here.path()), expected);

        set("2026-11-26T06:00");
        let said = told(&scheduler).await;
        assert_eq!(said.len(), 1);
        assert!(
            said[0].starts_with("daily the clock was put back: "),
            "{said:?}"
        );
        assert_eq!(results(here.path()), expected);
    }

    #[tokio::test]
    async fn the_state_tells_what_ran_and_what_failed() {
        let here = tempfile::tempdir().unwrap();
        let (scheduler, set) = scheduler(here.path(), "once");
        let state = || {
            super::super::State::read(&scheduler.store, "daily")
                .unwrap()
                .unwrap()
        };
        set("2026-11-25T06:30");
        assert_eq!(told(&scheduler).await.len(), 1);
        let success = state().success.unwrap();
        assert_eq!(success.finished.to_rfc3339(), "2026-11-25T06:30:00+08:00");
        assert_eq!(
            success.path,
            here.path().join("out/daily/2026-11-25T0630+0800.ndjson")
        );

        // A file in the place of the folder: the result has nowhere to go.
        fs::remove_dir_all(here.path().join("out")).unwrap();
        fs::write(here.path().join("out"), "").unwrap();
        set("2026-11-26T07:00");
        let said = told(&scheduler).await;
        assert!(
            said[0].starts_with("daily due 2026-11-26T06:30:00+08:00: "),
            "{said:?}"
        );
        let failure = state().failure.unwrap();
        assert!(failure.error.contains("out"), "{}", failure.error);
        assert_eq!(state().success, Some(success));
        fs::remove_file(here.path().join("out")).unwrap();
        set("2026-11-26T07:04");
        assert_eq!(
            told(&scheduler).await,
            [""; 0],
            "it is left alone for five minutes"
        );
        set("2026-11-26T07:05");
        assert_eq!(told(&scheduler).await.len(), 1);
        assert_eq!(state().failure, None);

        // A changed report has another fingerprint, and waits for its next time.
        let path = here.path().join("queries/daily.sql");
        let text = fs::read_to_string(&path).unwrap();
        let fingerprint = state().success.unwrap().report;
        fs::write(&path, text.replace("SELECT $day AS", "SELECT $day  AS")).unwrap();
        assert_eq!(told(&scheduler).await, [""; 0]);
        set("2026-11-27T06:30");
        assert_eq!(told(&scheduler).await.len(), 1);
        assert_ne!(state().success.unwrap().report, fingerprint);
        // A second scheduler is refused while this one is there.
        let second = Scheduler::open(scheduler.options.clone(), Box::new(Utc::now));
        assert!(matches!(second, Err(Error::Busy { .. })));
    }
}
