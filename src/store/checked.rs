//! Bytes on their way into or out of a file, and their checksum.
//!
//! xxHash64: it tells files apart that chance or a failing disk made differ, at a tenth of the cost of reading them; it does
//! not resist forgery, which who can write into a store needs not.

use std::fs::File;
use std::hash::Hasher;
use std::io::{self, Read, Write};
use std::path::Path;

use twox_hash::XxHash64;

/// Passes bytes on and counts and hashes them.
pub(crate) struct Checked<T> {
    inner: T,
    hasher: XxHash64,
    bytes: u64,
}

impl<T> std::fmt::Debug for Checked<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Checked")
            .field("bytes", &self.bytes)
            .finish_non_exhaustive()
    }
}

impl<T> Checked<T> {
    pub(crate) fn new(inner: T) -> Self {
        Self {
            inner,
            hasher: XxHash64::with_seed(0),
            bytes: 0,
        }
    }

    /// How many bytes passed.
    pub(crate) fn count(&self) -> u64 {
        self.bytes
    }

    /// 16 hexadecimal digits.
    pub(crate) fn checksum(&self) -> String {
        format!("{:016x}", self.hasher.finish())
    }

    pub(crate) fn into_inner(self) -> T {
        self.inner
    }

    /// Counts and hashes bytes that went another way.
    pub(crate) fn pass(&mut self, bytes: &[u8]) {
        self.hasher.write(bytes);
        self.bytes += bytes.len() as u64;
    }
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.pass(&buffer[..read]);
        Ok(read)
    }
}

impl<W: Write> Write for Checked<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.pass(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// The size and the checksum of a whole file.
pub(crate) fn checksum_of(path: &Path) -> io::Result<(u64, String)> {
    let mut file = Checked::new(File::open(path)?);
    let mut block = vec![0; 256 << 10];
    loop {
        match file.read(&mut block) {
            Ok(0) => return Ok((file.count(), file.checksum())),
            Ok(_) => {}
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
}

/// Whether a file is still what it was when it had this checksum, and so many bytes where that is known.
///
/// # Errors
/// What is wrong with it, in words.
pub(crate) fn check(path: &Path, bytes: Option<u64>, checksum: &str) -> Result<(), String> {
    match (checksum_of(path), bytes) {
        (Err(error), _) => Err(error.to_string()),
        (Ok((now, _)), Some(bytes)) if bytes != now => Err(format!(
            "it has {now} bytes and had {bytes} when it was written"
        )),
        (Ok((_, now)), _) if now != checksum => Err(format!(
            "its checksum is {now} and was {checksum} when it was written"
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_what_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        let mut written = Checked::new(File::create(&path).unwrap());
        written.write_all(b"some ").unwrap();
        written.write_all(&[7; 600_000]).unwrap();
        let (bytes, checksum) = checksum_of(&path).unwrap();
        assert_eq!((bytes, checksum), (written.count(), written.checksum()));
        assert_eq!(bytes, 600_005);
        std::fs::write(&path, b"else").unwrap();
        assert_ne!(checksum_of(&path).unwrap().1, written.checksum());
    }
}
