//! What stands around digits and says that they are no time of day: scores, lengths of sessions, sections of manuals.

use super::super::border;
use super::super::numeral::{run, run_before};

/// Whether what stands before says that two numbers are a score or a ratio: `比分21：15`.
pub(super) fn is_relation(before: &str) -> bool {
    let before = before.strip_suffix(['：', ':', ' ']).unwrap_or(before);
    let before = before.strip_suffix(['为', '是']).unwrap_or(before);
    ["比分", "比例", "比率", "比例尺"]
        .iter()
        .any(|word| before.ends_with(word))
}

/// Whether what follows counts things, so that a full-width colon before the number is punctuation: `步骤1：15分钟`.
pub(super) fn counts(after: &str) -> bool {
    after.starts_with([
        '个', '名', '位', '人', '年', '月', '天', '元', '条', '次', '件', '章', '页', '倍', '万',
    ]) || after.starts_with("分钟")
}

/// Whether a program says how long something has lasted: `up 1:43`, `up 41 days, 23:42` (`uptime`), and after a range
/// `(00:53)` (`last`).
pub(super) fn is_elapsed(before: &str, after: &str) -> bool {
    if let Some(before) = before.strip_suffix('(') {
        return after.starts_with(')') && ends_range(before);
    }
    let Some(before) = strip_spaces(before) else {
        return false;
    };
    let days = ["day,", "days,"];
    let Some(before) = days.iter().find_map(|unit| before.strip_suffix(unit)) else {
        // `get up 7:30` is said too.
        let clock = before.strip_suffix("up").and_then(strip_spaces);
        return clock.is_some_and(|clock| clock.ends_with(|c: char| c.is_ascii_digit()))
            || before.ends_with("up") && counts_users(after);
    };
    let number = strip_spaces(before).unwrap_or(before);
    let digits = run_before(number.as_bytes(), number.len(), 6);
    let up = strip_spaces(&number[..number.len() - digits]);
    let before = up.and_then(|up| up.strip_suffix("up"));
    before.is_some_and(|before| !border::joins(before.chars().next_back()))
}

/// Whether `, 2 users` follows.
fn counts_users(after: &str) -> bool {
    let Some(after) = after.strip_prefix(", ") else {
        return false;
    };
    let after = after.strip_prefix(' ').unwrap_or(after);
    let digits = run(after.as_bytes(), 0, 4);
    digits > 0 && after[digits..].starts_with(" user")
}

/// Whether `before` ends with `- 13:25 `, or with `- down ` or `- crash ` of a session that something else ended.
fn ends_range(before: &str) -> bool {
    let Some(before) = strip_spaces(before) else {
        return false;
    };
    let is_clock = |b: &u8| b.is_ascii_digit() || *b == b':';
    let clock = before.bytes().rev().take(9).take_while(is_clock).count();
    let before = if clock > 0 {
        &before[..before.len() - clock]
    } else {
        let ended = ["down", "crash"];
        let Some(before) = ended.iter().find_map(|word| before.strip_suffix(word)) else {
            return false;
        };
        before
    };
    before.ends_with("- ") || before.ends_with("– ")
}

/// `before` without the one or two spaces at its end.
fn strip_spaces(before: &str) -> Option<&str> {
    let before = before.strip_suffix(' ')?;
    Some(before.strip_suffix(' ').unwrap_or(before))
}

/// Whether a bracket opens after the name of a module, whose manual Perl keeps in section 3pm: `File::Temp (3pm)`.
pub(super) fn names_module(before: &str) -> bool {
    let Some(before) = before.strip_suffix('(') else {
        return false;
    };
    let before = before.strip_suffix(' ').unwrap_or(before).as_bytes();
    let in_name = |b: &&u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b':');
    let name = before.iter().rev().take(40).take_while(in_name).count();
    before[before.len() - name..]
        .windows(2)
        .any(|pair| pair == b"::")
}
