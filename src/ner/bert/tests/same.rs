//! The answers are rust-bert's own, token for token, whatever the batch and however long the text.

use std::iter::repeat_n;
use std::path::Path;

use rust_bert::pipelines::common::ModelResource;
use rust_bert::pipelines::token_classification::{
    LabelAggregationOption, TokenClassificationConfig, TokenClassificationModel,
};
use rust_bert::resources::LocalResource;

use super::{Bert, rampart, recorded};
use crate::ner::bert::architecture::Architecture;
use crate::ner::{Model, Tagged};

/// A token that is not O: first and last character, class, score.
pub(super) type Found = (usize, usize, String, f32);

/// rust-bert's own pipeline, with room for all windows in one batch: with more it confuses the rows.
pub(super) struct Direct(TokenClassificationModel);

impl Direct {
    pub(super) fn open(folder: &Path, architecture: Architecture, lower_case: bool) -> Self {
        let local = |name: &str| LocalResource {
            local_path: folder.join(name),
        };
        let (vocabulary, merges) = architecture.tokenizer_files();
        let mut config = TokenClassificationConfig::new(
            architecture.kind(),
            ModelResource::Torch(Box::new(local("model.safetensors"))),
            local("config.json"),
            local(vocabulary),
            merges.map(local),
            lower_case,
            None,
            None,
            LabelAggregationOption::First,
        );
        config.batch_size = usize::MAX;
        // libtorch's own threads wait for each other by spinning.
        tch::set_num_threads(1);
        Self(TokenClassificationModel::new(config).unwrap())
    }

    pub(super) fn found(&self, text: &str) -> Vec<Found> {
        let tokens = self.0.predict(&[text], false, false).remove(0);
        let chars: Vec<char> = text.chars().collect();
        let named = tokens.into_iter().filter(|token| token.label != "O");
        named
            .filter_map(|token| {
                let offset = token.offset?;
                let (start, end) = (offset.begin as usize, offset.end as usize);
                // Some tokenizers take the space before a word for part of it.
                let space = chars[start..end]
                    .iter()
                    .take_while(|c| c.is_whitespace())
                    .count();
                (start + space < end).then_some((
                    start + space,
                    end,
                    token.label,
                    token.score as f32,
                ))
            })
            .collect()
    }
}

/// The same of ours, below the level of spans.
pub(super) fn found(model: &Bert, texts: &[&str]) -> Vec<Vec<Found>> {
    let tokens: Vec<_> = texts
        .iter()
        .map(|text| model.tokenizer.tokens(text))
        .collect();
    let guesses = model.guesses(&tokens).unwrap();
    let rows = texts.iter().zip(tokens).zip(guesses);
    rows.map(|((text, tokens), guesses)| {
        assert_eq!(tokens.len(), guesses.len());
        let chars = |byte: usize| text[..byte].chars().count();
        let named = tokens
            .into_iter()
            .zip(guesses)
            .filter(|(token, (class, _))| {
                model.folder.classes[*class] != "O" && !token.special && token.start < token.end
            });
        named
            .map(|(token, (class, score))| {
                let class = model.folder.classes[class].clone();
                (chars(token.start), chars(token.end), class, score)
            })
            .collect()
    })
    .collect()
}

pub(super) fn assert_same(text: &str, ours: &[Found], theirs: &[Found]) {
    let places = |found: &[Found]| -> Vec<(usize, usize, String)> {
        found
            .iter()
            .map(|(start, end, class, _)| (*start, *end, class.clone()))
            .collect()
    };
    let start: String = text.chars().take(80).collect();
    assert_eq!(
        places(ours),
        places(theirs),
        "{start:?} ({} characters)",
        text.chars().count()
    );
    for (ours, theirs) in ours.iter().zip(theirs) {
        assert!(
            (ours.3 - theirs.3).abs() < 1e-4,
            "{start:?}: {ours:?} for {theirs:?}"
        );
    }
}

/// Texts of many lengths, made of the recorded ones.
fn texts() -> Vec<String> {
    let recorded = recorded();
    let lengths = [0, 1, 2, 10, 100, 500, 1_500, 2_000, 2_100, 5_000, 20_000];
    lengths
        .into_iter()
        .chain(repeat_n(300, 60))
        .enumerate()
        .map(|(number, length)| {
            let pieces = recorded.iter().cycle().skip(number);
            pieces
                .flat_map(|record| record.text.chars().chain([' ']))
                .take(length)
                .collect()
        })
        .collect()
}

#[test]
fn answers_are_rust_berts_for_every_batch_and_length() {
    let Some(folder) = rampart() else { return };
    let model = Bert::open(&folder).unwrap();
    let direct = Direct::open(&folder, model.folder.architecture, true);
    let texts = texts();
    let expected: Vec<Vec<Found>> = texts.iter().map(|text| direct.found(text)).collect();
    assert!(expected.iter().map(Vec::len).sum::<usize>() > 1_000);
    for size in [1, 7, 64] {
        for (texts, expected) in texts.chunks(size).zip(expected.chunks(size)) {
            let batch: Vec<&str> = texts.iter().map(String::as_str).collect();
            for ((text, ours), theirs) in texts.iter().zip(found(&model, &batch)).zip(expected) {
                assert_same(text, &ours, theirs);
            }
        }
    }
}

#[test]
fn spans_slice_the_text_and_do_not_overlap() {
    let Some(folder) = rampart() else { return };
    let model = Bert::open(&folder).unwrap();
    for text in texts() {
        let mut end = 0;
        for span in &model.tag(&[&text]).unwrap()[0] {
            assert!(end <= span.start && span.start < span.end, "{span:?}");
            let entity = text.get(span.start..span.end).unwrap();
            assert_eq!(entity, entity.trim());
            assert!((0.0..=1.0).contains(&span.score), "{span:?}");
            end = span.end;
        }
    }
}

#[test]
fn threads_that_ask_at_the_same_time_get_their_own_answers() {
    let Some(folder) = rampart() else { return };
    let model = Bert::open(&folder).unwrap();
    let texts: Vec<String> = texts()
        .into_iter()
        .filter(|text| text.len() < 1_000)
        .collect();
    let alone: Vec<_> = texts
        .iter()
        .map(|text| model.tag(&[text]).unwrap().remove(0))
        .collect();
    std::thread::scope(|scope| {
        for part in 0..4 {
            let (model, texts, alone) = (&model, &texts, &alone);
            scope.spawn(move || {
                let batch: Vec<&str> = texts[part..].iter().map(String::as_str).collect();
                for (ours, alone) in model.tag(&batch).unwrap().iter().zip(&alone[part..]) {
                    let places = |spans: &[Tagged]| {
                        spans
                            .iter()
                            .map(|s| (s.start, s.end, s.label))
                            .collect::<Vec<_>>()
                    };
                    assert_eq!(places(ours), places(alone));
                }
            });
        }
    });
}
