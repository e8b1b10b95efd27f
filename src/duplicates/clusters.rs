//! Which documents are one text: copies, and copies with changes.
//!
//! Documents are joined that have the same tokens, and those whose sketches are alike; a cluster is all that is joined, over
//! however many steps. That makes it a matter of the set of documents alone: not of their order, of threads, or of what was
//! clustered before. Sketches are compared where [`ROWS`] bytes of them in a row agree, a band (A. Gionis, P. Indyk,
//! R. Motwani, "Similarity search in high dimensions via hashing", 1999): of two that resemble each other by 0.6 some of the
//! 32 bands does in 99 cases of 100, by 0.8 in all. Among many that share a band, each is compared with the first and with a
//! few before it, in the order of their tokens' hashes: boilerplate makes work in proportion to its copies, not to their square.
//!
//! In memory are [`BYTES_PER_DOCUMENT`] a document, and room for sorting.

use super::groups::groups;
use super::records::Records;
use super::sketch::{BINS, ROWS, alike, resemblance};
use crate::error::{Error, Result};

/// For each document: its parent, its first exact copy, whether it has company, and its place among different texts.
pub(super) const BYTES_PER_DOCUMENT: usize = 4 + 4 + 1 + 4;

/// What sorting takes an item, at most.
pub(super) const BYTES_PER_ITEM: usize = 32 + 4;

/// And where the key is one of a band.
const BYTES_PER_SHORT_ITEM: usize = 8 + 4;

/// With so many before it a text is compared, among those that share a band.
const COMPARED: usize = 8;

/// See the module.
pub(super) struct Clusters {
    parents: Vec<u32>,
    /// Of each document the first with the same text.
    firsts: Vec<u32>,
    company: Vec<bool>,
}

impl Clusters {
    /// Finds them; `room` is how many items may be sorted at a time.
    pub(super) fn find(records: &Records, room: usize, wanted: &dyn Fn() -> bool) -> Result<Self> {
        let mut clusters = Self::exact(records, room, wanted)?;
        let texts = clusters.join_equal(records, room, wanted)?;
        for band in 0..BINS / ROWS {
            clusters.join_alike(records, &texts, band, room, wanted)?;
        }
        Ok(clusters)
    }

    /// Of each document the first with the same text, and nothing else.
    pub(super) fn exact(records: &Records, room: usize, wanted: &dyn Fn() -> bool) -> Result<Self> {
        let count = records.count();
        let mut clusters = Self {
            parents: (0..count).collect(),
            firsts: (0..count).collect(),
            company: vec![false; count as usize],
        };
        let key = |number| Some(records.content(number));
        groups(
            count,
            room,
            key,
            || go_on(wanted),
            |copies| {
                let first = copies
                    .iter()
                    .copied()
                    .reduce(|a, b| if records.earlier(b, a) { b } else { a });
                for &copy in copies {
                    clusters.firsts[copy as usize] = first.unwrap_or(copy);
                }
                go_on(wanted)
            },
        )?;
        Ok(clusters)
    }

    /// Joins documents with the same tokens. Gives one document of each different text that has a sketch, in the order of
    /// the hashes of their tokens, which depends on the texts alone.
    fn join_equal(
        &mut self,
        records: &Records,
        room: usize,
        wanted: &dyn Fn() -> bool,
    ) -> Result<Vec<u32>> {
        let count = records.count();
        groups(
            count,
            room,
            |number| Some(records.normal(number)),
            || go_on(wanted),
            |equal| {
                for pair in equal.windows(2) {
                    self.join(records, pair[0], pair[1]);
                }
                go_on(wanted)
            },
        )?;
        let stands_for_others = |number: &u32| {
            records.sketch(*number).is_some() && self.parents[*number as usize] == *number
        };
        let mut texts: Vec<u32> = (0..count).filter(stands_for_others).collect();
        texts.sort_unstable_by_key(|number| records.normal(*number));
        Ok(texts)
    }

    fn join_alike(
        &mut self,
        records: &Records,
        texts: &[u32],
        band: usize,
        room: usize,
        wanted: &dyn Fn() -> bool,
    ) -> Result<()> {
        let key = |at: u32| {
            let sketch = records.sketch(texts[at as usize])?;
            Some(u32::from_le_bytes(std::array::from_fn(|row| {
                sketch[band * ROWS + row]
            })))
        };
        // These keys take less room than hashes.
        let room = room.saturating_mul(BYTES_PER_ITEM / BYTES_PER_SHORT_ITEM);
        let count = texts.len() as u32;
        groups(
            count,
            room,
            key,
            || go_on(wanted),
            |sharing| {
                for (at, &text) in sharing.iter().enumerate().skip(1) {
                    let before = at.saturating_sub(COMPARED).max(1)..at;
                    for &other in std::iter::once(&sharing[0]).chain(&sharing[before]) {
                        let (a, b) = (texts[text as usize], texts[other as usize]);
                        if self.original(a) != self.original(b)
                            && let (Some(x), Some(y)) = (records.sketch(a), records.sketch(b))
                            && alike(x, y)
                        {
                            self.join(records, a, b);
                        }
                    }
                }
                go_on(wanted)
            },
        )
    }

    fn join(&mut self, records: &Records, a: u32, b: u32) {
        let (a, b) = (self.original(a), self.original(b));
        if a != b {
            let (first, other) = if records.earlier(a, b) {
                (a, b)
            } else {
                (b, a)
            };
            self.parents[other as usize] = first;
            self.company[first as usize] = true;
        }
    }

    /// The first document of the cluster.
    pub(super) fn original(&mut self, number: u32) -> u32 {
        let mut at = number;
        while self.parents[at as usize] != at {
            let parent = self.parents[at as usize];
            self.parents[at as usize] = self.parents[parent as usize];
            at = parent;
        }
        at
    }

    /// Whether the cluster has another document.
    pub(super) fn has_company(&mut self, number: u32) -> bool {
        let original = self.original(number);
        self.company[original as usize]
    }

    /// The first document with the same text, where it is another one.
    pub(super) fn copy_of(&self, number: u32) -> Option<u32> {
        let first = self.firsts[number as usize];
        (first != number).then_some(first)
    }

    /// How much of the cluster's original is in a document.
    pub(super) fn similarity(&mut self, records: &Records, number: u32) -> f32 {
        let original = self.original(number);
        match (records.sketch(original), records.sketch(number)) {
            (Some(a), Some(b)) if records.normal(original) != records.normal(number) => {
                resemblance(a, b)
            }
            _ => 1.0,
        }
    }
}

fn go_on(wanted: &dyn Fn() -> bool) -> Result<()> {
    if wanted() {
        Ok(())
    } else {
        Err(Error::Interrupted)
    }
}

#[cfg(test)]
mod tests {
    use super::super::records::{Document, Recorder};
    use super::super::sketch::Signature;
    use super::*;

    /// Numbers that differ, from a seed.
    fn numbers(mut seed: u64) -> impl FnMut() -> u64 {
        move || {
            seed = seed
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            seed >> 33
        }
    }

    fn find(records: &Records, room: usize) -> Vec<(Option<String>, String)> {
        let mut clusters = Clusters::find(records, room, &|| true).unwrap();
        let mut found: Vec<_> = (0..records.count())
            .filter_map(|number| {
                let id = |number| records.doc_id(number).to_string();
                let original = id(clusters.original(number));
                let company = clusters.has_company(number);
                company.then(|| {
                    (
                        clusters.copy_of(number).map(id),
                        format!("{} {original}", id(number)),
                    )
                })
            })
            .collect();
        found.sort();
        found
    }

    fn records(documents: &[(String, Option<i64>, String)]) -> Records {
        let mut recorder = Recorder::new().unwrap();
        for (doc_id, ts, text) in documents {
            let signature = Signature::of(text);
            let document = Document {
                doc_id,
                ts: *ts,
                content: u128::from_be_bytes(crate::ingest::content_hash::content_hash(text)),
                normal: signature.normal,
                sketch: signature.sketch.as_ref(),
                dropped: false,
            };
            recorder.add(&document).unwrap();
        }
        recorder.finish().unwrap()
    }

    #[test]
    fn clusters_depend_neither_on_order_nor_on_room() {
        let mut next = numbers(5);
        let mut documents = Vec::new();
        for number in 0..400 {
            let text = next() % 60;
            let mut words: Vec<String> = (0..20 + text % 40)
                .map(|n| format!("w{text}x{n}"))
                .collect();
            for _ in 0..next() % 4 {
                let at = next() as usize % words.len();
                words[at] = format!("other{}", next() % 5);
            }
            let ts = (!next().is_multiple_of(5)).then(|| (next() % 20) as i64);
            documents.push((format!("d#{number}"), ts, words.join(" ")));
        }
        let expected = find(&records(&documents), usize::MAX);
        assert!(expected.len() > 200, "{}", expected.len());
        for seed in 0..4 {
            let mut next = numbers(seed);
            for at in (1..documents.len()).rev() {
                documents.swap(at, next() as usize % (at + 1));
            }
            assert_eq!(find(&records(&documents), usize::MAX), expected);
            assert_eq!(find(&records(&documents), 7), expected);
        }
    }

    /// With a comparison of each with each this would take many minutes.
    #[test]
    fn what_all_have_in_common_is_no_work_for_each_pair() {
        let mut recorder = Recorder::new().unwrap();
        let mut next = numbers(1);
        for number in 0..10_000_u32 {
            // Half of each sketch is the same, and no two are alike; every other document is a copy of the first.
            let copy = number.is_multiple_of(2);
            let sketch =
                std::array::from_fn(|at| if copy || at % 8 < 4 { 7 } else { next() as u8 });
            let different = if copy {
                0
            } else {
                u128::from(number) << 96 | 1
            };
            let document = Document {
                doc_id: &number.to_string(),
                ts: Some(i64::from(number)),
                content: different,
                normal: different,
                sketch: Some(&sketch),
                dropped: false,
            };
            recorder.add(&document).unwrap();
        }
        let records = recorder.finish().unwrap();
        let mut clusters = Clusters::find(&records, 1 << 20, &|| true).unwrap();
        for number in 0..10_000_u32 {
            let copy = number.is_multiple_of(2);
            assert_eq!(clusters.original(number), if copy { 0 } else { number });
            assert_eq!(clusters.copy_of(number), (copy && number > 0).then_some(0));
        }
    }

    #[test]
    fn it_stops_when_nobody_waits() {
        let documents = ["a", "b"].map(|id| (id.to_string(), None, "the same".to_string()));
        let stopped = Clusters::find(&records(&documents), 10, &|| false);
        assert!(matches!(stopped, Err(Error::Interrupted)));
    }
}
