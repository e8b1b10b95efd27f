//! `spanql report`: lists the reports, or runs some of them.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use super::engine::Engine;
use super::sql::split_param;
use super::{Outcome, complain, default_format, format_parser, print};
use crate::error::{Error, Result};
use crate::output::{self, Format};
use crate::report::Report;
use crate::session::Session;

/// Run reports, or list them with their questions and parameters
///
/// Without a name the reports are listed. Several run in turn, and one that fails does not stop the others.
#[derive(clap::Args)]
#[command(after_help = HELP)]
pub(super) struct Args {
    /// The reports to run
    #[arg(value_name = "NAME", conflicts_with = "all")]
    names: Vec<String>,
    /// Run all reports
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    engine: Engine,
    /// Parameter of the report; with several reports, of those that have it; can be repeated
    #[arg(long = "param", value_name = "NAME=VALUE", value_parser = split_param)]
    params: Vec<(String, String)>,
    /// Folder of your own reports, *.sql; one with a stock report's name replaces it
    #[arg(long, value_name = "DIR")]
    queries: Option<PathBuf>,
    /// How results are written [default: json; a table where stdout is a terminal]
    #[arg(long, value_name = "FORMAT", value_parser = format_parser())]
    format: Option<Format>,
    /// Write each report to DIR/NAME.FORMAT, each file appearing when it is complete
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
}

const HELP: &str = "\
Examples:
  spanql report
  spanql report top_domains --store S --param top=5
  spanql report --all --store S -o reports/
  spanql report new_in_window --store S --param days=1 --format csv > new.csv
  spanql report my_report --store S --queries my_queries/";

pub(super) fn run(args: Args) -> Result<Outcome> {
    let mut given = BTreeMap::new();
    for (name, value) in &args.params {
        if given.insert(name.clone(), value.clone()).is_some() {
            return Err(Error::Usage(format!("parameter {name:?} is given twice")));
        }
    }
    if args.names.is_empty() && !args.all {
        return list(args.queries.as_deref());
    }
    let reports = selected(&args)?;
    if let Some(unknown) = given
        .keys()
        .find(|name| reports.iter().all(|r| !takes(r, name)))
    {
        // One report says itself what it takes.
        return match &reports[..] {
            [report] => report.bind(&given).map(|_| Outcome::Failed),
            _ => Err(Error::Usage(format!(
                "none of these reports has a parameter {unknown:?}"
            ))),
        };
    }
    let format = match (args.format, &args.output) {
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
    let options = args.engine.options();
    let folder = args.output;
    args.engine.block_on(async move {
        let session = Session::open(options).await?;
        if session.store().is_none() {
            return Err(Error::Usage(
                "no store: give --store DIR, or `store` in spanql.toml".into(),
            ));
        }
        let mut outcome = Outcome::Done;
        for report in &reports {
            let given = given.iter().filter(|(name, _)| takes(report, name));
            let given = given
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect();
            if let Err(error) = one(&session, report, &given, format, folder.as_deref()).await {
                complain(format_args!("report {}: {error}", report.name));
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
            let path = folder.join(format!("{}.{}", report.name, extension(format)));
            let rows = output::write_file(query.stream().await?, format, &path).await?;
            if people {
                let _ = writeln!(io::stderr(), "{}: {rows} rows", path.display());
            }
        }
    }
    Ok(())
}

fn selected(args: &Args) -> Result<Vec<Report>> {
    let queries = args.queries.as_deref();
    if args.all {
        return Report::all(queries)?.into_values().collect();
    }
    args.names
        .iter()
        .map(|name| Report::find(name, queries))
        .collect()
}

fn takes(report: &Report, name: &str) -> bool {
    report.params.iter().any(|param| param.name == name)
}

fn extension(format: Format) -> &'static str {
    match format {
        Format::Table | Format::Vertical => "txt",
        other => other.name(),
    }
}

fn list(queries: Option<&Path>) -> Result<Outcome> {
    let mut outcome = Outcome::Done;
    let mut text = String::new();
    for (name, report) in Report::all(queries)? {
        match report {
            Err(error) => {
                complain(format_args!("report {name}: {error}"));
                outcome = Outcome::Failed;
            }
            Ok(report) => {
                let columns: Vec<&str> = report.columns.iter().map(|c| c.name.as_str()).collect();
                text += &format!(
                    "{name}\n    {}\n    gives {}\n",
                    report.question,
                    columns.join(", ")
                );
                for param in &report.params {
                    text += &format!("    --param {param}\n");
                }
            }
        }
    }
    match io::stdout().write_all(text.as_bytes()) {
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => Err(Error::io(Path::new("output"))(e)),
        _ => Ok(outcome),
    }
}
