//! A stream whose next bytes can be looked at before they are read.
//!
//! What is looked at is kept until it is read, so whoever looks says how far. A failure met while looking is told to
//! whoever reads up to it, as if nobody had looked. What the bytes mean is not decided here.

use std::io::{self, ErrorKind, Read};

/// So much is read at least where anything is: of a small file all of it, at once.
const BLOCK: usize = 8 << 10;

/// A stream and those of its bytes that were looked at.
#[derive(Debug)]
pub(crate) struct Ahead<R> {
    stream: R,
    seen: Vec<u8>,
    /// So many of these were read.
    at: usize,
    ended: bool,
    failure: Option<io::Error>,
}

impl<R: Read> Ahead<R> {
    pub(crate) fn new(stream: R) -> Self {
        Self {
            stream,
            seen: Vec::new(),
            at: 0,
            ended: false,
            failure: None,
        }
    }

    /// The next bytes: `count` of them, or fewer where the stream ends or fails before.
    pub(crate) fn look(&mut self, count: usize) -> &[u8] {
        self.seen.drain(..self.at);
        self.at = 0;
        let mut there = self.seen.len();
        while there < count && !self.ended && self.failure.is_none() {
            self.seen.resize(count.max(there + BLOCK), 0);
            match self.stream.read(&mut self.seen[there..]) {
                Ok(0) => self.ended = true,
                Ok(read) => there += read,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => self.failure = Some(error),
            }
        }
        self.seen.truncate(there);
        &self.seen[..there.min(count)]
    }

    /// Takes back what was just read.
    pub(crate) fn unread(&mut self, bytes: &[u8]) {
        self.seen = [bytes, &self.seen[self.at..]].concat();
        self.at = 0;
    }
}

impl<R: Read> Read for Ahead<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let there = &self.seen[self.at..];
        if there.is_empty() {
            self.seen = Vec::new();
            self.at = 0;
            return match self.failure.take() {
                Some(error) => Err(error),
                None if self.ended => Ok(0),
                None => self.stream.read(buffer),
            };
        }
        let count = there.len().min(buffer.len());
        buffer[..count].copy_from_slice(&there[..count]);
        self.at += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Broken;

    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("corrupt"))
        }
    }

    #[test]
    fn looking_changes_nothing() {
        let mut ahead = Ahead::new(&b"one two"[..]);
        assert_eq!(ahead.look(3), b"one");
        assert_eq!(ahead.look(2), b"on");
        let mut four = [0; 4];
        ahead.read_exact(&mut four).unwrap();
        assert_eq!(&four, b"one ");
        assert_eq!(ahead.look(99), b"two");
        ahead.unread(b"e ");
        let mut rest = String::new();
        ahead.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "e two");
        assert_eq!(ahead.look(1), b"");
    }

    #[test]
    fn a_failure_is_told_where_it_stands() {
        let mut ahead = Ahead::new((&b"one"[..]).chain(Broken));
        assert_eq!(ahead.look(9), b"one");
        assert_eq!(ahead.look(9), b"one");
        let mut read = Vec::new();
        let error = ahead.read_to_end(&mut read).unwrap_err();
        assert_eq!(
            (read, error.to_string()),
            (b"one".to_vec(), "corrupt".into())
        );
    }
}
