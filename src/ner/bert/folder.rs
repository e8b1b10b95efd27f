//! A model's folder: which files it must have, what `config.json` says, and the fingerprint of all.
//!
//! Leaves out what the files are for: tokens (`tokenizer.rs`) and weights (`network.rs`).

use std::collections::HashMap;
use std::fmt::Display;
use std::fs::{self, File};
use std::hash::Hasher;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use twox_hash::XxHash64;

use super::architecture::Architecture;

/// Part of every fingerprint: the answers are rust-bert's.
const RUNTIME: &str = "rust-bert 0.23.0";
/// Hugging Face's format, then rust-bert's own.
pub(super) const WEIGHTS: [&str; 2] = ["model.safetensors", "rust_model.ot"];

/// A folder that has every file that its architecture needs.
#[derive(Debug)]
pub(super) struct Folder {
    pub(super) path: PathBuf,
    pub(super) architecture: Architecture,
    /// What `config.json` holds: rust-bert reads more of it than [`Config`].
    pub(super) config: String,
    /// The classes' names, in the order of the network's outputs.
    pub(super) classes: Vec<String>,
    /// How many different tokens the network knows.
    pub(super) vocabulary: i64,
    /// How many tokens it can take at once; none without a table of positions.
    pub(super) positions: Option<usize>,
    pub(super) casing: Casing,
    weights: &'static str,
}

/// What of `config.json` is needed before the network is built.
#[derive(Deserialize)]
struct Config {
    model_type: String,
    #[serde(default)]
    architectures: Vec<String>,
    id2label: Option<HashMap<String, String>>,
    vocab_size: i64,
    max_position_embeddings: Option<usize>,
}

/// What `tokenizer_config.json` says of letters; each file may leave out any of it, or be absent.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Casing {
    pub(super) do_lower_case: Option<bool>,
    pub(super) strip_accents: Option<bool>,
    pub(super) add_prefix_space: Option<bool>,
}

impl Folder {
    /// Reads what a model says of itself.
    ///
    /// # Errors
    /// A message that names the file and what is wrong with it.
    pub(super) fn open(path: &Path) -> Result<Self, String> {
        let (read, config) = config(path)?;
        let said = |e| of(path, "config.json", e);
        let architecture = Architecture::named(&read.model_type).map_err(said)?;
        if let [first, ..] = &read.architectures[..]
            && !read
                .architectures
                .iter()
                .any(|name| name.ends_with("ForTokenClassification"))
        {
            return Err(said(format!(
                "it is of a {first}, and only a …ForTokenClassification labels tokens"
            )));
        }
        let (vocabulary, merges) = architecture.tokenizer_files();
        for name in [Some(vocabulary), merges].into_iter().flatten() {
            if !path.join(name).is_file() {
                return Err(format!(
                    "{} has no {name}, where rust-bert looks for the tokenizer of a {}",
                    path.display(),
                    read.model_type
                ));
            }
        }
        let weights = WEIGHTS
            .into_iter()
            .find(|name| path.join(name).is_file())
            .ok_or_else(|| {
                format!(
                    "{} has no {}: convert other weights to safetensors",
                    path.display(),
                    WEIGHTS.join(" and no ")
                )
            })?;
        let casing = match fs::read_to_string(path.join("tokenizer_config.json")) {
            Ok(casing) => json(path, "tokenizer_config.json", &casing)?,
            Err(_) => Casing::default(),
        };
        Ok(Self {
            path: path.to_path_buf(),
            architecture,
            classes: classes(read.id2label).map_err(said)?,
            config,
            vocabulary: read.vocab_size,
            positions: read.max_position_embeddings,
            casing,
            weights,
        })
    }

    /// The file with the weights.
    pub(super) fn weights(&self) -> PathBuf {
        self.path.join(self.weights)
    }

    /// The tokenizer's vocabulary, and its merges where it has any.
    pub(super) fn tokenizer(&self) -> (PathBuf, Option<PathBuf>) {
        let (vocabulary, merges) = self.architecture.tokenizer_files();
        (
            self.path.join(vocabulary),
            merges.map(|name| self.path.join(name)),
        )
    }

    /// Identifies everything that the answers depend on; reads the weights once.
    pub(super) fn fingerprint(&self) -> String {
        let (vocabulary, merges) = self.tokenizer();
        let files = [Some(vocabulary), merges, Some(self.weights())];
        let mut hasher = XxHash64::with_seed(0);
        hasher.write(RUNTIME.as_bytes());
        hasher.write(self.config.as_bytes());
        hasher.write(format!("{:?}", self.casing).as_bytes());
        match files
            .iter()
            .flatten()
            .try_for_each(|file| digest(file, &mut hasher))
        {
            Ok(()) => format!("{:016x}", hasher.finish()),
            // Not equal to any other: a model that cannot be read has no answers either.
            Err(e) => format!("unreadable: {e}"),
        }
    }
}

/// The architecture that a folder's `config.json` names.
///
/// # Errors
/// As [`Folder::open`].
pub(super) fn architecture(path: &Path) -> Result<Architecture, String> {
    let (config, _) = config(path)?;
    Architecture::named(&config.model_type).map_err(|e| of(path, "config.json", e))
}

fn json<T: DeserializeOwned>(folder: &Path, name: &str, text: &str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|e| of(folder, name, e))
}

fn config(folder: &Path) -> Result<(Config, String), String> {
    let text = fs::read_to_string(folder.join("config.json"));
    let text = text.map_err(|e| of(folder, "config.json", e))?;
    Ok((json(folder, "config.json", &text)?, text))
}

/// A message about a file.
fn of(folder: &Path, name: &str, problem: impl Display) -> String {
    format!("{}: {problem}", folder.join(name).display())
}

/// The names in the order of their numbers.
fn classes(id2label: Option<HashMap<String, String>>) -> Result<Vec<String>, String> {
    let named = id2label.ok_or("it has no id2label, which names the labels")?;
    (0..named.len())
        .map(|id| {
            named.get(&id.to_string()).cloned().ok_or_else(|| {
                format!(
                    "id2label has {} labels, but none with the number {id}",
                    named.len()
                )
            })
        })
        .collect()
}

fn digest(file: &Path, hasher: &mut XxHash64) -> std::io::Result<()> {
    let mut source = File::open(file)?;
    let mut buffer = vec![0; 1 << 20];
    loop {
        match source.read(&mut buffer)? {
            0 => return Ok(()),
            read => hasher.write(&buffer[..read]),
        }
    }
}
