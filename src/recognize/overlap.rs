//! How competing spans of one label are settled: the longest wins, then the earliest, then registry order.
//!
//! One recognizer's spans never overlap, so only labels with several recognizers come here. Spans of different labels
//! may overlap and are left alone, but where a text can show only one of them ([`covers`]).

use std::collections::BTreeMap;
use std::ops::Range;

use super::Span;

/// Removes the losers among overlapping spans of the same label. The order of what remains is not defined.
pub(crate) fn settle<L: Ord>(spans: &mut Vec<Span>, label: impl Fn(&Span) -> L) {
    spans.sort_unstable_by_key(|span| (label(span), span.start, span.end));
    let mut first = 0;
    while first < spans.len() {
        // A cluster: each span overlaps one before it.
        let mut reach = spans[first].end;
        let mut end = first + 1;
        while end < spans.len()
            && label(&spans[end]) == label(&spans[first])
            && spans[end].start < reach
        {
            reach = reach.max(spans[end].end);
            end += 1;
        }
        if end - first > 1 {
            settle_cluster(&mut spans[first..end]);
        }
        first = end;
    }
    spans.retain(|span| span.start < span.end);
}

/// A part of a text and the span that it is shown as.
#[derive(Debug, PartialEq)]
pub(super) struct Cover {
    pub(super) range: Range<usize>,
    pub(super) span: Span,
}

/// Settles spans across labels: ascending parts that do not overlap, one a winner, which together cover all that any
/// span covers. What sticks out of the winners belongs to the one before it, or the first one after.
pub(super) fn covers(spans: &[Span]) -> Vec<Cover> {
    let mut winners = spans.to_vec();
    settle(&mut winners, |_| ());
    winners.sort_unstable_by_key(|span| span.start);
    let mut spans = spans.iter().copied().peekable();
    let mut winners = winners.into_iter().peekable();
    let mut covers = Vec::new();
    while let Some(first) = spans.next() {
        // A cluster, as in `settle`; the spans come ordered by start.
        let mut reach = first.end;
        while let Some(next) = spans.next_if(|next| next.start < reach) {
            reach = reach.max(next.end);
        }
        let mut start = first.start;
        while let Some(span) = winners.next_if(|winner| winner.start < reach) {
            let end = winners.peek().map_or(reach, |next| next.start.min(reach));
            covers.push(Cover {
                range: start..end,
                span,
            });
            start = end;
        }
    }
    covers
}

/// Empties the losers. A tree of the winners keeps this at n log n: a hostile text can make one long cluster.
fn settle_cluster(cluster: &mut [Span]) {
    cluster.sort_unstable_by_key(|span| {
        (
            usize::MAX - (span.end - span.start),
            span.start,
            span.recognizer,
        )
    });
    let mut winners: BTreeMap<usize, usize> = BTreeMap::new();
    for span in cluster {
        let overlaps = winners
            .range(..span.end)
            .next_back()
            .is_some_and(|(_, &end)| end > span.start);
        if overlaps {
            span.end = span.start;
        } else {
            winners.insert(span.start, span.end);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(spans: &[(usize, usize, usize)]) -> Vec<(usize, usize, usize)> {
        let mut spans: Vec<Span> = spans
            .iter()
            .map(|&(start, end, recognizer)| Span {
                start,
                end,
                recognizer,
                score: 1.0,
            })
            .collect();
        settle(&mut spans, |span| span.recognizer / 10);
        let mut rest: Vec<_> = spans
            .iter()
            .map(|s| (s.start, s.end, s.recognizer))
            .collect();
        rest.sort_unstable();
        rest
    }

    #[test]
    fn longest_then_earliest_then_registry_order_within_a_label() {
        assert_eq!(settled(&[(0, 3, 0), (2, 9, 1)]), [(2, 9, 1)]);
        assert_eq!(settled(&[(2, 5, 0), (0, 3, 1)]), [(0, 3, 1)]);
        assert_eq!(settled(&[(0, 3, 1), (0, 3, 0)]), [(0, 3, 0)]);
        assert_eq!(settled(&[(0, 3, 0), (3, 5, 1)]), [(0, 3, 0), (3, 5, 1)]);
        // The loser's own victims live.
        assert_eq!(settled(&[(0, 4, 0), (3, 9, 1), (8, 10, 0)]), [(3, 9, 1)]);
        assert_eq!(
            settled(&[(0, 4, 0), (3, 6, 1), (5, 9, 0)]),
            [(0, 4, 0), (5, 9, 0)]
        );
        // Another label does not compete.
        assert_eq!(settled(&[(0, 3, 0), (0, 9, 10)]), [(0, 3, 0), (0, 9, 10)]);
    }
}
