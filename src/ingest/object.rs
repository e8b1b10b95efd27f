//! Inputs in object stores and on web servers: `s3://`, `gs://`, `az://` and `abfs://`, `http://` and `https://`.
//!
//! A URL is understood (`address.rs`), its store is connected to with what the environment says (`connect.rs`), its objects
//! are found (`find.rs`), fetched (`fetch.rs`) and read, ahead of whoever reads (`read.rs`); what goes wrong is said in words that name
//! variables and no secrets (`words.rs`). What formats the objects are in, and which were ingested before, is not decided here.
//!
//! All of it runs on a small runtime of its own, and whoever waits for it asks whether the ingest is still wanted.

mod address;
mod connect;
mod fetch;
mod find;
mod read;
mod words;

use std::collections::HashMap;
use std::io;
use std::sync::atomic::AtomicUsize;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore};
use tokio::runtime::{Builder, Runtime};
use tokio::task::AbortHandle;

use super::Progress;
use crate::store::{ObjectVersion, Stamp};
use address::Service;
pub(super) use address::is_url;
use read::Asked;
pub(super) use read::NEXT;

/// How often whoever waits asks whether the ingest is still wanted.
const TICK: Duration = Duration::from_millis(100);

/// One object, as it was when it was found.
#[derive(Debug)]
pub(super) struct Object {
    bucket: Arc<Bucket>,
    location: Path,
    pub(super) size: u64,
    version: ObjectVersion,
    /// Whether parts of it can be asked for.
    parts: bool,
    /// All of it, asked for before its turn.
    begun: Mutex<Option<Asked>>,
}

/// A store, and what was learned of it.
#[derive(Debug)]
struct Bucket {
    engine: Arc<Engine>,
    client: Arc<Client>,
    /// As in URLs: `s3://bucket`.
    root: String,
    /// Why it cannot be reached any more: its other objects are not tried then, for each try takes its time.
    unreachable: OnceLock<String>,
    /// How many objects in a row took too long.
    slow: AtomicUsize,
}

/// What requests need.
#[derive(Debug)]
struct Client {
    service: Service,
    store: Arc<dyn ObjectStore>,
    /// The same without a limit on the time that a request takes, for what can only be read in one go.
    patient: Option<Arc<dyn ObjectStore>>,
}

/// The stores of an ingest: connected to once each.
#[derive(Debug, Default)]
pub(super) struct Objects {
    engine: Option<Arc<Engine>>,
    buckets: HashMap<String, Arc<Bucket>>,
}

impl Object {
    fn new(bucket: Arc<Bucket>, meta: &ObjectMeta, location: Path, parts: bool) -> Self {
        Self {
            bucket,
            location,
            size: meta.size,
            version: version_of(meta),
            parts,
            begun: Mutex::default(),
        }
    }

    /// Whether it is what it was when it was stamped. Where the store says nothing that tells, its bytes do.
    pub(super) fn is_same(&self, stamp: &Stamp, progress: &dyn Progress) -> io::Result<bool> {
        if self.size != stamp.size {
            return Ok(false);
        }
        let before = stamp.version.as_ref();
        if let Some(same) = before.and_then(|before| self.version.same(before)) {
            return Ok(same);
        }
        let mut reader = self.open(progress);
        io::copy(&mut reader, &mut io::sink())?;
        Ok(reader.stamp().hash == stamp.hash)
    }
}

/// What the store says of an object's content.
fn version_of(meta: &ObjectMeta) -> ObjectVersion {
    // Azure has quotes around it in answers but none in listings.
    let quoted = |tag: &str| match tag.ends_with('"') {
        true => tag.to_string(),
        false => format!("\"{tag}\""),
    };
    // Listings tell fractions of seconds, answers do not; 1970 stands for a server that tells no time.
    let modified = meta.last_modified.timestamp();
    ObjectVersion {
        etag: meta.e_tag.as_deref().map(quoted),
        modified: (modified > 0).then_some(modified),
    }
}

/// Threads that wait for the network.
#[derive(Debug)]
struct Engine(Option<Runtime>);

impl Engine {
    fn start() -> io::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("spanql-objects")
            .enable_all()
            .build()?;
        Ok(Self(Some(runtime)))
    }

    fn spawn<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Pending<T> {
        let (answer, answers) = sync_channel(1);
        let task = self.0.as_ref().map(|runtime| {
            let task = runtime.spawn(async move {
                // Nobody listens any more where it was given up.
                let _ = answer.send(work.await);
            });
            task.abort_handle()
        });
        Pending { answers, task }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // Whoever resolves a name cannot be stopped, and need not be waited for.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// Work under way, given up when dropped.
#[derive(Debug)]
struct Pending<T> {
    answers: Receiver<T>,
    task: Option<AbortHandle>,
}

impl<T> Pending<T> {
    /// Its result; an error where the ingest is not wanted any more.
    fn wait(self, progress: &dyn Progress) -> io::Result<T> {
        loop {
            match self.answers.recv_timeout(TICK) {
                Ok(answer) => return Ok(answer),
                Err(RecvTimeoutError::Timeout) if progress.cancelled() => {
                    return Err(io::Error::other("interrupted"));
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(io::Error::other("reading stopped without an answer"));
                }
            }
        }
    }
}

impl<T> Drop for Pending<T> {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}
