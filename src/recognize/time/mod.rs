//! TIME: times of day as people and machines write them.
//!
//! Grammar (ISO 8601-1 §5.3, RFC 3339 and RFC 5322 §3.3 with what people make of them; Chinese usage):
//! ```text
//! clock   = [part] hour ":" mm [":" ss ["." 1*9digit / "," 3digit]] [[sp] meridiem] [zone]      both ":" may be "："
//! twelve  = hour ["." mm] [sp] meridiem                   `10pm`, `10.30 p.m.`
//! meridiem = am / pm / a.m. / p.m.                        in any case
//! zone    = "Z" / [sp] (UTC / GMT / UT) [offset] / [sp] offset
//! offset  = (+ / -) hh[:]mm                               also +hh after seconds; -hh:mm directly after hh:mm is a range
//! chinese = [part] hour (点/時/时/點) minutes [ss 秒]         single spaces allowed between
//! minutes = mm 分 / 半 / 整 / 钟 / 一刻 / 三刻 / mm             the last after 点 only
//! part    = 上午 下午 中午 早上 晚上 凌晨 今晚 …                  of two characters also with 的 behind it
//! range   = (part hour ":" mm / part hour (点/时) [minutes]) dash (hour ":" mm / hour (点/时) [minutes])
//!         / part hour dash hour (点/时) [minutes] / hour ":" mm (dash / " to ") hour [":" mm] [sp] meridiem
//! dash    = [sp] (- / – / — / ~ / ～ / 至 / 到) [sp]           a dash may be doubled
//! ```
//! A range is one time, the one at which it begins, where one of its ends says the half of the day for both: `下午3点到5点`
//! is 15:00, and `2:00-3:30pm` is 14:00. Where each end can be read alone there are two (`9am-5pm`, `上午9点到11点`,
//! `晚上10点到6点`, `10:00-2pm`).
//!
//! Chinese numbers are digits or numerals (`十点三十分`, `零五分`). An hour alone (`8点`, `七时`) is a time after a part of
//! the day or a date, as an end of a range (`8时至18时`), or before words such as `左右`: `三点建议` are three proposals.
//! Times are checked; `24:00` is the end of a day. Left out: words (`noon`, `正午`), zones by letters (`EST`, `CST` is
//! American and Chinese), compact times (`T103000`), and durations where they can be told (`3小时30分`, `0:05`, `up 1:43`
//! of `uptime`, `(00:53)` after a range).
//!
//! Borders: not cut out of an address (`00:1a:2b`, `::12:34`), a ratio or a score (`3:2`, `1:100`), a decimal, a longer
//! run of digits or letters; a port (`host:8080`) is no minute. `比分21:15` is a score, `步骤1：15分钟` a heading, and
//! `File::Temp (3pm)` a page of a manual.
//!
//! The value is ISO 8601: `15:30`, `10:30:45.123+08:00`, `10:30Z`. The score is 1 where seconds, a zone, half or part
//! of the day say that a time is meant; 0.8 of `10:30` and of Chinese hours without a part of the day; 0.6 of `3:16`,
//! which may be a verse.
//!
//! Cost: stops at runs of one or two digits before `:` or what may be `am`, and at `点` and `时`; at most 64 bytes at each.

mod chinese;
mod clock;
mod context;
mod day;
mod range;

use std::borrow::Cow;
use std::ops::Range;

use self::day::Clock;
use super::numeral::run;
use super::{Anchor, ByteSet, Bytes, DigitRuns, Found, Recognizer, border};

/// Recognizes times of day.
#[derive(Debug)]
pub(super) struct Time;

/// What has the form of a time: where it stands, and the time, or why there is none.
type Read<'a> = Option<(Range<usize>, Result<Clock<'a>, &'static str>)>;

impl Recognizer for Time {
    fn label(&self) -> &str {
        "TIME"
    }
    fn description(&self) -> &str {
        "times of day, written in digits or words"
    }
    fn name(&self) -> &str {
        "time"
    }
    fn definition(&self) -> Cow<'_, str> {
        Cow::Borrowed("2")
    }
    fn anchors(&self) -> Vec<Anchor> {
        // A letter before digits makes a word of them, but for the T of a timestamp.
        let letters = [(b'A', b'S'), (b'U', b'Z'), (b'a', b's'), (b'u', b'z')]
            .iter()
            .fold(ByteSet::default(), |all, &(first, last)| {
                all.union(ByteSet::range(first, last))
            });
        let hour = DigitRuns::of_length(1..=2).not_preceded_by(letters);
        vec![
            // The last is the first byte of a full-width colon.
            Anchor::Digits(hour.followed_by(b":aApP .\xEF")),
            // 点 is E7 82 B9, 時 E6 99 82, 點 E9 BB 9E, 时 E6 97 B6: their last two bytes are in few other characters.
            Anchor::Bytes(Bytes::of(b"\xB9").preceded_by(b"\x82")),
            Anchor::Bytes(Bytes::of(b"\x82").preceded_by(b"\x99")),
            Anchor::Bytes(Bytes::of(b"\x9E").preceded_by(b"\xBB")),
            Anchor::Bytes(Bytes::of(b"\xB6").preceded_by(b"\x97")),
        ]
    }
    fn verify(&self, text: &str, at: usize, found: &mut Found<'_>) -> usize {
        let Some((span, clock)) =
            read(text, at, false).filter(|(span, _)| span.start >= found.floor())
        else {
            return at + 1;
        };
        let end = span.end;
        match clock {
            Ok(clock) => found.push_scored(span, clock.score),
            Err(reason) => found.refuse(span, reason),
        }
        end
    }
    fn value<'a>(&self, entity: &'a str) -> Cow<'a, str> {
        // Of a range what comes first says when it begins: `下午2:00-5点`.
        let first = entity.find(['点', '點', '时', '時', ':', '：']);
        let unit = first.filter(|&at| !entity[at..].starts_with([':', '：']));
        let digit = entity.bytes().position(|b| b.is_ascii_digit());
        match unit
            .map(|at| at + 1)
            .or(digit)
            .and_then(|at| read(entity, at, true))
        {
            Some((_, Ok(clock))) => {
                let value = clock.value();
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

/// The time whose first digits stand at `at`, or in whose `点` or `时` that byte is. Where it is `known` to be one, what
/// says so may be missing around it.
fn read(text: &str, at: usize, known: bool) -> Read<'_> {
    let bytes = text.as_bytes();
    if !bytes[at].is_ascii() {
        return chinese::around(text, border::char_start(text, at), known);
    }
    let rest = &bytes[at + run(bytes, at, 3)..];
    if rest.starts_with(clock::COLON) || rest.starts_with(clock::WIDE_COLON) {
        clock::with_colon(text, at, known)
    } else {
        clock::with_meridiem(text, at)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{assert_linear, assert_table, find};
    use super::*;

    #[test]
    fn table() {
        assert_table(
            &Time,
            &[
                ("10:30", &["10:30"]),
                ("9:05", &["9:05 → 09:05"]),
                (
                    "10:30:45.123 10:30:45,123",
                    &["10:30:45.123", "10:30:45,123 → 10:30:45.123"],
                ),
                (
                    "10:30 PM, 10:30pm; 9:30 a.m. 12:30 AM 12:30 p.m. 13:30 PM",
                    &[
                        "10:30 PM → 22:30",
                        "10:30pm → 22:30",
                        "9:30 a.m. → 09:30",
                        "12:30 AM → 00:30",
                        "12:30 p.m. → 12:30",
                        "13:30 PM → 13:30",
                    ],
                ),
                (
                    "10pm, 9 A.M. 12 pm 10.30pm at 5-6pm",
                    &[
                        "10pm → 22:00",
                        "9 A.M. → 09:00",
                        "12 pm → 12:00",
                        "10.30pm → 22:30",
                        "6pm → 18:00",
                    ],
                ),
                // Zones.
                (
                    "2026-11-22T10:00:00+08:00 T10:00:00Z 2026-11-22T10:30-05:00 10:00:00+08",
                    &[
                        "10:00:00+08:00",
                        "10:00:00Z",
                        "10:30-05:00",
                        "10:00:00+08 → 10:00:00+08:00",
                    ],
                ),
                (
                    "Thu, 22 Aug 2002 07:36:16 -0400 (EDT), 18:26:25 +0700, 12:00 +0000",
                    &[
                        "07:36:16 -0400 → 07:36:16-04:00",
                        "18:26:25 +0700 → 18:26:25+07:00",
                        "12:00 +0000 → 12:00Z",
                    ],
                ),
                (
                    "10:30 UTC, 10:30GMT, 10:30 (UTC+8), 10:30 UTC+8, 10:30 GMT-03:30",
                    &[
                        "10:30 UTC → 10:30Z",
                        "10:30GMT → 10:30Z",
                        "10:30",
                        "10:30 UTC+8 → 10:30+08:00",
                        "10:30 GMT-03:30 → 10:30-03:30",
                    ],
                ),
                ("10:30 EST 10:30 +2026", &["10:30", "10:30"]),
                (
                    "10:30-11:30 9:00～18:00",
                    &["10:30", "11:30", "9:00 → 09:00", "18:00"],
                ),
                (
                    "[22/Nov/2026:10:30:45 +0800]",
                    &["10:30:45 +0800 → 10:30:45+08:00"],
                ),
                ("24:00 23:59:60", &["24:00", "23:59:60"]),
                // Full-width colons.
                (
                    "上午10：30 １０：３０ 每天9：00—18：00 2020年3月5日10：30",
                    &[
                        "上午10：30 → 10:30",
                        "１０：３０ → 10:30",
                        "9：00 → 09:00",
                        "18：00 → 18:00",
                        "10：30 → 10:30",
                    ],
                ),
                (
                    "下午的 1：30，最晚的8：30，凌晨 5：03 分，10：30：45 +0800；时间：8：15 PM。3：10:30",
                    &[
                        "下午的 1：30 → 13:30",
                        "8：30 → 08:30",
                        "凌晨 5：03 → 05:03",
                        "10：30：45 +0800 → 10:30:45+08:00",
                        "8：15 PM → 20:15",
                        "10:30",
                    ],
                ),
                // Ranges.
                (
                    "下午3点到5点，下午3时至5时半，晚上 7 点 - 9 点，每晚7点—9点半，下午3-5点",
                    &[
                        "下午3点到5点 → 15:00",
                        "下午3时至5时 → 15:00",
                        "晚上 7 点 - 9 点 → 19:00",
                        "每晚7点—9点半 → 19:00",
                        "下午3-5点 → 15:00",
                    ],
                ),
                (
                    "下午2:00-5:30 下午2：00至5：30 下午2:00-5点 下午三点到5:30 上午9点到5点 晚上8点到12点",
                    &[
                        "下午2:00-5:30 → 14:00",
                        "下午2：00至5：30 → 14:00",
                        "下午2:00-5点 → 14:00",
                        "下午三点到5:30 → 15:00",
                        "上午9点到5点 → 09:00",
                        "晚上8点到12点 → 20:00",
                    ],
                ),
                (
                    "上午9点到11点 晚上10点到6点 下午3点到17点半 下午3点到晚上8点 上午9:00-11:30 凌晨1点到3点",
                    &[
                        "上午9点 → 09:00",
                        "11点 → 11:00",
                        "晚上10点 → 22:00",
                        "6点 → 06:00",
                        "下午3点 → 15:00",
                        "17点半 → 17:30",
                        "下午3点 → 15:00",
                        "晚上8点 → 20:00",
                        "上午9:00 → 09:00",
                        "11:30",
                        "凌晨1点 → 01:00",
                        "3点 → 03:00",
                    ],
                ),
                (
                    "2:00-3:30pm, 2:00 – 3 p.m., 4:15 to 5:45 PM; 12:00-1:30am",
                    &[
                        "2:00-3:30pm → 14:00",
                        "2:00 – 3 p.m. → 14:00",
                        "4:15 to 5:45 PM → 16:15",
                        "12:00-1:30am → 00:00",
                    ],
                ),
                (
                    "9:00-11:30am 10:00-2pm 14:00-3:30pm",
                    &[
                        "9:00 → 09:00",
                        "11:30am → 11:30",
                        "10:00",
                        "2pm → 14:00",
                        "14:00",
                        "3:30pm → 15:30",
                    ],
                ),
                (
                    "9am-5pm, 5p.m.-6 p.m. 9 AM-5:30PM",
                    &[
                        "9am → 09:00",
                        "5pm → 17:00",
                        "5p.m. → 17:00",
                        "6 p.m. → 18:00",
                        "9 AM → 09:00",
                        "5:30PM → 17:30",
                    ],
                ),
                // Times that programs print beside durations.
                (
                    "10:27:27 up 1:43, 2 users; Dec 2 12:32 - 13:25  (00:53) 04:26 – down (00:00)",
                    &["10:27:27", "12:32", "13:25", "04:26"],
                ),
                (
                    "up 1:43,  2 users; up 41 days, 23:42, up  1 day,  3:04; I get up 7:30 (10:30), back up 10 days (3pm)",
                    &["7:30 → 07:30", "10:30", "3pm → 15:00"],
                ),
                // Chinese.
                (
                    "下午3点半，上午十点三十分，15时30分20秒，晚上8点",
                    &[
                        "下午3点半 → 15:30",
                        "上午十点三十分 → 10:30",
                        "15时30分20秒 → 15:30:20",
                        "晚上8点 → 20:00",
                    ],
                ),
                (
                    "下午 3:30 今晚8:00 凌晨12点 晚上12点 中午12点 中午1点 夜里1点 下午15点",
                    &[
                        "下午 3:30 → 15:30",
                        "今晚8:00 → 20:00",
                        "凌晨12点 → 00:00",
                        "晚上12点 → 00:00",
                        "中午12点 → 12:00",
                        "中午1点 → 13:00",
                        "夜里1点 → 01:00",
                        "下午15点 → 15:00",
                    ],
                ),
                (
                    "八点整、两点一刻、9点三刻、10点钟、8点30、三点零五分、十點半、10時5分、15 时 30 分",
                    &[
                        "八点整 → 08:00",
                        "两点一刻 → 02:15",
                        "9点三刻 → 09:45",
                        "10点钟 → 10:00",
                        "8点30 → 08:30",
                        "三点零五分 → 03:05",
                        "十點半 → 10:30",
                        "10時5分 → 10:05",
                        "15 时 30 分 → 15:30",
                    ],
                ),
                (
                    "11月22日零时，今天8点，22日15时；8时至18时，晚22点至次日晨6点；最晚8点左右，下午三点十五",
                    &[
                        "零时 → 00:00",
                        "8点 → 08:00",
                        "15时 → 15:00",
                        "8时 → 08:00",
                        "18时 → 18:00",
                        "晚22点 → 22:00",
                        "8点 → 08:00",
                        "下午三点十五 → 15:15",
                    ],
                ),
                // No time, or only a part of something longer.
                ("", &[]),
                ("1", &[]),
                ("点 时 : 时点", &[]),
                (
                    "8点建议，三点建议，以下三点：第3点 今天一点 晚一点 一点半点 一点一点",
                    &[],
                ),
                (
                    "一时 同时 3小时30分 24小时 等于 0 时 18.04 时 零点四米 百分之一点五",
                    &[],
                ),
                ("今天三点建议 20点 3.8点 一百零八点半 十分三十秒", &[]),
                ("3:2 1:100 10:3 10:300 100:30 host:8080 a:10 2.10:30", &[]),
                ("0:05 25:00 24:01 10:60 10:30:61 13:30 AM 0:30 pm", &[]),
                (
                    "00:1a:2b:3c:4d:5e 00:11:22:33:44:55 ::12:34 fe80::10:30 12:34::1",
                    &[],
                ),
                (
                    "10:30:abc 10:30a x10:30 AT10:30 10:30.5 10:30% é10:30 10:30é +08:00",
                    &[],
                ),
                ("5 amps 10 a 10 p 13pm 0am 10.3pm 10pmx 5 am5", &[]),
                ("１10:30 10:30１", &[]),
                (
                    "比分21：15 比例为1：10 比分是 21:15 步骤1：15分钟 1：10个 UTC+00：00 100：10：30 10：30：5 10：3",
                    &[],
                ),
                ("File::UserDirs (3pm) Foo::Bar(3pm) x-5pm am-5pm", &[]),
            ],
        );
    }

    #[test]
    fn scores() {
        for (text, score) in [
            ("10:30", 0.8),
            ("3:16", 0.6),
            ("3:16:00", 1.0),
            ("3:16 pm", 1.0),
            ("3:16Z", 1.0),
            ("T03:16", 1.0),
            ("下午3:16", 1.0),
            ("3点16分", 0.8),
            ("下午3点", 1.0),
        ] {
            assert_eq!(find(&Time, text)[0].score, score, "{text}");
        }
    }

    #[test]
    fn hostile_texts_are_linear() {
        assert_linear(
            &Time,
            &[
                "1",
                "1:",
                "12:",
                "12:30 ",
                "12:30:45 +08",
                "1 a",
                "1.30 p.",
                "点",
                "一点",
                "3点",
                "十时",
                "下午",
                "下午3点",
                "8时至",
                "晚1:",
                "三点零",
                "下午3点到5",
                "下午3点到",
                "2:00-3:30",
                "1：30：",
                "3-",
                "9am-",
                "up 1 days, ",
                "- 1:23 (",
                "::(3pm)",
                "T1:",
                "上午 ",
            ],
        );
    }
}
