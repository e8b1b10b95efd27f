//! QQ: numbers of Tencent QQ accounts and groups, where the text says that they are.
//!
//! Grammar (of our own, after what people write; the numbers as Tencent issues them):
//! ```text
//! number = DIGIT 4*10DIGIT                 does not begin with 0
//! entity = number                          after a cue and up to six words
//! cue    = "QQ" / "Q群" / "加Q" / "扣扣" / "企鹅号" / "企鹅群"      in any case, not at the end of a longer word
//! word   = 号 / 群 / 是 / 交流 / 客服 / "number" / "group" / ： / … / a space      (`WORDS` below)
//! entity = number                          after another one and 、 / ， 或 or 和; no mobile phone's
//! ```
//! Borders: not cut out of a longer number or word, of a decimal, or of an e-mail address (`QQ：12345678@qq.com`). A
//! number without a cue is left out: its digits alone do not tell.
//!
//! Cost: stops at runs of 5 to 11 digits after what a cue or a word can end with; at most 60 bytes before each.

use std::borrow::Cow;

use super::{Anchor, ByteSet, DigitRuns, Found, Recognizer, border, cue, digits};

/// Recognizes QQ numbers.
#[derive(Debug)]
pub(super) struct Qq;

/// What says that a number is QQ's, in lower case.
const CUES: [&str; 6] = ["qq", "q群", "加q", "扣扣", "企鹅号", "企鹅群"];
/// What may stand between a cue and a number, in lower case.
const WORDS: [&str; 34] = [
    " ", "：", ":", "号", "群", "码", "是", "为", "#", "=", "-", "/", "(", ")", "（", "）", "【",
    "】", "“", "\"", "『", "《", "number", "group", "id", "交流", "讨论", "官方", "粉丝", "技术",
    "客服", "咨询", "联系", "微信",
];
const ENDS: ByteSet = cue::last_bytes(&CUES).union(cue::last_bytes(&WORDS));
const MAX_WORDS: usize = 6;
/// What may stand between two numbers after one cue.
const AND: [&str; 8] = ["、", "/", " / ", ",", ", ", "，", "或", "和"];

impl Recognizer for Qq {
    fn label(&self) -> &str {
        "QQ"
    }
    fn description(&self) -> &str {
        "QQ numbers after a word that names them"
    }
    fn name(&self) -> &str {
        "qq"
    }
    fn definition(&self) -> Cow<'_, str> {
        Cow::Borrowed("2")
    }
    fn anchors(&self) -> Vec<Anchor> {
        let before = ENDS.union(cue::last_bytes(&AND));
        vec![Anchor::Digits(
            DigitRuns::of_length(5..=11).preceded_by(before),
        )]
    }
    fn verify(&self, text: &str, at: usize, found: &mut Found<'_>) -> usize {
        let bytes = text.as_bytes();
        let end = at + digits::run(bytes, at, 11);
        let floor = found.floor();
        let mobile = end - at == 11 && matches!(&bytes[at..at + 2], [b'1', b'3'..=b'9']);
        let another = floor > 0 && !mobile && AND.contains(&&text[floor..at]);
        if !another && !follows_cue(&text[..at]) {
            return at + 1;
        }
        let reason = if bytes[at] == b'0' {
            "a QQ number does not begin with 0"
        } else if !border::ends(text, end) {
            "it is part of something longer"
        } else {
            found.push(at..end);
            return end;
        };
        found.refuse(at..end, reason);
        at + 1
    }
}

/// Whether a cue and some words end `text`.
fn follows_cue(text: &str) -> bool {
    let mut rest = text;
    for _ in 0..=MAX_WORDS {
        // Most digits follow what no cue and no word ends with.
        if !rest
            .bytes()
            .next_back()
            .is_some_and(|last| ENDS.contains(last))
        {
            return false;
        }
        if CUES.iter().any(|cue| cue::ends(rest, cue)) {
            return true;
        }
        let Some(shorter) = WORDS.iter().find_map(|word| cue::strip_end(rest, word)) else {
            return false;
        };
        rest = shorter;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::super::testing::{assert_linear, assert_table};
    use super::*;

    #[test]
    fn table() {
        let qq = "12345678";
        for text in [
            "QQ：12345678",
            "QQ:12345678",
            "qq 12345678",
            "QQ12345678",
            "ＱＱ：12345678",
            "加我QQ：12345678，谢谢",
            "客服QQ号码是12345678。",
            "QQ号 12345678",
            "QQ群：12345678（已满）",
            "QQ群号: 12345678",
            "官方QQ交流群 12345678",
            "Q群：12345678 加q 123",
            "扣扣12345678 扣扣",
            "企鹅号：12345678",
            "QQ/微信：12345678",
            "QQ【12345678】 QQ",
            "QQ number: 12345678, QQ",
            "QQ Group ID 12345678",
            "QQ#12345678 QQ=1234",
            "(QQ-12345678)",
            "QQ群：“12345678”",
            "QQ\"12345678\"",
            "{\"qq\": \"12345678\"}",
            "QQ群《12345678》",
        ] {
            assert_table(&Qq, &[(text, &[qq])]);
        }
        assert_table(
            &Qq,
            &[
                ("QQ：１２３４５６７８", &["１２３４５６７８ → 12345678"]),
                ("QQ 10000 QQ 10000000000", &["10000", "10000000000"]),
                (
                    "QQ：12345678、23456789/34567890 或 45678901",
                    &[qq, "23456789", "34567890"],
                ),
                (
                    "QQ：12345678，23456789和34567890",
                    &[qq, "23456789", "34567890"],
                ),
                ("QQ：12345678，13812345678", &[qq]),
                ("QQ：13812345678", &["13812345678"]),
                // No number, or only a part of something longer.
                ("", &[]),
                (
                    "12345678 编号：12345678 群：12345678 Q：12345678 企鹅 12345678",
                    &[],
                ),
                ("QQ：1234 QQ：123456789012 QQ：01234567", &[]),
                ("AQQ：12345678 xqq12345678 QQx12345678 éQQ12345678", &[]),
                (
                    "QQ：12345678@qq.com QQ：12345678a QQ：12345678.5 QQ 12345678é",
                    &[],
                ),
                ("QQ和电话：12345678 QQ号号号号号号号12345678", &[]),
                ("、12345678", &[]),
            ],
        );
    }

    #[test]
    fn hostile_texts_are_linear() {
        assert_linear(
            &Qq,
            &[
                "QQ",
                "QQ12345",
                "QQ 12345678 ",
                "QQ：12345678、",
                "、12345",
                "群12345",
                "号",
                " 12345",
                "1",
                "扣扣",
            ],
        );
    }
}
