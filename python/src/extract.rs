//! `extract_and_aggregate`: the old function, with its answers to the letter.
//!
//! The search itself is `spanql::recognize::lowercase_email`. Owned here is the way of strings in and dictionaries out
//! at the least cost that the stable ABI allows: a text without a possible match is settled by looking for `@` in
//! Python's own memory, ASCII is borrowed, and the rest is encoded into bytes that live as long as their chunk.
//! (`PyUnicode_AsUTF8AndSize` on a text that is not ASCII would keep a copy in the string for as long as it lives.)

use std::ops::Range;

use pyo3::exceptions::{PyTypeError, PyUnicodeEncodeError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyString, PyTuple};
use pyo3::{ffi, intern};
use spanql::recognize::lowercase_email::{Found, can_adjoin_at};

use crate::threads;

/// The GIL is held while a chunk is gathered and while its answers are made, a few milliseconds for this many texts;
/// between them other Python threads run.
const CHUNK_TEXTS: usize = 16 * 1024;

/// Bounds the memory of the encoded texts and the wait for Ctrl-C.
const CHUNK_BYTES: usize = 16 << 20;

/// Below this, waking other threads and giving up the GIL costs more than the scan.
const ALONE_BYTES: usize = 64 << 10;

/// After so many `@` that cannot be part of a match, encoding the text is cheaper than asking for more characters.
const PROBES: usize = 16;

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
///
/// Returns
/// -------
/// list of dict
///     One dictionary a text, in order. Its only key, ``"emails"``, holds the lower-cased addresses in the order in
///     which they stand in the text, repetitions included.
///
/// Raises
/// ------
/// TypeError
///     If `texts` is not iterable, or one of its items is not a string.
///
/// Examples
/// --------
/// >>> import spanql
/// >>> spanql.extract_and_aggregate(["Ann@Example.com, bob@example.org", "nobody"])
/// [{'emails': ['ann@example.com', 'bob@example.org']}, {'emails': []}]
#[pyfunction]
pub fn extract_and_aggregate<'py>(py: Python<'py>, texts: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyList>> {
    // Another thread may change a list while the GIL is given up; a tuple keeps its strings.
    let texts = py.get_type::<PyTuple>().call1((texts,))?.cast_into::<PyTuple>()?;
    let answers = PyList::empty(py);
    let mut next = 0;
    while next < texts.len() {
        let chunk = Chunk::gather(&texts, next)?;
        next = chunk.texts.end;
        let alone = chunk.bytes <= ALONE_BYTES && chunk.texts.len() == texts.len();
        let found = chunk.scan(py, alone)?;
        chunk.answer(&found, &answers)?;
        if !alone {
            py.check_signals()?;
        }
    }
    Ok(answers)
}

/// Consecutive texts, and the bytes of those that may hold an address.
struct Chunk<'py> {
    texts: Range<usize>,
    candidates: Vec<(usize, Text<'py>)>,
    bytes: usize,
}

impl<'py> Chunk<'py> {
    fn gather(texts: &Bound<'py, PyTuple>, start: usize) -> PyResult<Self> {
        let mut chunk = Self { texts: start..start, candidates: Vec::new(), bytes: 0 };
        let last = texts.len().min(start + CHUNK_TEXTS);
        while chunk.texts.end < last && chunk.bytes < CHUNK_BYTES {
            let index = chunk.texts.end;
            let item = texts.get_borrowed_item(index)?;
            let text = item.cast::<PyString>().map_err(|_| wrong_type(index, &item))?;
            if let Some(text) = Text::candidate(&text)? {
                chunk.bytes += text.bytes()?.len();
                chunk.candidates.push((index, text));
            }
            chunk.texts.end += 1;
        }
        Ok(chunk)
    }

    fn scan(&self, py: Python<'py>, alone: bool) -> PyResult<Vec<Found>> {
        let texts = self.candidates.iter().map(|(_, text)| text.bytes()).collect::<PyResult<Vec<&[u8]>>>()?;
        if alone {
            return Ok(vec![Found::scan(texts)]);
        }
        py.detach(|| {
            if self.bytes <= ALONE_BYTES {
                Ok(vec![Found::scan(texts)])
            } else {
                Ok(threads::pool()?.install(|| Found::scan_parallel(&texts)))
            }
        })
    }

    fn answer(&self, found: &[Found], answers: &Bound<'py, PyList>) -> PyResult<()> {
        let py = answers.py();
        let mut found = self.candidates.iter().map(|(index, _)| *index).zip(found.iter().flat_map(Found::texts)).peekable();
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

fn wrong_type(index: usize, item: &Bound<'_, PyAny>) -> PyErr {
    let name = item.get_type().name().map_or_else(|_| "something else".to_string(), |name| name.to_string());
    PyTypeError::new_err(format!("texts[{index}] is of type {name}: every text must be a str"))
}

/// The bytes of one text, kept by Python.
enum Text<'py> {
    Ascii(Bound<'py, PyString>),
    Encoded(Bound<'py, PyBytes>),
}

impl<'py> Text<'py> {
    /// The bytes of a text, or nothing where no address can be.
    fn candidate(text: &Bound<'py, PyString>) -> PyResult<Option<Self>> {
        let Some(first) = find_at(text, 0)? else { return Ok(None) };
        if text.call_method0(intern!(text.py(), "isascii"))?.is_truthy()? {
            return Ok(Some(Self::Ascii(text.clone())));
        }
        let mut at = Some(first);
        for _ in 0..PROBES {
            match at {
                None => return Ok(None),
                Some(place) if place > 0 && [place - 1, place + 1].into_iter().all(|i| adjoins_at(text, i)) => break,
                Some(place) => at = find_at(text, place + 1)?,
            }
        }
        let bytes = match text.encode_utf8() {
            Err(error) if error.is_instance_of::<PyUnicodeEncodeError>(text.py()) => text
                .call_method1(intern!(text.py(), "encode"), ("utf-8", "surrogatepass"))?
                .cast_into::<PyBytes>()?,
            encoded => encoded?,
        };
        Ok(Some(Self::Encoded(bytes)))
    }

    fn bytes(&self) -> PyResult<&[u8]> {
        match self {
            Self::Ascii(text) => Ok(text.to_str()?.as_bytes()),
            Self::Encoded(bytes) => Ok(bytes.as_bytes()),
        }
    }
}

/// Where the first `@` at or after the character `from` stands.
fn find_at(text: &Bound<'_, PyString>, from: isize) -> PyResult<Option<isize>> {
    // SAFETY: the object is a str, we are attached, and the end is clamped to its length.
    match unsafe { ffi::PyUnicode_FindChar(text.as_ptr(), u32::from('@'), from, isize::MAX, 1) } {
        -2 => Err(PyErr::fetch(text.py())),
        place => Ok((place >= 0).then_some(place)),
    }
}

fn adjoins_at(text: &Bound<'_, PyString>, index: isize) -> bool {
    // SAFETY: the object is a str and we are attached; beyond its end an error is set, and cleared here.
    let character = unsafe { ffi::PyUnicode_ReadChar(text.as_ptr(), index) };
    if character == u32::MAX {
        drop(PyErr::take(text.py()));
        return false;
    }
    can_adjoin_at(character)
}
