//! `ner(text [, 'model'])`: the entities that one model finds.

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, Documentation, Expr, LogicalPlan, ReturnFieldArgs, ScalarFunctionArgs,
    ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use super::compiled::Compiled;
use super::entity_columns::{EntityField, Extractor};
use super::run::Run;
use super::text::{constant, constant_type, map_text, planned_constant, text_type};
use crate::error::Error;
use crate::ner::{Catalog, Finder, ModelRecognizer, Models};

const NAME: &str = "ner";
const MODEL: &str = "the model";
/// The model where none is named.
const DEFAULT_MODEL: &str = "tagger";

/// `ner(text [, 'model'])`: one list of entities a text, ordered by start, end, label, as
/// [`extract_entities`](super::extract_entities) gives them, from one model.
///
/// A model is named as `spanql.toml` names it, and then does what is written there: its labels, its `min_score`, its
/// sentences; or it is one that comes with SpanQL. Without a name it is `tagger`. A NULL text gives NULL, a text without
/// entities an empty list. The name is a literal or a bound parameter, checked when the query is planned.
#[must_use]
pub fn ner(models: &Arc<Models>, catalog: &Catalog) -> ScalarUDF {
    ScalarUDF::new_from_impl(Ner {
        models: Arc::clone(models),
        catalog: catalog.clone(),
        signature: Signature::user_defined(Volatility::Immutable),
        documentation: Documentation::builder(
            Default::default(),
            "The entities that a model finds in a text, as a list of structs ordered by start, end, label.",
            "ner(text [, 'model'])",
        )
        .build(),
        extractors: Compiled::default(),
    })
}

#[derive(Debug)]
pub(super) struct Ner {
    models: Arc<Models>,
    catalog: Catalog,
    signature: Signature,
    documentation: Documentation,
    /// By model as written.
    extractors: Compiled<String, Extractor>,
}

impl Ner {
    pub(super) fn extractor(&self, model: Option<&str>) -> Result<Arc<Extractor>> {
        let model = model.unwrap_or(DEFAULT_MODEL).to_string();
        self.extractors
            .get(model, |model| Ok(Extractor::new(self.finder(model)?)))
    }

    /// A model that is not configured, by its name, and its fingerprint.
    fn unregistered(&self, name: &str) -> Option<(String, String)> {
        if self.models.names().any(|known| known == name) {
            return None;
        }
        let model = self.catalog.named(name)?;
        Some((name.to_string(), model.fingerprint()))
    }

    fn finder(&self, name: &str) -> Result<Finder> {
        if self.models.names().any(|known| known == name) {
            return Ok(self.models.finder_of_model(name)?);
        }
        let Some(model) = self.catalog.named(name) else {
            let mut known: Vec<&str> = self.models.names().chain(self.catalog.names()).collect();
            known.sort_unstable();
            known.dedup();
            return Err(Error::UnknownModel {
                model: name.to_string(),
                known: known.join(", "),
            }
            .into());
        };
        match self.models.with(ModelRecognizer::new(name, model)) {
            Ok(models) => Ok(models.finder_of_model(name)?),
            Err(misfit) => plan_err!("{NAME}: {}", misfit.message),
        }
    }
}

/// The models that a plan's calls of `ner` name and no configuration does, each with its fingerprint: the registry's says
/// nothing of them.
///
/// # Errors
/// Those of DataFusion about the plan itself.
pub fn unregistered_models(plan: &LogicalPlan) -> Result<BTreeMap<String, String>> {
    let mut models = BTreeMap::new();
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expression| {
            expression.apply(|part| {
                if let Expr::ScalarFunction(call) = part
                    && let Some(ner) = call.func.inner().as_ref().downcast_ref::<Ner>()
                {
                    let name = match call.args.get(1) {
                        Some(Expr::Literal(name, _)) => name.try_as_str().flatten(),
                        Some(_) => None,
                        None => Some(DEFAULT_MODEL),
                    };
                    models.extend(name.and_then(|name| ner.unregistered(name)));
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    Ok(models)
}

/// Whether it is this function.
pub(super) fn is_ner(function: &dyn ScalarUDFImpl) -> bool {
    function.is::<Ner>()
}

impl PartialEq for Ner {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.models, &other.models)
    }
}

impl Eq for Ner {}

impl Hash for Ner {
    fn hash<H: Hasher>(&self, state: &mut H) {
        NAME.hash(state);
        Arc::as_ptr(&self.models).hash(state);
    }
}

impl ScalarUDFImpl for Ner {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match types {
            [text] => Ok(vec![text_type(NAME, text)?]),
            [text, model] => Ok(vec![
                text_type(NAME, text)?,
                constant_type(NAME, MODEL, model)?,
            ]),
            _ => plan_err!(
                "{NAME} takes a text and, if wanted, a model: {NAME}(text, '{DEFAULT_MODEL}')"
            ),
        }
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        let item = DataType::Struct(EntityField::struct_fields());
        Ok(DataType::List(Arc::new(Field::new_list_field(item, true))))
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        // Checked here, that is when the query is planned. What is unknown yet is a parameter; it is checked when bound.
        if let Some(model) = planned_constant(NAME, MODEL, &args, 1)? {
            self.extractor(Some(model))?;
        } else if args.arg_fields.len() == 1 {
            self.extractor(None)?;
        }
        Ok(Arc::new(Field::new(
            NAME,
            self.return_type(&[])?,
            args.arg_fields[0].is_nullable(),
        )))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let model = args.args.get(1);
        let model = model
            .map(|model| constant(NAME, MODEL, model))
            .transpose()?;
        let extractor = self.extractor(model)?;
        let run = Run::of(&args.config_options);
        map_text(&args.args[0], |texts| {
            Ok(Arc::new(extractor.entity_lists(texts, &run)?) as ArrayRef)
        })
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}
