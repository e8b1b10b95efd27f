//! Chinese times: `下午3点半`, `上午十点三十分`, `15时30分20秒`, `11月22日零时`.

use super::super::border;
use super::super::numeral::{han_digit, run, small_at, small_before};
use super::day::{Clock, Part};
use super::{Read, range};

/// The time whose `点` or `时` stands at `unit`.
///
/// `三点` is three points as well, and `一时` a while: where no part of the day stands before and no minutes after,
/// something else must say that a time is meant.
pub(super) fn around(text: &str, unit: usize, known: bool) -> Read<'_> {
    let (said, hour_start) = small_before(text, before_space(text, unit))?;
    let sign = border::after(text, unit)?;
    let unit_end = unit + sign.len_utf8();
    let is_point = matches!(sign, '点' | '點');
    let before = border::before(text, hour_start);
    if !opens(text, hour_start) {
        return None;
    }
    let in_digits = text.as_bytes()[hour_start].is_ascii_digit();
    let part = part_before(text, hour_start);
    if part.is_none()
        && let Some((first, first_start)) = range::hour_before(text, hour_start)
        && let Some((part, start)) = part_before(text, first_start)
    {
        // `下午3-5点`.
        let end = minutes(text, after_space(text, unit_end), is_point, true)
            .map_or(unit_end, |(_, _, end)| end);
        let clock = Clock::of(part.hour(first), 0, 1.0);
        return Some((start..end, clock.checked()));
    }
    let (hour, start) = match part {
        Some((part, start)) => (part.hour(said), start),
        None => (said, hour_start),
    };
    let rest = after_space(text, unit_end);
    let (minute, second, mut end) = match minutes(text, rest, is_point, part.is_some()) {
        Some(read) => read,
        None => {
            let a_little = matches!(border::after(text, unit_end), Some('点' | '點' | '儿'));
            let meant = known
                || part.is_some()
                || dated(before)
                    && if is_point {
                        in_digits
                    } else {
                        said != 1 || in_digits
                    }
                || ranged(text, before, hour_start, unit_end) && (in_digits || !is_point)
                || is_point && in_digits && hinted(text, unit_end);
            (meant && !a_little).then_some((0, None, unit_end))?
        }
    };
    let mut clock = Clock::of(hour, minute, if part.is_some() { 1.0 } else { 0.8 });
    clock.second = second;
    if let Some((part, _)) = part {
        end = range::end(text, end, part, clock).unwrap_or(end);
    }
    Some((start..end, clock.checked()))
}

/// The part of the day before the hour at `hour`, and where its name begins. `晚一点` is a little later.
fn part_before(text: &str, hour: usize) -> Option<(Part, usize)> {
    let in_digits = text.as_bytes()[hour].is_ascii_digit();
    Part::before(text, hour).filter(|(_, start)| {
        let short = text[*start..hour].trim_end().chars().nth(1).is_none();
        !short || in_digits
    })
}

/// `5点半` that says no half of the day, at `at`: hour, minute, and where it ends.
pub(super) fn plain(text: &str, at: usize) -> Option<(u32, u32, usize)> {
    let (hour, end) = small_at(text, at)?;
    let unit = after_space(text, end);
    let sign = border::after(text, unit)?;
    let is_point = matches!(sign, '点' | '點');
    (is_point || matches!(sign, '时' | '時')).then_some(())?;
    let end = unit + sign.len_utf8();
    let (minute, end) = minutes(text, after_space(text, end), is_point, true)
        .map_or((0, end), |(minute, _, end)| (minute, end));
    Some((hour, minute, end))
}

/// Minutes and seconds after the unit, at `at`, and where they end.
fn minutes(
    text: &str,
    at: usize,
    is_point: bool,
    has_part: bool,
) -> Option<(u32, Option<u32>, usize)> {
    let rest = &text[at..];
    let words: &[(&str, u32)] = if is_point {
        &[
            ("半", 30),
            ("整", 0),
            ("钟", 0),
            ("鐘", 0),
            ("一刻", 15),
            ("三刻", 45),
        ]
    } else {
        &[("整", 0)]
    };
    if let Some((word, minute)) = words.iter().find(|(word, _)| rest.starts_with(word)) {
        let end = at + word.len();
        // `一点半点` is a very little.
        let little = rest[word.len()..].starts_with(['点', '點']);
        return (!little).then_some((*minute, None, end));
    }
    let after_zero = rest
        .strip_prefix(['零', '〇'])
        .map(|rest| text.len() - rest.len());
    let (minute, end) = after_zero
        .and_then(|at| small_at(text, at))
        .or_else(|| small_at(text, at))?;
    let sign = after_space(text, end);
    if let Some(rest) = text[sign..].strip_prefix('分') {
        let minutes_end = text.len() - rest.len();
        let second = small_at(text, after_space(text, minutes_end)).and_then(|(second, end)| {
            let rest = text[after_space(text, end)..].strip_prefix('秒')?;
            Some((second, text.len() - rest.len()))
        });
        return Some(match second {
            Some((second, end)) => (minute, Some(second), end),
            None => (minute, None, minutes_end),
        });
    }
    // `8点30`, `下午三点十五`.
    let in_digits = run(text.as_bytes(), at, 3) == 2;
    let after = border::after(text, end);
    let alone = !border::joins(after) && !matches!(after, Some('.' | '%' | '：' | ':'));
    (is_point && alone && (in_digits || has_part && minute >= 10)).then_some((minute, None, end))
}

/// Whether an hour may begin at `start`.
fn opens(text: &str, start: usize) -> bool {
    let Some(c) = border::before(text, start) else {
        return true;
    };
    let further = border::before(text, start - c.len_utf8());
    match c {
        '.' | '/' | ':' | ',' => !further.is_some_and(|f| f.is_ascii_digit()),
        '第' | '百' | '千' | '几' | '数' | '点' => false,
        _ => !border::joins(Some(c)) && han_digit(c).is_none(),
    }
}

/// Whether a day is named before the hour: `22日8点`, `今天8点`, `周五8点`.
fn dated(before: Option<char>) -> bool {
    matches!(before, Some('日' | '号' | '號' | '天'))
}

/// Whether the hour is one end of a range: `8时至18时`.
fn ranged(text: &str, before: Option<char>, start: usize, end: usize) -> bool {
    let to = |c: char| matches!(c, '至' | '到' | '-' | '—' | '～' | '~');
    let time = |c: char| matches!(c, '时' | '時' | '点' | '點' | '分' | '半');
    let follows = before
        .filter(|&c| to(c))
        .is_some_and(|c| border::before(text, start - c.len_utf8()).is_some_and(time));
    let leads = border::after(text, end)
        .filter(|&c| to(c))
        .is_some_and(|c| {
            let to_day =
                text[end + c.len_utf8()..].trim_start_matches(['次', '翌', '第', '二', '日', '天']);
            let hour = text.len() - to_day.len();
            small_at(text, hour)
                .is_some_and(|(_, unit)| border::after(text, unit).is_some_and(time))
        });
    follows || leads
}

/// Whether what follows speaks of a time.
fn hinted(text: &str, end: usize) -> bool {
    const HINTS: [&str; 6] = ["左右", "以前", "以后", "之前", "之后", "许"];
    HINTS.iter().any(|hint| text[end..].starts_with(hint))
}

fn before_space(text: &str, at: usize) -> usize {
    at - usize::from(text[..at].ends_with(' '))
}

fn after_space(text: &str, at: usize) -> usize {
    at + usize::from(text[at..].starts_with(' '))
}
