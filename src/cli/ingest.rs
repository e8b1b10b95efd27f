//! `spanql ingest`: arguments → `ingest::ingest`, and the closing words on stderr.

use std::io::{self, IsTerminal, Write};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Instant;

use indicatif::{HumanCount, ProgressBar, ProgressStyle};

use super::Outcome;
use crate::config::parse_size;
use crate::error::{Error, Result};
use crate::ingest::{
    BadBytes, Changed, Codec, DocumentUnit, IngestOptions, InputEncoding, InputFormat, Progress,
    Summary, ingest, parse_character,
};

const HELP: &str = "\
Examples:
  spanql ingest mails/ --store mails.store
  spanql ingest 'posts/*.csv.gz' --text content --time created_at --store posts.store
  spanql ingest s3://bucket/2026/11/ 'gs://bucket/*/posts-*.csv' https://example.com/mails.mbox --store posts.store
  zcat dump.jsonl.gz | spanql ingest - --format jsonl --store dump.store";

/// Read raw text into a store
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub struct IngestArgs {
    /// Files, folders, globs, URLs, or - for standard input: JSONL, JSON, CSV, TSV, plain text, Parquet, letters (.eml, .mbox),
    /// .html and .warc, also as .gz, .zst, .bz2 and .xz, and in .tar and .zip. A URL names an object, a prefix or a glob in s3://, gs://,
    /// az:// or abfs://, with what AWS_*, GOOGLE_* and AZURE_* say of credentials and endpoints; or a file by https:// or http://
    #[arg(required = true, value_name = "PATHS")]
    pub paths: Vec<String>,

    /// The folder of the store, made if it is not there
    #[arg(long, value_name = "DIR")]
    pub store: PathBuf,

    /// The field that holds the text; in JSON also a path, such as body.content
    #[arg(long, value_name = "NAME", default_value = "text")]
    pub text: String,

    /// The field that holds the time
    #[arg(long, value_name = "NAME", default_value = "ts")]
    pub time: String,

    /// What a document is in plain text: line, paragraph or file
    #[arg(long, value_name = "UNIT", default_value = "line")]
    pub document: DocumentUnit,

    /// The format of all inputs, where their names do not tell it: jsonl, json, csv, tsv, txt, parquet, eml, mbox, html, warc,
    /// tar or zip; of an archive, the format of the files in it
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<InputFormat>,

    /// The text is HTML: keep what a reader sees of it
    #[arg(long)]
    pub html: bool,

    /// What parts the fields of CSV, such as ';' or tab [default: told by each file's first records]
    #[arg(long, value_name = "CHAR", value_parser = parse_character)]
    pub delimiter: Option<u8>,

    /// What quotes the fields of CSV, ' or " [default: told by each file's header]
    #[arg(long, value_name = "CHAR", value_parser = parse_character)]
    pub quote: Option<u8>,

    /// The encoding of the inputs: auto, or a name such as gb18030, big5 or windows-1252; a byte order mark counts for more
    #[arg(long, value_name = "NAME", default_value = "auto")]
    pub encoding: InputEncoding,

    /// What becomes of a record with bytes that its encoding does not have: quarantine or replace
    #[arg(long, value_name = "WHAT", default_value = "quarantine")]
    pub bad_bytes: BadBytes,

    /// How the store is compressed: zstd, zstd:LEVEL, lz4, snappy or none [default: lz4]
    #[arg(long, value_name = "CODEC")]
    pub codec: Option<Codec>,

    /// A compressed input that becomes more than so many times as long is given up
    #[arg(long, value_name = "TIMES", default_value_t = IngestOptions::default().max_expansion)]
    pub max_expansion: u64,

    /// Longer records go to quarantine
    #[arg(long, value_name = "SIZE", default_value = "16MiB", value_parser = parse_size)]
    pub max_record_bytes: usize,

    /// How much input makes a row group
    #[arg(long, value_name = "SIZE", default_value = "8MiB", value_parser = parse_size)]
    pub row_group_bytes: usize,

    /// Files that have changed since they were ingested, or were ingested with other options: keep what was ingested, or replace it
    #[arg(long, value_name = "WHAT", default_value = "keep")]
    pub changed: Changed,

    /// Threads that parse and encode [default: the number of cores, at most 8]
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZeroUsize>,

    /// Print what was done as one line of JSON on standard output
    #[arg(long)]
    pub metrics: bool,
}

/// Ingests, with a bar on stderr when a person is looking and one closing line in any case.
///
/// # Errors
/// As [`ingest`].
pub fn run(args: IngestArgs) -> Result<Outcome> {
    let options = IngestOptions {
        text: args.text,
        time: args.time,
        document: args.document,
        format: args.format,
        html: args.html,
        delimiter: args.delimiter,
        quote: args.quote,
        encoding: args.encoding,
        bad_bytes: args.bad_bytes,
        codec: args.codec.unwrap_or_default(),
        max_expansion: args.max_expansion,
        max_record_bytes: args.max_record_bytes,
        row_group_bytes: args.row_group_bytes,
        changed: args.changed,
        threads: args.threads,
    };
    let began = Instant::now();
    let summary = if io::stderr().is_terminal() {
        let bar = Bar::new();
        let summary = ingest(&args.paths, &args.store, &options, &bar);
        bar.0.finish_and_clear();
        summary?
    } else {
        ingest(&args.paths, &args.store, &options, &())?
    };
    let store = args.store.display().to_string();
    let seconds = began.elapsed().as_secs_f64();
    if args.metrics {
        writeln!(io::stdout(), "{}", metrics(&summary, seconds))
            .map_err(Error::io("standard output"))?;
    }
    let words = closing_words(&summary, &store, seconds);
    // Unlike `eprintln!` this does not panic where stderr is closed: the documents are in the store by now.
    let _ = writeln!(io::stderr(), "{words}");
    Ok(if summary.quarantined > 0 {
        Outcome::Quarantined
    } else {
        Outcome::Done
    })
}

struct Bar(ProgressBar);

impl Bar {
    fn new() -> Self {
        let bar = ProgressBar::no_length();
        let style = ProgressStyle::with_template(
            "{bytes}/{total_bytes} {wide_bar} {bytes_per_sec} {eta}  {prefix}{msg}",
        );
        if let Ok(style) = style {
            bar.set_style(style);
        }
        Self(bar)
    }
}

impl Progress for Bar {
    fn start(&self, bytes: u64) {
        if bytes > 0 {
            self.0.set_length(bytes);
        }
    }

    fn source(&self, source: &str) {
        self.0.set_message(source.to_string());
    }

    fn advance(&self, bytes: u64) {
        self.0.inc(bytes);
    }

    fn written(&self, documents: u64, quarantined: u64) {
        let refused = match quarantined {
            0 => String::new(),
            some => format!(", {} quarantined", HumanCount(some)),
        };
        self.0
            .set_prefix(format!("{} documents{refused}  ", HumanCount(documents)));
    }
}

/// All that the summary says, for machines.
fn metrics(summary: &Summary, seconds: f64) -> serde_json::Value {
    let reasons: serde_json::Map<String, serde_json::Value> = summary
        .reasons
        .iter()
        .map(|(reason, count)| (reason.clone(), (*count).into()))
        .collect();
    serde_json::json!({
        "run": summary.run,
        "seconds": (seconds * 1e3).round() / 1e3,
        "bytes": summary.bytes,
        "documents": summary.documents,
        "quarantined": summary.quarantined,
        "reasons": reasons,
        "replaced": summary.replaced,
        "unread_times": summary.unread_times,
        "sources": summary.sources,
        "skipped_sources": summary.skipped_sources,
        "changed_sources": summary.changed_sources,
        "replaced_sources": summary.replaced_sources,
        "unknown_files": summary.unknown_files,
        "broken_links": summary.broken_links,
        "other_records": summary.other_records,
        "unfinished_sources": summary.unfinished_sources,
    })
}

fn closing_words(summary: &Summary, store: &str, seconds: f64) -> String {
    let plural = |n: u64, one: &str| format!("{n} {one}{}", if n == 1 { "" } else { "s" });
    let mut words = format!(
        "{} from {} ({:.1} MB) in {seconds:.1} s",
        plural(summary.documents, "document"),
        plural(summary.sources, "source"),
        summary.bytes as f64 / 1e6,
    );
    if summary.skipped_sources > 0 {
        words += &format!(
            "; {} already ingested, skipped",
            plural(summary.skipped_sources, "source")
        );
    }
    if summary.replaced_sources > 0 {
        words += &format!(
            "; {} changed, replaced",
            plural(summary.replaced_sources, "source")
        );
    }
    if summary.changed_sources > 0 {
        words += &format!(
            "; {} changed, kept as ingested (--changed replace takes the new ones)",
            plural(summary.changed_sources, "source")
        );
    }
    if summary.unknown_files > 0 {
        words += &format!(
            "; {} of unknown format left out",
            plural(summary.unknown_files, "file")
        );
    }
    if summary.broken_links > 0 {
        words += &format!(
            "; {} to nothing left out",
            plural(summary.broken_links, "link")
        );
    }
    if summary.other_records > 0 {
        words += &format!(
            "; {} without text left out",
            plural(summary.other_records, "WARC record")
        );
    }
    if summary.unfinished_sources > 0 {
        words += &format!(
            "; {} not read to the end, as it could not be: ingest again to read anew",
            plural(summary.unfinished_sources, "source")
        );
    }
    if summary.unread_times > 0 {
        words += &format!(
            "; {} whose time could not be read",
            plural(summary.unread_times, "document")
        );
    }
    if summary.replaced > 0 {
        words += &format!(
            "; {} with bytes that their encoding does not have, replaced",
            plural(summary.replaced, "document")
        );
    }
    if summary.quarantined > 0 {
        let (first, others) = summary.reasons.split_at(summary.reasons.len().min(3));
        let mut top: Vec<String> = first
            .iter()
            .map(|(reason, count)| format!("{count} {reason}"))
            .collect();
        let others: u64 = others.iter().map(|(_, count)| count).sum();
        if others > 0 {
            top.push(format!("{others} for other reasons"));
        }
        words += &format!(
            "\n{} quarantined ({}); to look at them: spanql sql 'SELECT * FROM quarantine' --store {store}",
            plural(summary.quarantined, "record"),
            top.join(", "),
        );
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_words_say_what_to_do() {
        let summary = Summary {
            documents: 1,
            sources: 2,
            bytes: 1_500_000,
            quarantined: 3,
            reasons: vec![("not valid JSON".into(), 2), ("no text".into(), 1)],
            skipped_sources: 1,
            unfinished_sources: 1,
            ..Summary::default()
        };
        let line = metrics(&summary, 2.0444).to_string();
        assert!(
            line.contains(r#""documents":1,"#) && line.contains(r#""seconds":2.044"#),
            "{line}"
        );
        assert!(
            line.contains(r#""reasons":{"no text":1,"not valid JSON":2}"#) && !line.contains('\n'),
            "{line}"
        );
        assert_eq!(
            closing_words(&summary, "st", 2.04),
            "1 document from 2 sources (1.5 MB) in 2.0 s; 1 source already ingested, skipped; \
             1 source not read to the end, as it could not be: ingest again to read anew\n\
             3 records quarantined (2 not valid JSON, 1 no text); to look at them: \
             spanql sql 'SELECT * FROM quarantine' --store st"
        );

        let reasons = [("a", 9), ("b", 8), ("c", 7), ("d", 6), ("e", 5)];
        let many = Summary {
            quarantined: 35,
            reasons: reasons.map(|(why, count)| (why.into(), count)).into(),
            ..Summary::default()
        };
        let words = closing_words(&many, "st", 2.04);
        assert!(
            words.contains("35 records quarantined (9 a, 8 b, 7 c, 11 for other reasons)"),
            "{words}"
        );
    }
}
