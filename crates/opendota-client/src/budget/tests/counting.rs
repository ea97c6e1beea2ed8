//! The budget against an upstream that counts for itself.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::OpenDotaSettings;

#[test]
fn a_clock_ahead_of_the_upstreams_hears_nothing_of_the_day_before() {
    let mut upstream = Upstream {
        behind_ms: 4_000,
        ..Upstream::default()
    };
    let (mut budget, mut memory) = (Budget::new(Limits::WITHOUT_KEY, 0, 1), 0);
    let midnight_ms = NOON_MS + DAY_MS / 2;
    // It did not start just now.
    let ticket = begin(&mut budget, &mut memory, at(0)).expect("room");
    budget.end(&ticket, answered(59, 11), at(0));
    memory = 0;
    // Of the old day 10 calls are left.
    upstream.days.insert(midnight_ms / DAY_MS - 1, 2_990);
    let mut now = Timestamp::from_unix_ms(midnight_ms + 1);
    let mut calls = 0;
    while now.as_unix_ms() < midnight_ms + 2 * MINUTE_MS {
        match begin(&mut budget, &mut memory, now) {
            Err((until, _)) => now = until,
            Ok(ticket) => {
                calls += 1;
                let (minute, day) = upstream.count(now).expect("never one too many");
                budget.end(&ticket, answered(minute, day), now);
            }
        }
    }
    assert_eq!(calls, 120, "two minutes of the new day");
    let day = budget.status(now).day;
    assert_eq!(day.left, Some(2_880));
}

#[test]
fn a_start_after_midnight_makes_room_for_calls_of_the_day_before() {
    let midnight_ms = NOON_MS + DAY_MS / 2;
    let mut run = Run::starting(Timestamp::from_unix_ms(midnight_ms - 1), 0, 0);
    run.go(Step::Begin {
        count: 1,
        counted_late: true,
    })
    .expect("nothing is counted yet");
    run.go(Step::Wait(2)).expect("none is overdue");
    // The upstream counts it now, and its answer is lost with the process.
    run.go(Step::End {
        which: 0,
        how: How::Fails,
    })
    .expect("the first of the minute");
    run.go(Step::Restart).expect("a restart makes no call");
    let mut calls = 0;
    while run.now.as_unix_ms() < midnight_ms + MINUTE_MS {
        match run.try_begin() {
            Err((until, _)) => run.now = until,
            Ok(ticket) => {
                calls += 1;
                run.count().expect("never one too many");
                let answered = untold(Outcome::Answered);
                run.budget.end(&ticket, answered, run.now);
            }
        }
    }
    assert_eq!(calls, 0, "how many the minute has room for is not known");
}

/// An upstream with the published limits that counts a call when it likes,
/// between its beginning and its end.
#[derive(Default)]
struct Upstream {
    /// How far its clock is behind ours.
    behind_ms: i64,
    minutes: BTreeMap<i64, i64>,
    days: BTreeMap<i64, i64>,
    others: BTreeMap<(i64, i64), i64>,
}

impl Upstream {
    /// Counts a call of this address; `None` if it is one too many.
    fn count(&mut self, now: Timestamp) -> Option<(i64, i64)> {
        let ms = now.as_unix_ms() - self.behind_ms;
        let minute = self.minutes.entry(ms.div_euclid(MINUTE_MS)).or_default();
        *minute += 1;
        let day = self.days.entry(ms.div_euclid(DAY_MS)).or_default();
        *day += 1;
        let left = (60 - *minute, 3_000 - *day);
        (left.0 >= 0 && left.1 >= 0).then_some(left)
    }

    /// A call of somebody else, who keeps to what is kept for others.
    fn count_others(&mut self, now: Timestamp, per_minute: i64, per_day: i64) {
        let ms = now.as_unix_ms() - self.behind_ms;
        let (minute, day) = (ms.div_euclid(MINUTE_MS), ms.div_euclid(DAY_MS));
        let in_minute = self
            .others
            .get(&(MINUTE_MS, minute))
            .copied()
            .unwrap_or_default();
        let in_day = self.others.get(&(DAY_MS, day)).copied().unwrap_or_default();
        if in_minute < per_minute && in_day < per_day {
            *self.others.entry((MINUTE_MS, minute)).or_default() += 1;
            *self.others.entry((DAY_MS, day)).or_default() += 1;
            self.count(now);
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Step {
    /// So many milliseconds go by.
    Wait(i64),
    /// As many calls as there is room for, at most so many.
    Begin { count: usize, counted_late: bool },
    /// One of those on their way ends, with the upstream's word or without.
    End { which: usize, how: How },
    /// The process dies, and another one starts.
    Restart,
    /// Somebody else on this address calls so often.
    Others(usize),
}

#[derive(Debug, Clone, Copy)]
enum How {
    Told,
    TellsNothing,
    Fails,
}

fn step() -> impl Strategy<Value = Step> {
    let how =
        prop_oneof![6 => Just(How::Told), 1 => Just(How::TellsNothing), 1 => Just(How::Fails)];
    prop_oneof![
        4 => (0..20_000_i64).prop_map(Step::Wait),
        1 => (0..6 * 3_600_000_i64).prop_map(Step::Wait),
        6 => (1..80_usize, any::<bool>()).prop_map(|(count, counted_late)| Step::Begin { count, counted_late }),
        12 => (any::<usize>(), how).prop_map(|(which, how)| Step::End { which, how }),
        1 => Just(Step::Restart),
        2 => (1..30_usize).prop_map(Step::Others),
    ]
}

/// A call on its way: since when, whether the upstream has counted it, and its word.
struct OnItsWay {
    since: Timestamp,
    ticket: Ticket,
    left: Option<(i64, i64)>,
}

struct Run {
    budget: Budget,
    reserve: u8,
    memory: BTreeMap<Day, u64>,
    upstream: Upstream,
    /// In the order in which they were begun.
    on_their_way: Vec<OnItsWay>,
    now: Timestamp,
    calls: usize,
}

impl Run {
    /// Without calls made, with `reserve` percent kept for others.
    fn starting(now: Timestamp, reserve: u8, behind_ms: i64) -> Self {
        Self {
            budget: Budget::new(Limits::WITHOUT_KEY, reserve, 1),
            reserve,
            memory: BTreeMap::new(),
            upstream: Upstream {
                behind_ms,
                ..Upstream::default()
            },
            on_their_way: Vec::new(),
            now,
            calls: 0,
        }
    }

    fn try_begin(&mut self) -> Result<Ticket, (Timestamp, Pause)> {
        let memory = self.memory.entry(Day::of(self.now)).or_default();
        begin(&mut self.budget, memory, self.now)
    }

    fn begin(&mut self, count: usize, counted_late: bool) -> Result<(), TestCaseError> {
        for _ in 0..count {
            let Ok(ticket) = self.try_begin() else {
                break;
            };
            self.calls += 1;
            let left = if counted_late {
                None
            } else {
                Some(self.count()?)
            };
            self.on_their_way.push(OnItsWay {
                since: self.now,
                ticket,
                left,
            });
        }
        Ok(())
    }

    fn count(&mut self) -> Result<(i64, i64), TestCaseError> {
        let left = self.upstream.count(self.now);
        left.ok_or_else(|| TestCaseError::fail(format!("one too many at {:?}", self.now)))
    }

    fn end(&mut self, which: usize, how: How) -> Result<(), TestCaseError> {
        if self.on_their_way.is_empty() {
            return Ok(());
        }
        let call = self.on_their_way.remove(which % self.on_their_way.len());
        let left = match call.left {
            Some(left) => left,
            None => self.count()?,
        };
        let ended = match how {
            How::Told => answered(left.0, left.1),
            How::TellsNothing => untold(Outcome::Answered),
            How::Fails => untold(Outcome::Failed),
        };
        self.budget.end(&call.ticket, ended, self.now);
        Ok(())
    }

    /// No call is on its way for longer than the client permits.
    fn wait(&mut self, ms: i64) -> Result<(), TestCaseError> {
        let until = later(self.now, ms);
        let call_time_max = milliseconds(OpenDotaSettings::CALL_TIME_MAX);
        while let Some(call) = self.on_their_way.first() {
            let overdue = later(call.since, call_time_max);
            if overdue > until {
                break;
            }
            self.now = overdue;
            self.end(0, How::Fails)?;
        }
        self.now = until;
        Ok(())
    }

    fn go(&mut self, step: Step) -> Result<(), TestCaseError> {
        match step {
            Step::Wait(ms) => self.wait(ms)?,
            Step::Begin {
                count,
                counted_late,
            } => self.begin(count, counted_late)?,
            Step::End { which, how } => self.end(which, how)?,
            Step::Restart => {
                // Connections die with their process, and what was not counted never is.
                self.on_their_way.clear();
                self.budget = Budget::new(Limits::WITHOUT_KEY, self.reserve, 1);
            }
            Step::Others(count) => {
                let kept = |limit: i64| (limit * i64::from(self.reserve) + 99) / 100;
                for _ in 0..count {
                    self.upstream.count_others(self.now, kept(60), kept(3_000));
                }
            }
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn whatever_comes_no_limit_is_exceeded(
        reserve in prop_oneof![Just(0_u8), Just(30), Just(90)],
        start_ms in 0..DAY_MS,
        behind_ms in 0..SETTLE_MS,
        steps in prop::collection::vec(step(), 1..300),
    ) {
        let mut run = Run::starting(at(start_ms), reserve, behind_ms);
        for step in steps {
            run.go(step)?;
        }
    }
}

#[test]
fn a_month_at_the_limits_uses_what_there_is_and_no_more() {
    let mut run = Run::starting(at(0), 30, 0);
    let end = at(30 * DAY_MS);
    while run.now < end {
        match run.try_begin() {
            Err((until, _)) => run.now = until,
            Ok(ticket) => {
                run.calls += 1;
                let left = run.count().expect("never one too many");
                run.budget.end(&ticket, answered(left.0, left.1), run.now);
                if run.calls.is_multiple_of(997) {
                    run.go(Step::Restart).expect("a restart makes no call");
                }
                run.now = later(run.now, 300);
            }
        }
    }
    // 31 days of the calendar have a part in it; a start late in a day may leave some of that.
    let most = 31 * 2_100;
    assert!((most - 50..=most).contains(&run.calls), "{}", run.calls);
}
