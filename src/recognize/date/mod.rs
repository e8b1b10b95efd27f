//! DATE: days and months as people and machines write them.
//!
//! Grammar (ISO 8601-1 §5.2.2 extended format and its common relatives; English and Chinese usage):
//! ```text
//! iso      = year "-" month "-" day, also with "/" or "."     the same separator twice; the date of a timestamp
//! numeric  = d "/" d "/" year, also with "-" or "."           only where day and month cannot be confused
//! english  = month-name [.] day[st|nd|rd|th] [,] year / day[st|nd|rd|th] [of] month-name [.] [,] year
//!          / day "-" month-name "-" year                      also with "/"
//!          / month-name day time [zone] year                  asctime (RFC 9110 §5.6.7), `git log`
//!          / day "-" month-name "-" yy / day month-name yy time   RFC 850 and RFC 822, the years as in RFC 5322 §4.3;
//!                                                             the text may end instead of the time
//!          / Month-name [. ,] year                            a month
//!          / Month-name day[th] / day[th] [of] Month-name     a day of no year
//! chinese  = [year 年] month 月 [day 日|号|號]                 single spaces allowed between; a year or a day, or both
//! days     = day dash day                                    for the day of chinese, and of english without "-"
//! dash     = [sp] (- / – / —) [sp]                           in Chinese also ~ ～ 至 到; a dash may be doubled
//! ```
//! Days of one month are one date, the first of them: `2020年3月5-7日` is 2020-03-05. Without a year the English ones have
//! no space beside the dash (`May 22 - 30 people`). Complete dates that a hyphen parts are two.
//! Years are 1000-2999, months and days of one or two digits; in Chinese also `二〇二六`, with any of the circles that
//! are typed for `〇`, and `十一`, `廿二`. Days are checked against the calendar (1900 is no leap year). `11/12/2026` is no
//! entity, because it is November in New York and December in London; `22/11/2026` and `11/11/2026` are. A month's
//! name in small letters needs day and year beside it (`may 22`, `march 2000`). Left out: years and months alone,
//! words (`昨天`, `next Monday`), other years of two digits, years of an era (`民国`, `平成`), the lunar calendar, weeks
//! (`2026-W47`), and compact dates (`20261122`, which could be any number).
//!
//! RFC 822's dates stand at the start of a text or a line, or after `Sun, `, `; `, `: ` or `- `: in a list of files the size
//! is no day and the day no year (`14 Oct 12 09:50`).
//!
//! Borders: not cut out of a longer run of digits or letters, of a version (`1.2026.11.22`) or an address (`2026.1.2.3`); in a
//! path `/2018/1/3-areas` and `/2013/11/01.png` are names in the folder of a month, `/2002/10/01.html` is a day.
//!
//! The value is `2026-11-22`; `2026-11` for a month; `--11-22` for a day of no year. The score is 1, of a day of no
//! year 0.6: `May 22` may be a name and a number.
//!
//! Cost: stops at `月` and at runs of four digits or fewer beside a separator or a space; at most 48 bytes at each.

mod calendar;
mod chinese;
mod english;
mod numeric;

use std::borrow::Cow;
use std::ops::{Range, RangeInclusive};

use self::calendar::Day;
use super::numeral::{number, run};
use super::{Anchor, Bytes, DigitRuns, Found, Recognizer, border};

/// Recognizes dates.
#[derive(Debug)]
pub(super) struct Date;

/// What has the form of a date: where it stands, and the day, or why there is none.
type Read = Option<(Range<usize>, Result<Day, &'static str>)>;

const YEARS: RangeInclusive<u32> = 1000..=2999;

impl Recognizer for Date {
    fn label(&self) -> &str {
        "DATE"
    }
    fn description(&self) -> &str {
        "days and months, written in digits or words"
    }
    fn name(&self) -> &str {
        "date"
    }
    fn definition(&self) -> Cow<'_, str> {
        Cow::Borrowed("3")
    }
    fn anchors(&self) -> Vec<Anchor> {
        let [_, middle, last] = chinese::MOON;
        let moon = Bytes::of(&[last]).preceded_by(&[middle]);
        let year = DigitRuns::of_length(4..=4);
        let day = DigitRuns::of_length(1..=2);
        vec![
            Anchor::Bytes(moon),
            Anchor::Digits(year.followed_by(b"-/.")),
            Anchor::Digits(year.preceded_by(b" ")),
            Anchor::Digits(day.followed_by(b"-/.")),
            Anchor::Digits(day.preceded_by(b" ")),
            // The last is the first byte of a dash that is longer than a hyphen.
            Anchor::Digits(day.followed_by(b" sSnNrRtT\xE2")),
        ]
    }
    fn verify(&self, text: &str, at: usize, found: &mut Found<'_>) -> usize {
        let Some((span, day)) = read(text, at, found.floor()) else {
            return at + 1;
        };
        let end = span.end;
        match day {
            Ok(day) => found.push_scored(span, day.score()),
            Err(reason) => found.refuse(span, reason),
        }
        end
    }
    fn value<'a>(&self, entity: &'a str) -> Cow<'a, str> {
        let digit = entity.bytes().position(|b| b.is_ascii_digit());
        let moon = entity.find('月').map(|at| at + 2);
        match moon.or(digit).and_then(|at| read(entity, at, 0)) {
            Some((_, Ok(day))) => {
                let value = day.value();
                if value == entity {
                    Cow::Borrowed(entity)
                } else {
                    Cow::Owned(value)
                }
            }
            _ => Cow::Borrowed(entity),
        }
    }
}

/// The date whose first digits, or whose `月`'s last byte, stand at `at`, and which does not begin before `floor`.
fn read(text: &str, at: usize, floor: usize) -> Read {
    let bytes = text.as_bytes();
    let fits = |(span, _): &(Range<usize>, _)| span.start >= floor;
    match run(bytes, at, 5) {
        0 => chinese::around(text, border::char_start(text, at)).filter(fits),
        length @ (1 | 2) => english::month_first(text, at).filter(fits).or_else(|| {
            let in_digits = bytes.get(at + length + 1).is_some_and(u8::is_ascii_digit);
            // `3-5 Nov` begins as `3-5-2026` does.
            let ranged = bytes.get(at + length) == Some(&b'-');
            let numeric = in_digits.then(|| numeric::year_last(text, at, floor));
            if in_digits && !ranged {
                return numeric.flatten();
            }
            numeric.flatten().or_else(|| english::day_first(text, at))
        }),
        4 => {
            let numeric = numeric::year_first(text, at, floor);
            numeric.or_else(|| english::month_and_year(text, at).filter(fits))
        }
        _ => None,
    }
}

fn year(bytes: &[u8], at: usize) -> Option<(u32, usize)> {
    number(bytes, at, 4..=4).filter(|(year, _)| YEARS.contains(year))
}

/// Whether a date may begin with the digits at `start`. `_` is fine: `report_2026-11-22.csv`.
fn opens(text: &str, start: usize) -> bool {
    let before = border::before(text, start);
    match before {
        Some(c @ ('.' | '-' | '/')) => !border::before(text, start - c.len_utf8())
            .is_some_and(|further| further.is_ascii_digit()),
        _ => before == Some('_') || !border::joins(before),
    }
}

/// Whether a date may end with the digits before `end`.
fn closes(text: &str, end: usize) -> bool {
    let after = border::after(text, end);
    let Some(c) = after else { return true };
    let digit_next =
        border::after(text, end + c.len_utf8()).is_some_and(|further| further.is_ascii_digit());
    match c {
        '-' if digit_next => numeric::follows(text.as_bytes(), end + 1),
        '.' | '-' | '/' => !digit_next,
        'T' | 't' => digit_next,
        _ => c == '_' || !border::joins(after),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{assert_linear, assert_table};
    use super::*;

    #[test]
    fn table() {
        let day = "2026-11-22";
        for entity in [
            "2026/11/22",
            "2026.11.22",
            "2026年11月22日",
            "2026年11月22号",
            "2026 年 11 月 22 日",
            "Nov 22, 2026",
            "Nov. 22, 2026",
            "November 22nd, 2026",
            "november 22 2026",
            "NOV 22,2026",
            "22 November 2026",
            "22nd of November 2026",
            "22 Nov. 2026",
            "22-Nov-2026",
            "22/Nov/2026",
            "22/11/2026",
            "11/22/2026",
            "22.11.2026",
            "11-22-2026",
        ] {
            let expected = format!("{entity} → {day}");
            assert_table(
                &Date,
                &[
                    (entity, &[&expected]),
                    (&format!("在{entity}，"), &[&expected]),
                ],
            );
        }
        assert_table(
            &Date,
            &[
                ("2026-11-22", &["2026-11-22"]),
                (
                    "2026-11-22T10:00:00Z 2026-11-22 10:00",
                    &["2026-11-22", "2026-11-22"],
                ),
                ("2026-1-5", &["2026-1-5 → 2026-01-05"]),
                (
                    "2026年11月 2026年1月份",
                    &["2026年11月 → 2026-11", "2026年1月 → 2026-01"],
                ),
                ("2026年11月3人", &["2026年11月 → 2026-11"]),
                (
                    "Sept 1, 2026; May  2, 2026",
                    &["Sept 1, 2026 → 2026-09-01", "May  2, 2026 → 2026-05-02"],
                ),
                ("11/11/2026", &["11/11/2026 → 2026-11-11"]),
                ("2024-02-29 2000-02-29", &["2024-02-29", "2000-02-29"]),
                (
                    "/2026/11/22/title log-2026-11-22.txt report_2026-11-22_a",
                    &["2026/11/22 → 2026-11-22", "2026-11-22", "2026-11-22"],
                ),
                (
                    "Sun, 22 Nov 2026 10:00:00 +0000",
                    &["22 Nov 2026 → 2026-11-22"],
                ),
                ("2026-11-22至2026-11-23", &["2026-11-22", "2026-11-23"]),
                // Chinese numerals.
                (
                    "二〇二六年十一月二十二日",
                    &["二〇二六年十一月二十二日 → 2026-11-22"],
                ),
                (
                    "自二○○八年十月一日起、二零零八年十月、二OO八年十月、二００八年十月",
                    &[
                        "二○○八年十月一日 → 2008-10-01",
                        "二零零八年十月 → 2008-10",
                        "二OO八年十月 → 2008-10",
                        "二００八年十月 → 2008-10",
                    ],
                ),
                (
                    "2008年十月一日1998年 三月",
                    &["2008年十月一日 → 2008-10-01", "1998年 三月 → 1998-03"],
                ),
                // Ranges.
                (
                    "2020年3月5-7日，2017 年 7 月 12 - 15 日，三月五至七日，3月5～7号，3月5日-7日",
                    &[
                        "2020年3月5-7日 → 2020-03-05",
                        "2017 年 7 月 12 - 15 日 → 2017-07-12",
                        "三月五至七日 → --03-05",
                        "3月5～7号 → --03-05",
                        "3月5日 → --03-05",
                    ],
                ),
                (
                    "2020.03.05-2020.03.07 2020/3/5-2020/3/7 2020-03-05-2020-03-07 22/11/2026-23/11/2026",
                    &[
                        "2020.03.05 → 2020-03-05",
                        "2020.03.07 → 2020-03-07",
                        "2020/3/5 → 2020-03-05",
                        "2020/3/7 → 2020-03-07",
                        "2020-03-05",
                        "2020-03-07",
                        "22/11/2026 → 2026-11-22",
                        "23/11/2026 → 2026-11-23",
                    ],
                ),
                (
                    "November 3-5, 2025; Nov. 3–5, 2025; October 18 - 20, 2002; March 15th-17th, 2021; Nov 3--5 2025",
                    &[
                        "November 3-5, 2025 → 2025-11-03",
                        "Nov. 3–5, 2025 → 2025-11-03",
                        "October 18 - 20, 2002 → 2002-10-18",
                        "March 15th-17th, 2021 → 2021-03-15",
                        "Nov 3--5 2025 → 2025-11-03",
                    ],
                ),
                (
                    "3-5 November 2025, 3–5 Nov 2025, 3rd - 5th of May 2025; May 3-5 or 3-5 May. May 22 - 10 people",
                    &[
                        "3-5 November 2025 → 2025-11-03",
                        "3–5 Nov 2025 → 2025-11-03",
                        "3rd - 5th of May 2025 → 2025-05-03",
                        "May 3-5 → --05-03",
                        "3-5 May → --05-03",
                        "May 22 → --05-22",
                    ],
                ),
                // In paths.
                (
                    "x.org/2002/10/01.html /2002/10/01/title /2002/10/01. /2002/10/01-",
                    &[
                        "2002/10/01 → 2002-10-01",
                        "2002/10/01 → 2002-10-01",
                        "2002/10/01 → 2002-10-01",
                        "2002/10/01 → 2002-10-01",
                    ],
                ),
                // No year.
                (
                    "11月22日至次年3月31号、十一月廿二日、今年 2 月 29 日",
                    &[
                        "11月22日 → --11-22",
                        "3月31号 → --03-31",
                        "十一月廿二日 → --11-22",
                        "2 月 29 日 → --02-29",
                    ],
                ),
                (
                    "May 22: 22 May, 1st of May; Sept. 1st, then Nov 22, 20261",
                    &[
                        "May 22 → --05-22",
                        "22 May → --05-22",
                        "1st of May → --05-01",
                        "Sept. 1st → --09-01",
                        "Nov 22 → --11-22",
                    ],
                ),
                (
                    "root 9 Sep  5 06:38 Wed, 17 Jul 0102 22 Nov 10:30",
                    &["Sep  5 → --09-05", "22 Nov → --11-22"],
                ),
                // Months.
                (
                    "November 2026, Nov. 2026; May, 2026 in Mar  2026.",
                    &[
                        "November 2026 → 2026-11",
                        "Nov. 2026 → 2026-11",
                        "May, 2026 → 2026-05",
                        "Mar  2026 → 2026-03",
                    ],
                ),
                // Programs.
                (
                    "Sun Nov 22 10:30:45 2026 Sun Nov  1 10:30:45 CEST 2026 +0100 Nov 22 10:30 host",
                    &[
                        "Nov 22 10:30:45 2026 → 2026-11-22",
                        "Nov  1 10:30:45 CEST 2026 → 2026-11-01",
                        "Nov 22 → --11-22",
                    ],
                ),
                (
                    "Sunday, 06-Nov-94 08:49:37 GMT; Sun, 6 Nov 94 08:49:37; 22-Nov-26 6 Nov 94.",
                    &[
                        "06-Nov-94 → 1994-11-06",
                        "6 Nov 94 → 1994-11-06",
                        "22-Nov-26 → 2026-11-22",
                    ],
                ),
                (
                    "Date: 6 Nov 94 08:49; by x; 06 Nov 94 08:49\n6 Nov 94 08:49 - 6 Nov 94 08:49",
                    &[
                        "6 Nov 94 → 1994-11-06",
                        "06 Nov 94 → 1994-11-06",
                        "6 Nov 94 → 1994-11-06",
                        "6 Nov 94 → 1994-11-06",
                    ],
                ),
                (
                    "-rw-r--r-- 1 ann ann 14 Oct 12 09:50 << 5 Sep 12 12:04:19.27 root 10, 58 Feb 22 15:53 :80 Apr 16 11:54",
                    &[
                        "Oct 12 → --10-12",
                        "Sep 12 → --09-12",
                        "Feb 22 → --02-22",
                        "Apr 16 → --04-16",
                    ],
                ),
                // No date, or only a part of something longer.
                ("", &[]),
                (
                    "http://x.com/2018/1/3-areas-where /2014/07/5-things /2022/12/2.-update /2013/11/01.top /2020/05/2.png /2013/11/01_a",
                    &[],
                ),
                (
                    "2020年3月7-5日 2020年2月28-30日 3月0-5日 November 5-3, 2025 30-31 Feb 2025",
                    &[],
                ),
                (
                    "2016-09-07-08-37-01 2020.03.05-03.07 2020.03.05-2020.03.071",
                    &[],
                ),
                ("2", &[]),
                ("2026 2026年，22日 20261122 11月 Nov", &[]),
                ("11/12/2026 11-12-2026 1.2.2026", &[]),
                (
                    "2026-02-29 1900-02-29 2026-04-31 2026-13-01 2026-00-10 2026-01-00",
                    &[],
                ),
                ("2026年13月 2026年2月30日 Feb 30, 2026", &[]),
                ("12026-11-22 2026-11-220 v2026.11.22 2026-11-22a", &[]),
                ("1.2026.11.22 2026.11.22.1 2026-11-22-1 1-2026-11-22", &[]),
                ("2026-11/22 0026-11-22 3026-11-22", &[]),
                (
                    "Nov 222, 2026 Novem 22, 2026 xNov 22, 2026 Nov22, 2026",
                    &[],
                ),
                ("may 22 22 may march 2000 31 Feb 2026 31st of Feb 2026", &[]),
                ("May 22.5 May 22% May 22:30 May 32 Feb 30 22 Marching", &[]),
                ("昨天 下周一 2026年，十一月 11月，二十二日 第11月22页", &[]),
                (
                    "13月1日 2月30日 98年10月1日 一九年十月一日 民国三十八年十月一日 3001年10月1日",
                    &[],
                ),
                (
                    "农历十一月二十二日 闰四月一日 1.11月22日 百十一月一日 二十一月一日",
                    &[],
                ),
                ("１2026-11-22 2026-11-22１", &[]),
            ],
        );
    }

    #[test]
    fn hostile_texts_are_linear() {
        assert_linear(
            &Date,
            &[
                "1",
                "1 ",
                "2026-",
                "2026-11-22",
                "2026-11-22 ",
                "2026年",
                "2026年11月",
                "Nov 1 ",
                "1 Nov ",
                "1/",
                "1st ",
                "月",
                "1月",
                "一月",
                "二〇二六年十一月",
                "年十一月",
                "一",
                "Nov 1 10:30 ",
                "Nov ",
                "Nov 1-",
                "1-2 ",
                "3月5-7",
                "2020.03.05-",
                "2020.03.05-2020.",
                "/2020/3/5.a",
            ],
        );
    }
}
