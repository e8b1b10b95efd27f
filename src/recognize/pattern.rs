//! User patterns: a named regular expression, searched only where its prefilter says a match can be.
//!
//! Answers are exactly those of the `regex` crate's `find_iter` over the whole text: leftmost-first, not overlapping,
//! look-around seeing the text around. How a window is chosen is `prefilter.rs`'s business.

use std::borrow::Cow;
use std::cell::Cell;
use std::ops::Range;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;

use regex_automata::meta::{BuildError, Cache, Regex};
use regex_automata::util::iter::Searcher;
use regex_automata::util::pool::Pool;
use regex_automata::util::primitives::NonMaxUsize;
use regex_automata::{Input, Match, PatternID};

use super::context::checked_score;
use super::dispatch::Dispatch;
use super::prefilter::{Prefilter, Window};
use super::{Anchor, Cancel, Found, Recognizer};
use crate::error::{Error, Result};

/// What a compiled pattern may take in memory; the `regex` crate's own limit.
const SIZE_LIMIT: usize = 10 << 20;

/// A compiled pattern. Cloning is cheap.
///
/// ```
/// use spanql::recognize::Pattern;
/// let order = Pattern::new("ORDER", r"\bORD-(\d{4})\b", 1)?;
/// let mut found = Vec::new();
/// order.find_all("ORD-0001, ORD-0002", |range| {
///     found.push(range);
///     true
/// });
/// assert_eq!(found, [Some(4..8), Some(14..18)]);
/// # Ok::<(), spanql::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Pattern {
    label: Arc<str>,
    name: Arc<str>,
    origin: Arc<str>,
    score: f32,
    compiled: Arc<Compiled>,
}

#[derive(Debug)]
struct Compiled {
    pattern: String,
    group: usize,
    regex: Regex,
    prefilter: Option<Prefilter>,
    /// For `find_all`; a scan has one for all its recognizers.
    dispatch: Dispatch,
    /// For `find_all`; a scan keeps its engines in its scratch.
    pool: Pool<Engine, MakeEngine>,
}

type MakeEngine = Box<dyn Fn() -> Engine + Send + Sync + UnwindSafe + RefUnwindSafe>;

/// What one thread needs to search.
#[derive(Debug)]
struct Engine {
    cache: Cache,
    slots: Vec<Option<NonMaxUsize>>,
}

impl Pattern {
    /// Compiles `pattern` in the syntax of the `regex` crate, Unicode on; `group` 0 is the whole match.
    ///
    /// # Errors
    /// [`Error::Pattern`] where it does not compile, takes more than 10 MB, or has no such group.
    pub fn new(label: &str, pattern: &str, group: usize) -> Result<Self> {
        let fail = |message: String| Error::Pattern {
            pattern: pattern.to_string(),
            message,
        };
        let hir = regex_syntax::parse(pattern).map_err(|e| fail(e.to_string()))?;
        let config = Regex::config()
            .nfa_size_limit(Some(SIZE_LIMIT))
            .onepass_size_limit(Some(SIZE_LIMIT / 10));
        let regex = Regex::builder()
            .configure(config)
            .build_from_hir(&hir)
            .map_err(|e| fail(build_message(&e)))?;
        let groups = regex.group_info().group_len(PatternID::ZERO);
        if group >= groups {
            return Err(fail(match groups {
                1 => format!(
                    "it has no group {group}: it has no groups, so leave `group` out or write one in (…)"
                ),
                _ => format!(
                    "it has no group {group}: its groups are 1 to {}",
                    groups - 1
                ),
            }));
        }
        let prefilter = Prefilter::of(&hir);
        let anchors = prefilter.as_ref().map_or(Vec::new(), Prefilter::anchors);
        let dispatch = Dispatch::new(std::iter::once((0, anchors)));
        let of_pool = regex.clone();
        let make: MakeEngine = Box::new(move || Engine::new(&of_pool, group));
        let pool = Pool::new(make);
        let compiled = Compiled {
            pattern: pattern.to_string(),
            group,
            regex,
            prefilter,
            dispatch,
            pool,
        };
        Ok(Self {
            label: label.into(),
            name: format!("pattern:{label}").into(),
            origin: "in code".into(),
            score: 1.0,
            compiled: Arc::new(compiled),
        })
    }

    /// The same pattern with this score for all that it finds, 1 where nothing is said.
    ///
    /// # Errors
    /// A message where it is not from 0 to 1.
    pub fn with_score(self, score: f32) -> Result<Self, String> {
        let score = checked_score(score)?;
        Ok(Self { score, ..self })
    }

    /// The same pattern with the place of its definition, such as `spanql.toml:3`.
    #[must_use]
    pub fn with_origin(self, origin: &str) -> Self {
        Self {
            origin: origin.into(),
            ..self
        }
    }

    /// The same pattern under the name `pattern:LABEL#number`, if that is not the first.
    pub(super) fn numbered(self, number: usize) -> Self {
        if number == 1 {
            return self;
        }
        Self {
            name: format!("{}#{number}", self.name).into(),
            ..self
        }
    }

    /// Calls `found` with every match (or its group; `None` where the group took no part), in order, as `find_iter`
    /// of the `regex` crate gives them, empty ones included, as long as it says to go on.
    pub fn find_all(&self, text: &str, mut found: impl FnMut(Option<Range<usize>>) -> bool) {
        let compiled = &*self.compiled;
        let goes_on = Cell::new(true);
        let mut found = |range| {
            goes_on.set(found(range));
            goes_on.get()
        };
        let Some(prefilter) = &compiled.prefilter else {
            compiled.search(
                &mut compiled.pool.get(),
                text,
                0..text.len(),
                usize::MAX,
                &mut found,
            );
            return;
        };
        let mut engine = None;
        let mut floor = 0;
        let mut resume = 0;
        compiled.dispatch.run(text, |_, at| {
            if at >= resume {
                resume = match prefilter.window(text.as_bytes(), at, floor) {
                    None => at + 1,
                    Some(window) => {
                        let engine = engine.get_or_insert_with(|| compiled.pool.get());
                        compiled.search_window(window, engine, text, at, &mut floor, &mut found)
                    }
                };
            }
            goes_on.get().then_some(resume)
        });
    }
}

impl Recognizer for Pattern {
    fn label(&self) -> &str {
        &self.label
    }
    fn name(&self) -> &str {
        &self.name
    }
    fn definition(&self) -> Cow<'_, str> {
        let Compiled { group, pattern, .. } = &*self.compiled;
        Cow::Owned(format!("{group}:{}:{pattern}", self.score))
    }
    fn anchors(&self) -> Vec<Anchor> {
        match &self.compiled.prefilter {
            Some(prefilter) => prefilter.anchors(),
            None => vec![Anchor::Start],
        }
    }
    fn folds_width(&self) -> bool {
        false
    }
    fn score(&self) -> f32 {
        self.score
    }
    fn origin(&self) -> &str {
        &self.origin
    }
    fn description(&self) -> &str {
        &self.compiled.pattern
    }
    fn verify(&self, text: &str, at: usize, found: &mut Found<'_>) -> usize {
        let compiled = &*self.compiled;
        let Found {
            spans,
            recognizer,
            floor,
            memory,
            score,
            cancel,
            ..
        } = found;
        // An empty match, or a group that took no part, is no entity. Each search may go to the end of the text: one that
        // nobody waits for is the last.
        let mut push = |range: Option<Range<usize>>| {
            if let Some(range) = range.filter(|range| !range.is_empty()) {
                spans.push(super::Span {
                    start: range.start,
                    end: range.end,
                    recognizer: *recognizer,
                    score: *score,
                });
            }
            !cancel.is_some_and(Cancel::is_cancelled)
        };
        let make = || Engine::new(&compiled.regex, compiled.group);
        let Some(prefilter) = &compiled.prefilter else {
            let engine = memory.get_or_insert_with(make);
            compiled.search(engine, text, 0..text.len(), usize::MAX, &mut push);
            return usize::MAX;
        };
        let Some(window) = prefilter.window(text.as_bytes(), at, **floor) else {
            return at + 1;
        };
        let engine = memory.get_or_insert_with(make);
        compiled.search_window(window, engine, text, at, floor, &mut push)
    }
}

impl Compiled {
    /// Finds what lies in the window around the candidate at `at`, moves `floor` to the end of the last match, and
    /// returns the byte before which no candidate needs asking again.
    fn search_window(
        &self,
        Window { span, settled }: Window,
        engine: &mut Engine,
        text: &str,
        at: usize,
        floor: &mut usize,
        found: &mut impl FnMut(Option<Range<usize>>) -> bool,
    ) -> usize {
        let end = span.end;
        if let Some(last) = self.search(engine, text, span, settled, found) {
            *floor = last;
        }
        settled.min(end).max(*floor).max(at + 1)
    }

    /// Finds the matches within `span` that begin before `settled`, as long as `found` says to go on; returns the end of
    /// the last one.
    fn search(
        &self,
        engine: &mut Engine,
        text: &str,
        span: Range<usize>,
        settled: usize,
        found: &mut impl FnMut(Option<Range<usize>>) -> bool,
    ) -> Option<usize> {
        let Engine { cache, slots } = engine;
        let mut searcher = Searcher::new(Input::new(text).span(span));
        let mut last = None;
        loop {
            let next = searcher.advance(|input| {
                if self.group == 0 {
                    return Ok(self.regex.search_with(cache, input));
                }
                let pattern = self.regex.search_slots_with(cache, input, slots);
                let whole = slots[0]
                    .zip(slots[1])
                    .map(|(start, end)| start.get()..end.get());
                Ok(pattern
                    .zip(whole)
                    .map(|(pattern, whole)| Match::new(pattern, whole)))
            });
            let Some(whole) = next.filter(|whole| whole.start() < settled) else {
                return last;
            };
            last = Some(whole.end());
            let goes_on = found(match self.group {
                0 => Some(whole.range()),
                group => slots[2 * group]
                    .zip(slots[2 * group + 1])
                    .map(|(start, end)| start.get()..end.get()),
            });
            if !goes_on {
                return last;
            }
        }
    }
}

impl Engine {
    fn new(regex: &Regex, group: usize) -> Self {
        Self {
            cache: regex.create_cache(),
            slots: vec![None; 2 * (group + 1)],
        }
    }
}

fn build_message(error: &BuildError) -> String {
    match error.size_limit() {
        Some(_) => format!(
            "it takes more than {} MB when compiled: make its repetitions smaller",
            SIZE_LIMIT >> 20
        ),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{assert_linear, find};
    use super::*;

    fn error(pattern: &str, group: usize) -> String {
        Pattern::new("X", pattern, group).unwrap_err().to_string()
    }

    #[test]
    fn errors_say_what_and_what_to_do() {
        assert!(
            error("(a", 0).contains("unclosed group"),
            "{}",
            error("(a", 0)
        );
        assert!(
            error("a", 1).ends_with("it has no groups, so leave `group` out or write one in (…)")
        );
        assert!(error("(a)(b)", 3).ends_with("its groups are 1 to 2"));
        assert!(
            error(r"(?:\w{900}){900}", 0).contains("10 MB"),
            "{}",
            error(r"(?:\w{900}){900}", 0)
        );
    }

    #[test]
    fn entities_are_groups_that_took_part_and_are_not_empty() {
        let pattern = Pattern::new("X", "a(b*)|c", 1).unwrap();
        let mut all = Vec::new();
        pattern.find_all("abb c a", |range| {
            all.push(range);
            true
        });
        assert_eq!(all, [Some(1..3), None, Some(7..7)]);
        let text = "abb c a";
        assert_eq!(
            find(&pattern, text)
                .iter()
                .map(|s| s.of(text))
                .collect::<Vec<_>>(),
            ["bb"]
        );
    }

    #[test]
    fn a_search_that_nobody_waits_for_is_the_last() {
        use super::super::{Registry, Scratch};
        // Every search goes to the end of the text for an x.
        let slow = Pattern::new("X", "(?s).*x|a", 0).unwrap();
        let scanner = Registry::default().with_patterns([slow]).scanner(&["X"]);
        let scanner = scanner.unwrap();
        let text = "a".repeat(500);
        let mut scratch = Scratch::default();
        let cancel = Cancel::default();
        scratch.stop_when(&cancel);
        assert_eq!(scanner.scan(&text, &mut scratch).len(), 500);
        cancel.cancel();
        assert_eq!(scanner.scan(&text, &mut scratch).len(), 1);
    }

    #[test]
    fn hostile_texts_are_linear() {
        for (pattern, units) in [
            (
                r"[A-Za-z0-9.\-+_]+@[A-Za-z0-9.\-+_]+\.[A-Za-z]+",
                &["@", "a@", "a", "a@b.c", "a@b"] as &[_],
            ),
            (r"[a-z]+@[a-z@]+!", &["a@", "a", "@"]),
            (r"(?:^|[^a-z])(@\w{2,30})", &["@", "@a", " @"]),
            (
                r"[12]\d{3}-\d\d-\d\d",
                &["1", "-", "1-", "2026-", "2026-11-2"],
            ),
            (r"\bORD-\d{8}\b", &["ORD-", "O", "ORD-1"]),
            (r"#\w+#|#\w+", &["#", "#a"]),
            ("\"[^\"]*\"", &["\"", "\"a", "a"]),
        ] {
            assert_linear(&Pattern::new("X", pattern, 0).unwrap(), units);
        }
    }
}
