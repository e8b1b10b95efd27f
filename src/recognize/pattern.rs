//! User patterns: a named regular expression.

use std::borrow::Cow;
use std::ops::Range;

use super::{Anchor, Recognizer, Verdict};
use crate::error::{Error, Result};

/// A compiled pattern. Cloning is cheap.
#[derive(Debug, Clone)]
pub struct Pattern {
    label: String,
    name: String,
    regex: regex::Regex,
    group: usize,
}

impl Pattern {
    /// Compiles `pattern`; `group` 0 is the whole match.
    ///
    /// # Errors
    /// [`Error::Pattern`] where it does not compile, is too large, or has no such group.
    pub fn new(label: &str, pattern: &str, group: usize) -> Result<Self> {
        let fail = |message: String| Error::Pattern { pattern: pattern.to_string(), message };
        let regex = regex::Regex::new(pattern).map_err(|e| fail(e.to_string()))?;
        if group >= regex.captures_len() {
            return Err(fail(format!("no group {group}")));
        }
        Ok(Self { label: label.to_string(), name: format!("pattern:{label}"), regex, group })
    }

    /// Calls `found` with every match (or its group; `None` where the group took no part), in order, as `find_iter`
    /// of the `regex` crate gives them, empty ones included.
    pub fn find_all(&self, text: &str, mut found: impl FnMut(Option<Range<usize>>)) {
        for captures in self.regex.captures_iter(text) {
            found(captures.get(self.group).map(|m| m.range()));
        }
    }
}

impl Recognizer for Pattern {
    fn label(&self) -> &str {
        &self.label
    }
    fn name(&self) -> &str {
        &self.name
    }
    fn definition(&self) -> Cow<'_, str> {
        Cow::Owned(format!("{}#{}", self.regex.as_str(), self.group))
    }
    fn anchor(&self) -> Anchor {
        Anchor::Start
    }
    fn verify(&self, text: &str, at: usize, from: usize) -> Verdict {
        let found = self.regex.find_at(text, at.max(from)).map(|m| m.range());
        let resume = found.as_ref().map_or(usize::MAX, |r| r.end);
        Verdict { span: found, resume }
    }
}
