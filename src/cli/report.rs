//! `spanql report`: lists the reports, runs some of them, or runs those that are due.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use chrono::{TimeDelta, Utc};

use super::engine::Engine;
use super::sql::split_param;
use super::{Outcome, complain, default_format, format_parser, print};
use crate::error::{Error, Result};
use crate::output::{self, Format};
use crate::report::{DueOptions, Event, Report, Scheduler, State, What};
use crate::session::{Session, no_store};
use crate::store::Store;

/// Run reports, or list them with their questions, parameters and schedules
///
/// Without a name the reports are listed. Several run in turn, and one that fails does not stop the others.
#[derive(clap::Args)]
#[command(after_help = HELP)]
pub(super) struct Args {
    #[command(flatten)]
    selection: Selection,
    /// Run all reports
    #[arg(long, conflicts_with = "names")]
    all: bool,
    /// Run the reports whose schedule says so, each once for what was missed since it last succeeded; without names, all
    /// that have a schedule
    #[arg(long, requires = "output", conflicts_with = "all")]
    due: bool,
    /// Write each report to DIR/NAME.FORMAT, each file appearing when it is complete; with --due to DIR/NAME/TIME.FORMAT,
    /// and DIR/NAME/latest.FORMAT is the last one
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// With --due: keep the N latest results of each report and remove older ones [default: keep all]
    #[arg(long, value_name = "N", requires = "due")]
    keep: Option<NonZeroUsize>,
}

/// Which reports, with what, and how they are written; `schedule` has the same.
#[derive(clap::Args)]
pub(super) struct Selection {
    /// The reports to run
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    #[command(flatten)]
    pub(super) engine: Engine,
    /// Parameter of the report; with several reports, of those that have it; can be repeated
    #[arg(long = "param", value_name = "NAME=VALUE", value_parser = split_param)]
    params: Vec<(String, String)>,
    /// Folder of your own reports, *.sql; one with a stock report's name replaces it
    #[arg(long, value_name = "DIR")]
    queries: Option<PathBuf>,
    /// How results are written [default: json; a table where stdout is a terminal]
    #[arg(long, value_name = "FORMAT", value_parser = format_parser())]
    format: Option<Format>,
}

impl Selection {
    fn given(&self) -> Result<BTreeMap<String, String>> {
        let mut given = BTreeMap::new();
        for (name, value) in &self.params {
            if given.insert(name.clone(), value.clone()).is_some() {
                return Err(Error::Usage(format!("parameter {name:?} is given twice")));
            }
        }
        Ok(given)
    }

    fn reports(&self, all: bool) -> Result<Vec<Report>> {
        let queries = self.queries.as_deref();
        if all {
            return Report::all(queries)?.into_values().collect();
        }
        self.names
            .iter()
            .map(|name| Report::find(name, queries))
            .collect()
    }

    /// The same for due runs; a time that failed is left alone for `patience`.
    pub(super) fn due(
        self,
        output: PathBuf,
        keep: Option<NonZeroUsize>,
        patience: TimeDelta,
    ) -> Result<DueOptions> {
        Ok(DueOptions {
            params: self.given()?,
            session: self.engine.options(),
            names: self.names,
            queries: self.queries,
            format: self.format.unwrap_or(Format::Json),
            output,
            keep,
            patience,
        })
    }
}

const HELP: &str = "\
Examples:
  spanql report
  spanql report top_domains --store S --param top=5
  spanql report --all --store S -o reports/
  spanql report new_in_window --store S --param days=1 --format csv > new.csv
  spanql report my_report --store S --queries my_queries/
  spanql report --due --store S --queries my_queries/ -o reports/

Exit codes of --due: 0 all that was due ran, or nothing was due; 1 some failed, and the next call
tries them again; 2 usage; 75 another scheduler runs the due reports of this store.";

pub(super) fn run(args: Args) -> Result<Outcome> {
    let selection = args.selection;
    if let (true, Some(output)) = (args.due, &args.output) {
        return due(selection, output.clone(), args.keep);
    }
    let given = selection.given()?;
    if selection.names.is_empty() && !args.all {
        return list(&selection);
    }
    let reports = selection.reports(args.all)?;
    Report::check_given(&reports, &given)?;
    let format = match (selection.format, &args.output) {
        (Some(format), _) => format,
        (None, Some(_)) => Format::Json,
        (None, None) => default_format(),
    };
    if reports.len() > 1
        && args.output.is_none()
        && matches!(format, Format::Csv | Format::Parquet | Format::Arrow)
    {
        return Err(Error::Usage(format!(
            "several reports do not go into one {format} stream: give -o DIR"
        )));
    }
    if let Some(folder) = &args.output {
        std::fs::create_dir_all(folder).map_err(Error::io(folder))?;
    }
    let options = selection.engine.options();
    let folder = args.output;
    selection.engine.block_on(async move {
        let session = Session::open(options).await?;
        if session.store().is_none() {
            return Err(no_store());
        }
        let mut outcome = Outcome::Done;
        for report in &reports {
            let given = given.iter().filter(|(name, _)| report.takes(name));
            let given = given
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect();
            if let Err(error) = one(&session, report, &given, format, folder.as_deref()).await {
                // What is wrong with its parameters names it already.
                let (name, error) = (format!("report {}: ", report.name), error.to_string());
                let what = error.strip_prefix(&name).unwrap_or(&error);
                complain(format_args!("{name}{what}"));
                outcome = Outcome::Failed;
            }
        }
        Ok(outcome)
    })
}

async fn one(
    session: &Session,
    report: &Report,
    given: &BTreeMap<String, String>,
    format: Format,
    folder: Option<&Path>,
) -> Result<()> {
    let query = report.query(session, given).await?;
    let people = io::stderr().is_terminal();
    match folder {
        None => {
            if people {
                let _ = writeln!(io::stderr(), "{}: {}", report.name, report.question);
            }
            print(&query, format).await?;
        }
        Some(folder) => {
            let path = folder.join(format!("{}.{}", report.name, format.extension()));
            let rows = output::write_file(query.stream().await?, format, &path).await?;
            if people {
                let _ = writeln!(io::stderr(), "{}: {rows} rows", path.display());
            }
        }
    }
    Ok(())
}

fn due(selection: Selection, output: PathBuf, keep: Option<NonZeroUsize>) -> Result<Outcome> {
    let engine = selection.engine.clone();
    let options = selection.due(output, keep, TimeDelta::zero())?;
    let scheduler = Scheduler::open(options, Box::new(Utc::now))?;
    engine.block_on(async move {
        let people = io::stderr().is_terminal();
        let mut outcome = Outcome::Done;
        let tell = &mut |event: Event| {
            let Event { report, what } = event;
            match what {
                What::Failed { .. } => {
                    complain(format_args!("report {report}: {what}"));
                    outcome = Outcome::Failed;
                }
                What::Done { .. } if !people => {}
                _ => drop(writeln!(io::stderr(), "report {report}: {what}")),
            }
        };
        scheduler.run_due(tell).await?;
        Ok(outcome)
    })
}

fn list(selection: &Selection) -> Result<Outcome> {
    // Listing needs no store; one that is not there yet remembers nothing.
    let store = match selection.engine.options().open_store() {
        Err(Error::MissingStore { .. }) => None,
        store => store?,
    };
    let mut outcome = Outcome::Done;
    let mut text = String::new();
    for (name, report) in Report::all(selection.queries.as_deref())? {
        match report.and_then(|report| entry(&report, store.as_ref())) {
            Err(error) => {
                complain(format_args!("report {name}: {error}"));
                outcome = Outcome::Failed;
            }
            Ok(entry) => text += &entry,
        }
    }
    match io::stdout().write_all(text.as_bytes()) {
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => Err(Error::io(Path::new("output"))(e)),
        _ => Ok(outcome),
    }
}

fn entry(report: &Report, store: Option<&Store>) -> Result<String> {
    let columns: Vec<&str> = report.columns.iter().map(|c| c.name.as_str()).collect();
    let mut text = format!(
        "{}\n    {}\n    gives {}\n",
        report.name,
        report.question,
        columns.join(", ")
    );
    for param in &report.params {
        text += &format!("    --param {param}\n");
    }
    let Some(schedule) = &report.schedule else {
        return Ok(text);
    };
    text += &format!("    schedule {schedule}, missed {}", report.missed);
    if let Some(next) = schedule.next_after(Utc::now()) {
        text += &format!(", next {}", next.to_rfc3339());
    }
    text.push('\n');
    let state = match store {
        Some(store) => State::read(store, &report.name)?,
        None => None,
    };
    let Some(state) = state else {
        return Ok(text);
    };
    if let Some(success) = state.success {
        let path = success.path.display();
        text += &format!(
            "    last {}: {} rows in {path}\n",
            success.due.to_rfc3339(),
            success.rows
        );
    }
    if let Some(failure) = state.failure {
        let due = failure.due.to_rfc3339();
        text += &format!(
            "    failed {} × for {due}: {}\n",
            failure.attempts, failure.error
        );
    }
    Ok(text)
}
