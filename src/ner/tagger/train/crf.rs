//! The loss of a sentence: how improbable its tags are, by a linear-chain conditional random field (Lafferty et al. 2001).

use crate::ner::tagger::network::TAGS;

/// The loss, and its gradient into `gradient` (by token and tag) and onto `transition_gradient`, both times `weight`.
///
/// `scores` and `gradient` are `[token][TAGS]`; `transitions` is `[from][to]`, and last the starts.
pub(super) fn loss(
    scores: &[f32],
    tags: &[u8],
    transitions: &[f32],
    weight: f32,
    gradient: &mut [f32],
    transition_gradient: &mut [f32],
) -> f32 {
    let length = tags.len();
    let (starts, moves) = (TAGS * TAGS, |from: usize, to: usize| from * TAGS + to);
    let mut forward = vec![0f32; length * TAGS];
    let mut backward = vec![0f32; length * TAGS];
    let mut ways = [0f32; TAGS];
    for tag in 0..TAGS {
        forward[tag] = transitions[starts + tag] + scores[tag];
    }
    for at in 1..length {
        for tag in 0..TAGS {
            for (before, way) in ways.iter_mut().enumerate() {
                *way = forward[(at - 1) * TAGS + before] + transitions[moves(before, tag)];
            }
            forward[at * TAGS + tag] = log_sum(&ways) + scores[at * TAGS + tag];
        }
    }
    for at in (1..length).rev() {
        for before in 0..TAGS {
            for (tag, way) in ways.iter_mut().enumerate() {
                let next = at * TAGS + tag;
                *way = backward[next] + transitions[moves(before, tag)] + scores[next];
            }
            backward[(at - 1) * TAGS + before] = log_sum(&ways);
        }
    }
    let all = log_sum(&forward[(length - 1) * TAGS..]);

    let mut own = 0.0;
    for (at, &tag) in tags.iter().enumerate() {
        let tag = usize::from(tag);
        let before = at.checked_sub(1).map(|at| usize::from(tags[at]));
        own += scores[at * TAGS + tag]
            + before.map_or(transitions[starts + tag], |before| {
                transitions[moves(before, tag)]
            });
        for other in 0..TAGS {
            let here = at * TAGS + other;
            let probability = (forward[here] + backward[here] - all).exp();
            gradient[here] = weight * (probability - f32::from(other == tag));
        }
        match before {
            None => {
                for tag in 0..TAGS {
                    transition_gradient[starts + tag] += gradient[tag];
                }
            }
            Some(own) => {
                for before in 0..TAGS {
                    for tag in 0..TAGS {
                        let here = at * TAGS + tag;
                        let way = forward[(at - 1) * TAGS + before]
                            + transitions[moves(before, tag)]
                            + scores[here]
                            + backward[here]
                            - all;
                        transition_gradient[moves(before, tag)] += weight * way.exp();
                    }
                }
                transition_gradient[moves(own, tag)] -= weight;
            }
        }
    }
    weight * (all - own)
}

fn log_sum(values: &[f32]) -> f32 {
    let most = values.iter().copied().fold(f32::MIN, f32::max);
    most + values.iter().map(|v| (v - most).exp()).sum::<f32>().ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gradient_is_the_slope_of_the_loss() {
        let tags = [0, 1, 2, 5];
        let number = |n: usize| ((n * 37 + 11) % 23) as f32 / 10.0 - 1.0;
        let scores: Vec<f32> = (0..tags.len() * TAGS).map(number).collect();
        let transitions: Vec<f32> = (0..(TAGS + 1) * TAGS).map(|n| number(n + 5)).collect();
        let at = |scores: &[f32], transitions: &[f32]| {
            let (mut g, mut t) = (vec![0.0; scores.len()], vec![0.0; transitions.len()]);
            let loss = loss(scores, &tags, transitions, 0.5, &mut g, &mut t);
            (loss, g, t)
        };
        let (_, gradient, transition_gradient) = at(&scores, &transitions);
        let slope = |change: &dyn Fn(f32) -> f32| (change(1e-2) - change(-1e-2)) / 2e-2;
        for n in 0..scores.len() {
            let slope = slope(&|by| {
                let mut scores = scores.clone();
                scores[n] += by;
                at(&scores, &transitions).0
            });
            assert!(
                (slope - gradient[n]).abs() < 2e-3,
                "score {n}: {slope} {}",
                gradient[n]
            );
        }
        for n in 0..transitions.len() {
            let slope = slope(&|by| {
                let mut transitions = transitions.clone();
                transitions[n] += by;
                at(&scores, &transitions).0
            });
            assert!(
                (slope - transition_gradient[n]).abs() < 2e-3,
                "transition {n}: {slope} {}",
                transition_gradient[n]
            );
        }
    }
}
