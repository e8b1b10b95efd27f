//! [`Day`]: a day or a month of the calendar, and how it is written as a value.

/// A day; a month as a whole, where it has no day; a day of every year, where it has no year.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Day {
    pub(super) year: Option<u32>,
    pub(super) month: u32,
    pub(super) day: Option<u32>,
}

/// What is refused where the calendar has no such day.
pub(super) const NO_SUCH_DAY: &str = "the calendar has no such day";

impl Day {
    /// If the calendar has it: 1900 is no leap year, and without a year 29 February exists.
    pub(super) fn checked(
        year: Option<u32>,
        month: u32,
        day: Option<u32>,
    ) -> Result<Self, &'static str> {
        let leap = year.is_none_or(|year| {
            year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
        });
        let days = match month {
            4 | 6 | 9 | 11 => 30,
            2 => 28 + u32::from(leap),
            1..=12 => 31,
            _ => return Err("the year has twelve months"),
        };
        if day.is_some_and(|day| !(1..=days).contains(&day)) {
            return Err(NO_SUCH_DAY);
        }
        Ok(Self { year, month, day })
    }

    /// Itself, if it begins a range of days that ends with the day `last` of its month.
    pub(super) fn until(self, last: Option<u32>) -> Result<Self, &'static str> {
        let Some(last) = last else { return Ok(self) };
        if self.day.is_none_or(|day| day >= last) {
            return Err("the range ends before it begins");
        }
        Self::checked(self.year, self.month, Some(last)).map(|_| self)
    }

    /// `2026-11-22`, `2026-11`, or `--11-22` (ISO 8601:2000 §5.2.1.3, as RFC 6350 §4.3.1 keeps it).
    pub(super) fn value(self) -> String {
        let Self { year, month, day } = self;
        let year = year.map_or("-".to_string(), |year| format!("{year:04}"));
        let day = day.map_or(String::new(), |day| format!("-{day:02}"));
        format!("{year}-{month:02}{day}")
    }

    /// How sure it is that this is meant as a date.
    pub(super) fn score(self) -> f32 {
        if self.year.is_some() { 1.0 } else { 0.6 }
    }
}
