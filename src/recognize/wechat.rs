//! WECHAT: WeChat handles, where the text says that they are.
//!
//! Grammar (handles as Tencent issues them; the cues are of our own, after what people write):
//! ```text
//! handle = ALPHA 5*19(ALPHA / DIGIT / "_" / "-")     does not end with "-"
//!        / "1" 10DIGIT                               a Chinese mobile number
//! entity = handle after a cue and up to six words
//! cue    = 微信 / 加微 / 加"V" / "VX" / "WX" / "V信" / "Weixin" / "WeChat"         in any case, no part of a longer word
//! word   = 号 / 公众号 / 同号 / 是 / "ID" / ： / （ / … / a space                       (`WORDS` below)
//! ```
//! After `VX` and `WX` a word is needed, after `V信` and the English names a colon. A handle of letters alone needs 号,
//! 是, `ID` or a colon before it (after `WeChat`: `ID`), or the next word would be one (`微信Android版`); so does the name of
//! a platform with digits (`微信iPhone12`), and whatever stands before 版. Borders: not cut out of a longer word, nor of a
//! host or an e-mail address.
//!
//! The value is in lower case.
//!
//! Score: 0.7 for letters alone after no more than a colon, else 1.
//!
//! Cost: stops at 微, 加, `x` and colons beside what cues have there; at most 70 bytes after each.

use std::borrow::Cow;

use super::{Anchor, ByteSet, Bytes, Found, Recognizer, border, cue, digits};

/// Recognizes WeChat handles.
#[derive(Debug)]
pub(super) struct WeChat;

const MIN_HANDLE: usize = 6;
const MAX_HANDLE: usize = 20;
const MAX_WORDS: usize = 6;
/// The app's names in Latin, which are as long as a handle.
const NAMES: [&str; 2] = ["wechat", "weixin"];

/// How plainly the text says that a handle follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Says {
    Nothing,
    /// A space or a bracket.
    Little,
    /// A colon.
    Much,
    /// A word for a handle.
    All,
}

/// What may stand between a cue and a handle, in lower case.
const WORDS: [(&str, Says); 29] = [
    (" ", Says::Little),
    ("：", Says::Much),
    (":", Says::Much),
    ("号码", Says::All),
    ("号", Says::All),
    ("账号", Says::All),
    ("帐号", Says::All),
    ("公众号", Says::All),
    ("订阅号", Says::All),
    ("服务号", Says::All),
    ("id", Says::All),
    ("是", Says::All),
    ("为", Says::All),
    ("同号", Says::Little),
    ("电话", Says::Little),
    ("手机", Says::Little),
    ("qq", Says::Little),
    ("/", Says::Little),
    ("(", Says::Little),
    (")", Says::Little),
    ("（", Says::Little),
    ("）", Says::Little),
    ("【", Says::Little),
    ("】", Says::Little),
    ("「", Says::Little),
    ("『", Says::Little),
    ("《", Says::Little),
    ("“", Says::Little),
    ("\"", Says::Little),
];
/// What runs the app, in lower case.
const PLATFORMS: [&str; 8] = [
    "iphone",
    "ipad",
    "ipados",
    "android",
    "windows",
    "macos",
    "harmony",
    "harmonyos",
];

impl Recognizer for WeChat {
    fn label(&self) -> &str {
        "WECHAT"
    }
    fn description(&self) -> &str {
        "WeChat names after a word that names them"
    }
    fn name(&self) -> &str {
        "wechat"
    }
    fn definition(&self) -> Cow<'_, str> {
        Cow::Borrowed("3")
    }
    fn anchors(&self) -> Vec<Anchor> {
        let after_x = ByteSet::of(b" :/()\"iIqQ").union(ByteSet::range(0x80, 0xFF));
        // 微 is E5 BE AE, 加 E5 8A A0, 信 E4 BF A1, ： EF BC 9A.
        vec![
            Anchor::Bytes(Bytes::of(b"\xBE").preceded_by(b"\xE5").followed_by(b"\xAE")),
            Anchor::Bytes(Bytes::of(b"xX").preceded_by(b"vVwWiI").followed_by(after_x)),
            Anchor::Bytes(Bytes::of(b"\xA0").preceded_by(b"\x8A").followed_by(b"vV")),
            Anchor::Bytes(Bytes::of(b":").preceded_by(b" tTdD\xA1")),
            Anchor::Bytes(
                Bytes::of(b"\xEF")
                    .preceded_by(b" tTdD\xA1")
                    .followed_by(b"\xBC"),
            ),
        ]
    }
    fn verify(&self, text: &str, at: usize, found: &mut Found<'_>) -> usize {
        let Some(cue) = cue(text, at, found.floor()) else {
            return at + 1;
        };
        let (start, says) = words_end(text, cue.end);
        let bytes = text.as_bytes();
        let end = handle_end(bytes, start);
        let handle = &text[start..end];
        let letters = handle.bytes().all(|b| b.is_ascii_alphabetic());
        let enough = says
            >= if letters || names_version(handle, &text[end..]) {
                cue.for_letters
            } else {
                cue.for_any
            };
        // Another name of the app is no handle: `微信/WeChat：…`.
        if handle.is_empty()
            || !enough
            || NAMES.iter().any(|name| handle.eq_ignore_ascii_case(name))
        {
            return at + 1;
        }
        let reason = if !has_length(handle.as_bytes()) {
            "a handle has 6 to 20 characters, or is a mobile number"
        } else if !border::ends(text, end) {
            "it is part of something longer"
        } else {
            let sure = !letters || says == Says::All;
            found.push_scored(start..end, if sure { 1.0 } else { 0.7 });
            return end;
        };
        found.refuse(start..end, reason);
        at + 1
    }
    fn value<'a>(&self, entity: &'a str) -> Cow<'a, str> {
        if entity.bytes().any(|b| b.is_ascii_uppercase()) {
            Cow::Owned(entity.to_ascii_lowercase())
        } else {
            Cow::Borrowed(entity)
        }
    }
}

/// Where a cue ends, and how plainly the words after it must speak for any handle, and for one of letters alone.
#[derive(Debug)]
struct Cue {
    end: usize,
    for_any: Says,
    for_letters: Says,
}

/// The cue that has its anchor at `at`, and is no part of a handle, the last of which ends at `floor`.
fn cue(text: &str, at: usize, floor: usize) -> Option<Cue> {
    let bytes = text.as_bytes();
    let after_xin = |end: usize| end + if text[end..].starts_with('信') { 3 } else { 0 };
    let whole_from = |start: usize| !border::joins(border::before(text, start));
    let chinese = |end| Cue {
        end,
        for_any: Says::Nothing,
        for_letters: Says::Much,
    };
    let english = |end| Cue {
        end,
        for_any: Says::Much,
        for_letters: Says::All,
    };
    match bytes[at] {
        0xBE => {
            let wei = at + 2;
            let fits = text[wei..].starts_with('信') || text[..wei].ends_with("加微");
            fits.then(|| chinese(after_xin(wei)))
        }
        // `加VX` has its own anchor.
        0xA0 => {
            let v = at + 2;
            let fits = bytes[..=at].ends_with("加".as_bytes())
                && !matches!(bytes.get(v), Some(b'x' | b'X'));
            fits.then(|| chinese(after_xin(v)))
        }
        b'x' | b'X' if matches!(bytes[at - 1], b'i' | b'I') => {
            let start = at.checked_sub(3)?;
            let fits = text.get(start..at + 3)?.eq_ignore_ascii_case("weixin") && whole_from(start);
            fits.then(|| english(at + 3))
        }
        b'x' | b'X' => whole_from(at - 1).then_some(Cue {
            end: at + 1,
            for_any: Says::Little,
            for_letters: Says::Much,
        }),
        _ => {
            text[at..].starts_with([':', '：']).then_some(())?;
            let before = &text[floor..at];
            let name = before.trim_end_matches(' ');
            let name = cue::strip_end(name, "id").unwrap_or(name);
            let name = name.trim_end_matches(' ');
            if NAMES.iter().any(|known| cue::ends(name, known)) {
                return Some(english(floor + name.len()));
            }
            cue::ends(before, "v信").then(|| chinese(at))
        }
    }
}

/// Where the words that begin at `start` end, and what they say.
fn words_end(text: &str, start: usize) -> (usize, Says) {
    let (mut rest, mut says) = (&text[start..], Says::Nothing);
    for _ in 0..MAX_WORDS {
        // A handle's first letter begins a word only in `ID` and `QQ`.
        if rest.starts_with(|c: char| c.is_ascii_alphanumeric() && !"iIqQ".contains(c)) {
            break;
        }
        let next = WORDS
            .iter()
            .find_map(|(word, more)| Some((cue::strip_start(rest, word)?, *more)));
        let Some((shorter, more)) = next else { break };
        (rest, says) = (shorter, says.max(more));
    }
    (text.len() - rest.len(), says)
}

/// Where what looks like a handle and begins at `start` ends: nowhere else if nothing does.
fn handle_end(bytes: &[u8], start: usize) -> usize {
    match bytes.get(start) {
        Some(b'0'..=b'9') => start + digits::run(bytes, start, MAX_HANDLE + 1),
        Some(b) if b.is_ascii_alphabetic() => {
            let inside = |b: &&u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
            let run = bytes[start..]
                .iter()
                .take(MAX_HANDLE + 1)
                .take_while(inside)
                .count();
            let hyphens = bytes[start..start + run]
                .iter()
                .rev()
                .take_while(|&&b| b == b'-')
                .count();
            start + run - hyphens
        }
        _ => start,
    }
}

/// Whether what looks like a handle says which of the app's versions is meant.
fn names_version(handle: &str, after: &str) -> bool {
    let platform = handle.trim_end_matches(|c: char| c.is_ascii_digit());
    let known = |name: &&str| platform.eq_ignore_ascii_case(name);
    after.starts_with('版') || PLATFORMS.iter().any(known)
}

/// Whether a handle is as long as one, or digits a mobile number.
fn has_length(handle: &[u8]) -> bool {
    match handle {
        [b'1', b'3'..=b'9', ..] => handle.len() == 11,
        [b'0'..=b'9', ..] => false,
        _ => (MIN_HANDLE..=MAX_HANDLE).contains(&handle.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{assert_linear, assert_table};
    use super::*;

    #[test]
    fn table() {
        let handle = "abc_123";
        for text in [
            "微信：abc_123",
            "微信:abc_123",
            "微信abc_123",
            "微信 abc_123",
            "微信号abc_123",
            "微信号：abc_123，谢谢",
            "加我微信abc_123吧",
            "微信号是abc_123。",
            "微信ID：abc_123",
            "微信（abc_123）",
            "微信公众号：abc_123",
            "微信/QQ：abc_123",
            "加微abc_123",
            "加微信abc_123",
            "加V：abc_123",
            "加vabc_123",
            "V信：abc_123",
            "加v信abc_123",
            "VX：abc_123",
            "vx:abc_123",
            "wx abc_123",
            "WX号abc_123",
            "加VX：abc_123",
            "WeChat: abc_123",
            "wechat:abc_123",
            "WeChat ID: abc_123",
            "WECHAT：abc_123",
            "WeChat ID：abc_123",
            "WeChat : abc_123",
            "WeChat ID ：abc_123",
            "Weixin: abc_123",
            "Weixin ID：abc_123",
            "ＶＸ：abc_123",
            "微信公众号“abc_123”",
            "微信号：“abc_123”",
            "微信号\"abc_123\"",
            "VX\"abc_123\"",
            "微信《abc_123》",
            "公众号在微信『abc_123』",
        ] {
            assert_table(&WeChat, &[(text, &[handle])]);
        }
        assert_table(
            &WeChat,
            &[
                ("微信：ABC-def", &["ABC-def → abc-def"]),
                (
                    "微信：zhangsan WeChat ID: zhangsan",
                    &["zhangsan", "zhangsan"],
                ),
                (
                    "微信号zhangsan 微信公众号“zhangsan”",
                    &["zhangsan", "zhangsan"],
                ),
                ("微信号iphone12 微信：windows10", &["iphone12", "windows10"]),
                ("微信（同号）：13812345678", &["13812345678"]),
                ("电话/微信同号：13812345678", &["13812345678"]),
                ("微信：ａｂｃ＿１２３", &["ａｂｃ＿１２３ → abc_123"]),
                ("微信：abc_123--", &["abc_123"]),
                // No handle, or only a part of something longer.
                ("", &[]),
                ("微信 微信号 微 加微 VX： wx：微信 WeChat:", &[]),
                (
                    "微信Android版 微信 Windows vxabc_123 wxabc_123 WeChat abc_123",
                    &[],
                ),
                ("WeChat: available on phones", &[]),
                (
                    "微信iPhone12 微信 Windows10版 微信(Android14) 微信beta_8版 微信“android”",
                    &[],
                ),
                (
                    "微信：abcde 微信：abc_1234567890abcdefg 微信：1abc_123 微信：_abc123",
                    &[],
                ),
                ("微信：12345678 微信：23812345678 微信：138123456789", &[]),
                (
                    "微信：abc_123@example.com 微信：weixin.example.com 微信：abc_123é",
                    &[],
                ),
                ("微信：https://example.com/abc_123", &[]),
                (
                    "box abc_123 avx: abc_123 conv信abc_123 mywechat: abc_123 é微 xweixin: abc_123",
                    &[],
                ),
                ("细微abc_123 微软abc_123 加vx", &[]),
                ("微信号号号号号号号abc_123", &[]),
            ],
        );
    }

    #[test]
    fn letters_alone_are_less_sure() {
        for (text, score) in [
            ("微信：zhangsan", 0.7),
            ("微信号：zhangsan", 1.0),
            ("微信：zhangsan1", 1.0),
            ("微信：13812345678", 1.0),
        ] {
            assert_eq!(
                super::super::testing::find(&WeChat, text)[0].score,
                score,
                "{text}"
            );
        }
    }

    #[test]
    fn hostile_texts_are_linear() {
        assert_linear(
            &WeChat,
            &[
                "微",
                "微信",
                "微信：",
                "微信：a",
                "微信号 ",
                "微信：abc_123",
                "vx",
                "wx ",
                "vx:",
                "加v",
                "t:",
                "WeChat: ",
                "weixin ",
                "d：",
            ],
        );
    }
}
