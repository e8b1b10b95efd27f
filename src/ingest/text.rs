//! A text on its way from a stream, or whole in memory, with what is learned of it. How it is cut is `split.rs`'s business.

use std::cell::Cell;
use std::io::Read;

use super::ahead::Ahead;
use super::csv_dialect::{Dialect, sniff};
use super::encoding::Encoding;

/// So much of a CSV file tells its dialect.
const LOOK: usize = 64 << 10;

/// Text, in a stream or in memory.
pub(super) enum Body<'a> {
    Stream(Box<dyn Read + 'a>),
    Whole(Vec<u8>),
}

/// A text, and its encoding as soon as that is known.
pub(super) struct Text<'a> {
    pub(super) stream: Body<'a>,
    pub(super) found: &'a Cell<Option<Encoding>>,
}

impl<'a> Text<'a> {
    /// So long as nothing else is found it is ASCII, which is UTF-8.
    pub(super) fn encoding(&self) -> Encoding {
        self.found.get().unwrap_or(Encoding::UTF_8)
    }

    /// The text, whose encoding is known from here on, and its dialect as CSV.
    pub(super) fn dialect(self, delimiter: Option<u8>, quote: Option<u8>) -> (Self, Dialect) {
        let (stream, head) = match self.stream {
            Body::Stream(stream) => {
                let mut stream = Ahead::new(stream);
                let head = stream.look(LOOK).to_vec();
                (Body::Stream(Box::new(stream)), head)
            }
            Body::Whole(text) => {
                let head = text[..text.len().min(LOOK)].to_vec();
                (Body::Whole(text), head)
            }
        };
        let text = Self {
            stream,
            found: self.found,
        };
        let dialect = sniff(&text.encoding().glimpse(&head), delimiter, quote);
        (text, dialect)
    }
}
