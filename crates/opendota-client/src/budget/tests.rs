//! What the budget permits, a rule at a time.

mod counting;

use super::*;

/// 2026-11-29T12:00:00Z.
const NOON_MS: i64 = 1_795_953_600_000;

/// So many milliseconds after calls may begin in the minute of noon.
fn at(ms: i64) -> Timestamp {
    Timestamp::from_unix_ms(NOON_MS + SETTLE_MS + ms)
}

fn answered(minute: i64, day: i64) -> Ended {
    Ended {
        outcome: Outcome::Answered,
        left: RateHeaders {
            minute: Some(minute),
            day: Some(day),
        },
        retry_after: None,
    }
}

fn untold(outcome: Outcome) -> Ended {
    Ended {
        outcome,
        left: RateHeaders::default(),
        retry_after: None,
    }
}

/// What outlives a process: all calls of a day, and those that have a share.
#[derive(Default)]
struct Memory {
    all: u64,
    shared: u64,
}

/// Begins a call, with calls set down as far as it takes.
fn begin(
    budget: &mut Budget,
    memory: &mut u64,
    now: Timestamp,
) -> Result<Ticket, (Timestamp, Pause)> {
    let mut whole = Memory {
        all: *memory,
        shared: 0,
    };
    let begun = begin_as(Caller::Whole, budget, &mut whole, now);
    *memory = whole.all;
    begun
}

fn begin_as(
    caller: Caller,
    budget: &mut Budget,
    memory: &mut Memory,
    now: Timestamp,
) -> Result<Ticket, (Timestamp, Pause)> {
    loop {
        match budget.begin(caller, now) {
            Begin::Call(ticket) => return Ok(ticket),
            Begin::NotBefore(until, why) => return Err((until, why)),
            Begin::SetDown(counted) => {
                let known = match counted {
                    Counted::All => &mut memory.all,
                    Counted::Shared => &mut memory.shared,
                };
                let day = Day::of(now);
                if let Some(calls) = budget.to_set_down(counted, day, *known, now) {
                    *known = calls.max(*known);
                    budget.set_down(counted, day, calls, now);
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
fn those_with_a_share_leave_the_rest_of_minute_and_day_to_others() {
    let share = Caller::Share(CallShare::of_percent(50).expect("it is a share"));
    let (mut memory, mut day_left, mut now) = (Memory::default(), 3_000, at(0));
    let mut budget = Budget::new(Limits::WITHOUT_KEY, 30, 1);
    let (mut in_day, mut minute) = (0, 0);
    loop {
        minute += 1;
        let mut minute_left = 60;
        let mut begin_all = |caller, budget: &mut Budget| {
            let mut calls = 0;
            loop {
                match begin_as(caller, budget, &mut memory, now) {
                    Err((until, _)) => return (calls, until),
                    Ok(ticket) => {
                        calls += 1;
                        minute_left -= 1;
                        day_left -= 1;
                        budget.end(&ticket, answered(minute_left, day_left), now);
                    }
                }
            }
        };
        let (calls, until) = begin_all(share, &mut budget);
        in_day += calls;
        if until > at(60_000 * minute) {
            break;
        }
        if minute == 1 {
            assert_eq!(begin_all(Caller::Whole, &mut budget).0, 21);
        }
        assert_eq!(calls, 21, "in minute {minute}");
        now = until;
        if minute % 10 == 0 {
            // What was set down and not begun is lost to the share, at most.
            budget = Budget::new(Limits::WITHOUT_KEY, 30, 1);
            minute += 1;
            let waits = begin_as(share, &mut budget, &mut memory, now).err();
            now = at(60_000 * minute);
            assert_eq!(waits, Some((now, Pause::NoRoom)));
        }
    }
    assert!((1_000..=1_050).contains(&in_day), "{in_day}");
    assert!(begin_as(Caller::Whole, &mut budget, &mut memory, now).is_ok());
}

#[test]
fn one_call_is_taken_from_the_reserve_and_set_down_alone() {
    let one = |reserve| Budget::new(Limits::WITHOUT_KEY, reserve, 1).for_one_call();
    let mut memory = 50;
    assert!(begin(&mut one(30), &mut memory, at(1)).is_ok());
    assert_eq!(memory, 51);
    let refused = begin(&mut one(0), &mut memory, at(1)).err();
    assert_eq!(refused, Some((at(60_000), Pause::NoRoom)));
    let refused = begin(&mut one(30), &mut 2_100, at(1)).err();
    assert_eq!(refused, Some((at(12 * 3_600_000), Pause::NoRoom)));
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
        (false, None, Some(Duration::MAX), at(1_000 + PAUSE_MS_MAX)),
    ] {
        let (mut budget, mut memory) = (Budget::new(Limits::WITHOUT_KEY, 0, 1), 0);
        let ticket = begin(&mut budget, &mut memory, at(1_000)).expect("room");
        let outcome = Outcome::Limited { of_day };
        let left = RateHeaders {
            minute: Some(-1),
            day: day_left,
        };
        let until = budget.end(
            &ticket,
            Ended {
                outcome,
                left,
                retry_after,
            },
            at(1_000),
        );
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
fn whoever_fails_and_says_for_how_long_is_left_alone_so_long() {
    for (asked, expected) in [(90, 90_000), (86_400 * 2, PAUSE_MS_MAX)] {
        let (mut budget, mut memory) = (Budget::new(Limits::WITH_KEY, 0, 1), 0);
        let ticket = begin(&mut budget, &mut memory, at(0)).expect("room");
        let ended = Ended {
            retry_after: Some(Duration::from_secs(asked)),
            ..untold(Outcome::Failed)
        };
        assert_eq!(budget.end(&ticket, ended, at(0)), Some(at(expected)));
    }
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
    let refused = begin(&mut budget, &mut memory, at(54_000)).err();
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

#[test]
fn a_window_is_left_alone_until_the_clocks_of_both_sides_are_in_it() {
    let (mut budget, mut memory) = (Budget::new(Limits::WITH_KEY, 0, 1), 0);
    for early in [-SETTLE_MS, -1] {
        let refused = begin(&mut budget, &mut memory, at(early)).err();
        assert_eq!(refused, Some((at(0), Pause::NoRoom)));
    }
    assert!(begin(&mut budget, &mut memory, at(0)).is_ok());
    let resets_at = budget.status(at(0)).minute.resets_at;
    assert_eq!(resets_at, Timestamp::from_unix_ms(NOON_MS + MINUTE_MS));
}
