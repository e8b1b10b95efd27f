//! MENTION: `@user`, as X, Weibo and GitHub write people.
//!
//! Grammar (X: letters, digits and `_`; GitHub: inner hyphens, 39 characters; Weibo: Han, letters, digits, `_` and `-`,
//! 30 columns; Mastodon: a host behind a second `@`):
//! ```text
//! mention = "@" (handle ["@" host] / name)
//! handle  = 3*39 of A-Z a-z 0-9 _ and inner -          at least one letter
//! name    = the same with letters of any script        3-30 columns, a Han character is two
//! ```
//! Weibo ends a name with a space or a colon. So `@Go语言中文网：` is one name, and of `@octocat的贡献，` the handle alone is
//! found: Chinese text goes on directly behind a handle.
//!
//! Borders: at the beginning, after white space, brackets, quotes, Han, or punctuation of prose. Not an e-mail's `@`, not
//! in a path (`/@user`, `@scope/package`), not a host (`@example.com`), not after a backtick, and not what programs
//! write: a call or decorator (`@app.route`, `@main()`), an assignment (`@x = 1`), what Markdown would take as
//! code by its indentation, and the words that languages put behind `@` (`@media`, `@Override`, `@param`, `@daily`).
//! What is left of code, such as `(@bg_color, 1)`, cannot be told from a handle.
//!
//! The value is the name without `@`, in lower case.
//!
//! Cost: stops at `@` after what is no part of an e-mail address; at most 300 bytes after each.

use std::borrow::Cow;
use std::ops::Range;

use super::{Anchor, ByteSet, Bytes, Found, Recognizer, border, host};

/// Recognizes mentions of people.
#[derive(Debug)]
pub(super) struct Mention;

const HANDLE: usize = 39;
const COLUMNS: usize = 30;
const HOST: usize = 253;

impl Recognizer for Mention {
    fn label(&self) -> &str {
        "MENTION"
    }
    fn description(&self) -> &str {
        "@names"
    }
    fn name(&self) -> &str {
        "mention"
    }
    fn definition(&self) -> Cow<'_, str> {
        Cow::Borrowed("1")
    }
    fn anchors(&self) -> Vec<Anchor> {
        let local = ByteSet::alphanumeric().union(ByteSet::of(b"_%+-\\$&=~^#@`"));
        let begins = ByteSet::alphanumeric()
            .union(ByteSet::of(b"_"))
            .union(ByteSet::range(0xC3, 0xEF));
        let at = Bytes::of(b"@").not_preceded_by(local);
        vec![Anchor::Bytes(at.followed_by(begins))]
    }
    fn verify(&self, text: &str, at: usize, found: &mut Found<'_>) -> usize {
        let next = at + 1;
        match read(text, at) {
            None => next,
            Some((span, Err(reason))) => {
                found.refuse(span, reason);
                next
            }
            Some((span, Ok(()))) => {
                let end = span.end;
                found.push(span);
                end
            }
        }
    }
    fn value<'a>(&self, entity: &'a str) -> Cow<'a, str> {
        let name = entity.strip_prefix('@').unwrap_or(entity);
        if name.chars().any(char::is_uppercase) {
            Cow::Owned(name.to_lowercase())
        } else {
            Cow::Borrowed(name)
        }
    }
}

/// What looks like a mention at the `@` at `at`: where it stands, and whether it is one.
fn read(text: &str, at: usize) -> Option<(Range<usize>, Result<(), &'static str>)> {
    let before = border::before(text, at);
    // `.@user` is how a public reply begins.
    let dotted =
        before == Some('.') && border::before(text, at - 1).is_none_or(char::is_whitespace);
    // `//@张三:` is how Weibo quotes whom a post was forwarded from.
    let forwarded = text[..at]
        .strip_suffix("//")
        .is_some_and(|rest| !rest.ends_with([':', '/']));
    let in_path = match before {
        Some('.') => !dotted,
        Some('/') => !forwarded,
        _ => border::joins(before),
    };
    if in_path {
        return None;
    }
    let start = at + 1;
    let run = name_end(text, start)?;
    let handle = handle_end(text, start);
    let end = if handle > start && handle < run && !ends_name(text, run) {
        handle
    } else {
        run
    };
    let end = start + text[start..end].trim_end_matches('-').len();
    let name = &text[start..end];
    let span = at..end;
    if columns(name) < 3 || name.starts_with('-') || !name.chars().any(char::is_alphabetic) {
        return None;
    }
    if let Some(end) = host_end(text, end) {
        return Some((at..end, Ok(())));
    }
    if is_indented(&text[..at]) {
        return Some((span, Err("indented like code")));
    }
    Some((span, judge(text, start, end)))
}

/// Whether what follows `before` begins its line after a tab or four spaces.
fn is_indented(before: &str) -> bool {
    let line = before.trim_end_matches([' ', '\t']);
    let indent = &before[line.len()..];
    (line.is_empty() || line.ends_with('\n')) && (indent.contains('\t') || indent.len() >= 4)
}

/// Whether what ends at `end` is somebody's name rather than a part of a program or an address.
fn judge(text: &str, start: usize, end: usize) -> Result<(), &'static str> {
    let name = &text[start..end];
    let mut rest = text[end..].chars();
    let (next, further) = (rest.next(), rest.next());
    let goes_on = further.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_');
    match next {
        Some('(' | '[' | '{' | '}' | ';') if name.is_ascii() => {
            return Err("a call, an index, a block or a statement");
        }
        Some('.') if goes_on => return Err("a host, or a part of something"),
        Some('/' | ':') if goes_on => return Err("a part of a path or an address"),
        Some('@' | '=' | '\\' | '$' | '&' | '%' | '^' | '~' | '#' | '+' | '`' | '<')
            if name.is_ascii() && !(next == Some('<') && further == Some('/')) =>
        {
            return Err("a sign follows that no text has there");
        }
        _ => {}
    }
    let after = text[end..].trim_start_matches(' ');
    let assigned = ["=", ":=", "+=", "||=", "<<"]
        .iter()
        .any(|sign| after.starts_with(sign));
    if assigned && after.len() < text.len() - end {
        return Err("an assignment");
    }
    let name = name.to_ascii_lowercase();
    if RESERVED.binary_search(&name.as_str()).is_ok() {
        return Err("a word of a programming language");
    }
    Ok(())
}

/// What languages and tools write behind `@`: CSS and its dialects, annotations of Java, decorators of Python, tags of
/// documentation comments, cron.
const RESERVED: [&str; 97] = [
    "abstract",
    "annually",
    "api",
    "apply",
    "author",
    "authors",
    "autowired",
    "bean",
    "brief",
    "charset",
    "class",
    "classmethod",
    "code",
    "component",
    "configuration",
    "const",
    "constructor",
    "controller",
    "copyright",
    "coroutine",
    "daily",
    "data",
    "dataclass",
    "date",
    "default",
    "define-color",
    "deprecated",
    "details",
    "each",
    "echo",
    "else",
    "entity",
    "enum",
    "example",
    "exception",
    "export",
    "extend",
    "extends",
    "file",
    "font-face",
    "forward",
    "function",
    "functionalinterface",
    "getter",
    "global",
    "hourly",
    "id",
    "if",
    "import",
    "include",
    "inject",
    "interface",
    "internal",
    "keyframes",
    "layer",
    "license",
    "link",
    "list",
    "local",
    "media",
    "method",
    "midnight",
    "mixin",
    "module",
    "monthly",
    "name",
    "namespace",
    "note",
    "override",
    "package",
    "page",
    "param",
    "private",
    "property",
    "protected",
    "public",
    "reboot",
    "repository",
    "return",
    "returns",
    "see",
    "service",
    "setter",
    "since",
    "static",
    "staticmethod",
    "summary",
    "supports",
    "suppresswarnings",
    "system",
    "test",
    "throws",
    "todo",
    "type",
    "typedef",
    "version",
    "weekly",
];

/// Where the run of name characters that begins at `start` ends; none where it is longer than a name.
fn name_end(text: &str, start: usize) -> Option<usize> {
    let (mut width, mut end, mut ascii) = (0, start, true);
    for c in text[start..].chars() {
        if !(border::is_word(c) || c == '-') {
            break;
        }
        ascii &= c.is_ascii();
        width += column(c);
        end += c.len_utf8();
        if width > HANDLE {
            break;
        }
    }
    if width <= if ascii { HANDLE } else { COLUMNS } {
        return Some(end);
    }
    // Text that goes on directly behind a handle.
    let handle = handle_end(text, start);
    (handle > start
        && handle - start <= HANDLE
        && !text[handle..].starts_with(|c: char| c.is_ascii() && border::is_word(c)))
    .then_some(handle)
}

fn columns(name: &str) -> usize {
    name.chars().map(column).sum()
}

fn column(c: char) -> usize {
    if border::glues(c) { 2 } else { 1 }
}

/// Where the ASCII handle that begins at `start` ends.
fn handle_end(text: &str, start: usize) -> usize {
    let length = text.as_bytes()[start..]
        .iter()
        .take(HANDLE + 1)
        .take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
        .count();
    start + length
}

/// Whether a name that ends at `end` is ended as Weibo ends names.
fn ends_name(text: &str, end: usize) -> bool {
    border::after(text, end)
        .is_none_or(|c| c.is_whitespace() || matches!(c, ':' | '：' | ')' | '）' | ']' | '】'))
}

/// Where the host of `@user@host` ends, whose second `@` stands at `at`.
fn host_end(text: &str, at: usize) -> Option<usize> {
    let rest = text[at..].strip_prefix('@')?;
    let length = host::name_end(host::run(rest, false))?;
    let end = at + 1 + length;
    (length <= HOST && !border::joins(border::after(text, end))).then_some(end)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{assert_linear, assert_table};
    use super::*;

    #[test]
    fn table() {
        assert_table(
            &Mention,
            &[
                ("@octocat", &["@octocat → octocat"]),
                ("@jose\u{301} hi", &["@jose\u{301} → jose\u{301}"]),
                (
                    "thanks @Ann_Lee, @bob-b. (@c34) [@Dora][1] \"@eve\" @frank's .@gil: *@hal*",
                    &[
                        "@Ann_Lee → ann_lee",
                        "@bob-b → bob-b",
                        "@c34 → c34",
                        "@Dora → dora",
                        "@eve → eve",
                        "@frank → frank",
                        "@gil → gil",
                        "@hal → hal",
                    ],
                ),
                (
                    "感谢@octocat的贡献，@ann翻译。",
                    &["@octocat → octocat", "@ann → ann"],
                ),
                (
                    "转发@张三 ：@李四：你好@王五，再见 //@Go语言中文网: 看",
                    &[
                        "@张三 → 张三",
                        "@李四 → 李四",
                        "@王五 → 王五",
                        "@Go语言中文网 → go语言中文网",
                    ],
                ),
                (
                    "@Go语言中文网：看 @看天下 ",
                    &["@Go语言中文网 → go语言中文网", "@看天下 → 看天下"],
                ),
                ("＠octocat", &["＠octocat → octocat"]),
                (
                    "@user@example.social, @user@b",
                    &["@user@example.social → user@example.social"],
                ),
                (
                    "<b>@user</b> 译者@geek，@é-ü",
                    &["@user → user", "@geek → geek", "@é-ü → é-ü"],
                ),
                (
                    "@a_b @_bc @user- @user--",
                    &["@a_b → a_b", "@_bc → _bc", "@user → user", "@user → user"],
                ),
                // No mention.
                ("", &[]),
                ("@", &[]),
                ("@a @ab @1 @123 @___ @-ab 3 @ 5", &[]),
                (
                    "a@b.com a.@b x_@bc é@bc $@bc /@user https://example.com/@user a@@bc",
                    &[],
                ),
                ("@example.com @scope/package @host:8080 @1.2.3", &[]),
                (
                    "`@user` @main() @app.route @x[0] @x=1 @xyz = 1 @xyz += 1 @abc{ @abc; @abc}",
                    &[],
                ),
                ("x\n\t@abc x\n    @abc", &[]),
                ("@media @Override @param x @font-face @daily", &[]),
            ],
        );
    }

    #[test]
    fn lengths() {
        let found = |text: &str| super::super::testing::find(&Mention, text).len();
        assert_eq!(found(&format!("@{}", "x".repeat(39))), 1);
        assert_eq!(found(&format!("@{}", "x".repeat(40))), 0);
        assert_eq!(found(&format!("@{}", "张".repeat(15))), 1);
        assert_eq!(found(&format!("@{}", "张".repeat(16))), 0);
        assert_eq!(found(&format!("@ann{}", "张".repeat(99))), 1);
        assert!(RESERVED.is_sorted());
    }

    #[test]
    fn hostile_texts_are_linear() {
        assert_linear(
            &Mention,
            &[
                "@", "@a", "@ab ", "@张", "张@", "@a@b.", "@a-", " @a@a.bc", "@ab=", "＠a", "-@ab",
            ],
        );
    }
}
