//! `entities`: one row an entity of every document, kept ones read, the others computed when they are asked for.
//!
//! Owns how a query narrows the work: conditions on `label` choose the recognizers, conditions on `doc_id`, `source`
//! and `ts` choose the documents, and only the columns that are read are built. The scan itself is
//! [`crate::plan::ExtractExec`]; [`EntitiesRule`] shows it to DataFusion's optimizer, so that it can be shared. Which entities
//! are kept and current is `kept.rs`'s; reading them is DataFusion's business, conditions on their values included.

use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, DictionaryArray, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Int32Type, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, DFSchema, Result, ScalarValue};
use datafusion::datasource::{provider_as_source, source_as_provider};
use datafusion::execution::context::ExecutionProps;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{
    BinaryExpr, Expr, LogicalPlan, LogicalPlanBuilder, Operator, TableProviderFilterPushDown,
    TableScan, TableType, col, lit,
};
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};
use datafusion::physical_expr::{PhysicalExpr, create_physical_expr};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::union::UnionExec;

use crate::functions::entity_columns::EntityField;
use crate::ner::Models;
use crate::plan::{Extract, ExtractExec, GateExec, Settings};

use super::kept::{FromKept, Kept, Split};
use super::parquet_files;

/// The document columns that an entity carries.
const DOCUMENT_COLUMNS: [&str; 3] = ["doc_id", "source", "ts"];

/// The table; see the module.
#[derive(Debug)]
pub(crate) struct EntitiesTable {
    documents: Arc<dyn TableProvider>,
    /// The files behind it.
    files: Vec<PathBuf>,
    models: Arc<Models>,
    kept: Kept,
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

/// The conditions of a query, by what they decide.
struct Conditions {
    of_labels: Vec<Expr>,
    of_documents: Vec<Expr>,
    of_entities: Vec<Expr>,
}

impl Conditions {
    fn of(filters: &[Expr]) -> Result<Self> {
        let (mut of_labels, mut of_documents, mut of_entities) = (vec![], vec![], vec![]);
        for filter in filters {
            match EntitiesTable::decides(filter) {
                Decides::Labels => of_labels.push(filter.clone()),
                Decides::Documents => of_documents.push(unqualified(filter)?),
                Decides::Entities => {
                    of_labels.extend(implied_of_label(filter));
                    if fails_for_none(filter) {
                        of_entities.push(unqualified(filter)?);
                    }
                }
            }
        }
        Ok(Self {
            of_labels,
            of_documents,
            of_entities,
        })
    }
}

/// The document columns among these, behind the text: ExtractExec reads column 0 and carries along the others.
fn text_and<'a>(columns: impl Iterator<Item = &'a str>) -> impl Iterator<Item = &'a str> {
    std::iter::once("text").chain(columns.filter(|name| DOCUMENT_COLUMNS.contains(name)))
}

impl EntitiesTable {
    pub(crate) fn new(
        documents: Arc<dyn TableProvider>,
        files: Vec<PathBuf>,
        models: Arc<Models>,
        kept: Kept,
    ) -> Self {
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
            files,
            models,
            kept,
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

    /// The recognizers and models that it asks.
    pub(super) fn models(&self) -> &Arc<Models> {
        &self.models
    }

    /// The scan of documents and the node that extracts from them, where no kept entities are current that are asked for.
    fn written_out(
        &self,
        scan: &TableScan,
        config: &dyn OptimizerConfig,
    ) -> Result<Option<LogicalPlan>> {
        let mut known = ExecutionProps::new();
        known.config_options = Some(config.options());
        let context = PhysicalPlanningContext::default();
        let evaluate = |condition: Expr, schema: &DFSchema| {
            create_physical_expr(&condition, schema, &known, &context)
        };
        let conditions = Conditions::of(&scan.filters)?;
        let labels = self.labels(&conditions.of_labels, &evaluate)?;
        if !self.kept.split(&labels).kept.is_empty() {
            return Ok(None);
        }
        let fields = scan.projected_schema.fields().iter();
        let columns = text_and(fields.map(|field| field.name().as_str()));
        let documents = Arc::clone(&self.documents);
        let documents = narrowed("documents", documents, conditions.of_documents, columns)?;
        let (models, schema) = (Arc::clone(&self.models), Arc::clone(&scan.projected_schema));
        let extract = Extract::new(documents, models, labels, schema, scan.fetch);
        Ok(Some(extract.into_plan()))
    }

    /// Some of the files of documents, by their numbers.
    fn some_documents(&self, numbers: &[usize]) -> Result<Arc<dyn TableProvider>> {
        if numbers.len() == self.files.len() {
            return Ok(Arc::clone(&self.documents));
        }
        let files: Vec<_> = numbers
            .iter()
            .map(|&number| self.files[number].clone())
            .collect();
        Ok(parquet_files::table_of(&files, self.documents.schema())?)
    }

    /// Scans some documents, those for which the conditions hold, for the entities of some labels.
    async fn compute(
        &self,
        state: &dyn Session,
        documents: Arc<dyn TableProvider>,
        labels: Vec<String>,
        wanted: &Wanted<'_>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let columns = text_and(wanted.columns.iter().map(String::as_str));
        let plan = narrowed("documents", documents, wanted.of_documents.clone(), columns)?;
        let documents = state.create_physical_plan(&plan).await?;
        let schema = Arc::clone(&wanted.schema);
        Ok(Arc::new(ExtractExec::try_new(
            documents,
            Arc::clone(&self.models),
            labels,
            schema,
            wanted.limit,
        )?))
    }

    /// Reads kept entities, as far as their files tell those for which the conditions hold.
    async fn read(
        &self,
        state: &dyn Session,
        kept: FromKept,
        wanted: &Wanted<'_>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let table = parquet_files::table_of(&kept.files, Arc::clone(&self.schema))?;
        let mut conditions = wanted.of_documents.clone();
        conditions.extend(wanted.of_entities.iter().cloned());
        if !kept.whole {
            let labels = kept.labels.iter().map(|label| lit(label_value(label)));
            conditions.push(col("label").in_list(labels.collect(), false));
        }
        let columns = wanted.columns.iter().map(String::as_str);
        let plan = narrowed("entities", table, conditions, columns)?;
        let plan = state.create_physical_plan(&plan).await?;
        Ok(match kept.whole {
            true => plan,
            // Rows of other labels are not asked what only those of the wanted ones are fit for.
            false => Arc::new(GateExec::new(plan)),
        })
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
                // The labels, or the files of kept entities, are narrowed by it, and what comes out is looked at once more.
                Decides::Entities
                    if implied_of_label(filter).is_some()
                        || !self.kept.is_empty() && fails_for_none(filter) =>
                {
                    TableProviderFilterPushDown::Inexact
                }
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
        let Conditions {
            of_labels,
            of_documents,
            of_entities,
        } = Conditions::of(filters)?;
        let evaluate =
            |condition: Expr, schema: &DFSchema| state.create_physical_expr(condition, schema);
        let labels = self.labels(&of_labels, &evaluate)?;
        let schema = Arc::new(self.schema.project(projection)?);
        let fields = schema.fields().iter();
        let wanted = Wanted {
            columns: fields.map(|field| field.name().clone()).collect(),
            schema,
            of_documents,
            of_entities: &of_entities,
            limit,
        };
        if self.kept.is_empty() {
            let documents = Arc::clone(&self.documents);
            return self.compute(state, documents, labels, &wanted).await;
        }
        let Split { kept, rest } = self.kept.split(&labels);
        let mut parts = Vec::with_capacity(kept.len() + rest.len());
        for kept in kept {
            parts.push(self.read(state, kept, &wanted).await?);
        }
        for (numbers, labels) in rest {
            let documents = self.some_documents(&numbers)?;
            parts.push(self.compute(state, documents, labels, &wanted).await?);
        }
        if parts.is_empty() {
            return Ok(Arc::new(EmptyExec::new(wanted.schema)));
        }
        UnionExec::try_new(parts)
    }
}

/// Writes scans of `entities` out as what they are: a scan of documents, and the node that extracts entities from them.
///
/// It runs after DataFusion's own rules, which have told the table its conditions and columns. Where kept entities answer, for
/// some files of documents or for all, the table reads them by itself. What is read is cheap, and so it is not shared; of
/// files that lack entities each scan of the table then makes its own.
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
            let entities = provider.downcast_ref::<EntitiesTable>();
            let written = entities.map(|entities| entities.written_out(scan, config));
            Ok(match written.transpose()?.flatten() {
                Some(written) => Transformed::yes(written),
                None => Transformed::no(node),
            })
        })
    }
}

/// What a query wants of the table.
struct Wanted<'a> {
    columns: Vec<String>,
    /// Of those columns.
    schema: SchemaRef,
    of_documents: Vec<Expr>,
    of_entities: &'a [Expr],
    limit: Option<usize>,
}

/// Some columns of the rows of a table for which some conditions hold.
fn narrowed<'a>(
    name: &str,
    table: Arc<dyn TableProvider>,
    conditions: Vec<Expr>,
    columns: impl Iterator<Item = &'a str>,
) -> Result<LogicalPlan> {
    let mut plan = LogicalPlanBuilder::scan(name, provider_as_source(table), None)?;
    if let Some(condition) = conjunction(conditions) {
        plan = plan.filter(condition)?;
    }
    plan.project(columns.map(col))?.build()
}

/// A label as its column has it.
pub(crate) fn label_value(label: &str) -> ScalarValue {
    ScalarValue::Dictionary(
        Box::new(DataType::Int32),
        Box::new(ScalarValue::from(label)),
    )
}

/// What of the label alone follows from a condition, if anything does: of
/// `label = 'EMAIL' AND value LIKE 'a%' OR label = 'URL' AND value LIKE 'b%'`, that it is one of the two.
fn implied_of_label(condition: &Expr) -> Option<Expr> {
    if let Decides::Labels = EntitiesTable::decides(condition) {
        return Some(condition.clone());
    }
    let Expr::BinaryExpr(BinaryExpr { left, op, right }) = condition else {
        return None;
    };
    match (op, implied_of_label(left), implied_of_label(right)) {
        (Operator::And, Some(a), Some(b)) => Some(a.and(b)),
        (Operator::And, a, b) => a.or(b),
        (Operator::Or, Some(a), Some(b)) => Some(a.or(b)),
        _ => None,
    }
}

/// Whether a condition can be asked of any row: it compares columns with constants, as they are.
fn fails_for_none(condition: &Expr) -> bool {
    use Operator::{And, Eq, Gt, GtEq, IsDistinctFrom, IsNotDistinctFrom, Lt, LtEq, NotEq, Or};
    let can_fail = condition.exists(|part| {
        Ok(match part {
            Expr::BinaryExpr(BinaryExpr { op, .. }) => !matches!(
                op,
                And | Or | Eq | NotEq | Lt | LtEq | Gt | GtEq | IsDistinctFrom | IsNotDistinctFrom
            ),
            Expr::Cast(cast) => !is_words(cast.field.data_type()),
            Expr::Column(_)
            | Expr::Literal(..)
            | Expr::Not(_)
            | Expr::IsNull(_)
            | Expr::IsNotNull(_)
            | Expr::Between(_)
            | Expr::InList(_)
            | Expr::Like(_) => false,
            _ => true,
        })
    });
    !can_fail.unwrap_or(true)
}

fn is_words(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(_, words) => words.is_string(),
        other => other.is_string(),
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
