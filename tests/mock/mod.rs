//! A small deterministic model for tests of SQL over models.

use std::sync::atomic::{AtomicUsize, Ordering};

use spanql::ner::{Model, Tagged};

/// Finds capitalised words (PER, score 0.9, or 0.5 where they have three letters or fewer), words in capitals (ORG), and
/// 王 and 李 with the character after them (PER). A token is a word.
#[derive(Debug)]
pub struct Mock {
    labels: Vec<String>,
    window: Option<usize>,
    /// Texts seen so far.
    pub seen: AtomicUsize,
    /// Panics at texts that hold this.
    pub poison: Option<&'static str>,
}

impl Mock {
    /// A model that takes texts of at most so many words.
    pub fn new(window: Option<usize>) -> Self {
        Self {
            labels: vec!["PER".to_string(), "ORG".to_string()],
            window,
            seen: AtomicUsize::new(0),
            poison: None,
        }
    }
}

fn find(text: &str) -> Vec<Tagged> {
    let mut spans: Vec<Tagged> = Vec::new();
    let mut rest = 0;
    while let Some(c) = text[rest..].chars().next() {
        let (start, mut end) = (rest, rest + c.len_utf8());
        if c.is_ascii_alphabetic() {
            let word = &text[start..];
            let length = word.find(|c: char| !c.is_ascii_alphanumeric());
            let word = &word[..length.unwrap_or(word.len())];
            end = start + word.len();
            if c.is_ascii_uppercase() {
                let org = word.len() > 1 && word.bytes().all(|b| b.is_ascii_uppercase());
                let score = if word.len() > 3 { 0.9 } else { 0.5 };
                spans.push(Tagged {
                    start,
                    end,
                    label: usize::from(org),
                    score,
                });
            }
        } else if matches!(c, '王' | '李') {
            end += text[end..].chars().next().map_or(0, char::len_utf8);
            spans.push(Tagged {
                start,
                end,
                label: 0,
                score: 0.75,
            });
        }
        rest = end;
    }
    spans
}

impl Model for Mock {
    fn labels(&self) -> &[String] {
        &self.labels
    }

    fn fingerprint(&self) -> String {
        "mock 1".to_string()
    }

    fn description(&self) -> String {
        "capitalised words".to_string()
    }

    fn window(&self) -> Option<usize> {
        self.window
    }

    fn batch_tokens(&self) -> usize {
        64
    }

    fn count_tokens(&self, text: &str) -> usize {
        text.split_whitespace().count()
    }

    fn tag(&self, texts: &[&str]) -> Result<Vec<Vec<Tagged>>, String> {
        self.seen.fetch_add(texts.len(), Ordering::Relaxed);
        if let Some(poison) = self.poison {
            assert!(!texts.iter().any(|text| text.contains(poison)), "poisoned");
        }
        Ok(texts.iter().map(|text| find(text)).collect())
    }
}
