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
    /// Texts that were asked about, blank ones aside.
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
    /// says so before a batch is through.
    pub fn tag(&self, texts: &[&str], cancel: &Cancel) -> Result<(Vec<Arc<[Tagged]>>, Usage)> {
        let mut usage = Usage::default();
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
            usage.texts += 1;
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
            parts.extend(
                all[first..]
                    .iter()
                    .map(|window| &text[window.range.clone()]),
            );
            of_text.push(first..all.len());
        }
        let mut order: Vec<usize> = (0..all.len()).collect();
        order.sort_by_key(|&part| all[part].tokens);
        let mut spans: Vec<Vec<Tagged>> = vec![Vec::new(); all.len()];
        let mut rest = &order[..];
        while !rest.is_empty() {
            let (batch, later) = rest.split_at(self.batch(rest, &all));
            rest = later;
            self.run(batch, &parts, &mut spans, cancel, usage)?;
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
        let fits =
            |&(count, &part): &(usize, &usize)| (count + 1) * all[part].tokens.max(1) <= most;
        next.iter().enumerate().take_while(fits).count().max(1)
    }

    fn run(
        &self,
        batch: &[usize],
        parts: &[&str],
        spans: &mut [Vec<Tagged>],
        cancel: &Cancel,
        usage: &mut Usage,
    ) -> Result<()> {
        if cancel.is_cancelled() {
            return Err(Error::Interrupted);
        }
        let texts: Vec<&str> = batch.iter().map(|&part| parts[part]).collect();
        let started = Instant::now();
        let found = self.guarded(|| self.model.tag_until(&texts, cancel))?;
        usage.time += started.elapsed();
        if cancel.is_cancelled() {
            return Err(Error::Interrupted);
        }
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
pub(crate) struct Panic<'a>(pub(crate) &'a (dyn Any + Send));

impl fmt::Display for Panic<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| self.0.downcast_ref::<&str>().copied());
        f.write_str(text.unwrap_or("without a message"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::{Capitals, capitals};
    use super::*;

    const CACHE: usize = 1 << 20;

    fn scheduler(model: Capitals, cache: usize) -> (Arc<Capitals>, Scheduler) {
        let model = Arc::new(model);
        let shared: Arc<dyn Model> = Arc::clone(&model) as Arc<dyn Model>;
        (model, Scheduler::new("mock", shared, cache))
    }

    fn tag(scheduler: &Scheduler, texts: &[&str]) -> (Vec<Vec<Tagged>>, Usage) {
        let (spans, usage) = scheduler.tag(texts, &Cancel::default()).unwrap();
        (spans.iter().map(|s| s.to_vec()).collect(), usage)
    }

    fn error(scheduler: &Scheduler, texts: &[&str]) -> String {
        let error = scheduler.tag(texts, &Cancel::default()).unwrap_err();
        error.to_string()
    }

    fn calls(model: &Capitals) -> Vec<Vec<String>> {
        std::mem::take(&mut *model.calls.lock().unwrap())
    }

    #[test]
    fn each_text_is_seen_once() {
        let (model, scheduler) = scheduler(Capitals::default(), CACHE);
        let texts = ["Ann left", "", "no one", "Ann left", " \n", "Ann left"];
        let (found, usage) = tag(&scheduler, &texts);
        let expected: Vec<_> = texts.iter().map(|text| rounded(capitals(text))).collect();
        assert_eq!(found, expected);
        assert_eq!((usage.texts, usage.cache_hits, usage.tokens), (4, 2, 4));
        assert_eq!(calls(&model), [["Ann left", "no one"]]);

        let (found, usage) = tag(&scheduler, &["no one", "Bob", "Ann left"]);
        assert_eq!(found[2], expected[0]);
        assert_eq!((usage.texts, usage.cache_hits, usage.tokens), (3, 2, 1));
        assert_eq!(calls(&model), [["Bob"]]);
        assert_eq!(tag(&scheduler, &[]), (vec![], Usage::default()));
    }

    fn rounded(mut spans: Vec<Tagged>) -> Vec<Tagged> {
        for span in &mut spans {
            span.score = (span.score * STEPS).round() / STEPS;
        }
        spans
    }

    #[test]
    fn batches_are_of_similar_lengths_and_cut_by_tokens() {
        let model = Capitals {
            batch: 6,
            ..Capitals::default()
        };
        let (model, scheduler) = scheduler(model, 0);
        tag(
            &scheduler,
            &["a b c", "d", "e f g h i j k l", "m n o", "p", "q"],
        );
        let expected = [
            &["d", "p", "q"][..],
            &["a b c", "m n o"],
            &["e f g h i j k l"],
        ];
        assert_eq!(calls(&model), expected);
    }

    #[test]
    fn a_panic_is_an_error_and_the_model_goes_on() {
        let model = Capitals {
            poison: Some("Mallory"),
            ..Capitals::default()
        };
        let (_, scheduler) = scheduler(model, CACHE);
        assert_eq!(
            error(&scheduler, &["Ann", "Mallory"]),
            "model mock: it panicked: poisoned by Mallory"
        );
        assert_eq!(tag(&scheduler, &["Ann"]).0[0].len(), 1);
    }

    #[test]
    fn nothing_is_asked_once_cancelled() {
        let cancel = Cancel::default();
        let model = Capitals {
            batch: 1,
            cancel: Some((3, cancel.clone())),
            ..Capitals::default()
        };
        let (model, scheduler) = scheduler(model, CACHE);
        let texts: Vec<String> = (0..100).map(|n| format!("text{n}")).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let ended = scheduler.tag(&texts, &cancel);
        assert!(matches!(ended, Err(Error::Interrupted)), "{ended:?}");
        assert_eq!(calls(&model).len(), 3);
    }

    #[derive(Debug)]
    struct Says(Result<Vec<Vec<Tagged>>, String>);

    impl Model for Says {
        fn labels(&self) -> &[String] {
            const LABELS: &[String] = &[String::new()];
            LABELS
        }

        fn fingerprint(&self) -> String {
            String::new()
        }

        fn window(&self) -> Option<usize> {
            None
        }

        fn batch_tokens(&self) -> usize {
            0
        }

        fn count_tokens(&self, _: &str) -> usize {
            0
        }

        fn tag(&self, _: &[&str]) -> Result<Vec<Vec<Tagged>>, String> {
            self.0.clone()
        }
    }

    #[test]
    fn what_a_model_says_is_checked() {
        let good = Tagged {
            start: 0,
            end: 3,
            label: 0,
            score: 0.12345,
        };
        let of = |said| Scheduler::new("bad", Arc::new(Says(said)), CACHE);
        let (found, _) = tag(&of(Ok(vec![vec![good]])), &["北京"]);
        assert_eq!(found[0][0].score, 0.123);
        for bad in [
            Tagged { start: 1, ..good },
            Tagged { end: 4, ..good },
            Tagged { end: 9, ..good },
            Tagged { end: 0, ..good },
            Tagged {
                start: 6,
                end: 3,
                ..good
            },
            Tagged { label: 1, ..good },
            Tagged {
                score: f32::NAN,
                ..good
            },
            Tagged { score: 1.1, ..good },
        ] {
            let error = error(&of(Ok(vec![vec![bad]])), &["北京"]);
            assert!(error.starts_with("model bad: it gave Tagged"), "{error}");
        }
        assert_eq!(
            error(&of(Err("no weights".into())), &["x"]),
            "model bad: no weights"
        );
        assert_eq!(
            error(&of(Ok(vec![])), &["x"]),
            "model bad: it gave 0 answers for 1 texts"
        );
        // Overlaps are settled, not passed on.
        let over = Tagged { end: 6, ..good };
        let (found, _) = tag(&of(Ok(vec![vec![good, over]])), &["北京"]);
        assert_eq!(found[0].len(), 1);
        assert_eq!(found[0][0].end, 6);
    }

    #[test]
    fn odd_texts_go_through() {
        for (window, bytes) in [(None, 10 << 20), (Some(64), 1 << 20)] {
            let model = Capitals {
                window,
                batch: 256,
                ..Capitals::default()
            };
            let (_, scheduler) = scheduler(model, CACHE);
            let long = format!(
                "{}Ann met Bob. ",
                "nothing to see here. ".repeat(bytes / 20)
            );
            let (found, usage) = tag(&scheduler, &["", "😀", "\u{FFFD}\u{FFFD}", &long, "\0"]);
            let counts: Vec<usize> = found.iter().map(Vec::len).collect();
            assert_eq!(counts, [0, 0, 0, 2, 0]);
            assert!(long.len() > bytes && usage.tokens > bytes / 5);
            assert_eq!(&long[found[3][1].start..found[3][1].end], "Bob");
        }
    }

    #[test]
    fn threads_share_one_scheduler() {
        let model = Capitals {
            window: Some(20),
            batch: 64,
            ..Capitals::default()
        };
        let (_, scheduler) = scheduler(model, 4 << 10);
        let texts: Vec<String> = (0..300)
            .map(|n| format!("w{} Ann at Rome, w{}. ", n % 70, n % 7).repeat(n % 5 + 1))
            .collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let alone: Vec<_> = tag(&scheduler, &texts).0;
        std::thread::scope(|scope| {
            for step in [1, 7, 64] {
                let (scheduler, texts, alone) = (&scheduler, &texts, &alone);
                scope.spawn(move || {
                    for (texts, alone) in texts.chunks(step).zip(alone.chunks(step)) {
                        assert_eq!(tag(scheduler, texts).0, alone);
                    }
                });
            }
        });
    }

    proptest! {
        #[test]
        fn answers_depend_on_the_text_alone(
            texts in prop::collection::vec("((Ann|at|[a-z]{1,4}|拉|😀)[ ,.。\n]{0,2}){0,60}", 1..30),
            picks in prop::collection::vec(0..1000usize, 1..60),
            step in 1..40usize,
            batch in 1..200usize,
            window in prop::option::of(3..40usize),
            cache in prop::sample::select(vec![0, 2_000, CACHE]),
        ) {
            let model = || Capitals { window, batch, ..Capitals::default() };
            let rows: Vec<&str> = picks.iter().map(|pick| texts[pick % texts.len()].as_str()).collect();
            let (_, one_by_one) = scheduler(model(), 0);
            let expected: Vec<_> = rows.iter().map(|row| tag(&one_by_one, &[row]).0.remove(0)).collect();
            let (_, scheduler) = scheduler(Capitals { batch: 1000, ..model() }, cache);
            let (_, other) = self::scheduler(model(), cache);
            for scheduler in [&scheduler, &other] {
                for _ in 0..2 {
                    let found: Vec<_> = rows.chunks(step).flat_map(|rows| tag(scheduler, rows).0).collect();
                    prop_assert_eq!(&found, &expected);
                }
            }
            for (row, spans) in rows.iter().zip(&expected) {
                for pair in spans.windows(2) {
                    prop_assert!(pair[0].end <= pair[1].start);
                }
                for span in spans {
                    prop_assert!(row.get(span.start..span.end).is_some());
                }
            }
        }
    }
}
