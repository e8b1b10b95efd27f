//! [`Run`]: what one run of a query shares with the functions and nodes in it: whether it is still wanted, what its
//! functions scanned, and what its models took.
//!
//! It travels in DataFusion's options, which both are given.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::common::config::{ConfigEntry, ConfigExtension, ConfigOptions, ExtensionOptions};
use datafusion::common::{Result, config_err};

use crate::error::Error;
use crate::ner::{Cancel, Usage};

/// See the module. Clones are one and the same.
#[derive(Debug, Clone, Default)]
pub struct Run {
    cancel: Cancel,
    used: Arc<Mutex<BTreeMap<String, Usage>>>,
    scanned: Arc<Scanned>,
}

/// Texts and bytes of them.
#[derive(Debug, Default)]
struct Scanned {
    texts: AtomicUsize,
    bytes: AtomicUsize,
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
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        *used.entry(model.to_string()).or_default() += usage;
    }

    /// Adds texts, NULLs among them, that a function scanned, and their bytes.
    pub(super) fn add_scanned(&self, texts: usize, bytes: usize) {
        self.scanned.texts.fetch_add(texts, Ordering::Relaxed);
        self.scanned.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// The texts that functions scanned so far, and their bytes.
    #[must_use]
    pub fn scanned(&self) -> (usize, usize) {
        let Scanned { texts, bytes } = &*self.scanned;
        (texts.load(Ordering::Relaxed), bytes.load(Ordering::Relaxed))
    }

    /// What the models inside functions took so far, by name.
    #[must_use]
    pub fn used(&self) -> BTreeMap<String, Usage> {
        let used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.clone()
    }
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
