//! [`OneScanRule`]: calls over the same texts meet in one [`ScanTexts`], where each row is scanned once for all of them.
//!
//! It runs after DataFusion's own rules, which have brought every condition as far down as it goes, and so have written
//! calls out once where they filter and once where they are shown. Going up, the rule puts a scan below the first operator
//! that calls, where rows that a cheap condition drops are gone; calls of operators above go down to that scan, past what
//! keeps texts as they are. A call that only some rows reach, in a branch of CASE, stays there. A scan below ORDER BY
//! … LIMIT moves above it where the order does not depend on it.
//!
//! Whether one scan for two labels costs less than two scans depends on the rows that pass what stands between them, which is
//! not known: a scan that looks for both looks for the second in every row, a second scan only in those that are left. One
//! that is not in DataFusion's plan must never be the dearer one. So a scan below a condition looks for what that condition
//! needs, and what else is asked about the rows that pass is looked for above it; each label is looked for once in each
//! row that is still there. Conditions that need other labels than those before them follow one after the other in the same
//! way.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::common::alias::AliasGenerator;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, Result, internal_err};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::{conjunction, split_conjunction_owned};
use datafusion::logical_expr::{
    Aggregate, Expr, Filter, LogicalPlan, Projection, Sort, SortExpr, SubqueryAlias,
    TableScanBuilder, Window,
};
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};

use super::{ScanTexts, settings::Settings};
use crate::functions::one_scan::{is_answerable, is_found_by};

/// Where a name for a column begins, which no user's has.
const NAME: &str = "__spanql_scan";

/// The most rows that are kept with their texts, to be scanned after they are sorted.
const MOST_SORTED: usize = 2048;

/// See the module.
#[derive(Debug, Default)]
pub struct OneScanRule;

impl OptimizerRule for OneScanRule {
    fn name(&self) -> &str {
        "one_scan"
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        config: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        if !Settings::shares_scans(&config.options()) {
            return Ok(Transformed::no(plan));
        }
        let names = config.alias_generator();
        plan.transform_up_with_subqueries(|node| {
            let gathered = match one_after_the_other(&node)? {
                Some(filters) => Transformed::yes(filters.into_iter().try_fold(
                    node.inputs()[0].clone(),
                    |input, condition| {
                        let filter = Filter::try_new(condition, Arc::new(input))?;
                        gather(LogicalPlan::Filter(filter), names).data()
                    },
                )?),
                None => gather(node, names)?,
            };
            gathered.transform_data(sort_before_scan)
        })
    }
}

/// The conditions of a filter in the order in which to ask them, where some need other scans than those before them.
fn one_after_the_other(node: &LogicalPlan) -> Result<Option<Vec<Expr>>> {
    let LogicalPlan::Filter(filter) = node else {
        return Ok(None);
    };
    // What needs no scan goes with the first, and is asked before it.
    let mut first = Vec::new();
    let mut steps: Vec<(Vec<Expr>, Vec<Expr>)> = Vec::new();
    for condition in split_conjunction_owned(filter.predicate.clone()) {
        let mut needs = Vec::new();
        collect(&condition, &mut needs)?;
        if needs.is_empty() {
            first.push(condition);
            continue;
        }
        let step = steps.iter_mut().find(|(_, known)| {
            needs.iter().all(|call| {
                let of_text = known.iter().filter(|known| text_of(known) == text_of(call));
                known.contains(call) || is_found_by(call, of_text)
            })
        });
        match step {
            Some((conditions, _)) => conditions.push(condition),
            None => steps.push((vec![condition], needs)),
        }
    }
    if steps.len() < 2 || filter.predicate.is_volatile() {
        return Ok(None);
    }
    let steps = steps.into_iter().map(|(conditions, _)| conditions);
    let mut steps: Vec<Vec<Expr>> = steps.collect();
    steps[0].splice(0..0, first);
    Ok(Some(steps.into_iter().filter_map(conjunction).collect()))
}

/// Lets a scan below `node` answer what `node` calls.
fn gather(node: LogicalPlan, names: &AliasGenerator) -> Result<Transformed<LogicalPlan>> {
    let has_input = matches!(
        node,
        LogicalPlan::Projection(_)
            | LogicalPlan::Filter(_)
            | LogicalPlan::Sort(_)
            | LogicalPlan::Aggregate(_)
            | LogicalPlan::Window(_)
    );
    if !has_input {
        return Ok(Transformed::no(node));
    }
    let calls = calls(&node)?;
    if calls.is_empty() {
        return Ok(Transformed::no(node));
    }
    let schema = Arc::clone(node.schema());
    let (node, mut input) = cheap_conditions_first(node)?;
    let mut columns: HashMap<Expr, Column> = HashMap::new();
    for call in calls {
        let (with_answer, answer) = attach(input, call.clone(), false, names)?;
        input = with_answer;
        columns.insert(call, answer);
    }
    let answered = answered(node, input, &columns)?;
    if answered.schema().fields().len() == schema.fields().len() {
        return Ok(Transformed::yes(answered));
    }
    let shown = schema.columns().into_iter().map(Expr::Column).collect();
    let shown = Projection::try_new(shown, Arc::new(answered))?;
    Ok(Transformed::yes(LogicalPlan::Projection(shown)))
}

/// The calls that every row of the input reaches.
fn calls(node: &LogicalPlan) -> Result<Vec<Expr>> {
    let grouping_sets = matches!(
        node,
        LogicalPlan::Aggregate(aggregate)
            if matches!(aggregate.group_expr.as_slice(), [Expr::GroupingSet(_)])
    );
    let mut calls = Vec::new();
    if !grouping_sets {
        for expression in node.expressions() {
            collect(&expression, &mut calls)?;
        }
    }
    Ok(calls)
}

fn collect(expression: &Expr, calls: &mut Vec<Expr>) -> Result<()> {
    if is_answerable(expression) {
        if !calls.contains(expression) {
            calls.push(expression.clone());
        }
        return Ok(());
    }
    let certain: Vec<&Expr> = match expression {
        Expr::Case(case) => {
            let first = case.when_then_expr.first().map(|(when, _)| when);
            case.expr.iter().chain(first).map(AsRef::as_ref).collect()
        }
        Expr::ScalarFunction(function) => match function.func.conditional_arguments(&function.args)
        {
            Some((certain, _)) => certain,
            None => function.args.iter().collect(),
        },
        other => {
            other.apply_children(|child| {
                collect(child, calls)?;
                Ok(TreeNodeRecursion::Continue)
            })?;
            return Ok(());
        }
    };
    certain
        .into_iter()
        .try_for_each(|part| collect(part, calls))
}

fn text_of(call: &Expr) -> Option<&Column> {
    match call {
        Expr::ScalarFunction(call) => match call.args.first() {
            Some(Expr::Column(text)) => Some(text),
            _ => None,
        },
        _ => None,
    }
}

/// The node, of a filter only the conditions that call, and its input, in which the others are settled.
fn cheap_conditions_first(node: LogicalPlan) -> Result<(LogicalPlan, LogicalPlan)> {
    let LogicalPlan::Filter(filter) = node else {
        let input = node.inputs()[0].clone();
        return Ok((node, input));
    };
    let (mut dear, mut cheap) = (Vec::new(), Vec::new());
    for condition in split_conjunction_owned(filter.predicate.clone()) {
        match condition.exists(|part| Ok(is_answerable(part)))? {
            true => dear.push(condition),
            false => cheap.push(condition),
        }
    }
    let mut input = without_hints(filter.input, &dear)?;
    if let Some(cheap) = conjunction(cheap) {
        input = Arc::new(LogicalPlan::Filter(Filter::try_new(cheap, input)?));
    }
    let dear = conjunction(dear).unwrap_or(filter.predicate);
    let below = input.as_ref().clone();
    let filter = LogicalPlan::Filter(Filter::try_new(dear, input)?);
    Ok((filter, below))
}

/// A table may have been offered conditions that stay above it, too. Those that call say nothing to it, and would make its
/// scan another than that of who does not filter.
fn without_hints(input: Arc<LogicalPlan>, dear: &[Expr]) -> Result<Arc<LogicalPlan>> {
    let LogicalPlan::TableScan(scan) = input.as_ref() else {
        return Ok(input);
    };
    if !scan.filters.iter().any(|hint| dear.contains(hint)) {
        return Ok(input);
    }
    let hints = scan.filters.iter().filter(|hint| !dear.contains(hint));
    let hints = hints.cloned().collect();
    let scan = TableScanBuilder::from(scan.clone())
        .with_filters(hints)
        .build()?;
    Ok(Arc::new(LogicalPlan::TableScan(scan)))
}

/// The node over an input that has the answers of calls.
fn answered(
    node: LogicalPlan,
    input: LogicalPlan,
    columns: &HashMap<Expr, Column>,
) -> Result<LogicalPlan> {
    let names = NamePreserver::new(&node);
    let replace = |expression: Expr| -> Result<Expr> {
        let name = names.save(&expression);
        let replaced = expression.transform_down(|part| {
            Ok(match columns.get(&part) {
                Some(column) => {
                    let column = Expr::Column(column.clone());
                    Transformed::new(column, true, TreeNodeRecursion::Jump)
                }
                None => Transformed::no(part),
            })
        })?;
        Ok(name.restore(replaced.data))
    };
    let input = Arc::new(input);
    let all = |expressions: Vec<Expr>| {
        expressions
            .into_iter()
            .map(replace)
            .collect::<Result<Vec<_>>>()
    };
    Ok(match node {
        LogicalPlan::Projection(node) => {
            LogicalPlan::Projection(Projection::try_new(all(node.expr)?, input)?)
        }
        LogicalPlan::Filter(node) => {
            let [predicate] = <[Expr; 1]>::try_from(all(vec![node.predicate])?)
                .expect("one expression gives one");
            LogicalPlan::Filter(Filter::try_new(predicate, input)?)
        }
        LogicalPlan::Sort(node) => {
            let keys = node.expr.into_iter().map(|key| {
                let replaced = replace(key.expr)?.unalias();
                Ok(SortExpr::new(replaced, key.asc, key.nulls_first))
            });
            LogicalPlan::Sort(Sort {
                expr: keys.collect::<Result<_>>()?,
                input,
                fetch: node.fetch,
            })
        }
        LogicalPlan::Aggregate(node) => {
            let (groups, aggregates) = (all(node.group_expr)?, all(node.aggr_expr)?);
            LogicalPlan::Aggregate(Aggregate::try_new(input, groups, aggregates)?)
        }
        LogicalPlan::Window(node) => {
            LogicalPlan::Window(Window::try_new(all(node.window_expr)?, input)?)
        }
        other => other,
    })
}

/// The plan with the answer of a call, and its column. A scan that it meets answers it, a new one here where it meets none.
fn attach(
    plan: LogicalPlan,
    call: Expr,
    past_filter: bool,
    names: &AliasGenerator,
) -> Result<(LogicalPlan, Column)> {
    let Some(text) = text_of(&call).cloned() else {
        return internal_err!("{call} is no call over a column");
    };
    let name = || names.next(NAME);
    if !meets_scan(&plan, &call, past_filter) {
        let none = ScanTexts::try_new(plan, text, Vec::new(), Vec::new())?;
        let (scan, column) = none.with_call(call, name)?;
        return Ok((scan.into_plan(), column));
    }
    match plan {
        LogicalPlan::Extension(_) => {
            let Some(scan) = ScanTexts::of(&plan) else {
                unreachable!("meets_scan looks through no other node")
            };
            let of_others = *scan.text() != text;
            if !of_others && !is_found_further_down(scan, &call) {
                let (scan, column) = scan.with_call(call, name)?;
                return Ok((scan.into_plan(), column));
            }
            let past_filter = past_filter || !of_others;
            let (input, column) = attach(scan.input().clone(), call, past_filter, names)?;
            Ok((scan.over(input)?.into_plan(), column))
        }
        LogicalPlan::Filter(filter) => {
            let input = Arc::unwrap_or_clone(filter.input);
            let (input, column) = attach(input, call, true, names)?;
            let filter = Filter::try_new(filter.predicate, Arc::new(input))?;
            Ok((LogicalPlan::Filter(filter), column))
        }
        LogicalPlan::Window(window) => {
            let input = Arc::unwrap_or_clone(window.input);
            let (input, column) = attach(input, call, past_filter, names)?;
            let window = Window::try_new(window.window_expr, Arc::new(input))?;
            Ok((LogicalPlan::Window(window), column))
        }
        LogicalPlan::Projection(projection) => {
            let below = below_projection(&projection, &text).expect("meets_scan looked");
            let input = Arc::unwrap_or_clone(projection.input);
            let (input, column) = attach(input, over(call, &below), past_filter, names)?;
            let mut shown = projection.expr;
            let answer = Expr::Column(column.clone());
            if !shown.contains(&answer) {
                shown.push(answer);
            }
            let projection = Projection::try_new(shown, Arc::new(input))?;
            Ok((LogicalPlan::Projection(projection), column))
        }
        LogicalPlan::SubqueryAlias(alias) => {
            let below = below_alias(&alias, &text).expect("meets_scan looked");
            let input = Arc::unwrap_or_clone(alias.input);
            let (input, column) = attach(input, over(call, &below), past_filter, names)?;
            let column = Column::new(Some(alias.alias.clone()), column.name);
            let alias = SubqueryAlias::try_new(Arc::new(input), alias.alias)?;
            Ok((LogicalPlan::SubqueryAlias(alias), column))
        }
        other => {
            unreachable!("meets_scan looks through no {}", other.display())
        }
    }
}

/// Whether a call meets a scan of the same texts below that should answer it. Past a filter, where more rows are scanned
/// than the call asks about, a scan is not made to look for more.
fn meets_scan(plan: &LogicalPlan, call: &Expr, past_filter: bool) -> bool {
    let Some(text) = text_of(call) else {
        return false;
    };
    match plan {
        LogicalPlan::Filter(filter) => meets_scan(&filter.input, call, true),
        LogicalPlan::Window(window) => {
            window.input.schema().has_column(text) && meets_scan(&window.input, call, past_filter)
        }
        LogicalPlan::Projection(projection) => {
            below_projection(projection, text).is_some_and(|below| {
                meets_scan(&projection.input, &over(call.clone(), &below), past_filter)
            })
        }
        // The texts of documents that have two names are the same: a scan belongs below the name.
        LogicalPlan::SubqueryAlias(alias) => below_alias(alias, text).is_some_and(|below| {
            !past_filter || meets_scan(&alias.input, &over(call.clone(), &below), past_filter)
        }),
        other => ScanTexts::of(other).is_some_and(|scan| {
            if scan.text() != text {
                return meets_scan(scan.input(), call, past_filter);
            }
            !past_filter || is_found_at(scan, call) || is_found_further_down(scan, call)
        }),
    }
}

fn is_found_at(scan: &ScanTexts, call: &Expr) -> bool {
    let known = || scan.answers().map(|(known, _)| known);
    is_found_by(call, known()) || known().any(|known| known == call)
}

/// Whether a scan below this one of the same texts, past a filter, finds what a call asks for and this one does not.
fn is_found_further_down(scan: &ScanTexts, call: &Expr) -> bool {
    !is_found_at(scan, call) && meets_scan(scan.input(), call, true)
}

fn below_projection(projection: &Projection, text: &Column) -> Option<Column> {
    let at = projection.schema.index_of_column(text).ok()?;
    match projection.expr[at].clone().unalias() {
        Expr::Column(below) => Some(below),
        _ => None,
    }
}

fn below_alias(alias: &SubqueryAlias, text: &Column) -> Option<Column> {
    let at = alias.schema.index_of_column(text).ok()?;
    let (qualifier, field) = alias.input.schema().qualified_field(at);
    Some(Column::from((qualifier, field)))
}

/// The same call over another column.
fn over(call: Expr, text: &Column) -> Expr {
    match call {
        Expr::ScalarFunction(mut call) => {
            call.args[0] = Expr::Column(text.clone());
            Expr::ScalarFunction(call)
        }
        other => other,
    }
}

/// Of few rows that a sort keeps, only these are scanned. They are sorted again afterwards: nothing tells DataFusion that what
/// is above the first sort must leave them as they are, and where it does, it drops the second.
fn sort_before_scan(node: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let LogicalPlan::Sort(sort) = &node else {
        return Ok(Transformed::no(node));
    };
    if sort.fetch.is_none_or(|fetch| fetch > MOST_SORTED) {
        return Ok(Transformed::no(node));
    }
    let (projection, scan) = match sort.input.as_ref() {
        LogicalPlan::Projection(projection) => (Some(projection), projection.input.as_ref()),
        other => (None, other),
    };
    let Some(scan) = ScanTexts::of(scan) else {
        return Ok(Transformed::no(node));
    };
    let mut keys = Vec::with_capacity(sort.expr.len());
    for key in &sort.expr {
        let below = match projection {
            Some(projection) => written_out(key.expr.clone(), projection)?,
            None => key.expr.clone(),
        };
        let known = below
            .column_refs()
            .into_iter()
            .all(|c| scan.input().schema().has_column(c));
        if !known || below.is_volatile() {
            return Ok(Transformed::no(node));
        }
        keys.push(SortExpr::new(below, key.asc, key.nulls_first));
    }
    if matches!(scan.input(), LogicalPlan::Sort(done) if done.expr == keys && done.fetch == sort.fetch)
    {
        return Ok(Transformed::no(node));
    }
    let sorted = LogicalPlan::Sort(Sort {
        expr: keys,
        input: Arc::new(scan.input().clone()),
        fetch: sort.fetch,
    });
    let sorted = sort_before_scan(sorted)?.data;
    let scanned = scan.over(sorted)?.into_plan();
    let scanned = match projection {
        Some(projection) => {
            let shown = projection.expr.clone();
            LogicalPlan::Projection(Projection::try_new(shown, Arc::new(scanned))?)
        }
        None => scanned,
    };
    Ok(Transformed::yes(LogicalPlan::Sort(Sort {
        expr: sort.expr.clone(),
        input: Arc::new(scanned),
        fetch: sort.fetch,
    })))
}

/// An expression over a projection's columns, over those of its input.
fn written_out(expression: Expr, projection: &Projection) -> Result<Expr> {
    let written = expression.transform(|part| {
        Ok(match &part {
            Expr::Column(column) => {
                let at = projection.schema.index_of_column(column)?;
                Transformed::yes(projection.expr[at].clone().unalias())
            }
            _ => Transformed::no(part),
        })
    })?;
    Ok(written.data)
}
