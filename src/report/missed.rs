//! The policies for missed runs, as a header writes them. What follows from them is `due.rs`.

use std::fmt;
use std::str::FromStr;

use chrono::TimeDelta;

/// What becomes of scheduled times that nobody was there to run, after a pause of the machine or while runs failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Missed {
    /// `once`: one run for the latest of them.
    #[default]
    Once,
    /// `all`: each is run, the oldest first, at most [`MOST_RUNS`](super::MOST_RUNS) a call. Later ones wait for one that fails.
    All,
    /// `skip 2h`: one run for the latest, if it is no later than this; otherwise none until the next scheduled time.
    Skip(TimeDelta),
}

impl FromStr for Missed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let policy = match words[..] {
            ["once"] => Some(Self::Once),
            ["all"] => Some(Self::All),
            ["skip", grace] => duration(grace).map(Self::Skip),
            _ => None,
        };
        policy.ok_or_else(|| {
            format!(
                "{text:?} says not what becomes of missed runs: write `-- missed: once`, `-- missed: all`, or \
                 `-- missed: skip 2h` (m, h or d) for none that would be more than 2 hours late"
            )
        })
    }
}

impl fmt::Display for Missed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Once => f.write_str("once"),
            Self::All => f.write_str("all"),
            Self::Skip(grace) => write!(f, "skip {}", short(*grace)),
        }
    }
}

const UNITS: [(&str, i64); 3] = [("d", 24 * 60), ("h", 60), ("m", 1)];

/// `90m`, `2h`, `1d`, up to 9999 of them.
fn duration(text: &str) -> Option<TimeDelta> {
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let (_, minutes) = UNITS
        .iter()
        .find(|(unit, _)| *unit == &text[digits.len()..])?;
    let fine = (1..=4).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    let count: i64 = fine.then(|| digits.parse().ok()).flatten()?;
    (count > 0).then(|| TimeDelta::minutes(count * minutes))
}

/// In the largest unit that divides it.
fn short(time: TimeDelta) -> String {
    let minutes = time.num_minutes();
    let (unit, size) = UNITS
        .into_iter()
        .find(|(_, size)| minutes % size == 0)
        .unwrap_or(("m", 1));
    format!("{}{unit}", minutes / size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_are_read_and_shown() {
        for (text, policy) in [
            ("once", Missed::Once),
            ("all", Missed::All),
            ("skip 90m", Missed::Skip(TimeDelta::minutes(90))),
            ("skip 2h", Missed::Skip(TimeDelta::hours(2))),
            ("skip 9999d", Missed::Skip(TimeDelta::days(9999))),
        ] {
            assert_eq!(text.parse(), Ok(policy));
            assert_eq!(policy.to_string(), text);
        }
        for bad in [
            "",
            "never",
            "skip",
            "skip 0h",
            "skip 2",
            "skip h",
            "skip -2h",
            "skip 2w",
            "skip 2h 3m",
            "all 5",
            "skip 99999d",
            "skip ２h",
        ] {
            let message = bad.parse::<Missed>().unwrap_err();
            assert!(
                message.contains("skip 2h") && message.contains(&format!("{bad:?}")),
                "{message}"
            );
        }
    }
}
