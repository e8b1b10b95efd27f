//! `spanql duplicates`: arguments → `duplicates::keep_duplicates`, and the closing words on stderr.

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::time::Instant;

use indicatif::ProgressBar;

use super::Outcome;
use super::engine::Engine;
use super::files_bar::FilesBar;
use crate::duplicates::{Summary, keep_duplicates};
use crate::error::Result;
use crate::session::Session;

/// Find copies and near copies once and keep which they are, so that queries need only read it
///
/// The table `duplicates` has a row for each document that is a copy, or that there are copies of: with the same text
/// (`duplicate_of`), or with one that was changed a little (`cluster_id`: the original). Queries on it give the same rows
/// before and after, and while it runs. Only documents are read that have not been read for this before.
#[derive(clap::Args)]
#[command(after_help = HELP)]
pub(super) struct Args {
    #[command(flatten)]
    engine: Engine,
}

const HELP: &str = "\
Examples:
  spanql duplicates --store posts.store
  spanql report most_copied --store posts.store
  spanql sql --store posts.store \"SELECT text FROM documents
      WHERE doc_id NOT IN (SELECT doc_id FROM duplicates WHERE doc_id <> cluster_id)\"";

pub(super) fn run(args: Args) -> Result<Outcome> {
    let options = args.engine.options();
    let began = Instant::now();
    args.engine.block_on(async move {
        let session = Session::open(options).await?;
        let summary = if io::stderr().is_terminal() {
            let bar = Arc::new(FilesBar(ProgressBar::no_length()));
            let summary = keep_duplicates(&session, Arc::<FilesBar>::clone(&bar)).await;
            bar.0.finish_and_clear();
            summary?
        } else {
            keep_duplicates(&session, Arc::new(())).await?
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
        "{} of {} document{} are copies, {} of them exact, of {} original{}; \
         {} file{} of documents read in {seconds:.1} s, {} had been read before",
        summary.copies,
        summary.documents,
        plural(summary.documents),
        summary.exact,
        summary.clusters,
        plural(summary.clusters),
        summary.signed,
        plural(summary.signed),
        summary.current,
    )
}
