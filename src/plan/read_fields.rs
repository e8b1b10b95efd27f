//! [`read_fields`]: which fields of the entities in a scan's lists are read anywhere in a plan; the others are not built.
//!
//! `extract_entities(text)[1]['value']` asks for a list of structs and reads one field of them. A list and its items are
//! followed by name, from the scan up: columns keep their names, and where one gets another, that is followed too. Whatever
//! is not known to read single fields reads all.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, Result};
use datafusion::logical_expr::expr::{Exists, InSubquery, ScalarFunction, SetComparison};
use datafusion::logical_expr::{Expr, LogicalPlan};

use super::ScanTexts;
use super::share::Share;
use crate::functions::entity_columns::EntityField;
use crate::functions::one_scan::gives_entities;

/// By name of a scan's column: the fields that are read of its entities, where that is not all.
pub(super) type ReadFields = HashMap<String, BTreeSet<EntityField>>;

/// See the module.
///
/// # Errors
/// Those of DataFusion about the plan itself.
pub(super) fn read_fields(plan: &LogicalPlan) -> Result<ReadFields> {
    let mut reading = Reading::default();
    loop {
        let known = reading.names();
        plan.apply_with_subqueries(|node| {
            reading.node(node)?;
            Ok(TreeNodeRecursion::Continue)
        })?;
        reading.all_of(plan.schema());
        if reading.names() == known {
            break;
        }
    }
    let Reading { read, whole, .. } = reading;
    let some = read.into_iter().filter(|(scan, _)| !whole.contains(scan));
    Ok(some.collect())
}

/// What is known so far. Columns are known by their names alone: of two with one name, both are read as either is.
#[derive(Debug, Default)]
struct Reading {
    /// Columns of lists and of entities: the columns of scans that they may be from.
    lists: BTreeMap<String, BTreeSet<String>>,
    entities: BTreeMap<String, BTreeSet<String>>,
    read: BTreeMap<String, BTreeSet<EntityField>>,
    whole: BTreeSet<String>,
}

impl Reading {
    fn names(&self) -> usize {
        let names = self.lists.values().chain(self.entities.values());
        names.map(BTreeSet::len).sum()
    }

    fn node(&mut self, node: &LogicalPlan) -> Result<()> {
        match node {
            LogicalPlan::Projection(projection) => {
                for (expr, field) in projection.expr.iter().zip(projection.schema.fields()) {
                    match unaliased(expr) {
                        Expr::Column(column) => self.renamed(column, field.name()),
                        expr => self.expression(expr)?,
                    }
                }
            }
            LogicalPlan::Unnest(unnest) => {
                let input = unnest.input.schema();
                for (at, items) in &unnest.list_type_columns {
                    let list = input.field(*at).name();
                    if items.depth == 1 {
                        let scans = self.lists.get(list).cloned().unwrap_or_default();
                        let name = items.output_column.name.clone();
                        self.entities.entry(name).or_default().extend(scans);
                    } else {
                        self.all(list);
                    }
                }
                for &at in &unnest.struct_type_columns {
                    self.all(input.field(at).name());
                }
            }
            LogicalPlan::Filter(_)
            | LogicalPlan::Sort(_)
            | LogicalPlan::Limit(_)
            | LogicalPlan::Aggregate(_)
            | LogicalPlan::Join(_)
            | LogicalPlan::Window(_)
            | LogicalPlan::SubqueryAlias(_)
            | LogicalPlan::TableScan(_) => {
                for expression in node.expressions() {
                    self.expression(&expression)?;
                }
            }
            LogicalPlan::Extension(extension) => {
                if let Some(scan) = ScanTexts::of(node) {
                    for (_, name) in scan.answers().filter(|(call, _)| gives_entities(call)) {
                        self.read.entry(name.clone()).or_default();
                        let scans = self.lists.entry(name.clone()).or_default();
                        scans.insert(name.clone());
                    }
                } else if !extension.node.as_any().is::<Share>() {
                    self.inputs(node);
                }
            }
            _ => self.inputs(node),
        }
        Ok(())
    }

    /// All columns of the inputs are read, whatever for.
    fn inputs(&mut self, node: &LogicalPlan) {
        for input in node.inputs() {
            self.all_of(input.schema());
        }
    }

    fn all_of(&mut self, columns: &DFSchema) {
        for field in columns.fields() {
            self.all(field.name());
        }
    }

    /// A column is read as a whole.
    fn all(&mut self, name: &str) {
        for known in [&self.lists, &self.entities] {
            self.whole
                .extend(known.get(name).into_iter().flatten().cloned());
        }
    }

    fn renamed(&mut self, column: &Column, name: &str) {
        for known in [&mut self.lists, &mut self.entities] {
            if let Some(scans) = known.get(&column.name).cloned() {
                known.entry(name.to_string()).or_default().extend(scans);
            }
        }
    }

    fn expression(&mut self, expression: &Expr) -> Result<()> {
        match expression {
            Expr::Column(column) | Expr::OuterReferenceColumn(_, column) => {
                self.all(&column.name);
                Ok(())
            }
            Expr::ScalarSubquery(query)
            | Expr::Exists(Exists {
                subquery: query, ..
            })
            | Expr::InSubquery(InSubquery {
                subquery: query, ..
            })
            | Expr::SetComparison(SetComparison {
                subquery: query, ..
            }) => {
                self.all_of(query.subquery.schema());
                self.parts(expression)
            }
            Expr::IsNull(of) | Expr::IsNotNull(of) if matches!(**of, Expr::Column(_)) => Ok(()),
            Expr::ScalarFunction(call) => self.call(call),
            other => self.parts(other),
        }
    }

    fn call(&mut self, call: &ScalarFunction) -> Result<()> {
        match (call.name(), call.args.as_slice()) {
            ("array_length" | "cardinality" | "empty", [Expr::Column(_)]) => return Ok(()),
            ("get_field", [of, Expr::Literal(name, _)]) => {
                let name = name.try_as_str().flatten();
                let field = EntityField::ALL
                    .into_iter()
                    .find(|field| name == Some(field.field().name()));
                let scans = match of {
                    Expr::Column(entity) => self.entities.get(&entity.name),
                    Expr::ScalarFunction(item) => match item.args.as_slice() {
                        [Expr::Column(list), at] if item.name() == "array_element" => {
                            let scans = self.lists.get(&list.name).cloned();
                            self.expression(at)?;
                            if let (Some(scans), Some(field)) = (scans, field) {
                                self.reads(scans, field);
                                return Ok(());
                            }
                            None
                        }
                        _ => None,
                    },
                    _ => None,
                };
                if let (Some(scans), Some(field)) = (scans.cloned(), field) {
                    self.reads(scans, field);
                    return Ok(());
                }
            }
            _ => {}
        }
        call.args.iter().try_for_each(|part| self.expression(part))
    }

    fn reads(&mut self, scans: BTreeSet<String>, field: EntityField) {
        for scan in scans {
            self.read.entry(scan).or_default().insert(field);
        }
    }

    fn parts(&mut self, expression: &Expr) -> Result<()> {
        expression.apply_children(|part| {
            self.expression(part)?;
            Ok(TreeNodeRecursion::Continue)
        })?;
        Ok(())
    }
}

fn unaliased(expr: &Expr) -> &Expr {
    match expr {
        Expr::Alias(alias) => unaliased(&alias.expr),
        other => other,
    }
}
