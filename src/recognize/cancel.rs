//! [`Cancel`]: how a query that nobody waits for any more, or whose time is up, reaches those who work for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// Says whether work is still wanted. Clones are one and the same; models are asked for nothing more once it is
/// cancelled, and a scan ends in the midst of a text.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    cancelled: AtomicBool,
    deadline: Option<Instant>,
}

impl Cancel {
    /// Cancelled by itself at an instant.
    #[must_use]
    pub fn at(deadline: Instant) -> Self {
        Self(Arc::new(Inner {
            cancelled: AtomicBool::new(false),
            deadline: Some(deadline),
        }))
    }

    /// The work is no longer wanted.
    pub fn cancel(&self) {
        self.0.cancelled.store(true, Ordering::Relaxed);
    }

    /// Whether it was cancelled, or its time is up.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.cancelled.load(Ordering::Relaxed) || self.is_late()
    }

    /// Whether its time is up.
    #[must_use]
    pub fn is_late(&self) -> bool {
        let deadline = self.0.deadline;
        deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }
}
