//! The types of parameters, how their values are written, and the values that hang on a scheduled time.

use std::fmt;
use std::str::FromStr;

use arrow::compute::kernels::cast_utils::string_to_datetime;
use chrono::{DateTime, NaiveDate, TimeZone, Utc};
use chrono_tz::Tz;
use datafusion::scalar::ScalarValue;

use super::schedule::midnight;

/// A parameter of a report.
#[derive(Debug, Clone, PartialEq)]
pub struct Param {
    /// Its name; the SQL writes `$name`.
    pub name: String,
    /// Its type.
    pub kind: ParamType,
    /// Its value where none is given; without one it must be given.
    pub default: Option<ParamDefault>,
    /// What it means.
    pub meaning: String,
    /// The default as the header writes it.
    pub(super) written: Option<String>,
}

/// `top int = 20 (how many rows)`
impl fmt::Display for Param {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.kind)?;
        if let Some(default) = &self.written {
            write!(f, " = {default}")?;
        }
        if !self.meaning.is_empty() {
            write!(f, " ({})", self.meaning)?;
        }
        Ok(())
    }
}

/// What a parameter is where it is not given.
#[derive(Debug, Clone, PartialEq)]
pub enum ParamDefault {
    /// Always the same.
    Value(ScalarValue),
    /// Told by the scheduled time that the report is run for.
    Moment(Moment),
}

/// A time that hangs on the scheduled time of a run, and not on when the run takes place: a run that is late, or made a
/// second time, gets the same.
///
/// | in the header | `timestamp` | `date` |
/// |---|---|---|
/// | `due` | the scheduled time | |
/// | `today` | the first instant of its day | its day |
/// | `yesterday` | the first instant of the day before | the day before |
///
/// Days are those of the schedule's time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// `due`.
    Due,
    /// `today`.
    Today,
    /// `yesterday`.
    Yesterday,
}

impl Moment {
    /// The moment that a default names, where its type has it.
    pub(super) fn named(kind: ParamType, text: &str) -> Option<Self> {
        match (kind, text) {
            (ParamType::Timestamp, "due") => Some(Self::Due),
            (ParamType::Timestamp | ParamType::Date, "today") => Some(Self::Today),
            (ParamType::Timestamp | ParamType::Date, "yesterday") => Some(Self::Yesterday),
            _ => None,
        }
    }

    /// None beyond the calendar.
    pub(super) fn value(self, kind: ParamType, due: DateTime<Tz>) -> Option<ScalarValue> {
        let day = match self {
            Self::Due => return Some(instant(&due)),
            Self::Today => due.date_naive(),
            Self::Yesterday => due.date_naive().pred_opt()?,
        };
        match kind {
            ParamType::Date => days(day),
            _ => midnight(day, due.timezone()).as_ref().map(instant),
        }
    }
}

/// The type of a parameter.
///
/// | name | SQL type | written as |
/// |---|---|---|
/// | `int` | `BIGINT` | `-7` |
/// | `float` | `DOUBLE` | `0.5`, `1e3` |
/// | `text` | `VARCHAR` | anything |
/// | `date` | `DATE` | `2026-11-22` |
/// | `timestamp` | `TIMESTAMP` (µs, UTC) | `2026-11-22`, `2026-11-22T10:00:00`, `2026-11-22T10:00:00.5+08:00`; UTC where no offset is given |
/// | `bool` | `BOOLEAN` | `true`, `false` |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParamType {
    /// A 64-bit integer.
    Int,
    /// A finite 64-bit float.
    Float,
    /// A string.
    Text,
    /// A day.
    Date,
    /// An instant.
    Timestamp,
    /// A truth value.
    Bool,
}

impl ParamType {
    const ALL: [(&'static str, Self); 6] = [
        ("int", Self::Int),
        ("float", Self::Float),
        ("text", Self::Text),
        ("date", Self::Date),
        ("timestamp", Self::Timestamp),
        ("bool", Self::Bool),
    ];

    /// Reads a value of this type.
    ///
    /// # Errors
    /// A message with the text and how a value is written.
    pub fn value(self, text: &str) -> Result<ScalarValue, String> {
        let value = match self {
            Self::Int => text.parse().ok().map(|n| ScalarValue::Int64(Some(n))),
            Self::Float => float(text),
            Self::Text => Some(ScalarValue::Utf8(Some(text.to_string()))),
            Self::Date => date(text),
            Self::Timestamp => timestamp(text),
            Self::Bool => text.parse().ok().map(|b| ScalarValue::Boolean(Some(b))),
        };
        value.ok_or_else(|| {
            let example = match self {
                Self::Int => "a whole number such as 20",
                Self::Float => "a number such as 0.5",
                Self::Text => "text",
                Self::Date => "a date such as 2026-11-22",
                Self::Timestamp => "a time such as 2026-11-22 or 2026-11-22T10:00:00+08:00",
                Self::Bool => "true or false",
            };
            format!("{text:?} is not {example}")
        })
    }

    /// The value that a text without a declared type stands for: an integer, a decimal number, `true` or `false`,
    /// and text otherwise.
    ///
    /// A number counts as one only in its plain form, so that what merely looks like one stays text: `+8613812345678`
    /// is a phone, `007` an identifier, `1e3` a code.
    ///
    /// ```
    /// # use datafusion::scalar::ScalarValue;
    /// # use spanql::report::ParamType;
    /// assert_eq!(ParamType::infer("20"), ScalarValue::Int64(Some(20)));
    /// assert_eq!(ParamType::infer("0.5"), ScalarValue::Float64(Some(0.5)));
    /// assert_eq!(ParamType::infer("007"), ScalarValue::from("007"));
    /// ```
    #[must_use]
    pub fn infer(text: &str) -> ScalarValue {
        if let Ok(n) = text.parse::<i64>()
            && n.to_string() == text
        {
            return ScalarValue::Int64(Some(n));
        }
        if is_plain_decimal(text)
            && let Some(value) = float(text)
        {
            return value;
        }
        match text.parse() {
            Ok(truth) => ScalarValue::Boolean(Some(truth)),
            Err(_) => ScalarValue::Utf8(Some(text.to_string())),
        }
    }
}

/// `12.50`: digits, a point, digits, no leading zeros.
fn is_plain_decimal(text: &str) -> bool {
    let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    unsigned.split_once('.').is_some_and(|(whole, fraction)| {
        digits(whole) && digits(fraction) && (whole == "0" || !whole.starts_with('0'))
    })
}

fn float(text: &str) -> Option<ScalarValue> {
    text.parse::<f64>()
        .ok()
        .filter(|x| x.is_finite())
        .map(|x| ScalarValue::Float64(Some(x)))
}

fn date(text: &str) -> Option<ScalarValue> {
    days(NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?)
}

fn days(date: NaiveDate) -> Option<ScalarValue> {
    let days = date.signed_duration_since(NaiveDate::default()).num_days();
    Some(ScalarValue::Date32(Some(i32::try_from(days).ok()?)))
}

fn timestamp(text: &str) -> Option<ScalarValue> {
    Some(instant(&string_to_datetime(&Utc, text).ok()?))
}

fn instant<Z: TimeZone>(time: &DateTime<Z>) -> ScalarValue {
    ScalarValue::TimestampMicrosecond(Some(time.timestamp_micros()), Some("UTC".into()))
}

impl fmt::Display for ParamType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Self::ALL
            .iter()
            .find(|(_, kind)| kind == self)
            .map_or("", |(name, _)| name);
        f.write_str(name)
    }
}

impl FromStr for ParamType {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::ALL
            .iter()
            .find(|(known, _)| *known == name)
            .map(|&(_, kind)| kind)
            .ok_or_else(|| {
                format!(
                    "unknown type {name:?}: the types are {}",
                    Self::ALL.map(|(name, _)| name).join(", ")
                )
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values() {
        let micros = |text: &str| match ParamType::Timestamp.value(text) {
            Ok(ScalarValue::TimestampMicrosecond(Some(n), Some(zone))) => {
                assert_eq!(&*zone, "UTC");
                n
            }
            other => panic!("{text}: {other:?}"),
        };
        assert_eq!(micros("1970-01-02"), 86_400_000_000);
        assert_eq!(micros("1970-01-01T00:00:00.5"), 500_000);
        assert_eq!(micros("1970-01-01T08:00:00+08:00"), 0);
        assert_eq!(micros("9999-12-31"), 253_402_214_400_000_000);
        assert_eq!(
            ParamType::Date.value("1970-01-03"),
            Ok(ScalarValue::Date32(Some(2)))
        );
        assert_eq!(
            ParamType::Bool.value("true"),
            Ok(ScalarValue::Boolean(Some(true)))
        );
        for (kind, bad) in [
            (ParamType::Int, "1.5"),
            (ParamType::Int, ""),
            (ParamType::Int, "9223372036854775808"),
            (ParamType::Float, "NaN"),
            (ParamType::Float, "inf"),
            (ParamType::Date, "2026-02-30"),
            (ParamType::Date, "2026-11-22T00:00:00"),
            (ParamType::Timestamp, "yesterday"),
            (ParamType::Timestamp, "2026-13-01T00:00:00"),
            (ParamType::Bool, "yes"),
        ] {
            let message = kind.value(bad).unwrap_err();
            assert!(message.contains(&format!("{bad:?}")), "{message}");
        }
    }

    #[test]
    fn moments_are_those_of_the_schedules_zone() {
        let moment = |kind: ParamType, name: &str, due: &str, zone: Tz| {
            let due = due.parse::<DateTime<Utc>>().unwrap().with_timezone(&zone);
            Moment::named(kind, name).unwrap().value(kind, due).unwrap()
        };
        let (date, timestamp) = (ParamType::Date, ParamType::Timestamp);
        // 06:30 of the 25th in Shanghai is still the 24th in UTC.
        let due = "2026-11-24T22:30:00Z";
        for (kind, name, written) in [
            (timestamp, "due", "2026-11-24T22:30:00Z"),
            (timestamp, "today", "2026-11-25T00:00:00+08:00"),
            (timestamp, "yesterday", "2026-11-24T00:00:00+08:00"),
            (date, "today", "2026-11-25"),
            (date, "yesterday", "2026-11-24"),
        ] {
            assert_eq!(
                Ok(moment(kind, name, due, Tz::Asia__Shanghai)),
                kind.value(written),
                "{name}"
            );
        }
        // A day without a midnight, and the day after it, in Cairo.
        assert_eq!(
            Ok(moment(
                timestamp,
                "today",
                "2026-04-24T10:00:00Z",
                Tz::Africa__Cairo
            )),
            timestamp.value("2026-04-24T01:00:00+03:00")
        );
        assert_eq!(
            Ok(moment(
                timestamp,
                "yesterday",
                "2026-04-25T10:00:00Z",
                Tz::Africa__Cairo
            )),
            timestamp.value("2026-04-24T01:00:00+03:00")
        );
        assert_eq!(Moment::named(date, "due"), None);
        assert_eq!(Moment::named(ParamType::Text, "today"), None);
        assert_eq!(Moment::named(timestamp, "Today"), None);
    }

    #[test]
    fn what_merely_looks_like_a_number_stays_text() {
        for text in [
            "+8613812345678",
            "007",
            "1e3",
            "",
            "inf",
            "NaN",
            "1.",
            ".5",
            "00.5",
            "True",
            "2026-11-22",
            " 1",
            "-0",
        ] {
            assert_eq!(
                ParamType::infer(text),
                ScalarValue::Utf8(Some(text.into())),
                "{text}"
            );
        }
        assert_eq!(ParamType::infer("-3"), ScalarValue::Int64(Some(-3)));
        assert_eq!(ParamType::infer("12.50"), ScalarValue::Float64(Some(12.5)));
        assert_eq!(ParamType::infer("false"), ScalarValue::Boolean(Some(false)));
        // Too long for 64 bits: an identifier, not a rounded float.
        assert_eq!(
            ParamType::infer("123456789012345678901"),
            ScalarValue::from("123456789012345678901")
        );
    }
}
