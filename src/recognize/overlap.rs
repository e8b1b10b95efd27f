//! How competing spans of one label are settled: the longest wins, then the earliest, then registry order.
//!
//! One recognizer's spans never overlap, so only labels with several recognizers come here. Spans of different labels
//! may overlap and are left alone.

use std::collections::BTreeMap;

use super::Span;

/// Removes the losers among overlapping spans of the same label. The order of what remains is not defined.
pub(super) fn settle<L: Ord>(spans: &mut Vec<Span>, label: impl Fn(&Span) -> L) {
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
