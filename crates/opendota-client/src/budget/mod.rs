//! How many calls may be made, and when.
//!
//! The upstream counts calls by the minute of the clock and by the day in UTC,
//! for each address or key, rejected ones too. Each answer says what is left.
//! Between two answers, and before the first one, it is counted here, always to
//! our disadvantage: a call counts from its beginning, one that crosses into
//! the next window counts in both, and one whose answer never came is taken for
//! counted. Nobody calls in the first seconds of a window, because by a clock
//! that is behind ours the one before it has not ended. Each minute begins with
//! one call alone, and a process that starts takes what is set down for made,
//! and waits for the next minute, as it does in the first minute of a day.
//!
//! It is a machine without socket and clock: whoever calls says what time it is.

mod share;
mod window;

#[cfg(test)]
mod tests;

use std::time::Duration;

use client_kit::Backoff;
use domain::{Day, Timestamp};

pub use share::{CallShare, Caller, Counted};

use share::Shared;
use window::Window;

const MINUTE_MS: i64 = 60 * 1_000;
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;

/// How long a window is left alone at its beginning. Clocks are mostly apart by
/// less; a call that the upstream counts in the window before brings that one's
/// rest, and a day that begins with it loses all its calls.
const SETTLE_MS: i64 = 5 * 1_000;

/// How many calls are set down at a time: so many are lost to a day when the
/// process ends, and so often the memory is asked.
const BLOCK: u64 = 50;
/// Of calls that have a share only, which are fewer.
const SHARED_BLOCK: u64 = 10;

/// The pauses after failures.
const FAILURE_PAUSE_MIN: Duration = Duration::from_secs(1);
const FAILURE_PAUSE_MAX: Duration = Duration::from_mins(5);

/// How long an upstream is left alone that refuses our calls. Somebody has to
/// change the key, or let the address in again.
const REFUSED_PAUSE_MS: i64 = 10 * MINUTE_MS;

/// How soon to ask again while the first call of a minute is on its way.
const FIRST_CALL_PAUSE_MS: i64 = 250;

/// No pause is longer: the upstream cannot ask for more, and a clock that was
/// wrong for a moment is forgotten.
const PAUSE_MS_MAX: i64 = DAY_MS + SETTLE_MS;

/// How many calls an upstream permits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// In each minute of the clock.
    pub per_minute: u64,
    /// In each day in UTC; none for as many as the minutes permit.
    pub per_day: Option<u64>,
}

impl Limits {
    /// Published for callers without a key.
    pub const WITHOUT_KEY: Self = Self {
        per_minute: 60,
        per_day: Some(3_000),
    };

    /// Published for callers with a key.
    pub const WITH_KEY: Self = Self {
        per_minute: 300,
        per_day: None,
    };
}

/// Counts calls, and says when the next one may be made.
#[derive(Debug)]
pub struct Budget {
    minute: Window,
    day: Window,
    /// Calls that are set down and not begun.
    ready: u64,
    /// How many are set down at a time.
    block: u64,
    shared: Shared,
    /// Whether the memory has been asked: there may have been a process before this one.
    has_asked: bool,
    /// Whether a call of this minute was answered.
    is_proved: bool,
    pause: Option<(Timestamp, Pause)>,
    backoff: Backoff,
}

/// Whether a call may be made.
#[derive(Debug, PartialEq, Eq)]
pub enum Begin {
    /// It is begun, and counted; what comes of it is to be told to [`Budget::end`].
    Call(Ticket),
    /// First the memory has to be asked for the calls of the day, and calls to
    /// be set down: [`Budget::to_set_down`].
    SetDown(Counted),
    /// Not before this time.
    NotBefore(Timestamp, Pause),
}

/// Why calls pause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pause {
    /// There is no room, by our count or by the upstream's word.
    NoRoom,
    /// The last call came to nothing.
    Failed,
    /// The upstream takes no calls of ours; what it says.
    Refused(String),
}

/// A call that was begun.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a call that is not ended counts as being on its way for ever"]
pub struct Ticket {
    minute: u64,
    day: u64,
}

/// What the upstream says is left; below 0 if it has rejected calls.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RateHeaders {
    /// Of the minute.
    pub minute: Option<i64>,
    /// Of the day.
    pub day: Option<i64>,
}

/// How a call has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// What came of it.
    pub outcome: Outcome,
    /// What is left, as far as the answer says so.
    pub left: RateHeaders,
    /// How long to wait at least before the next call, if it says so.
    pub retry_after: Option<Duration>,
}

/// What came of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// An answer, whichever.
    Answered,
    /// There were too many calls.
    Limited {
        /// Too many of the day, not of the minute.
        of_day: bool,
    },
    /// Calls of ours are not taken; what it says.
    Refused(String),
    /// Nothing usable came.
    Failed,
    /// Whoever asked does not want to know any more.
    Abandoned,
}

/// How much may be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BudgetStatus {
    /// In this minute.
    pub minute: WindowStatus,
    /// In this day.
    pub day: WindowStatus,
}

/// The calls of one window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowStatus {
    /// How many were made; of a day also those of earlier processes, as far as
    /// they were set down.
    pub used: u64,
    /// How many are left by the upstream's word, those on their way taken off;
    /// none until it has said so.
    pub left: Option<u64>,
    /// How many of them are kept for others; none where there is no limit.
    pub reserve: Option<u64>,
    /// How many this process may still make; none where there is no limit.
    pub room: Option<u64>,
    /// When the window begins anew.
    pub resets_at: Timestamp,
}

impl Budget {
    /// A budget of which nothing is used yet; `reserve_percent` of each limit is
    /// kept for others. The same seed repeats the same pauses.
    #[must_use]
    pub fn new(limits: Limits, reserve_percent: u8, jitter_seed: u64) -> Self {
        Self {
            minute: Window::new(MINUTE_MS, Some(limits.per_minute), reserve_percent),
            day: Window::new(DAY_MS, limits.per_day, reserve_percent),
            ready: 0,
            block: BLOCK,
            shared: Shared::default(),
            has_asked: false,
            is_proved: false,
            pause: None,
            backoff: Backoff::new(FAILURE_PAUSE_MIN, FAILURE_PAUSE_MAX, jitter_seed),
        }
    }

    /// The same for a process that makes one call alone, to see whether it is
    /// answered. It is taken from what is kept for others, if anything is, so
    /// nobody has to wait for a minute of which calls may have been made before.
    #[must_use]
    pub fn for_one_call(self) -> Self {
        Self {
            block: 1,
            has_asked: self.minute.reserve() > Some(0),
            ..self
        }
    }

    /// Begins a call, if one may be made now.
    pub fn begin(&mut self, caller: Caller, now: Timestamp) -> Begin {
        self.roll(now);
        if let Some((until, why)) = self.pause(now) {
            return Begin::NotBefore(*until, why.clone());
        }
        // The first seconds of a day are those of a minute, too.
        let settled = later(self.minute.first(), SETTLE_MS);
        if now < settled {
            return Begin::NotBefore(settled, Pause::NoRoom);
        }
        for window in [&self.day, &self.minute] {
            if window.room() == Some(0) {
                return Begin::NotBefore(opens(window), Pause::NoRoom);
            }
        }
        if let Some(window) = self.without_share(caller) {
            return Begin::NotBefore(opens(window), Pause::NoRoom);
        }
        // The first call of a minute goes alone: its answer says what is left
        // by the upstream's clock, and whether it answers at all.
        if !self.is_proved && self.minute.open() > 0 {
            return Begin::NotBefore(later(now, FIRST_CALL_PAUSE_MS), Pause::NoRoom);
        }
        if self.ready == 0 {
            return Begin::SetDown(Counted::All);
        }
        if let Caller::Share(_) = caller {
            if self.shared.ready == 0 {
                return Begin::SetDown(Counted::Shared);
            }
            self.shared.begin();
        }
        self.ready -= 1;
        self.minute.begin();
        self.day.begin();
        Begin::Call(Ticket {
            minute: self.minute.generation(),
            day: self.day.generation(),
        })
    }

    /// The window in which whoever calls has taken the whole share, if there is one.
    fn without_share(&self, caller: Caller) -> Option<&Window> {
        let Caller::Share(share) = caller else {
            return None;
        };
        let used = [
            (&self.day, self.shared.in_day()),
            (&self.minute, self.shared.in_minute),
        ];
        let is_used_up = |(window, used): &(&Window, u64)| {
            let permitted = window.permitted();
            permitted.is_some_and(|permitted| *used >= share.of(permitted))
        };
        used.into_iter().find(is_used_up).map(|(window, _)| window)
    }

    /// How many calls of the day are to be set down, when `known` are: to be
    /// written, and then told to [`set_down`](Self::set_down).
    ///
    /// Nothing, if there may have been a process before this one: it may have made
    /// calls that count in this minute, so the next one has to be waited for. In the
    /// first minute of a day there is always that chance: calls that were begun
    /// before midnight are set down for the day before.
    pub fn to_set_down(
        &mut self,
        counted: Counted,
        day: Day,
        known: u64,
        now: Timestamp,
    ) -> Option<u64> {
        self.roll(now);
        if Day::of(now) != day {
            return None;
        }
        if counted == Counted::Shared {
            self.shared.learn(known);
            return Some(self.shared.in_day() + SHARED_BLOCK);
        }
        self.day.learn(known);
        let is_first = !self.has_asked;
        self.has_asked = true;
        let is_first_minute = self.minute.first() == self.day.first();
        if is_first && (known > 0 || is_first_minute) {
            self.pause_until(now, opens(&self.minute), Pause::NoRoom);
            return None;
        }
        let block = self.day.room().unwrap_or(self.block).min(self.block);
        (block > 0).then(|| self.day.used() + block)
    }

    /// So many calls of the day are set down.
    pub fn set_down(&mut self, counted: Counted, day: Day, calls: u64, now: Timestamp) {
        self.roll(now);
        if Day::of(now) != day {
            return;
        }
        match counted {
            Counted::All => self.ready = calls.saturating_sub(self.day.used()),
            Counted::Shared => self.shared.ready = calls.saturating_sub(self.shared.in_day()),
        }
    }

    /// A call has ended. Tells when the next one may be made, if not at once.
    pub fn end(&mut self, ticket: &Ticket, ended: Ended, now: Timestamp) -> Option<Timestamp> {
        let Ended {
            outcome,
            left,
            retry_after,
        } = ended;
        let asked = later(now, milliseconds(retry_after.unwrap_or_default()));
        self.roll(now);
        if ticket.minute == self.minute.generation() {
            self.is_proved |= !matches!(outcome, Outcome::Failed | Outcome::Abandoned);
        }
        self.minute.end(ticket.minute, left.minute);
        self.day.end(ticket.day, left.day);
        match outcome {
            Outcome::Answered => self.backoff.forget(),
            Outcome::Limited { of_day } => {
                self.backoff.forget();
                let of_day = of_day || left.day.is_some_and(|left| left <= 0);
                let window = if of_day { &self.day } else { &self.minute };
                self.pause_until(now, opens(window).max(asked), Pause::NoRoom);
            }
            Outcome::Refused(detail) => {
                self.pause_until(now, later(now, REFUSED_PAUSE_MS), Pause::Refused(detail));
            }
            // Of calls that fail together, one decides how long to wait.
            Outcome::Failed if self.pause(now).is_none() => {
                let wait = later(now, milliseconds(self.backoff.next_wait()));
                self.pause_until(now, wait.max(asked), Pause::Failed);
            }
            Outcome::Failed | Outcome::Abandoned => {}
        }
        self.pause(now).map(|(until, _)| *until)
    }

    /// How much may be called.
    pub fn status(&mut self, now: Timestamp) -> BudgetStatus {
        self.roll(now);
        let of = |window: &Window| WindowStatus {
            used: window.used(),
            left: window.told_left(),
            reserve: window.reserve(),
            room: window.room(),
            resets_at: window.next(),
        };
        BudgetStatus {
            minute: of(&self.minute),
            day: of(&self.day),
        }
    }

    fn roll(&mut self, now: Timestamp) {
        if self.minute.roll(now) {
            self.is_proved = false;
            self.shared.begin_minute();
        }
        if self.day.roll(now) {
            self.ready = 0;
            self.shared.begin_day();
        }
    }

    fn pause(&self, now: Timestamp) -> Option<&(Timestamp, Pause)> {
        let is_on = |until: &Timestamp| {
            let left_ms = until.as_unix_ms().saturating_sub(now.as_unix_ms());
            (1..=PAUSE_MS_MAX).contains(&left_ms)
        };
        self.pause.as_ref().filter(|(until, _)| is_on(until))
    }

    /// The longer one counts.
    fn pause_until(&mut self, now: Timestamp, until: Timestamp, why: Pause) {
        if self.pause(now).is_none_or(|(other, _)| *other < until) {
            self.pause = Some((until, why));
        }
    }
}

/// When the next window may be called in.
fn opens(window: &Window) -> Timestamp {
    later(window.next(), SETTLE_MS)
}

fn later(now: Timestamp, milliseconds: i64) -> Timestamp {
    let milliseconds = milliseconds.min(PAUSE_MS_MAX);
    Timestamp::from_unix_ms(now.as_unix_ms().saturating_add(milliseconds))
}

fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
