//! What has happened since the start of the process, for metrics.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use health_kit::DurationBuckets;
use identity::{ClientId, EndReason};

/// Steam answers in tenths of a second, and is waited for six.
const STEAM_SECONDS: &[f64] = &[0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.0];

/// Counts what happens.
#[derive(Debug)]
pub struct AuthFigures(Mutex<FigureSnapshot>);

/// How often what has happened since the start of the process.
#[derive(Debug, Clone, PartialEq)]
pub struct FigureSnapshot {
    /// Callbacks, by how they ended and why.
    pub logins: BTreeMap<(LoginResult, &'static str), u64>,
    /// How long Steam's answers took.
    pub steam_seconds: DurationBuckets,
    /// Whether Steam could answer when it was asked last; `None` if it never was.
    pub steam_answers: Option<bool>,
    /// Pairs of tokens that were given, by what for and to whom.
    pub tokens_issued: BTreeMap<(Grant, ClientId), u64>,
    /// Refresh tokens that came again and have ended their session.
    pub refresh_reuse: u64,
    /// Sessions that were ended, by why.
    pub revocations: BTreeMap<&'static str, u64>,
    /// Times at which verifiers were perhaps not told of a session that was ended.
    pub revocations_untold: u64,
    /// Entries of the audit log that could not be set down by themselves.
    pub audit_lost: u64,
}

/// How a callback ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LoginResult {
    /// Somebody came in.
    In,
    /// Somebody did not.
    Refused,
    /// It could not be said whether somebody may.
    Unavailable,
}

/// What tokens are given for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Grant {
    /// A code.
    Code,
    /// A refresh token.
    Refresh,
}

impl LoginResult {
    /// The word for it in metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::In => "in",
            Self::Refused => "refused",
            Self::Unavailable => "unavailable",
        }
    }
}

impl Grant {
    /// As RFC 6749 names it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Code => "authorization_code",
            Self::Refresh => "refresh_token",
        }
    }
}

impl Default for AuthFigures {
    fn default() -> Self {
        Self(Mutex::new(FigureSnapshot {
            logins: BTreeMap::new(),
            steam_seconds: DurationBuckets::new(STEAM_SECONDS),
            steam_answers: None,
            tokens_issued: BTreeMap::new(),
            refresh_reuse: 0,
            revocations: BTreeMap::new(),
            revocations_untold: 0,
            audit_lost: 0,
        }))
    }
}

impl AuthFigures {
    /// All figures, of one moment.
    #[must_use]
    pub fn snapshot(&self) -> FigureSnapshot {
        self.figures().clone()
    }

    pub(crate) fn login(&self, result: LoginResult, reason: &'static str) {
        *self.figures().logins.entry((result, reason)).or_default() += 1;
    }

    pub(crate) fn steam(&self, took: Duration, answers: bool) {
        let mut figures = self.figures();
        figures.steam_seconds.record(took);
        figures.steam_answers = Some(answers);
    }

    pub(crate) fn issued(&self, grant: Grant, client: &ClientId) {
        let mut figures = self.figures();
        *figures
            .tokens_issued
            .entry((grant, client.clone()))
            .or_default() += 1;
    }

    pub(crate) fn ended(&self, reason: EndReason, count: usize) {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        let mut figures = self.figures();
        if reason == EndReason::Reuse {
            figures.refresh_reuse += count;
        }
        *figures.revocations.entry(reason.code()).or_default() += count;
    }

    pub(crate) fn untold(&self) {
        self.figures().revocations_untold += 1;
    }

    pub(crate) fn audit_lost(&self) {
        self.figures().audit_lost += 1;
    }

    fn figures(&self) -> MutexGuard<'_, FigureSnapshot> {
        // Nothing panics between two parts of a change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
