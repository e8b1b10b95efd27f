//! Which inputs are new, which were ingested before, and which of those have changed since or would be read otherwise.
//!
//! A new input gets a name that no other source has, nor anything in one: what is in `a.zip` is called `a.zip/x`, and so was
//! a file `x` in a folder `a.zip`, if there was one before.

use std::cell::OnceCell;
use std::collections::{BTreeSet, HashMap, HashSet};

use super::input::{Input, Origin};
use super::stamp::is_same;
use super::{Changed, IngestOptions, Progress};
use crate::error::{Error, Result};
use crate::store::{RecordedSource, Run};

/// The inputs of a run, sorted.
#[derive(Debug, Default)]
pub(super) struct Sorted {
    /// To be read, each under a name that no other source has.
    pub inputs: Vec<Input>,
    /// Of those, the sources whose earlier documents they replace: they have changed, were read with other options, or
    /// not to their end.
    pub replaced: BTreeSet<String>,
    /// Of these, the sources of which the store has all.
    pub whole: BTreeSet<String>,
    /// How many were ingested before, and are what they were as far as anybody can tell.
    pub skipped: u64,
    /// How many have changed, or were read with other options, and are left as they were ingested.
    pub changed: u64,
}

/// Sorts the inputs by what finished runs have read.
pub(super) fn sort(
    inputs: Vec<Input>,
    run: &Run,
    options: &IngestOptions,
    progress: &dyn Progress,
) -> Result<Sorted> {
    let sources = || run.records().iter().flat_map(|record| &record.sources);
    let names: HashSet<&str> = sources().map(|source| source.source.as_str()).collect();
    // What was read last counts.
    let known: HashMap<&str, &RecordedSource> = sources()
        .filter_map(|source| Some((source.path.as_deref()?, source)))
        .collect();
    let mut taken: HashSet<String> = HashSet::new();
    let sorted_names: OnceCell<Vec<&str>> = OnceCell::new();
    let mut sorted = Sorted::default();
    let mut others = Others::default();
    for mut input in inputs {
        let before = input.identity.as_deref().and_then(|path| known.get(path));
        if let Some(before) = before {
            let shape = options.shape(input.format);
            let then = before.options.as_ref().filter(|then| **then != shape);
            if !before.unfinished && then.is_none() && !has_changed(&input, before, progress)? {
                sorted.skipped += 1;
            } else if let Some(then) = then
                && !before.unfinished
                && options.changed == Changed::Keep
            {
                others.add(&input.source, then, &shape);
                sorted.changed += 1;
            } else if !before.unfinished && options.changed == Changed::Keep {
                tracing::warn!(
                    "{} has changed since it was ingested: what was ingested is kept (--changed replace ingests it anew)",
                    input.source
                );
                sorted.changed += 1;
            } else {
                input.source = before.source.clone();
                sorted.replaced.insert(before.source.clone());
                if !before.unfinished {
                    sorted.whole.insert(before.source.clone());
                }
                sorted.inputs.push(input);
            }
            continue;
        }
        let is_there = |name: &str| names.contains(name) || taken.contains(name);
        let free = |name: &str| {
            let mut around = name.match_indices('/').map(|(at, _)| &name[..at]);
            let holds = input.format.is_archive() && {
                let sorted = sorted_names.get_or_init(|| {
                    let mut sorted: Vec<&str> = names.iter().copied().collect();
                    sorted.sort_unstable();
                    sorted
                });
                let inside = format!("{name}/");
                let at = sorted.partition_point(|other| *other < inside.as_str());
                sorted
                    .get(at)
                    .is_some_and(|other| other.starts_with(&inside))
            };
            !is_there(name) && !around.any(is_there) && !holds
        };
        let source = match &input.identity {
            Some(path) if !free(&input.source) => path.clone(),
            Some(_) => input.source.clone(),
            None => format!("{}-{}", input.source, run.id),
        };
        // A path may be taken, too: by a link that stood there when it was ingested, or what is around it by an archive.
        let mut around = source.match_indices('/').map(|(at, _)| at);
        let around = around.find(|at| is_there(&source[..*at]));
        let (taken_name, inside) = source.split_at(around.unwrap_or(source.len()));
        input.source = std::iter::once(source.clone())
            .chain((2..).map(|n| format!("{taken_name} ({n}){inside}")))
            .find(|name| free(name))
            .expect("only so many names are taken");
        taken.insert(input.source.clone());
        sorted.inputs.push(input);
    }
    others.warn();
    Ok(sorted)
}

/// Sources that were ingested with other options: often all of a folder, so that they are told at once.
#[derive(Debug, Default)]
struct Others {
    first: String,
    more: u64,
}

impl Others {
    fn add(&mut self, source: &str, then: &str, now: &str) {
        if self.first.is_empty() {
            self.first =
                format!("{source} was ingested with other options (then: {then}; now: {now})");
        } else {
            self.more += 1;
        }
    }

    fn warn(&self) {
        let more = match self.more {
            0 if self.first.is_empty() => return,
            0 => String::new(),
            more => format!(", and so were {more} more"),
        };
        tracing::warn!(
            "{}{more}: what was ingested is kept (--changed replace ingests it anew)",
            self.first
        );
    }
}

/// Streams, and what was ingested before stamps were, cannot be told to have changed.
fn has_changed(input: &Input, before: &RecordedSource, progress: &dyn Progress) -> Result<bool> {
    let Some(stamp) = &before.stamp else {
        return Ok(false);
    };
    let same = match &input.origin {
        Origin::File { path, .. } if path.is_file() => {
            is_same(path, stamp).map_err(Error::io(path))?
        }
        Origin::Object { object, .. } => match object.is_same(stamp, progress) {
            Err(_) if progress.cancelled() => return Err(Error::Interrupted),
            same => same.map_err(Error::io(&input.source))?,
        },
        Origin::File { .. } | Origin::Stream(_) => true,
    };
    Ok(!same)
}
