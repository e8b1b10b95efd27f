//! A small deterministic model for tests.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{Cancel, Model, Tagged};

/// Tags runs of capitalised words as NAME, and those after `at` as PLACE. A token is a word, or a Han character;
/// `拉` to `拏` make names of Han.
#[derive(Debug)]
pub(super) struct Capitals {
    pub(super) labels: Vec<String>,
    pub(super) window: Option<usize>,
    pub(super) batch: usize,
    /// The texts of each call.
    pub(super) calls: Mutex<Vec<Vec<String>>>,
    /// Fails at texts that hold this.
    pub(super) poison: Option<&'static str>,
    /// Cancelled after so many calls.
    pub(super) cancel: Option<(usize, Cancel)>,
    pub(super) count: AtomicUsize,
}

impl Default for Capitals {
    fn default() -> Self {
        Self {
            labels: vec!["NAME".into(), "PLACE".into()],
            window: None,
            batch: 1000,
            calls: Mutex::default(),
            poison: None,
            cancel: None,
            count: AtomicUsize::new(0),
        }
    }
}

/// Words with their places.
pub(super) fn words(text: &str) -> Vec<(usize, &str)> {
    let mut words = Vec::new();
    let mut start = None;
    for (at, c) in text.char_indices().chain([(text.len(), ' ')]) {
        let han = super::sentences::is_han(c);
        if (c.is_whitespace() || han)
            && let Some(start) = start.take()
        {
            words.push((start, &text[start..at]));
        }
        if han {
            words.push((at, &text[at..at + c.len_utf8()]));
        } else if !c.is_whitespace() {
            start.get_or_insert(at);
        }
    }
    words
}

/// What the model finds in a text.
pub(super) fn capitals(text: &str) -> Vec<Tagged> {
    let mut spans: Vec<Tagged> = Vec::new();
    let mut before = "";
    let mut open = false;
    for (start, word) in words(text) {
        let whole = word.trim_end_matches(|c: char| !c.is_alphanumeric());
        let first = word.chars().next().unwrap_or(' ');
        let name = (first.is_uppercase() || ('拉'..='拏').contains(&first)) && !whole.is_empty();
        if name && open {
            let last = spans.len() - 1;
            spans[last].end = start + whole.len();
        } else if name {
            spans.push(Tagged {
                start,
                end: start + whole.len(),
                label: usize::from(before == "at"),
                score: if whole.len() > 3 { 0.9 } else { 0.4567 },
            });
        }
        open = name && whole == word;
        before = word;
    }
    spans
}

impl Model for Capitals {
    fn labels(&self) -> &[String] {
        &self.labels
    }

    fn fingerprint(&self) -> String {
        "capitals 1".to_string()
    }

    fn description(&self) -> String {
        "capitalised words".to_string()
    }

    fn window(&self) -> Option<usize> {
        self.window
    }

    fn batch_tokens(&self) -> usize {
        self.batch
    }

    fn count_tokens(&self, text: &str) -> usize {
        words(text).len() + usize::from(self.window.is_some()) * 2
    }

    fn tag(&self, texts: &[&str]) -> Result<Vec<Vec<Tagged>>, String> {
        let mut calls = self.calls.lock().unwrap();
        calls.push(texts.iter().map(|text| (*text).to_string()).collect());
        drop(calls);
        let count = self.count.fetch_add(1, Ordering::Relaxed) + 1;
        if let Some((most, cancel)) = &self.cancel
            && count >= *most
        {
            cancel.cancel();
        }
        if let Some(poison) = self.poison {
            assert!(
                !texts.iter().any(|text| text.contains(poison)),
                "poisoned by {poison}"
            );
        }
        Ok(texts.iter().map(|text| capitals(text)).collect())
    }
}
