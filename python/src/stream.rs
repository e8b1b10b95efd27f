//! A query's batches as they come: for our own loops, and as an Arrow C stream for everybody else's.
//!
//! Never more than a few batches wait for a slow consumer, and dropping the stream stops the query.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, OnceLock};
use std::thread::ThreadId;

use arrow::array::{RecordBatch, RecordBatchReader};
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use futures::StreamExt;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use spanql::output::plain_batches;
use spanql::session::Watch;
use tokio::sync::Semaphore;

use crate::error::to_py;
use crate::progress::Bar;
use crate::wait::{Task, receive};

/// Batches that may be ready before they are asked for.
const AHEAD: usize = 2;

/// A batch, or what ended the query.
type Item = spanql::Result<RecordBatch>;

/// Said of a query that ends without its end.
const PANICKED: &str = "the query stopped without an answer: a panic, reported on stderr";

/// The batches of one run of a query, converted to a schema.
pub struct Batches {
    schema: SchemaRef,
    /// Nothing is the end; after it, and after an error, nothing comes.
    items: Receiver<Option<Item>>,
    ended: bool,
    /// One permit a batch that may still be sent. The channel itself is unbounded, since a bounded one of the standard
    /// library would block a worker and tokio's has no wait with a timeout outside its runtime.
    room: Arc<Semaphore>,
    /// Set once the query runs.
    watch: Arc<OnceLock<Watch>>,
    bar: Bar,
    _task: Task,
}

impl Batches {
    /// Starts the query; `progress` as for [`Bar::new`].
    pub fn start(
        query: spanql::Query,
        schema: SchemaRef,
        progress: Option<bool>,
    ) -> PyResult<Self> {
        let (send, items) = channel();
        let room = Arc::new(Semaphore::new(AHEAD));
        let watch = Arc::new(OnceLock::new());
        let work = produce(
            query,
            Arc::clone(&schema),
            send,
            Arc::clone(&room),
            Arc::clone(&watch),
        );
        Ok(Self {
            schema,
            items,
            ended: false,
            room,
            watch,
            bar: Bar::new("query", "rows", progress),
            _task: Task::spawn(work)?,
        })
    }

    /// The next batch; Ctrl-C ends the wait.
    pub fn next(&mut self, py: Python<'_>) -> PyResult<Option<RecordBatch>> {
        if self.ended {
            return Ok(None);
        }
        let (watch, bar) = (&self.watch, &mut self.bar);
        let mut show = |py: Python<'_>| bar.show(py, || progress(watch));
        show(py)?;
        let item = receive(py, &mut self.items, &mut show)?;
        self.room.add_permits(1);
        let item = item.ok_or_else(|| PyRuntimeError::new_err(PANICKED))?;
        self.ended = !matches!(item, Some(Ok(_)));
        item.transpose().map_err(to_py)
    }

    /// The next batch, on a thread that Python knows nothing of.
    fn next_unattached(&mut self) -> Option<Item> {
        if self.ended {
            return None;
        }
        let item = self.items.recv();
        self.room.add_permits(1);
        let panicked = |_| Some(Err(spanql::Error::Usage(PANICKED.into())));
        let item = item.unwrap_or_else(panicked);
        self.ended = !matches!(item, Some(Ok(_)));
        item
    }
}

/// The rows that a query has read, of how many, once it runs.
pub fn progress(watch: &OnceLock<Watch>) -> Option<(u64, Option<u64>)> {
    watch.get().map(|watch| (watch.read(), watch.rows()))
}

async fn produce(
    query: spanql::Query,
    schema: SchemaRef,
    send: Sender<Option<Item>>,
    room: Arc<Semaphore>,
    watch: Arc<OnceLock<Watch>>,
) {
    let mut stream = match query.watched().await {
        Ok((stream, running)) => {
            let _ = watch.set(running);
            stream
        }
        Err(error) => {
            let _ = send.send(Some(Err(error)));
            return;
        }
    };
    while let Some(batch) = stream.next().await {
        let pieces = match batch {
            Ok(batch) => plain_batches(&batch, &schema).collect(),
            Err(error) => vec![Err(error.into())],
        };
        for item in pieces {
            let Ok(permit) = room.acquire().await else {
                return;
            };
            permit.forget();
            let failed = item.is_err();
            // A consumer that is gone, or has its error, wants no more.
            if send.send(Some(item)).is_err() || failed {
                return;
            }
        }
    }
    let _ = send.send(None);
}

/// [`Batches`] for a consumer that pulls through the Arrow C stream interface, with or without the GIL.
pub struct Reader {
    batches: Batches,
    /// Signals are looked at only on the thread that asked for the stream: attaching on another one could wait for a
    /// GIL whose holder waits for this batch.
    home: ThreadId,
}

impl Reader {
    /// Starts the query; `progress` as for [`Bar::new`].
    pub fn start(
        query: spanql::Query,
        schema: SchemaRef,
        progress: Option<bool>,
    ) -> PyResult<Self> {
        Ok(Self {
            batches: Batches::start(query, schema, progress)?,
            home: std::thread::current().id(),
        })
    }
}

impl Iterator for Reader {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        if std::thread::current().id() != self.home {
            return self
                .batches
                .next_unattached()
                .map(|item| item.map_err(external));
        }
        // After Ctrl-C the consumer raises an error of its own, which names the KeyboardInterrupt. (Signalling it again
        // would hit the consumer in the middle of making that error.)
        Python::attach(|py| self.batches.next(py))
            .map_err(external)
            .transpose()
    }
}

impl RecordBatchReader for Reader {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.batches.schema)
    }
}

fn external(error: impl std::error::Error + Send + Sync + 'static) -> ArrowError {
    ArrowError::ExternalError(Box::new(error))
}
