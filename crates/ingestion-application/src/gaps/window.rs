//! One window, and what is known of closing it.

use std::time::Duration;

use domain::Timestamp;

use super::gap::{Gap, GapCause, GapState, Loss};
use crate::SourceName;

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Window {
    pub(super) id: u64,
    pub(super) source: SourceName,
    pub(super) from: Timestamp,
    pub(super) to: Option<Timestamp>,
    pub(super) cause: GapCause,
    pub(super) interruptions: u32,
    pub(super) fate: Fate,
    /// How much of it is done, from 0 to 1.
    pub(super) progress: f64,
    /// How far behind the time the feed is that closes it.
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
            progress: 0.0,
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

    /// Takes in `other`, of the same feed and the same kind of fate: a window over both.
    pub(super) fn absorb(&mut self, other: &Self) {
        let share = f64::from(self.interruptions) * self.progress
            + f64::from(other.interruptions) * other.progress;
        self.interruptions = self.interruptions.saturating_add(other.interruptions);
        self.from = self.from.min(other.from);
        self.to = self.to.zip(other.to).map(|(one, two)| one.max(two));
        // Whoever closes it says soon how much of the whole is done.
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

    /// When it will be closed, if the feed that does it stays as far behind.
    fn expected_end(&self, now: Timestamp) -> Option<Timestamp> {
        Some(self.to_close()?.saturating_add(self.behind?).max(now))
    }
}
