//! One URL → the objects that it names, as paths do: an object itself, all below a prefix, or what a glob matches.
//!
//! Listings come page by page, and what is not wanted is not kept. Web servers list nothing: a web address is one object.

use std::sync::Arc;

use futures::StreamExt;
use glob::{MatchOptions, Pattern};
use object_store::path::Path;
use object_store::{GetOptions, GetRange, ObjectMeta, ObjectStore, ObjectStoreExt};

use super::address::{Address, Web};
use super::words::Failure;
use super::{Bucket, Object, Objects};
use crate::error::{Error, Result};
use crate::ingest::Progress;
use crate::ingest::input::{Form, Input, InputFormat, Origin, nameless};

/// So many objects of a listing are taken at a time.
const PAGE: usize = 1000;

/// As in a shell, `*` names no hidden file and no path.
const LIKE_A_SHELL: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: true,
};

/// What a URL names, in the order of the keys, and how many more there are whose names tell no format.
#[derive(Debug, Default)]
pub(in crate::ingest) struct Found {
    pub inputs: Vec<Input>,
    pub unknown: u64,
}

/// An answer, or why there is none.
type Answer<T> = std::result::Result<T, Failure>;

impl Objects {
    /// The objects that a URL names; `format` is that of those whose names tell none.
    pub(in crate::ingest) fn find(
        &mut self,
        given: &str,
        format: Option<InputFormat>,
        progress: &dyn Progress,
    ) -> Result<Found> {
        let search = |given| Search {
            given,
            format,
            progress,
        };
        match Address::parse(given)? {
            Address::Web(web) => {
                let bucket = self.web(&web)?;
                search(&web.shown).web(&bucket, &web).map(Found::one)
            }
            Address::Bucket { service, root, key } => {
                let bucket = self.bucket(service, &root)?;
                search(given).bucket(&bucket, &key)
            }
        }
    }
}

impl Found {
    fn one(input: Input) -> Self {
        Self {
            inputs: vec![input],
            unknown: 0,
        }
    }
}

/// What is looked for.
struct Search<'a> {
    /// As it may be shown.
    given: &'a str,
    format: Option<InputFormat>,
    progress: &'a dyn Progress,
}

impl Search<'_> {
    fn bucket(&self, bucket: &Arc<Bucket>, key: &str) -> Result<Found> {
        let given = self.given;
        let folder = key.trim_end_matches('/');
        let location = Path::parse(key)
            .ok()
            .filter(|location| AsRef::<str>::as_ref(location) == folder)
            .ok_or_else(|| {
                Error::Usage(format!(
                    "{given}: keys with empty parts, `.` or `..` in them cannot be read"
                ))
            })?;
        let mut why = Failure::new("there is no such object, and none below it");
        if !key.is_empty() && !key.ends_with('/') {
            let (store, location) = (bucket.client.store.clone(), location.clone());
            let head = async move { store.head(&location).await };
            match self.ask(bucket, head)? {
                Ok(meta) => {
                    let input = self.input(bucket, meta);
                    return input.map(Found::one).ok_or_else(|| nameless(given));
                }
                Err(failure) if failure.unreachable => {
                    return Err(Error::io(given)(failure.error()));
                }
                Err(failure) if failure.missing => {}
                // There may be objects below all the same: not every server has an answer about a prefix.
                Err(failure) => why = failure,
            }
        }
        if !key.contains(['*', '?', '[']) {
            let depth = location.parts_count();
            let found = self.list(bucket, &location, &|key| !is_hidden(key, depth))?;
            if found.inputs.is_empty() && found.unknown == 0 {
                return Err(Error::io(given)(why.error()));
            }
            return Ok(found);
        }
        let glob =
            Pattern::new(folder).map_err(|error| Error::Usage(format!("{given}: {error}")))?;
        self.list(bucket, &literal_folder(folder), &|key| matches(&glob, key))
    }

    /// Asks for one byte, which tells the size, too. Not every server gives parts or takes HEAD, and a signed address may
    /// be for GET alone.
    fn web(&self, bucket: &Arc<Bucket>, web: &Web) -> Result<Input> {
        let Some(form) = Form::of_name(web.url.path().as_ref(), self.format) else {
            return Err(nameless(self.given));
        };
        let ask = |range| {
            let store = bucket.client.store.clone();
            let options = GetOptions {
                range,
                ..GetOptions::default()
            };
            let answer = async move {
                let answer = store.get_opts(&Path::ROOT, options).await?;
                Ok(answer.meta)
            };
            self.ask(bucket, answer)
        };
        let (meta, parts) = match ask(Some(GetRange::Bounded(0..1)))? {
            Err(failure) if failure.no_parts => (ask(None)?, false),
            meta => (meta, true),
        };
        let meta = meta.map_err(|mut failure| {
            if failure.words.contains("Content-Length") {
                failure.words = "the server does not say how long it is: fetch it with another program and ingest the \
                                 file, or standard input (curl URL | spanql ingest - --format FORMAT)"
                    .to_string();
            }
            Error::io(self.given)(failure.error())
        })?;
        // What is much the same each time it is made must not be put together from parts.
        let is_weak = |etag: &String| etag.starts_with("W/");
        let parts = parts && !meta.e_tag.as_ref().is_some_and(is_weak);
        Ok(Input {
            source: web.shown.clone(),
            identity: Some(web.identity.clone()),
            format: form.format,
            origin: Origin::Object {
                object: Object::new(Arc::clone(bucket), &meta, Path::ROOT, parts),
                compression: form.compression,
            },
        })
    }

    /// What lies below a folder and is `named`.
    fn list(
        &self,
        bucket: &Arc<Bucket>,
        below: &Path,
        named: &dyn Fn(&str) -> bool,
    ) -> Result<Found> {
        let mut pages = bucket.client.store.list(Some(below)).ready_chunks(PAGE);
        let mut found = Found::default();
        loop {
            let next = async move {
                let page = pages.next().await;
                Ok((page, pages))
            };
            let failed = |failure: Failure| Error::io(self.given)(failure.error());
            let (page, rest) = self.ask(bucket, next)?.map_err(failed)?;
            pages = rest;
            let Some(page) = page else { break };
            for meta in page {
                let meta =
                    meta.map_err(|error| failed(Failure::of(&error, bucket.client.service)))?;
                if !named(meta.location.as_ref()) {
                    continue;
                }
                match self.input(bucket, meta) {
                    Some(input) => found.inputs.push(input),
                    None => found.unknown += 1,
                }
            }
        }
        found
            .inputs
            .sort_unstable_by(|a, b| a.source.cmp(&b.source));
        Ok(found)
    }

    /// Nothing where its name does not tell its format.
    fn input(&self, bucket: &Arc<Bucket>, meta: ObjectMeta) -> Option<Input> {
        let form = Form::of_name(AsRef::<str>::as_ref(&meta.location).as_ref(), self.format)?;
        let url = format!("{}/{}", bucket.root, meta.location);
        let object = Object::new(Arc::clone(bucket), &meta, meta.location.clone(), true);
        Some(Input {
            source: url.clone(),
            identity: Some(url),
            format: form.format,
            origin: Origin::Object {
                object,
                compression: form.compression,
            },
        })
    }

    fn ask<T: Send + 'static>(
        &self,
        bucket: &Bucket,
        work: impl Future<Output = object_store::Result<T>> + Send + 'static,
    ) -> Result<Answer<T>> {
        match bucket.engine.spawn(work).wait(self.progress) {
            Ok(answer) => Ok(answer.map_err(|error| Failure::of(&error, bucket.client.service))),
            Err(_) if self.progress.cancelled() => Err(Error::Interrupted),
            Err(error) => Err(Error::io(self.given)(error)),
        }
    }
}

/// The longest folder that a glob names in so many words.
fn literal_folder(glob: &str) -> Path {
    let literal = glob.find(['*', '?', '[']).map_or(glob, |at| &glob[..at]);
    let folder = literal.rsplit_once('/').map_or("", |(folder, _)| folder);
    // It is part of a key that was found to be one.
    Path::parse(folder).unwrap_or_default()
}

/// Whether a glob matches a key, or a folder around it whose every file it then names.
fn matches(glob: &Pattern, key: &str) -> bool {
    if glob.matches_with(key, LIKE_A_SHELL) {
        return true;
    }
    key.rmatch_indices('/').any(|(at, _)| {
        let depth = key[..at].split('/').count();
        !is_hidden(key, depth) && glob.matches_with(&key[..at], LIKE_A_SHELL)
    })
}

/// Whether some part of a key begins with a dot, below the first so many.
fn is_hidden(key: &str, depth: usize) -> bool {
    key.split('/').skip(depth).any(|part| part.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_match_as_they_do_in_a_shell() {
        let matches = |glob: &str, key: &str| matches(&Pattern::new(glob).unwrap(), key);
        for (glob, key) in [
            ("in/*.jsonl", "in/a.jsonl"),
            ("in/202[56]-?/*.gz", "in/2026-1/a.gz"),
            ("in/*", "in/day/a.jsonl"),
            ("**/a.jsonl", "in/day/a.jsonl"),
            ("in/*", "in/day/deep/a.jsonl"),
        ] {
            assert!(matches(glob, key), "{glob} {key}");
        }
        for (glob, key) in [
            ("in/*.jsonl", "in/day/a.jsonl"),
            ("in/*.jsonl", "in/.a.jsonl"),
            ("in/*", "in/day/.git/a.jsonl"),
            ("in/*", "in/.git/a.jsonl"),
            ("in/*", "other/a.jsonl"),
        ] {
            assert!(!matches(glob, key), "{glob} {key}");
        }
    }

    #[test]
    fn no_more_is_listed_than_a_glob_can_match() {
        let folder = |glob: &str| literal_folder(glob).to_string();
        assert_eq!(folder("in/2026/*.jsonl"), "in/2026");
        assert_eq!(folder("in/2026-*/x"), "in");
        assert_eq!(folder("*.jsonl"), "");
        assert_eq!(folder("in/[ab]/x"), "in");
    }

    #[test]
    fn hidden_parts_are_those_below() {
        assert!(is_hidden("in/.git/x.txt", 1) && is_hidden(".x", 0));
        assert!(!is_hidden(".in/x.txt", 1) && !is_hidden("in/x.y/z", 0));
    }
}
