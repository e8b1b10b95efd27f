//! The compiled form: the tables as they lie in a file.
//!
//! Owns their order and the header. A form is taken whole or refused: whoever has one that is damaged, or of another
//! version, compiles the list. What is taken may still say anything, since a checksum proves no more than that nothing
//! went wrong on the way: readers of the tables rely on nothing. All numbers are little-endian, and nothing is aligned.
//!
//! ```text
//! form    = "SPANQLGZ" checksum header *section         checksum: xxHash64 of all that follows it
//! header  = version content folding longest 2( buckets probes ) 10 length 9( lines first-line )
//! ```

use std::fmt;
use std::ops::Range;

use twox_hash::XxHash64;

use super::automaton::{Automaton, Phrase};
use super::compile::Compiled;
use super::filter::Filter;
use super::fold::Folding;
use super::list::{MAX_BYTES, Skipped, Tally};
use super::table::Table;
use super::tokens::Alphabet;

/// Another one for every change to what the bytes mean, or to what a list is compiled to.
const VERSION: u64 = 1;
const MAGIC: u64 = u64::from_le_bytes(*b"SPANQLGZ");
/// Bytes of magic and checksum.
const CHECKED_FROM: usize = 16;
const SECTIONS: usize = 10;
/// Numbers of eight bytes before the sections.
const HEADER: usize = 10 + SECTIONS + Tally::NUMBERS;

/// A compiled list in memory.
pub(super) struct Form {
    bytes: Vec<u8>,
    /// A hash of phrases and values, whatever their order.
    pub(super) content: u64,
    pub(super) folding: Folding,
    pub(super) skipped: Vec<Skipped>,
    longest: usize,
    /// Buckets and probes of the words, then of the states.
    tables: [usize; 4],
    sections: [Range<usize>; SECTIONS],
}

impl fmt::Debug for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Form")
            .field("folding", &self.folding)
            .field("phrases", &self.phrases())
            .finish_non_exhaustive()
    }
}

impl Form {
    /// Lays out the bytes.
    pub(super) fn write(compiled: &Compiled) -> Vec<u8> {
        let (words, states) = (compiled.words.table(), compiled.states.table());
        let sections: [&[u8]; SECTIONS] = [
            words.entries.as_flattened(),
            compiled.word_starts.as_flattened(),
            &compiled.word_text,
            &compiled.alphabet,
            compiled.singles.0.as_flattened(),
            compiled.rows.0.as_flattened(),
            compiled.fine.0.as_flattened(),
            states.entries.as_flattened(),
            compiled.phrases.as_flattened(),
            compiled.values.as_bytes(),
        ];
        let Folding { case, width } = compiled.folding;
        let numbers = [
            MAGIC,
            0,
            VERSION,
            compiled.content,
            u64::from(case) | u64::from(width) << 1,
            compiled.longest as u64,
            words.buckets as u64,
            words.probes as u64,
            states.buckets as u64,
            states.probes as u64,
        ];
        let lengths = sections.map(|section| section.len() as u64);
        let header = numbers
            .into_iter()
            .chain(lengths)
            .chain(compiled.skipped.numbers());
        let total: usize = sections.iter().map(|section| section.len()).sum();
        let mut bytes = Vec::with_capacity(8 * HEADER + total);
        bytes.extend(header.flat_map(u64::to_le_bytes));
        sections
            .iter()
            .for_each(|section| bytes.extend_from_slice(section));
        sealed(bytes)
    }

    /// Takes bytes, unless they are not what [`Form::write`] wrote.
    pub(super) fn read(bytes: Vec<u8>) -> Option<Self> {
        let header: &[[u8; 8]; HEADER] = bytes.as_chunks().0.first_chunk()?;
        let numbers = header.map(u64::from_le_bytes);
        let [magic, checksum, version, content, folding, longest, ..] = numbers;
        let whole = magic == MAGIC
            && version == VERSION
            && folding < 4
            && checksum == XxHash64::oneshot(0, &bytes[CHECKED_FROM..]);
        if !whole {
            return None;
        }
        let size = |number: u64| usize::try_from(number).ok();
        let mut tables = [0; 4];
        for (table, number) in tables.iter_mut().zip(&numbers[6..10]) {
            *table = size(*number)?;
        }
        let mut end = 8 * HEADER;
        let mut sections: [Range<usize>; SECTIONS] = Default::default();
        for (section, length) in sections.iter_mut().zip(&numbers[10..]) {
            let start = end;
            end = start.checked_add(size(*length)?)?;
            *section = start..end;
        }
        (end == bytes.len()).then_some(())?;
        Some(Self {
            content,
            folding: Folding {
                case: folding & 1 == 1,
                width: folding & 2 == 2,
            },
            skipped: Tally::of_numbers(&numbers[10 + SECTIONS..])?.skipped(),
            // No phrase has more tokens than bytes.
            longest: size(longest).filter(|&longest| longest <= MAX_BYTES)?,
            tables,
            sections,
            bytes,
        })
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How many phrases there are.
    pub(super) fn phrases(&self) -> usize {
        self.section::<12>(8).len()
    }

    /// What a phrase stands for.
    pub(super) fn value(&self, phrase: u32) -> Option<&str> {
        let Phrase { start, length, .. } = Phrase::of(self.section::<12>(8).get(phrase as usize)?);
        let values = self.section::<1>(9).as_flattened();
        let end = start.checked_add(length)?;
        std::str::from_utf8(values.get(start as usize..end as usize)?).ok()
    }

    pub(super) fn automaton(&self) -> Automaton<'_> {
        let [word_buckets, word_probes, state_buckets, state_probes] = self.tables;
        Automaton {
            folding: self.folding,
            longest: self.longest,
            words: Table {
                entries: self.section(0),
                buckets: word_buckets,
                probes: word_probes,
            },
            word_starts: self.section(1),
            word_text: self.section::<1>(2).as_flattened(),
            alphabet: Alphabet(self.section::<1>(3).as_flattened()),
            singles: Filter(self.section(4)),
            rows: Filter(self.section(5)),
            fine: Filter(self.section(6)),
            states: Table {
                entries: self.section(7),
                buckets: state_buckets,
                probes: state_probes,
            },
            phrases: self.section(8),
        }
    }

    /// A section as entries; a rest that is none is not there.
    fn section<const N: usize>(&self, number: usize) -> &[[u8; N]] {
        self.bytes[self.sections[number].clone()].as_chunks().0
    }
}

/// The same bytes with the checksum that they should have.
pub(super) fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
    if let Some((head, checked)) = bytes.split_at_mut_checked(CHECKED_FROM) {
        let checksum = XxHash64::oneshot(0, checked);
        head[8..].copy_from_slice(&checksum.to_le_bytes());
    }
    bytes
}
