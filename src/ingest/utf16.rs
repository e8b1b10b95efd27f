//! UTF-16 as UTF-8 and back, without loss, so that it can be cut like everything else.
//!
//! What is no UTF-16 stays no UTF-8: a surrogate without its partner becomes the three bytes that it would have, a last
//! byte without its partner `FF` and two halves. Hence the bytes at hand tell how many bytes of the input they stand
//! for, and which.

use std::io::{self, ErrorKind, Read};

/// The byte order mark of GB18030.
pub(crate) const GB18030_MARK: &[u8] = b"\x84\x31\x95\x33";

const BLOCK: usize = 64 << 10;

/// Reads UTF-16 as UTF-8.
#[derive(Debug)]
pub(crate) struct Utf16<R> {
    stream: R,
    big_endian: bool,
    /// Bytes that wait for their partners.
    left: Vec<u8>,
    text: Vec<u8>,
    /// So much of `text` was read.
    at: usize,
    ended: bool,
}

impl<R: Read> Utf16<R> {
    pub(crate) fn new(stream: R, big_endian: bool) -> Self {
        Self {
            stream,
            big_endian,
            left: Vec::new(),
            text: Vec::new(),
            at: 0,
            ended: false,
        }
    }

    fn fill(&mut self) -> io::Result<()> {
        let waiting = self.left.len();
        self.left.resize(waiting + BLOCK, 0);
        let read = self.stream.read(&mut self.left[waiting..]);
        self.left.truncate(waiting + *read.as_ref().unwrap_or(&0));
        self.ended = read? == 0;
        self.text.clear();
        self.at = 0;
        let mut units: Vec<u16> = self
            .left
            .chunks_exact(2)
            .map(|pair| match self.big_endian {
                true => u16::from_be_bytes([pair[0], pair[1]]),
                false => u16::from_le_bytes([pair[0], pair[1]]),
            })
            .collect();
        let waits = |unit: &u16| (0xD800..0xDC00).contains(unit);
        if !self.ended && units.last().is_some_and(waits) {
            units.pop();
        }
        self.left.drain(..units.len() * 2);
        let mut rest = &units[..];
        while !rest.is_empty() {
            let (valid, bad) = rest.split_at(encoding_rs::mem::utf16_valid_up_to(rest));
            let full = self.text.len();
            self.text.resize(full + valid.len() * 3, 0);
            let written = encoding_rs::mem::convert_utf16_to_utf8(valid, &mut self.text[full..]);
            self.text.truncate(full + written);
            if let [surrogate, after @ ..] = bad {
                let [high, low] = surrogate.to_be_bytes();
                self.text.extend([
                    0xE0 | (high >> 4),
                    0x80 | ((high & 0x0F) << 2) | (low >> 6),
                    0x80 | (low & 0x3F),
                ]);
                rest = after;
            } else {
                rest = &[];
            }
        }
        if self.ended
            && let Some(lone) = self.left.pop()
        {
            self.text
                .extend([0xFF, 0x80 | (lone >> 4), 0x80 | (lone & 0x0F)]);
        }
        Ok(())
    }
}

impl<R: Read> Read for Utf16<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.at == self.text.len() && !self.ended {
            match self.fill() {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                filled => filled?,
            }
        }
        let there = &self.text[self.at..];
        let count = there.len().min(buffer.len());
        buffer[..count].copy_from_slice(&there[..count]);
        self.at += count;
        Ok(count)
    }
}

/// How many bytes of UTF-16 these stand for; what is cut in the middle of a character adds up.
pub(crate) fn measure(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .map(|byte| match byte {
            0x80..=0xBF => 0,
            0xF0..=0xFE => 4,
            0xFF => 1,
            _ => 2,
        })
        .sum()
}

/// The bytes of UTF-16 that these stand for; a character that is cut off at the end is left out.
pub(crate) fn original(bytes: &[u8], big_endian: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut push = |unit: u16| {
        out.extend(match big_endian {
            true => unit.to_be_bytes(),
            false => unit.to_le_bytes(),
        });
    };
    let mut lone = None;
    let mut rest = bytes;
    while !rest.is_empty() {
        let valid = match simdutf8::compat::from_utf8(rest) {
            Ok(_) => rest.len(),
            Err(error) => error.valid_up_to(),
        };
        let (text, bad) = rest.split_at(valid);
        String::from_utf8_lossy(text)
            .encode_utf16()
            .for_each(&mut push);
        rest = match bad {
            [0xED, middle, last, after @ ..] => {
                push(0xD000 | (u16::from(middle & 0x3F) << 6) | u16::from(last & 0x3F));
                after
            }
            [0xFF, high, low] => {
                lone = Some((high << 4) | (low & 0x0F));
                &[]
            }
            _ => &[],
        };
    }
    out.extend(lone);
    out
}

/// The text with U+FFFD for each surrogate and byte without its partner.
pub(crate) fn replaced(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        // What follows the first byte of the three is no character either.
        if matches!(chunk.invalid(), [0xED | 0xFF, ..]) {
            text.push('\u{FFFD}');
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8], big_endian: bool) -> Vec<u8> {
        let mut text = Vec::new();
        Utf16::new(bytes, big_endian)
            .read_to_end(&mut text)
            .unwrap();
        text
    }

    #[test]
    fn whatever_comes_can_be_turned_back() {
        let long: Vec<u8> = "中a😀"
            .repeat(50_000)
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        let cases: [&[u8]; 6] = [
            &long,
            b"a\0\x2D\x4E",
            b"a\0\x3D\xD8b\0",
            b"\x3D\xD8\x3D\xD8\x00\xDE\x00\xDE",
            b"a\0\x2D",
            b"\xF7",
        ];
        for bytes in cases {
            for big_endian in [false, true] {
                let text = read(bytes, big_endian);
                assert_eq!(original(&text, big_endian), bytes);
                assert_eq!(measure(&text), bytes.len() as u64);
            }
        }
        assert_eq!(read(&long, false), "中a😀".repeat(50_000).into_bytes());
    }

    #[test]
    fn what_has_no_partner_is_replaced() {
        assert_eq!(
            replaced(&read(b"a\0\x3D\xD8b\0\x2D", false)),
            "a\u{FFFD}b\u{FFFD}"
        );
    }
}
