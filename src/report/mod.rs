//! Reports: questions with a name, as SQL files with a header, and when they are due.
//!
//! Owns the header's grammar (`header.rs`), the parameters' types (`param.rs`), the stock reports of `queries/`, and
//! the check that a report gives the columns it declares. Of due reports it owns the schedules (`cron.rs`, `schedule.rs`),
//! the policies for missed runs (`missed.rs`, `due.rs`), what the store remembers (`state.rs`), where results lie (`outputs.rs`), and a
//! [`Scheduler`] over all of it (`scheduler.rs`, `event.rs`). Running a query is the session's, writing a result is
//! [`output`](crate::output)'s; waiting for the next due time is the caller's.
//!
//! A report is one SQL statement under a header of `--` comments:
//!
//! ```sql
//! -- question: Which domains are named most?
//! -- param: top int = 20  -- how many rows
//! -- column: domain      the domain, in lower case
//! -- column: mentions    how often it is named
//!
//! SELECT domain, count(*) AS mentions FROM … GROUP BY domain ORDER BY mentions DESC, domain LIMIT $top
//! ```
//!
//! The header is the run of comment lines at the top; it ends at the first other line, an empty one included.
//!
//! * `question:` once: what the report answers, one line.
//! * `param:` `NAME TYPE [= DEFAULT] [-- what it means]`; used in the SQL as `$NAME`. Without a default it must be
//!   given. The types are those of [`ParamType`]. A text default that begins or ends with a space, or holds ` -- `,
//!   stands in single quotes.
//! * `column:` `NAME what it means`, one for each column of the result, in order.
//! * `schedule:` at most once: when the report is due, five fields of cron and a time zone ([`Schedule`]).
//! * `missed:` at most once, with a schedule: what becomes of times that passed without a run ([`Missed`]), `once` where
//!   it is left out.
//! * `--` alone separates. Anything else in the header is an error, so that a misspelt key cannot pass for prose.
//!
//! The name of a report is its file name without `.sql`.
//!
//! With a schedule, the default of a `timestamp` may be `due`, `today` or `yesterday`, that of a `date` `today` or
//! `yesterday` ([`Moment`]): told by the scheduled time that the report is run for, not by when it is run. So a run
//! that was missed and is made up for gives the answer that it would have given, as far as the store still does. A
//! report with a schedule that is run by hand is run for its latest scheduled time.

mod cron;
mod due;
mod event;
mod header;
mod missed;
mod outputs;
mod param;
mod schedule;
mod scheduler;
mod state;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use arrow::datatypes::Schema;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use datafusion::common::ParamValues;
use datafusion::scalar::ScalarValue;

use crate::error::{Error, Result};
use crate::session::{Query, Session};
pub use due::MOST_RUNS;
pub use event::{Event, What};
pub use missed::Missed;
pub use param::{Moment, Param, ParamDefault, ParamType};
pub use schedule::Schedule;
pub use scheduler::{Clock, DueOptions, Scheduler};
pub use state::{Failure, State, Success};

/// A question in SQL, with its parameters and the columns of its answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// The file name without `.sql`.
    pub name: String,
    /// What it answers.
    pub question: String,
    /// Its parameters, in the order of the header.
    pub params: Vec<Param>,
    /// The columns of its result, in order.
    pub columns: Vec<Column>,
    /// When it is due; never, where there is none.
    pub schedule: Option<Schedule>,
    /// What becomes of scheduled times that passed without a run.
    pub missed: Missed,
    /// The whole file, so that lines in SQL errors are lines of the file.
    pub sql: String,
}

/// A column that a report declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name in the result.
    pub name: String,
    /// What it holds.
    pub meaning: String,
}

macro_rules! stock {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../queries/", $name, ".sql")))),*]
    };
}

/// The files of `queries/`, built in, so that a bare binary has them.
const STOCK: &[(&str, &str)] = stock![
    "contacts_per_source",
    "cooccurring_entities",
    "entities_by_day",
    "most_copied",
    "new_in_window",
    "top_domains",
    "top_hashtags",
];

impl Report {
    /// Checks the text of a report; `path` gives its name and the place in messages.
    ///
    /// # Errors
    /// [`Error::Config`] with the line of what the grammar refuses, of a `$name` that is not declared, or of a
    /// parameter that the SQL does not use.
    ///
    /// ```
    /// # use spanql::report::Report;
    /// let report = Report::parse(
    ///     "-- question: What is there?\n\
    ///      -- param: top int = 5  -- how many rows\n\
    ///      -- column: text  the text\n\
    ///      SELECT text FROM documents ORDER BY doc_id LIMIT $top",
    ///     "queries/sample.sql",
    /// )?;
    /// assert_eq!(report.name, "sample");
    /// assert_eq!(report.params[0].name, "top");
    /// # Ok::<(), spanql::Error>(())
    /// ```
    pub fn parse(text: &str, path: impl AsRef<Path>) -> Result<Self> {
        header::parse(text, path.as_ref())
    }

    /// The reports that come with SpanQL, by name.
    #[must_use]
    pub fn stock() -> &'static [Self] {
        static REPORTS: LazyLock<Vec<Report>> = LazyLock::new(|| {
            let parse = |&(name, text): &(&str, &str)| {
                Report::parse(text, format!("queries/{name}.sql"))
                    .expect("a test parses every stock report")
            };
            STOCK.iter().map(parse).collect()
        });
        &REPORTS
    }

    /// The report of this name: `NAME.sql` in the folder if it is there, otherwise the stock report.
    ///
    /// # Errors
    /// [`Error::Usage`] with the known names where there is none; otherwise as [`Report::parse`].
    pub fn find(name: &str, queries: Option<&Path>) -> Result<Self> {
        let files = queries.map(files).transpose()?.unwrap_or_default();
        if let Some(path) = files.get(name) {
            return Self::read(path);
        }
        let stock = Self::stock().iter();
        if let Some(report) = stock.clone().find(|report| report.name == name) {
            return Ok(report.clone());
        }
        let mut known: Vec<&str> = stock
            .map(|r| r.name.as_str())
            .chain(files.keys().map(|n| n.as_str()))
            .collect();
        known.sort_unstable();
        known.dedup();
        Err(Error::Usage(format!(
            "no report {name:?}: the reports are {}",
            known.join(", ")
        )))
    }

    /// All reports by name: the stock ones, and those of the folder, which go before stock ones of the same name.
    /// One that cannot be read does not hide the others.
    ///
    /// # Errors
    /// [`Error::Io`] where the folder cannot be read.
    pub fn all(queries: Option<&Path>) -> Result<BTreeMap<String, Result<Self>>> {
        let mut all: BTreeMap<_, _> = Self::stock()
            .iter()
            .map(|report| (report.name.clone(), Ok(report.clone())))
            .collect();
        for (name, path) in queries.map(files).transpose()?.unwrap_or_default() {
            all.insert(name, Self::read(&path));
        }
        Ok(all)
    }

    /// Reads a report from its file.
    ///
    /// # Errors
    /// [`Error::Io`] where the file cannot be read; otherwise as [`Report::parse`].
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(Error::io(path))?;
        Self::parse(&text, path)
    }

    /// Whether the report has a parameter of this name.
    #[must_use]
    pub fn takes(&self, param: &str) -> bool {
        self.params.iter().any(|known| known.name == param)
    }

    /// Checks that parameters given to several reports are each taken by one of them.
    ///
    /// # Errors
    /// [`Error::Usage`] with the name that none takes.
    pub fn check_given<'a>(
        reports: impl IntoIterator<Item = &'a Self> + Clone,
        given: &BTreeMap<String, String>,
    ) -> Result<()> {
        let taken = |name: &String| reports.clone().into_iter().any(|report| report.takes(name));
        match given.keys().find(|name| !taken(name)) {
            None => Ok(()),
            Some(unknown) => {
                let mut reports = reports.clone().into_iter();
                Err(Error::Usage(match (reports.next(), reports.next()) {
                    (Some(one), None) => {
                        format!(
                            "report {}: no parameter {unknown:?}: {}",
                            one.name,
                            one.usage()
                        )
                    }
                    _ => format!("none of these reports has a parameter {unknown:?}"),
                }))
            }
        }
    }

    /// The values of all parameters: the given ones, read as their types, and the defaults of the others, for the latest
    /// scheduled time if the report has a schedule.
    ///
    /// # Errors
    /// [`Error::Usage`] where a name is unknown, a value is not of its type, or one without default is missing; the
    /// message lists the parameters.
    pub fn bind(&self, given: &BTreeMap<String, String>) -> Result<ParamValues> {
        let latest = |schedule: &Schedule| schedule.latest(Utc::now());
        self.bind_due(given, self.schedule.as_ref().and_then(latest))
    }

    /// As [`Report::bind`], for this scheduled time.
    ///
    /// # Errors
    /// As [`Report::bind`]; also where a default hangs on a scheduled time and there is none.
    ///
    /// ```
    /// # use datafusion::scalar::ScalarValue;
    /// # use spanql::report::Report;
    /// let report = Report::parse(
    ///     "-- question: What came in on the day before?\n\
    ///      -- schedule: 30 6 * * * Asia/Shanghai\n\
    ///      -- param: since timestamp = yesterday\n\
    ///      -- param: until timestamp = today\n\
    ///      -- column: documents  how many\n\
    ///      SELECT count(*) AS documents FROM documents WHERE ts >= $since AND ts < $until",
    ///     "daily.sql",
    /// )?;
    /// let now = "2026-11-25T09:00:00+08:00".parse::<chrono::DateTime<chrono::Utc>>()?;
    /// let due = report.schedule.as_ref().and_then(|schedule| schedule.latest(now));
    /// let values = report.bind_due(&Default::default(), due)?;
    /// let until = values.get_placeholders_with_values("$until")?.value;
    /// let midnight = "2026-11-25T00:00:00+08:00".parse::<chrono::DateTime<chrono::Utc>>()?;
    /// let micros = Some(midnight.timestamp_micros());
    /// assert_eq!(until, ScalarValue::TimestampMicrosecond(micros, Some("UTC".into())));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn bind_due(
        &self,
        given: &BTreeMap<String, String>,
        due: Option<DateTime<Tz>>,
    ) -> Result<ParamValues> {
        let fail =
            |what: String| Error::Usage(format!("report {}: {what}: {}", self.name, self.usage()));
        Self::check_given([self], given)?;
        let value = |param: &Param| match (given.get(&param.name), &param.default) {
            (Some(text), _) => param
                .kind
                .value(text)
                .map_err(|e| fail(format!("{}: {e}", param.name))),
            (None, Some(ParamDefault::Value(value))) => Ok(value.clone()),
            (None, Some(ParamDefault::Moment(moment))) => due
                .and_then(|due| moment.value(param.kind, due))
                .ok_or_else(|| fail(format!("{}: no scheduled time tells it", param.name))),
            (None, None) => Err(fail(format!("parameter {:?} must be given", param.name))),
        };
        let values = self
            .params
            .iter()
            .map(|param| Ok((param.name.clone(), value(param)?)));
        Ok(ParamValues::from(
            values.collect::<Result<Vec<(String, ScalarValue)>>>()?,
        ))
    }

    /// Plans the report on a session's store.
    ///
    /// # Errors
    /// As [`Report::bind`], [`Session::sql`] and [`Report::check_columns`].
    pub async fn query(
        &self,
        session: &Session,
        given: &BTreeMap<String, String>,
    ) -> Result<Query> {
        self.plan(session, self.bind(given)?).await
    }

    /// As [`Report::query`], for this scheduled time.
    ///
    /// # Errors
    /// As [`Report::bind_due`], [`Session::sql`] and [`Report::check_columns`].
    pub async fn query_due(
        &self,
        session: &Session,
        given: &BTreeMap<String, String>,
        due: DateTime<Tz>,
    ) -> Result<Query> {
        self.plan(session, self.bind_due(given, Some(due))?).await
    }

    async fn plan(&self, session: &Session, values: ParamValues) -> Result<Query> {
        let query = session.sql(&self.sql, values).await?;
        self.check_columns(&query.schema())?;
        Ok(query)
    }

    /// Whether a result has the columns that the header declares.
    ///
    /// # Errors
    /// [`Error::Usage`] with both lists.
    pub fn check_columns(&self, schema: &Schema) -> Result<()> {
        let declared: Vec<&str> = self
            .columns
            .iter()
            .map(|column| column.name.as_str())
            .collect();
        let given: Vec<&str> = schema
            .fields()
            .iter()
            .map(|field| field.name().as_str())
            .collect();
        if declared == given {
            return Ok(());
        }
        Err(Error::Usage(format!(
            "report {}: the header declares the columns {}, the query gives {}",
            self.name,
            declared.join(", "),
            given.join(", ")
        )))
    }

    fn usage(&self) -> String {
        let params: Vec<String> = self.params.iter().map(Param::to_string).collect();
        match params.len() {
            0 => "it takes no parameters".to_string(),
            _ => format!("its parameters are {}", params.join("; ")),
        }
    }
}

/// The `*.sql` files of a folder by report name.
fn files(folder: &Path) -> Result<BTreeMap<String, PathBuf>> {
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(folder).map_err(Error::io(folder))? {
        let path = entry.map_err(Error::io(folder))?.path();
        if path.extension().is_some_and(|extension| extension == "sql")
            && let Some(name) = path.file_stem()
        {
            files.insert(name.to_string_lossy().into_owned(), path.clone());
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use arrow::datatypes::{DataType, Field};

    use super::*;

    fn given(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs
            .iter()
            .map(|(k, v)| (k.to_string(), v.to_string()))
            .collect()
    }

    #[test]
    fn stock_is_the_folder() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("queries");
        let in_folder: Vec<String> = files(&folder).unwrap().into_keys().collect();
        let built_in: Vec<&str> = STOCK.iter().map(|(name, _)| *name).collect();
        assert_eq!(in_folder, built_in);
        assert_eq!(Report::stock().len(), STOCK.len());
    }

    #[test]
    fn every_stock_report_runs_without_arguments() {
        for report in Report::stock() {
            report.bind(&given(&[])).unwrap();
        }
    }

    fn sample() -> Report {
        Report::parse(
            "-- question: q?\n-- param: day date\n-- param: top int = 5 -- rows\n-- column: a  first\n\
             SELECT $day AS a LIMIT $top",
            "sample.sql",
        )
        .unwrap()
    }

    #[test]
    fn binding() {
        let report = sample();
        let values = report.bind(&given(&[("day", "2026-11-22")])).unwrap();
        let top = values.get_placeholders_with_values("$top").unwrap().value;
        assert_eq!(top, ScalarValue::Int64(Some(5)));
        let day = values.get_placeholders_with_values("$day").unwrap().value;
        assert_eq!(day, ScalarValue::Date32(Some(20_779)));

        let message = |pairs: &[(&str, &str)]| {
            let error = report.bind(&given(pairs)).unwrap_err();
            assert!(matches!(error, Error::Usage(_)));
            error.to_string()
        };
        let missing = message(&[("top", "3")]);
        assert!(
            missing.contains("\"day\" must be given") && missing.contains("top int = 5"),
            "{missing}"
        );
        let unknown = message(&[("day", "2026-11-22"), ("tpo", "3")]);
        assert!(
            unknown.contains("no parameter \"tpo\"") && unknown.contains("day date"),
            "{unknown}"
        );
        let bad = message(&[("day", "22.11.2026")]);
        assert!(
            bad.contains("22.11.2026") && bad.contains("2026-11-22"),
            "{bad}"
        );
    }

    #[test]
    fn declared_columns_are_checked_in_order() {
        let schema = |names: &[&str]| {
            Schema::new(
                names
                    .iter()
                    .map(|n| Field::new(*n, DataType::Int64, true))
                    .collect::<Vec<_>>(),
            )
        };
        let report = sample();
        report.check_columns(&schema(&["a"])).unwrap();
        for wrong in [&["b"][..], &["a", "b"], &[]] {
            let error = report
                .check_columns(&schema(wrong))
                .unwrap_err()
                .to_string();
            assert!(error.contains("declares the columns a, "), "{error}");
        }
    }

    #[test]
    fn a_folder_adds_and_replaces_and_one_bad_file_hides_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let own = "-- question: Own?\n-- column: one  1\nSELECT 1 AS one";
        fs::write(folder.path().join("own.sql"), own).unwrap();
        fs::write(folder.path().join("top_domains.sql"), own).unwrap();
        fs::write(folder.path().join("broken.sql"), "SELECT 1").unwrap();
        fs::write(folder.path().join("notes.txt"), "no report").unwrap();
        let all = Report::all(Some(folder.path())).unwrap();
        assert_eq!(all.len(), STOCK.len() + 2);
        assert!(all["broken"].is_err());
        assert_eq!(all["top_domains"].as_ref().unwrap().question, "Own?");
        assert_eq!(
            Report::find("own", Some(folder.path()))
                .unwrap()
                .columns
                .len(),
            1
        );
        assert_eq!(
            Report::find("top_hashtags", Some(folder.path()))
                .unwrap()
                .name,
            "top_hashtags"
        );
        let error = Report::find("nosuch", Some(folder.path()))
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("nosuch") && error.contains("own") && error.contains("top_hashtags"),
            "{error}"
        );
        assert!(matches!(
            Report::find("x", Some(Path::new("absent"))),
            Err(Error::Io { .. })
        ));
    }
}
