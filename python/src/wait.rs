//! Waiting for Rust from Python: the GIL is given up, and Ctrl-C ends the wait.
//!
//! The work runs on the runtime's own threads and answers through a channel, because a `block_on` with a timeout does
//! not come back while all workers are busy. Stopping drops the work at its next await; the session stays usable.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use tokio::task::AbortHandle;

use crate::error::to_py;
use crate::threads::{self, Runtime};

/// How often Python's signal handlers get their turn.
const TICK: Duration = Duration::from_millis(50);

/// What is done, with the GIL, while somebody waits.
pub type Meanwhile<'a> = &'a mut dyn FnMut(Python<'_>) -> PyResult<()>;

/// Stops its work when dropped: the caller was interrupted, or has seen enough.
pub struct Task {
    work: Option<AbortHandle>,
    _runtime: Arc<Runtime>,
}

impl Task {
    /// Starts work on the runtime.
    pub fn spawn(work: impl Future<Output = ()> + Send + 'static) -> PyResult<Self> {
        let runtime = threads::runtime()?;
        Ok(Self {
            work: runtime.spawn(work),
            _runtime: runtime,
        })
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        if let Some(work) = &self.work {
            work.abort();
        }
    }
}

/// Runs async work to its end; Ctrl-C stops it.
pub fn wait<T, F>(py: Python<'_>, work: F) -> PyResult<T>
where
    T: Send + 'static,
    F: Future<Output = spanql::Result<T>> + Send + 'static,
{
    wait_and(py, work, &mut |_| Ok(()))
}

/// As [`wait`], with something to do now and then meanwhile, such as showing how far the work is.
pub fn wait_and<T, F>(py: Python<'_>, work: F, meanwhile: Meanwhile<'_>) -> PyResult<T>
where
    T: Send + 'static,
    F: Future<Output = spanql::Result<T>> + Send + 'static,
{
    let (answer, mut answers) = sync_channel(1);
    let task = Task::spawn(async move {
        // Nobody listens any more once the caller was interrupted.
        let _ = answer.send(work.await);
    })?;
    let answer = receive(py, &mut answers, meanwhile)?;
    drop(task);
    match answer {
        Some(answer) => answer.map_err(to_py),
        None => Err(PyRuntimeError::new_err(
            "the engine stopped without an answer: a panic, reported on stderr",
        )),
    }
}

/// The next message, or nothing once the sender is gone; gives Python's signal handlers their turn meanwhile.
pub fn receive<T: Send>(
    py: Python<'_>,
    messages: &mut Receiver<T>,
    meanwhile: Meanwhile<'_>,
) -> PyResult<Option<T>> {
    loop {
        // A receiver may go to another thread but not be shared with one, hence the exclusive reference.
        let exclusive = &mut *messages;
        match py.detach(move || exclusive.recv_timeout(TICK)) {
            Ok(message) => return Ok(Some(message)),
            Err(RecvTimeoutError::Disconnected) => return Ok(None),
            Err(RecvTimeoutError::Timeout) => {
                py.check_signals()
                    .inspect_err(|_| threads::retire_runtime())?;
                meanwhile(py)?;
            }
        }
    }
}
