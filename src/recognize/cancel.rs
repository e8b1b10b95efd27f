//! [`Cancel`]: how a query that nobody waits for any more reaches the models that work for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Says whether work is still wanted. Clones are one and the same; models are asked for nothing more once it is
/// cancelled.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// The work is no longer wanted.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it was cancelled.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
