//! JSON values that follow one another, in an array or not: where each ends, found as bytes arrive.
//!
//! Only strings and brackets are looked at; whether what lies between is JSON is found out when it is parsed. A string
//! may hold no line feed, so a missing quote is noticed at the end of its line. After something that can never be whole
//! the next value is looked for where a line begins with `{`: values that lie inside of others are indented, and must not
//! be taken for records.

use memchr::memchr3;

use super::encoding::Leads;
use super::split::Scan;

const UNCLOSED: &str = "a value is not closed";
const CLOSES_NOTHING: &str = "a bracket closes nothing";
const LINE_FEED: &str = "a string is not closed";
/// Why the end of an input is not its end.
pub(crate) const OPEN_ARRAY: &str = "the array is not closed: the input may be cut off";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before a value.
    Between,
    /// Inside of brackets.
    Nested,
    String,
    /// After a backslash in a string.
    Escape,
    /// A number or a word.
    Literal,
    /// What was seen can never be whole.
    Resume,
}

/// Finds the end of a value.
#[derive(Debug, Clone)]
pub(crate) struct JsonScan {
    state: State,
    depth: u64,
    /// Whether an array holds the values.
    in_array: bool,
    /// What was found last are commas, brackets and spaces.
    blank: bool,
    /// A value may not hold a line feed.
    one_line: bool,
    leads: Option<Leads>,
    /// The last byte was the first of two.
    after_lead: bool,
    /// The last byte was a line feed.
    after_line: bool,
}

impl JsonScan {
    pub(crate) fn new() -> Self {
        Self {
            state: State::Between,
            depth: 0,
            in_array: false,
            blank: false,
            one_line: false,
            leads: None,
            after_lead: false,
            after_line: false,
        }
    }

    /// Which bytes begin a character of two.
    pub(crate) fn know(&mut self, leads: Option<Leads>) {
        self.leads = leads;
    }

    pub(crate) fn reset(&mut self, one_line: bool) {
        self.state = State::Between;
        self.depth = 0;
        self.one_line = one_line;
        self.after_lead = false;
    }

    /// The record can never be whole: from here on, `after_line` if a line begins here, only the beginning of the next is
    /// looked for.
    pub(crate) fn give_up(&mut self, after_line: bool) {
        self.state = State::Resume;
        self.after_line = after_line;
    }

    pub(crate) fn unfinished(&self) -> Option<&'static str> {
        matches!(self.state, State::Nested | State::String | State::Escape).then_some(UNCLOSED)
    }

    pub(crate) fn is_blank(&self) -> bool {
        self.blank
    }

    pub(crate) fn is_array_open(&self) -> bool {
        self.in_array
    }

    pub(crate) fn scan(&mut self, bytes: &[u8]) -> Scan {
        self.blank = false;
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            match self.state {
                State::Between => {
                    let blanks = self.blanks(bytes);
                    if blanks > 0 {
                        self.blank = true;
                        return Scan::End(blanks);
                    }
                    self.state = match byte {
                        b'{' | b'[' => State::Nested,
                        b'"' => State::String,
                        b'}' | b']' => return Scan::Broken(CLOSES_NOTHING),
                        _ => State::Literal,
                    };
                    self.depth = u64::from(self.state == State::Nested);
                    at += 1;
                }
                State::Nested => {
                    at += 1;
                    match byte {
                        b'"' => self.state = State::String,
                        b'{' | b'[' => self.depth += 1,
                        b'}' | b']' => {
                            self.depth -= 1;
                            if self.depth == 0 {
                                return Scan::End(at);
                            }
                        }
                        b'\n' if self.one_line => return Scan::Broken(UNCLOSED),
                        _ => {}
                    }
                }
                State::String => {
                    let Some(found) = self.in_string(&bytes[at..]) else {
                        return Scan::More;
                    };
                    at += found + 1;
                    match bytes[at - 1] {
                        b'\\' => self.state = State::Escape,
                        b'\n' => return Scan::Broken(LINE_FEED),
                        _ if self.depth == 0 => return Scan::End(at),
                        _ => self.state = State::Nested,
                    }
                }
                State::Escape if byte == b'\n' => return Scan::Broken(LINE_FEED),
                State::Escape => {
                    self.state = State::String;
                    at += 1;
                }
                State::Literal => {
                    if byte.is_ascii_whitespace() || b",[]{}\"".contains(&byte) {
                        return Scan::End(at);
                    }
                    at += 1;
                }
                State::Resume => {
                    if self.after_line && byte == b'{' {
                        return Scan::End(at);
                    }
                    self.after_line = byte == b'\n';
                    at += 1;
                }
            }
        }
        Scan::More
    }

    /// How many bytes there are that separate values.
    fn blanks(&mut self, bytes: &[u8]) -> usize {
        bytes
            .iter()
            .take_while(|byte| match byte {
                b'[' if !self.in_array => {
                    self.in_array = true;
                    true
                }
                b']' if self.in_array => {
                    self.in_array = false;
                    true
                }
                byte => **byte == b',' || byte.is_ascii_whitespace(),
            })
            .count()
    }

    /// The next byte that means something in a string.
    fn in_string(&mut self, bytes: &[u8]) -> Option<usize> {
        let Some(leads) = self.leads else {
            return memchr3(b'"', b'\\', b'\n', bytes);
        };
        bytes.iter().position(|&byte| {
            // Quotes and line feeds are never the second byte of a character, backslashes may be.
            let second = std::mem::take(&mut self.after_lead) && byte >= 0x40;
            self.after_lead = !second && leads(byte);
            matches!(byte, b'"' | b'\n') || (byte == b'\\' && !second)
        })
    }
}

/// Where a record may begin after one that can never be whole.
pub(crate) fn next_start(bytes: &[u8]) -> Option<usize> {
    memchr::memmem::find(bytes, b"\n{").map(|at| at + 1)
}
