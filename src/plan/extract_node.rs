//! [`Extract`]: the logical node of [`ExtractExec`]: documents in, one row an entity out.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::common::{DFSchemaRef, Result, internal_err};
use datafusion::logical_expr::{Expr, Extension, LogicalPlan, UserDefinedLogicalNodeCore};
use datafusion::physical_plan::ExecutionPlan;

use super::ExtractExec;
use crate::ner::Models;

/// See the module. Column 0 of its input is the text, the others are columns of the document.
#[derive(Debug, Clone)]
pub struct Extract {
    input: LogicalPlan,
    models: Arc<Models>,
    labels: Vec<String>,
    /// The columns of the output, by name from the document or from the entity.
    schema: DFSchemaRef,
    /// How many rows are enough.
    fetch: Option<usize>,
}

impl Extract {
    /// The entities of `labels` in the documents of `input`, with the columns of `schema`.
    #[must_use]
    pub fn new(
        input: LogicalPlan,
        models: Arc<Models>,
        labels: Vec<String>,
        schema: DFSchemaRef,
        fetch: Option<usize>,
    ) -> Self {
        Self {
            input,
            models,
            labels,
            schema,
            fetch,
        }
    }

    /// As a plan.
    #[must_use]
    pub fn into_plan(self) -> LogicalPlan {
        let node = Arc::new(self);
        LogicalPlan::Extension(Extension { node })
    }

    /// The node that a plan is.
    #[must_use]
    pub fn of(plan: &LogicalPlan) -> Option<&Self> {
        match plan {
            LogicalPlan::Extension(extension) => extension.node.as_any().downcast_ref(),
            _ => None,
        }
    }

    /// Its input.
    #[must_use]
    pub fn input(&self) -> &LogicalPlan {
        &self.input
    }

    /// What finds the entities.
    #[must_use]
    pub fn models(&self) -> &Arc<Models> {
        &self.models
    }

    /// The labels that are looked for, sorted.
    #[must_use]
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// How many rows are enough.
    #[must_use]
    pub fn fetch(&self) -> Option<usize> {
        self.fetch
    }

    /// The same entities in the documents of another input, with other columns.
    pub(super) fn over(&self, input: LogicalPlan, schema: DFSchemaRef) -> Self {
        Self {
            input,
            schema,
            ..self.clone()
        }
    }

    /// The node that runs this one, over the plan of its input.
    ///
    /// # Errors
    /// As [`ExtractExec::try_new`].
    pub(super) fn exec(&self, input: Arc<dyn ExecutionPlan>) -> Result<ExtractExec> {
        let (models, schema) = (Arc::clone(&self.models), Arc::clone(self.schema.inner()));
        ExtractExec::try_new(input, models, self.labels.clone(), schema, self.fetch)
    }

    fn key(&self) -> (&Vec<String>, Option<usize>, String) {
        (&self.labels, self.fetch, self.schema.to_string())
    }
}

impl PartialEq for Extract {
    fn eq(&self, other: &Self) -> bool {
        let same = (&self.labels, self.fetch) == (&other.labels, other.fetch);
        same && self.schema == other.schema
            && Arc::ptr_eq(&self.models, &other.models)
            && self.input == other.input
    }
}

impl Eq for Extract {}

impl Hash for Extract {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.labels, self.fetch, &self.schema, &self.input).hash(state);
    }
}

impl PartialOrd for Extract {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        match self.input.partial_cmp(&other.input) {
            Some(Ordering::Equal) => self.key().partial_cmp(&other.key()),
            order => order,
        }
    }
}

impl UserDefinedLogicalNodeCore for Extract {
    fn name(&self) -> &str {
        "Extract"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input]
    }

    fn schema(&self) -> &DFSchemaRef {
        &self.schema
    }

    fn expressions(&self) -> Vec<Expr> {
        Vec::new()
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Extract: labels=[{}]", self.labels.join(", "))?;
        match self.fetch {
            Some(fetch) => write!(f, ", fetch={fetch}"),
            None => Ok(()),
        }
    }

    fn with_exprs_and_inputs(&self, _: Vec<Expr>, inputs: Vec<LogicalPlan>) -> Result<Self> {
        let Ok([input]) = <[_; 1]>::try_from(inputs) else {
            return internal_err!("Extract has one input");
        };
        Ok(Self {
            input,
            ..self.clone()
        })
    }
}
