//! Where the messages of an mbox end: before a line that begins with `From `, follows a blank one, and ends in a time, as in
//! `From ann@example.com Sat Nov 28 10:00:00 2026`.
//!
//! Not all programs quote the lines of letters that begin with `From `; hardly any of these has a time of day and a year.
//! What a message means is `mail.rs`.

use memchr::memchr;

use super::split::Scan;

const ENVELOPE: &[u8] = b"From ";
/// No envelope is longer.
const LONGEST: usize = 1 << 10;

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
                None if self.begun && self.after_blank && may_be_envelope(rest) => {
                    match memchr(b'\n', &rest[..rest.len().min(LONGEST)]) {
                        Some(end) if is_envelope(&rest[..end]) => return Scan::End(at),
                        None if rest.len() < LONGEST => return Scan::Again(at),
                        _ => self.line = Some(false),
                    }
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

fn may_be_envelope(line: &[u8]) -> bool {
    line.starts_with(ENVELOPE) || ENVELOPE.starts_with(line)
}

/// Whether it has a time of day, a year, and one of year and zone at its end. The name of a host may follow them, as it does
/// where letters came by UUCP.
fn is_envelope(line: &[u8]) -> bool {
    let line = match memchr::memmem::find(line, b" remote from ") {
        Some(end) => &line[..end],
        None => line,
    };
    let is_time = |word: &[u8]| {
        let word: Vec<bool> = word.iter().map(u8::is_ascii_digit).collect();
        matches!(
            word[..],
            [true, true, false, true, true, ..] | [true, false, true, true, ..]
        )
    };
    let digits = |word: &[u8]| word.len() == 4 && word.iter().all(u8::is_ascii_digit);
    let is_year = |word: &[u8]| digits(word) && matches!(&word[..2], b"19" | b"20");
    let is_zone = |word: &[u8]| match word {
        [b'+' | b'-', offset @ ..] => digits(offset),
        _ => word.len() < 6 && word.iter().all(u8::is_ascii_uppercase),
    };
    let words = || {
        line.split(u8::is_ascii_whitespace)
            .filter(|word| !word.is_empty())
    };
    let has_time = words().any(|word| word.contains(&b':') && is_time(word));
    let last = words().next_back().unwrap_or_default();
    has_time && words().any(is_year) && (is_year(last) || is_zone(last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn envelopes_have_a_time() {
        for line in [
            "From ann@example.com Sat Nov 28 10:00:00 2026",
            "From ann at example.com  Sat Nov 28 10:00:00 2026\r",
            "From - Sat Nov  8 10:00 2026",
            "From 1234@xxx Sat Nov 28 10:00:00 +0000 2026",
            "From MAILER-DAEMON Sat Nov 28 10:00:00 2026 +0800",
            "From ann Sat, 28 Nov 2026 9:00:00 GMT",
            "From host!ann Sat Nov 28 10:00:00 GMT 1987 remote from host",
        ] {
            assert!(is_envelope(line.as_bytes()), "{line}");
        }
        for line in [
            "From the bottom of my heart",
            "From ",
            "From 10:30 to 12:00 we are away",
            "From 10:30 to 12:00 EST",
            "From 1999 to 2026",
            "From 2026 on, at 10:00",
            "From Saturday, 28 Nov 2026 at 10:00 on, all is well",
        ] {
            assert!(!is_envelope(line.as_bytes()), "{line}");
        }
    }

    #[test]
    fn a_line_is_body_or_envelope_however_it_comes() {
        let long = format!("From {}", "x".repeat(2 * LONGEST));
        let envelope = "From a Sat Nov 28 10:00:00 2026\n";
        let mail = format!("{envelope}S: s\n\nFrom me\n\n{long}\n\n{envelope}S: t\n\n");
        let expected = mail.len() - envelope.len() - "S: t\n\n".len();
        for step in [1, 7, 100, mail.len()] {
            let (mut scan, mut seen, mut end) = (MboxScan::default(), 0, step.min(mail.len()));
            loop {
                match scan.scan(&mail.as_bytes()[seen..end]) {
                    Scan::End(at) => break assert_eq!(seen + at, expected, "{step}"),
                    Scan::Again(at) => seen += at,
                    _ => seen = end,
                }
                assert!(end < mail.len(), "{step}");
                end = (end + step).min(mail.len());
            }
        }
    }
}
