//! `redact(text [, labels [, style]])`: the text with its entities replaced.

use std::borrow::Cow;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::Instant;

use arrow::array::{Array, ArrayRef, StringViewArray};
use arrow::buffer::ScalarBuffer;
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, exec_err, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl,
    Signature, Volatility,
};

use super::compiled::{Compiled, Idle};
use super::labels::{self, LABELS};
use super::lookahead::Lookahead;
use super::run::Run;
use super::text::{Copies, bytes, constant, constant_type, map_text, planned_constant, text_type};
use crate::ner::{Finder, Models};
use crate::recognize::{Key, Redactor, Style};

const NAME: &str = "redact";
const STYLE: &str = "the style";
/// The style where none is named.
const DEFAULT_STYLE: &str = "label";

/// `redact(text [, 'EMAIL,PHONE' [, 'label' | 'mask' | 'hash']])`: the text with its entities replaced, as
/// [`Redactor`] replaces them.
///
/// A NULL text gives NULL; a text without entities is given as it is, its bytes shared with the input. Labels (`'*'`
/// for all of them) and style are literals or bound parameters, checked when the query is planned; so is the key that
/// `hash` needs. `key` is it, or why there is none.
#[must_use]
pub fn redact(models: &Arc<Models>, key: std::result::Result<Key, String>) -> ScalarUDF {
    ScalarUDF::new_from_impl(Redact {
        models: Arc::clone(models),
        key,
        signature: Signature::user_defined(Volatility::Immutable),
        documentation: Documentation::builder(
            Default::default(),
            "A text with its entities replaced by their labels, by * or by keyed hashes.",
            "redact(text [, 'EMAIL,PHONE' [, 'label']])",
        )
        .build(),
        redactors: Compiled::default(),
        idle: Idle::default(),
    })
}

#[derive(Debug)]
pub(super) struct Redact {
    models: Arc<Models>,
    key: std::result::Result<Key, String>,
    signature: Signature,
    documentation: Documentation,
    /// By labels and style as written.
    redactors: Compiled<(Option<String>, String), (Finder, Redactor)>,
    idle: Idle,
}

impl Redact {
    pub(super) fn models(&self) -> &Arc<Models> {
        &self.models
    }

    pub(super) fn redactor(
        &self,
        labels: Option<&str>,
        style: Option<&str>,
    ) -> Result<Arc<(Finder, Redactor)>> {
        let style = style.unwrap_or(DEFAULT_STYLE);
        let arguments = (labels.map(str::to_string), style.to_string());
        self.redactors.get(arguments, |_| {
            let style = self.style(style)?;
            let finder = labels::finder(NAME, &self.models, labels)?;
            let redactor = Redactor::new(finder.scanner().clone(), style);
            Ok((finder, redactor))
        })
    }

    fn style(&self, name: &str) -> Result<Style> {
        match (name, &self.key) {
            ("label", _) => Ok(Style::Label),
            ("mask", _) => Ok(Style::Mask),
            ("hash", Ok(key)) => Ok(Style::Hash(key.clone())),
            ("hash", Err(reason)) => plan_err!("{NAME}: 'hash' needs a key: {reason}"),
            _ => plan_err!("{NAME}: unknown style {name:?}: the styles are label, mask, hash"),
        }
    }

    fn redacted(
        &self,
        (finder, redactor): &(Finder, Redactor),
        texts: &StringViewArray,
        run: &Run,
    ) -> Result<ArrayRef> {
        let begun = Instant::now();
        let mut ahead = Lookahead::default();
        let mut scratch = self.idle.take();
        scratch.stop_when(run.cancel());
        let mut redacted = Redacted::of(texts);
        for row in 0..texts.len() {
            if !ahead.rows().contains(&row) {
                ahead = Lookahead::within(run, finder, texts, row)?;
            }
            redacted.push(row, |text| {
                redactor.redact_with(text, ahead.spans(row), &mut scratch)
            })?;
            run.check()?;
        }
        scratch.tally(|recognizer, tally| run.add_found(recognizer, tally));
        self.idle.give(scratch);
        run.add_scanned(texts.len(), bytes(texts), begun);
        Ok(redacted.finish())
    }
}

/// Texts of which some are replaced, row by row; the others share their bytes with the input.
#[derive(Debug)]
pub(super) struct Redacted<'a> {
    texts: &'a StringViewArray,
    views: Vec<u128>,
    copies: Copies,
}

impl<'a> Redacted<'a> {
    pub(super) fn of(texts: &'a StringViewArray) -> Self {
        Self {
            texts,
            views: texts.views().to_vec(),
            copies: Copies::beside(texts),
        }
    }

    /// Puts what `redact` makes of the text of `row` in its place; a NULL stays.
    pub(super) fn push(
        &mut self,
        row: usize,
        redact: impl FnOnce(&'a str) -> Cow<'a, str>,
    ) -> Result<()> {
        if self.texts.is_valid(row)
            && let Cow::Owned(text) = redact(self.texts.value(row))
        {
            if u32::try_from(text.len()).is_err() {
                return exec_err!(
                    "{NAME}: a redacted text has {} bytes; views hold 4 GiB",
                    text.len()
                );
            }
            self.views[row] = self.copies.view(&text);
        }
        Ok(())
    }

    pub(super) fn finish(self) -> ArrayRef {
        let buffers = self.copies.with_those_of(self.texts);
        // SAFETY: each view is one of `texts`, whose buffers come first, or was made of a `String` in a buffer after
        // them. Checking it would read all the text a second time.
        let array = unsafe {
            StringViewArray::new_unchecked(
                ScalarBuffer::from(self.views),
                buffers,
                self.texts.nulls().cloned(),
            )
        };
        Arc::new(array)
    }
}

/// Whether it is this function.
pub(super) fn is_redact(function: &dyn ScalarUDFImpl) -> bool {
    function.is::<Redact>()
}

impl PartialEq for Redact {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.models, &other.models)
    }
}

impl Eq for Redact {}

impl Hash for Redact {
    fn hash<H: Hasher>(&self, state: &mut H) {
        NAME.hash(state);
        Arc::as_ptr(&self.models).hash(state);
    }
}

impl ScalarUDFImpl for Redact {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let ([text, constants @ ..], true) = (types, types.len() <= 3) else {
            return plan_err!(
                "{NAME} takes a text and, if wanted, labels and a style: redact(text, 'EMAIL,PHONE', 'mask')"
            );
        };
        let constants = constants.iter().zip([LABELS, STYLE]);
        std::iter::once(text_type(NAME, text))
            .chain(constants.map(|(given, what)| constant_type(NAME, what, given)))
            .collect()
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8View)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        // Checked here, that is when the query is planned. What is unknown yet is a parameter; it is checked when bound.
        if let Some(labels) = planned_constant(NAME, LABELS, &args, 1)? {
            labels::finder(NAME, &self.models, Some(labels))?;
        }
        if let Some(style) = planned_constant(NAME, STYLE, &args, 2)? {
            self.style(style)?;
        }
        Ok(Arc::new(Field::new(
            NAME,
            DataType::Utf8View,
            args.arg_fields[0].is_nullable(),
        )))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let given = |at: usize, what| {
            let value = args.args.get(at);
            value.map(|value| constant(NAME, what, value)).transpose()
        };
        let redactor = self.redactor(given(1, LABELS)?, given(2, STYLE)?)?;
        let run = Run::of(&args.config_options);
        map_text(&args.args[0], |texts| self.redacted(&redactor, texts, &run))
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::ByteView;

    use super::*;
    use crate::recognize::Registry;

    fn of(style: &str, texts: &StringViewArray) -> StringViewArray {
        let function = Redact {
            models: Arc::new(Models::none(Arc::new(Registry::builtin()))),
            key: Key::new(&[7; 32]),
            signature: Signature::user_defined(Volatility::Immutable),
            documentation: Documentation::builder(Default::default(), "", "").build(),
            redactors: Compiled::default(),
            idle: Idle::default(),
        };
        let redactor = function.redactor(None, Some(style)).unwrap();
        let array = function
            .redacted(&redactor, texts, &Run::default())
            .unwrap();
        let array: StringViewArray = array
            .as_any()
            .downcast_ref::<StringViewArray>()
            .unwrap()
            .clone();
        // What `new_unchecked` was spared.
        StringViewArray::try_new(
            array.views().clone(),
            array.data_buffers().to_vec(),
            array.nulls().cloned(),
        )
        .unwrap()
    }

    #[test]
    fn texts_without_entities_are_views_of_the_input() {
        let texts = StringViewArray::from_iter(vec![
            Some("a long text in which nothing is found"),
            None,
            Some("a long text with someone@example.com in it"),
            Some("short"),
            Some(""),
            Some("x@b.io"),
        ]);
        for style in ["label", "mask", "hash"] {
            let redacted = of(style, &texts);
            let place = |row: usize| ByteView::from(redacted.views()[row]).buffer_index;
            assert_eq!(
                redacted.data_buffers()[0].as_ptr(),
                texts.data_buffers()[0].as_ptr()
            );
            assert_eq!((place(0), place(2)), (0, 1), "{style}");
            assert_eq!(
                redacted.data_buffers().len(),
                2,
                "only what was replaced is written"
            );
            assert!(redacted.data_buffers()[1].len() < 80);
            assert!(redacted.is_null(1));
            assert_eq!(
                (redacted.value(0), redacted.value(3)),
                (texts.value(0), "short")
            );
            assert_eq!(redacted.value(4), "");
        }
        assert_eq!(
            of("label", &texts).value(2),
            "a long text with [EMAIL] in it"
        );
        assert_eq!(of("mask", &texts).value(5), "******");

        let untouched = texts.slice(0, 2);
        assert_eq!(of("label", &untouched).data_buffers().len(), 1);
    }
}
