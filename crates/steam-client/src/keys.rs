//! Which key may call, and when.
//!
//! Nobody knows the pace that the upstream bears: by its own words a call each
//! five seconds, in practice less. So each key asks at once until it is refused,
//! and from then on keeps a pace: longer by a quarter with each refusal, shorter
//! by a little with each answer. The first pace is near the one that is known, so
//! refusals stay rare; many of them would cost the key.

use std::time::Duration;

use client_kit::Backoff;
use domain::{Day, Timestamp};
use secrecy::SecretString;
use tokio::time::Instant;

use crate::answer::Failure;

/// How many calls a key has in a day of UTC.
pub const CALLS_PER_DAY: u32 = 100_000;

/// The pace after a first refusal, and the shortest wait after any.
const PACE_FIRST: Duration = Duration::from_secs(5);
/// However often it is refused, a key is not slower.
const PACE_MAX: Duration = Duration::from_secs(20);
/// Once it was refused, a key is not faster.
const PACE_MIN: Duration = Duration::from_secs(1);
/// One answer makes the pace shorter by this part of it.
const PACE_EASE: u32 = 500;

/// The longest wait after refusals in a row.
const LIMITED_WAIT_MAX: Duration = Duration::from_mins(10);
/// The longest wait that the upstream may ask for.
const RETRY_AFTER_MAX: Duration = Duration::from_hours(1);
/// How long a key that is not accepted is left alone before it is tried again.
const REFUSED_WAIT: Duration = Duration::from_hours(1);

/// Waits while nothing usable comes from the upstream, whichever key asks.
const FAILED_WAIT_MIN: Duration = Duration::from_millis(500);
const FAILED_WAIT_MAX: Duration = Duration::from_mins(1);

/// How one key stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyStatus {
    /// How many calls it still has today.
    pub day_left: u32,
    /// What the upstream said when it did not accept the key; it is left alone.
    pub refused: Option<String>,
}

/// The keys, and the waits that hold for all of them.
pub(crate) struct Keys {
    each: Vec<Key>,
    calls: u64,
    failed: Backoff,
    not_before: Instant,
}

struct Key {
    secret: SecretString,
    /// Which of all calls was its last one.
    last_call: u64,
    not_before: Instant,
    /// Between the beginnings of two calls; nothing until it was refused once.
    pace: Duration,
    limited: Backoff,
    refused: Option<String>,
    day: Day,
    calls_of_day: u32,
}

impl Keys {
    pub(crate) fn new(secrets: Vec<SecretString>, jitter_seed: u64, now: Timestamp) -> Self {
        let begun = Instant::now();
        let key = |(secret, nth)| Key {
            secret,
            last_call: 0,
            not_before: begun,
            pace: Duration::ZERO,
            limited: Backoff::new(PACE_FIRST, LIMITED_WAIT_MAX, jitter_seed.wrapping_add(nth)),
            refused: None,
            day: Day::of(now),
            calls_of_day: 0,
        };
        Self {
            each: secrets.into_iter().zip(1..).map(key).collect(),
            calls: 0,
            failed: Backoff::new(FAILED_WAIT_MIN, FAILED_WAIT_MAX, jitter_seed),
            not_before: begun,
        }
    }

    /// Counts a call and says whose it is; or how long nobody may make one.
    ///
    /// # Errors
    /// How long to wait. Without any key it is for ever.
    pub(crate) fn begin(&mut self, now: Timestamp) -> Result<(usize, SecretString), Duration> {
        let wait = self.wait(now);
        if !wait.is_zero() {
            return Err(wait);
        }
        let ready = self.each.iter_mut().enumerate();
        let (nth, key) = ready
            .filter(|(_, key)| key.wait(now).is_zero())
            .min_by_key(|(_, key)| key.last_call)
            .ok_or(Duration::MAX)?;
        self.calls += 1;
        key.last_call = self.calls;
        key.not_before = Instant::now() + key.pace;
        key.calls_of_day = key.calls_on(Day::of(now)) + 1;
        key.day = Day::of(now);
        Ok((nth, key.secret.clone()))
    }

    /// Takes in what came of a call.
    pub(crate) fn end(&mut self, nth: usize, outcome: Result<(), &Failure>) {
        let now = Instant::now();
        if let Err(Failure::Unavailable(_)) = outcome {
            self.not_before = now + self.failed.next_wait();
            return;
        }
        self.failed.forget();
        self.not_before = now;
        if let Some(key) = self.each.get_mut(nth) {
            key.end(outcome, now);
        }
    }

    /// How long until a call is permitted; without any key it is for ever.
    pub(crate) fn wait(&self, now: Timestamp) -> Duration {
        let of_keys = self.each.iter().map(|key| key.wait(now)).min();
        let of_all = self.not_before.duration_since(Instant::now());
        of_keys.unwrap_or(Duration::MAX).max(of_all)
    }

    pub(crate) fn status(&self, now: Timestamp) -> Vec<KeyStatus> {
        let status = |key: &Key| KeyStatus {
            day_left: CALLS_PER_DAY.saturating_sub(key.calls_on(Day::of(now))),
            refused: key.refused.clone(),
        };
        self.each.iter().map(status).collect()
    }
}

impl Key {
    fn end(&mut self, outcome: Result<(), &Failure>, now: Instant) {
        match outcome {
            Err(Failure::Limited { retry_after }) => {
                self.pace = (self.pace * 5 / 4).clamp(PACE_FIRST, PACE_MAX);
                let asked_for = retry_after.unwrap_or_default().min(RETRY_AFTER_MAX);
                let wait = self.limited.next_wait().max(self.pace).max(asked_for);
                self.not_before = now + wait;
            }
            Err(Failure::Refused(detail)) => {
                self.refused = Some(detail.clone());
                self.not_before = now + REFUSED_WAIT;
            }
            // Whatever it says, the key is good for an answer.
            _ => {
                self.limited.forget();
                self.refused = None;
                if !self.pace.is_zero() {
                    self.pace = self
                        .pace
                        .saturating_sub(self.pace / PACE_EASE)
                        .max(PACE_MIN);
                }
            }
        }
    }

    fn wait(&self, now: Timestamp) -> Duration {
        let of_pace = self.not_before.duration_since(Instant::now());
        if self.calls_on(Day::of(now)) < CALLS_PER_DAY {
            return of_pace;
        }
        of_pace.max(until_midnight(now))
    }

    fn calls_on(&self, day: Day) -> u32 {
        if self.day == day {
            self.calls_of_day
        } else {
            0
        }
    }
}

fn until_midnight(now: Timestamp) -> Duration {
    const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
    let left_ms = DAY_MS - now.as_unix_ms().rem_euclid(DAY_MS);
    Duration::from_millis(left_ms.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use test_kit::clock::RunningClock;
    use tokio::time::advance;

    use super::*;
    use health_kit::Clock as _;

    const NOON: Timestamp = Timestamp::from_unix_seconds(1_786_622_400);

    fn keys(count: usize) -> (Keys, RunningClock) {
        let secrets = (0..count).map(|nth| format!("key{nth}").into()).collect();
        (Keys::new(secrets, 7, NOON), RunningClock::from(NOON))
    }

    /// A call that comes to this; which key made it.
    async fn call(keys: &mut Keys, clock: &RunningClock, outcome: Result<(), Failure>) -> usize {
        advance(keys.wait(clock.now())).await;
        let (nth, _) = keys.begin(clock.now()).expect("it has waited");
        keys.end(nth, outcome.as_ref().copied());
        nth
    }

    const LIMITED: Result<(), Failure> = Err(Failure::Limited { retry_after: None });

    #[tokio::test(start_paused = true)]
    async fn two_keys_take_turns_and_one_that_is_refused_is_left_out() {
        let (mut keys, clock) = keys(2);
        let mut who = Vec::new();
        for _ in 0..4 {
            who.push(call(&mut keys, &clock, Ok(())).await);
        }
        assert_eq!(who, [0, 1, 0, 1]);
        call(
            &mut keys,
            &clock,
            Err(Failure::Refused("answered 403".to_owned())),
        )
        .await;
        for _ in 0..4 {
            assert_eq!(call(&mut keys, &clock, Ok(())).await, 1);
        }
        let status = keys.status(clock.now());
        assert_eq!(status[0].refused.as_deref(), Some("answered 403"));
        assert_eq!(status[1].refused, None);
        // An hour later it gets another chance.
        advance(REFUSED_WAIT).await;
        assert_eq!(call(&mut keys, &clock, Ok(())).await, 0);
        assert_eq!(keys.status(clock.now())[0].refused, None);
    }

    #[tokio::test(start_paused = true)]
    async fn one_key_that_is_limited_does_not_slow_the_other() {
        let (mut keys, clock) = keys(2);
        assert_eq!(call(&mut keys, &clock, LIMITED).await, 0);
        for _ in 0..10 {
            assert_eq!(keys.wait(clock.now()), Duration::ZERO);
            assert_eq!(call(&mut keys, &clock, Ok(())).await, 1);
        }
        assert_eq!(call(&mut keys, &clock, LIMITED).await, 1);
        assert!(keys.wait(clock.now()) >= PACE_FIRST);
    }

    #[tokio::test(start_paused = true)]
    async fn the_pace_settles_near_what_the_upstream_bears() {
        let (mut keys, clock) = keys(1);
        let bearable = Duration::from_secs(8);
        let mut last_good = Instant::now() - bearable;
        let (mut good, mut limited) = (0_u32, 0_u32);
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_hours(24) {
            advance(keys.wait(clock.now())).await;
            let (nth, _) = keys.begin(clock.now()).expect("it has waited");
            if last_good.elapsed() >= bearable {
                last_good = Instant::now();
                good += 1;
                keys.end(nth, Ok(()));
            } else {
                limited += 1;
                keys.end(nth, LIMITED.as_ref().copied());
            }
        }
        // At most 10,800 are possible.
        assert!(good >= 8_600, "{good} answers");
        assert!(limited <= good / 50, "{limited} refusals, {good} answers");
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_upstream_asks_for_is_obeyed_up_to_an_hour() {
        for (asked_seconds, at_least, at_most) in
            [(0, 5, 10), (120, 120, 120), (86_400, 3_600, 3_600)]
        {
            let (mut keys, clock) = keys(1);
            let retry_after = Some(Duration::from_secs(asked_seconds));
            call(&mut keys, &clock, Err(Failure::Limited { retry_after })).await;
            let waited = keys.wait(clock.now()).as_secs();
            assert!((at_least..=at_most).contains(&waited), "{waited}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn failures_are_of_all_keys_and_wait_longer_each_time() {
        let (mut keys, clock) = keys(2);
        let mut waits = Vec::new();
        for _ in 0..12 {
            call(&mut keys, &clock, Err(Failure::Unavailable(String::new()))).await;
            waits.push(keys.wait(clock.now()));
        }
        assert!(waits[0] >= FAILED_WAIT_MIN && waits[0] <= 2 * FAILED_WAIT_MIN);
        assert!(waits[11] >= FAILED_WAIT_MAX / 2 && waits[11] <= FAILED_WAIT_MAX);
        call(&mut keys, &clock, Ok(())).await;
        assert_eq!(keys.wait(clock.now()), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_day_has_so_many_calls_and_no_more() {
        let (mut keys, clock) = keys(1);
        for _ in 0..CALLS_PER_DAY {
            assert_eq!(call(&mut keys, &clock, Ok(())).await, 0);
        }
        assert_eq!(keys.status(clock.now())[0].day_left, 0);
        let wait = keys.wait(clock.now());
        assert_eq!(wait, Duration::from_hours(12));
        assert_eq!(keys.begin(clock.now()).expect_err("no call"), wait);
        call(&mut keys, &clock, Ok(())).await;
        assert_eq!(keys.status(clock.now())[0].day_left, CALLS_PER_DAY - 1);
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_key_nobody_calls() {
        let (mut keys, clock) = keys(0);
        assert_eq!(keys.begin(clock.now()).expect_err("no key"), Duration::MAX);
    }
}
