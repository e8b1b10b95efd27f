//! Letters: RFC 5322 messages out of `.eml` and mbox, their body as text and their headers as fields.
//!
//! Parsing is `mail-parser`'s; here it is decided which headers are columns and what the text is: the parts that a reader
//! is shown first, HTML as [text](super::html), letters enclosed in it after it. Attachments are named, not read. Where
//! mails end in an mbox is `split.rs`.

use std::borrow::Cow;

use mail_parser::{Address, HeaderValue, Message, MessageParser, MimeHeaders, PartType};

use super::html;
use super::json::{Fields, Value};

/// What the fields are called that are the text and the time of a document.
pub(crate) const TEXT: &str = " text";
pub(crate) const TIME: &str = " time";

/// Letters in letters are read so deep.
const DEPTH: usize = 8;

/// The fields of a message, and whether something in it is no text in the encoding that it names.
///
/// # Errors
/// Why it is no message.
pub(crate) fn parse(raw: &[u8]) -> Result<(Fields<'static>, bool), String> {
    let raw = without_envelope(raw);
    let message = MessageParser::default()
        .parse(raw.as_ref())
        .filter(|message| !message.headers().is_empty())
        .ok_or_else(|| "there are no headers".to_string())?;
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
    let broken =
        text.contains('\u{FFFD}') && memchr::memmem::find(&raw, "\u{FFFD}".as_bytes()).is_none();
    push(TEXT, Some(text));
    let mut push_json = |name: &'static str, value: serde_json::Value| {
        let text = Cow::Owned(value.to_string());
        fields.push((Cow::Borrowed(name), Value::Json(text)));
    };
    push_json("headers", headers(&message, &raw));
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
    Ok((fields, broken))
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
        let (fields, broken) = parse(raw.as_bytes()).unwrap();
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
        assert!(!broken);
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
        let (fields, _) = parse(raw).unwrap();
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
        let (fields, _) = parse(raw).unwrap();
        assert_eq!(
            field(&fields, TEXT).unwrap(),
            "From here\n>From there\n> quoted"
        );
    }

    #[test]
    fn what_names_another_encoding_than_it_has_is_told() {
        let raw = b"Subject: s\nContent-Type: text/plain; charset=utf-8\n\n\xD6\xD0\n";
        assert!(parse(raw).unwrap().1);
        assert!(!parse("Subject: s\n\n\u{FFFD}\n".as_bytes()).unwrap().1);
        assert!(parse(b"").is_err());
    }
}
