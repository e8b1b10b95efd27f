//! The scan of a text for the labels that are wanted.
//!
//! Owns the plan (which recognizer is asked at which byte) and the memory that goes from text to text. What a
//! candidate means is each recognizer's business, where candidates are is `candidates.rs`'s.

use std::sync::Arc;

use super::candidates::{Candidate, Candidates};
use super::{Anchor, ByteSet, Found, Memory, Recognizer, Registry, Span, overlap};

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
    candidates: Candidates,
    /// By byte: which of `groups` to ask.
    group_of: Box<[u16; 256]>,
    /// Indices into `wanted`; the first group is empty.
    groups: Vec<Vec<usize>>,
    digit_runs: Vec<usize>,
    starts: Vec<usize>,
    /// Whether some label has several recognizers, whose spans may then overlap.
    contested: bool,
}

#[derive(Debug)]
struct Wanted {
    recognizer: Arc<dyn Recognizer>,
    index: usize,
}

/// Memory that a scan reuses from text to text; one a thread. It may go from scanner to scanner, at the cost of
/// warming up again.
#[derive(Debug, Default)]
pub struct Scratch {
    plan: Option<Arc<Plan>>,
    states: Vec<State>,
    spans: Vec<Span>,
}

/// How far one recognizer has come in the text.
#[derive(Debug, Default)]
struct State {
    resume: usize,
    floor: usize,
    memory: Memory,
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
            })
            .collect();
        let mut of_byte = vec![Vec::new(); 256];
        let (mut bytes, mut digit_runs, mut starts) = (ByteSet::default(), Vec::new(), Vec::new());
        for (i, Wanted { recognizer, .. }) in wanted.iter().enumerate() {
            match recognizer.anchor() {
                Anchor::Bytes(set) => {
                    bytes = bytes.union(set);
                    set.iter()
                        .for_each(|byte| of_byte[usize::from(byte)].push(i));
                }
                Anchor::DigitRun => digit_runs.push(i),
                Anchor::Start => starts.push(i),
            }
        }
        let mut groups: Vec<Vec<usize>> = vec![Vec::new()];
        let mut group_of = Box::new([0; 256]);
        for (slot, asked) in group_of.iter_mut().zip(of_byte) {
            let group = groups
                .iter()
                .position(|known| *known == asked)
                .unwrap_or_else(|| {
                    groups.push(asked);
                    groups.len() - 1
                });
            *slot = u16::try_from(group).expect("at most one group a byte, and an empty one");
        }
        let contested = wanted.iter().enumerate().any(|(i, one)| {
            wanted[..i]
                .iter()
                .any(|other| other.recognizer.label() == one.recognizer.label())
        });
        let candidates = Candidates::new(bytes, !digit_runs.is_empty());
        let plan = Plan {
            registry,
            wanted,
            candidates,
            group_of,
            groups,
            digit_runs,
            starts,
            contested,
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

    /// The spans of `text`, ordered by start, end, label; within a label none overlap.
    pub fn scan<'s>(&self, text: &str, scratch: &'s mut Scratch) -> &'s [Span] {
        let plan = &*self.plan;
        scratch.begin(&self.plan);
        let Scratch { states, spans, .. } = scratch;
        let mut ask = |i: usize, at: usize| -> usize {
            let State {
                resume,
                floor,
                memory,
            } = &mut states[i];
            if at >= *resume {
                let Wanted { recognizer, index } = &plan.wanted[i];
                *resume = recognizer.verify(
                    text,
                    at,
                    &mut Found {
                        spans,
                        recognizer: *index,
                        floor,
                        memory,
                    },
                );
            }
            *resume
        };
        for &i in &plan.starts {
            ask(i, 0);
        }
        let alone = plan.wanted.len() == 1;
        plan.candidates.for_each(text.as_bytes(), |at, candidate| {
            let asked = match candidate {
                Candidate::Byte => {
                    &plan.groups[usize::from(plan.group_of[usize::from(text.as_bytes()[at])])]
                }
                Candidate::DigitRun => &plan.digit_runs,
            };
            let mut resume = at + 1;
            for &i in asked {
                resume = ask(i, at);
            }
            if alone { resume } else { at + 1 }
        });
        if spans.len() > 1 && !alone {
            let label = |span: &Span| plan.registry.recognizers()[span.recognizer].label();
            if plan.contested {
                overlap::settle(spans, label);
            }
            spans.sort_unstable_by(|a, b| {
                (a.start, a.end, label(a)).cmp(&(b.start, b.end, label(b)))
            });
        }
        spans
    }
}

impl Scratch {
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
            self.plan = Some(Arc::clone(plan));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Pattern;
    use super::*;

    fn scan<'t>(registry: &Registry, labels: &[&str], text: &'t str) -> Vec<(&'t str, String)> {
        let scanner = registry.scanner(labels).unwrap();
        let mut scratch = Scratch::default();
        let spans = scanner.scan(text, &mut scratch);
        spans
            .iter()
            .map(|s| {
                (
                    s.of(text),
                    registry.recognizers()[s.recognizer].name().to_string(),
                )
            })
            .collect()
    }

    fn pattern(label: &str, pattern: &str) -> Pattern {
        Pattern::new(label, pattern, 0).unwrap()
    }

    #[test]
    fn labels_overlap_each_other_but_not_themselves() {
        let registry = Registry::default().with_patterns([
            pattern("A", "b+c"),
            pattern("A", "ab+"),
            pattern("B", "bb"),
        ]);
        let own = |text: &'static str, name: &str| (text, format!("pattern:{name}"));
        assert_eq!(
            scan(&registry, &["A", "B"], "abbbc"),
            [own("abbb", "A#2"), own("bb", "B")]
        );
        assert_eq!(scan(&registry, &["A"], "abbbc"), [own("abbb", "A#2")]);
        assert_eq!(scan(&registry, &["B", "B"], "abbbc"), [own("bb", "B")]);
        assert_eq!(scan(&registry, &[], "abbbc"), []);
        assert_eq!(scan(&registry, &["A", "B"], ""), []);
    }

    #[test]
    fn a_scratch_serves_any_scanner() {
        let registry = Registry::builtin().with_patterns([pattern("X", r"x\d")]);
        let text = "x1 a@b.com x2";
        let mut scratch = Scratch::default();
        for _ in 0..2 {
            for (label, count) in [("X", 2), ("EMAIL", 1), ("PHONE", 0)] {
                let scanner = registry.scanner(&[label]).unwrap();
                assert_eq!(scanner.scan(text, &mut scratch).len(), count, "{label}");
                assert_eq!(
                    scanner.scan(text, &mut scratch).len(),
                    count,
                    "{label}, again"
                );
            }
        }
    }
}
