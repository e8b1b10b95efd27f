//! Which scheduled times a report is to be run for, and what is remembered of each.
//!
//! Owns every change of a [`State`]. The policies for missed runs are read in `missed.rs`. Nothing here runs a query or asks what time it is.
//!
//! # What is due
//! The scheduled times after [`State::settled`], up to now. A run settles its time when it has succeeded; one that failed,
//! or that was killed, is due at the next call as if it had not been tried.
//!
//! * **The first call** for a report begins with the latest scheduled time that has passed, whatever the policy: a crontab
//!   that calls at the scheduled time gets its first run then, not a week later, and no history is made up.
//! * **A changed schedule** begins in the same way, but not before what is settled. What the old one still owed is dropped.
//! * **A changed query** changes nothing that is settled: it counts from the next scheduled time on.
//! * **A clock that was put back** before what is settled makes nothing due until it has caught up, so that no scheduled
//!   time succeeds twice. One that was put forward is a pause, to which the policy applies.

use std::collections::VecDeque;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;

use super::state::{Failure, Ledger, State, Success};
use super::{Missed, Schedule};
use crate::error::Result;

/// So many scheduled times does one call catch up with under [`Missed::All`]; the later ones are due at the next call.
pub const MOST_RUNS: usize = 100;

/// What a call has to say beside its runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Note {
    /// The clock stands before a time that is settled.
    ClockBehind,
    /// The latest scheduled time is later than the policy allows.
    Dropped(DateTime<Tz>),
    /// This scheduled time and perhaps others are left for the next call.
    More(DateTime<Tz>),
}

/// What one call does for one report.
#[derive(Debug)]
pub(super) struct Turn<L> {
    ledger: L,
    pub(super) state: State,
    due: VecDeque<DateTime<Tz>>,
    pub(super) note: Option<Note>,
}

impl<L: Ledger> Turn<L> {
    /// Decides what is due; a time that failed less than `patience` ago is left alone.
    ///
    /// # Errors
    /// Those of the ledger.
    pub(super) fn begin(
        ledger: L,
        schedule: &Schedule,
        missed: Missed,
        now: DateTime<Utc>,
        patience: TimeDelta,
    ) -> Result<Self> {
        let latest = schedule.latest(now);
        let state = match ledger.load()? {
            Some(state) if state.is_of(schedule) => state,
            earlier => {
                // Kept before anything is run, so that a kill does not make a later call the first one.
                let state = anew(schedule, latest, now, earlier);
                ledger.save(&state)?;
                state
            }
        };
        let mut turn = Self {
            ledger,
            state,
            due: VecDeque::new(),
            note: None,
        };
        let settled = turn.state.settled.to_utc();
        if now < settled {
            turn.note = Some(Note::ClockBehind);
            return Ok(turn);
        }
        let Some(latest) = latest.filter(|latest| *latest > settled) else {
            return Ok(turn);
        };
        match missed {
            Missed::Once => turn.due.push_back(latest),
            Missed::Skip(grace) if now - latest.to_utc() <= grace => turn.due.push_back(latest),
            Missed::Skip(_) => {
                turn.note = Some(Note::Dropped(latest));
                turn.state.settled = latest.fixed_offset();
                turn.state.failure = None;
                turn.ledger.save(&turn.state)?;
            }
            Missed::All => {
                let after = |time: &DateTime<Tz>| schedule.next_after(time.to_utc());
                let mut times = std::iter::successors(schedule.next_after(settled), after)
                    .take_while(|time| *time <= now);
                turn.due.extend(times.by_ref().take(MOST_RUNS));
                turn.note = times.next().map(Note::More);
            }
        }
        if let (Some(first), Some(failure)) = (turn.due.front(), &turn.state.failure)
            && *first == failure.due
            && (TimeDelta::zero()..patience).contains(&(now - failure.at.to_utc()))
        {
            turn.due.clear();
            turn.note = None;
        }
        Ok(turn)
    }

    /// The next scheduled time to run the report for.
    pub(super) fn next(&mut self) -> Option<DateTime<Tz>> {
        self.due.pop_front()
    }

    /// Settles the time of a run.
    ///
    /// # Errors
    /// Those of the ledger; the run may then be due again.
    pub(super) fn succeeded(&mut self, success: Success) -> Result<()> {
        self.state.settled = success.due;
        self.state.success = Some(success);
        self.state.failure = None;
        self.ledger.save(&self.state)
    }

    /// Notes a failure, and ends the turn.
    ///
    /// # Errors
    /// Those of the ledger.
    pub(super) fn failed(
        &mut self,
        due: DateTime<Tz>,
        at: DateTime<Utc>,
        error: String,
    ) -> Result<()> {
        self.due.clear();
        self.note = None;
        let earlier = self
            .state
            .failure
            .take()
            .filter(|failure| due == failure.due);
        self.state.failure = Some(Failure {
            due: due.fixed_offset(),
            at: at.with_timezone(&due.timezone()).fixed_offset(),
            attempts: earlier.map_or(1, |failure| failure.attempts.saturating_add(1)),
            error,
        });
        self.ledger.save(&self.state)
    }
}

/// The state of a schedule that begins: its latest time is due, unless it is settled already.
fn anew(
    schedule: &Schedule,
    latest: Option<DateTime<Tz>>,
    now: DateTime<Utc>,
    earlier: Option<State>,
) -> State {
    let before = latest.map_or(now, |latest| latest.to_utc() - TimeDelta::seconds(1));
    let settled = match &earlier {
        Some(earlier) if earlier.settled > before => earlier.settled,
        _ => before.with_timezone(&schedule.zone()).fixed_offset(),
    };
    State {
        schedule: schedule.to_string(),
        settled,
        success: earlier.and_then(|earlier| earlier.success),
        failure: None,
    }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::error::Error;

    /// A disk that remembers, in a process that is killed after so many steps.
    #[derive(Default)]
    struct Disk {
        state: RefCell<Option<String>>,
        steps_left: Cell<Option<u32>>,
        /// From where the first state counts.
        begun: Cell<Option<DateTime<Utc>>>,
        /// The times that were settled by a success, in the order of their commits.
        successes: RefCell<Vec<DateTime<Utc>>>,
    }

    impl Disk {
        fn step(&self) -> Result<()> {
            match self.steps_left.get() {
                Some(0) => Err(Error::Interrupted),
                left => {
                    self.steps_left.set(left.map(|left| left - 1));
                    Ok(())
                }
            }
        }

        fn known(&self) -> Option<State> {
            let json = self.state.borrow();
            json.as_ref()
                .map(|json| serde_json::from_str(json).unwrap())
        }
    }

    impl Ledger for &Disk {
        fn load(&self) -> Result<Option<State>> {
            self.step()?;
            Ok(self.known())
        }

        fn save(&self, state: &State) -> Result<()> {
            self.step()?;
            self.begun
                .set(self.begun.get().or(Some(state.settled.to_utc())));
            let succeeded =
                |state: &State| state.success.as_ref().map(|success| success.due.to_utc());
            if let Some(due) = succeeded(state)
                && self.known().and_then(|known| succeeded(&known)) != Some(due)
            {
                self.successes.borrow_mut().push(due);
            }
            *self.state.borrow_mut() = Some(serde_json::to_string(state).unwrap());
            // Killed when the file had its name, but before anybody was told.
            self.step()
        }
    }

    fn success(due: DateTime<Tz>, now: DateTime<Utc>) -> Success {
        Success {
            due: due.fixed_offset(),
            finished: now.fixed_offset(),
            rows: 1,
            path: "out".into(),
            report: "r".into(),
            recognizers: "x".into(),
        }
    }

    /// One call; the times that it succeeded for, and its note. `Err` if it was killed.
    fn call(
        disk: &Disk,
        schedule: &Schedule,
        missed: Missed,
        now: DateTime<Utc>,
        fails: impl Fn(DateTime<Utc>) -> bool,
    ) -> Result<(Vec<String>, Option<Note>)> {
        let mut turn = Turn::begin(disk, schedule, missed, now, TimeDelta::zero())?;
        let mut done = Vec::new();
        while let Some(due) = turn.next() {
            disk.step()?;
            if fails(due.to_utc()) {
                turn.failed(due, now, "no".into())?;
            } else {
                turn.succeeded(success(due, now))?;
                done.push(due.format("%d %H:%M").to_string());
            }
        }
        Ok((done, turn.note))
    }

    fn utc(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    const DAILY: &str = "30 6 * * * Asia/Shanghai";

    /// What the calls of one report at these times on 2026-11-25 and after do, in Shanghai.
    fn calls<const N: usize>(missed: Missed, times: [&str; N]) -> [Vec<String>; N] {
        let (disk, schedule) = (Disk::default(), DAILY.parse().unwrap());
        times.map(|time| {
            let now = utc(&format!("2026-11-{time}:00+08:00"));
            call(&disk, &schedule, missed, now, |_| false).unwrap().0
        })
    }

    #[test]
    fn the_first_call_begins_with_the_latest_time() {
        for missed in [Missed::Once, Missed::All] {
            assert_eq!(
                calls(missed, ["25T06:29", "25T06:29", "25T06:30", "25T06:31"]),
                [&["24 06:30"][..], &[], &["25 06:30"], &[]]
            );
        }
    }

    #[test]
    fn after_a_pause() {
        let pause = ["23T07:00", "26T12:00", "26T13:00", "27T06:31"];
        assert_eq!(
            calls(Missed::Once, pause),
            [&["23 06:30"][..], &["26 06:30"], &[], &["27 06:30"]]
        );
        assert_eq!(
            calls(Missed::All, pause),
            [
                &["23 06:30"][..],
                &["24 06:30", "25 06:30", "26 06:30"],
                &[],
                &["27 06:30"]
            ]
        );
        assert_eq!(
            calls(Missed::Skip(TimeDelta::hours(5)), pause),
            [&["23 06:30"][..], &[], &[], &["27 06:30"]]
        );
        assert_eq!(
            calls(Missed::Skip(TimeDelta::minutes(330)), pause)[1],
            ["26 06:30"],
            "not later than allowed"
        );
    }

    #[test]
    fn all_is_bounded_and_goes_on() {
        let (disk, schedule) = (Disk::default(), "* * * * *".parse().unwrap());
        let run = |now| call(&disk, &schedule, Missed::All, utc(now), |_| false).unwrap();
        assert_eq!(run("2026-11-25T00:00:30Z").0, ["25 00:00"]);
        let (done, note) = run("2026-11-25T02:00:30Z");
        assert_eq!((done.len(), done[0].as_str()), (MOST_RUNS, "25 00:01"));
        let next = utc("2026-11-25T01:41:00Z").with_timezone(&Tz::UTC);
        assert_eq!(note, Some(Note::More(next)));
        let (done, note) = run("2026-11-25T02:00:40Z");
        assert_eq!(
            (done.len(), done[19].as_str(), note),
            (20, "25 02:00", None)
        );
    }

    #[test]
    fn failures_are_tried_again() {
        let (disk, schedule) = (Disk::default(), "0 * * * *".parse().unwrap());
        let run = |missed, now, fails| {
            call(&disk, &schedule, missed, utc(now), |_| fails)
                .unwrap()
                .0
        };
        let failure = || disk.known().unwrap().failure;
        assert_eq!(run(Missed::Once, "2026-11-25T01:00:00Z", true), [""; 0]);
        assert_eq!(run(Missed::Once, "2026-11-25T01:10:00Z", true), [""; 0]);
        let noted = failure().unwrap();
        assert_eq!((noted.attempts, noted.error.as_str()), (2, "no"));
        assert_eq!(noted.at, utc("2026-11-25T01:10:00Z"));
        // Another process may be patient; a time that has not failed yet is not its concern.
        let patient = |now| {
            let patience = TimeDelta::minutes(5);
            let mut turn = Turn::begin(&disk, &schedule, Missed::Once, utc(now), patience).unwrap();
            turn.next().is_some()
        };
        assert!(!patient("2026-11-25T01:14:59Z"));
        assert!(patient("2026-11-25T01:15:00Z"));
        assert!(patient("2026-11-25T01:09:00Z"), "the clock was put back");
        assert!(patient("2026-11-25T02:00:00Z"));
        // The later time stands for the one that failed, or follows it.
        assert_eq!(run(Missed::All, "2026-11-25T02:00:00Z", true), [""; 0]);
        assert_eq!(failure().unwrap().attempts, 3, "02:00 waits");
        assert_eq!(
            run(Missed::All, "2026-11-25T02:01:00Z", false),
            ["25 01:00", "25 02:00"]
        );
        assert_eq!(failure(), None);
    }

    #[test]
    fn a_clock_put_back_runs_nothing_twice_and_says_so() {
        let (disk, schedule) = (Disk::default(), DAILY.parse().unwrap());
        let run = |now| call(&disk, &schedule, Missed::All, utc(now), |_| false).unwrap();
        assert_eq!(run("2026-11-25T00:00:00Z").0, ["25 06:30"]);
        assert_eq!(
            run("2026-11-24T22:29:59Z"),
            (vec![], Some(Note::ClockBehind))
        );
        assert_eq!(
            run("2026-11-20T00:00:00Z"),
            (vec![], Some(Note::ClockBehind))
        );
        assert_eq!(run("2026-11-24T22:30:00Z"), (vec![], None));
        assert_eq!(run("2026-11-25T22:30:00Z").0, ["26 06:30"]);
    }

    #[test]
    fn a_changed_schedule_begins_after_what_is_settled() {
        let disk = Disk::default();
        let run = |schedule: &str, now| {
            let schedule = schedule.parse().unwrap();
            call(&disk, &schedule, Missed::All, utc(now), |_| false)
                .unwrap()
                .0
        };
        let noon = "2026-11-25T12:00:00Z";
        assert_eq!(run("0 6 * * *", noon), ["25 06:00"]);
        assert_eq!(run("0 5 * * *", noon), [""; 0], "before what is settled");
        assert_eq!(run("0 11 * * *", noon), ["25 11:00"]);
        assert_eq!(
            run("* * * * *", "2026-12-25T12:00:00Z"),
            ["25 12:00"],
            "no month of minutes"
        );
    }

    #[derive(Debug, Clone)]
    enum Step {
        /// The clock moves, backwards too.
        Move(i64),
        /// A call that is killed after so many steps, and in which runs fail.
        Call { killed: Option<u32>, fails: bool },
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            3 => (-30_000i64..60_000).prop_map(Step::Move),
            1 => (-600_000i64..900_000).prop_map(Step::Move),
            2 => prop::bool::weighted(0.2).prop_map(|fails| Step::Call { killed: None, fails }),
            2 => (0u32..12).prop_map(|left| Step::Call { killed: Some(left), fails: false }),
        ]
    }

    const SCHEDULES: [&str; 5] = [
        "*/20 * * * *",
        "0 */3 * * * Asia/Shanghai",
        "15,45 1,2 * * * America/New_York",
        "0 * * * * America/New_York",
        "0 12 * * 1,4 Europe/Berlin",
    ];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]

        #[test]
        fn no_time_succeeds_twice_and_under_all_none_is_lost(
            schedule in prop::sample::select(&SCHEDULES[..]),
            missed in prop::sample::select(vec![Missed::Once, Missed::All, Missed::Skip(TimeDelta::hours(4))]),
            // New York's clock is put forward on the 8th, and back on 1 November.
            start in prop::sample::select(&["2026-03-07T20:00:00Z", "2026-10-31T20:00:00Z"][..]),
            steps in prop::collection::vec(step(), 1..40),
        ) {
            let schedule: Schedule = schedule.parse().unwrap();
            let disk = Disk::default();
            let (mut now, mut furthest) = (utc(start), None);
            let end = [Step::Call { killed: None, fails: false }];
            for step in steps.iter().chain(&end) {
                match *step {
                    Step::Move(seconds) => now += TimeDelta::seconds(seconds),
                    Step::Call { killed, fails } => {
                        let before = disk.successes.borrow().len();
                        disk.steps_left.set(killed);
                        let outcome = call(&disk, &schedule, missed, now, |_| fails);
                        prop_assert!(outcome.is_ok() || killed.is_some());
                        disk.steps_left.set(None);
                        furthest = furthest.max(disk.begun.get().map(|_| now));
                        for due in &disk.successes.borrow()[before..] {
                            prop_assert!(*due <= now, "{due} was not due yet");
                            prop_assert_eq!(schedule.latest(*due), Some(due.with_timezone(&schedule.zone())));
                            match missed {
                                Missed::All => {}
                                Missed::Once => prop_assert_eq!(schedule.latest(now).unwrap(), *due),
                                Missed::Skip(grace) => prop_assert!(now - *due <= grace),
                            }
                        }
                        let all = disk.successes.borrow();
                        prop_assert!(all.windows(2).all(|pair| pair[0] < pair[1]), "{all:?}");
                    }
                }
            }
            // Undisturbed calls, when the clock has caught up, leave nothing due.
            let furthest = furthest.unwrap();
            let quiet = || call(&disk, &schedule, missed, furthest, |_| false).unwrap().0;
            prop_assert!((0..100).any(|_| quiet().is_empty()), "it is due for ever");
            let successes: BTreeSet<_> = disk.successes.borrow().iter().copied().collect();
            let latest = schedule.latest(furthest).unwrap();
            match missed {
                Missed::Once => prop_assert!(successes.contains(&latest.to_utc())),
                Missed::Skip(grace) if furthest - latest.to_utc() > grace => {}
                Missed::Skip(_) => prop_assert!(successes.contains(&latest.to_utc())),
                Missed::All => {
                    let mut expected = BTreeSet::new();
                    let mut at = disk.begun.get().unwrap();
                    while let Some(due) = schedule.next_after(at).filter(|due| *due <= furthest) {
                        at = due.to_utc();
                        expected.insert(at);
                    }
                    prop_assert_eq!(successes, expected);
                }
            }
        }
    }
}
