//! [`Needed`]: which documents the nodes above still want the entities of.
//!
//! A sort that keeps few rows says, while it runs, which rows can still be among them; a join says which keys the other side
//! has. These are DataFusion's dynamic filters. A document of which they hold for no entity, whatever it says, need not be
//! scanned. Conditions that are known before a query runs are absent here: the table has taken those.

use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::Schema;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{
    BinaryExpr, Column, DynamicFilterPhysicalExpr, DynamicFilterTracking, Literal, lit,
};
use datafusion::physical_expr::utils::collect_columns;
use datafusion::physical_expr_common::physical_expr::snapshot_physical_expr;

/// See the module.
#[derive(Debug, Clone, Default)]
pub(super) struct Needed {
    /// Over the columns of entities.
    conditions: Vec<Arc<dyn PhysicalExpr>>,
}

impl Needed {
    /// What the dynamic ones among `conditions` say.
    pub(super) fn of(conditions: impl Iterator<Item = Arc<dyn PhysicalExpr>>) -> Self {
        let is_dynamic = |condition: &Arc<dyn PhysicalExpr>| {
            DynamicFilterTracking::classify(condition).contains_dynamic_filter()
        };
        let conditions = conditions.filter(is_dynamic).collect();
        Self { conditions }
    }

    pub(super) fn conditions(&self) -> &[Arc<dyn PhysicalExpr>] {
        &self.conditions
    }

    /// Whether the conditions are likely to drop documents: one is of columns the first of which is a document's. Where the
    /// first is an entity's, such as in an order by value, a document that is dropped is an exception.
    pub(super) fn spares(&self, is_of_document: impl Fn(usize) -> bool) -> Result<bool> {
        let spares = |part: &Arc<dyn PhysicalExpr>| {
            let filter = part.downcast_ref::<DynamicFilterPhysicalExpr>();
            let first = filter.and_then(|filter| filter.children().first().copied().cloned());
            let column = first.and_then(|first| Some(first.downcast_ref::<Column>()?.index()));
            Ok(column.is_some_and(&is_of_document))
        };
        for condition in &self.conditions {
            if condition.exists(spares)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The documents that are needed as of now. `place` says which of their columns one of the entities' is, if any.
    pub(super) fn among(
        &self,
        mut documents: RecordBatch,
        place: impl Fn(usize) -> Option<usize>,
    ) -> Result<RecordBatch> {
        for condition in &self.conditions {
            let now = snapshot_physical_expr(Arc::clone(condition))?;
            let now = of_documents(&now, &place, &documents.schema())?;
            if now.is::<Literal>() && is_true(&now) {
                continue;
            }
            let rows = documents.num_rows();
            // It may be an error for a document of which no entity would have been asked.
            let Ok(holds) = now.evaluate(&documents).and_then(|v| v.into_array(rows)) else {
                continue;
            };
            documents = filter_record_batch(&documents, holds.as_boolean())?;
        }
        Ok(documents)
    }
}

fn is_true(expr: &Arc<dyn PhysicalExpr>) -> bool {
    let literal = expr.downcast_ref::<Literal>();
    literal.is_some_and(|literal| *literal.value() == ScalarValue::from(true))
}

/// What holds of a document where `condition` holds of one of its entities: what speaks of more than the document is taken
/// to hold.
fn of_documents(
    condition: &Arc<dyn PhysicalExpr>,
    place: &impl Fn(usize) -> Option<usize>,
    documents: &Schema,
) -> Result<Arc<dyn PhysicalExpr>> {
    let known = collect_columns(condition)
        .iter()
        .all(|column| place(column.index()).is_some());
    if known {
        let moved = Arc::clone(condition).transform(|part| {
            let column = part.downcast_ref::<Column>();
            Ok(match column.and_then(|column| place(column.index())) {
                Some(at) => {
                    Transformed::yes(Arc::new(Column::new(documents.field(at).name(), at)) as _)
                }
                None => Transformed::no(part),
            })
        });
        return moved.data();
    }
    let both = condition
        .downcast_ref::<BinaryExpr>()
        .filter(|both| matches!(both.op(), Operator::And | Operator::Or));
    let Some(both) = both else {
        return Ok(lit(true));
    };
    let left = of_documents(both.left(), place, documents)?;
    let right = of_documents(both.right(), place, documents)?;
    let (left_is_true, right_is_true) = (is_true(&left), is_true(&right));
    Ok(match both.op() {
        Operator::Or if left_is_true || right_is_true => lit(true),
        Operator::And if left_is_true => right,
        Operator::And if right_is_true => left,
        op => Arc::new(BinaryExpr::new(left, *op, right)),
    })
}

#[cfg(test)]
mod tests {
    use arrow::array::{ArrayRef, Int32Array, StringViewArray};
    use datafusion::physical_expr::expressions::{binary, col};

    use super::*;

    #[test]
    fn a_document_is_needed_while_one_of_its_entities_might_be() {
        let of = |columns: Vec<(&str, ArrayRef)>| RecordBatch::try_from_iter(columns).unwrap();
        let ints = |values: &[i32]| Arc::new(Int32Array::from(values.to_vec())) as ArrayRef;
        let text = Arc::new(StringViewArray::from_iter_values(["a", "b", "c"])) as ArrayRef;
        let documents = of(vec![("text", text), ("ts", ints(&[1, 2, 3]))]);
        // Of an entity: its start, and its document's ts.
        let entities = of(vec![("start", ints(&[])), ("ts", ints(&[]))]).schema();
        let compare = |name: &str, op, value: i32| {
            binary(col(name, &entities).unwrap(), op, lit(value), &entities).unwrap()
        };
        let both = |a, op, b| binary(a, op, b, &entities).unwrap();
        let columns = || {
            vec![
                col("start", &entities).unwrap(),
                col("ts", &entities).unwrap(),
            ]
        };
        let now = Arc::new(DynamicFilterPhysicalExpr::new(columns(), lit(true)));
        let needed =
            Needed::of([Arc::clone(&now) as _, compare("ts", Operator::Gt, 5)].into_iter());
        assert_eq!(needed.conditions().len(), 1, "the second is not dynamic");
        let count = || {
            let among = needed.among(documents.clone(), |at| (at == 1).then_some(1));
            among.unwrap().num_rows()
        };
        assert_eq!(count(), 3);
        // ORDER BY ts, start LIMIT …: the first two documents may have better entities.
        let tie = both(
            compare("ts", Operator::Eq, 2),
            Operator::And,
            compare("start", Operator::Lt, 9),
        );
        let better = both(compare("ts", Operator::Lt, 2), Operator::Or, tie);
        now.update(better).unwrap();
        assert_eq!(count(), 2);
        // ORDER BY start, ts: nothing is known before a scan.
        let tie = both(
            compare("start", Operator::Eq, 9),
            Operator::And,
            compare("ts", Operator::Lt, 2),
        );
        let better = both(compare("start", Operator::Lt, 9), Operator::Or, tie);
        now.update(better).unwrap();
        assert_eq!(count(), 3);
        now.update(compare("ts", Operator::Lt, 0)).unwrap();
        assert_eq!(count(), 0);
    }
}
