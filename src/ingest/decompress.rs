//! Compressed streams: gzip, zstd, bzip2 and xz, also several members or frames in a row.
//!
//! The name of a file decides; where it says nothing (standard input above all), the first bytes do. A stream that grows
//! beyond a stated measure is given up, and what was read of it stands; so are all streams of one input, the members of an
//! archive and what is in them, that together do.

use std::io::{self, BufReader, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bzip2::bufread::MultiBzDecoder;
use flate2::bufread::MultiGzDecoder;
use lzma_rust2::XzReader;

use super::ahead::Ahead;

/// How many times its size a stream may become, unless somebody says otherwise. Logs become a hundred times shorter;
/// gzip can do a thousand, and files made to fill a disk do.
pub(crate) const EXPANSION: u64 = 500;
/// So much may come out of any stream.
const FREE: u64 = 64 << 20;
/// What `xz -9` needs, and no more: a file says how much memory it wants.
const XZ_MEMORY_KIB: u32 = 70 << 10;

/// How a stream is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compression {
    Gzip,
    Zstd,
    Bzip2,
    Xz,
}

impl Compression {
    pub(crate) fn of_extension(extension: &str) -> Option<Self> {
        match extension {
            "gz" | "gzip" => Some(Self::Gzip),
            "zst" | "zstd" => Some(Self::Zstd),
            "bz2" => Some(Self::Bzip2),
            "xz" => Some(Self::Xz),
            _ => None,
        }
    }

    fn of_first_bytes(bytes: &[u8]) -> Option<Self> {
        // None is the beginning of any UTF-8 text, but for bzip2's first four, hence the six after them.
        match bytes {
            [0x1F, 0x8B, ..] => Some(Self::Gzip),
            [0x28, 0xB5, 0x2F, 0xFD, ..] => Some(Self::Zstd),
            [0xFD, b'7', b'z', b'X', b'Z', 0, ..] => Some(Self::Xz),
            [b'B', b'Z', b'h', b'1'..=b'9', rest @ ..]
                if rest.starts_with(b"\x31\x41\x59\x26\x53\x59")
                    || rest.starts_with(b"\x17\x72\x45\x38\x50\x90") =>
            {
                Some(Self::Bzip2)
            }
            _ => None,
        }
    }
}

/// Whether these bytes begin no compressed stream.
pub(crate) fn is_plain(head: &[u8]) -> bool {
    Compression::of_first_bytes(head).is_none()
}

/// Any stream.
pub(crate) type Stream<'a> = Box<dyn Read + 'a>;

/// How long the streams of an input may become: each by itself, and all together.
#[derive(Debug, Clone)]
pub(crate) struct Measure {
    /// So many times as long.
    expansion: u64,
    input: Arc<Grown>,
}

impl Measure {
    /// For an input that is about to be read.
    pub(crate) fn new(expansion: u64) -> Self {
        Self {
            expansion,
            input: Arc::default(),
        }
    }

    /// So many more bytes of the input, as it is outside of all archives and compression, were read.
    pub(crate) fn read(&self, bytes: u64) {
        self.input.packed.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// How long something was and has become.
#[derive(Debug, Default)]
struct Grown {
    packed: AtomicU64,
    unpacked: AtomicU64,
}

impl Grown {
    /// Whether it is too long now.
    fn by(&self, unpacked: u64, expansion: u64) -> bool {
        let now = self.unpacked.fetch_add(unpacked, Ordering::Relaxed) + unpacked;
        let packed = self.packed.load(Ordering::Relaxed);
        now > packed.saturating_mul(expansion).max(FREE)
    }
}

/// The decompressed stream, which may become as long as `measure` says.
pub(crate) fn decompress<'a>(
    stream: impl Read + 'a,
    named: Option<Compression>,
    measure: &Measure,
) -> io::Result<Stream<'a>> {
    let mut stream = Ahead::new(stream);
    let compression = named.or_else(|| Compression::of_first_bytes(stream.look(10)));
    let Some(compression) = compression else {
        return Ok(Box::new(stream));
    };
    let grown = Arc::new(Grown::default());
    let stream = BufReader::with_capacity(
        128 << 10,
        Counted {
            stream,
            count: Arc::clone(&grown),
        },
    );
    let unpacked: Stream<'a> = match compression {
        Compression::Gzip => Box::new(MultiGzDecoder::new(stream)),
        Compression::Zstd => Box::new(zstd::stream::read::Decoder::with_buffer(stream)?),
        Compression::Bzip2 => Box::new(MultiBzDecoder::new(stream)),
        Compression::Xz => Box::new(XzReader::new_mem_limit(stream, true, XZ_MEMORY_KIB)),
    };
    Ok(Box::new(Bounded {
        stream: unpacked,
        grown,
        measure: measure.clone(),
    }))
}

/// A stream that somebody else decompressed out of `packed` bytes, held to the same measure.
pub(crate) fn bounded<'a>(stream: impl Read + 'a, packed: u64, measure: &Measure) -> Stream<'a> {
    let grown = Grown {
        packed: AtomicU64::new(packed),
        unpacked: AtomicU64::new(0),
    };
    Box::new(Bounded {
        stream,
        grown: Arc::new(grown),
        measure: measure.clone(),
    })
}

struct Counted<R> {
    stream: R,
    count: Arc<Grown>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.stream.read(buffer)?;
        self.count.packed.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// Gives up a stream that was made to fill a disk.
struct Bounded<R> {
    stream: R,
    grown: Arc<Grown>,
    measure: Measure,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.stream.read(buffer)?;
        let Measure { expansion, input } = &self.measure;
        let what = if self.grown.by(read as u64, *expansion) {
            "it becomes"
        } else if input.by(read as u64, *expansion) {
            "with all that is in the same archive it becomes"
        } else {
            return Ok(read);
        };
        Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("{what} more than {expansion} times as long (--max-expansion)"),
        ))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn bzip2(text: &[u8]) -> Vec<u8> {
        let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn xz(text: &[u8]) -> Vec<u8> {
        let options = lzma_rust2::XzOptions::with_preset(1);
        let mut encoder = lzma_rust2::XzWriter::new(Vec::new(), options).unwrap();
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(text: &[u8]) -> Vec<u8> {
        zstd::encode_all(text, 1).unwrap()
    }

    type Pack = fn(&[u8]) -> Vec<u8>;

    const ALL: [(Compression, Pack); 4] = [
        (Compression::Gzip, gzip),
        (Compression::Zstd, zstd),
        (Compression::Bzip2, bzip2),
        (Compression::Xz, xz),
    ];

    fn measure(bytes: &[u8], expansion: u64) -> Measure {
        let measure = Measure::new(expansion);
        measure.read(bytes.len() as u64);
        measure
    }

    fn read(bytes: &[u8], named: Option<Compression>) -> (Vec<u8>, bool) {
        let mut out = Vec::new();
        let whole = decompress(Box::new(bytes), named, &measure(bytes, EXPANSION))
            .and_then(|mut stream| stream.read_to_end(&mut out))
            .is_ok();
        (out, whole)
    }

    #[test]
    fn first_bytes_tell_the_compression() {
        for (compression, pack) in ALL {
            for text in [&b"text"[..], b""] {
                let packed = pack(text);
                assert_eq!(
                    read(&packed, None),
                    (text.to_vec(), true),
                    "{compression:?}"
                );
                assert_eq!(read(&packed, Some(compression)), (text.to_vec(), true));
            }
        }
        for plain in [&b"te"[..], b"", b"BZh9 is how some text begins"] {
            assert_eq!(read(plain, None), (plain.to_vec(), true));
        }
    }

    #[test]
    fn several_members_and_frames_are_one_stream() {
        for (compression, pack) in ALL {
            let packed = [pack(b"one "), pack(b"two")].concat();
            assert_eq!(
                read(&packed, None),
                (b"one two".to_vec(), true),
                "{compression:?}"
            );
        }
    }

    #[test]
    fn a_stream_cut_short_is_an_error() {
        let text = "text ".repeat(1000);
        for (compression, pack) in ALL {
            let packed = pack(text.as_bytes());
            for cut in [packed.len() - 1, packed.len() - 5, packed.len() / 2] {
                assert!(!read(&packed[..cut], None).1, "{compression:?} at {cut}");
            }
            assert!(!read(b"nothing of the kind", Some(compression)).1);
        }
    }

    #[test]
    fn a_stream_that_fills_the_disk_is_given_up() {
        let zeros = zstd(&vec![0; 80 << 20]);
        let (out, whole) = read(&zeros, None);
        assert!(
            !whole && out.len() as u64 <= FREE + (1 << 20),
            "{}",
            out.len()
        );
        let mut all = Vec::new();
        decompress(Box::new(&zeros[..]), None, &measure(&zeros, u64::MAX))
            .unwrap()
            .read_to_end(&mut all)
            .unwrap();
        assert_eq!(all.len(), 80 << 20);
    }
    #[test]
    fn streams_that_fill_the_disk_together_are_given_up() {
        let zeros = zstd(&vec![0; 30 << 20]);
        let measure = measure(&zeros, EXPANSION);
        let whole = |zeros: &[u8]| {
            let mut stream = decompress(Box::new(zeros), None, &measure).unwrap();
            io::copy(&mut stream, &mut io::sink())
        };
        assert!(whole(&zeros).is_ok() && whole(&zeros).is_ok());
        let why = whole(&zeros).unwrap_err().to_string();
        assert!(
            why.starts_with("with all that is in the same archive"),
            "{why}"
        );
        measure.read(10 << 20);
        assert!(whole(&zeros).is_ok());
    }
}
