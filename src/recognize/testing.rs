//! What the recognizers' own tests share: tables of text → entities, and hostile texts.

use super::{Found, Memory, Recognizer, Span, dispatch::Dispatch, width};

/// What one recognizer finds in a text.
pub(super) fn find(recognizer: &dyn Recognizer, text: &str) -> Vec<Span> {
    let (mut spans, mut floor, mut resume, mut memory) = (Vec::new(), 0, 0, Memory::default());
    let mut folded = width::Folded::default();
    let folds = recognizer.folds_width() && folded.fold(text);
    let text = if folds { folded.text() } else { text };
    let dispatch = Dispatch::new(std::iter::once((0, recognizer.anchors())));
    dispatch.run(text, |_, at| {
        if at >= resume {
            let mut found = Found {
                spans: &mut spans,
                recognizer: 0,
                floor: &mut floor,
                memory: &mut memory,
                score: recognizer.score(),
                refused: None,
                cancel: None,
            };
            resume = recognizer.verify(text, at, &mut found);
        }
        Some(resume)
    });
    if folds {
        spans.iter_mut().for_each(|span| folded.restore(span));
    }
    spans
}

/// Checks rows of text and expected entities, each `entity` or `entity → value` where they differ, alone and beside
/// neighbours that must change nothing.
pub(super) fn assert_table(recognizer: &dyn Recognizer, rows: &[(&str, &[&str])]) {
    let show = |text: &str| -> Vec<String> {
        find(recognizer, text)
            .iter()
            .map(|span| {
                let entity = span.of(text);
                let folded = width::fold(entity);
                let value = if recognizer.folds_width() {
                    recognizer.value(&folded)
                } else {
                    recognizer.value(entity)
                };
                assert_eq!(
                    recognizer.value(&value),
                    value,
                    "the value of a value is itself"
                );
                if entity == value {
                    entity.to_string()
                } else {
                    format!("{entity} → {value}")
                }
            })
            .collect()
    };
    for (text, expected) in rows {
        assert_eq!(show(text), *expected, "{text}");
        for (left, right) in [
            ("：", "，"),
            ("😀", "😀"),
            ("\n", "\n"),
            ("「", "」"),
            ("、", "。"),
        ] {
            assert_eq!(
                show(&format!("{left}{text}{right}")),
                *expected,
                "{left}{text}{right}"
            );
        }
    }
}

/// Scans a megabyte of each, and less of it with other ends: what is quadratic does not finish.
pub(super) fn assert_linear(recognizer: &dyn Recognizer, units: &[&str]) {
    for unit in units {
        let (long, short) = (
            unit.repeat(1_000_000 / unit.len()),
            unit.repeat(100_000 / unit.len()),
        );
        for text in [long, format!("{short}é"), format!("x{short}")] {
            let spans = find(recognizer, &text);
            assert!(
                spans.windows(2).all(|pair| pair[0].end <= pair[1].start),
                "{unit}"
            );
        }
    }
}
