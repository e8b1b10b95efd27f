//! What web servers sent: records of a WARC, their text and what is known of it as fields.
//!
//! Pages and plain text are documents, whether as a server's answer (`response`), as a file (`resource`) or made of either
//! (`conversion`, as in WET files); requests, metadata, images and the like are none. How a body was packed for its way is
//! undone where that is gzip, deflate or zstd; one that was packed otherwise is refused. Where records end is `warc_scan.rs`.

use std::borrow::Cow;
use std::io::Read;

use super::encoding::{self, BadBytes};
use super::html;
use super::json::{Fields, Value};
use super::mail::{TEXT, TIME};
use super::quarantine::Kind;
use super::warc_scan::{Headers, head_length, header, headers};

/// So much of a page is searched for its encoding, as browsers do.
const LOOK: usize = 1024;

/// What is wrong with a record.
type Wrong = (Kind, String);

/// A body, and what its server said of it.
struct Body<'a> {
    bytes: &'a [u8],
    media_type: String,
    http: Option<Http>,
}

/// What stands above the body of an answer.
struct Http {
    status: Option<i64>,
    headers: Headers,
}

/// The fields of a record, and whether bytes of its text were replaced; nothing where it has no text. No body may be longer
/// than `limit` once it is unpacked.
///
/// # Errors
/// Why its text cannot be read.
pub(crate) fn parse(
    record: &[u8],
    bad: BadBytes,
    limit: usize,
) -> Result<Option<(Fields<'static>, bool)>, Wrong> {
    let head = head_length(record).unwrap_or(record.len());
    let warc = headers(&record[..head]);
    let Some(body) = body(&warc, &record[head..])? else {
        return Ok(None);
    };
    let is_page = match essence(&body.media_type).as_str() {
        "text/html" | "application/xhtml+xml" => true,
        "text/plain" => false,
        _ => return Ok(None),
    };
    let bytes = unpacked(&body, limit)?;
    let named =
        charset(&body.media_type).or_else(|| is_page.then(|| charset_within(&bytes)).flatten());
    let (text, replaced) = encoding::decode_page(&bytes, named.as_deref(), bad)
        .map_err(|why| (Kind::Encoding, why))?;
    let (title, text) = match is_page {
        true => {
            let page = html::read(&text);
            (page.title, page.text)
        }
        false => (None, text),
    };
    if text.trim().is_empty() {
        return Ok(None);
    }
    let said = |name: &str| header(&warc, name).map(str::to_string);
    let url = said("WARC-Target-URI").map(|url| url.trim_matches(['<', '>']).to_string());
    let (status, http) = match body.http {
        Some(http) => (http.status, Some(http.headers)),
        None => (None, None),
    };
    let words = |value: Option<String>| value.map(|value| Value::Text(Cow::Owned(value)));
    let list = |headers: &[(String, String)]| {
        let headers: serde_json::Value = headers
            .iter()
            .map(|(name, value)| serde_json::json!([name, value]))
            .collect();
        Value::Json(Cow::Owned(headers.to_string()))
    };
    let fields = [
        ("url", words(url)),
        ("title", words(title)),
        ("http_status", status.map(Value::Int)),
        ("content_type", words(Some(body.media_type))),
        ("warc_type", words(said("WARC-Type"))),
        ("record_id", words(said("WARC-Record-ID"))),
        ("headers", Some(list(&warc))),
        ("http_headers", http.as_deref().map(list)),
        (TIME, words(said("WARC-Date"))),
        (TEXT, words(Some(text))),
    ];
    let fields = fields
        .into_iter()
        .filter_map(|(name, value)| Some((Cow::Borrowed(name), value?)))
        .collect();
    Ok(Some((fields, replaced)))
}

/// What a record carries, if it is one that may carry text.
fn body<'a>(warc: &[(String, String)], bytes: &'a [u8]) -> Result<Option<Body<'a>>, Wrong> {
    let length = header(warc, "Content-Length").and_then(|length| length.parse().ok());
    let bytes = &bytes[..length.unwrap_or(bytes.len()).min(bytes.len())];
    let media_type = header(warc, "Content-Type").unwrap_or_default();
    match header(warc, "WARC-Type")
        .unwrap_or_default()
        .to_ascii_lowercase()
        .as_str()
    {
        "response" if essence(media_type) == "application/http" => {
            let end = head_length(bytes).ok_or_else(|| {
                (
                    Kind::Warc,
                    "the headers of its HTTP answer do not end".to_string(),
                )
            })?;
            let headers = headers(&bytes[..end]);
            let line = String::from_utf8_lossy(&bytes[..end]);
            let status = line.split_ascii_whitespace().nth(1);
            Ok(Some(Body {
                bytes: &bytes[end..],
                media_type: header(&headers, "Content-Type")
                    .unwrap_or_default()
                    .to_string(),
                http: Some(Http {
                    status: status.and_then(|status| status.parse().ok()),
                    headers,
                }),
            }))
        }
        "resource" | "conversion" => Ok(Some(Body {
            bytes,
            media_type: media_type.to_string(),
            http: None,
        })),
        _ => Ok(None),
    }
}

/// `Text/HTML; charset=gbk` → `text/html`
fn essence(media_type: &str) -> String {
    let essence = media_type.split(';').next().unwrap_or_default();
    essence.trim().to_ascii_lowercase()
}

fn charset(media_type: &str) -> Option<String> {
    media_type.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        let is_it = name.trim().eq_ignore_ascii_case("charset");
        is_it.then(|| value.trim().trim_matches('"').to_string())
    })
}

/// What `<meta charset=…>` says, or the older form of it.
fn charset_within(page: &[u8]) -> Option<String> {
    let head = page[..page.len().min(LOOK)].to_ascii_lowercase();
    let at = memchr::memmem::find(&head, b"charset=")? + b"charset=".len();
    let value = head[at..].trim_ascii_start();
    let value = value
        .strip_prefix(b"\"")
        .or(value.strip_prefix(b"'"))
        .unwrap_or(value);
    let is_of_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_:.".contains(byte);
    let name = value.iter().copied().take_while(is_of_name).collect();
    // Who could read this says so in ASCII, hence not in UTF-16.
    let name = String::from_utf8(name).ok()?;
    Some(if name.starts_with("utf-16") {
        "utf-8".into()
    } else {
        name
    })
}

/// The body as it was before it was cut in chunks and compressed. Archives that undid either keep its header, so what does not
/// look packed is taken as it is.
fn unpacked<'a>(body: &Body<'a>, limit: usize) -> Result<Cow<'a, [u8]>, Wrong> {
    let said = |name: &str| {
        let http = body.http.as_ref()?;
        header(&http.headers, name).map(|how| how.trim().to_ascii_lowercase())
    };
    let mut bytes = Cow::Borrowed(body.bytes);
    let mut on_its_way = said("Transfer-Encoding").unwrap_or_default();
    if let Some(others) = on_its_way.strip_suffix("chunked") {
        if let Some(whole) = without_chunks(&bytes) {
            bytes = Cow::Owned(whole);
        }
        on_its_way = others.trim_end_matches([',', ' ']).to_string();
    }
    let of_content = said("Content-Encoding").unwrap_or_default();
    for (name, coding) in [
        ("Transfer-Encoding", on_its_way),
        ("Content-Encoding", of_content),
    ] {
        match undone(&coding, &bytes, limit) {
            Ok(None) => {}
            Ok(Some(undone)) => bytes = Cow::Owned(undone),
            Err((kind, why)) => return Err((kind, format!("its body, {name} {coding:?}: {why}"))),
        }
    }
    Ok(bytes)
}

/// What was packed in a coding; nothing where it was not.
fn undone(coding: &str, bytes: &[u8], limit: usize) -> Result<Option<Vec<u8>>, Wrong> {
    let undone = match (coding, bytes) {
        // Some servers name the encoding of the text here.
        ("" | "identity" | "none", _) => return Ok(None),
        _ if encoding_rs::Encoding::for_label(coding.as_bytes()).is_some() => return Ok(None),
        ("gzip" | "x-gzip", [0x1F, 0x8B, ..]) => {
            all(flate2::read::MultiGzDecoder::new(bytes), limit)
        }
        ("zstd", [0x28, 0xB5, 0x2F, 0xFD, ..]) => {
            match zstd::stream::read::Decoder::with_buffer(bytes) {
                Ok(decoder) => all(decoder, limit),
                Err(error) => Err((Kind::Warc, error.to_string())),
            }
        }
        ("gzip" | "x-gzip" | "zstd", _) => return Ok(None),
        ("deflate", _) => inflated(bytes, limit),
        _ => Err((Kind::Warc, "such a coding is not read".to_string())),
    };
    match undone {
        Err((Kind::Warc, _)) if simdutf8::basic::from_utf8(bytes).is_ok() => Ok(None),
        undone => undone.map(Some),
    }
}

/// `deflate` is zlib's format by the standard, and without its header with some servers.
fn inflated(bytes: &[u8], limit: usize) -> Result<Vec<u8>, Wrong> {
    if let &[first, second, ..] = bytes
        && first & 15 == 8
        && u16::from_be_bytes([first, second]).is_multiple_of(31)
        && let Ok(whole) = all(flate2::read::ZlibDecoder::new(bytes), limit)
    {
        return Ok(whole);
    }
    // Bytes that happen to begin such a stream do not end with it; one that is cut off asks for what stands behind it.
    let mut decoder = flate2::read::DeflateDecoder::new(bytes.chain(&b"\0"[..]));
    let whole = all(&mut decoder, limit)?;
    match decoder.total_in() == bytes.len() as u64 {
        true => Ok(whole),
        false => Err((
            Kind::Warc,
            "its stream does not end where it does".to_string(),
        )),
    }
}

fn all(packed: impl Read, limit: usize) -> Result<Vec<u8>, Wrong> {
    let mut bytes = Vec::new();
    packed
        .take(limit as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| (Kind::Warc, error.to_string()))?;
    if bytes.len() > limit {
        let why = format!("it becomes longer than {limit} bytes (--max-record-bytes)");
        return Err((Kind::TooLong, why));
    }
    Ok(bytes)
}

/// A body that was sent in chunks, as one; nothing where it is not in chunks up to its end, at which it may have broken off.
fn without_chunks(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut whole = Vec::with_capacity(rest.len());
    while !rest.is_empty() {
        let (line, behind) = match memchr::memchr(b'\n', rest) {
            Some(end) => (&rest[..end], &rest[end + 1..]),
            None if !whole.is_empty() => (rest, &b""[..]),
            None => return None,
        };
        let line = std::str::from_utf8(line).ok()?;
        let length = line.split(';').next()?.trim();
        let length = usize::from_str_radix(length, 16).ok()?;
        if length == 0 {
            return are_trailers(behind).then_some(whole);
        }
        let (chunk, behind) = behind.split_at(length.min(behind.len()));
        whole.extend_from_slice(chunk);
        rest = match behind {
            b"" | b"\r" => b"",
            _ => behind
                .strip_prefix(b"\r\n")
                .or(behind.strip_prefix(b"\n"))?,
        };
    }
    Some(whole)
}

/// Whether nothing stands here but the headers that may follow the last chunk.
fn are_trailers(rest: &[u8]) -> bool {
    let rest = rest.trim_ascii_end();
    let mut lines = rest.split(|&byte| byte == b'\n');
    rest.is_empty() || lines.all(|line| line.contains(&b':'))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    const LIMIT: usize = 1 << 20;

    fn record(kind: &str, media_type: &str, body: &[u8]) -> Vec<u8> {
        let head = format!(
            "WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Target-URI: <http://example.com/a>\r\n\
             WARC-Date: 2026-11-28T10:00:00Z\r\nWARC-Record-ID: <urn:uuid:1>\r\n\
             Content-Type: {media_type}\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        [head.as_bytes(), body, b"\r\n\r\n"].concat()
    }

    fn answer(headers: &str, body: &[u8]) -> Vec<u8> {
        let http = [
            format!("HTTP/1.1 200 OK\r\n{headers}\r\n\r\n").as_bytes(),
            body,
        ]
        .concat();
        record("response", "application/http; msgtype=response", &http)
    }

    fn text(record: &[u8]) -> Option<String> {
        let (fields, _) = parse(record, BadBytes::Quarantine, LIMIT).unwrap()?;
        fields.iter().find_map(|(name, value)| match value {
            Value::Text(text) if name == TEXT => Some(text.to_string()),
            _ => None,
        })
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn an_answer_is_its_page_and_its_headers_are_fields() {
        let page = b"<title>T</title><p>one<p>two";
        let record = answer(
            "Content-Type: text/html; charset=utf-8\r\nX-A: b\r\n c",
            page,
        );
        let (fields, replaced) = parse(&record, BadBytes::Quarantine, LIMIT)
            .unwrap()
            .unwrap();
        assert!(!replaced);
        let field = |name: &str| {
            fields
                .iter()
                .find(|(of, _)| of == name)
                .map(|(_, value)| value.clone())
        };
        let words = |text: &str| Some(Value::Text(text.to_string().into()));
        assert_eq!(field(TEXT), words("one\ntwo"));
        assert_eq!(field("title"), words("T"));
        assert_eq!(field("url"), words("http://example.com/a"));
        assert_eq!(field(TIME), words("2026-11-28T10:00:00Z"));
        assert_eq!(field("http_status"), Some(Value::Int(200)));
        assert_eq!(field("content_type"), words("text/html; charset=utf-8"));
        let http = r#"[["Content-Type","text/html; charset=utf-8"],["X-A","b c"]]"#;
        assert_eq!(field("http_headers"), Some(Value::Json(http.into())));
    }

    #[test]
    fn what_carries_text_is_read_and_all_else_is_none() {
        let plain = "Content-Type: text/plain";
        assert_eq!(text(&answer(plain, b"some")).as_deref(), Some("some"));
        assert_eq!(
            text(&record("conversion", "text/plain", b"wet")).as_deref(),
            Some("wet")
        );
        assert_eq!(
            text(&record("resource", "TEXT/html", b"<b>r</b>")).as_deref(),
            Some("r")
        );
        let none = [
            answer("Content-Type: image/png", b"\x89PNG"),
            answer("Server: x", b"no type"),
            answer(plain, b" \r\n"),
            record("response", "text/dns", b"example.com. 1 IN A"),
            record("request", "application/http", b"GET / HTTP/1.1\r\n\r\n"),
            record("warcinfo", "application/warc-fields", b"software: x"),
            b"WARC/1.0\r\n\r\n".to_vec(),
        ];
        for record in none {
            assert_eq!(text(&record), None, "{}", String::from_utf8_lossy(&record));
        }
        let endless = record(
            "response",
            "application/http",
            b"HTTP/1.1 200 OK\r\nA: b\r\n",
        );
        assert_eq!(
            parse(&endless, BadBytes::Quarantine, LIMIT).unwrap_err().0,
            Kind::Warc
        );
    }

    #[test]
    fn how_a_body_was_packed_is_undone() {
        let chunked = "Content-Type: text/plain\r\nTransfer-Encoding: chunked";
        let of = |headers: &str, body: &[u8]| text(&answer(headers, body));
        assert_eq!(
            of(chunked, b"3\r\none\r\nA;x=1\r\n and a two\r\n0\r\n\r\n").as_deref(),
            Some("one and a two")
        );
        assert_eq!(
            of(chunked, b"3\r\none\r\n9\r\n tw").as_deref(),
            Some("one tw"),
            "broken off"
        );
        assert_eq!(
            of(chunked, b"not in chunks").as_deref(),
            Some("not in chunks")
        );
        let gz = "Content-Type: text/plain\r\nContent-Encoding: gzip";
        assert_eq!(of(gz, &gzip(b"packed")).as_deref(), Some("packed"));
        assert_eq!(of(gz, b"not packed").as_deref(), Some("not packed"));
        let both = format!("{gz}\r\nTransfer-Encoding: chunked");
        let packed = gzip(b"both");
        let body = [
            format!("{:x}\r\n", packed.len()).as_bytes(),
            &packed,
            b"\r\n0\r\n\r\n",
        ]
        .concat();
        assert_eq!(of(&both, &body).as_deref(), Some("both"));
        let refused = |headers: &str, body: &[u8]| {
            parse(&answer(headers, body), BadBytes::Replace, LIMIT)
                .unwrap_err()
                .1
        };
        assert!(refused(gz, &gzip(b"packed")[..20]).contains("gzip"));
        assert!(refused(gz, &gzip(&vec![b'x'; LIMIT + 1])).contains("longer than"));
        assert!(
            refused(
                "Content-Type: text/plain\r\nContent-Encoding: br",
                b"\x8b\x02\x80"
            )
            .contains("\"br\"")
        );
    }

    #[test]
    fn a_coding_that_is_not_known_is_named_and_no_text() {
        let plain = "Content-Type: text/plain\r\n";
        let of = |coding: &str, body: &[u8]| {
            parse(
                &answer(&format!("{plain}{coding}"), body),
                BadBytes::Replace,
                LIMIT,
            )
        };
        let read = |coding: &str, body: &[u8]| {
            text(&answer(&format!("{plain}{coding}"), body)).unwrap_or_default()
        };
        let mut raw = Vec::new();
        let deflate = flate2::Compression::fast();
        let mut encoder = flate2::write::DeflateEncoder::new(&mut raw, deflate);
        encoder.write_all("raw 中文".repeat(9).as_bytes()).unwrap();
        encoder.finish().unwrap();
        assert_eq!(
            read("Content-Encoding: deflate", &raw),
            "raw 中文".repeat(9)
        );
        let why = of("Content-Encoding: deflate", &raw[..raw.len() - 4]).unwrap_err();
        assert!(why.1.contains("\"deflate\""), "{why:?}");
        let twice = gzip(&gzip(b"twice"));
        for (coding, body) in [
            ("Content-Encoding: gzip, gzip", twice.as_slice()),
            ("Content-Encoding: compress", b"\x1F\x9D\x90a\xC2\xC5"),
            ("Content-Encoding: br", b"\x8b\x02\x80"),
            ("Content-Encoding: x-of-mine", b"\x8b\x02\x80"),
            ("Transfer-Encoding: x-of-mine, chunked", b"\x8b\x02\x80"),
        ] {
            let (kind, why) = of(coding, body).unwrap_err();
            assert_eq!(kind, Kind::Warc, "{coding}");
            let named = coding.split(": ").nth(1).unwrap();
            let named = named.trim_end_matches(", chunked");
            assert!(why.contains(&format!("{named:?}")), "{coding}: {why}");
        }
        // Undone by who wrote the archive, no coding at all, and an encoding in its place.
        for (coding, body) in [
            ("Content-Encoding: br", "undone 中"),
            ("Content-Encoding: deflate", "undone 中"),
            ("Content-Encoding: compress", "undone 中"),
            ("Content-Encoding: identity", "as it is"),
            ("Transfer-Encoding: identity", "as it is"),
        ] {
            assert_eq!(read(coding, body.as_bytes()), body, "{coding}");
        }
        let gbk = b"\xD6\xD0\xCE\xC4";
        let misused = "Content-Encoding: gbk\r\nContent-Type: text/plain; charset=gbk";
        assert_eq!(
            text(&answer(misused, gbk)).as_deref(),
            Some("中文"),
            "{misused}"
        );
        let packed = gzip(b"on its way");
        assert_eq!(read("Transfer-Encoding: gzip", &packed), "on its way");
    }

    #[test]
    fn a_body_is_in_chunks_from_its_beginning_to_its_end_or_it_is_not() {
        let chunked = "Content-Type: text/plain\r\nTransfer-Encoding: chunked";
        let of = |body: &str| text(&answer(chunked, body.as_bytes())).unwrap_or_default();
        assert_eq!(of("3\r\none\r\n0\r\n"), "one");
        assert_eq!(of("3\r\none\r\n0\r\nX-Sum: 1\r\n\r\n"), "one");
        assert_eq!(of("3\r\none\r\n"), "one", "broken off");
        assert_eq!(of("3\r\none\r"), "one", "broken off");
        assert_eq!(of("3\r\none\r\n1f"), "one", "broken off");
        for whole in [
            "0\nis where it begins",
            "3\none\n0\nand more",
            "3\r\none\r\n0\r\n\r\nmore",
            "3\r\nfour\r\n",
        ] {
            assert_eq!(of(whole), whole);
        }
    }

    #[test]
    fn the_encoding_is_what_the_server_or_the_page_says() {
        let html = |body: &[u8]| text(&answer("Content-Type: text/html", body));
        let gbk = b"\xD6\xD0\xCE\xC4".as_slice();
        let server = text(&answer("Content-Type: text/html; Charset=\"GBK\"", gbk));
        assert_eq!(server.as_deref(), Some("中文"));
        let meta = [
            b"<meta http-equiv=x content='text/html; charset=GB2312'>",
            gbk,
        ]
        .concat();
        assert_eq!(html(&meta).as_deref(), Some("中文"));
        assert_eq!(
            html(b"<meta charset=\"utf-16\">\xE4\xB8\xAD").as_deref(),
            Some("中")
        );
        assert_eq!(
            html(b"\xFF\xFEa\0b\0").as_deref(),
            Some("ab"),
            "by its mark"
        );
        assert_eq!(
            html("中文".as_bytes()).as_deref(),
            Some("中文"),
            "by its bytes"
        );
        let broken = answer("Content-Type: text/plain; charset=utf-8", b"caf\xE9");
        assert_eq!(
            parse(&broken, BadBytes::Quarantine, LIMIT).unwrap_err().0,
            Kind::Encoding
        );
        assert!(parse(&broken, BadBytes::Replace, LIMIT).unwrap().unwrap().1);
    }
}
