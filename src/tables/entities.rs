//! `entities`: one row an entity of every document, computed when it is asked for.
//!
//! Owns how a query narrows the work: conditions on `label` choose the recognizers, conditions on `doc_id`, `source`
//! and `ts` choose the documents, and only the columns that are read are built. The scan itself is
//! [`crate::plan::ExtractExec`]; [`EntitiesRule`] shows it to DataFusion's optimizer, so that it can be shared.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, DictionaryArray, RecordBatch, StringArray};
use arrow::datatypes::{Int32Type, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, Result, ScalarValue, internal_err};
use datafusion::datasource::{provider_as_source, source_as_provider};
use datafusion::execution::context::ExecutionProps;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{
    BinaryExpr, Expr, LogicalPlan, LogicalPlanBuilder, Operator, TableProviderFilterPushDown,
    TableScan, TableType, col,
};
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};
use datafusion::physical_expr::{PhysicalExpr, create_physical_expr};
use datafusion::physical_plan::ExecutionPlan;

use crate::functions::entity_columns::{EntityField, Extractor};
use crate::ner::Models;
use crate::plan::{Extract, ExtractExec, Settings};

/// The document columns that an entity carries.
const DOCUMENT_COLUMNS: [&str; 3] = ["doc_id", "source", "ts"];

/// The table; see the module.
#[derive(Debug)]
pub(super) struct EntitiesTable {
    documents: Arc<dyn TableProvider>,
    models: Arc<Models>,
    schema: SchemaRef,
}

/// Makes a condition ready to be evaluated.
type Evaluate<'a> = &'a dyn Fn(Expr, &DFSchema) -> Result<Arc<dyn PhysicalExpr>>;

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
    fn labels(&self, conditions: &[Expr], evaluate: Evaluate<'_>) -> Result<Vec<String>> {
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
            let holds: ArrayRef = evaluate(condition, &df_schema)?
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

    /// The labels to look for, and the documents to look in, their text first.
    fn narrowed(
        &self,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        evaluate: Evaluate<'_>,
    ) -> Result<(Vec<String>, LogicalPlan)> {
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
        let labels = self.labels(&of_labels, evaluate)?;
        // `text` first: ExtractExec reads column 0 and carries along the others.
        let mut columns = vec!["text"];
        match projection {
            Some(some) => columns.extend(some.iter().filter_map(|&i| DOCUMENT_COLUMNS.get(i))),
            None => columns.extend(DOCUMENT_COLUMNS),
        }
        Ok((labels, self.document_plan(of_documents, &columns)?))
    }

    fn written_out(&self, scan: &TableScan, config: &dyn OptimizerConfig) -> Result<LogicalPlan> {
        let mut known = ExecutionProps::new();
        known.config_options = Some(config.options());
        let context = PhysicalPlanningContext::default();
        let evaluate = |condition: Expr, schema: &DFSchema| {
            create_physical_expr(&condition, schema, &known, &context)
        };
        let (labels, documents) =
            self.narrowed(scan.projection.as_ref(), &scan.filters, &evaluate)?;
        let (models, schema) = (Arc::clone(&self.models), Arc::clone(&scan.projected_schema));
        Ok(Extract::new(documents, models, labels, schema, scan.fetch).into_plan())
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
        let evaluate =
            |condition: Expr, schema: &DFSchema| state.create_physical_expr(condition, schema);
        let (labels, documents) = self.narrowed(projection, filters, &evaluate)?;
        let extractor = Arc::new(Extractor::new(self.models.finder(&labels)?));
        let documents = state.create_physical_plan(&documents).await?;
        let schema = match projection {
            Some(projection) => Arc::new(self.schema.project(projection)?),
            None => self.schema(),
        };
        Ok(Arc::new(ExtractExec::try_new(
            documents, extractor, labels, schema, limit,
        )?))
    }
}

/// Writes scans of `entities` out as what they are: a scan of documents, and the node that extracts entities from them.
///
/// It runs after DataFusion's own rules, which have told the table its conditions and columns.
#[derive(Debug, Default)]
pub struct EntitiesRule;

impl OptimizerRule for EntitiesRule {
    fn name(&self) -> &str {
        "entities"
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        config: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        if !Settings::shares_scans(&config.options()) {
            return Ok(Transformed::no(plan));
        }
        plan.transform_up_with_subqueries(|node| {
            let LogicalPlan::TableScan(scan) = &node else {
                return Ok(Transformed::no(node));
            };
            // What a parameter asks for is known once it is bound.
            let unbound = |part: &Expr| Ok(matches!(part, Expr::Placeholder(_)));
            for condition in &scan.filters {
                if condition.exists(unbound)? {
                    return Ok(Transformed::no(node));
                }
            }
            let Ok(provider) = source_as_provider(&scan.source) else {
                return Ok(Transformed::no(node));
            };
            match provider.downcast_ref::<EntitiesTable>() {
                Some(entities) => Ok(Transformed::yes(entities.written_out(scan, config)?)),
                None => Ok(Transformed::no(node)),
            }
        })
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
