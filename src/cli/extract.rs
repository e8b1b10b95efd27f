//! `spanql extract`: arguments → `keep::keep_entities`, and the closing words on stderr.

use std::io::{self, IsTerminal, Write};
use std::time::Instant;

use indicatif::ProgressBar;

use super::engine::Engine;
use super::files_bar::FilesBar;
use super::{Outcome, label};
use crate::error::Result;
use crate::keep::{Summary, keep_entities};
use crate::session::Session;

/// Find entities once and keep them, so that queries need only read them
///
/// Only documents are scanned that have no entities under the present recognizers; where one recognizer has changed, they
/// are scanned for its label alone. Queries on `entities` give the same rows before and after, and while it runs.
#[derive(clap::Args)]
#[command(after_help = HELP)]
pub(super) struct Args {
    /// Only these labels [default: all]
    #[arg(long, value_name = "LABEL,LABEL", value_delimiter = ',', value_parser = label)]
    labels: Vec<String>,
    #[command(flatten)]
    engine: Engine,
}

const HELP: &str = "\
Examples:
  spanql extract --store mails.store
  spanql extract --store mails.store --labels EMAIL,PHONE
  spanql ingest today/ --store posts.store && spanql extract --store posts.store";

pub(super) fn run(args: Args) -> Result<Outcome> {
    let options = args.engine.options();
    let began = Instant::now();
    args.engine.block_on(async move {
        let session = Session::open(options).await?;
        let summary = if io::stderr().is_terminal() {
            let bar = FilesBar(ProgressBar::no_length());
            let summary = keep_entities(&session, &args.labels, &bar).await;
            bar.0.finish_and_clear();
            summary?
        } else {
            keep_entities(&session, &args.labels, &()).await?
        };
        // Unlike `eprintln!` this does not panic where stderr is closed.
        let words = closing_words(&summary, began.elapsed().as_secs_f64());
        let _ = writeln!(io::stderr(), "{words}");
        Ok(Outcome::Done)
    })
}

fn closing_words(summary: &Summary, seconds: f64) -> String {
    let plural = |n: u64| if n == 1 { "" } else { "s" };
    format!(
        "{} entities from {} file{} of documents in {seconds:.1} s; {} file{} had theirs",
        summary.entities,
        summary.scanned,
        plural(summary.scanned),
        summary.current,
        plural(summary.current),
    )
}
