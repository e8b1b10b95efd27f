//! Token classifiers in Hugging Face's format, run by rust-bert (feature `rust-bert`).
//!
//! A model is a folder: `config.json`, the tokenizer's files, and weights as `model.safetensors` or rust-bert's own
//! `rust_model.ot`. Owns everything between a text and its spans: tokens, the windows that a text is read in when it is
//! longer than the network, batches of windows, and the threads with the network. Batches of texts, the cache and thresholds
//! are the scheduler's.
//!
//! rust-bert's own pipeline is passed by, since it gives rows to the wrong texts when a batch has more windows than it was
//! made for, and panics on bad files. Its answers are the yardstick all the same, token for token: `tests.rs`.

mod architecture;
mod folder;
mod hub;
mod network;
mod spans;
mod tags;
mod tokenizer;
mod workers;

#[cfg(test)]
mod tests;

use std::fmt::{self, Debug};
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, OnceLock};

pub(super) use self::hub::Name;

use self::architecture::Together;
use self::folder::Folder;
use self::network::Guess;
use self::tags::Tags;
use self::tokenizer::{Token, Tokenizer};
use self::workers::Workers;
use super::{Model, Tagged};

/// Texts up to this many tokens are read in windows here, as rust-bert does it; longer ones are cut before, so that a query
/// can be stopped between the parts.
const LONGEST: usize = 32 * 1024;
/// Of texts, seldom less.
const BYTES_PER_TOKEN: usize = 2;
/// The window of networks that set none; XLNet was trained with as many.
const WINDOW: usize = 512;

/// A model that rust-bert runs.
pub(super) struct Bert {
    folder: Arc<Folder>,
    tags: Tags,
    tokenizer: Tokenizer,
    /// Started by the first text.
    workers: OnceLock<Result<Workers, String>>,
    fingerprint: OnceLock<String>,
}

impl Bert {
    /// Opens the model in a folder. The weights are read when they are first needed.
    ///
    /// # Errors
    /// A message that names the file and what is wrong with it.
    pub(super) fn open(path: &Path) -> Result<Self, String> {
        let folder = Arc::new(Folder::open(path)?);
        let tags = Tags::new(&folder.classes)
            .map_err(|e| format!("{}: {e}", path.join("config.json").display()))?;
        let tokenizer = Tokenizer::open(&folder)?;
        Ok(Self {
            folder,
            tags,
            tokenizer,
            workers: OnceLock::new(),
            fingerprint: OnceLock::new(),
        })
    }

    /// The windows over a text of so many tokens.
    fn windows(&self, tokens: usize) -> Vec<Window> {
        let positions = self.folder.positions.unwrap_or(WINDOW);
        let unused = self.folder.architecture.unused_positions() + self.tokenizer.added();
        Window::over(
            tokens,
            positions.saturating_sub(unused).max(1),
            positions / 4,
        )
    }

    /// The guesses for each token of each text.
    fn guesses(&self, texts: &[Vec<Token>]) -> Result<Vec<Vec<Guess>>, String> {
        let workers = self
            .workers
            .get_or_init(|| Workers::start(&self.folder, self.tokenizer.padding));
        let workers = workers.as_ref().map_err(String::clone)?;
        let mut windows: Vec<(usize, Window)> = Vec::new();
        for (text, tokens) in texts.iter().enumerate() {
            windows.extend(
                self.windows(tokens.len())
                    .into_iter()
                    .map(|window| (text, window)),
            );
        }
        let mut batches = Vec::new();
        let mut rest = &windows[..];
        while !rest.is_empty() {
            let (batch, later) = rest.split_at(self.batch(rest, workers.batch));
            let inputs = |(text, window): &(usize, Window)| {
                self.tokenizer.window(&texts[*text][window.read.clone()])
            };
            batches.push(batch.iter().map(inputs).collect());
            rest = later;
        }
        let rows = workers.guess(batches)?;
        let mut guesses = vec![Vec::new(); texts.len()];
        for ((text, window), row) in windows.iter().zip(rows.iter().flatten()) {
            let skipped = self.tokenizer.leading() + window.kept.start - window.read.start;
            guesses[*text].extend_from_slice(&row[skipped..skipped + window.kept.len()]);
        }
        Ok(guesses)
    }

    /// How many of the windows make a batch of at most so many tokens; one does in any case.
    fn batch(&self, windows: &[(usize, Window)], tokens: usize) -> usize {
        let together = self.folder.architecture.together();
        let length = |(_, window): &(usize, Window)| window.read.len() + self.tokenizer.added();
        let mut longest = 0;
        let fits = |(before, window): &(usize, &(usize, Window))| {
            longest = longest.max(length(window));
            let alike = match together {
                Together::OfAnyLength => true,
                Together::OfOneLength => length(window) == length(&windows[0]),
                Together::None => false,
            };
            *before == 0 || alike && (before + 1) * longest <= tokens
        };
        windows.iter().enumerate().take_while(fits).count()
    }
}

impl Model for Bert {
    fn labels(&self) -> &[String] {
        &self.tags.labels
    }

    fn fingerprint(&self) -> String {
        self.fingerprint
            .get_or_init(|| self.folder.fingerprint())
            .clone()
    }

    fn description(&self) -> String {
        format!(
            "{}, by rust-bert, folder {}",
            self.folder.architecture,
            self.folder.path.display()
        )
    }

    fn window(&self) -> Option<usize> {
        Some(LONGEST)
    }

    fn batch_tokens(&self) -> usize {
        workers::enough()
    }

    fn count_tokens(&self, text: &str) -> usize {
        // A text that is to be cut in any case need not be taken apart for that.
        match text.len() / BYTES_PER_TOKEN {
            most if most > 4 * LONGEST => most,
            _ => self.tokenizer.count(text),
        }
    }

    fn tag(&self, texts: &[&str]) -> Result<Vec<Vec<Tagged>>, String> {
        let tokens: Vec<Vec<Token>> = texts
            .iter()
            .map(|text| self.tokenizer.tokens(text))
            .collect();
        let guesses = self
            .guesses(&tokens)
            .map_err(|e| format!("model {}: {e}", self.folder.path.display()))?;
        let found = texts.iter().zip(&tokens).zip(&guesses);
        Ok(found
            .map(|((text, tokens), guesses)| spans::spans(text, tokens, guesses, &self.tags))
            .collect())
    }
}

impl Debug for Bert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bert")
            .field("folder", &self.folder)
            .field("tags", &self.tags)
            .finish_non_exhaustive()
    }
}

/// A part of a text's tokens that the network reads at once.
struct Window {
    read: Range<usize>,
    /// Those of them whose guesses count: at a cut, they are from the window that reads further on.
    kept: Range<usize>,
}

impl Window {
    /// Windows over a text of `tokens`, where the network takes `most`, and each repeats `overlap` of the one before. These
    /// are rust-bert's.
    fn over(tokens: usize, most: usize, overlap: usize) -> Vec<Self> {
        let overlap = overlap.min(most - 1);
        let mut windows: Vec<Self> = Vec::new();
        let (mut start, mut kept) = (0, 0);
        while kept < tokens {
            let end = tokens.min(start + most);
            let last = if end == tokens {
                end
            } else {
                end - overlap / 2
            };
            windows.push(Self {
                read: start..end,
                kept: kept..last,
            });
            (start, kept) = (end - overlap.min(end), last);
        }
        windows
    }
}
