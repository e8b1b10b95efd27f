//! What a function makes of its constant arguments (a scanner, a pattern), kept so that no batch makes it again; and the
//! scratch that goes from batch to batch.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use datafusion::common::Result;

use crate::recognize::Scratch;

/// By arguments as written, what was made of them.
#[derive(Debug)]
pub(super) struct Compiled<K, V>(Mutex<HashMap<K, Arc<V>>>);

impl<K, V> Default for Compiled<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash, V> Compiled<K, V> {
    /// What was made of `arguments`, made now if need be.
    pub(super) fn get(&self, arguments: K, make: impl FnOnce(&K) -> Result<V>) -> Result<Arc<V>> {
        let mut made = lock(&self.0);
        if let Some(known) = made.get(&arguments) {
            return Ok(Arc::clone(known));
        }
        let new = Arc::new(make(&arguments)?);
        made.insert(arguments, Arc::clone(&new));
        Ok(new)
    }
}

/// Scratch that is not in use: what a scan has warmed up (a pattern's automaton) serves the next batch.
#[derive(Debug, Default)]
pub(super) struct Idle(Mutex<Vec<Scratch>>);

impl Idle {
    pub(super) fn take(&self) -> Scratch {
        lock(&self.0).pop().unwrap_or_default()
    }

    pub(super) fn give(&self, scratch: Scratch) {
        lock(&self.0).push(scratch);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
