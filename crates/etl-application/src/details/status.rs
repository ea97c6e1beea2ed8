//! How asking for details goes, for people and metrics.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use health_kit::{Clock, Condition, HealthCheck, HealthReporter, HealthStatus};

use crate::ports::{CallBudget, MatchDetails, WishCounts};

macro_rules! outcomes {
    ($($(#[doc = $doc:literal])+ $variant:ident = $word:literal,)+) => {
        /// What a call came to.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum CallOutcome {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl CallOutcome {
            /// Every one of them, in the order of this list.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The word in metrics.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }
    };
}

outcomes! {
    /// What was wished for.
    Fetched = "fetched",
    /// The match, and not all that was wished for: it is asked for again.
    Partial = "partial",
    /// The upstream does not know the match.
    NotFound = "not_found",
    /// It answered, and not with this match.
    Wrong = "wrong",
    /// Nothing usable came.
    Unavailable = "unavailable",
    /// It takes no calls of ours.
    Refused = "refused",
}

/// What has become of wishes and calls.
pub struct DetailStatus {
    upstream: &'static str,
    details: Option<Arc<dyn MatchDetails>>,
    condition: Condition,
    figures: Mutex<Figures>,
}

#[derive(Default)]
struct Figures {
    wishes: WishCounts,
    calls: BTreeMap<CallOutcome, u64>,
}

/// Figures of wishes and calls.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DetailFigures {
    /// Who is asked.
    pub upstream: &'static str,
    /// The wishes, of one moment, as the warehouse had them when it was asked last.
    pub wishes: WishCounts,
    /// Calls since the start of the process, by what they came to.
    pub calls: BTreeMap<CallOutcome, u64>,
    /// What may be asked for; none if nobody is asked.
    pub budget: Option<CallBudget>,
}

impl DetailStatus {
    pub(super) fn new(
        upstream: &'static str,
        details: Option<Arc<dyn MatchDetails>>,
        clock: &Arc<dyn Clock>,
    ) -> Self {
        let reason = match details {
            Some(_) => "nothing has been asked for yet",
            None => NOBODY_IS_ASKED,
        };
        Self {
            upstream,
            details,
            condition: Condition::new("details", HealthStatus::Healthy, reason, Arc::clone(clock)),
            figures: Mutex::default(),
        }
    }

    /// What is known now.
    #[must_use]
    pub fn figures(&self) -> DetailFigures {
        let budget = self.details.as_ref().map(|details| details.budget());
        let figures = self.lock();
        DetailFigures {
            upstream: self.upstream,
            wishes: figures.wishes.clone(),
            calls: figures.calls.clone(),
            budget,
        }
    }

    pub(super) fn counted(&self, wishes: WishCounts) {
        self.lock().wishes = wishes;
    }

    pub(super) fn called(&self, outcome: CallOutcome) {
        *self.lock().calls.entry(outcome).or_default() += 1;
    }

    pub(super) fn answers(&self) {
        if self
            .condition
            .set(HealthStatus::Healthy, "the upstream answers")
        {
            tracing::info!("the upstream of details answers");
        }
    }

    pub(super) fn silent(&self, why: &str) {
        if self.condition.set(HealthStatus::Degraded, why) {
            tracing::warn!(why, "details are asked for again after a pause");
        }
    }

    pub(super) fn refused(&self, why: &str) {
        let reason = format!("{why}; OPENDOTA_API_KEY says whose calls they are");
        if self.condition.set(HealthStatus::Unhealthy, reason) {
            tracing::error!(why, "the upstream of details refuses our calls");
        }
    }

    fn lock(&self) -> MutexGuard<'_, Figures> {
        // Figures are whole after each step.
        self.figures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const NOBODY_IS_ASKED: &str = "nobody is asked: DETAILS_FOR=none";

impl HealthReporter for DetailStatus {
    fn checks(&self) -> Vec<HealthCheck> {
        vec![self.condition.check()]
    }
}
