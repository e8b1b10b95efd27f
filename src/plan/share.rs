//! [`share`]: scans of the same documents, in different places of a query, become one, which all of these read.
//!
//! A plan is a tree: a CTE that is named twice is written out twice, and so are the sides of a UNION and of a self-join. Where
//! two scans have inputs that differ in their columns only, each becomes a [`Share`] of a scan for the labels, calls and
//! columns of both, below what it alone asks for. A scan whose texts are read above it is not shared: the others' readers
//! would have whole documents wait for them.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use arrow::datatypes::{DataType, FieldRef};
use datafusion::catalog::TableProvider;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{
    Column, DFSchema, DFSchemaRef, Result, ScalarValue, TableReference, internal_err,
};
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::{
    Expr, Extension, Filter, LogicalPlan, Projection, TableScan, TableScanBuilder,
    UserDefinedLogicalNodeCore, lit,
};

use super::{Extract, ScanTexts};
use crate::functions::entity_columns::EntityField;

/// What the entities of a shared scan are called.
const ENTITIES: &str = "entities";

/// One input, read by all nodes of one number.
#[derive(Debug, PartialEq, Eq, PartialOrd, Hash)]
pub(super) struct Share {
    pub(super) number: usize,
    /// Of entities, the labels that this reader asks for.
    pub(super) labels: Option<Vec<String>>,
    input: LogicalPlan,
}

impl UserDefinedLogicalNodeCore for Share {
    fn name(&self) -> &str {
        "Share"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input]
    }

    fn schema(&self) -> &DFSchemaRef {
        self.input.schema()
    }

    fn expressions(&self) -> Vec<Expr> {
        Vec::new()
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Share: scan {}", self.number)
    }

    fn with_exprs_and_inputs(&self, _: Vec<Expr>, inputs: Vec<LogicalPlan>) -> Result<Self> {
        let Ok([input]) = <[_; 1]>::try_from(inputs) else {
            return internal_err!("Share has one input");
        };
        let (number, labels) = (self.number, self.labels.clone());
        Ok(Self {
            number,
            labels,
            input,
        })
    }
}

/// A scan somewhere in a plan.
#[derive(Debug)]
struct Place {
    scan: LogicalPlan,
    /// The columns that are read above it; all of them where nothing is said.
    read: Option<HashSet<Column>>,
}

/// Scans that become one.
#[derive(Debug)]
struct Group {
    /// With the columns of all.
    input: LogicalPlan,
    places: Vec<usize>,
}

/// See the module.
///
/// # Errors
/// Those of DataFusion about the plan itself.
pub(super) fn share(plan: &LogicalPlan) -> Result<LogicalPlan> {
    let mut places = Vec::new();
    visit(plan.clone(), None, &mut |scan, read| {
        let place = Place {
            scan: scan.clone(),
            read: read.cloned(),
        };
        places.push(place);
        Ok(scan)
    })?;
    let mut groups: Vec<Group> = Vec::new();
    for (number, place) in places
        .iter()
        .enumerate()
        .filter(|(_, place)| place.is_small())
    {
        let joined = groups.iter_mut().find_map(|group| {
            let first = &places[group.places[0]];
            let input = place
                .same_documents(first)
                .then(|| unify(&group.input, place.input()))??;
            Some((group, input))
        });
        match joined {
            Some((group, input)) => {
                group.input = input;
                group.places.push(number);
            }
            None => groups.push(Group {
                input: place.input().clone(),
                places: vec![number],
            }),
        }
    }
    let mut shared: Vec<Option<LogicalPlan>> = places.iter().map(|_| None).collect();
    let groups = groups.into_iter().filter(|group| group.places.len() > 1);
    for (number, group) in groups.enumerate() {
        let members: Vec<&Place> = group.places.iter().map(|&at| &places[at]).collect();
        for (&at, plan) in group
            .places
            .iter()
            .zip(one_scan(number + 1, &group.input, &members)?)
        {
            shared[at] = Some(plan);
        }
    }
    let mut shared = shared.into_iter();
    visit(plan.clone(), None, &mut |scan, _| {
        Ok(shared.next().flatten().unwrap_or(scan))
    })
}

/// What becomes of a scan of which these columns are read.
type Replace<'a> = dyn FnMut(LogicalPlan, Option<&HashSet<Column>>) -> Result<LogicalPlan> + 'a;

/// Replaces each scan below which there is no other, told which of its columns are read.
fn visit(
    plan: LogicalPlan,
    read: Option<&HashSet<Column>>,
    replace: &mut Replace<'_>,
) -> Result<LogicalPlan> {
    if !scans(&plan)? {
        return Ok(plan);
    }
    let below_scans = plan
        .inputs()
        .into_iter()
        .map(scans)
        .collect::<Result<Vec<_>>>()?;
    if !below_scans.contains(&true) {
        return replace(plan, read);
    }
    let own = || -> HashSet<Column> {
        let expressions = plan.expressions();
        expressions
            .iter()
            .flat_map(|e| e.column_refs().into_iter().cloned().collect::<Vec<_>>())
            .collect()
    };
    let read = match &plan {
        LogicalPlan::Projection(_) | LogicalPlan::Aggregate(_) => Some(own()),
        LogicalPlan::Filter(_) | LogicalPlan::Sort(_) | LogicalPlan::Limit(_) => {
            read.map(|read| read.union(&own()).cloned().collect())
        }
        LogicalPlan::SubqueryAlias(alias) => read.map(|read| {
            let below = read.iter().filter_map(|column| {
                let at = alias.schema.index_of_column(column).ok()?;
                Some(Column::from(alias.input.schema().qualified_field(at)))
            });
            below.collect()
        }),
        // It runs its input again and again.
        LogicalPlan::RecursiveQuery(_) => return Ok(plan),
        _ => None,
    };
    let visited =
        plan.map_children(|child| Ok(Transformed::yes(visit(child, read.as_ref(), replace)?)));
    visited.data()?.recompute_schema()
}

fn scans(plan: &LogicalPlan) -> Result<bool> {
    plan.exists(|node| Ok(ScanTexts::of(node).is_some() || Extract::of(node).is_some()))
}

impl Place {
    fn input(&self) -> &LogicalPlan {
        self.scan.inputs()[0]
    }

    /// Whether what it gives is small beside the documents.
    fn is_small(&self) -> bool {
        match ScanTexts::of(&self.scan) {
            Some(scan) => self
                .read
                .as_ref()
                .is_some_and(|read| !read.contains(scan.text())),
            None => true,
        }
    }

    /// Whether the two are of one kind and look into the same column.
    fn same_documents(&self, other: &Self) -> bool {
        match (ScanTexts::of(&self.scan), ScanTexts::of(&other.scan)) {
            (Some(a), Some(b)) => a.text() == b.text(),
            (None, None) => match (Extract::of(&self.scan), Extract::of(&other.scan)) {
                (Some(a), Some(b)) => Arc::ptr_eq(a.models(), b.models()),
                _ => false,
            },
            _ => false,
        }
    }
}

/// A plan with the rows of both and the columns of both, where they differ in nothing else.
fn unify(a: &LogicalPlan, b: &LogicalPlan) -> Option<LogicalPlan> {
    if let LogicalPlan::Projection(a) = a
        && shows_columns(a)
    {
        return unify(&a.input, b);
    }
    if let LogicalPlan::Projection(b) = b
        && shows_columns(b)
    {
        return unify(a, &b.input);
    }
    match (a, b) {
        (LogicalPlan::TableScan(a), LogicalPlan::TableScan(b)) => unify_tables(a, b),
        (LogicalPlan::Filter(a), LogicalPlan::Filter(b)) if a.predicate == b.predicate => {
            let predicate = a.predicate.clone();
            if predicate.is_volatile() {
                return None;
            }
            let input = Arc::new(unify(&a.input, &b.input)?);
            Filter::try_new(predicate, input)
                .ok()
                .map(LogicalPlan::Filter)
        }
        _ => None,
    }
}

/// Whether a projection shows columns of its input as they are.
fn shows_columns(projection: &Projection) -> bool {
    projection.expr.iter().all(|e| matches!(e, Expr::Column(_)))
}

fn unify_tables(a: &TableScan, b: &TableScan) -> Option<LogicalPlan> {
    let provider = |scan: &TableScan| -> Option<*const ()> {
        let provider: Arc<dyn TableProvider> = source_as_provider(&scan.source).ok()?;
        Some(Arc::as_ptr(&provider).cast())
    };
    let same = a.table_name == b.table_name
        && a.filters == b.filters
        && a.fetch.is_none()
        && b.fetch.is_none()
        && provider(a)? == provider(b)?;
    if !same || a.filters.iter().any(Expr::is_volatile) {
        return None;
    }
    let projection = a
        .projection
        .as_ref()
        .zip(b.projection.as_ref())
        .map(|(a, b)| {
            let mut both: Vec<usize> = a.iter().chain(b).copied().collect();
            both.sort_unstable();
            both.dedup();
            both
        });
    let scan = TableScanBuilder::new(a.table_name.clone(), Arc::clone(&a.source))
        .with_projection(projection)
        .with_filters(a.filters.clone());
    scan.build().ok().map(LogicalPlan::TableScan)
}

fn shared(number: usize, labels: Option<Vec<String>>, input: LogicalPlan) -> LogicalPlan {
    let node = Arc::new(Share {
        number,
        labels,
        input,
    });
    LogicalPlan::Extension(Extension { node })
}

/// What takes the place of each member: its part of one scan over `input`.
fn one_scan(number: usize, input: &LogicalPlan, members: &[&Place]) -> Result<Vec<LogicalPlan>> {
    let texts: Option<Vec<&ScanTexts>> = members.iter().map(|m| ScanTexts::of(&m.scan)).collect();
    if let Some(scans) = texts {
        return one_scan_of_texts(number, input, members, &scans);
    }
    let entities: Option<Vec<&Extract>> = members.iter().map(|m| Extract::of(&m.scan)).collect();
    match entities {
        Some(scans) => one_extract(number, input, &scans),
        None => internal_err!("scans of different kinds cannot be one"),
    }
}

fn one_scan_of_texts(
    number: usize,
    input: &LogicalPlan,
    members: &[&Place],
    scans: &[&ScanTexts],
) -> Result<Vec<LogicalPlan>> {
    let mut calls: Vec<Expr> = Vec::new();
    let mut names: Vec<String> = Vec::new();
    let mut read: Vec<Column> = Vec::new();
    let mut parts: Vec<Vec<Expr>> = Vec::new();
    for (member, scan) in members.iter().zip(scans) {
        let columns = member.read.iter().flatten();
        let mut part = Vec::new();
        for column in scan
            .columns()
            .filter(|c| columns.clone().any(|read| read == c))
        {
            let answer = scan
                .answers()
                .find(|(_, name)| **name == column.name && column.relation.is_none());
            let Some((call, name)) = answer else {
                part.push(Expr::Column(column.clone()));
                if !read.contains(&column) {
                    read.push(column);
                }
                continue;
            };
            let at = calls
                .iter()
                .position(|known| known == call)
                .unwrap_or_else(|| {
                    calls.push(call.clone());
                    names.push(name.clone());
                    calls.len() - 1
                });
            let known = Column::new_unqualified(&names[at]);
            part.push(match names[at] == *name {
                true => Expr::Column(known),
                false => Expr::Column(known).alias(name),
            });
        }
        parts.push(part);
    }
    let answers = names
        .iter()
        .map(Column::new_unqualified)
        .collect::<Vec<_>>();
    let scan =
        ScanTexts::try_new(input.clone(), scans[0].text().clone(), calls, names)?.into_plan();
    let kept = read.into_iter().chain(answers).map(Expr::Column).collect();
    let kept = LogicalPlan::Projection(Projection::try_new(kept, Arc::new(scan))?);
    let parts = parts.into_iter().map(|part| {
        let shared = Arc::new(shared(number, None, kept.clone()));
        Ok(LogicalPlan::Projection(Projection::try_new(part, shared)?))
    });
    parts.collect()
}

fn one_extract(number: usize, input: &LogicalPlan, scans: &[&Extract]) -> Result<Vec<LogicalPlan>> {
    let mut labels: Vec<String> = scans
        .iter()
        .flat_map(|scan| scan.labels().to_vec())
        .collect();
    labels.sort_unstable();
    labels.dedup();
    let differ = scans.iter().any(|scan| scan.labels() != labels);
    let mut fields = Vec::new();
    let label = differ.then(|| EntityField::Label.field());
    let all = scans
        .iter()
        .flat_map(|scan| scan.schema().fields().iter().cloned());
    for field in all.chain(label) {
        if !fields
            .iter()
            .any(|(_, known): &(_, FieldRef)| known.name() == field.name())
        {
            fields.push((Some(TableReference::bare(ENTITIES)), field));
        }
    }
    let is_of_document = |name: &str| EntityField::ALL.iter().all(|f| f.field().name() != name);
    let mut columns = vec![documents_column(input, "text")?];
    for (_, field) in fields
        .iter()
        .filter(|(_, field)| is_of_document(field.name()))
    {
        columns.push(documents_column(input, field.name())?);
    }
    let schema = Arc::new(DFSchema::new_with_metadata(fields, Default::default())?);
    let documents = Projection::try_new(columns, Arc::new(input.clone()))?;
    let documents = LogicalPlan::Projection(documents);
    let models = Arc::clone(scans[0].models());
    let extract = Extract::new(documents, models, labels.clone(), schema, None).into_plan();
    let of_scan = |name: &str| Expr::Column(Column::new(Some(ENTITIES), name));
    let parts = scans.iter().map(|scan| {
        let mut part = shared(number, Some(scan.labels().to_vec()), extract.clone());
        if scan.labels() != labels {
            let word = |label: &String| {
                let word = Box::new(ScalarValue::from(label.as_str()));
                lit(ScalarValue::Dictionary(Box::new(DataType::Int32), word))
            };
            let words = scan.labels().iter().map(word).collect();
            let own = of_scan(EntityField::Label.field().name()).in_list(words, false);
            part = LogicalPlan::Filter(Filter::try_new(own, Arc::new(part))?);
        }
        let shown = scan.schema().iter().map(|(qualifier, field)| {
            of_scan(field.name()).alias_qualified(qualifier.cloned(), field.name())
        });
        let shown = Projection::try_new(shown.collect(), Arc::new(part))?;
        Ok(LogicalPlan::Projection(shown))
    });
    parts.collect()
}

fn documents_column(input: &LogicalPlan, name: &str) -> Result<Expr> {
    let field = input.schema().qualified_field_with_unqualified_name(name)?;
    Ok(Expr::Column(Column::from(field)))
}
