//! `spanql recognizers`: what is loaded, or what it makes of a text.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::{Outcome, default_format, format_parser, label, print_batch};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::inspect;
use crate::ner::Models;
use crate::output::Format;

/// List the recognizers, or test them on a text
///
/// The list says where each comes from, what it looks for, and which words near an entity change its score; under it
/// stands the registry's fingerprint: equal fingerprints give equal answers.
#[derive(clap::Args)]
#[command(after_help = HELP)]
pub(super) struct Args {
    /// Show what is found in this text, and why candidates are refused; - reads the text from stdin
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    test: Option<String>,
    /// Only these labels
    #[arg(long, value_name = "LABEL,LABEL", value_delimiter = ',', value_parser = label)]
    labels: Vec<String>,
    /// Recognizers of your own [default: spanql.toml in the working directory, if there]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// How it is written [default: json; a table, with long cells cut, where stdout is a terminal]
    #[arg(long, value_name = "FORMAT", value_parser = format_parser())]
    format: Option<Format>,
}

const HELP: &str = "\
Examples:
  spanql recognizers
  spanql recognizers --labels PHONE --format json
  spanql recognizers --test 'call 13812345678 or ann@localhost' --format table
  spanql recognizers --config my.toml --labels ORDER --test - < letter.txt";

pub(super) fn run(args: Args) -> Result<Outcome> {
    let models = Config::load(args.config.as_deref())?.models(Models::CACHE_BYTES)?;
    let format = args.format.unwrap_or_else(default_format);
    match args.test.as_deref() {
        Some("-") => {
            let text = io::read_to_string(io::stdin()).map_err(Error::io(Path::new("stdin")))?;
            print_batch(inspect::explain(&models, &args.labels, &text)?, format)?;
        }
        Some(text) => print_batch(inspect::explain(&models, &args.labels, text)?, format)?,
        None => {
            let mut list = inspect::recognizers(&models, &args.labels)?;
            if format == Format::Table {
                // The same in every row: a line of its own is easier to read.
                list.remove_column(list.num_columns() - 1);
            }
            print_batch(list, format)?;
            if format == Format::Table {
                let line = writeln!(io::stdout(), "registry {}", models.registry().fingerprint());
                line.map_err(Error::io(Path::new("output")))?;
            }
        }
    }
    Ok(Outcome::Done)
}
