//! `regexp_extract_all(text, pattern [, group])`: all matches, which DataFusion itself does not offer.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ListArray, StringViewArray};
use arrow::buffer::{OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, ScalarValue, exec_err, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl,
    Signature, Volatility,
};

use super::compiled::Compiled;
use super::run::Run;
use super::text::{constant, constant_type, map_text, text_type, view_of_part};
use crate::error::Error;
use crate::recognize::{Cancel, Pattern};

const NAME: &str = "regexp_extract_all";
/// How many matches there are between two questions whether they are still wanted.
const BETWEEN: usize = 1024;

/// `regexp_extract_all(text, pattern [, group])`: one list a text of all non-overlapping matches, leftmost first, or
/// of one of their groups.
///
/// Syntax and semantics are those of the `regex` crate: linear time, no look-around, no back-references. A NULL text
/// gives NULL, no match an empty list, a group that took no part in a match an empty string. Pattern and group are
/// literals or bound parameters; a pattern that does not compile is refused when the query is planned.
#[must_use]
pub fn regexp_extract_all() -> ScalarUDF {
    ScalarUDF::new_from_impl(RegexpExtractAll::default())
}

#[derive(Debug)]
struct RegexpExtractAll {
    signature: Signature,
    documentation: Documentation,
    /// By pattern and group.
    patterns: Compiled<(String, usize), Pattern>,
}

impl Default for RegexpExtractAll {
    fn default() -> Self {
        Self {
            signature: Signature::user_defined(Volatility::Immutable),
            documentation: Documentation::builder(
                Default::default(),
                "All matches of a regular expression in a text, or of one of its groups.",
                "regexp_extract_all(text, pattern [, group])",
            )
            .build(),
            patterns: Compiled::default(),
        }
    }
}

impl RegexpExtractAll {
    fn pattern(&self, pattern: &str, group: i64) -> Result<Arc<Pattern>> {
        let Ok(group) = usize::try_from(group) else {
            return plan_err!("{NAME}: group {group} is negative; 0 is the whole match");
        };
        self.patterns.get((pattern.to_string(), group), |_| {
            Ok(Pattern::new(NAME, pattern, group)?)
        })
    }
}

// One instance serves a session: two calls are the same function.
impl PartialEq for RegexpExtractAll {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

impl Eq for RegexpExtractAll {}

impl Hash for RegexpExtractAll {
    fn hash<H: Hasher>(&self, state: &mut H) {
        NAME.hash(state);
    }
}

impl ScalarUDFImpl for RegexpExtractAll {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let ([text, pattern] | [text, pattern, _]) = types else {
            return plan_err!("{NAME} takes a text, a pattern and, if wanted, a group");
        };
        let mut coerced = vec![
            text_type(NAME, text)?,
            constant_type(NAME, "the pattern", pattern)?,
        ];
        if let Some(group) = types.get(2) {
            if !group.is_integer() && !group.is_null() {
                return plan_err!("{NAME}: the group must be a number, not {group}");
            }
            coerced.push(DataType::Int64);
        }
        Ok(coerced)
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::List(Arc::new(Field::new_list_field(
            DataType::Utf8View,
            true,
        ))))
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        if let Some(Some(pattern)) = args.scalar_arguments.get(1)
            && let Some(Some(pattern)) = pattern.try_as_str()
        {
            let group = match args.scalar_arguments.get(2) {
                Some(Some(ScalarValue::Int64(Some(group)))) => *group,
                _ => 0,
            };
            self.pattern(pattern, group)?;
        }
        Ok(Arc::new(Field::new(
            NAME,
            self.return_type(&[])?,
            args.arg_fields[0].is_nullable(),
        )))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let pattern = constant(NAME, "the pattern", &args.args[1])?;
        let group = match args.args.get(2) {
            None => 0,
            Some(ColumnarValue::Scalar(ScalarValue::Int64(Some(group)))) => *group,
            Some(_) => {
                return exec_err!(
                    "{NAME}: the group must be a literal number or a bound parameter"
                );
            }
        };
        let pattern = self.pattern(pattern, group)?;
        let run = Run::of(&args.config_options);
        map_text(&args.args[0], |texts| {
            Ok(Arc::new(match_lists(&pattern, texts, run.cancel())?) as ArrayRef)
        })
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}

/// Matches as views into the texts' own buffers.
fn match_lists(pattern: &Pattern, texts: &StringViewArray, cancel: &Cancel) -> Result<ListArray> {
    let mut views: Vec<u128> = Vec::new();
    let mut lengths = Vec::with_capacity(texts.len());
    for (row, text) in texts.iter().enumerate() {
        let before = views.len();
        if let Some(text) = text {
            pattern.find_all(text, |found| {
                let range = found.unwrap_or(0..0);
                let start = range.start;
                views.push(view_of_part(texts, row, &text[range], start));
                !(views.len().is_multiple_of(BETWEEN) && cancel.is_cancelled())
            });
        }
        if cancel.is_cancelled() {
            return Err(Error::Interrupted.into());
        }
        lengths.push(views.len() - before);
    }
    let values = StringViewArray::try_new(
        ScalarBuffer::from(views),
        texts.data_buffers().to_vec(),
        None,
    )?;
    let item = Arc::new(Field::new_list_field(DataType::Utf8View, true));
    Ok(ListArray::try_new(
        item,
        OffsetBuffer::from_lengths(lengths),
        Arc::new(values),
        texts.nulls().cloned(),
    )?)
}
