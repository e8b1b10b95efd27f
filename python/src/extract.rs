//! `extract_and_aggregate`: the old function, with its answers to the letter.
//!
//! The search itself is `spanql::recognize::lowercase_email`. Owned here is the way of strings in and dictionaries out
//! at the least cost that the stable ABI allows. A text without an `@` is settled by looking for it in Python's own
//! memory. ASCII is borrowed. Of other texts only the surroundings of an `@` are copied, because turning them into
//! UTF-8 costs more than everything else, and `PyUnicode_AsUTF8AndSize` keeps its copy for as long as the string lives.

use std::ops::Range;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString, PyTuple};
use pyo3::{ffi, intern};
use spanql::recognize::lowercase_email::{Found, in_match};

use crate::column::Labels;
use crate::session::Session;
use crate::texts::wrong_type;
use crate::{further, threads};

/// The GIL is held while a chunk is gathered and while its answers are made, a few milliseconds for this many texts;
/// between them other Python threads run.
const CHUNK_TEXTS: usize = 16 * 1024;

/// The same bound for long texts, looked through at several thousand characters a microsecond.
const CHUNK_CHARACTERS: usize = 16 << 20;

/// Below this, waking other threads and giving up the GIL costs more than the scan.
const ALONE_BYTES: usize = 64 << 10;

/// Finds the e-mail addresses of each text.
///
/// Gives exactly what the function it replaces gave, whatever the strings hold:
/// ``{"emails": re.findall(r"[a-z0-9\.\-+_]+@[a-z0-9\.\-+_]+\.[a-z]+", text.lower())}`` for each text. Works on all
/// cores and lets other Python threads run meanwhile.
///
/// Parameters
/// ----------
/// texts : iterable of str
///     The texts, usually a list.
/// labels : str or iterable of str, optional
///     What else to find: ``["PHONE", "URL"]``. Each is a further key of the answers, which holds the normalised values
///     that :func:`extract_entities` finds, in order, repetitions included. No label may be ``"emails"``.
/// session : Session, optional
///     Whose recognizers those are. Without it, those that come with the package.
///
/// Returns
/// -------
/// list of dict
///     One dictionary a text, in order. Without `labels` its only key is ``"emails"``. It holds the lower-cased addresses
///     in the order in which they stand in the text, repetitions included.
///
/// Raises
/// ------
/// TypeError
///     If `texts` is not iterable, or one of its items is not a string.
/// ValueError
///     If there is no such label, or it is ``"emails"``; with `labels`, also if a string has a lone surrogate.
///
/// Examples
/// --------
/// >>> import spanql
/// >>> spanql.extract_and_aggregate(["Ann@Example.com, bob@example.org", "nobody"])
/// [{'emails': ['ann@example.com', 'bob@example.org']}, {'emails': []}]
/// >>> spanql.extract_and_aggregate(["ann@example.com saw https://example.org"], labels=["URL"])
/// [{'emails': ['ann@example.com'], 'URL': ['https://example.org']}]
#[pyfunction]
#[pyo3(signature = (texts, labels = None, *, session = None))]
pub fn extract_and_aggregate<'py>(
    py: Python<'py>,
    texts: &Bound<'py, PyAny>,
    labels: Option<Labels>,
    session: Option<&Bound<'py, Session>>,
) -> PyResult<Bound<'py, PyList>> {
    // Another thread may change a list while the GIL is given up; a tuple keeps its strings.
    let texts = py
        .get_type::<PyTuple>()
        .call1((texts,))?
        .cast_into::<PyTuple>()?;
    let answers = PyList::empty(py);
    let mut next = 0;
    while next < texts.len() {
        let chunk = Chunk::gather(&texts, next)?;
        next = chunk.texts.end;
        let alone =
            next == texts.len() && chunk.texts.start == 0 && chunk.characters <= ALONE_BYTES;
        let found = chunk.scan(py, alone)?;
        chunk.answer(&found, &answers)?;
        if !alone {
            py.check_signals()?;
        }
    }
    if let Some(labels) = labels {
        further::add(py, &texts, labels.words(), session, &answers)?;
    }
    Ok(answers)
}

/// Consecutive texts, and what of them may hold an address.
#[derive(Default)]
struct Chunk<'py> {
    texts: Range<usize>,
    characters: usize,
    candidates: Vec<(usize, Candidate<'py>)>,
    /// The surroundings of `@` in texts that are not ASCII, as UTF-8.
    copied: Vec<u8>,
}

/// A text with an `@`.
enum Candidate<'py> {
    Borrowed(Bound<'py, PyString>),
    /// Where in [`Chunk::copied`] its pieces lie.
    Copied(Range<usize>),
}

impl<'py> Chunk<'py> {
    fn gather(texts: &Bound<'py, PyTuple>, start: usize) -> PyResult<Self> {
        let mut chunk = Self {
            texts: start..start,
            ..Self::default()
        };
        let last = texts.len().min(start + CHUNK_TEXTS);
        while chunk.texts.end < last && chunk.characters < CHUNK_CHARACTERS {
            let index = chunk.texts.end;
            let item = texts.get_borrowed_item(index)?;
            let text = item
                .cast::<PyString>()
                .map_err(|_| wrong_type(index, &item))?;
            let length = text.code_point_len()?;
            if let Some(at) = find_at(&text, 0, length)? {
                let candidate = if text
                    .call_method0(intern!(text.py(), "isascii"))?
                    .is_truthy()?
                {
                    Candidate::Borrowed(text.to_owned())
                } else {
                    chunk.copy(&text, at, length)?
                };
                chunk.candidates.push((index, candidate));
            }
            chunk.characters += length;
            chunk.texts.end += 1;
        }
        Ok(chunk)
    }

    /// Copies every run of characters around an `@` that could be part of a match, with a space after each.
    fn copy(
        &mut self,
        text: &Bound<'py, PyString>,
        first: usize,
        length: usize,
    ) -> PyResult<Candidate<'py>> {
        let start = self.copied.len();
        let (mut from, mut next) = (0, Some(first));
        while let Some(at) = next {
            let mut index = at;
            while index > from && part_of_match(text, index - 1, length).is_some() {
                index -= 1;
            }
            while let Some(character) = part_of_match(text, index, length) {
                self.copied
                    .extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                index += 1;
            }
            self.copied.push(b' ');
            from = index;
            next = find_at(text, from, length)?;
        }
        Ok(Candidate::Copied(start..self.copied.len()))
    }

    fn scan(&self, py: Python<'py>, alone: bool) -> PyResult<Vec<Found>> {
        let mut texts = Vec::with_capacity(self.candidates.len());
        for (_, candidate) in &self.candidates {
            texts.push(match candidate {
                Candidate::Borrowed(text) => text.to_str()?.as_bytes(),
                Candidate::Copied(range) => &self.copied[range.clone()],
            });
        }
        if alone {
            return Ok(vec![Found::scan(texts)]);
        }
        py.detach(|| {
            if texts.iter().map(|text| text.len()).sum::<usize>() <= ALONE_BYTES {
                Ok(vec![Found::scan(texts)])
            } else {
                Ok(threads::pool()?.install(|| Found::scan_parallel(&texts)))
            }
        })
    }

    fn answer(&self, found: &[Found], answers: &Bound<'py, PyList>) -> PyResult<()> {
        let py = answers.py();
        let _pause = PausedCollector::new(py);
        let candidates = self.candidates.iter().map(|(index, _)| *index);
        let mut found = candidates
            .zip(found.iter().flat_map(Found::texts))
            .peekable();
        for index in self.texts.clone() {
            let emails = match found.next_if(|(candidate, _)| *candidate == index) {
                Some((_, emails)) => PyList::new(py, emails)?,
                None => PyList::empty(py),
            };
            let answer = PyDict::new(py);
            answer.set_item(intern!(py, "emails"), emails)?;
            answers.append(answer)?;
        }
        Ok(())
    }
}

/// Python's cycle collector, held back while many dictionaries are made that are no garbage: it would look through all
/// of them again and again. No Python code runs meanwhile, so nobody sees it. (Where there is no GIL, threads may meet here:
/// then the collector runs sooner than wanted; a `gc.disable()` of theirs in these milliseconds is undone.)
struct PausedCollector<'py> {
    was_enabled: bool,
    _attached: Python<'py>,
}

impl<'py> PausedCollector<'py> {
    fn new(py: Python<'py>) -> Self {
        // SAFETY: we are attached.
        Self {
            was_enabled: unsafe { ffi::PyGC_Disable() } == 1,
            _attached: py,
        }
    }
}

impl Drop for PausedCollector<'_> {
    fn drop(&mut self) {
        if self.was_enabled {
            // SAFETY: we are attached, since `Python<'py>` cannot outlive that.
            unsafe { ffi::PyGC_Enable() };
        }
    }
}

/// Where the first `@` at or after the character `from` stands.
fn find_at(text: &Bound<'_, PyString>, from: usize, length: usize) -> PyResult<Option<usize>> {
    // A Python string's length fits in `isize`.
    let (from, length) = (from as isize, length as isize);
    // SAFETY: the object is a str, and we are attached.
    match unsafe { ffi::PyUnicode_FindChar(text.as_ptr(), u32::from('@'), from, length, 1) } {
        -2 => Err(PyErr::fetch(text.py())),
        place => Ok(usize::try_from(place).ok()),
    }
}

/// The character at an index, if there is one and a match can hold it.
fn part_of_match(text: &Bound<'_, PyString>, index: usize, length: usize) -> Option<char> {
    if index >= length {
        return None;
    }
    // SAFETY: the object is a str, we are attached, and the index is within it.
    let character = unsafe { ffi::PyUnicode_ReadChar(text.as_ptr(), index as isize) };
    char::from_u32(character).filter(|_| in_match(character))
}
