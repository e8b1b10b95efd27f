//! `spanql sql`: one statement, its result on stdout or in a file.

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use datafusion::common::ParamValues;
use datafusion::scalar::ScalarValue;

use super::engine::Engine;
use super::{Outcome, default_format, format_parser, print};
use crate::error::{Error, Result};
use crate::output::{self, Format};
use crate::report::ParamType;
use crate::session::Session;

/// Run one SQL statement over the store
///
/// The result goes to stdout as a table on a terminal, as JSON in a pipe, or to a file in the format of its name;
/// the file appears when it is complete.
#[derive(clap::Args)]
#[command(after_help = HELP)]
pub(super) struct Args {
    /// The statement; without it, --file or stdin
    query: Option<String>,
    /// Read the statement from a file
    #[arg(short, long, value_name = "FILE", conflicts_with = "query")]
    file: Option<PathBuf>,
    #[command(flatten)]
    engine: Engine,
    /// How the result is written
    #[arg(long, value_name = "FORMAT", value_parser = format_parser())]
    format: Option<Format>,
    /// Write to this file instead of stdout; .json .ndjson .csv .parquet .arrow .txt say the format
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Value of $NAME in the statement; can be repeated
    #[arg(long = "param", value_name = "NAME[:TYPE]=VALUE", value_parser = parse_param)]
    params: Vec<(String, ScalarValue)>,
}

const HELP: &str = "\
Tables: entities, documents, quarantine, duplicates. Functions: extract_entities, entity_values, redact, ner,
regexp_extract_all, entity_pairs, approx_top_k; and DataFusion's.

A parameter's type is int, float, text, date, timestamp or bool. Without a type, 20 is an int, 0.5 a float, true a
bool, and everything else is text (+8613812345678 and 007 too).

Examples:
  spanql sql --store S \"SELECT label, count(*) AS n FROM entities GROUP BY label ORDER BY label\"
  spanql sql --store S \"SELECT * FROM entities WHERE value = \\$v\" --param v=press@example.com
  spanql sql --store S -f monthly.sql --param since:date=2026-11-01 -o monthly.parquet
  spanql sql \"SELECT entity_values('mail to a@example.com', 'EMAIL') AS mails\"";

pub(super) fn run(args: Args) -> Result<Outcome> {
    let query = statement(&args)?;
    let to_file = args.output.filter(|path| path != Path::new("-"));
    let format = match (args.format, &to_file) {
        (Some(format), _) => format,
        (None, Some(path)) => Format::from_extension(path)?,
        (None, None) => default_format(),
    };
    let params = ParamValues::from(args.params);
    let options = args.engine.options();
    args.engine.block_on(async move {
        let session = Session::open(options).await?;
        let query = session.sql(&query, params).await?;
        match to_file {
            Some(path) => output::write_file(query.stream().await?, format, &path).await?,
            None => print(&query, format).await?,
        };
        Ok(Outcome::Done)
    })
}

fn statement(args: &Args) -> Result<String> {
    match (&args.query, &args.file) {
        (Some(query), _) if query != "-" => Ok(query.clone()),
        (_, Some(path)) => std::fs::read_to_string(path).map_err(Error::io(path)),
        (None, None) if io::stdin().is_terminal() => Err(Error::Usage(
            "no statement: give one, or --file FILE, or pipe it in".into(),
        )),
        _ => io::read_to_string(io::stdin()).map_err(Error::io(Path::new("stdin"))),
    }
}

/// `NAME[:TYPE]=VALUE`
fn parse_param(text: &str) -> Result<(String, ScalarValue), String> {
    let (name, value) = split_param(text)?;
    match name.split_once(':') {
        None => Ok((name, ParamType::infer(&value))),
        Some((name, kind)) => Ok((name.to_string(), kind.parse::<ParamType>()?.value(&value)?)),
    }
}

/// `NAME=VALUE`
pub(super) fn split_param(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_string(), value.to_string())),
        _ => Err("write NAME=VALUE".to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn params() {
        assert_eq!(
            parse_param("n=5"),
            Ok(("n".into(), ScalarValue::Int64(Some(5))))
        );
        assert_eq!(
            parse_param("n:text=5"),
            Ok(("n".into(), ScalarValue::from("5")))
        );
        assert_eq!(
            parse_param("q=a=b"),
            Ok(("q".into(), ScalarValue::from("a=b")))
        );
        assert_eq!(parse_param("q="), Ok(("q".into(), ScalarValue::from(""))));
        assert!(parse_param("n:number=5").unwrap_err().contains("number"));
        assert!(parse_param("n:date=5").unwrap_err().contains("\"5\""));
        assert!(parse_param("=5").is_err() && parse_param("5").is_err());
    }
}
