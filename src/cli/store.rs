//! `spanql store`: arguments → the functions of `care/`, tables on stdout and words on stderr.

use std::io::{self, Write};
use std::path::PathBuf;

use chrono::{DateTime, NaiveDate, Utc};
use clap::ArgGroup;

use super::{Outcome, complain, default_format, format_parser, print_batch};
use crate::care::{CompactOptions, Summary, compact, drop_duplicates, info, prune, verify};
use crate::config::{Config, parse_size};
use crate::error::Result;
use crate::ner::Models;
use crate::output::Format;
use crate::session::{SessionOptions, no_store};
use crate::store::Store;

/// Look after a store: what is in it, is it whole, merge small files, remove old documents
#[derive(clap::Args)]
#[command(after_help = HELP)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

const HELP: &str = "\
Examples:
  spanql store info --store posts.store
  spanql store verify --store posts.store
  spanql store compact --store posts.store
  spanql store prune --before 2026-01-01 --store posts.store
  spanql store prune --duplicates --store posts.store";

#[derive(clap::Subcommand)]
enum Command {
    /// What is in it: files, rows, bytes, and which labels' entities are kept and current
    Info {
        #[command(flatten)]
        at: At,
        /// How it is written [default: json; a table where stdout is a terminal]
        #[arg(long, value_name = "FORMAT", value_parser = format_parser())]
        format: Option<Format>,
    },
    /// Read every file and compare it with its checksum; damaged ones are named, and the exit code is then 1
    Verify {
        #[command(flatten)]
        at: At,
    },
    /// Merge small files; queries give the same before, after and meanwhile
    Compact {
        #[command(flatten)]
        at: At,
        /// Files below this size are small
        #[arg(long, value_name = "SIZE", default_value = "64MiB", value_parser = parse_size)]
        below: usize,
        /// The size that merged files may reach
        #[arg(long, value_name = "SIZE", default_value = "256MiB", value_parser = parse_size)]
        up_to: usize,
    },
    /// Remove documents: those whose time is before a date, or those whose text another document has
    ///
    /// What was ingested stays known, so that ingesting it again does not bring it back.
    #[command(group = ArgGroup::new("which").required(true))]
    Prune {
        #[command(flatten)]
        at: At,
        /// A day (2026-01-01, in UTC) or a moment (2026-01-01T08:00:00+08:00): documents with an earlier `ts` go, and
        /// records quarantined before it; documents without a time stay
        #[arg(long, value_name = "TIME", value_parser = parse_moment, group = "which")]
        before: Option<DateTime<Utc>>,
        /// Of documents with exactly the same text all but the first go; the table `duplicates` still counts them
        #[arg(long, group = "which")]
        duplicates: bool,
    },
}

#[derive(clap::Args)]
struct At {
    /// The folder of the store [default: `store` of the configuration]
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,
    /// Recognizers and defaults [default: spanql.toml in the working directory, if there]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl At {
    fn open(&self) -> Result<Store> {
        let options = SessionOptions {
            store: self.store.clone(),
            config: self.config.clone(),
            ..SessionOptions::default()
        };
        options.open_store()?.ok_or_else(no_store)
    }
}

pub(super) fn run(args: Args) -> Result<Outcome> {
    match args.command {
        Command::Info { at, format } => {
            let models = Config::load(at.config.as_deref())?.models(Models::CACHE_BYTES)?;
            print_batch(
                info(&at.open()?, &models)?,
                format.unwrap_or_else(default_format),
            )?;
        }
        Command::Verify { at } => {
            let verified = verify(&at.open()?)?;
            for damage in &verified.damaged {
                complain(format_args!("{}: {}", damage.path.display(), damage.what));
            }
            say(&format!(
                "{} file{} ({:.1} MB) as written, {} damaged",
                verified.files,
                plural(verified.files),
                verified.bytes as f64 / 1e6,
                verified.damaged.len()
            ));
            if !verified.damaged.is_empty() {
                return Ok(Outcome::Failed);
            }
        }
        Command::Compact { at, below, up_to } => {
            let options = CompactOptions {
                below: below as u64,
                up_to: up_to as u64,
            };
            let Summary {
                replaced, written, ..
            } = compact(&at.open()?, options)?;
            say(&format!(
                "{replaced} file{} merged into {written}",
                plural(replaced)
            ));
        }
        Command::Prune { at, before, .. } => {
            let store = at.open()?;
            let summary = match before {
                Some(before) => prune(&store, before)?,
                None => drop_duplicates(&store)?,
            };
            say(&format!(
                "{} row{} removed; {} file{} went, {} came in their place",
                summary.removed,
                plural(summary.removed),
                summary.replaced,
                plural(summary.replaced),
                summary.written
            ));
        }
    }
    Ok(Outcome::Done)
}

/// Unlike `eprintln!` this does not panic where stderr is closed.
fn say(words: &str) {
    let _ = writeln!(io::stderr(), "{words}");
}

fn plural(n: u64) -> &'static str {
    if n == 1 { "" } else { "s" }
}

fn parse_moment(text: &str) -> Result<DateTime<Utc>, String> {
    let day = |text: &str| {
        let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
        Some(day.and_hms_opt(0, 0, 0)?.and_utc())
    };
    let moment = || {
        DateTime::parse_from_rfc3339(text)
            .ok()
            .map(|at| at.to_utc())
    };
    day(text).or_else(moment).ok_or_else(|| {
        format!("{text:?} is no time: write 2026-01-01 or 2026-01-01T08:00:00+08:00")
    })
}
