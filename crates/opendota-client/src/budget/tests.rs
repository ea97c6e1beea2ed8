//! The budget against an upstream that counts for itself.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// 2026-11-29T12:00:00Z.
const NOON_MS: i64 = 1_795_953_600_000;

fn at(ms: i64) -> Timestamp {
    Timestamp::from_unix_ms(NOON_MS + ms)
}

fn answered(minute: i64, day: i64) -> Ended {
    Ended {
        outcome: Outcome::Answered,
        left: RateHeaders {
            minute: Some(minute),
            day: Some(day),
        },
    }
}

fn untold(outcome: Outcome) -> Ended {
    Ended {
        outcome,
        left: RateHeaders::default(),
    }
}

/// Begins a call, with calls set down as far as it takes.
fn begin(
    budget: &mut Budget,
    memory: &mut u64,
    now: Timestamp,
) -> Result<Ticket, (Timestamp, Pause)> {
    loop {
        match budget.begin(now) {
            Begin::Call(ticket) => return Ok(ticket),
            Begin::NotBefore(until, why) => return Err((until, why)),
            Begin::SetDown => {
                let day = Day::of(now);
                if let Some(calls) = budget.to_set_down(day, *memory, now) {
                    *memory = calls.max(*memory);
                    budget.set_down(day, calls, now);
                }
            }
        }
    }
}

/// Begins as many calls as there is room for, each answered before the next.
fn spend(
    budget: &mut Budget,
    memory: &mut u64,
    now: Timestamp,
    (mut minute, mut day): (i64, i64),
) -> (u64, Timestamp) {
    let mut calls = 0;
    loop {
        match begin(budget, memory, now) {
            Err((until, why)) => {
                assert_eq!(why, Pause::NoRoom);
                return (calls, until);
            }
            Ok(ticket) => {
                calls += 1;
                minute -= 1;
                day -= 1;
                budget.end(&ticket, answered(minute, day), now);
            }
        }
    }
}

#[test]
fn the_reserve_is_kept_of_minute_and_day() {
    let (mut budget, mut memory) = (Budget::new(Limits::WITHOUT_KEY, 30, 1), 0);
    let (calls, until) = spend(&mut budget, &mut memory, at(500), (60, 3_000));
    assert_eq!((calls, until), (42, at(60_000)));
    // Others on this address have made calls since.
    let (calls, _) = spend(&mut budget, &mut memory, at(60_000), (30, 2_900));
    assert_eq!(calls, 12);
    let (calls, until) = spend(&mut budget, &mut memory, at(120_000), (60, 905));
    assert_eq!((calls, until), (5, at(12 * 3_600_000)));
    let status = budget.status(at(120_000));
    assert_eq!(status.day.used, 59);
    assert_eq!(status.day.left, Some(900));
    assert_eq!(status.day.reserve, Some(900));
    assert_eq!(status.minute.left, Some(55));
    assert_eq!(memory, 100, "two blocks are set down");
}

#[test]
fn whoever_has_more_room_than_published_uses_it() {
    let (mut budget, mut memory) = (Budget::new(Limits::WITH_KEY, 30, 1), 0);
    let (calls, _) = spend(&mut budget, &mut memory, at(0), (1_200, 1_000_000));
    assert_eq!(calls, 840);
}

#[test]
fn answers_in_another_order_show_no_higher_limit() {
    let (mut budget, mut memory) = (Budget::new(Limits::WITHOUT_KEY, 50, 1), 0);
    let first = begin(&mut budget, &mut memory, at(0)).expect("room");
    budget.end(&first, answered(59, 2_999), at(0));
    let mut tickets: Vec<_> = (0..8)
        .map(|_| begin(&mut budget, &mut memory, at(0)).expect("room"))
        .collect();
    // The upstream has counted them in their order, and the last is heard first.
    for left in 51..59 {
        let ticket = tickets.pop().expect("there are eight");
        budget.end(&ticket, answered(left, left + 2_940), at(1));
    }
    let status = budget.status(at(1));
    assert_eq!(
        (status.minute.reserve, status.day.reserve),
        (Some(30), Some(1_500))
    );
    assert_eq!(status.minute.left, Some(51));
}

#[test]
fn the_first_call_of_a_minute_goes_alone() {
    let (mut budget, mut memory) = (Budget::new(Limits::WITHOUT_KEY, 0, 1), 0);
    let first = begin(&mut budget, &mut memory, at(0)).expect("room");
    let refused = begin(&mut budget, &mut memory, at(10)).err();
    assert_eq!(refused, Some((at(260), Pause::NoRoom)));
    budget.end(&first, answered(59, 2_999), at(20));
    let tickets: Vec<_> = (0..59)
        .map(|_| begin(&mut budget, &mut memory, at(30)).expect("room"))
        .collect();
    assert!(
        begin(&mut budget, &mut memory, at(40)).is_err(),
        "those on their way count"
    );
    // What is on its way when a minute ends may count in the next one.
    for (index, ticket) in tickets.iter().enumerate() {
        let left = 58 - i64::try_from(index).expect("few");
        budget.end(ticket, answered(left, left + 2_940), at(60_001));
    }
    let first = begin(&mut budget, &mut memory, at(60_002)).expect("room");
    budget.end(&first, answered(59, 2_939), at(60_003));
    let more = (0..100)
        .take_while(|_| begin(&mut budget, &mut memory, at(60_004)).is_ok())
        .count();
    assert_eq!(
        more, 0,
        "59 are left by the upstream's word, and 59 may not be in it"
    );
}

#[test]
fn too_many_calls_wait_for_the_next_window_or_longer() {
    for (of_day, day_left, retry_after, expected) in [
        (false, Some(10), None, at(60_000)),
        (false, None, None, at(60_000)),
        (true, None, None, at(12 * 3_600_000)),
        (false, Some(0), None, at(12 * 3_600_000)),
        (false, Some(10), Some(Duration::from_secs(90)), at(91_000)),
        (false, None, Some(Duration::MAX), at(1_000 + DAY_MS)),
    ] {
        let (mut budget, mut memory) = (Budget::new(Limits::WITHOUT_KEY, 0, 1), 0);
        let ticket = begin(&mut budget, &mut memory, at(1_000)).expect("room");
        let outcome = Outcome::Limited {
            of_day,
            retry_after,
        };
        let left = RateHeaders {
            minute: Some(-1),
            day: day_left,
        };
        let until = budget.end(&ticket, Ended { outcome, left }, at(1_000));
        assert_eq!(
            until,
            Some(expected),
            "{of_day} {day_left:?} {retry_after:?}"
        );
        let refused = begin(&mut budget, &mut memory, at(1_001)).err();
        assert_eq!(refused, Some((expected, Pause::NoRoom)));
    }
}

#[test]
fn failures_pause_longer_and_longer_until_something_is_answered() {
    let (mut budget, mut memory) = (Budget::new(Limits::WITH_KEY, 0, 1), 0);
    let mut now = at(0);
    let mut pauses = Vec::new();
    for _ in 0..12 {
        let ticket = begin(&mut budget, &mut memory, now).expect("room after the pause");
        let until = budget
            .end(&ticket, untold(Outcome::Failed), now)
            .expect("a pause");
        assert_eq!(
            begin(&mut budget, &mut memory, now).err(),
            Some((until, Pause::Failed))
        );
        pauses.push(until.as_unix_ms() - now.as_unix_ms());
        now = until;
    }
    assert!((1_000..=2_000).contains(&pauses[0]), "{pauses:?}");
    assert!((150_000..=300_000).contains(&pauses[11]), "{pauses:?}");
    let ticket = begin(&mut budget, &mut memory, now).expect("room");
    assert_eq!(budget.end(&ticket, untold(Outcome::Answered), now), None);
    let ticket = begin(&mut budget, &mut memory, now).expect("room");
    let until = budget
        .end(&ticket, untold(Outcome::Failed), now)
        .expect("a pause");
    assert!(until <= Timestamp::from_unix_ms(now.as_unix_ms() + 2_000));
}

#[test]
fn calls_that_fail_together_make_one_pause() {
    let (mut budget, mut memory) = (Budget::new(Limits::WITH_KEY, 0, 1), 0);
    let first = begin(&mut budget, &mut memory, at(0)).expect("room");
    budget.end(&first, answered(299, 1_000_000), at(0));
    let tickets: Vec<_> = (0..8)
        .map(|_| begin(&mut budget, &mut memory, at(0)).expect("room"))
        .collect();
    let until: Vec<_> = tickets
        .iter()
        .map(|ticket| budget.end(ticket, untold(Outcome::Failed), at(1)))
        .collect();
    assert!(
        until.iter().all(|one| *one == until[0] && one.is_some()),
        "{until:?}"
    );
}

#[test]
fn an_upstream_that_refuses_is_left_alone_and_asked_again() {
    let (mut budget, mut memory) = (Budget::new(Limits::WITH_KEY, 0, 1), 0);
    let ticket = begin(&mut budget, &mut memory, at(0)).expect("room");
    let refused = Outcome::Refused("answered 401".to_owned());
    let until = budget.end(&ticket, untold(refused), at(0));
    assert_eq!(until, Some(at(REFUSED_PAUSE_MS)));
    let why = begin(&mut budget, &mut memory, at(REFUSED_PAUSE_MS - 1)).err();
    assert_eq!(
        why,
        Some((
            at(REFUSED_PAUSE_MS),
            Pause::Refused("answered 401".to_owned())
        ))
    );
    assert!(begin(&mut budget, &mut memory, at(REFUSED_PAUSE_MS)).is_ok());
}

#[test]
fn a_start_after_another_process_waits_for_the_next_minute() {
    let mut memory = 2_050;
    let mut budget = Budget::new(Limits::WITHOUT_KEY, 30, 1);
    let refused = begin(&mut budget, &mut memory, at(59_000)).err();
    assert_eq!(refused, Some((at(60_000), Pause::NoRoom)));
    assert_eq!(memory, 2_050, "nothing is set down for nothing");
    // Before the upstream has said more, what is set down counts as used.
    let ticket = begin(&mut budget, &mut memory, at(60_000)).expect("room");
    assert_eq!(memory, 2_100);
    assert_eq!(budget.status(at(60_000)).day.used, 2_051);
    // Its word is the truth: most of them were never made.
    budget.end(&ticket, answered(59, 2_500), at(60_100));
    let (calls, _) = spend(&mut budget, &mut memory, at(60_200), (59, 2_500));
    assert_eq!(calls, 41);

    let mut used_up = 2_150;
    let mut budget = Budget::new(Limits::WITHOUT_KEY, 30, 1);
    assert!(begin(&mut budget, &mut used_up, at(0)).is_err());
    let refused = begin(&mut budget, &mut used_up, at(60_000)).err();
    assert_eq!(refused, Some((at(12 * 3_600_000), Pause::NoRoom)));
}

#[test]
fn a_clock_that_goes_back_gives_nothing_back() {
    let (mut budget, mut memory) = (Budget::new(Limits::WITHOUT_KEY, 0, 1), 0);
    let (calls, _) = spend(&mut budget, &mut memory, at(60_500), (60, 3_000));
    assert_eq!(calls, 60);
    assert!(begin(&mut budget, &mut memory, at(500)).is_err());
    assert!(begin(&mut budget, &mut memory, at(60_500)).is_ok());
    // A pause from a day that never came is forgotten.
    let mut budget = Budget::new(Limits::WITHOUT_KEY, 0, 1);
    let future = at(1_000 * DAY_MS);
    let ticket = begin(&mut budget, &mut 0, future).expect("room");
    let refused = Outcome::Refused(String::new());
    budget.end(&ticket, untold(refused), future);
    assert!(begin(&mut budget, &mut memory, at(0)).is_ok());
}

/// An upstream with the published limits that counts a call when it likes,
/// between its beginning and its end.
#[derive(Default)]
struct Upstream {
    minutes: BTreeMap<i64, i64>,
    days: BTreeMap<i64, i64>,
    others: BTreeMap<(i64, i64), i64>,
}

impl Upstream {
    /// Counts a call of this address; `None` if it is one too many.
    fn count(&mut self, now: Timestamp) -> Option<(i64, i64)> {
        let ms = now.as_unix_ms();
        let minute = self.minutes.entry(ms.div_euclid(MINUTE_MS)).or_default();
        *minute += 1;
        let day = self.days.entry(ms.div_euclid(DAY_MS)).or_default();
        *day += 1;
        let left = (60 - *minute, 3_000 - *day);
        (left.0 >= 0 && left.1 >= 0).then_some(left)
    }

    /// A call of somebody else, who keeps to what is kept for others.
    fn count_others(&mut self, now: Timestamp, per_minute: i64, per_day: i64) {
        let (minute, day) = (
            now.as_unix_ms().div_euclid(MINUTE_MS),
            now.as_unix_ms().div_euclid(DAY_MS),
        );
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

/// A call on its way: whether the upstream has counted it, and its word.
struct OnItsWay {
    ticket: Ticket,
    left: Option<(i64, i64)>,
}

struct Run {
    budget: Budget,
    reserve: u8,
    memory: BTreeMap<Day, u64>,
    upstream: Upstream,
    on_their_way: Vec<OnItsWay>,
    now: Timestamp,
    calls: usize,
}

impl Run {
    fn begin(&mut self, count: usize, counted_late: bool) -> Result<(), TestCaseError> {
        for _ in 0..count {
            let memory = self.memory.entry(Day::of(self.now)).or_default();
            let Ok(ticket) = begin(&mut self.budget, memory, self.now) else {
                break;
            };
            self.calls += 1;
            let left = if counted_late {
                None
            } else {
                Some(self.count()?)
            };
            self.on_their_way.push(OnItsWay { ticket, left });
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
        let call = self
            .on_their_way
            .swap_remove(which % self.on_their_way.len());
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

    fn go(&mut self, step: Step) -> Result<(), TestCaseError> {
        match step {
            Step::Wait(ms) => self.now = later(self.now, ms),
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
        steps in prop::collection::vec(step(), 1..300),
    ) {
        let mut run = Run {
            budget: Budget::new(Limits::WITHOUT_KEY, reserve, 1),
            reserve,
            memory: BTreeMap::new(),
            upstream: Upstream::default(),
            on_their_way: Vec::new(),
            now: at(start_ms),
            calls: 0,
        };
        for step in steps {
            run.go(step)?;
        }
    }
}

#[test]
fn a_month_at_the_limits_uses_what_there_is_and_no_more() {
    let mut run = Run {
        budget: Budget::new(Limits::WITHOUT_KEY, 30, 1),
        reserve: 30,
        memory: BTreeMap::new(),
        upstream: Upstream::default(),
        on_their_way: Vec::new(),
        now: at(0),
        calls: 0,
    };
    let end = at(30 * DAY_MS);
    while run.now < end {
        let memory = run.memory.entry(Day::of(run.now)).or_default();
        match begin(&mut run.budget, memory, run.now) {
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
