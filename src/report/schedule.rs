//! When a report is due: five fields of cron in a time zone.
//!
//! Owns the way from wall clock to instants: what becomes of a time that a clock put forward leaves out, or that one put
//! back shows twice. The fields are `cron.rs`; which of the scheduled times were missed is `due.rs`.
//!
//! Zones are chrono-tz's; why the rest is no crate's is told in `ARCHITECTURE.md`.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Days, MappedLocalTime, NaiveDate, NaiveDateTime, NaiveTime, TimeZone, Utc};
use chrono_tz::{GapInfo, Tz};

use super::cron::Cron;

/// Between two of these there may be 40 years: 29 February on a given day of the week, around the year 2100.
const SEARCHED_DAYS: usize = 41 * 366;

/// A day's times lie less than two days from that day in UTC: a zone is less than a day off, and no gap is longer than one.
const MARGIN: Days = Days::new(2);

/// The times at which a report is due: `30 6 * * 1-5 Asia/Shanghai`.
///
/// Five fields as in crontab(5), and the name of an IANA time zone, UTC where none is given. The zone's data is that of
/// SQL's `AT TIME ZONE`.
///
/// When the clock is put forward or back, a schedule goes by the wall clock: a time that the clock leaves out is replaced by
/// the first one after the gap, and a time that it shows twice counts at its first showing. A schedule with times in all 24
/// hours goes by elapsed time instead: nothing takes the place of a time that is left out, and one that is shown twice
/// counts twice. This is what cron(8) does.
///
/// ```
/// # use spanql::report::Schedule;
/// let schedule: Schedule = "30 6 * * 1-5 Asia/Shanghai".parse()?;
/// let friday = "2026-11-27T06:30:00+08:00".parse::<chrono::DateTime<chrono::Utc>>()?;
/// let monday = schedule.next_after(friday).expect("there are more weeks");
/// assert_eq!(monday.to_rfc3339(), "2026-11-30T06:30:00+08:00");
/// assert_eq!(schedule.latest(friday).expect("it is due now"), friday);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// As written, with single spaces.
    text: String,
    cron: Cron,
    zone: Tz,
}

impl FromStr for Schedule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let fail = |what: String| format!("schedule {text:?}: {what}");
        let (fields, zone) = match words[..] {
            [a, b, c, d, e] => ([a, b, c, d, e], None),
            [a, b, c, d, e, zone] => ([a, b, c, d, e], Some(zone)),
            _ => {
                return Err(fail(format!(
                    "{} words, where five fields stand (minute, hour, day of month, month, day of week) and perhaps a \
                     time zone: write `-- schedule: 30 6 * * 1-5 Asia/Shanghai`",
                    words.len()
                )));
            }
        };
        // The zone first: a schedule with seconds has its last field there.
        let zone = match zone {
            None => Tz::UTC,
            Some(name) => name.parse().map_err(|_| {
                fail(format!(
                    "{name:?} is no time zone: write an IANA name such as Asia/Shanghai or UTC after the five fields"
                ))
            })?,
        };
        Ok(Self {
            text: words.join(" "),
            cron: Cron::parse(fields).map_err(fail)?,
            zone,
        })
    }
}

/// As written, with single spaces.
impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Schedule {
    /// The zone that its times are in.
    #[must_use]
    pub fn zone(&self) -> Tz {
        self.zone
    }

    /// The first scheduled time after an instant; none beyond the end of the calendar.
    #[must_use]
    pub fn next_after(&self, instant: DateTime<Utc>) -> Option<DateTime<Tz>> {
        // The second of two days counts, too: a clock that is put back over midnight shows minutes of both again.
        self.days(
            instant.date_naive().checked_sub_days(MARGIN)?,
            NaiveDate::succ_opt,
        )
        .filter_map(|date| self.times(date).into_iter().find(|time| *time > instant))
        .take(2)
        .min()
    }

    /// The last scheduled time that is not after an instant; none before the beginning of the calendar.
    #[must_use]
    pub fn latest(&self, instant: DateTime<Utc>) -> Option<DateTime<Tz>> {
        self.days(
            instant.date_naive().checked_add_days(MARGIN)?,
            NaiveDate::pred_opt,
        )
        .filter_map(|date| self.times(date).into_iter().rfind(|time| *time <= instant))
        .take(2)
        .max()
    }

    fn days(
        &self,
        from: NaiveDate,
        step: fn(&NaiveDate) -> Option<NaiveDate>,
    ) -> impl Iterator<Item = NaiveDate> {
        std::iter::successors(Some(from), step)
            .take(SEARCHED_DAYS)
            .filter(|&date| self.cron.names_day(date))
    }

    /// The instants of a day's times, in order, each once.
    fn times(&self, date: NaiveDate) -> Vec<DateTime<Tz>> {
        let hourly = self.cron.is_hourly();
        let mut times = Vec::new();
        for time in self.cron.times() {
            let wall = date.and_time(time);
            match self.zone.from_local_datetime(&wall) {
                MappedLocalTime::Single(time) => times.push(time),
                MappedLocalTime::Ambiguous(first, second) => {
                    times.push(first);
                    times.extend(hourly.then_some(second));
                }
                MappedLocalTime::None if hourly => {}
                MappedLocalTime::None => times.extend(after_gap(wall, self.zone)),
            }
        }
        times.sort_unstable();
        times.dedup();
        times
    }
}

/// The first instant after the gap that a wall clock time falls into.
fn after_gap(wall: NaiveDateTime, zone: Tz) -> Option<DateTime<Tz>> {
    GapInfo::new(&wall, &zone)?.end
}

/// The first instant of a day.
pub(super) fn midnight(date: NaiveDate, zone: Tz) -> Option<DateTime<Tz>> {
    let wall = date.and_time(NaiveTime::MIN);
    let first = zone.from_local_datetime(&wall).earliest();
    first.or_else(|| after_gap(wall, zone))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use chrono::{Datelike, TimeDelta, Timelike};
    use proptest::prelude::*;

    use super::*;

    fn utc(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    /// The next times after an instant; each is the latest one at its own time and the one before it just before.
    fn next(schedule: &str, after: &str, count: usize) -> Vec<String> {
        let schedule: Schedule = schedule.parse().unwrap();
        let mut at = utc(after);
        let mut times = Vec::new();
        for _ in 0..count {
            let time = schedule.next_after(at).unwrap();
            assert_eq!(schedule.latest(time.to_utc()), Some(time));
            assert!(
                schedule.latest(time.to_utc() - TimeDelta::nanoseconds(1)) <= schedule.latest(at)
            );
            at = time.to_utc();
            times.push(time.format("%m-%d %H:%M%z").to_string());
        }
        times
    }

    #[test]
    fn zones() {
        assert_eq!(
            next("30 6 * * 1-5 Asia/Shanghai", "2026-11-26T22:30:00Z", 2),
            ["11-30 06:30+0800", "12-01 06:30+0800"]
        );
        assert_eq!(
            next("0 0 1 1 *", "2026-12-31T23:59:59.999Z", 1),
            ["01-01 00:00+0000"]
        );
    }

    #[test]
    fn a_time_that_the_clock_leaves_out_is_run_once_after_the_gap() {
        // New York, 2026-03-08: 02:00 is followed by 03:00.
        assert_eq!(
            next("30 2 * * * America/New_York", "2026-03-07T12:00:00Z", 2),
            ["03-08 03:00-0400", "03-09 02:30-0400"]
        );
        assert_eq!(
            next("0,30 2,3 * * * America/New_York", "2026-03-07T22:00:00Z", 3),
            ["03-08 03:00-0400", "03-08 03:30-0400", "03-09 02:00-0400"]
        );
        // Half an hour on Lord Howe Island; midnight in Cairo; all of 30 December 2011 on Samoa.
        assert_eq!(
            next("15 2 * * * Australia/Lord_Howe", "2026-10-03T12:00:00Z", 2),
            ["10-04 02:30+1100", "10-05 02:15+1100"]
        );
        assert_eq!(
            next("0 0 * * * Africa/Cairo", "2026-04-22T22:00:00Z", 2),
            ["04-24 01:00+0300", "04-25 00:00+0300"]
        );
        assert_eq!(
            next("0 12 * * * Pacific/Apia", "2011-12-29T00:00:00Z", 3),
            ["12-29 12:00-1000", "12-31 00:00+1400", "12-31 12:00+1400"]
        );
    }

    #[test]
    fn a_time_that_the_clock_shows_twice_is_run_once() {
        // New York, 2026-11-01: 01:59 is followed by 01:00.
        assert_eq!(
            next("30 1 * * * America/New_York", "2026-10-31T12:00:00Z", 2),
            ["11-01 01:30-0400", "11-02 01:30-0500"]
        );
        assert_eq!(
            next(
                "*/30 1,13 * * * America/New_York",
                "2026-10-31T18:00:00Z",
                4
            ),
            [
                "11-01 01:00-0400",
                "11-01 01:30-0400",
                "11-01 13:00-0500",
                "11-01 13:30-0500"
            ]
        );
    }

    #[test]
    fn an_hourly_schedule_goes_by_elapsed_time() {
        assert_eq!(
            next("30 * * * * America/New_York", "2026-11-01T05:00:00Z", 3),
            ["11-01 01:30-0400", "11-01 01:30-0500", "11-01 02:30-0500"]
        );
        assert_eq!(
            next("30 * * * * America/New_York", "2026-03-08T06:00:00Z", 2),
            ["03-08 01:30-0500", "03-08 03:30-0400"]
        );
        // Newfoundland, 2010-11-07: 00:01 was followed by 23:01 of the day before.
        assert_eq!(
            next("0,30 * * * * America/St_Johns", "2010-11-07T01:59:59Z", 4),
            [
                "11-06 23:30-0230",
                "11-07 00:00-0230",
                "11-06 23:30-0330",
                "11-07 00:00-0330"
            ]
        );
    }

    #[test]
    fn rare_days_are_found_and_the_calendar_ends() {
        // 29 February on a Sunday, over the year 2100.
        let rare: Schedule = "0 0 29 2 */7".parse().unwrap();
        let next = rare.next_after(utc("2088-03-01T00:00:00Z")).unwrap();
        assert_eq!(next.to_rfc3339(), "2128-02-29T00:00:00+00:00");
        assert_eq!(
            rare.latest(next.to_utc() - TimeDelta::seconds(1))
                .unwrap()
                .year(),
            2088
        );
        for edge in [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC] {
            for zone in ["UTC", "Asia/Shanghai", "America/New_York"] {
                let schedule: Schedule = format!("* * * * * {zone}").parse().unwrap();
                let _ = (schedule.next_after(edge), schedule.latest(edge));
            }
        }
    }

    #[test]
    fn refusals() {
        for (text, part) in [
            ("", "0 words"),
            ("30 6 * *", "4 words"),
            ("0 30 6 * * 1-5 UTC", "7 words"),
            ("0 30 6 * * 1-5", "\"1-5\" is no time zone"),
            ("30 6 * * * Asia/Bejing", "\"Asia/Bejing\" is no time zone"),
            ("30 6 * * * asia/shanghai", "Asia/Shanghai"),
            ("30 6 * * * +08:00", "no time zone"),
            ("30 26 * * *", "0-23"),
            ("0 0 30 2 * Asia/Shanghai", "never fires"),
        ] {
            let message = text.parse::<Schedule>().unwrap_err();
            assert!(
                message.contains(part) && message.starts_with(&format!("schedule {text:?}: ")),
                "{message}"
            );
        }
    }

    /// Zones with gaps and folds of their own kinds, and an instant near one of them.
    const TURNS: [(&str, &str); 8] = [
        ("UTC", "2026-01-01T00:00:00Z"),
        ("America/New_York", "2026-03-08T07:00:00Z"),
        ("America/New_York", "2026-11-01T06:00:00Z"),
        ("Australia/Lord_Howe", "2026-10-03T15:30:00Z"),
        ("Australia/Lord_Howe", "2026-04-04T15:00:00Z"),
        ("America/St_Johns", "2010-11-07T02:31:00Z"),
        ("Africa/Cairo", "2026-04-23T22:00:00Z"),
        ("Pacific/Apia", "2011-12-30T10:00:00Z"),
    ];

    /// All times from `from` to `to`, minute by minute: each minute of the wall clock as it is shown, and at the end of a
    /// gap the minutes that were not.
    fn naive(
        schedule: &Schedule,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> BTreeSet<DateTime<Utc>> {
        let times: BTreeSet<NaiveTime> = schedule.cron.times().collect();
        let matches = |wall: NaiveDateTime| {
            schedule.cron.names_day(wall.date()) && times.contains(&wall.time())
        };
        let hourly = (0..24).all(|hour| times.iter().any(|time| time.hour() == hour));
        let minute = TimeDelta::minutes(1);
        let mut shown = BTreeSet::new();
        let mut due = BTreeSet::new();
        let mut at = from - TimeDelta::hours(26);
        let mut last = at.with_timezone(&schedule.zone).naive_local() - minute;
        while at <= to {
            let wall = at.with_timezone(&schedule.zone).naive_local();
            let mut skipped = last + minute;
            while !hourly && skipped < wall {
                if matches(skipped) {
                    due.insert(at);
                }
                skipped += minute;
            }
            if matches(wall) && (shown.insert(wall) || hourly) {
                due.insert(at);
            }
            last = wall;
            at += minute;
        }
        due.retain(|at| (from..=to).contains(at));
        due
    }

    fn field(least: u32, most: u32) -> impl Strategy<Value = String> {
        prop_oneof![
            3 => Just("*".to_string()),
            3 => (least..=most).prop_map(|n| n.to_string()),
            1 => prop::collection::vec(least..=most, 2..4).prop_map(|numbers| {
                numbers.iter().map(u32::to_string).collect::<Vec<_>>().join(",")
            }),
            1 => (1..=most - least).prop_map(|step| format!("*/{step}")),
            1 => (least..=most, least..=most).prop_map(|(a, b)| format!("{}-{}", a.min(b), a.max(b))),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn times_are_those_of_a_walk_over_the_minutes(
            minute in field(0, 59),
            hour in prop_oneof![field(0, 23), field(0, 4)],
            weekday in field(0, 7),
            turn in 0..TURNS.len(),
        ) {
            let (zone, around) = TURNS[turn];
            let schedule: Schedule = format!("{minute} {hour} * * {weekday} {zone}").parse().unwrap();
            let (from, to) = (utc(around) - TimeDelta::hours(8), utc(around) + TimeDelta::hours(8));
            let expected = naive(&schedule, from, to);
            let mut found = BTreeSet::new();
            let mut at = from - TimeDelta::seconds(1);
            while let Some(time) = schedule.next_after(at).filter(|time| *time <= to) {
                prop_assert!(time > at);
                prop_assert_eq!(schedule.latest(time.to_utc() + TimeDelta::seconds(59)), Some(time));
                at = time.to_utc();
                found.insert(at);
            }
            prop_assert_eq!(found, expected, "{}", schedule);
        }
    }
}
