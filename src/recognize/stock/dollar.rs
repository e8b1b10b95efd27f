//! What dollar signs stand around: cashtags, and codes as Xueqiu links them.
//!
//! In programs and formulas they stand around other things, which is most of what is decided here. The forms without a
//! dollar sign are `stock.rs`'s business.

use super::super::{ByteSet, border};
use super::market::Market;
use super::{Candidate, letters_end};

/// Names of variables in the shell, and of currencies, that could be tickers.
const NO_CASHTAGS: [&str; 34] = [
    "AUD", "CAD", "HKD", "NZD", "SGD", "TWD", "USD", "US", "ARCH", "ARGS", "CC", "CXX", "DIR",
    "ENV", "EUID", "FILE", "GID", "HOME", "HOST", "IFS", "KEY", "LANG", "MAIL", "NAME", "PATH",
    "PID", "PPID", "PWD", "SHELL", "TERM", "TMP", "TTL", "UID", "USER",
];

/// `$AAPL`: the sign is at `at`.
pub(super) fn cashtag(text: &str, at: usize) -> Option<Candidate> {
    let end = letters_end(text, at + 1)?;
    let apart = |c: Option<char>| {
        c.is_none_or(|c| c.is_whitespace() || !c.is_ascii() && !border::joins(Some(c)))
    };
    let before = border::before(text, at);
    let mut after = text[end..].chars();
    let next = after.next();
    let closes = apart(next)
        || matches!(next, Some(',' | '.' | ';' | ':' | '!' | '?' | ')')) && apart(after.next());
    let code = &text[at + 1..end];
    if code.len() < 2 || !closes || !(apart(before) || before == Some('(')) {
        None
    } else if NO_CASHTAGS.contains(&code) || in_code(text.as_bytes(), at, end) {
        Some(Err((
            at..end,
            "it may be a variable of a program, or a currency",
        )))
    } else {
        Some(Ok(at..end))
    }
}

/// Whether what stands beside `$NAME` in the same line is code: a command or two spaces before it, signs that prose
/// lacks, an option, another variable.
fn in_code(bytes: &[u8], at: usize, end: usize) -> bool {
    /// Bytes that are looked at on each side, and dollar signs.
    const BESIDE: usize = 40;
    const DOLLARS: usize = 2;
    const COMMANDS: [&[u8]; 6] = [b"echo ", b"case ", b"exec ", b"unset ", b"print ", b"  "];
    let side = |places: &mut dyn Iterator<Item = usize>| {
        let (mut upper, mut dollars) = (0, 0);
        for i in places.take(BESIDE).take_while(|&i| bytes[i] != b'\n') {
            upper = if bytes[i].is_ascii_uppercase() {
                upper + 1
            } else {
                0
            };
            if upper > 5 || is_code(bytes, i) {
                return true;
            }
            dollars += usize::from(bytes[i] == b'$');
            if dollars == DOLLARS {
                break;
            }
        }
        false
    };
    COMMANDS
        .iter()
        .any(|command| bytes[..at].ends_with(command))
        || side(&mut (0..at).rev())
        || side(&mut (end..bytes.len()))
}

/// Whether prose has no such sign as the one at `at`, with what stands beside it.
fn is_code(bytes: &[u8], at: usize) -> bool {
    const SIGNS: ByteSet = ByteSet::of(b"{}|\\;`<>=");
    let next = bytes.get(at + 1).copied().unwrap_or(b'\n');
    match bytes[at] {
        b'$' => !next.is_ascii_digit() && !next.is_ascii_uppercase(),
        b'[' | b']' => next == b' ',
        b'-' => (next == b'-' || next.is_ascii_alphabetic()) && bytes[..at].ends_with(b" "),
        sign => SIGNS.contains(sign),
    }
}

/// Xueqiu's `$苹果(AAPL)$`, `$腾讯控股(00700)$`: the closing sign is at `at`.
pub(super) fn in_brackets(text: &str, at: usize) -> Option<Candidate> {
    /// Bytes of the longest name.
    const NAME: usize = 60;
    let inside = text[..at].strip_suffix([')', '）'])?;
    let code = inside
        .bytes()
        .rev()
        .take(7)
        .take_while(|b| b.is_ascii_digit() || b.is_ascii_uppercase() || *b == b'.')
        .count();
    let (before, code) = inside.split_at(inside.len() - code);
    let name = before.strip_suffix(['(', '（'])?.as_bytes();
    let length = name.iter().rev().take(NAME).position(|&b| b == b'$')?;
    let name = &name[name.len() - length..];
    // Formulas are written between dollar signs, too: `$O(N)$`.
    let opens =
        length > 2 && !name.ends_with(b" ") && !name.iter().any(|b| b"\\^_=+-*/{}".contains(b));
    let market = Market::of_code(code).filter(|market| {
        *market != Market::UnitedStates
            || code.len() > 1 && letters_end(code, 0) == Some(code.len())
    });
    (opens && market.is_some()).then_some(Ok(before.len()..inside.len()))
}
