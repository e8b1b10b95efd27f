//! Views cut loose from the buffers they hardly use, before anything keeps them.
//!
//! Ten short strings that point into a gigabyte of documents keep that gigabyte alive, and DataFusion charges them for
//! it. Streaming operators pass views on as they are; below every operator that keeps batches, [`CompactViews`] puts a
//! [`CompactViewsExec`], which copies the bytes of views that use less than half of their buffers. A filter keeps rows until
//! it has a batch of them, and where one document in a thousand passes, that is the text of millions; plain columns of
//! views it compacts itself, lists and structs it does not.

use std::fmt;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, ByteView, GenericByteViewArray, ListArray, RecordBatch,
    RecordBatchOptions, StructArray,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{ByteViewType, DataType, SchemaRef};
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::common::{Result, internal_err};
use datafusion::config::ConfigOptions;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::aggregates::AggregateExec;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::joins::{
    CrossJoinExec, HashJoinExec, NestedLoopJoinExec, SortMergeJoinExec, SymmetricHashJoinExec,
};
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::windows::{BoundedWindowAggExec, WindowAggExec};
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties, replace_children_if_necessary,
};
use futures::StreamExt;

/// The batch with every view column compacted that uses less than half of the bytes it keeps alive, inside lists and
/// structs too. Columns that use more are the same arrays as before.
#[must_use]
pub fn compact_batch(batch: &RecordBatch) -> RecordBatch {
    let columns: Vec<ArrayRef> = batch.columns().iter().map(compact).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(batch.schema(), columns, &options)
        .expect("compaction keeps types, lengths and NULLs")
}

fn compact(array: &ArrayRef) -> ArrayRef {
    match array.data_type() {
        DataType::Utf8View => compact_views(array, array.as_string_view()),
        DataType::BinaryView => compact_views(array, array.as_binary_view()),
        DataType::List(item) if has_views(item.data_type()) => {
            let list = array.as_list::<i32>();
            let (first, last) = (
                list.value_offsets()[0] as usize,
                list.value_offsets()[list.len()] as usize,
            );
            // A slice of a list shares the values of the whole: only its own are worth keeping.
            let values = compact(&list.values().slice(first, last - first));
            let offsets = OffsetBuffer::from_lengths(list.offsets().lengths());
            Arc::new(ListArray::new(
                Arc::clone(item),
                offsets,
                values,
                list.nulls().cloned(),
            ))
        }
        DataType::Struct(fields) if fields.iter().any(|f| has_views(f.data_type())) => {
            let columns = array.as_struct();
            let compacted = columns.columns().iter().map(compact).collect();
            match columns.is_empty() {
                true => Arc::clone(array),
                false => Arc::new(StructArray::new(
                    fields.clone(),
                    compacted,
                    columns.nulls().cloned(),
                )),
            }
        }
        _ => Arc::clone(array),
    }
}

fn compact_views<T: ByteViewType + ?Sized>(
    array: &ArrayRef,
    views: &GenericByteViewArray<T>,
) -> ArrayRef {
    // Not their lengths: DataFusion's repartition puts each batch's bytes into a buffer of a megabyte.
    let kept: usize = views.data_buffers().iter().map(|b| b.capacity()).sum();
    if kept == 0 {
        return Arc::clone(array);
    }
    let used: usize = views
        .views()
        .iter()
        .map(|&v| ByteView::from(v).length as usize)
        .filter(|&l| l > 12)
        .sum();
    if used * 2 < kept {
        Arc::new(views.gc())
    } else {
        Arc::clone(array)
    }
}

fn has_views(data_type: &DataType) -> bool {
    match data_type {
        DataType::Utf8View | DataType::BinaryView => true,
        DataType::List(item) => has_views(item.data_type()),
        DataType::Struct(fields) => fields.iter().any(|f| has_views(f.data_type())),
        _ => false,
    }
}

/// Puts a [`CompactViewsExec`] below every operator that keeps batches and whose input has view columns.
///
/// Runs after DataFusion's own rules, which therefore never see the node.
#[derive(Debug, Default)]
pub struct CompactViews;

impl PhysicalOptimizerRule for CompactViews {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|plan| {
            let keeps_all = keeps_batches(plan.as_ref());
            if !keeps_all && !plan.is::<FilterExec>() {
                return Ok(Transformed::no(plan));
            }
            let children = plan
                .children()
                .into_iter()
                .map(|child| {
                    let wanted = child
                        .schema()
                        .fields()
                        .iter()
                        .map(|f| f.data_type())
                        .any(|t| has_views(t) && (keeps_all || t.is_nested()));
                    match wanted && !child.is::<CompactViewsExec>() {
                        true => Arc::new(CompactViewsExec::new(Arc::clone(child)))
                            as Arc<dyn ExecutionPlan>,
                        false => Arc::clone(child),
                    }
                })
                .collect();
            Ok(Transformed::yes(replace_children_if_necessary(
                plan, children,
            )?))
        })
        .data()
    }

    fn name(&self) -> &str {
        "compact_views"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

fn keeps_batches(plan: &dyn ExecutionPlan) -> bool {
    plan.is::<SortExec>()
        || plan.is::<AggregateExec>()
        || plan.is::<HashJoinExec>()
        || plan.is::<NestedLoopJoinExec>()
        || plan.is::<CrossJoinExec>()
        || plan.is::<SortMergeJoinExec>()
        || plan.is::<SymmetricHashJoinExec>()
        || plan.is::<WindowAggExec>()
        || plan.is::<BoundedWindowAggExec>()
        || plan.is::<RepartitionExec>()
}

/// Compacts every batch that passes; see the module.
#[derive(Debug)]
pub struct CompactViewsExec {
    input: Arc<dyn ExecutionPlan>,
}

impl CompactViewsExec {
    /// A node over `input`, whose order, partitioning and schema it keeps.
    #[must_use]
    pub fn new(input: Arc<dyn ExecutionPlan>) -> Self {
        Self { input }
    }
}

impl DisplayAs for CompactViewsExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CompactViewsExec")
    }
}

impl ExecutionPlan for CompactViewsExec {
    fn name(&self) -> &str {
        "CompactViewsExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.input.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        match <[_; 1]>::try_from(children) {
            Ok([input]) => Ok(Arc::new(Self::new(input))),
            Err(children) => {
                internal_err!("CompactViewsExec has one child, not {}", children.len())
            }
        }
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let schema: SchemaRef = self.schema();
        let batches = self
            .input
            .execute(partition, context)?
            .map(|batch| Ok(compact_batch(&batch?)));
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, batches)))
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{Int32Array, ListBuilder, StringViewArray, StringViewBuilder, make_view};
    use arrow::buffer::Buffer;
    use arrow::datatypes::{Field, Schema};
    use datafusion::datasource::memory::MemorySourceConfig;
    use datafusion::logical_expr::Operator;
    use datafusion::physical_expr::expressions::{binary, col, lit};
    use datafusion::physical_plan::collect;
    use datafusion::physical_plan::spill::get_record_batch_memory_size;

    use super::*;

    fn kept(array: &ArrayRef) -> usize {
        array
            .as_string_view()
            .data_buffers()
            .iter()
            .map(|b| b.capacity())
            .sum()
    }

    fn batch(columns: Vec<ArrayRef>) -> RecordBatch {
        let fields: Vec<Field> = columns
            .iter()
            .enumerate()
            .map(|(i, c)| Field::new(i.to_string(), c.data_type().clone(), true))
            .collect();
        RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
    }

    #[test]
    fn few_strings_of_many_are_cut_loose_and_the_rest_stays() {
        let long = |i: i32| format!("a string of more than twelve bytes, number {i}");
        let strings: ArrayRef = Arc::new(StringViewArray::from_iter_values((0..1000).map(long)));
        let all = batch(vec![
            Arc::clone(&strings),
            Arc::new(Int32Array::from_iter_values(0..1000)),
        ]);
        assert_eq!(
            kept(compact_batch(&all).column(0)),
            kept(&strings),
            "well used buffers are not copied"
        );
        let few = compact_batch(&all.slice(500, 3));
        assert!(kept(few.column(0)) < 200, "{}", kept(few.column(0)));
        assert_eq!(few.column(0).as_string_view().value(2), long(502));
    }

    #[test]
    fn buffers_with_room_left_are_cut_to_what_is_in_them() {
        let mut roomy = Vec::with_capacity(1 << 20);
        roomy.extend_from_slice(b"a string of more than twelve bytes");
        let bytes = Buffer::from_vec(roomy);
        let view = make_view(&bytes, 0, 0);
        let strings = StringViewArray::try_new(vec![view].into(), vec![bytes], None).unwrap();
        let compacted = compact_batch(&batch(vec![Arc::new(strings.clone())]));
        assert_eq!(compacted.column(0).as_string_view(), &strings);
        assert!(kept(compacted.column(0)) < 200);
    }

    #[tokio::test]
    async fn a_filter_lets_go_of_what_the_lists_of_its_few_rows_point_into() {
        let texts = Buffer::from_vec(vec![b'a'; 1 << 20]);
        let entities = (0..1000).map(|i| make_view(&texts[i * 1000..][..20], 0, i as u32 * 1000));
        let entities = StringViewArray::try_new(entities.collect(), vec![texts.clone()], None);
        let lists: ArrayRef = Arc::new(ListArray::new(
            Arc::new(Field::new_list_field(DataType::Utf8View, true)),
            OffsetBuffer::from_lengths([1; 1000]),
            Arc::new(entities.unwrap()),
            None,
        ));
        let rows = batch(vec![lists, Arc::new(Int32Array::from_iter_values(0..1000))]);
        let few = binary(
            col("1", &rows.schema()).unwrap(),
            Operator::Eq,
            lit(7),
            &rows.schema(),
        );
        let all = [vec![rows.clone(); 20]];
        let all = MemorySourceConfig::try_new_exec(&all, rows.schema(), None).unwrap();
        let plan = Arc::new(FilterExec::try_new(few.unwrap(), all).unwrap());
        let plan = CompactViews.optimize(plan, &ConfigOptions::new()).unwrap();
        let found = collect(plan, Arc::default()).await.unwrap();
        assert_eq!(found.iter().map(RecordBatch::num_rows).sum::<usize>(), 20);
        let bytes: usize = found.iter().map(get_record_batch_memory_size).sum();
        assert!(bytes < 1_000_000, "{bytes} of 20 MB");
    }

    #[test]
    fn lists_too_and_slices_of_lists() {
        let mut builder = ListBuilder::new(StringViewBuilder::new());
        for i in 0..100 {
            builder.append_value([
                Some(format!("a string of more than twelve bytes {i}")),
                None,
            ]);
            builder.append_null();
        }
        let lists: ArrayRef = Arc::new(builder.finish());
        let compacted = compact_batch(&batch(vec![lists.slice(100, 4)]));
        assert_eq!(compacted.column(0).as_ref(), lists.slice(100, 4).as_ref());
        assert!(kept(compacted.column(0).as_list::<i32>().values()) < 200);
    }
}
