//! The scan of a text for the labels that are wanted.
//!
//! Owns what goes from candidate to candidate and from text to text. What a candidate means is each recognizer's
//! business, where candidates are is `candidates.rs`'s, who is asked about which is `dispatch.rs`'s, and what a score is
//! worth `context.rs`'s.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

use super::dispatch::Dispatch;
use super::width::Folded;
use super::{Cancel, Found, Memory, Recognizer, Refusal, Registry, Rules, Span, overlap};

/// Finds the spans of the labels it was made for, in one pass over a text. Shared by threads; cloning is cheap.
#[derive(Debug, Clone)]
pub struct Scanner {
    plan: Arc<Plan>,
}

#[derive(Debug)]
struct Plan {
    registry: Registry,
    /// The recognizers to ask, in registry order.
    wanted: Vec<Wanted>,
    /// For a text without full-width forms, which is nearly every text.
    all: Dispatch,
    /// For a text with some: those that see it folded, and those that see it as it is.
    folding: Option<Dispatch>,
    exact: Dispatch,
    /// Whether some label has several recognizers, whose spans may then overlap.
    contested: bool,
    /// By recognizer of the registry, what its spans are weighed by; empty where none of the wanted has rules.
    rules: Vec<Option<Arc<Rules>>>,
}

#[derive(Debug)]
struct Wanted {
    recognizer: Arc<dyn Recognizer>,
    index: usize,
    /// The recognizer's, kept here because it is wanted at every candidate.
    score: f32,
}

/// Memory that a scan reuses from text to text; one a thread. It may go from scanner to scanner, at the cost of
/// warming up again.
#[derive(Debug, Default)]
pub struct Scratch {
    plan: Option<Arc<Plan>>,
    states: Vec<State>,
    spans: Vec<Span>,
    /// By recognizer of the registry: spans found since the last [`Scratch::tally`].
    found: Vec<usize>,
    folded: Folded,
    cancel: Option<Cancel>,
}

/// What a recognizer had to do: how many candidates it was asked about, and how many spans it has in the answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Places at which it looked.
    pub candidates: usize,
    /// Spans, those that a model found ahead of the scan included.
    pub spans: usize,
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, more: Self) {
        self.candidates += more.candidates;
        self.spans += more.spans;
    }
}

/// How many candidates are looked at between two questions whether a scan is still wanted.
const BETWEEN: usize = 256;

/// How far one recognizer has come in the text.
#[derive(Debug, Default)]
struct State {
    resume: usize,
    floor: usize,
    memory: Memory,
    /// How often it was asked, in this text and those since the last [`Scratch::tally`].
    asked: usize,
}

impl Scanner {
    pub(super) fn new(registry: Registry, want: impl Fn(&dyn Recognizer) -> bool) -> Self {
        let wanted: Vec<Wanted> = registry
            .recognizers()
            .iter()
            .enumerate()
            .filter(|(_, r)| want(r.as_ref()))
            .map(|(index, r)| Wanted {
                recognizer: Arc::clone(r),
                index,
                score: r.score(),
            })
            .collect();
        let dispatch = |want: &dyn Fn(&dyn Recognizer) -> bool| {
            let some = wanted.iter().enumerate();
            Dispatch::new(
                some.filter(|(_, one)| want(one.recognizer.as_ref()))
                    .map(|(i, one)| (i, one.recognizer.anchors())),
            )
        };
        let contested = wanted.iter().enumerate().any(|(i, one)| {
            wanted[..i]
                .iter()
                .any(|other| other.recognizer.label() == one.recognizer.label())
        });
        let folds = wanted.iter().any(|one| one.recognizer.folds_width());
        let mut rules = Vec::new();
        for Wanted {
            recognizer, index, ..
        } in &wanted
        {
            if let Some(of_label) = registry.rules(recognizer.label()) {
                rules.resize(registry.recognizers().len(), None);
                rules[*index] = Some(Arc::clone(of_label));
            }
        }
        let plan = Plan {
            all: dispatch(&|_| true),
            folding: folds.then(|| dispatch(&|r| r.folds_width())),
            exact: dispatch(&|r| !r.folds_width()),
            registry,
            wanted,
            contested,
            rules,
        };
        Self {
            plan: Arc::new(plan),
        }
    }

    /// The registry behind it.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.plan.registry
    }

    /// The recognizers that it asks, in registry order.
    pub fn recognizers(&self) -> impl Iterator<Item = &dyn Recognizer> {
        self.plan.wanted.iter().map(|one| one.recognizer.as_ref())
    }

    /// The spans of `text`, ordered by start, end, label; within a label none overlap.
    pub fn scan<'s>(&self, text: &str, scratch: &'s mut Scratch) -> &'s [Span] {
        self.scan_and_say(text, &[], scratch, None)
    }

    /// As [`Scanner::scan`], with spans that something else found for recognizers of the registry: those that are wanted
    /// are weighed and settled with the others. Each recognizer's ascend and do not overlap.
    pub fn scan_with<'s>(&self, text: &str, more: &[Span], scratch: &'s mut Scratch) -> &'s [Span] {
        self.scan_and_say(text, more, scratch, None)
    }

    /// As [`Scanner::scan`], with the candidates that were refused for a reason worth telling, in the order of their
    /// spans; [`Registry::evidence`] gives the words that changed scores.
    #[must_use]
    pub fn explain(&self, text: &str) -> (Vec<Span>, Vec<Refusal>) {
        self.explain_with(text, &[], Vec::new())
    }

    /// As [`Scanner::explain`], with what something else found, as in [`Scanner::scan_with`], and refused.
    #[must_use]
    pub fn explain_with(
        &self,
        text: &str,
        more: &[Span],
        mut refused: Vec<Refusal>,
    ) -> (Vec<Span>, Vec<Refusal>) {
        let spans = self
            .scan_and_say(text, more, &mut Scratch::default(), Some(&mut refused))
            .to_vec();
        refused.sort_by_key(|refusal| (refusal.span.start, refusal.span.end, refusal.recognizer));
        refused.dedup();
        (spans, refused)
    }

    fn scan_and_say<'s>(
        &self,
        text: &str,
        more: &[Span],
        scratch: &'s mut Scratch,
        mut refused: Option<&mut Vec<Refusal>>,
    ) -> &'s [Span] {
        let plan = &*self.plan;
        scratch.begin(&self.plan);
        let Scratch {
            states,
            spans,
            found,
            folded,
            cancel,
            ..
        } = scratch;
        let (mut looked_at, mut stopped) = (0, false);
        let mut run = |dispatch: &Dispatch, text: &str, spans: &mut Vec<Span>| {
            dispatch.run(text, |i, at| {
                looked_at += 1;
                if looked_at % BETWEEN == 0
                    && let Some(cancel) = cancel
                {
                    stopped = cancel.is_cancelled();
                }
                if stopped {
                    return None;
                }
                let State {
                    resume,
                    floor,
                    memory,
                    asked,
                } = &mut states[i];
                if at >= *resume {
                    *asked += 1;
                    let Wanted {
                        recognizer,
                        index,
                        score,
                    } = &plan.wanted[i];
                    *resume = recognizer.verify(
                        text,
                        at,
                        &mut Found {
                            spans,
                            recognizer: *index,
                            floor,
                            memory,
                            score: *score,
                            refused: refused.as_deref_mut(),
                            cancel: cancel.as_ref(),
                        },
                    );
                }
                Some(*resume)
            });
        };
        match &plan.folding {
            Some(folding) if folded.fold(text) => {
                run(folding, folded.text(), spans);
                spans.iter_mut().for_each(|span| folded.restore(span));
                run(&plan.exact, text, spans);
                for refusal in refused.as_deref_mut().into_iter().flatten() {
                    if plan.registry.recognizers()[refusal.recognizer].folds_width() {
                        let Refusal { span, .. } = refusal;
                        *span = folded.original(span.start)..folded.original(span.end);
                    }
                }
            }
            _ => run(&plan.all, text, spans),
        }
        spans.extend(more.iter().filter(|span| plan.wants(span.recognizer)));
        if !plan.rules.is_empty() {
            spans.retain_mut(|span| plan.keeps(text, span, refused.as_deref_mut()));
        }
        if spans.len() > 1 && plan.wanted.len() > 1 {
            let label = |span: &Span| plan.registry.recognizers()[span.recognizer].label();
            if plan.contested {
                let before = refused.as_ref().map(|_| spans.clone());
                overlap::settle(spans, label);
                if let Some((refused, before)) = refused.zip(before) {
                    refused.extend(losers(&before, spans));
                }
            }
            spans.sort_unstable_by(|a, b| {
                let places = (a.start, a.end).cmp(&(b.start, b.end));
                places.then_with(|| label(a).cmp(label(b)))
            });
        }
        spans.iter().for_each(|span| found[span.recognizer] += 1);
        spans
    }
}

impl Plan {
    fn wants(&self, recognizer: usize) -> bool {
        let place = self
            .wanted
            .binary_search_by_key(&recognizer, |one| one.index);
        place.is_ok()
    }

    /// Weighs a span by its label's rules and says whether it stays.
    fn keeps(&self, text: &str, span: &mut Span, refused: Option<&mut Vec<Refusal>>) -> bool {
        let Some(rules) = &self.rules[span.recognizer] else {
            return true;
        };
        let keeps = rules.weigh(text, span);
        if !keeps && let Some(refused) = refused {
            let evidence = rules.evidence(text, span);
            let word = evidence.map_or(String::new(), |e| {
                format!(" ({:+} for {:?})", e.change, &text[e.word])
            });
            refused.push(Refusal {
                span: span.start..span.end,
                recognizer: span.recognizer,
                reason: Cow::Owned(format!(
                    "its score {}{word} is below min_score {}",
                    span.score,
                    rules.min_score()
                )),
            });
        }
        keeps
    }
}

/// The spans that did not win against others of their label.
fn losers(before: &[Span], after: &[Span]) -> impl Iterator<Item = Refusal> {
    let key = |span: &Span| (span.start, span.end, span.recognizer);
    let winners: HashSet<_> = after.iter().map(key).collect();
    let lost = before
        .iter()
        .filter(move |span| !winners.contains(&key(span)));
    lost.map(|span| Refusal {
        span: span.start..span.end,
        recognizer: span.recognizer,
        reason: Cow::Borrowed(
            "another entity of its label overlaps it, and is longer, earlier or of an earlier recognizer",
        ),
    })
}

impl Scratch {
    /// From now on a scan ends early once `cancel` is; what it has found then is of no use.
    pub fn stop_when(&mut self, cancel: &Cancel) {
        self.cancel = Some(cancel.clone());
    }

    /// Tells of each recognizer, by name, what it had to do since this was last called, or since the last scan by another
    /// scanner; of those that had nothing to do, nothing.
    pub fn tally(&mut self, mut told: impl FnMut(&str, Tally)) {
        let Some(plan) = &self.plan else {
            return;
        };
        for (one, state) in plan.wanted.iter().zip(&mut self.states) {
            let tally = Tally {
                candidates: std::mem::take(&mut state.asked),
                spans: std::mem::take(&mut self.found[one.index]),
            };
            if tally != Tally::default() {
                told(one.recognizer.name(), tally);
            }
        }
    }

    fn begin(&mut self, plan: &Arc<Plan>) {
        self.spans.clear();
        if self
            .plan
            .as_ref()
            .is_some_and(|known| Arc::ptr_eq(known, plan))
        {
            for state in &mut self.states {
                state.resume = 0;
                state.floor = 0;
            }
        } else {
            self.states.clear();
            self.states.resize_with(plan.wanted.len(), State::default);
            self.found.clear();
            self.found.resize(plan.registry.recognizers().len(), 0);
            self.plan = Some(Arc::clone(plan));
        }
    }
}

#[cfg(test)]
mod tests;
