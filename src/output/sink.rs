//! A writer that keeps what the operating system said.
//!
//! The encoders of arrow and parquet turn I/O errors into their own, some into text; a broken pipe must stay
//! recognisable, and a full disk must be reported with its file.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

/// Where the first I/O error is kept.
#[derive(Clone, Default)]
pub(super) struct Failure(Arc<Mutex<Option<io::Error>>>);

impl Failure {
    /// The error, if there was one.
    pub(super) fn take(&self) -> Option<io::Error> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn keep(&self, error: io::Error) -> io::Error {
        let kind = error.kind();
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get_or_insert(error);
        kind.into()
    }
}

pub(super) struct Sink<W> {
    inner: W,
    failure: Failure,
}

impl<W: Write> Sink<W> {
    pub(super) fn new(inner: W, failure: Failure) -> Self {
        Self { inner, failure }
    }

    /// An interrupted call is repeated by `write_all`, so it is no failure to keep.
    fn check<T>(&self, result: io::Result<T>) -> io::Result<T> {
        result.map_err(|error| match error.kind() {
            io::ErrorKind::Interrupted => error,
            _ => self.failure.keep(error),
        })
    }
}

impl<W: Write> Write for Sink<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let result = self.inner.write(bytes);
        self.check(result)
    }

    fn flush(&mut self) -> io::Result<()> {
        let result = self.inner.flush();
        self.check(result)
    }
}
