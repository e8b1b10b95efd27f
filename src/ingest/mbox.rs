//! Where the messages of an mbox end: before a line that begins with `From ` and follows a blank one.
//!
//! What a message means is `mail.rs`.

use memchr::memchr;

use super::split::Scan;

const ENVELOPE: &[u8] = b"From ";

/// Finds the end of a message.
#[derive(Debug, Clone, Default)]
pub(crate) struct MboxScan {
    /// Some of the message was seen.
    begun: bool,
    /// Some of the line was seen, and whether all of that is white space.
    line: Option<bool>,
    /// The line before is blank.
    after_blank: bool,
}

impl MboxScan {
    pub(crate) fn reset(&mut self) {
        *self = Self::default();
    }

    pub(crate) fn scan(&mut self, bytes: &[u8]) -> Scan {
        let blank = |bytes: &[u8]| bytes.iter().all(u8::is_ascii_whitespace);
        let mut at = 0;
        while at < bytes.len() {
            let rest = &bytes[at..];
            match self.line {
                None if self.begun && self.after_blank && rest.starts_with(ENVELOPE) => {
                    return Scan::End(at);
                }
                None if self.begun && self.after_blank && ENVELOPE.starts_with(rest) => {
                    return Scan::Again(at);
                }
                None => {
                    self.begun = true;
                    self.line = Some(true);
                }
                Some(so_far) => match memchr(b'\n', rest) {
                    None => {
                        self.line = Some(so_far && blank(rest));
                        return Scan::More;
                    }
                    Some(end) => {
                        self.after_blank = so_far && blank(&rest[..end]);
                        self.line = None;
                        at += end + 1;
                    }
                },
            }
        }
        Scan::More
    }
}
