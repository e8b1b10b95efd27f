//! The threads that Rust work runs on: one tokio runtime for queries, one rayon pool for the rest.
//!
//! Both belong to the process that made them. A child made by `fork` (as `multiprocessing` does on Linux up to Python
//! 3.13) inherits their memory but not their threads, and would wait for them for ever; it makes its own instead.

use std::ptr::null_mut;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicPtr, Ordering};

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

/// Made on first use, because a program that imports the package need not start threads.
#[derive(Default)]
struct Threads {
    process: u32,
    runtime: OnceLock<std::result::Result<tokio::runtime::Runtime, String>>,
    pool: OnceLock<std::result::Result<rayon::ThreadPool, String>>,
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

/// The runtime that queries run on.
pub fn runtime() -> PyResult<&'static tokio::runtime::Runtime> {
    let made = current().runtime.get_or_init(|| {
        tokio::runtime::Builder::new_multi_thread()
            .thread_name("spanql")
            .enable_all()
            .build()
            .map_err(|error| format!("cannot start the threads for queries: {error}"))
    });
    made.as_ref()
        .map_err(|message| PyRuntimeError::new_err(message.clone()))
}

/// The pool that runs what is no query: `extract_and_aggregate`, ingest.
pub fn pool() -> PyResult<&'static rayon::ThreadPool> {
    let made = current().pool.get_or_init(|| {
        rayon::ThreadPoolBuilder::new()
            .thread_name(|index| format!("spanql-{index}"))
            .build()
            .map_err(|error| format!("cannot start the threads for scanning: {error}"))
    });
    made.as_ref()
        .map_err(|message| PyRuntimeError::new_err(message.clone()))
}
