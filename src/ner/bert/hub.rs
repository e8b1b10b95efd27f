//! Models by their name on Hugging Face's hub: downloaded once, then a folder like any other.
//!
//! A folder in the cache is complete or absent, and never looked up again: the answers do not change under a user's feet.
//! Deleting it fetches the model anew. Leaves out what is in the files.

use std::env;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use etcetera::BaseStrategy;

use super::folder::{self, WEIGHTS};

/// A model's name: `owner/model`, or `owner/model@revision` with a branch, a tag or a commit.
pub(in crate::ner) struct Name<'a> {
    model: &'a str,
    revision: &'a str,
}

impl<'a> Name<'a> {
    /// None if `source` cannot be one.
    pub(in crate::ner) fn parse(source: &'a str) -> Option<Self> {
        let (model, revision) = source.split_once('@').unwrap_or((source, "main"));
        let (owner, name) = model.split_once('/')?;
        let plain = |part: &str| {
            let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
            !part.is_empty() && !part.starts_with('.') && part.chars().all(allowed)
        };
        (plain(owner) && plain(name) && plain(revision)).then_some(Self { model, revision })
    }

    /// The folder with the model, which is downloaded if need be.
    ///
    /// `HF_ENDPOINT` names another hub, `HF_TOKEN` opens models that are not public; the folder is in the user's cache.
    ///
    /// # Errors
    /// A message for the user, with the address.
    pub(in crate::ner) fn fetch(&self) -> Result<PathBuf, String> {
        let cache = etcetera::choose_base_strategy()
            .map_err(|e| format!("there is no folder for the user's cache: {e}"))?
            .cache_dir()
            .join("spanql/models");
        self.fetch_into(&cache)
    }

    fn fetch_into(&self, cache: &Path) -> Result<PathBuf, String> {
        let folder = cache.join(format!("{}@{}", self.model.replace('/', "--"), self.revision));
        if folder.is_dir() {
            return Ok(folder);
        }
        let said = |e: io::Error| format!("{}: {e}", cache.display());
        fs::create_dir_all(cache).map_err(said)?;
        let partial = tempfile::tempdir_in(cache).map_err(said)?;
        self.download(partial.path())?;
        let partial = partial.keep();
        match fs::rename(&partial, &folder) {
            // Another process was faster.
            Err(_) if folder.is_dir() => drop(fs::remove_dir_all(&partial)),
            moved => moved.map_err(|e| format!("{}: {e}", folder.display()))?,
        }
        Ok(folder)
    }

    fn download(&self, into: &Path) -> Result<(), String> {
        let agent = ureq::AgentBuilder::new()
            .timeout_connect(Duration::from_secs(10))
            .timeout_read(Duration::from_secs(60))
            .build();
        // Whether the hub has the file.
        let get = |name: &str| -> Result<bool, String> {
            let address = self.address(name);
            let mut request = agent.get(&address);
            if let Ok(token) = env::var("HF_TOKEN") {
                request = request.set("Authorization", &format!("Bearer {token}"));
            }
            let response = match request.call() {
                Ok(response) => response,
                Err(ureq::Error::Status(404, _)) => return Ok(false),
                Err(e) => return Err(format!("{address}: {e}")),
            };
            let mut file = File::create(into.join(name)).map_err(|e| format!("{name}: {e}"))?;
            io::copy(&mut response.into_reader(), &mut file)
                .map_err(|e| format!("{address}: {e}"))?;
            Ok(true)
        };
        let must = |name: &str| match get(name)? {
            true => Ok(()),
            false => Err(format!("{}: there is no such file", self.address(name))),
        };
        must("config.json")?;
        let (vocabulary, merges) = folder::architecture(into)?.tokenizer_files();
        must(vocabulary)?;
        merges.map_or(Ok(()), must)?;
        get("tokenizer_config.json")?;
        for name in WEIGHTS {
            if get(name)? {
                return Ok(());
            }
        }
        Err(format!("{} has no {}", self.address(""), WEIGHTS.join(" and no ")))
    }

    fn address(&self, file: &str) -> String {
        let hub = env::var("HF_ENDPOINT").unwrap_or_else(|_| "https://huggingface.co".to_owned());
        format!("{}/{}/resolve/{}/{file}", hub.trim_end_matches('/'), self.model, self.revision)
    }
}
