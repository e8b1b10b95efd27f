//! [`JoinRule`]: entities that are joined with their own documents are one scan of these.
//!
//! `entities JOIN documents USING (doc_id)` asks for columns that stand beside the texts that are scanned anyway. A `doc_id` is
//! that of one document, so the join adds columns and conditions and nothing else: both go below the scan, and no text is
//! read twice. Where a plan scans texts for entities in several places the join stays, since one scan for all of them is worth
//! more (`share.rs`). Joins with kept entities, which read no text, and outer joins are left alone too.

use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, JoinType, NullEquality, Result};
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::utils::{conjunction, split_conjunction_owned};
use datafusion::logical_expr::{
    Expr, ExprSchemable, Filter, Join, LogicalPlan, LogicalPlanBuilder, Projection, TableScan,
    UserDefinedLogicalNodeCore,
};
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};

use super::{Extract, Settings};
use crate::functions::entity_columns::EntityField;

/// What the scan of the documents is called.
const DOCUMENTS: &str = "documents";

/// Where a name for a document's column begins that would be taken for an entity's.
const NAME: &str = "__spanql_document";

/// See the module.
#[derive(Debug, Default)]
pub struct JoinRule;

impl OptimizerRule for JoinRule {
    fn name(&self) -> &str {
        "join_documents"
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        config: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        if !Settings::shares_scans(&config.options()) {
            return Ok(Transformed::no(plan));
        }
        let mut scans = 0;
        plan.apply_with_subqueries(|node| {
            scans += usize::from(Extract::of(node).is_some());
            Ok(TreeNodeRecursion::Continue)
        })?;
        if scans != 1 {
            return Ok(Transformed::no(plan));
        }
        plan.transform_up_with_subqueries(|node| {
            let LogicalPlan::Join(join) = &node else {
                return Ok(Transformed::no(node));
            };
            Ok(match one_scan(join)? {
                Some(scan) => Transformed::yes(scan),
                None => Transformed::no(node),
            })
        })
    }
}

/// A plan as rows of one input: those for which conditions hold, and what is shown of them.
struct Rows<'a> {
    of: &'a LogicalPlan,
    conditions: Vec<Expr>,
    /// By column of the plan.
    shown: Vec<Expr>,
}

impl<'a> Rows<'a> {
    /// What a plan is, if it is nothing more than that.
    fn of(plan: &'a LogicalPlan) -> Option<Self> {
        match plan {
            LogicalPlan::Filter(filter) => {
                let mut rows = Self::of(&filter.input)?;
                let condition = rows.below(&filter.predicate, filter.input.schema())?;
                rows.conditions.push(condition);
                Some(rows)
            }
            LogicalPlan::Projection(projection) => {
                let rows = Self::of(&projection.input)?;
                let shown = projection.expr.iter();
                let shown = shown.map(|e| rows.below(e, projection.input.schema()));
                let shown = shown.collect::<Option<_>>()?;
                Some(Self { shown, ..rows })
            }
            LogicalPlan::SubqueryAlias(alias) => Self::of(&alias.input),
            LogicalPlan::TableScan(scan) if scan.fetch.is_none() => {
                let of_documents =
                    |name: &str| Expr::Column(Column::new(Some(DOCUMENTS), name.to_string()));
                let fields = scan.projected_schema.fields().iter();
                let conditions = scan.filters.iter();
                let conditions = conditions.map(|condition| {
                    let named = condition.clone().transform(|part| {
                        Ok(match part {
                            Expr::Column(column) => Transformed::yes(of_documents(&column.name)),
                            other => Transformed::no(other),
                        })
                    });
                    named.data().ok().filter(is_plain)
                });
                Some(Self {
                    of: plan,
                    conditions: conditions.collect::<Option<_>>()?,
                    shown: fields.map(|field| of_documents(field.name())).collect(),
                })
            }
            LogicalPlan::Extension(_) => {
                let columns = Extract::of(plan)?.schema().columns().into_iter();
                Some(Self {
                    of: plan,
                    conditions: Vec::new(),
                    shown: columns.map(Expr::Column).collect(),
                })
            }
            _ => None,
        }
    }

    /// An expression over the columns of the plan, over those of what the rows are of.
    fn below(&self, expr: &Expr, plan: &DFSchema) -> Option<Expr> {
        let written = over(expr.clone(), plan, &self.shown);
        written.ok().map(Expr::unalias).filter(is_plain)
    }
}

/// An expression over columns, over what these are.
fn over(expr: Expr, columns: &DFSchema, are: &[Expr]) -> Result<Expr> {
    let written = expr.transform(|part| {
        Ok(match &part {
            Expr::Column(column) => {
                let at = columns.index_of_column(column)?;
                Transformed::yes(are[at].clone())
            }
            _ => Transformed::no(part),
        })
    });
    written.data()
}

/// Whether it says the same of a row wherever it is asked.
fn is_plain(expr: &Expr) -> bool {
    let is_query = |part: &Expr| {
        Ok(matches!(
            part,
            Expr::ScalarSubquery(_)
                | Expr::InSubquery(_)
                | Expr::Exists(_)
                | Expr::SetComparison(_)
                | Expr::OuterReferenceColumn(..)
        ))
    };
    !expr.is_volatile() && !expr.exists(is_query).unwrap_or(true)
}

fn of_table(plan: &LogicalPlan) -> Option<(&TableScan, Arc<dyn TableProvider>)> {
    match plan {
        LogicalPlan::TableScan(scan) => Some((scan, source_as_provider(&scan.source).ok()?)),
        _ => None,
    }
}

/// The scan that a join is, if it is one of entities with their own documents.
fn one_scan(join: &Join) -> Result<Option<LogicalPlan>> {
    if join.join_type != JoinType::Inner || join.null_equality != NullEquality::NullEqualsNothing {
        return Ok(None);
    }
    let (Some(left), Some(right)) = (Rows::of(&join.left), Rows::of(&join.right)) else {
        return Ok(None);
    };
    let (extract, entities, documents, entities_are_left) =
        match (Extract::of(left.of), Extract::of(right.of)) {
            (Some(extract), None) => (extract, left, right, true),
            (None, Some(extract)) => (extract, right, left, false),
            _ => return Ok(None),
        };
    let Some(scanned) = Rows::of(extract.input()).filter(|_| extract.fetch().is_none()) else {
        return Ok(None);
    };
    let (Some((scan, provider)), Some((_, other))) = (of_table(scanned.of), of_table(documents.of))
    else {
        return Ok(None);
    };
    if !Arc::ptr_eq(&provider, &other) {
        return Ok(None);
    }

    let mut conditions: Vec<Expr> = Vec::new();
    for condition in scanned.conditions.into_iter().chain(documents.conditions) {
        // What a table was offered may stand above it once more.
        for condition in split_conjunction_owned(condition) {
            if !conditions.contains(&condition) {
                conditions.push(condition);
            }
        }
    }
    let source = Arc::clone(&scan.source);
    let mut input = LogicalPlanBuilder::scan(DOCUMENTS, source, None)?;
    if let Some(condition) = conjunction(conditions) {
        input = input.filter(condition)?;
    }

    // What is read of a document: what the scan reads, and what the join adds.
    let mut read: Vec<Expr> = scanned.shown;
    let of_entities = extract.schema();
    let mut fields: Vec<_> = of_entities
        .iter()
        .map(|(qualifier, field)| (qualifier.cloned(), Arc::clone(field)))
        .collect();
    let mut columns = Vec::with_capacity(documents.shown.len());
    for (number, shown) in documents.shown.iter().enumerate() {
        let name = match shown {
            Expr::Column(column) if !is_of_entities(&column.name) => column.name.clone(),
            _ => format!("{NAME}_{number}"),
        };
        let known = fields.iter().find(|(_, field)| *field.name() == name);
        if let Some((qualifier, _)) = known {
            columns.push(Expr::Column(Column::new(qualifier.clone(), name)));
            continue;
        }
        let (_, field) = shown.to_field(input.schema())?;
        fields.push((None, Arc::new(field.as_ref().clone().with_name(&name))));
        if !read.contains(shown) {
            read.push(match shown {
                Expr::Column(column) if column.name == name => shown.clone(),
                _ => shown.clone().alias(&name),
            });
        }
        columns.push(Expr::Column(Column::new_unqualified(name)));
    }
    let schema = DFSchema::new_with_metadata(fields, of_entities.metadata().clone())?;
    let scan = extract.over(input.project(read)?.build()?, Arc::new(schema));

    let shown: Vec<Expr> = match entities_are_left {
        true => entities.shown.into_iter().chain(columns).collect(),
        false => columns.into_iter().chain(entities.shown).collect(),
    };
    let mut conditions = entities.conditions;
    let mut is_of_one_document = false;
    for (left, right) in &join.on {
        let left = over(left.clone(), &join.schema, &shown)?;
        let right = over(right.clone(), &join.schema, &shown)?;
        if left == right && matches!(&left, Expr::Column(key) if key.name == "doc_id") {
            is_of_one_document = true;
        } else {
            conditions.push(left.eq(right));
        }
    }
    if let Some(condition) = &join.filter {
        conditions.push(over(condition.clone(), &join.schema, &shown)?);
    }
    if !is_of_one_document || !conditions.iter().all(is_plain) {
        return Ok(None);
    }
    let mut plan = scan.into_plan();
    if let Some(condition) = conjunction(conditions) {
        plan = LogicalPlan::Filter(Filter::try_new(condition, Arc::new(plan))?);
    }
    let named = join.schema.iter().zip(shown);
    let named = named
        .map(|((qualifier, field), shown)| shown.alias_qualified(qualifier.cloned(), field.name()));
    let plan = Projection::try_new(named.collect(), Arc::new(plan))?;
    Ok(Some(LogicalPlan::Projection(plan)))
}

fn is_of_entities(name: &str) -> bool {
    EntityField::ALL.iter().any(|f| f.field().name() == name)
}
