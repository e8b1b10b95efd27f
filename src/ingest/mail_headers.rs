//! Headers with bytes beyond ASCII as they are, which old programs write: the letter with its headers in UTF-8.
//!
//! No standard says which encoding such bytes are in. Lines that are UTF-8 stay; others are read in the encoding that the
//! letter names for its text, else in that of the inputs, else in what all of them together look like. What a header
//! means is `mail.rs`.

use std::ops::Range;

use mail_parser::{Message, MimeHeaders, PartType};

use super::encoding::{InputEncoding, guess};

/// Letters in letters are looked at so deep.
const DEPTH: usize = 8;

/// The letter, where some of its headers are no UTF-8, and whether all of them could be read.
pub(super) fn in_utf8(
    raw: &[u8],
    message: &Message<'_>,
    wanted: InputEncoding,
) -> Option<(Vec<u8>, bool)> {
    // Of most letters the whole is UTF-8, and asking that is the fastest.
    if simdutf8::basic::from_utf8(raw).is_ok() {
        return None;
    }
    let mut blocks = Vec::new();
    find_blocks(message, raw, &mut blocks, DEPTH);
    blocks.sort_by_key(|block| block.start);
    let is_strange = |line: &&[u8]| simdutf8::basic::from_utf8(line).is_err();
    let lines = |block: &Range<usize>| raw[block.clone()].split_inclusive(|byte| *byte == b'\n');
    let strange: Vec<u8> = blocks
        .iter()
        .flat_map(|block| lines(block).filter(is_strange))
        .flatten()
        .copied()
        .collect();
    if strange.is_empty() {
        return None;
    }
    let candidates: Vec<&'static encoding_rs::Encoding> =
        [named(message), wanted.0, Some(guess(&strange, false).of)]
            .into_iter()
            .flatten()
            .filter(|of| of.is_ascii_compatible())
            .collect();
    let mut whole = true;
    let mut at = 0;
    let mut plain = Vec::with_capacity(raw.len() + strange.len());
    for block in blocks {
        if block.start < at {
            continue;
        }
        plain.extend_from_slice(&raw[at..block.start]);
        at = block.end;
        for line in lines(&block) {
            let text = is_strange(&line).then(|| {
                candidates
                    .iter()
                    .find_map(|of| of.decode_without_bom_handling_and_without_replacement(line))
            });
            match text {
                Some(Some(text)) => plain.extend_from_slice(text.as_bytes()),
                unread => {
                    whole &= unread.is_none();
                    plain.extend_from_slice(line);
                }
            }
        }
    }
    plain.extend_from_slice(&raw[at..]);
    Some((plain, whole))
}

/// Where the headers of a letter, of its parts, and of the letters in it lie.
fn find_blocks(message: &Message<'_>, raw: &[u8], blocks: &mut Vec<Range<usize>>, depth: usize) {
    for part in &message.parts {
        let block = part.offset_header as usize..part.offset_body as usize;
        if block.start < block.end && block.end <= raw.len() {
            blocks.push(block);
        }
        if let PartType::Message(inner) = &part.body
            // One that was packed lies elsewhere.
            && std::ptr::eq(inner.raw_message.as_ref(), raw)
            && depth > 0
        {
            find_blocks(inner, raw, blocks, depth - 1);
        }
    }
}

/// The encoding that the letter names, but not ASCII, which has none of these bytes.
fn named(message: &Message<'_>) -> Option<&'static encoding_rs::Encoding> {
    let name = message.parts.iter().find_map(|part| {
        let name = part.content_type()?.attribute("charset")?;
        let name = name.trim().to_ascii_lowercase();
        (!name.ends_with("ascii")).then_some(name)
    })?;
    encoding_rs::Encoding::for_label_no_replacement(name.as_bytes())
}
