//! How much memory the engine may use, and who gets it.

use std::fmt;
use std::fs;
use std::num::NonZero;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use datafusion::common::Result;
use datafusion::execution::memory_pool::{
    FairSpillPool, MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation, TrackConsumersPool,
};

/// Used where the machine does not tell: a small container.
const FALLBACK: usize = 2 << 30;

/// Half of what the cgroup allows or, without one, of what the machine has. The other half is for what the pool does not
/// count: decode buffers, the allocator, Python beside it.
pub(super) fn default_limit() -> usize {
    let cgroup = [
        "/sys/fs/cgroup/memory.max",
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
    ]
    .iter()
    .filter_map(|path| fs::read_to_string(path).ok()?.trim().parse::<usize>().ok())
    .min();
    let machine = fs::read_to_string("/proc/meminfo")
        .ok()
        .and_then(|text| mem_total(&text));
    // cgroup v1 writes a number beyond any machine where there is no limit.
    cgroup
        .into_iter()
        .chain(machine)
        .min()
        .map_or(FALLBACK, |bytes| bytes / 2)
}

fn mem_total(meminfo: &str) -> Option<usize> {
    let line = meminfo.lines().find_map(|l| l.strip_prefix("MemTotal:"))?;
    let kib: usize = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

/// How many consumers an out-of-memory message names.
const CONSUMERS_NAMED: NonZero<usize> = NonZero::new(5).expect("not zero");

/// One part in so many of the limit is kept for operators that cannot spill.
const HEADROOM_SHARE: usize = 5;

/// What they need on each thread: the first rows of an order are chosen from some 20 batches.
const HEADROOM_OF_THREAD: usize = 8 << 20;

/// The pool of a session: at most so many bytes.
pub(super) fn pool(limit: usize, threads: usize) -> Arc<dyn MemoryPool> {
    let needed = threads.saturating_mul(HEADROOM_OF_THREAD).min(limit / 2);
    let pool = Pool::new(limit, needed.max(limit / HEADROOM_SHARE));
    Arc::new(TrackConsumersPool::new(pool, CONSUMERS_NAMED))
}

/// DataFusion's fair pool, but what can spill leaves some memory to what cannot: otherwise groups that fill the pool, and
/// would go to disk, make the few rows of a `LIMIT` beside them fail.
#[derive(Debug)]
struct Pool {
    limit: usize,
    /// Only for what cannot spill.
    headroom: usize,
    /// All else of the limit.
    fair: FairSpillPool,
    /// Bytes of those that cannot spill; those above the headroom are the fair pool's.
    unspillable: Mutex<usize>,
}

impl Pool {
    fn new(limit: usize, headroom: usize) -> Self {
        Self {
            limit,
            headroom,
            fair: FairSpillPool::new(limit - headroom),
            unspillable: Mutex::default(),
        }
    }

    fn unspillable(&self) -> MutexGuard<'_, usize> {
        self.unspillable
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// How much of it the headroom does not hold.
    fn above(&self, bytes: usize) -> usize {
        bytes.saturating_sub(self.headroom)
    }
}

impl MemoryPool for Pool {
    fn name(&self) -> &str {
        "spanql"
    }

    fn register(&self, consumer: &MemoryConsumer) {
        self.fair.register(consumer);
    }

    fn unregister(&self, consumer: &MemoryConsumer) {
        self.fair.unregister(consumer);
    }

    fn grow(&self, reservation: &MemoryReservation, additional: usize) {
        if reservation.consumer().can_spill() {
            return self.fair.grow(reservation, additional);
        }
        let mut used = self.unspillable();
        let more = self.above(*used + additional) - self.above(*used);
        self.fair.grow(reservation, more);
        *used += additional;
    }

    fn shrink(&self, reservation: &MemoryReservation, shrink: usize) {
        if reservation.consumer().can_spill() {
            return self.fair.shrink(reservation, shrink);
        }
        let mut used = self.unspillable();
        let less = self.above(*used) - self.above(*used - shrink);
        self.fair.shrink(reservation, less);
        *used -= shrink;
    }

    fn try_grow(&self, reservation: &MemoryReservation, additional: usize) -> Result<()> {
        if reservation.consumer().can_spill() {
            return self.fair.try_grow(reservation, additional);
        }
        let mut used = self.unspillable();
        let more = self.above(*used + additional) - self.above(*used);
        if more > 0 {
            self.fair.try_grow(reservation, more)?;
        }
        *used += additional;
        Ok(())
    }

    fn reserved(&self) -> usize {
        let used = self.unspillable();
        self.fair.reserved() + (*used).min(self.headroom)
    }

    fn memory_limit(&self) -> MemoryLimit {
        MemoryLimit::Finite(self.limit)
    }
}

impl fmt::Display for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({} bytes)", self.name(), self.limit)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use arrow::array::{Int64Array, RecordBatch};
    use datafusion::datasource::memory::MemorySourceConfig;
    use datafusion::physical_expr::expressions::Column;
    use datafusion::physical_plan::repartition::RepartitionExec;
    use datafusion::physical_plan::{ExecutionPlan, Partitioning, collect_partitioned};

    use super::*;
    use crate::session::{Session, SessionOptions};

    /// A pool of 100 bytes, and two that take from it: groups, which can spill, and rows, which cannot.
    fn consumers() -> (Arc<dyn MemoryPool>, MemoryReservation, MemoryReservation) {
        let pool: Arc<dyn MemoryPool> = Arc::new(Pool::new(100, 20));
        let groups = MemoryConsumer::new("groups")
            .with_can_spill(true)
            .register(&pool);
        let rows = MemoryConsumer::new("rows").register(&pool);
        (pool, groups, rows)
    }

    #[test]
    fn what_cannot_spill_has_room_beside_what_can() {
        let (pool, groups, rows) = consumers();
        groups.try_grow(80).unwrap();
        groups.try_grow(1).unwrap_err();
        rows.try_grow(20).unwrap();
        rows.try_grow(1).unwrap_err();
        assert_eq!(pool.reserved(), 100);
        groups.shrink(30);
        rows.try_grow(30).unwrap();
        groups.try_grow(1).unwrap_err();
        assert_eq!(pool.reserved(), 100);
        rows.shrink(40);
        assert_eq!(pool.reserved(), 60);
        groups.try_grow(30).unwrap();
        rows.try_grow(10).unwrap();
        rows.try_grow(1).unwrap_err();
        assert_eq!((groups.free(), rows.free()), (80, 20));
        assert_eq!(pool.reserved(), 0);
    }

    #[tokio::test]
    async fn a_session_keeps_a_fifth_or_what_its_threads_need() {
        for (limit, threads, kept) in [(100, 2, 20), (60, 2, 16), (20, 2, 10)] {
            let options = SessionOptions {
                memory: Some(limit << 20),
                threads: Some(threads),
                ..SessionOptions::default()
            };
            let pool = Session::open(options).await.unwrap().memory_pool();
            let groups = MemoryConsumer::new("groups").with_can_spill(true);
            let groups = groups.register(&pool);
            groups.try_grow((limit - kept) << 20).unwrap();
            groups.try_grow(1).unwrap_err();
            let rows = MemoryConsumer::new("rows").register(&pool);
            rows.try_grow(kept << 20).unwrap();
            rows.try_grow(1).unwrap_err();
        }
    }

    #[test]
    fn memory_that_was_not_asked_for_is_counted() {
        let (pool, groups, rows) = consumers();
        rows.grow(150);
        assert_eq!(pool.reserved(), 150);
        groups.try_grow(1).unwrap_err();
        assert_eq!(rows.free(), 150);
        assert_eq!(pool.reserved(), 0);
        groups.try_grow(80).unwrap();
    }

    /// Two inputs that spill at once for two readers.
    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn a_repartition_that_spills_ends() {
        let options = SessionOptions {
            memory: Some(1 << 10),
            threads: Some(2),
            ..SessionOptions::default()
        };
        let context = Session::open(options).await.unwrap().ctx.task_ctx();
        let rows = Int64Array::from_iter_values(0..2048);
        let rows = RecordBatch::try_from_iter([("n", Arc::new(rows) as _)]).unwrap();
        let inputs = [vec![rows.clone(); 200], vec![rows.clone(); 200]];
        let inputs = MemorySourceConfig::try_new_exec(&inputs, rows.schema(), None).unwrap();
        let by = Partitioning::Hash(vec![Arc::new(Column::new("n", 0))], 2);
        let spilled = Arc::new(RepartitionExec::try_new(inputs, by).unwrap());
        let outputs = collect_partitioned(Arc::clone(&spilled) as _, context);
        let outputs = tokio::time::timeout(Duration::from_secs(60), outputs).await;
        let outputs = outputs.expect("it waits for ever").unwrap();
        let found: usize = outputs.iter().flatten().map(RecordBatch::num_rows).sum();
        assert_eq!(found, 2 * 200 * 2048);
        assert!(spilled.metrics().unwrap().spill_count().unwrap() > 0);
    }

    #[test]
    fn reads_meminfo() {
        assert_eq!(
            mem_total("MemTotal:       24689104 kB\nMemFree: 1 kB\n"),
            Some(24_689_104 * 1024)
        );
        assert_eq!(mem_total("nothing"), None);
        assert!(default_limit() > 0);
    }
}
