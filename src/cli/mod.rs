//! The command line, one file a command. Thin: what a command does, the library does.
//!
//! Owns exit codes, error lines and the choice of the format on a terminal. Data goes to stdout, words to stderr. It
//! is in the library so that the binary and the `spanql` command of the Python package are the same code.

mod duplicates;
mod engine;
mod evaluate;
mod extract;
mod files_bar;
pub mod ingest;
mod recognizers;
mod report;
mod schedule;
mod shell;
mod sql;
mod store;
mod train_tagger;

use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};

use arrow::array::RecordBatch;
use clap::builder::PossibleValuesParser;
use clap::{CommandFactory, Parser, Subcommand};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use tracing_subscriber::EnvFilter;

use crate::error::{Error, Result};
use crate::output::{self, Format};
use crate::session::Query;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// All done.
    Done,
    /// Some of it failed, and was told on stderr.
    Failed,
    /// Done, but some records are in quarantine.
    Quarantined,
    /// Ended by Ctrl-C.
    Interrupted,
    /// Ended by SIGTERM.
    Terminated,
}

impl Outcome {
    fn exit_code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Quarantined => 3,
            // As a shell reports them.
            Self::Interrupted => 130,
            Self::Terminated => 143,
        }
    }
}

#[derive(Parser)]
#[command(name = "spanql", version, about = "SQL over the entities in raw text", after_help = HELP)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Ingest(ingest::IngestArgs),
    Extract(extract::Args),
    Duplicates(duplicates::Args),
    Store(store::Args),
    Sql(sql::Args),
    Report(report::Args),
    Schedule(schedule::Args),
    Recognizers(recognizers::Args),
    Shell(shell::Args),
    TrainTagger(train_tagger::Args),
    Evaluate(evaluate::Args),
}

const HELP: &str = "\
Examples:
  spanql ingest mails/*.jsonl.gz --store mails.store
  spanql sql --store mails.store \"SELECT value, count(*) AS n FROM entities
      WHERE label = 'EMAIL' GROUP BY value ORDER BY n DESC, value LIMIT 20\"
  spanql report top_domains --store mails.store -o reports/
  spanql shell --store mails.store

Exit codes: 0 done, 1 failed, 2 usage, 3 done but some records went to quarantine, 75 nothing done
since another process is at work in the store, 130 Ctrl-C, 143 SIGTERM.
Warnings go to stderr; RUST_LOG=debug logs more, RUST_LOG=error less.";

/// The definition of the command line: for what checks, completes or documents it without running it.
///
/// ```
/// let line = ["spanql", "sql", "SELECT 1", "--format", "csv"];
/// assert!(spanql::cli::command().try_get_matches_from(line).is_ok());
/// ```
#[must_use]
pub fn command() -> clap::Command {
    Cli::command()
}

/// Runs the command line and gives the exit code. The first argument is the program's name.
///
/// Errors are written to stderr as `error: …`.
///
/// ```
/// assert_eq!(spanql::cli::run(["spanql", "--version"].map(Into::into)), 0);
/// assert_eq!(spanql::cli::run(["spanql", "no-such-command"].map(Into::into)), 2);
/// ```
pub fn run(args: impl IntoIterator<Item = OsString>) -> u8 {
    let filter = EnvFilter::try_from_default_env();
    // Fails only where a logger is set already, as a host program may do.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter.unwrap_or_else(|_| EnvFilter::new("error,spanql=warn")))
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none())
        .try_init();
    let outcome = match Cli::try_parse_from(args).map(|cli| cli.command) {
        Ok(Command::Ingest(args)) => ingest::run(args),
        Ok(Command::Extract(args)) => extract::run(args),
        Ok(Command::Duplicates(args)) => duplicates::run(args),
        Ok(Command::Store(args)) => store::run(args),
        Ok(Command::Sql(args)) => sql::run(args),
        Ok(Command::Report(args)) => report::run(args),
        Ok(Command::Schedule(args)) => schedule::run(args),
        Ok(Command::Recognizers(args)) => recognizers::run(args),
        Ok(Command::Shell(args)) => shell::run(args),
        Ok(Command::TrainTagger(args)) => train_tagger::run(args),
        Ok(Command::Evaluate(args)) => evaluate::run(args),
        Err(usage) => {
            // Nobody to tell where the terminal is gone.
            let _ = usage.print();
            return u8::try_from(usage.exit_code()).unwrap_or(2);
        }
    };
    match outcome {
        Ok(outcome) => outcome.exit_code(),
        Err(error) => {
            complain(&error);
            exit_code(&error)
        }
    }
}

/// 2 where the request makes no sense, 75 where it came at the wrong time, 1 for all else. The first two started nothing.
fn exit_code(error: &Error) -> u8 {
    match error {
        Error::Usage(_) => 2,
        // EX_TEMPFAIL of sysexits.h. Not 0: a scheduler that hangs and keeps the others out must not look like success.
        Error::Busy { .. } => 75,
        Error::Interrupted => Outcome::Interrupted.exit_code(),
        _ => 1,
    }
}

/// A line on stderr; unlike `eprintln!` it does not panic where stderr is closed.
fn complain(error: impl std::fmt::Display) {
    let _ = writeln!(io::stderr(), "error: {error}");
}

/// One of several labels; spaces may stand between them, as in SQL.
#[expect(clippy::unnecessary_wraps, reason = "clap wants it so")]
fn label(text: &str) -> std::result::Result<String, std::convert::Infallible> {
    Ok(text.trim().to_string())
}

/// `--format` with its values in the help.
fn format_parser() -> impl clap::builder::TypedValueParser<Value = Format> {
    use clap::builder::TypedValueParser;
    PossibleValuesParser::new(Format::ALL.map(Format::name)).try_map(|name| name.parse::<Format>())
}

/// What stdout gets when no format is named: a table for a person, JSON for a program.
fn default_format() -> Format {
    if io::stdout().is_terminal() {
        Format::Table
    } else {
        Format::Json
    }
}

/// Writes a batch to stdout.
fn print_batch(batch: RecordBatch, format: Format) -> Result<()> {
    let stream = RecordBatchStreamAdapter::new(
        batch.schema(),
        futures::stream::once(std::future::ready(Ok(batch))),
    );
    futures::executor::block_on(output::write(Box::pin(stream), format, io::stdout()))?;
    Ok(())
}

/// Streams a result to stdout.
async fn print(query: &Query, format: Format) -> Result<u64> {
    output::write(query.stream().await?, format, io::stdout()).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_consistent() {
        command().debug_assert();
    }

    #[test]
    fn every_command_has_help_with_examples() {
        for command in command().get_subcommands() {
            assert!(command.get_about().is_some(), "{}", command.get_name());
            let help = command
                .get_after_help()
                .map(ToString::to_string)
                .unwrap_or_default();
            assert!(help.contains("spanql "), "{}: {help}", command.get_name());
            for argument in command.get_arguments().filter(|a| a.get_id() != "help") {
                assert!(
                    argument.get_help().is_some(),
                    "{} {}",
                    command.get_name(),
                    argument.get_id()
                );
            }
        }
    }
}
