//! Host names, as e-mail addresses and URLs hold them.
//!
//! Grammar (RFC 1123 §2.1; RFC 5890 for letters beyond ASCII):
//! ```text
//! name  = label 1*("." label)     at most 253 bytes
//! label = 1*63 bytes of letters, marks, digits, inner "-"; "_" where the caller has it
//! the last label is a top-level domain: ASCII letters, 2 or more · "xn--" … · letters of another script that has
//! spaces, 2 or more (рф, भारत) · one of TOP_LEVEL (中国)
//! ```
//! Text in Han and other scripts without spaces stands directly beside a name. It ends one after a top-level domain
//! (`example.com官网`, `例子.中国的网站`); before that it belongs to it (`例子.com`), as do symbols (`✪df.ws`). `..` is an
//! ellipsis, and `--` after a top-level domain a dash; what stands before them is looked at alone.
//!
//! Whether a top-level domain exists is not asked, but for names of files, which look like hosts (`icon@2x.png`), and for
//! TOP_LEVEL, without which prose would be taken for names.

use std::net::Ipv4Addr;
use std::sync::LazyLock;

use super::{ByteSet, border};

/// The longest name, in bytes.
pub(super) const MAX_NAME: usize = 253;

/// What names are made of in ASCII.
static NAME: [bool; 256] =
    ByteSet::of(b".-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz").table();

/// Top-level domains in scripts without spaces, sorted: all in the root zone of October 2026, as the Public Suffix List
/// has them.
const TOP_LEVEL: &str = "\
    คอม ไทย ລາວ みんな アマゾン クラウド グーグル コム ストア セール ファッション ポイント 世界 中信 中国 \
    中國 中文网 亚马逊 企业 佛山 信息 健康 八卦 公司 公益 台湾 台灣 商城 商店 商标 嘉里 嘉里大酒店 在线 大拿 \
    天主教 娱乐 家電 广东 微博 慈善 我爱你 手机 招聘 政务 政府 新加坡 新闻 时尚 書籍 机构 淡马锡 游戏 澳門 \
    澳门 点看 移动 组织机构 网址 网店 网站 网络 联通 臺灣 谷歌 购物 通販 集团 電訊盈科 飞利浦 食品 餐厅 \
    香格里拉 香港 닷넷 닷컴 삼성 한국";

/// What stands after a dot in names of files and units beside `@`, and never in the root zone.
const NO_TOP_LEVEL: [&str; 9] = [
    "png", "jpg", "jpeg", "gif", "svg", "webp", "txt", "gpg", "service",
];

/// The longest beginning of `text` that may be a name, without the dots and hyphens that follow it.
///
/// It reads no further than the longest name, and a little.
pub(super) fn run(text: &str, underscores: bool) -> &str {
    let bytes = text.as_bytes();
    let ascii = |from: usize| {
        let window = &bytes[from..bytes.len().min(from + MAX_NAME + 3)];
        let outside = |&b: &u8| !(NAME[usize::from(b)] || underscores && b == b'_');
        from + window.iter().position(outside).unwrap_or(window.len())
    };
    let mut end = ascii(0);
    let mut glued = false;
    while end <= MAX_NAME
        && let Some(c) = border::after(text, end).filter(|c| !c.is_ascii())
    {
        let next = end + c.len_utf8();
        let joins = border::joins(Some(c));
        if !joins {
            // A second character of prose cannot complete what the first did not.
            let complete = !glued && is_complete(&text[..end]);
            if complete || !(border::is_word(c) || is_symbol(c)) || begins_www(&bytes[next..]) {
                break;
            }
        }
        end = ascii(next);
        glued = !joins && end == next;
    }
    while end > 0 && matches!(bytes[end - 1], b'.' | b'-') {
        end -= 1;
    }
    &text[..end]
}

/// Whether another host begins, so that prose stands between the two.
fn begins_www(bytes: &[u8]) -> bool {
    bytes
        .first_chunk::<4>()
        .is_some_and(|first| first.eq_ignore_ascii_case(b"www."))
}

/// Whether what stands before a character of a script without spaces is a name without it.
fn is_complete(before: &str) -> bool {
    let name = before.trim_end_matches(['.', '-']);
    let last = name.rsplit_once('.').map(|(_, last)| last);
    last.is_some_and(is_top_level) || is_address(name)
}

/// Where the name that `run` begins with ends, if it is one.
pub(super) fn name_end(run: &str) -> Option<usize> {
    let bytes = run.as_bytes();
    let (mut last, mut end) = (0, 0);
    for label in bytes.split(|&b| b == b'.') {
        // An ellipsis; what stands before it is looked at alone.
        if label.is_empty() {
            break;
        }
        if end > 0 {
            is_label(&bytes[last..end]).then_some(())?;
            last = end + 1;
        }
        end = last + label.len();
    }
    (last > 0).then_some(())?;
    let top_level = &run[last..end];
    if !is_top_level(top_level) {
        end = last + listed_length(top_level).or_else(|| dash(top_level))?;
    }
    (end <= MAX_NAME && is_label(&bytes[last..end])).then_some(end)
}

/// The length of the longest of TOP_LEVEL that a label begins with.
fn listed_length(label: &str) -> Option<usize> {
    static LISTED: LazyLock<Vec<&str>> = LazyLock::new(|| TOP_LEVEL.split(' ').collect());
    let first = label.chars().next().filter(|&c| border::glues(c))?;
    let first = &label[..first.len_utf8()];
    let from = LISTED.partition_point(|known| *known < first);
    LISTED[from..]
        .iter()
        .take_while(|known| known.starts_with(first))
        .filter(|known| label.starts_with(**known))
        .map(|known| known.len())
        .max()
}

/// Where a dash follows a top-level domain (`example.com--see`). What punycode begins with is none.
fn dash(label: &str) -> Option<usize> {
    let (before, _) = label.split_once("--")?;
    let fine = is_top_level(before) && !before.eq_ignore_ascii_case("xn");
    fine.then_some(before.len())
}

/// What is a host without a top-level domain: `localhost` and IPv4 addresses.
pub(super) fn is_address(run: &str) -> bool {
    run.eq_ignore_ascii_case("localhost") || run.parse::<Ipv4Addr>().is_ok()
}

fn is_label(label: &[u8]) -> bool {
    (1..=63).contains(&label.len()) && label[0] != b'-' && !label.ends_with(b"-")
}

fn is_top_level(label: &str) -> bool {
    if is_ascii_top_level(label) {
        return !NO_TOP_LEVEL.iter().any(|no| no.eq_ignore_ascii_case(label));
    }
    let letter = |c: char| !c.is_ascii() && border::joins(Some(c)) && !c.is_numeric();
    label.chars().all(letter) && label.chars().nth(1).is_some()
}

/// Alphabetic and of two letters or more, or a punycode label.
fn is_ascii_top_level(label: &str) -> bool {
    let bytes = label.as_bytes();
    let alphabetic = bytes.len() >= 2 && bytes.iter().all(u8::is_ascii_alphabetic);
    alphabetic || bytes.len() > 4 && label.is_ascii() && bytes[..4].eq_ignore_ascii_case(b"xn--")
}

/// Symbols and emoji: no letters, yet registered under some top-level domains. (Arrows to Dingbats and beyond, the
/// emoji planes, and what varies and joins emoji.)
fn is_symbol(c: char) -> bool {
    matches!(u32::from(c), 0x2190..=0x2BFF | 0x1F000..=0x1FAFF | 0xFE0F)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Option<&str> {
        let run = run(text, false);
        name_end(run).map(|end| &run[..end])
    }

    #[test]
    fn names_end_where_prose_begins() {
        for (text, expected) in [
            ("example.com", Some("example.com")),
            ("example.com. Then", Some("example.com")),
            ("example.com...and", Some("example.com")),
            ("example.com-", Some("example.com")),
            ("example.com--see", Some("example.com")),
            ("a.b--c.de a--b.de", Some("a.b--c.de")),
            ("example.com官网", Some("example.com")),
            ("example.com官网.more", Some("example.com")),
            ("xn--fiqs8s.xn--fiqs8s的", Some("xn--fiqs8s.xn--fiqs8s")),
            ("bücher.example", Some("bücher.example")),
            ("пример.рф", Some("пример.рф")),
            ("例子.com", Some("例子.com")),
            ("例子.中国", Some("例子.中国")),
            ("例子.中国的网站", Some("例子.中国")),
            ("中国移动.公司.中国。", Some("中国移动.公司.中国")),
            ("例子.嘉里大酒店", Some("例子.嘉里大酒店")),
            ("58同城.com", Some("58同城.com")),
            ("✪df.ws/123", Some("✪df.ws")),
            ("example.com😀", Some("example.com")),
            ("example.com.然后", Some("example.com")),
            ("example", None),
            ("例子", None),
            ("例子.然后", None),
            ("exa..mple.com", None),
            (".example.com", None),
            ("-example.com", None),
            ("example-.com", None),
            ("example.c", None),
            ("example.123", None),
            ("exa.comé", None),
            ("example.com-foo", None),
            ("2x.PNG", None),
        ] {
            assert_eq!(name(text), expected, "{text}");
        }
    }

    #[test]
    fn listed_top_level_domains_are_sorted() {
        assert!(TOP_LEVEL.split(' ').is_sorted());
        for known in TOP_LEVEL.split(' ') {
            assert_eq!(listed_length(known), Some(known.len()));
        }
    }

    #[test]
    fn lengths() {
        let of = |n: usize| format!("{}.com", vec!["x".repeat(n); 4].join("."));
        assert!(name(&of(61)).is_some());
        for n in [62, 63, 64, 1000] {
            assert_eq!(name(&of(n)), None, "{n}");
        }
        assert_eq!(name(&format!("{}.com", "x".repeat(64))), None);
    }
}
