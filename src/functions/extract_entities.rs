//! `extract_entities(text [, labels])` and `entity_values(text, label)`: two shapes of one scan.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl,
    Signature, Volatility,
};

use super::compiled::Compiled;
use super::entity_columns::{EntityField, Extractor};
use super::labels::{self, LABELS};
use super::run::Run;
use super::text::{constant, constant_type, map_text, planned_constant, text_type};
use crate::ner::Models;

/// Which of the two functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Shape {
    Entities,
    Values,
}

/// `extract_entities(text [, 'EMAIL,URL'])`: one list of entities a text, ordered by start, end, label.
///
/// A NULL text gives NULL, a text without entities an empty list. Labels are a literal or a bound parameter, checked
/// when the query is planned; without them, or with `'*'`, all labels are looked for.
#[must_use]
pub fn extract_entities(models: &Arc<Models>) -> ScalarUDF {
    ScalarUDF::new_from_impl(ExtractEntities::new(models, Shape::Entities))
}

/// `entity_values(text, 'EMAIL')`: one list of normalised values a text, in order, duplicates kept.
///
/// NULL and empty as [`extract_entities`].
#[must_use]
pub fn entity_values(models: &Arc<Models>) -> ScalarUDF {
    ScalarUDF::new_from_impl(ExtractEntities::new(models, Shape::Values))
}

#[derive(Debug)]
pub(super) struct ExtractEntities {
    models: Arc<Models>,
    shape: Shape,
    signature: Signature,
    documentation: Documentation,
    /// By labels as written.
    extractors: Compiled<Option<String>, Extractor>,
}

impl ExtractEntities {
    fn new(models: &Arc<Models>, shape: Shape) -> Self {
        let documentation = match shape {
            Shape::Entities => Documentation::builder(
                Default::default(),
                "The entities of a text, as a list of structs ordered by start, end, label.",
                "extract_entities(text [, 'EMAIL,URL'])",
            ),
            Shape::Values => Documentation::builder(
                Default::default(),
                "The normalised values of a text's entities of the given labels, in order.",
                "entity_values(text, 'EMAIL')",
            ),
        }
        .build();
        Self {
            models: Arc::clone(models),
            shape,
            signature: Signature::user_defined(Volatility::Immutable),
            documentation,
            extractors: Compiled::default(),
        }
    }

    pub(super) fn models(&self) -> &Arc<Models> {
        &self.models
    }

    pub(super) fn shape(&self) -> Shape {
        self.shape
    }

    fn extractor(&self, labels: Option<&str>) -> Result<Arc<Extractor>> {
        self.extractors.get(labels.map(str::to_string), |_| {
            let finder = labels::finder(self.name(), &self.models, labels)?;
            Ok(Extractor::new(finder))
        })
    }
}

/// Whether it is one of these functions.
pub(super) fn is_extract(function: &dyn ScalarUDFImpl) -> bool {
    function.is::<ExtractEntities>()
}

impl PartialEq for ExtractEntities {
    fn eq(&self, other: &Self) -> bool {
        self.shape == other.shape && Arc::ptr_eq(&self.models, &other.models)
    }
}

impl Eq for ExtractEntities {}

impl Hash for ExtractEntities {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.shape.hash(state);
        Arc::as_ptr(&self.models).hash(state);
    }
}

impl ScalarUDFImpl for ExtractEntities {
    fn name(&self) -> &str {
        match self.shape {
            Shape::Entities => "extract_entities",
            Shape::Values => "entity_values",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match (self.shape, types) {
            (Shape::Entities, [text]) => Ok(vec![text_type(self.name(), text)?]),
            (_, [text, labels]) => Ok(vec![
                text_type(self.name(), text)?,
                constant_type(self.name(), LABELS, labels)?,
            ]),
            (Shape::Entities, _) => plan_err!(
                "extract_entities takes a text and, if wanted, labels: extract_entities(text, 'EMAIL,URL')"
            ),
            (Shape::Values, _) => {
                plan_err!("entity_values takes a text and a label: entity_values(text, 'EMAIL')")
            }
        }
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        let item = match self.shape {
            Shape::Entities => DataType::Struct(EntityField::struct_fields()),
            Shape::Values => DataType::Utf8View,
        };
        Ok(DataType::List(Arc::new(Field::new_list_field(item, true))))
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        // Checked here, that is when the query is planned: a misspelt label must not look like a text without entities.
        if let Some(labels) = planned_constant(self.name(), LABELS, &args, 1)? {
            self.extractor(Some(labels))?;
        }
        Ok(Arc::new(Field::new(
            self.name(),
            self.return_type(&[])?,
            args.arg_fields[0].is_nullable(),
        )))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let labels = args
            .args
            .get(1)
            .map(|l| constant(self.name(), LABELS, l))
            .transpose()?;
        let extractor = self.extractor(labels)?;
        let run = Run::of(&args.config_options);
        map_text(&args.args[0], |texts| {
            let lists = match self.shape {
                Shape::Entities => extractor.entity_lists(texts, &run)?,
                Shape::Values => extractor.value_lists(texts, &run)?,
            };
            Ok(Arc::new(lists) as ArrayRef)
        })
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}
