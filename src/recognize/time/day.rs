//! [`Clock`]: a time of day, how it is written as a value, and the words that say which half of the day is meant.

use super::super::border;

/// A time of day.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Clock<'a> {
    pub(super) hour: u32,
    pub(super) minute: u32,
    pub(super) second: Option<u32>,
    /// The digits after the seconds' point.
    pub(super) fraction: &'a str,
    pub(super) zone: Option<Zone>,
    pub(super) score: f32,
}

/// Minutes east of Greenwich.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Zone(pub(super) i32);

impl<'a> Clock<'a> {
    pub(super) fn of(hour: u32, minute: u32, score: f32) -> Self {
        Self {
            hour,
            minute,
            second: None,
            fraction: "",
            zone: None,
            score,
        }
    }

    /// If a day has it: `24:00` is its end, `23:59:60` a leap second (ISO 8601-1 §5.3.2, Amendment 1 of 2022).
    pub(super) fn checked(self) -> Result<Self, &'static str> {
        let Self {
            hour,
            minute,
            second,
            ..
        } = self;
        let seconds = second.unwrap_or(0);
        let fine = match (hour, minute, seconds) {
            (24, 0, 0) | (23, 59, 60) => true,
            _ => hour < 24 && minute < 60 && seconds < 60,
        };
        fine.then_some(self).ok_or("a day has no such time")
    }

    /// `15:30`, `10:30:45.123+08:00`, `10:30Z`.
    pub(super) fn value(self) -> String {
        let mut value = format!("{:02}:{:02}", self.hour, self.minute);
        if let Some(second) = self.second {
            value += &format!(":{second:02}");
        }
        if !self.fraction.is_empty() {
            value += ".";
            value += self.fraction;
        }
        match self.zone {
            None => {}
            Some(Zone(0)) => value += "Z",
            Some(Zone(minutes)) => {
                let sign = if minutes < 0 { '-' } else { '+' };
                let minutes = minutes.abs();
                value += &format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60);
            }
        }
        value
    }
}

/// A part of the day, as Chinese names it before a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    SmallHours,
    Morning,
    Noon,
    Afternoon,
    Night,
}

impl Part {
    /// The part of the day that is named before `end`, perhaps with a space, and where its name begins.
    pub(super) fn before(text: &str, end: usize) -> Option<(Self, usize)> {
        let named = &text[..end - usize::from(text[..end].ends_with(' '))];
        // `下午的 1:30`; but `晚的` is late.
        let (named, linked) = match named.strip_suffix('的') {
            Some(named) => (named, true),
            None => (named, false),
        };
        let last = named.chars().next_back().filter(|c| !c.is_ascii())?;
        let start = named.len() - last.len_utf8();
        let first = border::before(text, start);
        let part = match (first, last) {
            (Some('凌'), '晨') | (Some('半' | '午' | '深'), '夜') => Self::SmallHours,
            (Some('上'), '午') | (Some('早' | '清'), '晨') | (Some('早'), '上') => {
                Self::Morning
            }
            (Some('中' | '正'), '午') => Self::Noon,
            (Some('下'), '午') | (Some('午'), '后' | '後') | (Some('傍'), '晚') => {
                Self::Afternoon
            }
            (Some('晚'), '上')
            | (Some('夜'), '里' | '裡' | '间' | '間')
            | (Some('晚'), '间' | '間') => Self::Night,
            (_, '早' | '晚') if linked => return None,
            // At the latest, a little earlier.
            (Some('最' | '更' | '稍' | '太' | '越' | '较'), '早' | '晚') => return None,
            (Some('今' | '明' | '昨' | '当' | '當' | '每'), '早' | '晚') => Self::of(last),
            (_, '早' | '晚') => return Some((Self::of(last), start)),
            _ => return None,
        };
        first.map(|first| (part, start - first.len_utf8()))
    }

    fn of(short: char) -> Self {
        if short == '早' {
            Self::Morning
        } else {
            Self::Night
        }
    }

    /// The hour of 24 for an hour as said.
    pub(super) fn hour(self, said: u32) -> u32 {
        match (self, said) {
            (Self::SmallHours | Self::Night, 12) => 0,
            (Self::Noon, 1..=3) | (Self::Afternoon, 1..=11) | (Self::Night, 5..=11) => said + 12,
            (Self::SmallHours, 10..=11) => said + 12,
            _ => said,
        }
    }
}
