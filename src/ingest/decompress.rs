//! Compressed streams: gzip (several members in a row too) and zstd.
//!
//! The name of a file decides; where it says nothing (standard input above all), the first bytes do.

use std::io::{self, BufReader, Cursor, Read};

use flate2::bufread::MultiGzDecoder;

/// How a stream is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compression {
    Gzip,
    Zstd,
}

impl Compression {
    pub(crate) fn of_extension(extension: &str) -> Option<Self> {
        match extension {
            "gz" | "gzip" => Some(Self::Gzip),
            "zst" | "zstd" => Some(Self::Zstd),
            _ => None,
        }
    }

    fn of_first_bytes(bytes: &[u8]) -> Option<Self> {
        // Neither is the beginning of any UTF-8 text.
        if bytes.starts_with(&[0x1F, 0x8B]) {
            Some(Self::Gzip)
        } else if bytes.starts_with(&[0x28, 0xB5, 0x2F, 0xFD]) {
            Some(Self::Zstd)
        } else {
            None
        }
    }
}

/// A stream that can be read on another thread.
pub(crate) type Stream<'a> = Box<dyn Read + Send + 'a>;

/// Up to `count` first bytes, and the stream as it was.
pub(crate) fn peek<'a>(mut stream: Stream<'a>, count: usize) -> io::Result<(Vec<u8>, Stream<'a>)> {
    let mut head = Vec::with_capacity(count);
    (&mut stream).take(count as u64).read_to_end(&mut head)?;
    Ok((head.clone(), Box::new(Cursor::new(head).chain(stream))))
}

/// The decompressed stream.
pub(crate) fn decompress<'a>(
    stream: Stream<'a>,
    named: Option<Compression>,
) -> io::Result<Stream<'a>> {
    let (compression, stream) = match named {
        Some(named) => (Some(named), stream),
        None => {
            let (head, stream) = peek(stream, 4)?;
            (Compression::of_first_bytes(&head), stream)
        }
    };
    Ok(match compression {
        None => stream,
        Some(Compression::Gzip) => Box::new(MultiGzDecoder::new(BufReader::with_capacity(
            128 << 10,
            stream,
        ))),
        Some(Compression::Zstd) => Box::new(zstd::stream::read::Decoder::new(stream)?),
    })
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

    fn read(bytes: &[u8], named: Option<Compression>) -> (Vec<u8>, bool) {
        let mut out = Vec::new();
        let whole = decompress(Box::new(bytes), named)
            .and_then(|mut stream| stream.read_to_end(&mut out))
            .is_ok();
        (out, whole)
    }

    #[test]
    fn first_bytes_tell_the_compression() {
        let zstd = zstd::encode_all(&b"text"[..], 1).unwrap();
        let gzip = gzip(b"text");
        for (bytes, named) in [
            (&zstd, Some(Compression::Zstd)),
            (&gzip, Some(Compression::Gzip)),
        ] {
            assert_eq!(read(bytes, None), (b"text".to_vec(), true));
            assert_eq!(read(bytes, named), (b"text".to_vec(), true));
        }
        assert_eq!(read(b"te", None), (b"te".to_vec(), true));
        assert_eq!(read(b"", None), (Vec::new(), true));
    }

    #[test]
    fn several_members_and_frames_are_one_stream() {
        let members = [gzip(b"one "), gzip(b"two")].concat();
        assert_eq!(read(&members, None), (b"one two".to_vec(), true));
        let frames = [&b"one "[..], b"two"]
            .map(|text| zstd::encode_all(text, 1).unwrap())
            .concat();
        assert_eq!(read(&frames, None), (b"one two".to_vec(), true));
    }

    #[test]
    fn a_stream_cut_short_is_an_error() {
        let text = "text ".repeat(1000);
        for bytes in [
            gzip(text.as_bytes()),
            zstd::encode_all(text.as_bytes(), 1).unwrap(),
        ] {
            assert!(!read(&bytes[..bytes.len() - 5], None).1);
        }
        assert!(!read(b"no gzip at all", Some(Compression::Gzip)).1);
    }
}
