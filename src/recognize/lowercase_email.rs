//! The e-mail search of the function that SpanQL replaces, to the letter and in linear time.
//!
//! Owns one question: what does Python's
//! `re.findall(r"[a-z0-9\.\-+_]+@[a-z0-9\.\-+_]+\.[a-z]+", text.lower())` give? It is kept apart from the recognizers,
//! since its answers are fixed by that expression and not by what is an e-mail address. Bytes in (UTF-8, lone
//! surrogates allowed), lower-cased ASCII out; Python is absent here.
//!
//! Three facts carry it. The text is never lower-cased: beside `A`-`Z` only two characters lower-case to anything
//! with an ASCII letter in it, `K` (U+212A, to `k`) and `İ` (U+0130, to `i` and a combining dot, which ends a run).
//! Only `@` is searched for: left of it the match is the whole run of the class, right of it everything up to the
//! letters after the last `.` that has letters after it. And no byte is looked at more than three times, because a
//! run right of one `@` ends before the next.

use std::ops::Range;

use memchr::{memchr, memrchr};
use rayon::prelude::*;

const KELVIN: &[u8] = "\u{212a}".as_bytes();
const DOTTED_I: &[u8] = "\u{130}".as_bytes();

/// `IN_CLASS` for the bytes of `[a-z0-9.\-+_]` before lower-casing, `LETTER` too for those of `[a-z]`.
const IN_CLASS: u8 = 1;
const LETTER: u8 = 2;
static CLASS: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let b = byte as u8;
        if b.is_ascii_alphabetic() {
            table[byte] = IN_CLASS | LETTER;
        } else if b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+' | b'_') {
            table[byte] = IN_CLASS;
        }
        byte += 1;
    }
    table
};

/// Whether a match can hold this character, before lower-casing. A text may be cut anywhere else without changing its
/// matches: for callers who can look at characters more cheaply than they can turn a text into bytes.
#[must_use]
pub fn in_match(character: u32) -> bool {
    match u8::try_from(character) {
        Ok(byte) => byte == b'@' || CLASS[usize::from(byte)] != 0,
        Err(_) => matches!(character, 0x130 | 0x212a),
    }
}

/// The matches of one text as byte ranges, in order; [`push_lowered`] gives what Python gives for each.
///
/// ```
/// use spanql::recognize::lowercase_email::matches;
/// let text = "Mail: Ann.Lee@Example.COM, bob@example.org.";
/// let found: Vec<&str> = matches(text.as_bytes()).map(|range| &text[range]).collect();
/// assert_eq!(found, ["Ann.Lee@Example.COM", "bob@example.org"]);
/// ```
#[must_use]
pub fn matches(text: &[u8]) -> Matches<'_> {
    Matches {
        text,
        from: 0,
        next: 0,
    }
}

/// The iterator that [`matches()`] returns.
#[derive(Debug, Clone)]
pub struct Matches<'a> {
    text: &'a [u8],
    /// Nothing before this byte can begin a match: the end of the last one, or of an `@` that led to none.
    from: usize,
    /// Where the search for `@` goes on.
    next: usize,
}

impl Iterator for Matches<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        while let Some(found) = self
            .text
            .get(self.next..)
            .and_then(|rest| memchr(b'@', rest))
        {
            let at = self.next + found;
            self.next = at + 1;
            let domain_ends = self.run_end(at + 1);
            let end = self.top_level_end(at + 1..domain_ends);
            let start = self.run_start(at);
            match end {
                Some(end) if start < at => {
                    self.from = end;
                    self.next = domain_ends;
                    return Some(start..end);
                }
                // What stands left of this `@` cannot be part of a later match: an `@` lies between.
                _ => self.from = at + 1,
            }
            self.next = domain_ends;
        }
        self.next = self.text.len();
        None
    }
}

impl Matches<'_> {
    /// The end of the run of class characters that begins at `start`.
    fn run_end(&self, start: usize) -> usize {
        let mut end = start;
        loop {
            while self
                .text
                .get(end)
                .is_some_and(|&b| CLASS[usize::from(b)] != 0)
            {
                end += 1;
            }
            let rest = &self.text[end..];
            if rest.starts_with(KELVIN) {
                end += KELVIN.len();
            } else if rest.starts_with(DOTTED_I) {
                // Its `i` belongs to the run, its combining dot ends it.
                return end + DOTTED_I.len();
            } else {
                return end;
            }
        }
    }

    /// The start of the run of class characters that ends at `end`. No `İ`: its lower case ends outside the class.
    fn run_start(&self, end: usize) -> usize {
        let mut start = end;
        loop {
            while start > self.from && CLASS[usize::from(self.text[start - 1])] != 0 {
                start -= 1;
            }
            if !self.text[self.from..start].ends_with(KELVIN) {
                return start;
            }
            start -= KELVIN.len();
        }
    }

    /// Where `[class]+\.[a-z]+` ends within the run right of an `@`: what backtracking finds, the last `.` that has a
    /// letter after it and something before it.
    fn top_level_end(&self, run: Range<usize>) -> Option<usize> {
        let domain = self.text.get(run.start..run.end)?;
        let mut before = domain.len();
        while let Some(dot) = memrchr(b'.', &domain[..before]) {
            if dot == 0 {
                return None;
            }
            let letters = letters_end(domain, dot + 1);
            if letters > dot + 1 {
                return Some(run.start + letters);
            }
            before = dot;
        }
        None
    }
}

/// The end of the letters that begin at `start` in a run.
fn letters_end(run: &[u8], start: usize) -> usize {
    let mut end = start;
    loop {
        while run
            .get(end)
            .is_some_and(|&b| CLASS[usize::from(b)] & LETTER != 0)
        {
            end += 1;
        }
        let rest = &run[end..];
        if rest.starts_with(KELVIN) {
            end += KELVIN.len();
        } else if rest.starts_with(DOTTED_I) {
            end += DOTTED_I.len();
        } else {
            return end;
        }
    }
}

/// Appends the lower case of a match, which is ASCII always.
pub fn push_lowered(found: &[u8], out: &mut String) {
    let mut rest = found;
    while let Some((&byte, tail)) = rest.split_first() {
        if byte < 0x80 {
            out.push(char::from(byte.to_ascii_lowercase()));
            rest = tail;
        } else if let Some(tail) = rest.strip_prefix(KELVIN) {
            out.push('k');
            rest = tail;
        } else {
            // `İ`, the only other character of a match and its last.
            out.push('i');
            return;
        }
    }
}

/// The lower-cased matches of consecutive texts, in three allocations instead of one a match.
///
/// ```
/// use spanql::recognize::lowercase_email::Found;
/// let found = Found::scan([b"To: A@B.com, c@d.org".as_slice(), b"nobody"]);
/// let answers: Vec<Vec<&str>> = found.texts().map(Iterator::collect).collect();
/// assert_eq!(answers, [vec!["a@b.com", "c@d.org"], vec![]]);
/// ```
#[derive(Debug, Default)]
pub struct Found {
    /// All matches, one after another.
    lowered: String,
    /// Where each match ends in `lowered`.
    ends: Vec<usize>,
    /// How many matches the texts up to and including each have.
    counts: Vec<usize>,
}

impl Found {
    /// Scans texts one after another on the calling thread.
    pub fn scan<'t>(texts: impl IntoIterator<Item = &'t [u8]>) -> Self {
        let mut found = Self::default();
        for text in texts {
            for range in matches(text) {
                push_lowered(&text[range], &mut found.lowered);
                found.ends.push(found.lowered.len());
            }
            found.counts.push(found.ends.len());
        }
        found
    }

    /// Scans texts on the threads of the current rayon pool; the parts follow the order of the texts.
    #[must_use]
    pub fn scan_parallel(texts: &[&[u8]]) -> Vec<Self> {
        // Blocks of equal bytes, not of equal numbers of texts: one long text must not share its thread.
        let total: usize = texts.iter().map(|text| text.len()).sum();
        let share = total / (rayon::current_num_threads() * 8) + 1;
        let mut blocks = Vec::new();
        let (mut start, mut bytes) = (0, 0);
        for (index, text) in texts.iter().enumerate() {
            bytes += text.len();
            if bytes >= share {
                blocks.push(&texts[start..=index]);
                (start, bytes) = (index + 1, 0);
            }
        }
        blocks.push(&texts[start..]);
        blocks
            .into_par_iter()
            .map(|block| Self::scan(block.iter().copied()))
            .collect()
    }

    /// For each text, its matches in order.
    pub fn texts(&self) -> impl Iterator<Item = impl ExactSizeIterator<Item = &str>> {
        (0..self.counts.len()).map(move |text| {
            let first = if text == 0 { 0 } else { self.counts[text - 1] };
            (first..self.counts[text]).map(move |found| {
                let start = if found == 0 { 0 } else { self.ends[found - 1] };
                &self.lowered[start..self.ends[found]]
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn answers(text: &str) -> Vec<String> {
        Found::scan([text.as_bytes()])
            .texts()
            .flatten()
            .map(str::to_string)
            .collect()
    }

    /// The definition, by another engine on the text lower-cased as Python does it. `regex` finds the same matches:
    /// it is leftmost-first with greedy repetition, as Python's is.
    fn oracle(text: &str) -> Vec<String> {
        let regex = regex::Regex::new(r"[a-z0-9.\-+_]+@[a-z0-9.\-+_]+\.[a-z]+").unwrap();
        regex
            .find_iter(&text.to_lowercase())
            .map(|found| found.as_str().to_string())
            .collect()
    }

    #[test]
    fn backtracking_and_restarts() {
        for (text, expected) in [
            ("a@b.com1@d.e", vec!["a@b.com", "1@d.e"]),
            ("a@b.c@d.e", vec!["a@b.c"]),
            ("a@b..c", vec!["a@b..c"]),
            ("a@.c", vec![]),
            ("a@..c", vec!["a@..c"]),
            ("a@b.c.", vec!["a@b.c"]),
            ("a@b.c.1", vec!["a@b.c"]),
            ("a@b.c_", vec!["a@b.c"]),
            ("a@b", vec![]),
            ("@b.c", vec![]),
            ("a@b@c.d", vec!["b@c.d"]),
            ("@@a@b.c@@", vec!["a@b.c"]),
            (".@-.z", vec![".@-.z"]),
            ("USER@EXAMPLE.COM", vec!["user@example.com"]),
            ("\u{212a}@\u{212a}.\u{212a}x", vec!["k@k.kx"]),
            ("\u{130}@b.c", vec![]),
            ("a@b.c\u{130}d", vec!["a@b.ci"]),
            ("a@b.\u{130}c@d.e", vec!["a@b.i", "c@d.e"]),
            ("a@b\u{130}.c", vec![]),
            ("邮箱：Li@example.com，谢谢", vec!["li@example.com"]),
        ] {
            assert_eq!(answers(text), expected, "{text}");
            assert_eq!(oracle(text), expected, "oracle on {text}");
        }
    }

    #[test]
    fn hostile_texts_are_linear() {
        // Quadratic work on any of these would take hours.
        let n = 1 << 20;
        for (unit, count) in [
            ("@", 0),
            ("a@", 0),
            ("a@.", 0),
            ("a.", 0),
            ("a", 0),
            (".", 0),
            ("a@b.1", 0),
            ("a@b.c@", n),
            ("a@b.c1", n),
        ] {
            let text = unit.repeat(n);
            assert_eq!(matches(text.as_bytes()).count(), count, "{unit}");
        }
        let text = format!("{}@{}@{}@", "a".repeat(n), "a.1".repeat(n), "1-.".repeat(n));
        assert_eq!(matches(text.as_bytes()).count(), 0);
    }

    #[test]
    fn parallel_parts_follow_the_order() {
        let texts: Vec<String> = (0..1000)
            .map(|i| format!("{}{i}@example.com", " ".repeat(i % 50)))
            .collect();
        let bytes: Vec<&[u8]> = texts.iter().map(|text| text.as_bytes()).collect();
        let parts = Found::scan_parallel(&bytes);
        let found: Vec<String> = parts
            .iter()
            .flat_map(Found::texts)
            .flat_map(|text| text.map(str::to_string).collect::<Vec<_>>())
            .collect();
        let expected: Vec<String> = (0..1000).map(|i| format!("{i}@example.com")).collect();
        assert_eq!(found, expected);
        assert_eq!(
            parts.iter().map(|part| part.texts().count()).sum::<usize>(),
            1000
        );
        assert_eq!(
            Found::scan_parallel(&[])
                .iter()
                .map(|part| part.texts().count())
                .sum::<usize>(),
            0
        );
    }

    /// Texts of the characters that matter, `@` and `.` often.
    fn texts() -> impl Strategy<Value = String> {
        let alphabet: Vec<char> = "@@@@@...aaaAbKk\u{212a}\u{130}\u{130}\u{17f}+_-0 é中"
            .chars()
            .collect();
        proptest::collection::vec(proptest::sample::select(alphabet), 0..40)
            .prop_map(String::from_iter)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn equals_the_expression(text in texts()) {
            prop_assert_eq!(answers(&text), oracle(&text));
        }

        #[test]
        fn any_bytes_are_fine(bytes in proptest::collection::vec(prop_oneof![
            Just(b'@'), Just(b'.'), Just(b'a'), Just(0xe2), Just(0x84), Just(0xaa), Just(0xc4), Just(0xb0), any::<u8>()
        ], 0..40)) {
            let found = Found::scan([bytes.as_slice()]);
            for email in found.texts().flatten() {
                prop_assert!(email.is_ascii() && email.contains('@'));
            }
        }

        #[test]
        fn cutting_where_no_match_can_be_changes_nothing(text in texts()) {
            let whole = answers(&text);
            let pieces: Vec<String> = text.split(|c: char| !in_match(u32::from(c))).flat_map(answers).collect();
            prop_assert_eq!(whole, pieces);
        }
    }
}
