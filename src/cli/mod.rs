//! cli

pub mod ingest;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// All done.
    Done,
    /// Done, but some records are in quarantine.
    Quarantined,
}
