//! The embedded engine: the only place that builds a `SessionContext`.
