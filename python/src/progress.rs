//! Progress bars: when one is due, and what it is told. How it looks is Python's (`spanql/_progress.py`).

use std::time::{Duration, Instant};

use pyo3::prelude::*;

/// Work that ends sooner shows no bar.
const PATIENCE: Duration = Duration::from_secs(1);

/// How often a bar changes.
const TICK: Duration = Duration::from_millis(100);

/// A bar that appears if the work takes long.
pub struct Bar {
    title: &'static str,
    unit: &'static str,
    /// None where nobody said: then it is shown to whoever is looking.
    wanted: Option<bool>,
    begun: Instant,
    last: Instant,
    bar: Option<Py<PyAny>>,
}

impl Bar {
    /// For work that begins now. `unit` is what is counted.
    pub fn new(title: &'static str, unit: &'static str, wanted: Option<bool>) -> Self {
        let now = Instant::now();
        Self {
            title,
            unit,
            wanted,
            begun: now,
            last: now,
            bar: None,
        }
    }

    /// Shows what is done, of how much.
    pub fn show(
        &mut self,
        py: Python<'_>,
        done: impl FnOnce() -> Option<(u64, Option<u64>)>,
    ) -> PyResult<()> {
        if self.wanted == Some(false)
            || self.begun.elapsed() < PATIENCE
            || self.last.elapsed() < TICK
        {
            return Ok(());
        }
        self.last = Instant::now();
        if self.bar.is_none() {
            let arguments = (self.title, self.unit, self.wanted == Some(true));
            let bar = py
                .import("spanql._progress")?
                .call_method1("bar", arguments)?;
            if bar.is_none() {
                self.wanted = Some(false);
                return Ok(());
            }
            self.bar = Some(bar.unbind());
        }
        if let (Some(bar), Some((done, all))) = (&self.bar, done()) {
            let seconds = self.begun.elapsed().as_secs_f64();
            bar.call_method1(py, "update", (done, all, seconds))?;
        }
        Ok(())
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Some(bar) = self.bar.take() {
            // Where Python is shutting down there is nothing to be tidied.
            let _ = Python::try_attach(|py| bar.call_method0(py, "close").map(drop));
        }
    }
}
