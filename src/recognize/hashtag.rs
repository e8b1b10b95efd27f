//! HASHTAG: `#tag`, and Weibo's `#话题#`.
//!
//! Grammar (after Unicode UAX #31 §2.1 "hashtag identifiers", as X and Weibo use them):
//! ```text
//! tag   = "#" 1*100 word                   letters, marks, digits, "_", inner middle dots; at least one letter
//! topic = "#" 1*32 topic-character "#"     32 is a bound of ours; tried first
//! topic-character = word, non-ASCII characters other than white space, and - . + & '
//! ```
//! A topic has a letter, or is three digits or more (`#618#`). It begins and ends with a character other than punctuation that separates (`，。、；：` and `-.+&'`); one
//! without Han or another script without spaces is two tags if a letter follows (`#summer#fun`).
//!
//! Borders: not after a word character of a script with spaces (`C#`, `page.html#part`), `&`, `/`, `#` (`&#39;`,
//! `/#/route`, `##`); Han stands directly before a tag. Not before `://`, not inside a URL. A text such as `#1` is a
//! number.
//!
//! Code has far more `#` than posts have. So a tag is none as the value of an attribute or the target of a link
//! (`href="#top"`, `](#top)`), beside other signs of code (`${#a}`, `#key=1`), where lines are indented or comments
//! aligned (three spaces, a tab), where a line of a diff begins, in uuencoded bytes, as a C directive (`#include`), or as
//! a colour: six or eight hexadecimal digits unless they are a word, three or four after a colon and before what ends a
//! declaration. A comment at the start of a line (`#ListenAddress 0.0.0.0`) cannot be told from a tag.
//!
//! The value is the tag without `#`, in lower case.
//!
//! Cost: stops at `#`; at most 101 characters after each, and once more the text before it for a URL.

use std::borrow::Cow;
use std::ops::Range;

use super::{Anchor, ByteSet, Bytes, Found, Recognizer, border, url};

/// Recognizes hashtags.
#[derive(Debug)]
pub(super) struct Hashtag;

const MAX_TAG: usize = 100;
const MAX_TOPIC: usize = 32;
/// As few digits as make a topic without a letter: `#1#` is a number in a list.
const MIN_DIGITS: usize = 3;

impl Recognizer for Hashtag {
    fn label(&self) -> &str {
        "HASHTAG"
    }
    fn description(&self) -> &str {
        "#tag, and #话题#"
    }
    fn name(&self) -> &str {
        "hashtag"
    }
    fn definition(&self) -> Cow<'_, str> {
        Cow::Borrowed("3")
    }
    fn anchors(&self) -> Vec<Anchor> {
        let inside = ByteSet::alphanumeric()
            .union(ByteSet::of(b"_"))
            .union(ByteSet::range(0x80, 0xFF));
        vec![Anchor::Bytes(Bytes::of(b"#").followed_by(inside))]
    }
    fn verify(&self, text: &str, at: usize, found: &mut Found<'_>) -> usize {
        let inside = at + 1;
        // Tags may stand side by side.
        let follows_tag = found.floor() == at && at > 0;
        // An emoji: the sign on a key.
        let key = text[inside..].starts_with(['\u{FE0F}', '\u{20E3}']);
        if key || !follows_tag && !may_begin(text, at) {
            if found.explains() {
                found.refuse(
                    at..word_end(text, inside),
                    "what stands before it makes it part of something else",
                );
            }
            return inside;
        }
        let word = word_end(text, inside);
        let topic = match border::after(text, word) {
            Some(c) if c == '#' || in_topic(c) => topic_end(text, inside),
            _ => None,
        };
        let end = match topic.map_or_else(|| tag_end(text, inside..word), Ok) {
            Ok(end) => end,
            Err(reason) => {
                found.refuse(at..word, reason);
                return inside;
            }
        };
        if is_code(text, at..end) {
            found.refuse(at..end, "it is a number, a colour or another part of code");
            return end;
        }
        if let Some(url_end) = url::end_around(text, at, found.floor()) {
            found.refuse(at..end, "it is part of a URL");
            return url_end;
        }
        found.push(at..end);
        end
    }
    fn value<'a>(&self, entity: &'a str) -> Cow<'a, str> {
        let tag = entity.trim_matches('#');
        if tag.chars().any(char::is_uppercase) {
            Cow::Owned(tag.to_lowercase())
        } else {
            Cow::Borrowed(tag)
        }
    }
}

/// Whether a tag may stand after what stands before `at`.
fn may_begin(text: &str, at: usize) -> bool {
    let before = &text[..at];
    let after_any = |ends: &[&str]| ends.iter().any(|end| before.ends_with(end));
    match border::before(text, at) {
        None => true,
        Some('#' | '&' | '/' | '=' | '@' | '$' | '{' | '<' | '\\' | '^' | '`') => false,
        Some('"' | '\'') => {
            let quoted = before[..at - 1].trim_end_matches(' ');
            !["=", "=3D", "("].iter().any(|end| quoted.ends_with(end))
        }
        Some('(') => !after_any(&["](", "url("]),
        Some(':') => !after_any(&["]:"]),
        Some('+' | '-') => !starts_line(&before[..at - 1]) && !after_any(&["<!--"]),
        Some(' ') => !after_any(&["   "]),
        Some('\t') => !starts_line(before.trim_end_matches('\t')),
        other => !border::joins(other),
    }
}

fn starts_line(before: &str) -> bool {
    before.is_empty() || before.ends_with('\n')
}

/// What C's preprocessor is told: words that are no tags.
const DIRECTIVES: [&str; 10] = [
    "include", "define", "undef", "if", "ifdef", "ifndef", "elif", "else", "endif", "pragma",
];

/// Whether a tag is written in code: a directive, an assignment, a rule of CSS, encoded bytes, a number.
fn is_code(text: &str, span: Range<usize>) -> bool {
    let word = &text[span.start + 1..span.end];
    let (before, after) = (&text[..span.start], &text[span.end..]);
    let assigned = after.starts_with(['=', '{', '$', '\\', '^'])
        || after.starts_with(" {")
        || after.starts_with(" = ") && starts_line(before);
    assigned
        || runs_on(after.as_bytes())
        || !word.bytes().any(|b| b.is_ascii_lowercase()) && is_uuencoded(before.as_bytes())
        || DIRECTIVES.contains(&word)
        || is_number(word)
        || is_hexadecimal(word.as_bytes()) && is_colour(before, word.len(), after)
}

/// Whether more follows than closes a tag in text: a call, arithmetic.
fn runs_on(after: &[u8]) -> bool {
    matches!(after, [b'*' | b';' | b'>' | b'(' | b'[' | b'+' | b'"' | b'%', next, ..]
        if next.is_ascii_alphanumeric() || b"$%@&(=+".contains(next))
}

/// Whether a line of uuencoded bytes has begun: `M`, which stands for a full line, and no small letters, but signs.
fn is_uuencoded(before: &[u8]) -> bool {
    const LINE: usize = 61;
    let window = &before[before.len().saturating_sub(LINE)..];
    let line = match memchr::memrchr(b'\n', window) {
        Some(end) => &window[end + 1..],
        None if window.len() == before.len() => window,
        None => return false,
    };
    let signs = line.iter().filter(|b| b.is_ascii_punctuation());
    line.starts_with(b"M") && line.iter().all(|b| (b' '..=b'`').contains(b)) && signs.count() > 2
}

/// Whether hexadecimal digits stand where a style declares a colour.
fn is_colour(before: &str, length: usize, after: &str) -> bool {
    let declared = before.trim_end_matches(' ').ends_with(':');
    let ends = after.starts_with([';', '"', '\'', '!', '}']);
    let line_ends = after.is_empty() || after.starts_with(['\r', '\n']);
    match length {
        3 | 4 => declared && ends,
        6 | 8 => after.starts_with(';') || declared && (ends || line_ends),
        _ => false,
    }
}

fn is_hexadecimal(word: &[u8]) -> bool {
    word.iter().all(u8::is_ascii_hexdigit)
}

/// Whether a word is a hexadecimal number: `0x1F`, a colour, or longer and mostly digits.
fn is_number(word: &str) -> bool {
    let word = word.as_bytes();
    if let Some(number) = word.strip_prefix(b"0x") {
        return is_hexadecimal(number);
    }
    if word.len() < 6 || !is_hexadecimal(word) {
        return false;
    }
    let digits = word.iter().filter(|b| b.is_ascii_digit()).count();
    match word.len() {
        // Colours without digits repeat themselves (`ffccff`, `fefefe`); words of these letters do not (`facade`).
        6 | 8 => {
            let doubled = word.chunks(2).all(|pair| pair[0] == pair[1]);
            digits > 0 || doubled || word.chunks(2).all(|pair| pair == &word[..2])
        }
        length => digits * 2 >= length && length > 8,
    }
}

/// Where the word that begins at `start` ends; cut short where it is too long for a tag.
fn word_end(text: &str, start: usize) -> usize {
    let mut end = start;
    for _ in 0..=MAX_TAG {
        end += match border::after(text, end) {
            Some(c) if border::is_word(c) => c.len_utf8(),
            Some(c) if is_middle_dot(c) && end > start => {
                let next = border::after(text, end + c.len_utf8());
                if !next.is_some_and(border::is_word) {
                    break;
                }
                c.len_utf8()
            }
            _ => break,
        };
    }
    end
}

/// Where a topic that begins at `start` ends, after its closing sign.
fn topic_end(text: &str, start: usize) -> Option<usize> {
    let (mut names, mut glued, mut digits) = (false, false, 0);
    let mut last = None;
    for (count, (offset, c)) in text[start..].char_indices().enumerate() {
        if c == '#' {
            let end = start + offset + 1;
            let two_tags = !glued && border::joins(border::after(text, end));
            let named = names || count == digits && digits >= MIN_DIGITS;
            let fine = named && !two_tags && !last.is_some_and(|c| separates(c) || opens(c));
            return fine.then_some(end);
        }
        let begins = count > 0 || !separates(c) && !closes(c);
        if !in_topic(c) || !begins || count == MAX_TOPIC {
            return None;
        }
        names |= c.is_alphabetic();
        digits += usize::from(c.is_ascii_digit());
        glued |= border::glues(c);
        last = Some(c);
    }
    None
}

fn in_topic(c: char) -> bool {
    if c.is_ascii() {
        border::is_word(c) || separates(c)
    } else {
        !c.is_whitespace() && !c.is_control()
    }
}

/// Punctuation that stands between tags as well as inside topics.
fn separates(c: char) -> bool {
    matches!(
        c,
        '-' | '.' | '+' | '&' | '\'' | '，' | '。' | '、' | '；' | '：'
    )
}

/// Brackets and quotes that no topic ends with.
fn opens(c: char) -> bool {
    matches!(c, '（' | '【' | '《' | '「' | '『' | '“' | '‘')
}

/// Punctuation that no topic begins with.
fn closes(c: char) -> bool {
    matches!(
        c,
        '）' | '】' | '》' | '」' | '』' | '”' | '’' | '！' | '？' | '…'
    )
}

/// Where a plain tag of this word ends.
fn tag_end(text: &str, word: Range<usize>) -> Result<usize, &'static str> {
    let (tag, after) = (&text[word.clone()], &text[word.end..]);
    if !tag.chars().any(char::is_alphabetic) {
        return Err("it has no letter");
    }
    if tag.len() > MAX_TAG && tag.chars().count() > MAX_TAG {
        return Err("it is longer than 100 characters");
    }
    match after.starts_with("://") {
        true => Err("it is part of a URL"),
        false => Ok(word.end),
    }
}

/// Dots inside words of Catalan, and of Chinese and Japanese names (`爱德华·斯诺登`, `コンピュータ・サイエンス`).
fn is_middle_dot(c: char) -> bool {
    matches!(c, '·' | '・')
}

#[cfg(test)]
mod tests {
    use super::super::testing::{assert_linear, assert_table, find};
    use super::*;

    #[test]
    fn table() {
        assert_table(
            &Hashtag,
            &[
                ("#rust", &["#rust → rust"]),
                (
                    "#Rust2026, #rust_lang. (#c)",
                    &["#Rust2026 → rust2026", "#rust_lang → rust_lang", "#c → c"],
                ),
                ("今天#话题#真好", &["#话题# → 话题"]),
                ("#话题##另一个#", &["#话题# → 话题", "#另一个# → 另一个"]),
                (
                    "#话题#正文#第二个#",
                    &["#话题# → 话题", "#第二个# → 第二个"],
                ),
                ("＃话题＃ ＃tag", &["＃话题＃ → 话题", "＃tag → tag"]),
                (
                    "#2026世界杯：开幕！#",
                    &["#2026世界杯：开幕！# → 2026世界杯：开幕！"],
                ),
                ("#a.b#", &["#a.b# → a.b"]),
                ("#话题，#另一个", &["#话题 → 话题", "#另一个 → 另一个"]),
                ("#foo.#bar", &["#foo → foo", "#bar → bar"]),
                ("#a #b#", &["#a → a", "#b# → b"]),
                ("#a#b c#d ’#é’#f", &["#a → a", "#b → b", "#é → é", "#f → f"]),
                ("#话题#a", &["#话题# → 话题"]),
                ("#618# #520#我爱你", &["#618# → 618", "#520# → 520"]),
                (
                    "#爱德华·斯诺登 #コンピュータ・サイエンス· #a·",
                    &[
                        "#爱德华·斯诺登 → 爱德华·斯诺登",
                        "#コンピュータ・サイエンス → コンピュータ・サイエンス",
                        "#a → a",
                    ],
                ),
                (
                    "\"#a\" '#b' (#c) [#d] *#e* >#f high-#g 100%#好评# x;#h",
                    &[
                        "#a → a",
                        "#b → b",
                        "#c → c",
                        "#d → d",
                        "#e → e",
                        "#f → f",
                        "#g → g",
                        "#好评# → 好评",
                        "#h → h",
                    ],
                ),
                (
                    "#facade #abc #dec2026 #Include a: #bed",
                    &[
                        "#facade → facade",
                        "#abc → abc",
                        "#dec2026 → dec2026",
                        "#Include → include",
                        "#bed → bed",
                    ],
                ),
                ("see http://example.com/(a)b.#c, #d", &["#d → d"]),
                ("(http://example.com/a).#c", &["#c → c"]),
                (
                    "#Ünïcode #Привет #हिन्दी",
                    &["#Ünïcode → ünïcode", "#Привет → привет", "#हिन्दी → हिन्दी"],
                ),
                ("#Go语言", &["#Go语言 → go语言"]),
                ("#1st", &["#1st → 1st"]),
                // No tag.
                ("", &[]),
                ("#", &[]),
                ("# title", &[]),
                ("##title", &[]),
                ("#1 #123 #_ #1_2 #1# #12# #618#1 #1_2#", &[]),
                ("C# F#m page.html#part", &[]),
                ("&#39; &#x27; /#/route", &[]),
                ("#http://example.com", &[]),
                ("é#tag 1#tag _#tag", &[]),
                ("#️⃣ #️⃣a #😀 #", &[]),
                ("“#”号", &[]),
                // Code.
                (
                    "<a href=\"#a\" usemap=#b c=3D\"#d\" e = '#f'> [a](#b) [1]:#a $(\"#a\")",
                    &[],
                ),
                ("${#a} `#a` $#a \\#a <#a ^#a @#a", &[]),
                ("a\n-#a\n+#b <!--#a\n#a = 1\n#b=1 #c {", &[]),
                ("x    #a\n    #b\n\t#c", &[]),
                ("#include <a.h>\n#define A\n#endif", &[]),
                (
                    "#c0ffee #FFFFFF #fefefe #ff00ff80 #0x1F #01B0530810E603",
                    &[],
                ),
                ("a: #fff; b #eeeeec; c: #00f}", &[]),
                ("#a*5 #a>b #a(b #a;9", &[]),
                ("a\nM&5R (#QS>7 -#8T\nM<, \"#QC", &[]),
            ],
        );
    }

    #[test]
    fn lengths() {
        let topic = |n: usize| format!("#{}#", "话".repeat(n));
        let found = |text: &str| {
            find(&Hashtag, text)
                .iter()
                .map(|s| s.of(text).to_string())
                .collect::<Vec<_>>()
        };
        assert_eq!(found(&topic(32)), [topic(32)]);
        assert_eq!(found(&topic(33)), [topic(33).trim_end_matches('#')]);
        assert_eq!(found(&format!("#{}", "x".repeat(100))).len(), 1);
        assert_eq!(found(&format!("#{}", "x".repeat(101))).len(), 0);
    }

    #[test]
    fn reasons() {
        let scanner = super::super::Registry::builtin()
            .scanner(&["HASHTAG"])
            .unwrap();
        for (text, part, reason) in [
            ("see #12.", "#12", "no letter"),
            ("page.html#part", "#part", "before it"),
            ("#http://example.com", "#http", "URL"),
            ("#include <x>", "#include", "code"),
            (
                &format!("#{}", "话".repeat(101)),
                &format!("#{}", "话".repeat(101)),
                "100",
            ),
        ] {
            let (spans, refused) = scanner.explain(text);
            assert_eq!(spans, [], "{text}");
            assert_eq!(&text[refused[0].span.clone()], part, "{text}");
            assert!(
                refused[0].reason.contains(reason),
                "{text}: {}",
                refused[0].reason
            );
        }
        assert_eq!(scanner.explain("# title #tag").1, []);
    }

    #[test]
    fn hostile_texts_are_linear() {
        assert_linear(
            &Hashtag,
            &[
                "#",
                "#a",
                "#a#",
                "＃",
                "#话",
                "#-",
                "# ",
                "ａ",
                ",#a",
                ",#a=",
                "://,#a",
                "http://a.bc/,#a",
                "#话·",
                "#ff ",
                ":#fff;",
            ],
        );
    }
}
