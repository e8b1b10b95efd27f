//! `spanql schedule`: runs reports when they are due, until told to stop.

use std::collections::HashMap;
use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};

use super::Outcome;
use super::report::Selection;
use crate::error::Result;
use crate::report::{Event, Scheduler, What};

/// The longest sleep: within it new and changed report files are seen, and a clock that was set, or that went on while the
/// machine slept.
const LONGEST_SLEEP: TimeDelta = TimeDelta::minutes(1);

/// How long a run that failed is left alone, unless the next scheduled time comes before.
const PATIENCE: TimeDelta = TimeDelta::minutes(5);

/// Run reports whenever they are due, until Ctrl-C or SIGTERM
///
/// The reports are those with a schedule in their header. It does what `spanql report --due` does at the scheduled times,
/// for machines without cron, systemd timers or Kubernetes, and writes a line a run to stderr. A run that fails is tried
/// again after five minutes.
#[derive(clap::Args)]
#[command(after_help = HELP)]
pub(super) struct Args {
    #[command(flatten)]
    selection: Selection,
    /// Write results to DIR/NAME/TIME.FORMAT; DIR/NAME/latest.FORMAT is the last one
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
    /// Keep the N latest results of each report and remove older ones [default: keep all]
    #[arg(long, value_name = "N")]
    keep: Option<NonZeroUsize>,
}

const HELP: &str = "\
Examples:
  spanql schedule --store S --queries reports/ -o out/
  spanql schedule daily weekly --store S --queries reports/ -o out/ --keep 30

Exit codes: 0 stopped by Ctrl-C or SIGTERM, 2 usage, 75 another scheduler runs the due reports of
this store.";

pub(super) fn run(args: Args) -> Result<Outcome> {
    let engine = args.selection.engine.clone();
    let options = args.selection.due(args.output, args.keep, PATIENCE)?;
    let scheduler = Scheduler::open(options, Box::new(Utc::now))?;
    let outcome = engine.block_on(async move {
        let mut log = Log::new(io::stderr());
        if let Some((name, time)) = scheduler.next()? {
            log.write(&format!("{name}: next at {}", time.to_rfc3339()));
        }
        loop {
            if let Err(error) = scheduler.run_due(&mut |event| log.event(event)).await {
                log.once("reports", format!("error: {error}"));
            }
            let next = scheduler.next().ok().flatten();
            tokio::time::sleep(sleep(next.map(|(_, time)| time.to_utc()), Utc::now())).await;
        }
    })?;
    Ok(match outcome {
        // There is no other end.
        Outcome::Interrupted | Outcome::Terminated => Outcome::Done,
        other => other,
    })
}

/// How long to sleep before the next scheduled time.
fn sleep(next: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Duration {
    let wait = next.map_or(LONGEST_SLEEP, |next| (next - now).min(LONGEST_SLEEP));
    wait.to_std().unwrap_or_default()
}

/// Lines with their time. What is still so at the next look is not said again.
struct Log<W> {
    out: W,
    said: HashMap<String, String>,
}

impl<W: Write> Log<W> {
    fn new(out: W) -> Self {
        Self {
            out,
            said: HashMap::new(),
        }
    }

    fn event(&mut self, event: Event) {
        let Event { report, what } = event;
        if let What::Done { .. } = what {
            self.said.remove(&report);
            return self.write(&format!("{report}: {what}"));
        }
        let error = if what.is_failure() { "error: " } else { "" };
        self.once(&report, format!("{error}{report}: {what}"));
    }

    fn once(&mut self, report: &str, line: String) {
        if self.said.get(report) != Some(&line) {
            self.write(&line);
            self.said.insert(report.to_string(), line);
        }
    }

    fn write(&mut self, line: &str) {
        let now = Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true);
        // Nobody to tell where the terminal is gone; the runs go on.
        let _ = writeln!(self.out, "{now} {line}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    #[test]
    fn sleeps_end_at_the_next_time_and_are_bounded() {
        let now = Utc::now();
        let after = |seconds| sleep(Some(now + TimeDelta::seconds(seconds)), now).as_secs();
        assert_eq!(
            [after(7), after(60), after(3600), after(-5)],
            [7, 60, 60, 0]
        );
        assert_eq!(sleep(None, now).as_secs(), 60);
    }

    #[test]
    fn what_goes_on_is_said_once() {
        let mut log = Log::new(Vec::new());
        let event = |what| Event {
            report: "a".into(),
            what,
        };
        let due = "2026-11-25T06:30:00+08:00".parse().unwrap();
        let failed = || What::Failed {
            due: Some(due),
            error: Error::Usage("no".into()),
        };
        log.event(event(failed()));
        log.event(event(failed()));
        log.event(event(What::Done {
            due,
            path: "out".into(),
            rows: 1,
        }));
        log.event(event(failed()));
        let lines = String::from_utf8(log.out).unwrap();
        let lines: Vec<_> = lines
            .lines()
            .map(|line| line.split_once(' ').unwrap().1)
            .collect();
        let failed = "error: a: due 2026-11-25T06:30:00+08:00: no";
        assert_eq!(
            lines,
            [
                failed,
                "a: due 2026-11-25T06:30:00+08:00: 1 rows in out",
                failed
            ]
        );
    }
}
