//! What web servers sent: records of a WARC, their text and what is known of it as fields.
//!
//! Pages and plain text are documents, whether as a server's answer (`response`), as a file (`resource`) or made of either
//! (`conversion`, as in WET files); requests, metadata, images and the like are none. How a body was packed for its way is
//! undone, brotli excepted. Where records end is `warc_scan.rs`.

use std::borrow::Cow;
use std::io::Read;

use super::encoding::{self, BadBytes};
use super::html;
use super::json::{Fields, Value};
use super::mail::{TEXT, TIME};
use super::quarantine::Kind;
use super::warc_scan::{Headers, head_length, header, headers};

/// No page is longer, once it is unpacked.
const PAGE: u64 = 64 << 20;
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

/// The fields of a record, and whether bytes of its text were replaced; nothing where it has no text.
///
/// # Errors
/// Why its text cannot be read.
pub(crate) fn parse(
    record: &[u8],
    bad: BadBytes,
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
    let bytes = unpacked(&body).map_err(|why| (Kind::Warc, why))?;
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
fn unpacked<'a>(body: &Body<'a>) -> Result<Cow<'a, [u8]>, String> {
    let said = |name: &str| {
        let http = body.http.as_ref()?;
        header(&http.headers, name).map(str::to_ascii_lowercase)
    };
    let mut bytes = Cow::Borrowed(body.bytes);
    if said("Transfer-Encoding").is_some_and(|how| how.contains("chunked"))
        && let Some(whole) = without_chunks(&bytes)
    {
        bytes = Cow::Owned(whole);
    }
    let how = said("Content-Encoding").unwrap_or_default();
    let unpacked = match (how.trim(), bytes.as_ref()) {
        ("gzip" | "x-gzip", packed @ [0x1F, 0x8B, ..]) => {
            all(flate2::read::MultiGzDecoder::new(packed))
        }
        ("deflate", packed @ [0x78, ..]) => all(flate2::read::ZlibDecoder::new(packed)),
        ("zstd", packed @ [0x28, 0xB5, 0x2F, 0xFD, ..]) => {
            let decoder = zstd::stream::read::Decoder::with_buffer(packed);
            decoder.map_err(|error| error.to_string()).and_then(all)
        }
        ("br", _) if simdutf8::basic::from_utf8(&bytes).is_err() => {
            Err("brotli is not read".to_string())
        }
        _ => return Ok(bytes),
    };
    unpacked
        .map(Cow::Owned)
        .map_err(|why| format!("its body, Content-Encoding {how:?}: {why}"))
}

fn all(packed: impl Read) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    packed
        .take(PAGE + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| error.to_string())?;
    match bytes.len() as u64 {
        ..=PAGE => Ok(bytes),
        _ => Err(format!("it becomes longer than {PAGE} bytes")),
    }
}

/// A body that was sent in chunks, as one; nothing where it was not.
fn without_chunks(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut whole = Vec::with_capacity(rest.len());
    loop {
        let end = memchr::memchr(b'\n', rest)?;
        let line = std::str::from_utf8(&rest[..end]).ok()?;
        let length = line.split(';').next()?.trim();
        let length = usize::from_str_radix(length, 16).ok()?;
        rest = &rest[end + 1..];
        if length == 0 {
            return Some(whole);
        }
        // The last chunk of an answer that broke off.
        let here = length.min(rest.len());
        whole.extend_from_slice(&rest[..here]);
        rest = &rest[here..];
        if rest.is_empty() {
            return Some(whole);
        }
        rest = rest.strip_prefix(b"\r\n").or(rest.strip_prefix(b"\n"))?;
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

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
        let (fields, _) = parse(record, BadBytes::Quarantine).unwrap()?;
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
        let (fields, replaced) = parse(&record, BadBytes::Quarantine).unwrap().unwrap();
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
            parse(&endless, BadBytes::Quarantine).unwrap_err().0,
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
            parse(&answer(headers, body), BadBytes::Replace)
                .unwrap_err()
                .1
        };
        assert!(refused(gz, &gzip(b"packed")[..20]).contains("gzip"));
        assert!(refused(gz, &gzip(&vec![b'x'; PAGE as usize + 1])).contains("longer than"));
        assert!(
            refused(
                "Content-Type: text/plain\r\nContent-Encoding: br",
                b"\x8b\x02\x80"
            )
            .contains("brotli")
        );
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
            parse(&broken, BadBytes::Quarantine).unwrap_err().0,
            Kind::Encoding
        );
        assert!(parse(&broken, BadBytes::Replace).unwrap().unwrap().1);
    }
}
