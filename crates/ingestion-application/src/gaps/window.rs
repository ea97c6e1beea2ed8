//! One window, and what is known of closing it.

use std::time::Duration;

use domain::{MatchId, Timestamp};

use super::gap::{Gap, GapCause, GapState, Loss};
use crate::SourceName;

/// A pace is known when so much of a window was done in view of this process.
const PACE_MIN: f64 = 0.001;

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Window {
    /// A window that has grown is another one: what was done of it no longer counts.
    pub(super) id: u64,
    pub(super) source: SourceName,
    pub(super) from: Timestamp,
    pub(super) to: Option<Timestamp>,
    pub(super) cause: GapCause,
    pub(super) interruptions: u32,
    pub(super) fate: Fate,
    /// Where a walk through it has come to.
    pub(super) place: Option<MatchId>,
    /// How much of it is done, from 0 to 1.
    pub(super) progress: f64,
    /// Since when that is followed, and where it was then.
    pub(super) followed: Option<(Timestamp, f64)>,
    /// How far behind the time the feed is that closes it by itself.
    pub(super) behind: Option<Duration>,
}

/// What becomes of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// Open, as long as it has no end; then waiting for whoever closes it, or being closed.
    Pending,
    Closed {
        at: Timestamp,
        by: SourceName,
    },
    Lost(Loss),
}

impl Window {
    pub(super) fn new(id: u64, source: SourceName, from: Timestamp, cause: GapCause) -> Self {
        Self {
            id,
            source,
            from,
            to: None,
            cause,
            interruptions: 1,
            fate: Fate::Pending,
            place: None,
            progress: 0.0,
            followed: None,
            behind: None,
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.fate == Fate::Pending && self.to.is_none()
    }

    /// Its end, if it is to be closed.
    pub(super) fn to_close(&self) -> Option<Timestamp> {
        self.to.filter(|_| self.fate == Fate::Pending)
    }

    pub(super) fn is_lost(&self) -> bool {
        matches!(self.fate, Fate::Lost(_))
    }

    pub(super) fn state(&self) -> GapState {
        match self.fate {
            Fate::Pending if self.to.is_none() => GapState::Open,
            Fate::Pending => GapState::Repairing,
            Fate::Closed { .. } => GapState::Closed,
            Fate::Lost(_) => GapState::Lost,
        }
    }

    /// So much is done; it never becomes less.
    pub(super) fn advance(&mut self, progress: f64, now: Timestamp) {
        self.progress = self.progress.max(progress.clamp(0.0, 1.0));
        self.followed.get_or_insert((now, self.progress));
    }

    /// Takes in `other`, of the same feed and the same kind of fate: a window over both.
    pub(super) fn absorb(&mut self, other: &Self, id: u64) {
        let share = f64::from(self.interruptions) * self.progress
            + f64::from(other.interruptions) * other.progress;
        self.interruptions = self.interruptions.saturating_add(other.interruptions);
        self.from = self.from.min(other.from);
        self.to = self.to.zip(other.to).map(|(one, two)| one.max(two));
        self.id = id;
        self.place = None;
        self.followed = None;
        self.behind = None;
        // A window that is to be walked through is walked through anew.
        self.progress = if self.is_lost() {
            (share / f64::from(self.interruptions)).min(1.0)
        } else {
            0.0
        };
    }

    /// As it is shown; `closer` is whoever would close it.
    pub(super) fn shown(&self, closer: Option<SourceName>, now: Timestamp) -> Gap {
        Gap {
            source: self.source,
            from: self.from,
            to: self.to,
            cause: self.cause,
            state: self.state(),
            progress: self.progress,
            expected_end: self.expected_end(now),
            interruptions: self.interruptions,
            detail: self.detail(closer),
        }
    }

    fn detail(&self, closer: Option<SourceName>) -> String {
        match (self.fate, closer) {
            (Fate::Lost(loss), _) => loss.words().to_owned(),
            (Fate::Closed { by, .. }, _) => format!("closed by {by}"),
            (Fate::Pending, None) => Loss::NobodyLooksBack.words().to_owned(),
            (Fate::Pending, Some(by)) if self.to.is_none() => {
                format!("{by} closes it once its end is known")
            }
            (Fate::Pending, Some(by)) => format!("{by} closes it"),
        }
    }

    /// When it will be closed, by the pace so far.
    fn expected_end(&self, now: Timestamp) -> Option<Timestamp> {
        let to = self.to_close()?;
        if let Some(behind) = self.behind {
            return Some(moved(to, behind).max(now));
        }
        let (since, done_before) = self.followed?;
        let (done, took) = (self.progress - done_before, between(since, now));
        if done < PACE_MIN || took.is_zero() {
            return None;
        }
        let left = took.mul_f64(((1.0 - self.progress) / done).min(1e6));
        Some(moved(now, left))
    }
}

/// From one time to a later one; nothing if it is none.
pub(super) fn between(from: Timestamp, to: Timestamp) -> Duration {
    let ms = to.as_unix_ms().saturating_sub(from.as_unix_ms());
    Duration::from_millis(u64::try_from(ms).unwrap_or(0))
}

pub(super) fn moved(at: Timestamp, by: Duration) -> Timestamp {
    let by_ms = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
    Timestamp::from_unix_ms(at.as_unix_ms().saturating_add(by_ms))
}
