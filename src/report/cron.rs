//! The five fields of a crontab line: which days they name, and which minutes of those days.
//!
//! Owns their grammar and the calendar. Time zones, and what becomes of a time that the clock leaves out or shows twice,
//! are `schedule.rs`.
//!
//! The grammar is that of crontab(5), which includes POSIX's:
//!
//! ```text
//! schedule = minute hour day-of-month month day-of-week
//! field    = item ("," item)*
//! item     = ("*" | number "-" number) ["/" step] | number
//! ```
//!
//! Months and days of the week may be given by the first three letters of their English names, in any case; 0 and 7 are
//! Sunday. Where both day fields are restricted, a day in either is meant; where one of them begins with `*`, a day in
//! both. `@daily` and the like, and the `L`, `W` and `#` of other schedulers, are refused.

use chrono::{Datelike, NaiveDate, NaiveTime};

/// The minutes that five fields name, in the calendar of no particular place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cron {
    minutes: Set,
    hours: Set,
    days: Set,
    months: Set,
    weekdays: Set,
    /// A day must be in `days` and in `weekdays`; one of them is enough otherwise.
    both: bool,
}

/// The numbers below 64 whose bits are set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Set(u64);

impl Set {
    fn has(self, number: u32) -> bool {
        self.0 >> number & 1 == 1
    }

    fn numbers(self) -> impl Iterator<Item = u32> + Clone {
        (0..64).filter(move |&number| self.has(number))
    }
}

/// What a field may hold.
struct Field {
    name: &'static str,
    least: u32,
    most: u32,
    /// Words for the numbers from `least` on.
    words: &'static [&'static str],
    /// The numbers, for messages.
    range: &'static str,
}

const MINUTE: Field = Field {
    name: "minute",
    least: 0,
    most: 59,
    words: &[],
    range: "0-59",
};
const HOUR: Field = Field {
    name: "hour",
    least: 0,
    most: 23,
    words: &[],
    range: "0-23",
};
const DAY: Field = Field {
    name: "day of month",
    least: 1,
    most: 31,
    words: &[],
    range: "1-31",
};
const MONTH: Field = Field {
    name: "month",
    least: 1,
    most: 12,
    words: &[
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ],
    range: "1-12 or JAN-DEC",
};
const WEEKDAY: Field = Field {
    name: "day of week",
    least: 0,
    most: 7,
    words: &["sun", "mon", "tue", "wed", "thu", "fri", "sat"],
    range: "0-7 or SUN-SAT, 0 and 7 being Sunday",
};

impl Field {
    fn read(&self, text: &str) -> Result<Set, String> {
        let mut set = 0;
        for item in text.split(',') {
            let (range, step) = match item.split_once('/') {
                Some((range, step)) => (range, Some(step)),
                None => (item, None),
            };
            let (from, to) = match range.split_once('-') {
                _ if range == "*" => (self.least, self.most),
                Some((from, to)) => (self.number(from, text)?, self.number(to, text)?),
                None if step.is_none() => {
                    let number = self.number(range, text)?;
                    (number, number)
                }
                None => return Err(self.refuse(text, "a step follows * or a range")),
            };
            if from > to {
                return Err(self.refuse(text, &format!("{range} ends before it begins")));
            }
            let step = match step {
                None => 1,
                Some(step) => digits(step)
                    .filter(|step| (1..=self.most - self.least).contains(step))
                    .ok_or_else(|| {
                        let most = self.most - self.least;
                        self.refuse(text, &format!("a step is 1-{most}, not {step:?}"))
                    })?,
            };
            for number in (from..=to).step_by(step as usize) {
                set |= 1 << number;
            }
        }
        Ok(Set(set))
    }

    fn number(&self, item: &str, text: &str) -> Result<u32, String> {
        let named = |known: &&str| known.eq_ignore_ascii_case(item);
        let named = self.words.iter().position(named);
        named
            .and_then(|at| Some(self.least + u32::try_from(at).ok()?))
            .or_else(|| digits(item))
            .filter(|number| (self.least..=self.most).contains(number))
            .ok_or_else(|| self.refuse(text, &format!("{item:?} is none of its numbers")))
    }

    fn refuse(&self, text: &str, why: &str) -> String {
        format!(
            "{} {text:?}: {why}: write {}, as *, */n, a, a-b, a-b/n, or several of these with commas",
            self.name, self.range
        )
    }
}

/// A number of at most two digits; `parse` alone would take `+5`.
fn digits(text: &str) -> Option<u32> {
    let fine = (1..=2).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    fine.then(|| text.parse().ok()).flatten()
}

/// The days of the months, in a leap year.
const MONTH_LENGTHS: [u32; 12] = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

impl Cron {
    pub(super) fn parse(fields: [&str; 5]) -> Result<Self, String> {
        let [minute, hour, day, month, weekday] = fields;
        let weekdays = WEEKDAY.read(weekday)?;
        let cron = Self {
            minutes: MINUTE.read(minute)?,
            hours: HOUR.read(hour)?,
            days: DAY.read(day)?,
            months: MONTH.read(month)?,
            weekdays: Set(weekdays.0 & 0x7F | weekdays.0 >> 7),
            both: day.starts_with('*') || weekday.starts_with('*'),
        };
        if cron.fires() {
            Ok(cron)
        } else {
            Err(format!(
                "it never fires: day of month {day:?} is in none of the months {month:?}"
            ))
        }
    }

    /// Every day that the calendar has falls on every day of the week at times (29 February, too), so only a day that
    /// no month has keeps a schedule from firing.
    fn fires(&self) -> bool {
        let in_month = |month: u32| MONTH_LENGTHS[month as usize - 1];
        !self.both
            || self
                .months
                .numbers()
                .any(|month| (1..=in_month(month)).any(|day| self.days.has(day)))
    }

    pub(super) fn names_day(&self, date: NaiveDate) -> bool {
        let day = self.days.has(date.day());
        let weekday = self.weekdays.has(date.weekday().num_days_from_sunday());
        self.months.has(date.month())
            && if self.both {
                day && weekday
            } else {
                day || weekday
            }
    }

    /// The times of each of its days, in order.
    pub(super) fn times(&self) -> impl Iterator<Item = NaiveTime> {
        let minutes = self.minutes.numbers();
        self.hours.numbers().flat_map(move |hour| {
            minutes
                .clone()
                .filter_map(move |minute| NaiveTime::from_hms_opt(hour, minute, 0))
        })
    }

    pub(super) fn is_hourly(&self) -> bool {
        (HOUR.least..=HOUR.most).all(|hour| self.hours.has(hour))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cron(text: &str) -> Result<Cron, String> {
        let fields: Vec<&str> = text.split(' ').collect();
        Cron::parse(fields.try_into().unwrap())
    }

    fn days_of(text: &str, year: i32) -> Vec<String> {
        let cron = cron(text).unwrap();
        NaiveDate::from_ymd_opt(year, 1, 1)
            .unwrap()
            .iter_days()
            .take_while(|date| date.year() == year)
            .filter(|&date| cron.names_day(date))
            .map(|date| date.format("%m-%d").to_string())
            .collect()
    }

    fn times_of(text: &str) -> Vec<String> {
        let times = cron(text).unwrap();
        times
            .times()
            .map(|time| time.format("%H:%M").to_string())
            .collect()
    }

    #[test]
    fn minutes_and_hours() {
        assert_eq!(times_of("30 6 * * *"), ["06:30"]);
        assert_eq!(
            times_of("5,*/30 22-23 * * *"),
            ["22:00", "22:05", "22:30", "23:00", "23:05", "23:30"]
        );
        assert_eq!(
            times_of("10-50/20 0,12 * * *"),
            ["00:10", "00:30", "00:50", "12:10", "12:30", "12:50"]
        );
        assert_eq!(times_of("* * * * *").len(), 24 * 60);
        assert!(cron("* * * * *").unwrap().is_hourly());
        assert!(cron("7 0-23 * * *").unwrap().is_hourly());
        assert!(!cron("7 */2 * * *").unwrap().is_hourly());
    }

    #[test]
    fn days() {
        // 2026-11-01 is a Sunday.
        assert_eq!(
            days_of("0 0 * 11 0", 2026),
            ["11-01", "11-08", "11-15", "11-22", "11-29"]
        );
        assert_eq!(days_of("0 0 * nov 7", 2026), days_of("0 0 * 11 SUN", 2026));
        assert_eq!(
            days_of("0 0 * 11 5-7", 2026).len(),
            13,
            "Fridays, Saturdays and Sundays"
        );
        assert_eq!(days_of("0 0 29 2 *", 2026), [""; 0]);
        assert_eq!(days_of("0 0 29 2 *", 2028), ["02-29"]);
        assert_eq!(days_of("0 0 31 */3 *", 2026), ["01-31", "07-31", "10-31"]);
    }

    #[test]
    fn either_day_field_is_enough_where_both_are_restricted() {
        assert_eq!(
            days_of("0 0 2,31 11 MON", 2026),
            ["11-02", "11-09", "11-16", "11-23", "11-30"]
        );
        assert_eq!(
            days_of("0 0 3 11 MON", 2026),
            ["11-02", "11-03", "11-09", "11-16", "11-23", "11-30"]
        );
        // As crontab(5) has it, */n does not restrict: odd days that are Mondays.
        assert_eq!(days_of("0 0 */2 11 MON", 2026), ["11-09", "11-23"]);
        assert_eq!(
            days_of("0 0 30 2 MON", 2026).len(),
            4,
            "it fires by the weekday"
        );
    }

    #[test]
    fn what_is_refused_names_the_field_and_what_is_allowed() {
        for (text, parts) in [
            ("61 * * * *", &["minute \"61\"", "0-59"][..]),
            ("* 24 * * *", &["hour \"24\"", "0-23"]),
            ("* * 0 * *", &["day of month \"0\"", "1-31"]),
            ("* * 32 * *", &["day of month \"32\"", "1-31"]),
            ("* * * 13 *", &["month \"13\"", "1-12 or JAN-DEC"]),
            ("* * * * 8", &["day of week \"8\"", "0-7 or SUN-SAT"]),
            ("5-1 * * * *", &["5-1 ends before it begins"]),
            ("* * * * fri-sun", &["fri-sun ends before"]),
            ("*/0 * * * *", &["a step is 1-59, not \"0\""]),
            ("*/60 * * * *", &["a step is 1-59, not \"60\""]),
            ("* */24 * * *", &["a step is 1-23"]),
            ("5/15 * * * *", &["a step follows * or a range"]),
            ("1,,2 * * * *", &["\"\" is none"]),
            (", * * * *", &["\"\" is none"]),
            ("+5 * * * *", &["\"+5\""]),
            ("1-2-3 * * * *", &["\"2-3\""]),
            ("99999999999999999999 * * * *", &["minute"]),
            ("fri * * * *", &["minute \"fri\""]),
            ("* * * 1jan *", &["\"1jan\""]),
            ("* * L * *", &["\"L\""]),
            ("* * * * 1#2", &["\"1#2\""]),
            ("１ * * * *", &["\"１\""]),
            ("0 0 30 2 *", &["never fires", "\"30\"", "\"2\""]),
            ("0 0 31 2,4,6,9,11 *", &["never fires"]),
            ("0 0 31 4 */2", &["never fires"]),
        ] {
            let message = cron(text).unwrap_err();
            for part in parts {
                assert!(message.contains(part), "{text}: {message}");
            }
        }
    }
}
