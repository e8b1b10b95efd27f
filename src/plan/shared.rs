//! [`SharedExec`]: one input, read by several: each batch goes to every reader, and is made once.
//!
//! Whoever wants the next batch first makes it; for the others it waits, in memory as long as the pool has some, then on
//! disk. Nobody waits for a reader that is slow or never comes, so that readers below one join do not wait for each
//! other. Before [`super::ShareScans`] has run, each [`SharedExec`] has an input of its own, equal to those of its group but for
//! what sorts and joins above say, while they run, of the documents that they need. Where each reader hears such things,
//! each keeps its own input: all together may need few documents, and one for all would need every one.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::task::{Context, Poll, Wake, Waker, ready};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::common::{DataFusionError, Result, internal_err};
use datafusion::config::ConfigOptions;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::{RecordBatchStream, SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{PhysicalExpr, PhysicalSortExpr};
use datafusion::physical_plan::filter_pushdown::{FilterDescription, FilterPushdownPhase};
use datafusion::physical_plan::metrics::{ExecutionPlanMetricsSet, MetricsSet, SpillMetrics};
use datafusion::physical_plan::spill::get_record_batch_memory_size;
use datafusion::physical_plan::spill::spill_pool::{self, SpillPoolSink};
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PlanProperties,
    SortOrderPushdownResult, SpillManager,
};
use futures::{Stream, StreamExt};

use super::{ExtractExec, compact_batch};

/// See the module.
#[derive(Debug)]
pub struct SharedExec {
    /// Which readers have one input.
    pub(super) group: usize,
    /// Of entities, the labels that this reader asks for.
    labels: Option<Vec<String>>,
    pub(super) source: Source,
}

#[derive(Debug)]
pub(super) enum Source {
    /// Its own, of a reader that shares nothing yet.
    Own(Arc<dyn ExecutionPlan>),
    /// That of the group, of which it is this reader. The first one shows it.
    Shared { shared: Arc<Shared>, reader: usize },
}

impl SharedExec {
    /// A reader of what a group of readers reads, with an input equal to theirs; of entities it asks for some `labels`.
    #[must_use]
    pub fn new(group: usize, labels: Option<Vec<String>>, input: Arc<dyn ExecutionPlan>) -> Self {
        Self {
            group,
            labels,
            source: Source::Own(input),
        }
    }

    pub(super) fn with(&self, source: Source) -> Self {
        Self {
            group: self.group,
            labels: self.labels.clone(),
            source,
        }
    }

    /// The input that it shares with nobody, which looks for nothing that only others ask for.
    pub(super) fn alone(&self) -> Result<Arc<dyn ExecutionPlan>> {
        let input = Arc::clone(self.input());
        let Some(labels) = &self.labels else {
            return Ok(input);
        };
        let narrowed = input.transform_down(|node| match node.downcast_ref::<ExtractExec>() {
            Some(extract) => {
                let extract = Arc::new(extract.looking_for(labels)?);
                Ok(Transformed::new(
                    extract as _,
                    true,
                    TreeNodeRecursion::Stop,
                ))
            }
            None => Ok(Transformed::no(node)),
        });
        narrowed.data()
    }

    pub(super) fn input(&self) -> &Arc<dyn ExecutionPlan> {
        match &self.source {
            Source::Own(input) => input,
            Source::Shared { shared, .. } => &shared.input,
        }
    }
}

impl DisplayAs for SharedExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            Source::Shared { shared, reader } => {
                let (number, of) = (reader + 1, shared.readers);
                write!(
                    f,
                    "SharedExec: scan {}, reader {number} of {of}",
                    self.group
                )
            }
            Source::Own(_) => write!(f, "SharedExec: scan {}", self.group),
        }
    }
}

impl ExecutionPlan for SharedExec {
    fn name(&self) -> &str {
        "SharedExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.input().properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        match &self.source {
            Source::Shared { reader, .. } if *reader > 0 => vec![],
            _ => vec![self.input()],
        }
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
        match (&self.source, children.as_slice()) {
            (Source::Own(_), [input]) => Ok(Arc::new(self.with(Source::Own(Arc::clone(input))))),
            (Source::Shared { .. }, []) => Ok(self),
            (Source::Shared { shared, .. }, [same]) if Arc::ptr_eq(same, &shared.input) => Ok(self),
            _ => internal_err!("what SharedExec reads is settled once it is shared"),
        }
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        // It does; but a sort that is pushed below one reader would not be there for the others.
        self.children().iter().map(|_| false).collect()
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        self.children().iter().map(|_| false).collect()
    }

    fn gather_filters_for_pushdown(
        &self,
        phase: FilterPushdownPhase,
        filters: Vec<Arc<dyn PhysicalExpr>>,
        _: &ConfigOptions,
    ) -> Result<FilterDescription> {
        // What is known before a query runs would make its input another one than those of the others.
        match (&self.source, phase, &self.labels) {
            (Source::Own(input), FilterPushdownPhase::Post, Some(_)) => {
                FilterDescription::from_children(filters, &[input])
            }
            _ => Ok(FilterDescription::all_unsupported(
                &filters,
                &self.children(),
            )),
        }
    }

    fn try_pushdown_sort(
        &self,
        order: &[PhysicalSortExpr],
    ) -> Result<SortOrderPushdownResult<Arc<dyn ExecutionPlan>>> {
        let Source::Own(input) = &self.source else {
            return Ok(SortOrderPushdownResult::Unsupported);
        };
        // Files may be read in about this order, but it is not to be relied on: the input of another reader may be taken.
        let sorted = input.try_pushdown_sort(order)?.into_inexact();
        Ok(sorted.map(|input| Arc::new(self.with(Source::Own(input))) as _))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        match &self.source {
            Source::Own(input) => input.execute(partition, context),
            Source::Shared { shared, reader } => {
                shared.open(partition, &context)?;
                Ok(Box::pin(Reader {
                    shared: Arc::clone(shared),
                    schema: self.schema(),
                    partition,
                    reader: *reader,
                }))
            }
        }
    }

    fn metrics(&self) -> Option<MetricsSet> {
        match &self.source {
            Source::Shared { shared, reader: 0 } => Some(shared.metrics.clone_inner()),
            _ => None,
        }
    }
}

/// What the readers of a group share.
#[derive(Debug)]
pub(super) struct Shared {
    input: Arc<dyn ExecutionPlan>,
    readers: usize,
    partitions: Vec<Partition>,
    metrics: ExecutionPlanMetricsSet,
}

#[derive(Debug, Default)]
struct Partition {
    state: Mutex<State>,
    wakers: Arc<Wakers>,
}

#[derive(Default)]
struct State {
    /// What is left of the input, once a reader has come.
    input: Option<SendableRecordBatchStream>,
    /// By reader: what waits for it.
    queues: Vec<Queue>,
    ended: bool,
    failed: Option<Arc<DataFusionError>>,
    /// Whether the reader that came last found nothing to read and asked the input, which wakes all when it has more.
    asked: bool,
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State")
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}

struct Queue {
    waiting: VecDeque<Waiting>,
    memory: MemoryReservation,
    disk: Option<(SpillPoolSink, SendableRecordBatchStream)>,
    spills: Arc<SpillManager>,
    /// Nobody reads it any more.
    left: bool,
}

enum Waiting {
    InMemory(RecordBatch),
    /// The next one on disk.
    OnDisk,
}

/// Those who wait for a batch of one partition.
#[derive(Debug, Default)]
struct Wakers(Mutex<Vec<Waker>>);

impl Wakers {
    fn add(&self, waker: &Waker) {
        let mut wakers = lock(&self.0);
        if !wakers.iter().any(|known| known.will_wake(waker)) {
            wakers.push(waker.clone());
        }
    }

    fn wake_all(&self) {
        let wakers = std::mem::take(&mut *lock(&self.0));
        wakers.into_iter().for_each(Waker::wake);
    }
}

impl Wake for Wakers {
    fn wake(self: Arc<Self>) {
        self.wake_all();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(super) fn new(input: Arc<dyn ExecutionPlan>, readers: usize) -> Self {
        let partitions = input.output_partitioning().partition_count();
        Self {
            partitions: (0..partitions).map(|_| Partition::default()).collect(),
            metrics: ExecutionPlanMetricsSet::new(),
            input,
            readers,
        }
    }

    /// Starts the input of a partition if no reader has.
    fn open(&self, partition: usize, context: &Arc<TaskContext>) -> Result<()> {
        let mut state = lock(&self.partitions[partition].state);
        if state.input.is_some() || state.ended {
            return Ok(());
        }
        state.input = Some(self.input.execute(partition, Arc::clone(context))?);
        let spills = SpillMetrics::new(&self.metrics, partition);
        let spills = SpillManager::new(context.runtime_env(), spills, self.input.schema());
        let spills = Arc::new(spills);
        state.queues = (0..self.readers)
            .map(|reader| Queue {
                waiting: VecDeque::new(),
                memory: MemoryConsumer::new(format!("SharedExec[{partition}], reader {reader}"))
                    .with_can_spill(true)
                    .register(context.memory_pool()),
                disk: None,
                spills: Arc::clone(&spills),
                left: false,
            })
            .collect();
        Ok(())
    }
}

/// A spilled file is closed at this size, so that it is removed when it is read.
const SPILL_FILE: usize = 64 << 20;

impl Queue {
    fn push(&mut self, batch: &RecordBatch) -> Result<()> {
        if self.left {
            return Ok(());
        }
        let size = get_record_batch_memory_size(batch);
        if self.memory.try_grow(size).is_ok() {
            self.waiting.push_back(Waiting::InMemory(batch.clone()));
            return Ok(());
        }
        let spills = &self.spills;
        let (sink, _) = self
            .disk
            .get_or_insert_with(|| spill_pool::spsc_channel(SPILL_FILE, Arc::clone(spills)));
        sink.push_batch(batch)?;
        self.waiting.push_back(Waiting::OnDisk);
        Ok(())
    }

    /// The next batch that waits; nothing where none does.
    fn pop(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<RecordBatch>>> {
        match self.waiting.front() {
            None => Poll::Ready(None),
            Some(Waiting::OnDisk) => {
                let Some((_, disk)) = &mut self.disk else {
                    return Poll::Ready(Some(internal_err!("a spilled batch without its file")));
                };
                let batch = ready!(disk.poll_next_unpin(cx));
                self.waiting.pop_front();
                Poll::Ready(batch)
            }
            Some(Waiting::InMemory(_)) => {
                let Some(Waiting::InMemory(batch)) = self.waiting.pop_front() else {
                    unreachable!("it was at the front")
                };
                self.memory.shrink(get_record_batch_memory_size(&batch));
                Poll::Ready(Some(Ok(batch)))
            }
        }
    }
}

impl State {
    fn next(
        &mut self,
        reader: usize,
        wakers: &Arc<Wakers>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<RecordBatch>>> {
        if let Some(batch) = ready!(self.queues[reader].pop(cx)) {
            return Poll::Ready(Some(batch));
        }
        if let Some(failed) = &self.failed {
            let failed = DataFusionError::Shared(Arc::clone(failed));
            return Poll::Ready(Some(Err(failed)));
        }
        let Some(input) = self.input.as_mut().filter(|_| !self.ended) else {
            return Poll::Ready(None);
        };
        // Whoever waits here is woken, not only who asks now: that one may go away.
        self.asked = true;
        wakers.add(cx.waker());
        let waker = Waker::from(Arc::clone(wakers));
        let batch = match ready!(input.poll_next_unpin(&mut Context::from_waker(&waker))) {
            Some(Ok(batch)) => batch,
            end => {
                self.ended = true;
                self.input = None;
                return Poll::Ready(end.map(|failed| {
                    failed.map_err(|failed| {
                        let failed = Arc::new(failed);
                        self.failed = Some(Arc::clone(&failed));
                        DataFusionError::Shared(failed)
                    })
                }));
            }
        };
        let others = |(number, queue): &(usize, &mut Queue)| *number != reader && !queue.left;
        let mut others = self.queues.iter_mut().enumerate().filter(others).peekable();
        if others.peek().is_none() {
            return Poll::Ready(Some(Ok(batch)));
        }
        let batch = compact_batch(&batch);
        for (_, queue) in others {
            queue.push(&batch)?;
        }
        Poll::Ready(Some(Ok(batch)))
    }
}

/// One reader of one partition.
struct Reader {
    shared: Arc<Shared>,
    schema: SchemaRef,
    partition: usize,
    reader: usize,
}

impl Stream for Reader {
    type Item = Result<RecordBatch>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Partition { state, wakers } = &self.shared.partitions[self.partition];
        let mut state = match state.try_lock() {
            Ok(state) => state,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => {
                // Another reader is at work on the next batch and wakes those who wait, unless it has just done so.
                wakers.add(cx.waker());
                match state.try_lock() {
                    Ok(state) => state,
                    Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
                    Err(TryLockError::WouldBlock) => return Poll::Pending,
                }
            }
        };
        state.asked = false;
        let next = state.next(self.reader, wakers, cx);
        let input_wakes = next.is_pending() && state.asked;
        drop(state);
        if !input_wakes {
            wakers.wake_all();
        }
        next
    }
}

impl RecordBatchStream for Reader {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let Partition { state, wakers } = &self.shared.partitions[self.partition];
        let mut state = lock(state);
        let queue = &mut state.queues[self.reader];
        queue.left = true;
        queue.waiting.clear();
        queue.disk = None;
        queue.memory.free();
        drop(state);
        wakers.wake_all();
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::Int64Array;
    use arrow::datatypes::{DataType, Field, Schema};
    use datafusion::datasource::memory::MemorySourceConfig;
    use datafusion::execution::memory_pool::GreedyMemoryPool;
    use datafusion::execution::runtime_env::RuntimeEnvBuilder;
    use datafusion::physical_plan::union::UnionExec;
    use futures::TryStreamExt;

    use datafusion::physical_optimizer::PhysicalOptimizerRule;

    use super::super::ShareScans;
    use super::*;

    /// Three readers of twenty batches, of one partition.
    fn readers() -> Vec<Arc<dyn ExecutionPlan>> {
        let schema = Arc::new(Schema::new(vec![Field::new("n", DataType::Int64, false)]));
        let batch = |first: i64| {
            let numbers = Int64Array::from_iter_values(first..first + 1000);
            RecordBatch::try_new(Arc::clone(&schema), vec![Arc::new(numbers)]).unwrap()
        };
        let batches: Vec<_> = (0..20).map(|number| batch(number * 1000)).collect();
        let reader = |_| {
            let batches = std::slice::from_ref(&batches);
            let input = MemorySourceConfig::try_new_exec(batches, Arc::clone(&schema), None);
            Arc::new(SharedExec::new(1, None, input.unwrap())) as Arc<dyn ExecutionPlan>
        };
        let plan = UnionExec::try_new((0..3).map(reader).collect()).unwrap();
        let plan = ShareScans
            .optimize(plan, &ConfigOptions::default())
            .unwrap();
        plan.children().into_iter().cloned().collect()
    }

    fn context(memory: usize) -> Arc<TaskContext> {
        let pool = Arc::new(GreedyMemoryPool::new(memory));
        let runtime = RuntimeEnvBuilder::new().with_memory_pool(pool).build_arc();
        Arc::new(TaskContext::default().with_runtime(runtime.unwrap()))
    }

    #[tokio::test]
    async fn what_does_not_fit_into_memory_waits_on_disk() {
        for (memory, spills) in [(1 << 30, false), (20_000, true)] {
            let (readers, context) = (readers(), context(memory));
            let open = |reader: usize| readers[reader].execute(0, Arc::clone(&context)).unwrap();
            let (mut slow, fast) = (open(0), open(1));
            let first = slow.next().await.unwrap().unwrap();
            let all: Vec<_> = fast.try_collect().await.unwrap();
            assert_eq!((all.len(), &all[0]), (20, &first));
            // The first of them has read some, the third comes when all is over.
            let rest: Vec<_> = slow.try_collect().await.unwrap();
            assert_eq!(rest, all[1..]);
            let late: Vec<_> = open(2).try_collect().await.unwrap();
            assert_eq!(late, all);
            let spilled = readers[0].metrics().unwrap().spill_count().unwrap_or(0);
            assert_eq!(spilled > 0, spills, "{spilled} files");
            assert_eq!(context.memory_pool().reserved(), 0);
        }
    }

    #[tokio::test]
    async fn nothing_waits_for_a_reader_that_left_and_one_alone_shares_nothing() {
        let (readers, context) = (readers(), context(20_000));
        for reader in &readers[1..] {
            drop(reader.execute(0, Arc::clone(&context)).unwrap());
            assert!(reader.children().is_empty());
        }
        let first = readers[0].execute(0, Arc::clone(&context)).unwrap();
        let all: Vec<_> = first.try_collect().await.unwrap();
        assert_eq!(all.len(), 20);
        assert_eq!(readers[0].metrics().unwrap().spill_count().unwrap_or(0), 0);

        let input = Arc::clone(readers[0].children()[0]);
        let alone = Arc::new(SharedExec::new(1, None, Arc::clone(&input)));
        let plan = ShareScans
            .optimize(alone, &ConfigOptions::default())
            .unwrap();
        assert!(Arc::ptr_eq(&plan, &input));
    }
}
