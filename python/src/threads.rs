//! The threads that Rust work runs on: one tokio runtime for queries, one rayon pool for the rest; and the engine that
//! functions use where no session is given.
//!
//! All belong to the process that made them. A child made by `fork` (as `multiprocessing` does on Linux up to Python
//! 3.13) inherits their memory but not their threads, and would wait for them for ever; it makes its own instead.
//!
//! An interrupted query gives a worker back at its next await, which can be far off (a join that grows without end).
//! So Ctrl-C retires the runtime: what runs on it for others goes on, new queries get a fresh one.

use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use tokio::task::AbortHandle;

use crate::error::usage;

/// Made on first use, because a program that imports the package need not start threads.
#[derive(Default)]
struct Threads {
    process: u32,
    runtime: Mutex<Option<Arc<Runtime>>>,
    pool: OnceLock<std::result::Result<rayon::ThreadPool, String>>,
    shipped: OnceLock<Arc<spanql::Session>>,
}

/// Replaced in a forked child, never freed: the parent's threads are not there to be joined. No lock, since one held
/// by another thread at the moment of the fork would stay locked in the child.
static CURRENT: AtomicPtr<Threads> = AtomicPtr::new(null_mut());

fn current() -> &'static Threads {
    let process = std::process::id();
    let mut found = CURRENT.load(Ordering::Acquire);
    loop {
        // SAFETY: `CURRENT` is null or a box that was leaked below.
        if let Some(threads) = unsafe { found.as_ref() }
            && threads.process == process
        {
            return threads;
        }
        let fresh = Box::into_raw(Box::new(Threads {
            process,
            ..Threads::default()
        }));
        match CURRENT.compare_exchange(found, fresh, Ordering::AcqRel, Ordering::Acquire) {
            // SAFETY: leaked by `into_raw` and never freed.
            Ok(_) => return unsafe { &*fresh },
            Err(other) => {
                // SAFETY: nobody has seen it.
                drop(unsafe { Box::from_raw(fresh) });
                found = other;
            }
        }
    }
}

/// The process that something was made in.
pub struct Home(u32);

impl Home {
    /// This one.
    pub fn here() -> Self {
        Self(std::process::id())
    }

    /// Refuses a child of it: of its threads and locks a fork brings the state along, and nothing that would go on.
    pub fn check(&self, what: &str) -> PyResult<()> {
        let here = std::process::id();
        match self.0 == here {
            true => Ok(()),
            false => Err(usage(format!(
                "this {what} belongs to process {}, and this is its fork {here}: open a session here with \
                 spanql.connect, or start processes by \"spawn\" or \"forkserver\"",
                self.0
            ))),
        }
    }
}

/// The runtime that queries run on; held by each query until it ends.
pub fn runtime() -> PyResult<Arc<Runtime>> {
    let mut runtime = current()
        .runtime
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    if let Some(runtime) = &*runtime {
        return Ok(Arc::clone(runtime));
    }
    let made = tokio::runtime::Builder::new_multi_thread()
        .thread_name("spanql")
        .enable_all()
        .build()
        .map_err(|error| {
            PyRuntimeError::new_err(format!("cannot start the threads for queries: {error}"))
        })?;
    Ok(Arc::clone(runtime.insert(Arc::new(Runtime(Some(made))))))
}

/// Leaves the runtime to the queries that are on it.
pub fn retire_runtime() {
    *current()
        .runtime
        .lock()
        .unwrap_or_else(PoisonError::into_inner) = None;
}

/// A runtime that does not wait for its threads when it is dropped.
pub struct Runtime(Option<tokio::runtime::Runtime>);

impl Runtime {
    /// Starts work.
    pub fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) -> Option<AbortHandle> {
        self.0
            .as_ref()
            .map(|runtime| runtime.spawn(work).abort_handle())
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// Where the engine without configuration is kept.
pub fn shipped() -> &'static OnceLock<Arc<spanql::Session>> {
    &current().shipped
}

/// The pool that runs what is no query: functions over columns, `extract_and_aggregate`.
pub fn pool() -> PyResult<&'static rayon::ThreadPool> {
    let made = current().pool.get_or_init(|| {
        rayon::ThreadPoolBuilder::new()
            .thread_name(|index| format!("spanql-{index}"))
            // Whoever waits for an answer that does not come says so; without this rayon would end the process.
            .panic_handler(|_| ())
            .build()
            .map_err(|error| format!("cannot start the threads for scanning: {error}"))
    });
    made.as_ref()
        .map_err(|message| PyRuntimeError::new_err(message.clone()))
}
