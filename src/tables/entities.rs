//! `entities`: one row an entity of every document, computed when it is asked for.
//!
//! Owns how a query narrows the work: conditions on `label` choose the recognizers, conditions on `doc_id`, `source`
//! and `ts` choose the documents, and only the columns that are read are built. The scan itself is
//! [`crate::plan::ExtractExec`].

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, DictionaryArray, RecordBatch, StringArray};
use arrow::datatypes::{Int32Type, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, Result, ScalarValue, internal_err};
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{
    BinaryExpr, Expr, LogicalPlan, LogicalPlanBuilder, Operator, TableProviderFilterPushDown,
    TableType, col,
};
use datafusion::physical_plan::ExecutionPlan;

use crate::functions::entity_columns::{EntityField, Extractor};
use crate::ner::Models;
use crate::plan::ExtractExec;

/// The document columns that an entity carries.
const DOCUMENT_COLUMNS: [&str; 3] = ["doc_id", "source", "ts"];

/// The table; see the module.
#[derive(Debug)]
pub(super) struct EntitiesTable {
    documents: Arc<dyn TableProvider>,
    models: Arc<Models>,
    schema: SchemaRef,
}

/// What a condition decides.
enum Decides {
    Documents,
    Labels,
    Entities,
}

impl EntitiesTable {
    pub(super) fn new(documents: Arc<dyn TableProvider>, models: Arc<Models>) -> Self {
        let columns = documents.schema();
        let of_document = DOCUMENT_COLUMNS.iter().map(|name| {
            let (_, field) = columns
                .column_with_name(name)
                .expect("documents begin with the store's own columns");
            Arc::new(field.clone())
        });
        let fields: Vec<_> = of_document
            .chain(EntityField::ALL.iter().map(|f| f.field()))
            .collect();
        Self {
            documents,
            models,
            schema: Arc::new(Schema::new(fields)),
        }
    }

    fn decides(expr: &Expr) -> Decides {
        let columns = expr.column_refs();
        if expr.is_volatile() {
            Decides::Entities
        } else if !columns.is_empty() && columns.iter().all(|c| c.name == "label") {
            Decides::Labels
        } else if columns
            .iter()
            .all(|c| DOCUMENT_COLUMNS.contains(&c.name.as_str()))
        {
            // A constant too: what DataFusion makes, after we took it, of `label NOT IN ('EMAIL', NULL)`.
            Decides::Documents
        } else {
            Decides::Entities
        }
    }

    /// The labels for which all conditions hold: each condition is evaluated on the few labels that there are.
    fn labels(&self, state: &dyn Session, conditions: &[Expr]) -> Result<Vec<String>> {
        let mut labels: Vec<String> = self
            .models
            .registry()
            .labels()
            .map(str::to_string)
            .collect();
        let schema = Arc::new(Schema::new(vec![EntityField::Label.field()]));
        let df_schema = DFSchema::try_from(Arc::clone(&schema))?;
        for condition in conditions {
            let condition = unqualified(condition)?;
            self.check_known(&condition)?;
            let words: DictionaryArray<Int32Type> = DictionaryArray::try_new(
                (0..labels.len() as i32).collect(),
                Arc::new(StringArray::from(labels.clone())),
            )?;
            let batch = RecordBatch::try_new(Arc::clone(&schema), vec![Arc::new(words)])?;
            let holds: ArrayRef = state
                .create_physical_expr(condition, &df_schema)?
                .evaluate(&batch)?
                .into_array(labels.len())?;
            let holds = holds.as_boolean();
            let mut row = 0;
            labels.retain(|_| {
                row += 1;
                holds.is_valid(row - 1) && holds.value(row - 1)
            });
        }
        Ok(labels)
    }

    /// A misspelt label must not look like documents without entities. What is compared with something made of the label,
    /// such as `lower(label)`, may be anything.
    fn check_known(&self, condition: &Expr) -> Result<()> {
        let check = |literal: &Expr| -> Result<()> {
            if let Expr::Literal(value, _) = literal
                && let Some(Some(label)) = string_of(value)
            {
                self.models.registry().scanner(&[label])?;
            }
            Ok(())
        };
        condition.apply(|expr| {
            match expr {
                Expr::BinaryExpr(BinaryExpr {
                    left,
                    op: Operator::Eq | Operator::NotEq,
                    right,
                }) => {
                    if is_column(left) {
                        check(right)?;
                    } else if is_column(right) {
                        check(left)?;
                    }
                }
                Expr::InList(list) if is_column(&list.expr) => {
                    list.list.iter().try_for_each(check)?;
                }
                _ => {}
            }
            Ok(TreeNodeRecursion::Continue)
        })?;
        Ok(())
    }

    fn document_plan(&self, conditions: Vec<Expr>, columns: &[&str]) -> Result<LogicalPlan> {
        let mut plan = LogicalPlanBuilder::scan(
            "documents",
            provider_as_source(Arc::clone(&self.documents)),
            None,
        )?;
        if let Some(condition) = conjunction(conditions) {
            plan = plan.filter(condition)?;
        }
        plan.project(columns.iter().map(|&name| col(name)))?.build()
    }
}

#[async_trait]
impl TableProvider for EntitiesTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(filters
            .iter()
            .map(|filter| match Self::decides(filter) {
                Decides::Documents | Decides::Labels => TableProviderFilterPushDown::Exact,
                Decides::Entities => TableProviderFilterPushDown::Unsupported,
            })
            .collect())
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let all: Vec<usize> = (0..self.schema.fields().len()).collect();
        let projection = projection.unwrap_or(&all);
        let mut of_documents = Vec::new();
        let mut of_labels = Vec::new();
        for filter in filters {
            match Self::decides(filter) {
                Decides::Documents => of_documents.push(unqualified(filter)?),
                Decides::Labels => of_labels.push(filter.clone()),
                Decides::Entities => {
                    return internal_err!("entities never offered to apply {filter}");
                }
            }
        }
        let labels = self.labels(state, &of_labels)?;
        let extractor = Arc::new(Extractor::new(self.models.finder(&labels)?));

        // `text` first: ExtractExec reads column 0 and carries along the others.
        let mut columns = vec!["text"];
        columns.extend(projection.iter().filter_map(|&i| DOCUMENT_COLUMNS.get(i)));
        let documents = state
            .create_physical_plan(&self.document_plan(of_documents, &columns)?)
            .await?;
        let schema = Arc::new(self.schema.project(projection)?);
        Ok(Arc::new(ExtractExec::try_new(
            documents, extractor, labels, schema, limit,
        )?))
    }
}

/// A column as it is; casts change its type, not its words.
fn is_column(expr: &Expr) -> bool {
    match expr {
        Expr::Cast(cast) => is_column(&cast.expr),
        Expr::TryCast(cast) => is_column(&cast.expr),
        other => matches!(other, Expr::Column(_)),
    }
}

fn string_of(value: &ScalarValue) -> Option<Option<&str>> {
    match value {
        ScalarValue::Dictionary(_, value) => string_of(value),
        other => other.try_as_str(),
    }
}

/// Conditions arrive qualified by whatever the query calls this table.
fn unqualified(expr: &Expr) -> Result<Expr> {
    use datafusion::common::tree_node::Transformed;
    Ok(expr
        .clone()
        .transform(|e| {
            Ok(match e {
                Expr::Column(column) => {
                    Transformed::yes(Expr::Column(Column::new_unqualified(column.name)))
                }
                other => Transformed::no(other),
            })
        })?
        .data)
}
