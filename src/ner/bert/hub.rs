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
        let hub = env::var("HF_ENDPOINT").unwrap_or_else(|_| "https://huggingface.co".to_owned());
        self.fetch_into(&cache, &hub)
    }

    fn fetch_into(&self, cache: &Path, hub: &str) -> Result<PathBuf, String> {
        let folder = cache.join(format!(
            "{}@{}",
            self.model.replace('/', "--"),
            self.revision
        ));
        if folder.is_dir() {
            return Ok(folder);
        }
        let said = |e: io::Error| format!("{}: {e}", cache.display());
        fs::create_dir_all(cache).map_err(said)?;
        let partial = tempfile::tempdir_in(cache).map_err(said)?;
        let base = format!(
            "{}/{}/resolve/{}",
            hub.trim_end_matches('/'),
            self.model,
            self.revision
        );
        download(&base, partial.path())?;
        match fs::rename(partial.path(), &folder) {
            // Another process may have been faster.
            Err(e) if !folder.is_dir() => Err(said(e)),
            _ => Ok(folder),
        }
    }
}

fn download(base: &str, into: &Path) -> Result<(), String> {
    let agent = ureq::AgentBuilder::new()
        .timeout_connect(Duration::from_secs(10))
        .timeout_read(Duration::from_secs(60))
        .build();
    let token = env::var("HF_TOKEN").map(|token| format!("Bearer {token}"));
    // Whether the hub has the file.
    let get = |name: &str| -> Result<bool, String> {
        let address = format!("{base}/{name}");
        let mut request = agent.get(&address);
        if let Ok(token) = &token {
            request = request.set("Authorization", token);
        }
        let response = match request.call() {
            Ok(response) => response,
            Err(ureq::Error::Status(404, _)) => return Ok(false),
            Err(e) => return Err(format!("{address}: {e}")),
        };
        let mut file = File::create(into.join(name)).map_err(|e| format!("{name}: {e}"))?;
        io::copy(&mut response.into_reader(), &mut file).map_err(|e| format!("{address}: {e}"))?;
        Ok(true)
    };
    let must = |name: &str| match get(name)? {
        true => Ok(()),
        false => Err(format!("{base}/{name}: there is no such file")),
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
    Err(format!("{base} has no {}", WEIGHTS.join(" and no ")))
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::net::TcpListener;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use super::*;

    const CONFIG: &str = r#"{"model_type": "bert", "vocab_size": 3}"#;

    /// A hub with these files, and how many requests it had. It breaks off one byte before the end of the file `broken`.
    fn hub(files: &'static [(&str, &str)], broken: &'static str) -> (String, Arc<AtomicUsize>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/", listener.local_addr().unwrap());
        let requests = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&requests);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
                let request = lines.next().unwrap().unwrap();
                while lines.next().is_some_and(|line| !line.unwrap().is_empty()) {}
                counted.fetch_add(1, Ordering::SeqCst);
                let path = request.split(' ').nth(1).unwrap();
                let name = path.strip_prefix("/some/model/resolve/v1/");
                let found = files.iter().find(|(file, _)| Some(*file) == name);
                let (status, body) =
                    found.map_or(("404 Not Found", ""), |(_, body)| ("200 OK", *body));
                let length = body.len() + usize::from(name == Some(broken));
                let head = format!(
                    "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
                );
                stream
                    .write_all(format!("{head}{body}").as_bytes())
                    .unwrap();
            }
        });
        (address, requests)
    }

    #[test]
    fn a_name_is_an_owner_a_model_and_maybe_a_revision() {
        let parse = |source| {
            Name::parse(source).map(|name| (name.model.to_owned(), name.revision.to_owned()))
        };
        assert_eq!(
            parse("some/model"),
            Some(("some/model".to_owned(), "main".to_owned()))
        );
        assert_eq!(
            parse("some/Model-2.5_x@v1"),
            Some(("some/Model-2.5_x".to_owned(), "v1".to_owned()))
        );
        for no in [
            "model",
            "./model",
            "../model",
            "a/b/c",
            "/model",
            "some/",
            "some/model@",
            "a b/c",
            "some/..",
        ] {
            assert_eq!(parse(no), None, "{no}");
        }
    }

    #[test]
    fn a_model_is_fetched_once() {
        let files = &[
            ("config.json", CONFIG),
            ("vocab.txt", "a"),
            ("rust_model.ot", "weights"),
        ];
        let (hub, requests) = hub(files, "");
        let cache = tempfile::tempdir().unwrap();
        let name = Name::parse("some/model@v1").unwrap();
        let folder = name.fetch_into(cache.path(), &hub).unwrap();
        assert_eq!(
            fs::read_to_string(folder.join("rust_model.ot")).unwrap(),
            "weights"
        );
        assert_eq!(requests.load(Ordering::SeqCst), 5);
        assert_eq!(name.fetch_into(cache.path(), &hub).unwrap(), folder);
        assert_eq!(requests.load(Ordering::SeqCst), 5);
    }

    #[test]
    fn what_is_not_there_leaves_nothing_behind() {
        let cache = tempfile::tempdir().unwrap();
        let error = |source: &str, hub: &str| {
            let error = Name::parse(source)
                .unwrap()
                .fetch_into(cache.path(), hub)
                .unwrap_err();
            assert_eq!(fs::read_dir(cache.path()).unwrap().count(), 0, "{error}");
            error
        };
        let (empty, _) = hub(&[("config.json", CONFIG), ("vocab.txt", "a")], "");
        assert!(
            error("other/model", &empty)
                .contains("other/model/resolve/main/config.json: there is no such file")
        );
        assert!(
            error("some/model@v1", &empty)
                .contains("has no model.safetensors and no rust_model.ot")
        );
        let files = &[
            ("config.json", CONFIG),
            ("vocab.txt", "a"),
            ("model.safetensors", "weights"),
        ];
        let (broken, _) = hub(files, "model.safetensors");
        assert!(error("some/model@v1", &broken).contains("v1/model.safetensors: "));
        assert!(
            error("some/model", "http://127.0.0.1:1").contains("http://127.0.0.1:1/some/model")
        );
    }
}
