//! How the bytes of an input become text: which encoding it is in, and its records decoded one by one.
//!
//! Records are cut before they are decoded: in all encodings of the web but UTF-16 and ISO-2022-JP the bytes of line
//! feeds, quotes and commas are never part of another character. So offsets are those of the input, what goes to
//! quarantine is its own bytes, and workers decode, not the thread that reads. UTF-16 is made into UTF-8 on the way
//! (`utf16.rs`), without loss.
//!
//! An encoding is chosen once a file: by its byte order mark, else by the bytes around the first that is not ASCII, up to
//! which all encodings say the same. A guess is for whole files: a record that is plainly UTF-8 in a file taken for GBK is
//! refused, not turned into other characters.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;
use std::io::{self, Read};
use std::str::FromStr;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{
    BIG5, DecoderResult, EUC_JP, EUC_KR, GB18030, GBK, ISO_2022_JP, SHIFT_JIS, UTF_8, UTF_16BE,
    UTF_16LE,
};

use super::ahead::Ahead;
use super::quarantine::{Fault, Kind};
use super::utf16::{self, Utf16};

/// So much of a file is looked at to choose its encoding, from the first byte on that is not ASCII.
const LOOK: usize = 64 << 10;
/// So much of its beginning shows UTF-16.
const UTF16_LOOK: usize = 4 << 10;
/// With fewer bytes that are not ASCII nothing is guessed.
const EVIDENCE: usize = 4;

/// Which encoding inputs are in: [`auto`](InputEncoding::default), or a name of the
/// [Encoding Standard](https://encoding.spec.whatwg.org/#names-and-labels) such as `gb18030`, `big5` or `windows-1252`.
///
/// A byte order mark counts for more than either.
///
/// ```
/// # use spanql::ingest::InputEncoding;
/// assert_eq!("latin1".parse::<InputEncoding>().unwrap().to_string(), "windows-1252");
/// assert!("klingon".parse::<InputEncoding>().is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct InputEncoding(pub(super) Option<&'static encoding_rs::Encoding>);

impl FromStr for InputEncoding {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        if name.eq_ignore_ascii_case("auto") {
            return Ok(Self(None));
        }
        encoding_rs::Encoding::for_label_no_replacement(name.as_bytes())
            .map(|encoding| Self(Some(encoding)))
            .ok_or_else(|| {
                format!(
                    "{name:?} is no encoding: it is auto, utf-8, utf-16le, utf-16be, gb18030, gbk, big5, shift_jis, \
                     euc-jp, euc-kr, windows-1252 or another name of the Encoding Standard"
                )
            })
    }
}

impl fmt::Display for InputEncoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.map_or("auto", encoding_rs::Encoding::name))
    }
}

/// What becomes of a record with bytes that its encoding does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BadBytes {
    /// The record goes to quarantine.
    #[default]
    Quarantine,
    /// U+FFFD stands in their place, and the document is counted in [`replaced`](super::Summary::replaced).
    Replace,
}

impl FromStr for BadBytes {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "quarantine" => Ok(Self::Quarantine),
            "replace" => Ok(Self::Replace),
            _ => Err(format!("{name:?} is not quarantine or replace")),
        }
    }
}

/// The encoding of a run of records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Encoding {
    pub(super) of: &'static encoding_rs::Encoding,
    /// Nobody said so.
    guessed: bool,
}

/// Tells the bytes that begin a character of two from those that stand for one.
pub(crate) type Leads = fn(u8) -> bool;

impl Encoding {
    pub(crate) const UTF_8: Self = Self {
        of: UTF_8,
        guessed: false,
    };

    pub(crate) fn name(self) -> &'static str {
        self.of.name()
    }

    pub(crate) fn is_utf8(self) -> bool {
        self.of == UTF_8
    }

    fn is_utf16(self) -> bool {
        self.of == UTF_16LE || self.of == UTF_16BE
    }

    /// Whether records can be cut out of the bytes by what stands around them.
    pub(crate) fn can_be_cut(self) -> bool {
        self.of != ISO_2022_JP
    }

    /// Where letters and brackets may be the second byte of a character: what the first looks like.
    pub(crate) fn leads(self) -> Option<Leads> {
        if self.of == GBK || self.of == GB18030 || self.of == BIG5 {
            Some(|byte| (0x81..=0xFE).contains(&byte))
        } else if self.of == SHIFT_JIS {
            Some(|byte| matches!(byte, 0x81..=0x9F | 0xE0..=0xFC))
        } else {
            None
        }
    }

    /// How many bytes of the input these are.
    pub(crate) fn measure(self) -> fn(&[u8]) -> u64 {
        if self.is_utf16() {
            utf16::measure
        } else {
            |bytes| bytes.len() as u64
        }
    }

    /// The bytes as they were in the input.
    pub(crate) fn original(self, bytes: &[u8]) -> Cow<'_, [u8]> {
        if self.is_utf16() {
            Cow::Owned(utf16::original(bytes, self.of == UTF_16BE))
        } else {
            Cow::Borrowed(bytes)
        }
    }

    /// The text of a record, and whether bytes were replaced in it.
    ///
    /// # Errors
    /// Which byte is none of the encoding.
    pub(crate) fn decode(
        self,
        record: &[u8],
        bad: BadBytes,
    ) -> Result<(Cow<'_, str>, bool), Fault> {
        let kind = match self.is_utf8() {
            true => Kind::Utf8,
            false => Kind::Encoding,
        };
        self.text(record, bad)
            .map_err(|why| Fault::new(kind, why, self.measure()(record)))
    }

    fn text(self, record: &[u8], bad: BadBytes) -> Result<(Cow<'_, str>, bool), String> {
        if self.is_utf8() || self.is_utf16() {
            let error = match simdutf8::compat::from_utf8(record) {
                Ok(text) => return Ok((Cow::Borrowed(text), false)),
                Err(error) => error,
            };
            if bad == BadBytes::Replace {
                let text = match self.is_utf8() {
                    true => String::from_utf8_lossy(record),
                    false => Cow::Owned(utf16::replaced(record)),
                };
                return Ok((text, true));
            }
            let at = self.measure()(&record[..error.valid_up_to()]);
            return Err(self.no_character(at));
        }
        if self.guessed && is_plainly_utf8(record, self.leads().is_some()) {
            return Err(format!(
                "the record is UTF-8 in an input taken for {} (--encoding names one)",
                self.name()
            ));
        }
        match bad {
            BadBytes::Quarantine => self
                .of
                .decode_without_bom_handling_and_without_replacement(record)
                .map(|text| (text, false))
                .ok_or_else(|| self.no_character(first_bad(self.of, record) as u64)),
            BadBytes::Replace => Ok(self.of.decode_without_bom_handling(record)),
        }
    }

    fn no_character(self, at: u64) -> String {
        let of = match (self.is_utf8(), self.guessed) {
            (true, false) => String::new(),
            // Of few bytes nothing is guessed, though a person may know.
            (true, true) => " (--encoding names another encoding)".to_string(),
            (false, _) => format!(" of {}", self.name()),
        };
        format!("byte {at} of the record begins no character{of}")
    }

    /// What the bytes are about, for looking at them only.
    pub(crate) fn glimpse(self, bytes: &[u8]) -> Cow<'_, str> {
        if self.is_utf16() {
            String::from_utf8_lossy(bytes)
        } else {
            self.of.decode_without_bom_handling(bytes).0
        }
    }
}

/// The text of something that may name its encoding, which is told by a byte order mark, else by that name, else by its
/// bytes; and whether bytes were replaced in it.
///
/// # Errors
/// Which encoding it is not in.
pub(crate) fn decode_page(
    bytes: &[u8],
    named: Option<&str>,
    bad: BadBytes,
) -> Result<(String, bool), String> {
    let named = || encoding_rs::Encoding::for_label_no_replacement(named?.as_bytes());
    let (of, mark) = match (encoding_rs::Encoding::for_bom(bytes), named()) {
        (Some((of, mark)), _) => (of, mark),
        (None, Some(of)) => (of, 0),
        (None, None) if bytes.is_ascii() => (UTF_8, 0),
        (None, None) => (guess(bytes, false).of, 0),
    };
    let (text, broken) = of.decode_without_bom_handling(&bytes[mark..]);
    match bad {
        BadBytes::Quarantine if broken => {
            Err(format!("some of its bytes are none of {}", of.name()))
        }
        _ => Ok((text.into_owned(), broken)),
    }
}

/// Where decoding fails for the first time.
fn first_bad(encoding: &'static encoding_rs::Encoding, bytes: &[u8]) -> usize {
    let mut decoder = encoding.new_decoder_without_bom_handling();
    let mut text = vec![0; 4 << 10];
    let mut at = 0;
    loop {
        let (result, read, _) =
            decoder.decode_to_utf8_without_replacement(&bytes[at..], &mut text, true);
        at += read;
        match result {
            DecoderResult::OutputFull => {}
            DecoderResult::InputEmpty => return at,
            DecoderResult::Malformed(bad, after) => {
                return at.saturating_sub(usize::from(bad) + usize::from(after));
            }
        }
    }
}

/// Whether the bytes are UTF-8 and hardly anything else: in encodings with characters of two bytes (`pairs`), two bytes
/// that look like UTF-8 prove nothing, but eight times (one of a million such records is GBK) and three bytes twice do.
fn is_plainly_utf8(bytes: &[u8], pairs: bool) -> bool {
    let Ok(text) = simdutf8::basic::from_utf8(bytes) else {
        return false;
    };
    let long = |least: usize| text.chars().filter(move |c| c.len_utf8() >= least);
    if pairs {
        long(3).nth(1).is_some() || long(2).nth(7).is_some()
    } else {
        long(2).next().is_some()
    }
}

/// A stream whose encoding is found while it is read; `found` holds it from the first byte on that is not ASCII.
pub(crate) fn open<'a, R: Read + 'a>(
    stream: R,
    wanted: InputEncoding,
    found: &'a Cell<Option<Encoding>>,
) -> Box<dyn Read + 'a> {
    let mut ahead = Ahead::new(stream);
    let sure = |of| Encoding { of, guessed: false };
    let marked = of_mark(ahead.look(4)).or(wanted.0).map(sure);
    let encoding = marked
        .or_else(|| guess_utf16(ahead.look(UTF16_LOOK)).map(|of| Encoding { of, guessed: true }));
    found.set(encoding);
    match encoding {
        Some(encoding) if encoding.is_utf16() => {
            Box::new(Utf16::new(ahead, encoding.of == UTF_16BE))
        }
        Some(_) => Box::new(ahead),
        None => Box::new(Undecided { ahead, found }),
    }
}

/// Whether all of a file is UTF-8, whatever [`open`] would look at to find that out.
pub(crate) fn is_all_utf8(bytes: &[u8], wanted: InputEncoding) -> bool {
    let utf8 = match of_mark(bytes).or(wanted.0) {
        Some(of) => of == UTF_8,
        None => !bytes[..bytes.len().min(UTF16_LOOK)].contains(&0),
    };
    utf8 && simdutf8::basic::from_utf8(bytes).is_ok()
}

fn of_mark(head: &[u8]) -> Option<&'static encoding_rs::Encoding> {
    if head.starts_with(utf16::GB18030_MARK) {
        return Some(GB18030);
    }
    encoding_rs::Encoding::for_bom(head).map(|(encoding, _)| encoding)
}

/// UTF-16 without a mark: in any script line feeds and spaces have a byte that is zero, and read in the wrong order hardly
/// a character is one that people write.
fn guess_utf16(head: &[u8]) -> Option<&'static encoding_rs::Encoding> {
    if !head.contains(&0) {
        return None;
    }
    let little = |pair: &[u8]| u16::from_le_bytes([pair[0], pair[1]]);
    let big = |pair: &[u8]| u16::from_be_bytes([pair[0], pair[1]]);
    let units = |order: fn(&[u8]) -> u16| head.chunks_exact(2).map(order).collect::<Vec<u16>>();
    let common = |units: &[u16]| units.iter().filter(|unit| is_common(**unit)).count();
    let (little, big) = (units(little), units(big));
    let (units, encoding) = match common(&little) > common(&big) {
        true => (little, UTF_16LE),
        false => (big, UTF_16BE),
    };
    let latin = units
        .iter()
        .filter(|unit| (1..0x100).contains(*unit))
        .count();
    // A few zeros in other text prove nothing, and two ASCII characters look like one of Han.
    let enough = if simdutf8::basic::from_utf8(head).is_ok() {
        latin * 5 >= units.len() * 2
    } else {
        latin * 100 >= units.len()
    };
    (enough && common(&units) * 10 >= units.len() * 9).then_some(encoding)
}

/// Whether it is in one of the blocks that most text is written in, or half of a character beyond them.
fn is_common(unit: u16) -> bool {
    matches!(
        unit,
        0x09 | 0x0A | 0x0D | 0x20..=0x7E | 0xA0..=0x24F | 0x370..=0x6FF | 0x900..=0x97F | 0xE00..=0xE7F
            | 0x2010..=0x203A | 0x20AC | 0x3000..=0x30FF | 0x4E00..=0x9FFF | 0xAC00..=0xDFFF | 0xFF00..=0xFFEF
    )
}

/// The encoding of bytes that are not all ASCII; the last line may be `cut` off.
pub(super) fn guess(bytes: &[u8], cut: bool) -> Encoding {
    let whole = match memchr::memrchr(b'\n', bytes) {
        Some(end) if cut && !bytes[..end].is_ascii() => &bytes[..end],
        _ => bytes,
    };
    let guessed = |of| Encoding { of, guessed: true };
    if simdutf8::basic::from_utf8(whole).is_ok() {
        return guessed(UTF_8);
    }
    let lines: Vec<&[u8]> = whole
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_ascii())
        .collect();
    let is_utf8 = |line: &[u8]| match simdutf8::compat::from_utf8(line) {
        Ok(_) => true,
        // Cut off in the middle of a character.
        Err(error) => error.error_len().is_none(),
    };
    let utf8 = lines.iter().filter(|line| is_utf8(line)).count();
    let evidence = whole.iter().filter(|byte| !byte.is_ascii()).count();
    if utf8 * 2 >= lines.len() || evidence < EVIDENCE {
        return guessed(UTF_8);
    }
    let of = detect(&lines);
    if of.is_single_byte() {
        // One bad byte rules an encoding out for the detector, and all bytes are fine in those of one byte.
        for pairs in [GBK, BIG5, SHIFT_JIS, EUC_JP, EUC_KR] {
            let is_fine = |line: &&[u8]| {
                pairs
                    .decode_without_bom_handling_and_without_replacement(line)
                    .is_some()
            };
            let fine: Vec<&[u8]> = lines.iter().copied().filter(is_fine).collect();
            let most = fine.len() < lines.len() && fine.len() * 5 >= lines.len() * 4;
            if most && detect(&fine) == pairs {
                return guessed(pairs);
            }
        }
    }
    guessed(of)
}

fn detect(lines: &[&[u8]]) -> &'static encoding_rs::Encoding {
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    for line in lines {
        detector.feed(line, false);
        detector.feed(b"\n", false);
    }
    detector.guess(None, Utf8Detection::Deny)
}

/// A stream that was ASCII so far.
struct Undecided<'a, R> {
    ahead: Ahead<R>,
    found: &'a Cell<Option<Encoding>>,
}

impl<R: Read> Read for Undecided<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.ahead.read(buffer)?;
        let new = &buffer[..read];
        if self.found.get().is_none() && !new.is_ascii() {
            let before = encoding_rs::Encoding::ascii_valid_up_to(new);
            self.ahead.unread(&new[before..]);
            let look = self.ahead.look(LOOK);
            self.found.set(Some(guess(look, look.len() == LOOK)));
            if before > 0 {
                return Ok(before);
            }
            return self.ahead.read(buffer);
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_all_utf8_is_found_to_be_that_byte_by_byte() {
        let zeros = [b"a\nb\0c\n".as_slice(), &b"x".repeat(UTF16_LOOK)].concat();
        let utf16: Vec<u8> = "line\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let (gbk, ..) = GBK.encode("第三条：公民在法律面前一律平等");
        let texts = [
            &b"plain"[..],
            "第三条：公民".as_bytes(),
            b"\xEF\xBB\xBFmarked",
            b"caf\xE9 au lait",
            b"cut \xE7\xAC",
            b"\xFF\xFEa\0",
            utf16::GB18030_MARK,
            &zeros,
            &utf16,
            &gbk,
        ];
        let mut all = 0;
        for text in texts {
            for wanted in ["auto", "utf-8", "gbk", "utf-16le"] {
                if is_all_utf8(text, wanted.parse().unwrap()) {
                    all += 1;
                    let (same, encoding) = read(text, wanted);
                    let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text);
                    assert_eq!((same.as_bytes(), encoding), (text, "UTF-8"), "{wanted}");
                }
            }
        }
        // The mark counts for more than a name, and zeros are looked into where nothing is named.
        assert_eq!(
            all,
            2 + 2 + 4 + 1 + 1,
            "of the first three, and with zeros by name"
        );
    }

    /// What is read, decoded as a whole, and the encoding found.
    fn read(bytes: &[u8], wanted: &str) -> (String, &'static str) {
        let found = Cell::new(None);
        let mut all = Vec::new();
        open(bytes, wanted.parse().unwrap(), &found)
            .read_to_end(&mut all)
            .unwrap();
        let encoding = found.get().unwrap_or(Encoding::UTF_8);
        let text = encoding.decode(&all, BadBytes::Quarantine).map_or_else(
            |fault| fault.detail,
            |(text, _)| text.trim_start_matches('\u{FEFF}').to_string(),
        );
        (text, encoding.name())
    }

    const CHINESE: &str = "一九四九年，中华人民共和国成立；人民的生活一天比一天好。\n";
    const JAPANESE: &str = "これは日本語の文章です。カタカナもあります。\n";
    const FRENCH: &str = "Où est passée la clé de la forêt ? À côté du château.\n";

    #[test]
    fn encodings_are_found() {
        let ascii = "plain lines first\n".repeat(20_000);
        for (text, name) in [
            (CHINESE, "GBK"),
            (JAPANESE, "Shift_JIS"),
            (JAPANESE, "EUC-JP"),
            ("繁體中文的內容，臺灣與香港都使用這種編碼。\n", "Big5"),
            (FRENCH, "windows-1252"),
            (
                "Это русский текст, записанный по-старому.\n",
                "windows-1251",
            ),
        ] {
            let of = encoding_rs::Encoding::for_label(name.as_bytes()).unwrap();
            let (bytes, _, unmappable) = of.encode(text);
            assert!(!unmappable, "{name}");
            assert_eq!(read(&bytes, "auto"), (text.to_string(), name));
            let late = [ascii.as_bytes(), &bytes].concat();
            assert_eq!(read(&late, "auto"), (format!("{ascii}{text}"), name));
        }
        assert_eq!(read(CHINESE.as_bytes(), "auto"), (CHINESE.into(), "UTF-8"));
        assert_eq!(read(b"ascii", "auto"), ("ascii".into(), "UTF-8"));
        assert_eq!(read(b"", "auto"), (String::new(), "UTF-8"));
    }

    #[test]
    fn marks_count_for_more_than_names() {
        let marked = format!("\u{FEFF}{CHINESE}");
        assert_eq!(read(marked.as_bytes(), "gbk"), (CHINESE.into(), "UTF-8"));
        let (gb, ..) = GB18030.encode(&marked);
        assert_eq!(read(&gb, "auto"), (CHINESE.into(), "gb18030"));
        let le: Vec<u8> = marked.encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(read(&le, "utf-16be"), (CHINESE.into(), "UTF-16LE"));
        let be: Vec<u8> = marked.encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_eq!(read(&be, "auto"), (CHINESE.into(), "UTF-16BE"));
    }

    #[test]
    fn utf16_without_a_mark_shows_by_its_zeros() {
        for text in [CHINESE.repeat(3), "{\"text\": \"plain\"}\n".to_string()] {
            let le: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
            assert_eq!(read(&le, "auto"), (text.clone(), "UTF-16LE"));
            let be: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
            assert_eq!(read(&be, "auto"), (text, "UTF-16BE"));
        }
        assert_eq!(read(b"a\0 few z\0ros\n", "auto").1, "UTF-8");
        assert_eq!(read(b"one zero\0 only\n", "auto").1, "UTF-8");
    }

    #[test]
    fn a_few_stray_bytes_are_no_encoding() {
        let stray = b"stray \xff byte\n";
        let (why, name) = read(stray, "auto");
        assert_eq!(
            (why.as_str(), name),
            (
                "byte 6 of the record begins no character (--encoding names another encoding)",
                "UTF-8"
            )
        );
        let mostly = [
            CHINESE.as_bytes(),
            CHINESE.as_bytes(),
            &GBK.encode(CHINESE).0,
        ]
        .concat();
        assert_eq!(read(&mostly, "auto").1, "UTF-8");
    }

    #[test]
    fn a_record_in_another_encoding_is_refused() {
        let guessed = |of| Encoding { of, guessed: true };
        for of in [GBK, encoding_rs::WINDOWS_1252] {
            let why = guessed(of)
                .decode(CHINESE.as_bytes(), BadBytes::Replace)
                .unwrap_err()
                .detail;
            assert!(why.contains("UTF-8") && why.contains(of.name()), "{why}");
        }
        let (gbk, ..) = GBK.encode(CHINESE);
        assert_eq!(
            guessed(GBK).decode(&gbk, BadBytes::Quarantine).unwrap(),
            (CHINESE.into(), false)
        );
    }

    #[test]
    fn bad_bytes_are_refused_or_replaced() {
        let gbk = Encoding {
            of: GBK,
            guessed: false,
        };
        let bytes = [&GBK.encode("中文").0[..], b"\xFF!"].concat();
        let why = gbk.decode(&bytes, BadBytes::Quarantine).unwrap_err().detail;
        assert_eq!(why, "byte 4 of the record begins no character of GBK");
        assert_eq!(
            gbk.decode(&bytes, BadBytes::Replace).unwrap(),
            ("中文\u{FFFD}!".into(), true)
        );
        let utf8 = Encoding::UTF_8;
        assert_eq!(
            utf8.decode(b"a\xE4\xB8!", BadBytes::Replace).unwrap(),
            ("a\u{FFFD}!".into(), true)
        );
    }
}
