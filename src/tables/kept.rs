//! Which kept entities are current, and what is left to compute.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::ner::Models;
use crate::store::{Committed, documents_of, labels_of};

/// The kept entities of some files of documents, as far as the present recognizers would find the same.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    files: Vec<File>,
    /// By file of documents, in their order: label → the file that has its entities.
    served: Vec<BTreeMap<String, usize>>,
}

#[derive(Debug)]
struct File {
    path: PathBuf,
    /// How many labels it holds, those that are not current included.
    labels: usize,
}

/// What answers a question about some labels.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Split {
    /// Kept files, by the labels that are to be read out of them.
    pub kept: Vec<FromKept>,
    /// Files of documents, by their numbers, and the labels that they are to be scanned for.
    pub rest: Vec<(Vec<usize>, Vec<String>)>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct FromKept {
    pub files: Vec<PathBuf>,
    pub labels: Vec<String>,
    /// Whether the files hold nothing but these labels.
    pub whole: bool,
}

impl Kept {
    /// Looks what is kept; a file that cannot be read counts for nothing.
    pub(crate) fn of(committed: &Committed, models: &Models) -> Self {
        let mut kept = Self {
            files: Vec::new(),
            served: vec![BTreeMap::new(); committed.documents.len()],
        };
        if committed.entities.is_empty() {
            return kept;
        }
        let current: BTreeMap<&str, String> = models
            .registry()
            .labels()
            .map(|label| (label, models.label_fingerprint(label)))
            .collect();
        let name = |path: &PathBuf| {
            let name = path.file_name().unwrap_or_default();
            name.to_string_lossy().into_owned()
        };
        let numbers: BTreeMap<String, usize> = committed
            .documents
            .iter()
            .enumerate()
            .map(|(number, path)| (name(path), number))
            .collect();
        for path in &committed.entities {
            let Some(&number) = documents_of(&name(path)).and_then(|file| numbers.get(&file))
            else {
                continue;
            };
            let labels = match labels_of(path) {
                Ok(labels) => labels,
                Err(error) => {
                    tracing::warn!(
                        "{}: {error}; its entities are computed anew",
                        path.display()
                    );
                    continue;
                }
            };
            let count = labels.len();
            let fresh = labels
                .into_iter()
                .filter(|(label, fingerprint)| current.get(label.as_str()) == Some(fingerprint));
            for (label, _) in fresh {
                // Of two files that have them the first counts, so that none is counted twice.
                kept.served[number].entry(label).or_insert(kept.files.len());
            }
            kept.files.push(File {
                path: path.clone(),
                labels: count,
            });
        }
        kept
    }

    /// Whether nothing that is kept is current.
    pub(crate) fn is_empty(&self) -> bool {
        self.served.iter().all(BTreeMap::is_empty)
    }

    /// The labels, of these, that a file of documents has no current entities under.
    pub(crate) fn missing(&self, number: usize, labels: &[String]) -> Vec<String> {
        let served = &self.served[number];
        let missing = labels.iter().filter(|label| !served.contains_key(*label));
        missing.cloned().collect()
    }

    /// How many files of documents have current entities under a label.
    pub(crate) fn current(&self, label: &str) -> usize {
        self.served
            .iter()
            .filter(|served| served.contains_key(label))
            .count()
    }

    /// The files that have nothing current that another has not.
    pub(crate) fn outdated(&self) -> Vec<PathBuf> {
        let files = self.files.iter().enumerate();
        files
            .filter(|(at, _)| {
                !self
                    .served
                    .iter()
                    .any(|served| served.values().any(|of| of == at))
            })
            .map(|(_, file)| file.path.clone())
            .collect()
    }

    /// Where the entities of some labels come from.
    pub(crate) fn split(&self, labels: &[String]) -> Split {
        let mut kept: BTreeMap<usize, Vec<String>> = BTreeMap::new();
        let mut rest: BTreeMap<Vec<String>, Vec<usize>> = BTreeMap::new();
        for (number, served) in self.served.iter().enumerate() {
            let missing = self.missing(number, labels);
            for label in labels {
                if let Some(&file) = served.get(label) {
                    kept.entry(file).or_default().push(label.clone());
                }
            }
            if !missing.is_empty() {
                rest.entry(missing).or_default().push(number);
            }
        }
        let mut groups: BTreeMap<(Vec<String>, bool), Vec<PathBuf>> = BTreeMap::new();
        for (file, labels) in kept {
            let file = &self.files[file];
            let whole = file.labels == labels.len();
            groups
                .entry((labels, whole))
                .or_default()
                .push(file.path.clone());
        }
        let kept = groups.into_iter().map(|((labels, whole), files)| FromKept {
            files,
            labels,
            whole,
        });
        Split {
            kept: kept.collect(),
            rest: rest
                .into_iter()
                .map(|(labels, numbers)| (numbers, labels))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(labels: &[&str]) -> Vec<String> {
        labels.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_is_kept_is_read_and_the_rest_is_computed() {
        let file = |path: &str, labels| File {
            path: path.into(),
            labels,
        };
        let served = |pairs: &[(&str, usize)]| {
            pairs
                .iter()
                .map(|(label, file)| (label.to_string(), *file))
                .collect()
        };
        let kept = Kept {
            files: vec![file("a", 2), file("b", 2), file("c", 1), file("old", 2)],
            served: vec![
                served(&[("A", 0), ("B", 0)]),
                served(&[("A", 1), ("B", 2)]),
                served(&[]),
                served(&[]),
            ],
        };
        let from = |file: &str, labels: &[&str], whole| FromKept {
            files: vec![file.into()],
            labels: strings(labels),
            whole,
        };
        let split = kept.split(&strings(&["A", "B"]));
        assert_eq!(
            split.kept,
            [
                from("b", &["A"], false),
                from("a", &["A", "B"], true),
                from("c", &["B"], true)
            ]
        );
        assert_eq!(split.rest, [(vec![2, 3], strings(&["A", "B"]))]);
        let split = kept.split(&strings(&["B", "C"]));
        assert_eq!(
            split.kept,
            [from("a", &["B"], false), from("c", &["B"], true)]
        );
        assert_eq!(
            split.rest,
            [
                (vec![2, 3], strings(&["B", "C"])),
                (vec![0, 1], strings(&["C"]))
            ]
        );
        assert_eq!(kept.outdated(), [PathBuf::from("old")]);
        assert_eq!((kept.current("A"), kept.current("C")), (2, 0));
        assert_eq!(kept.split(&[]), Split::default());
    }
}
