//! [`Run`]: what one run of a query shares with the functions and nodes in it: whether it is still wanted, what its
//! functions scanned and found, and what its models took.
//!
//! It travels in DataFusion's options, which both are given.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use datafusion::common::config::{ConfigEntry, ConfigExtension, ConfigOptions, ExtensionOptions};
use datafusion::common::{Result, config_err};

use crate::error::Error;
use crate::ner::{Cancel, Usage};
use crate::recognize::Tally;

/// See the module. Clones are one and the same.
#[derive(Debug, Clone, Default)]
pub struct Run {
    cancel: Cancel,
    used: Arc<Mutex<BTreeMap<String, Usage>>>,
    scanned: Arc<Mutex<Scanned>>,
}

/// What functions scanned, and found.
#[derive(Debug, Clone, Default)]
pub struct Scanned {
    /// Texts, NULLs among them.
    pub texts: usize,
    /// Bytes of them.
    pub bytes: usize,
    /// What it took, all threads together, with what is made of what was found.
    pub time: Duration,
    /// By recognizer.
    pub found: BTreeMap<String, Tally>,
}

impl Run {
    /// A run that is wanted until `cancel` says otherwise.
    #[must_use]
    pub fn until(cancel: Cancel) -> Self {
        Self {
            cancel,
            ..Self::default()
        }
    }

    /// The run that these options belong to; one of its own where they belong to none.
    #[must_use]
    pub fn of(options: &ConfigOptions) -> Self {
        options
            .extensions
            .get::<Self>()
            .cloned()
            .unwrap_or_default()
    }

    /// Whether it is still wanted.
    #[must_use]
    pub fn cancel(&self) -> &Cancel {
        &self.cancel
    }

    /// An error where it is no longer wanted.
    ///
    /// # Errors
    /// [`Error::Interrupted`].
    pub fn check(&self) -> Result<()> {
        match self.cancel.is_cancelled() {
            true => Err(Error::Interrupted.into()),
            false => Ok(()),
        }
    }

    /// Adds what a model took inside a function, whose metrics nobody else keeps.
    pub(super) fn add(&self, model: &str, usage: Usage) {
        let mut used = lock(&self.used);
        *used.entry(model.to_string()).or_default() += usage;
    }

    /// Adds texts that a function scanned since `begun`, and their bytes.
    pub(super) fn add_scanned(&self, texts: usize, bytes: usize, begun: Instant) {
        let mut scanned = lock(&self.scanned);
        scanned.texts += texts;
        scanned.bytes += bytes;
        scanned.time += begun.elapsed();
    }

    /// Adds what a recognizer had to do inside a function.
    pub(super) fn add_found(&self, recognizer: &str, tally: Tally) {
        let found = &mut lock(&self.scanned).found;
        match found.get_mut(recognizer) {
            Some(known) => *known += tally,
            None => {
                found.insert(recognizer.to_string(), tally);
            }
        }
    }

    /// What functions scanned so far.
    #[must_use]
    pub fn scanned(&self) -> Scanned {
        lock(&self.scanned).clone()
    }

    /// What the models inside functions took so far, by name.
    #[must_use]
    pub fn used(&self) -> BTreeMap<String, Usage> {
        lock(&self.used).clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl ConfigExtension for Run {
    const PREFIX: &'static str = "spanql_run";
}

impl ExtensionOptions for Run {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }

    fn cloned(&self) -> Box<dyn ExtensionOptions> {
        Box::new(self.clone())
    }

    fn set(&mut self, key: &str, _: &str) -> Result<()> {
        config_err!("{}.{key} cannot be set", Self::PREFIX)
    }

    fn entries(&self) -> Vec<ConfigEntry> {
        Vec::new()
    }
}
