//! Letters: RFC 5322 messages out of `.eml` and mbox, their body as text and their headers as fields.
//!
//! Parsing is `mail-parser`'s; here it is decided which headers are columns and what the text is: the parts that a reader
//! is shown first, HTML as [text](super::html), letters enclosed in it after it. Attachments are named, not read. Headers
//! that are not in ASCII are `mail_headers.rs`; where mails end in an mbox is `mbox.rs`.

use std::borrow::Cow;

use mail_parser::{Address, HeaderValue, Message, MessageParser, MimeHeaders, PartType};

use super::encoding::InputEncoding;
use super::html;
use super::json::{Fields, Value};
use super::mail_headers;

/// What the fields are called that are the text and the time of a document.
pub(crate) const TEXT: &str = " text";
pub(crate) const TIME: &str = " time";

/// Letters in letters are read so deep.
const DEPTH: usize = 8;

/// What of a message is no text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Damage {
    None,
    /// Words of headers that are not in the encoding which they name, such as a character cut in two by a careless program.
    Words,
    /// Bytes of the text or of headers; why.
    Bytes(&'static str),
}

/// The fields of a message, and what in it is no text in its encoding; `wanted` is that of headers which name none.
///
/// # Errors
/// Why it is no message.
pub(crate) fn parse(
    raw: &[u8],
    wanted: InputEncoding,
) -> Result<(Fields<'static>, Damage), String> {
    let raw = without_envelope(raw);
    let none = || "there are no headers".to_string();
    let first = read(&raw).ok_or_else(none)?;
    let plain = mail_headers::in_utf8(&raw, &first, wanted);
    let (message, raw, whole) = match &plain {
        None => (first, raw.as_ref(), true),
        Some((plain, whole)) => (read(plain).ok_or_else(none)?, plain.as_slice(), *whole),
    };
    let mut fields: Fields<'static> = Vec::new();
    let mut push = |name: &'static str, value: Option<String>| {
        if let Some(value) = value {
            fields.push((Cow::Borrowed(name), Value::Text(Cow::Owned(value))));
        }
    };
    push("from", message.from().map(addresses));
    push("to", message.to().map(addresses));
    push("cc", message.cc().map(addresses));
    push("bcc", message.bcc().map(addresses));
    push("reply_to", message.reply_to().map(addresses));
    push("subject", message.subject().map(str::to_string));
    push("message_id", message.message_id().map(str::to_string));
    push("in_reply_to", words(message.in_reply_to()));
    push("references", words(message.references()));
    push(TIME, message.date().map(mail_parser::DateTime::to_rfc3339));
    let mut text = String::new();
    add_text(&message, &mut text, 0);
    let is_own = || memchr::memmem::find(raw, "\u{FFFD}".as_bytes()).is_some();
    let text_is_broken = text.contains('\u{FFFD}') && !is_own();
    push(TEXT, Some(text));
    let mut push_json = |name: &'static str, value: serde_json::Value| {
        let text = Cow::Owned(value.to_string());
        fields.push((Cow::Borrowed(name), Value::Json(text)));
    };
    push_json("headers", headers(&message, raw));
    let attachments: Vec<serde_json::Value> = message
        .attachments()
        .map(|part| {
            let kind = part.content_type().map(|kind| match kind.subtype() {
                Some(subtype) => format!("{}/{subtype}", kind.ctype()),
                None => kind.ctype().to_string(),
            });
            serde_json::json!({
                "name": part.attachment_name(),
                "type": kind,
                "bytes": part.contents().len(),
            })
        })
        .collect();
    if !attachments.is_empty() {
        push_json("attachments", attachments.into());
    }
    let is_broken = |(_, value): &(_, Value<'_>)| match value {
        Value::Text(text) | Value::Json(text) => text.contains('\u{FFFD}'),
        _ => false,
    };
    let damage = if text_is_broken {
        Damage::Bytes("its text is not in the encoding that it names")
    } else if !whole {
        Damage::Bytes("its headers are in an encoding that it does not name (--encoding names one)")
    } else if fields.iter().any(is_broken) && !is_own() {
        Damage::Words
    } else {
        Damage::None
    };
    Ok((fields, damage))
}

fn read(raw: &[u8]) -> Option<Message<'_>> {
    let message = MessageParser::default().parse(raw);
    message.filter(|message| !message.headers().is_empty())
}

/// A message out of an mbox begins with a line `From `, and its own lines that look like one are quoted.
fn without_envelope(raw: &[u8]) -> Cow<'_, [u8]> {
    if !raw.starts_with(b"From ") {
        return Cow::Borrowed(raw);
    }
    let start = memchr::memchr(b'\n', raw).map_or(raw.len(), |at| at + 1);
    let message = &raw[start..];
    if memchr::memmem::find(message, b"\n>").is_none() {
        return Cow::Borrowed(message);
    }
    let mut plain = Vec::with_capacity(message.len());
    for line in message.split_inclusive(|byte| *byte == b'\n') {
        let quotes = line.iter().take_while(|byte| **byte == b'>').count();
        let quoted = quotes > 0 && line[quotes..].starts_with(b"From ");
        plain.extend_from_slice(&line[usize::from(quoted)..]);
    }
    Cow::Owned(plain)
}

fn addresses(addresses: &Address<'_>) -> String {
    let all: Vec<String> = addresses
        .iter()
        .map(|one| match (one.name(), one.address()) {
            (Some(name), Some(address)) => format!("{name} <{address}>"),
            (name, address) => name.or(address).unwrap_or_default().to_string(),
        })
        .collect();
    all.join(", ")
}

fn words(value: &HeaderValue<'_>) -> Option<String> {
    match value {
        HeaderValue::Text(text) => Some(text.to_string()),
        HeaderValue::TextList(texts) => Some(texts.join(" ")),
        _ => None,
    }
}

/// All headers in their order, as they are written but on one line each.
fn headers(message: &Message<'_>, raw: &[u8]) -> serde_json::Value {
    let header = |header: &mail_parser::Header<'_>| {
        let range = header.offset_start as usize..header.offset_end as usize;
        let value = String::from_utf8_lossy(raw.get(range).unwrap_or_default());
        let value: Vec<&str> = value.split_whitespace().collect();
        serde_json::json!([header.name(), value.join(" ")])
    };
    message.headers().iter().map(header).collect()
}

fn add_text(message: &Message<'_>, text: &mut String, depth: usize) {
    let add = |text: &mut String, part: &str| {
        if !text.is_empty() {
            text.push_str("\n\n");
        }
        text.push_str(part.trim_end());
    };
    for part in message.text_bodies() {
        match &part.body {
            PartType::Text(part) => add(text, part),
            PartType::Html(part) => add(text, &html::read(part).text),
            _ => {}
        }
    }
    for part in message.attachments() {
        if let PartType::Message(inner) = &part.body
            && depth < DEPTH
        {
            if let Some(subject) = inner.subject() {
                add(text, subject);
            }
            add_text(inner, text, depth + 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(fields: &Fields<'_>, name: &str) -> Option<String> {
        fields
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| match value {
                Value::Text(text) => text.to_string(),
                Value::Json(json) => json.to_string(),
                other => panic!("{other:?}"),
            })
    }

    #[test]
    fn headers_are_fields_and_the_body_is_decoded() {
        let raw = "From ann@example.com Sat Nov 28 10:00:00 2026\r\n\
            From: =?GB18030?B?1cXI/Q==?= <zhang@example.cn>\r\nTo: a@example.com,\r\n B <b@example.com>\r\n\
            Subject: =?utf-8?Q?=E4=BD=A0=E5=A5=BD?=\r\nDate: Sat, 28 Nov 2026 18:00:00 +0800\r\n\
            Message-ID: <1@example.cn>\r\nContent-Type: text/plain; charset=gbk\r\n\
            Content-Transfer-Encoding: base64\r\n\r\n1tDOxA==\r\n";
        let (fields, damage) = parse(raw.as_bytes(), InputEncoding::default()).unwrap();
        let expected = [
            ("from", "张三 <zhang@example.cn>"),
            ("to", "a@example.com, B <b@example.com>"),
            ("subject", "你好"),
            ("message_id", "1@example.cn"),
            (TIME, "2026-11-28T18:00:00+08:00"),
            (TEXT, "中文"),
        ];
        for (name, value) in expected {
            assert_eq!(field(&fields, name).as_deref(), Some(value), "{name}");
        }
        assert_eq!(damage, Damage::None);
        assert_eq!(field(&fields, "cc"), None);
        let headers = field(&fields, "headers").unwrap();
        assert!(
            headers.contains(r#"["To","a@example.com, B <b@example.com>"]"#),
            "{headers}"
        );
    }

    #[test]
    fn parts_are_read_or_named() {
        let raw = b"Subject: s\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=x\n\n--x\n\
            Content-Type: text/html\n\n<p>one<p>two\n--x\nContent-Type: application/pdf; name=a.pdf\n\
            Content-Disposition: attachment; filename=a.pdf\n\nPDF\n--x\nContent-Type: message/rfc822\n\n\
            Subject: inner\n\nenclosed text\n--x--\n";
        let (fields, _) = parse(raw, InputEncoding::default()).unwrap();
        assert_eq!(
            field(&fields, TEXT).unwrap(),
            "one\ntwo\n\ninner\n\nenclosed text"
        );
        let attachments = field(&fields, "attachments").unwrap();
        assert!(
            attachments.contains(r#""name":"a.pdf","#)
                || attachments.contains(r#""name":"a.pdf"}"#),
            "{attachments}"
        );
    }

    #[test]
    fn quoted_lines_of_an_mbox_are_as_they_were_written() {
        let raw = b"From a\nSubject: s\n\n>From here\n>>From there\n> quoted\n";
        let (fields, _) = parse(raw, InputEncoding::default()).unwrap();
        assert_eq!(
            field(&fields, TEXT).unwrap(),
            "From here\n>From there\n> quoted"
        );
    }

    #[test]
    fn what_names_another_encoding_than_it_has_is_told() {
        let damage = |raw: &[u8]| parse(raw, InputEncoding::default()).unwrap().1;
        let raw = b"Subject: s\nContent-Type: text/plain; charset=utf-8\n\n\xD6\xD0\n";
        assert!(matches!(damage(raw), Damage::Bytes(_)));
        assert_eq!(damage("Subject: s\n\n\u{FFFD}\n".as_bytes()), Damage::None);
        // Half of a character.
        let words = b"Subject: =?gb2312?B?1g==?= =?gb2312?B?0A==?=\n\nbody\n";
        assert_eq!(damage(words), Damage::Words);
        assert!(parse(b"", InputEncoding::default()).is_err());
    }

    #[test]
    fn headers_in_another_encoding_are_read() {
        let letter = |charset: &str, subject: &str, of: &str| {
            let of = encoding_rs::Encoding::for_label(of.as_bytes()).unwrap();
            let head =
                format!("From: 王 <a@example.cn>\nContent-Type: text/plain{charset}\nSubject: ");
            [head.as_bytes(), &of.encode(subject).0, b"\n\nbody\n"].concat()
        };
        let long = "关于一九四九年以来的人民代表大会制度的若干问题";
        for (charset, subject, of, wanted) in [
            ("; charset=gbk", "中文", "gbk", "auto"),
            ("", "中文", "gbk", "gbk"),
            ("; charset=utf-8", "中文", "gbk", "gb18030"),
            ("; charset=us-ascii", long, "gbk", "auto"),
            ("; charset=iso-8859-1", "café", "latin1", "auto"),
            ("; charset=gbk", "中文", "utf-8", "auto"),
        ] {
            let raw = letter(charset, subject, of);
            let (fields, damage) = parse(&raw, wanted.parse().unwrap()).unwrap();
            assert_eq!(damage, Damage::None, "{charset} {of}");
            assert_eq!(field(&fields, "subject").unwrap(), subject);
            assert_eq!(field(&fields, "from").unwrap(), "王 <a@example.cn>");
            assert_eq!(field(&fields, TEXT).unwrap(), "body");
            let headers = field(&fields, "headers").unwrap();
            assert!(headers.contains(subject), "{headers}");
        }
        let (fields, damage) = parse(&letter("", "é", "latin1"), InputEncoding::default()).unwrap();
        assert!(matches!(damage, Damage::Bytes(why) if why.contains("--encoding")));
        assert_eq!(field(&fields, "subject").unwrap(), "\u{FFFD}");
        let inner = letter("", "中文", "gbk");
        let outer = b"Subject: s\nContent-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: text/plain; charset=gbk\n\n\
            \xD6\xD0\n--x\nContent-Type: message/rfc822\n\n";
        let raw = [&outer[..], &inner, b"\n--x--\n"].concat();
        let (fields, damage) = parse(&raw, InputEncoding::default()).unwrap();
        assert_eq!(
            (field(&fields, TEXT).unwrap().as_str(), damage),
            ("中\n\n中文\n\nbody", Damage::None)
        );
    }
}
