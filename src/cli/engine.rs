//! What commands that run queries share: the options of the session, and running until done or told to stop.

use std::future::Future;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

use super::Outcome;
use crate::config::parse_size;
use crate::error::{Error, Result};
use crate::session::SessionOptions;

/// Deeply nested SQL recurses in the planner, where a worker's usual 2 MiB end in a crash; unused stack costs nothing.
const STACK_BYTES: usize = 16 << 20;

/// How long a signal to stop waits for the query to drop its temporary files. A write that hangs must not hold the user.
pub(super) const GRACE: Duration = Duration::from_secs(1);

#[derive(clap::Args, Clone)]
pub(super) struct Engine {
    /// Folder made by `spanql ingest` [default: `store` of the configuration]
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,
    /// Recognizers and defaults [default: spanql.toml in the working directory, if there]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Memory for queries, such as 512MB or 2GiB; what exceeds it is spilled to disk
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    memory_limit: Option<usize>,
    /// Threads [default: one a core]
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
    /// How long a query may run, such as 500ms, 30s, 5m or 1h; then it fails [default: as long as it takes]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    timeout: Option<Duration>,
}

/// A number with a unit; of seconds without one.
fn parse_time(time: &str) -> Result<Duration, String> {
    let time = time.trim();
    let unit = time
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(time.len());
    let milliseconds: u64 = match time[unit..].trim() {
        "ms" => 1,
        "" | "s" => 1_000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        _ => 0,
    };
    let number = time[..unit].parse::<u64>().ok();
    let all = number.and_then(|number| number.checked_mul(milliseconds));
    let all = all.filter(|&all| all > 0).map(Duration::from_millis);
    all.ok_or_else(|| {
        format!("{time:?} is no time: write 500ms, 30s, 5m, 1h or a number of seconds")
    })
}

impl Engine {
    pub(super) fn options(&self) -> SessionOptions {
        SessionOptions {
            store: self.store.clone(),
            config: self.config.clone(),
            memory: self.memory_limit,
            threads: self.threads.map(NonZeroUsize::get),
            timeout: self.timeout,
            ..SessionOptions::default()
        }
    }

    /// The threads that queries run on.
    pub(super) fn workers(&self) -> Result<Runtime> {
        let mut builder = Builder::new_multi_thread();
        builder.enable_all().thread_stack_size(STACK_BYTES);
        if let Some(threads) = self.threads {
            builder.worker_threads(threads.get());
        }
        builder.build().map_err(no_threads)
    }

    /// Runs the work on threads of its own. Ctrl-C and SIGTERM end it at once: the work is dropped at its next batch, and
    /// with it its temporary files.
    pub(super) fn block_on(
        &self,
        work: impl Future<Output = Result<Outcome>> + Send + 'static,
    ) -> Result<Outcome> {
        let workers = self.workers()?;
        let mut task = workers.spawn(work);
        let outcome = watch()?.block_on(async {
            tokio::select! {
                outcome = &mut task => outcome.unwrap_or_else(|e| std::panic::resume_unwind(e.into_panic())),
                stopped = stopped() => {
                    task.abort();
                    let _ = tokio::time::timeout(GRACE, task).await;
                    Ok(stopped)
                }
            }
        });
        workers.shutdown_background();
        outcome
    }
}

/// Waits for the signal to stop. As process 1 of a container, one that does not ask for SIGTERM never gets it.
async fn stopped() -> Outcome {
    #[cfg(unix)]
    let terminated = async {
        use tokio::signal::unix::{SignalKind, signal};
        match signal(SignalKind::terminate()) {
            Ok(mut signal) => signal.recv().await,
            Err(_) => std::future::pending().await,
        }
    };
    #[cfg(not(unix))]
    let terminated = std::future::pending::<Option<()>>();
    tokio::select! {
        Ok(()) = tokio::signal::ctrl_c() => Outcome::Interrupted,
        _ = terminated => Outcome::Terminated,
    }
}

/// A runtime for waiting, on the calling thread. Signals and timeouts come through it even while every worker is in the
/// midst of a long batch, or of a write that blocks.
pub(super) fn watch() -> Result<Runtime> {
    let mut builder = Builder::new_current_thread();
    builder.enable_all().build().map_err(no_threads)
}

#[cfg(unix)]
pub(super) type Interrupts = tokio::signal::unix::Signal;
#[cfg(windows)]
pub(super) type Interrupts = tokio::signal::windows::CtrlC;

/// Each Ctrl-C from now on, also one that comes while nobody waits for it. To be made and used on a runtime that has
/// the time, such as [`watch`].
pub(super) fn interrupts() -> Result<Interrupts> {
    #[cfg(unix)]
    let interrupts = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt());
    #[cfg(windows)]
    let interrupts = tokio::signal::windows::ctrl_c();
    interrupts.map_err(Error::io(Path::new("signals")))
}

fn no_threads(error: std::io::Error) -> Error {
    Error::io(Path::new("threads"))(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        for (time, milliseconds) in [
            ("500ms", 500),
            ("2", 2_000),
            (" 3 s", 3_000),
            ("5m", 300_000),
            ("1h", 3_600_000),
        ] {
            assert_eq!(
                parse_time(time),
                Ok(Duration::from_millis(milliseconds)),
                "{time}"
            );
        }
        for bad in ["", "0", "s", "-1s", "1.5s", "1d", "99999999999999999999h"] {
            assert!(parse_time(bad).is_err(), "{bad}");
        }
    }
}
