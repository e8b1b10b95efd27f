//! Ranges of which one end says the half of the day for both: `下午3点到5点`, `2:00-3:30pm`.

use super::super::dash::{self, HAN_DASHES};
use super::super::numeral::{number, small_before};
use super::day::{Clock, Part};
use super::{chinese, clock};

/// Where a range ends whose beginning, `first` in this part of the day, ends at `end`; none where what follows says
/// itself what it means, as in `上午9点到11点`, `下午3点到15点半` and, since it is the next morning, `晚上10点到6点`.
pub(super) fn end(text: &str, end: usize, part: Part, first: Clock<'_>) -> Option<usize> {
    let at = dash::behind(text, end, HAN_DASHES)?;
    let (said, minute, end) = chinese::plain(text, at).or_else(|| clock::plain(text, at))?;
    let start = first.hour * 60 + first.minute;
    let later = said * 60 + minute > start;
    let meant = part.hour(said) * 60 + minute;
    let next_day = matches!(part, Part::Night | Part::SmallHours) && said != 12 && meant <= start;
    (said < 24 && minute < 60 && !later && !next_day).then_some(end)
}

/// The hour before the last of a range, as in `下午3-5点`: the hour stands at `last`. What was said, and where.
pub(super) fn hour_before(text: &str, last: usize) -> Option<(u32, usize)> {
    small_before(text, text[..last].strip_suffix(HAN_DASHES)?.len())
}

/// The hour of 24 of a time without a half of the day that ends at `end`, where the end of its range has one:
/// `2:00-3:30pm`; and where that range ends. None where it would run backwards (`10:00-2pm`) or the hour is as said.
pub(super) fn of_meridiem(text: &str, end: usize, said: u32, minute: u32) -> Option<(u32, usize)> {
    let bytes = text.as_bytes();
    let at = match text[end..].strip_prefix(" to ") {
        Some(rest) => text.len() - rest.len(),
        None => dash::behind(text, end, HAN_DASHES)?,
    };
    let (last, i) = number(bytes, at, 1..=2).filter(|(last, _)| (1..=12).contains(last))?;
    let (last_minute, i) = clock::minutes(bytes, i).unwrap_or((0, i));
    let (afternoon, range_end) = clock::meridiem(text, i)?;
    let hour = clock::of_twelve(said, afternoon).filter(|&hour| hour != said)?;
    let last = clock::of_twelve(last, afternoon)?;
    let forward = hour * 60 + minute < last * 60 + last_minute;
    ((1..=12).contains(&said) && last_minute < 60 && forward).then_some((hour, range_end))
}
