//! `spanql train-tagger`: weights of a tagger, learned from marked sentences.

use std::io::{self, Write};
use std::path::PathBuf;

use super::Outcome;
use crate::error::{Error, Result};
use crate::ner::Model;
use crate::ner::tagger::Tagger;
use crate::ner::tagger::train::{Progress, Settings, Sources, train};
use crate::output::replace_file;

/// Learn to tag persons, organisations and places from marked sentences
///
/// Sentences in Chinese teach the network for Chinese, all others the one for words. Lexicons, vectors and variants are
/// what is known of words beforehand; they become part of the weights. The same files and the same seed give the same
/// weights on the same kind of processor.
#[derive(clap::Args)]
#[command(after_help = HELP)]
pub(super) struct Args {
    /// CoNLL files: a token and its BIO tag a line (PER, ORG, LOC), a blank line between sentences; .gz is decompressed.
    /// FILE=0.5 makes a file's sentences count half
    #[arg(required = true, value_name = "FILES", value_parser = weighted)]
    files: Vec<(PathBuf, f32)>,
    /// Where the weights go
    #[arg(short, long, value_name = "MODEL")]
    output: PathBuf,
    /// Words and what they are: a word, its classes and perhaps how often it occurs, with tabs between them
    #[arg(long, value_name = "FILE")]
    lexicon: Vec<PathBuf>,
    /// Word vectors as word2vec and GloVe write them, most frequent word first
    #[arg(long, value_name = "FILE")]
    vectors: Vec<PathBuf>,
    /// Characters that are read as others: pairs with a tab between them
    #[arg(long, value_name = "FILE")]
    variants: Vec<PathBuf>,
    /// How often each sentence is learned from
    #[arg(long, default_value_t = Settings::default().epochs)]
    epochs: usize,
    /// What the random numbers begin with
    #[arg(long, default_value_t = Settings::default().seed)]
    seed: u64,
}

const HELP: &str = "\
Examples:
  spanql train-tagger train.conll -o my-tagger.safetensors.zst
  spanql train-tagger news.conll.gz posts.conll=0.5 --vectors glove.txt --lexicon names.tsv -o my-tagger.safetensors.zst
  spanql evaluate my-tagger.safetensors.zst test.conll";

pub(super) fn run(args: Args) -> Result<Outcome> {
    let sources = Sources {
        sentences: args.files,
        lexicons: args.lexicon,
        vectors: args.vectors,
        variants: args.variants,
    };
    let settings = Settings {
        epochs: args.epochs,
        seed: args.seed,
        ..Settings::default()
    };
    let weights = train(&sources, &settings, |progress| {
        let Progress { side, epoch, loss } = progress;
        say(format_args!(
            "{side}: epoch {epoch} of {}, loss {loss:.3}",
            settings.epochs
        ));
    })?;
    replace_file(&args.output, |mut file| file.write_all(&weights))?;
    let fingerprint = Tagger::from_bytes(&weights)
        .map_err(Error::Usage)?
        .fingerprint();
    say(format_args!(
        "{}: {} bytes, fingerprint {fingerprint}",
        args.output.display(),
        weights.len()
    ));
    Ok(Outcome::Done)
}

/// Unlike `eprintln!` it does not panic where stderr is closed.
fn say(words: std::fmt::Arguments<'_>) {
    let _ = writeln!(io::stderr(), "{words}");
}

fn weighted(argument: &str) -> Result<(PathBuf, f32), String> {
    let Some((path, weight)) = argument.rsplit_once('=') else {
        return Ok((argument.into(), 1.0));
    };
    match weight.parse::<f32>() {
        Ok(weight) if weight > 0.0 && weight.is_finite() => Ok((path.into(), weight)),
        _ => Err(format!("{weight:?} is no weight: write FILE=0.5")),
    }
}
