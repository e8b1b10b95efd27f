//! [`Scheduler`]: what every model needs around it, once a session.
//!
//! Owns the way of many texts through one model: each text once, from the cache where it is known, long ones in windows,
//! batches by tokens, of similar lengths. Which texts are worth asking about is not decided here, nor what labels and
//! scores mean.
//!
//! A model that works on the caller's thread is simply called there, by as many threads at once as there are; there is
//! no queue.

use std::any::Any;
use std::collections::HashMap;
use std::fmt;
use std::ops::{AddAssign, Range};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::cache::{BuildAsItIs, Cache, Key};
use super::windows::{Window, merge, windows};
use super::{Cancel, Model, Tagged};
use crate::error::{Error, Result};

/// Scores are rounded to thousandths: beyond them they depend on what a processor does with the last bits.
const STEPS: f32 = 1000.0;

/// One model, its cache, and the way to it. Shared by threads.
#[derive(Debug)]
pub struct Scheduler {
    name: String,
    model: Arc<dyn Model>,
    cache: Cache,
}

/// What it took to answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Texts that were asked about.
    pub texts: usize,
    /// Those among them whose answer was known: they were asked about before, or stand more than once among these.
    pub cache_hits: usize,
    /// Tokens that the model was given; where windows overlap they count twice.
    pub tokens: usize,
    /// Time inside the model.
    pub time: Duration,
}

impl AddAssign for Usage {
    fn add_assign(&mut self, more: Self) {
        self.texts += more.texts;
        self.cache_hits += more.cache_hits;
        self.tokens += more.tokens;
        self.time += more.time;
    }
}

impl Scheduler {
    /// A scheduler for a model, whose name is for messages. At most `cache_bytes` go into what is known of texts.
    #[must_use]
    pub fn new(name: &str, model: Arc<dyn Model>, cache_bytes: usize) -> Self {
        Self {
            name: name.to_string(),
            model,
            cache: Cache::new(cache_bytes),
        }
    }

    /// The model.
    #[must_use]
    pub fn model(&self) -> &Arc<dyn Model> {
        &self.model
    }

    /// The spans of each text, in the order of the texts: ascending, without overlaps. They depend on the text alone.
    ///
    /// # Errors
    /// [`Error::Model`] where the model fails or panics, or says what cannot be; [`Error::Interrupted`] where `cancel`
    /// says so between two batches.
    pub fn tag(&self, texts: &[&str], cancel: &Cancel) -> Result<(Vec<Arc<[Tagged]>>, Usage)> {
        let mut usage = Usage {
            texts: texts.len(),
            ..Usage::default()
        };
        let mut answers: Vec<Arc<[Tagged]>> = vec![Arc::default(); texts.len()];
        let mut asked: HashMap<Key, usize, BuildAsItIs> = HashMap::default();
        let mut new: Vec<(Key, &str)> = Vec::new();
        // Rows whose answer comes with the new text of that number.
        let mut waiting: Vec<(usize, usize)> = Vec::new();
        for (row, &text) in texts.iter().enumerate() {
            // A blank text has no names, and is none of a model's business.
            if text.trim_start().is_empty() {
                continue;
            }
            let key = Key::of(text);
            if let Some(&known) = asked.get(&key) {
                waiting.push((row, known));
                usage.cache_hits += 1;
            } else if let Some(answer) = self.cache.get(&key) {
                answers[row] = answer;
                usage.cache_hits += 1;
            } else {
                asked.insert(key, new.len());
                waiting.push((row, new.len()));
                new.push((key, text));
            }
        }
        let found = self.infer(&new, cancel, &mut usage)?;
        for (row, number) in waiting {
            answers[row] = Arc::clone(&found[number]);
        }
        for ((key, _), spans) in new.into_iter().zip(found) {
            self.cache.insert(key, spans);
        }
        Ok((answers, usage))
    }

    /// The spans of texts that are not known yet.
    fn infer(
        &self,
        texts: &[(Key, &str)],
        cancel: &Cancel,
        usage: &mut Usage,
    ) -> Result<Vec<Arc<[Tagged]>>> {
        let mut all: Vec<Window> = Vec::with_capacity(texts.len());
        let mut of_text: Vec<Range<usize>> = Vec::with_capacity(texts.len());
        let mut parts: Vec<&str> = Vec::with_capacity(texts.len());
        for (_, text) in texts {
            let first = all.len();
            self.guarded(|| windows(text, &*self.model, &mut all))?;
            parts.extend(all[first..].iter().map(|window| &text[window.range.clone()]));
            of_text.push(first..all.len());
        }
        let mut order: Vec<usize> = (0..all.len()).collect();
        order.sort_by_key(|&part| all[part].tokens);
        let mut spans: Vec<Vec<Tagged>> = vec![Vec::new(); all.len()];
        let mut rest = &order[..];
        while !rest.is_empty() {
            if cancel.is_cancelled() {
                return Err(Error::Interrupted);
            }
            let (batch, later) = rest.split_at(self.batch(rest, &all));
            rest = later;
            self.run(batch, &parts, &mut spans, usage)?;
            usage.tokens += batch.iter().map(|&part| all[part].tokens).sum::<usize>();
        }
        let merged = of_text
            .into_iter()
            .map(|range| merge(&all[range.clone()], &mut spans[range]).into());
        Ok(merged.collect())
    }

    /// How many of the next parts go into one batch: each counts as many tokens as the longest, which is the last.
    fn batch(&self, next: &[usize], all: &[Window]) -> usize {
        let most = self.model.batch_tokens();
        let fits = |&(count, &part): &(usize, &usize)| (count + 1) * all[part].tokens.max(1) <= most;
        next.iter().enumerate().take_while(fits).count().max(1)
    }

    fn run(
        &self,
        batch: &[usize],
        parts: &[&str],
        spans: &mut [Vec<Tagged>],
        usage: &mut Usage,
    ) -> Result<()> {
        let texts: Vec<&str> = batch.iter().map(|&part| parts[part]).collect();
        let started = Instant::now();
        let found = self.guarded(|| self.model.tag(&texts))?;
        usage.time += started.elapsed();
        let found = found.map_err(|message| self.failed(message))?;
        if found.len() != texts.len() {
            let message = format!("it gave {} answers for {} texts", found.len(), texts.len());
            return Err(self.failed(message));
        }
        for ((&part, text), mut found) in batch.iter().zip(texts).zip(found) {
            for span in &mut found {
                self.check(span, text)?;
                span.score = (span.score * STEPS).round() / STEPS;
            }
            spans[part] = found;
        }
        Ok(())
    }

    /// What a model says is checked once here, so that nobody after it slices a text in the midst of a character.
    fn check(&self, span: &Tagged, text: &str) -> Result<()> {
        let whole = span.start < span.end && text.get(span.start..span.end).is_some();
        if whole && span.label < self.model.labels().len() && (0.0..=1.0).contains(&span.score) {
            return Ok(());
        }
        let labels = self.model.labels().len();
        Err(self.failed(format!(
            "it gave {span:?}, which cannot be: the text has {} bytes, it has {labels} labels",
            text.len()
        )))
    }

    /// Calls the model; its panic is an error of the query that asked.
    fn guarded<T>(&self, call: impl FnOnce() -> T) -> Result<T> {
        catch_unwind(AssertUnwindSafe(call))
            .map_err(|panic| self.failed(format!("it panicked: {}", Panic(&*panic))))
    }

    fn failed(&self, message: String) -> Error {
        Error::Model {
            model: self.name.clone(),
            message,
        }
    }
}

/// What a panic says.
struct Panic<'a>(&'a (dyn Any + Send));

impl fmt::Display for Panic<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| self.0.downcast_ref::<&str>().copied());
        f.write_str(text.unwrap_or("without a message"))
    }
}
