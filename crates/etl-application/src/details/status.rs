//! How asking for details goes, for people and metrics.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::Timestamp;
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

/// What is looked after between calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    /// What became known ends without a call.
    Known,
    /// Whose turn it is.
    Line,
    /// How many there are.
    Counts,
    /// For whom there is no room.
    Surplus,
}

impl Part {
    /// What is not done when it fails.
    const fn fault(self) -> &'static str {
        match self {
            Self::Known => "wishes for what became known do not end",
            Self::Line => "no wish has its turn",
            Self::Counts => "wishes are not counted",
            Self::Surplus => "wishes for which there is no room do not end",
        }
    }
}

/// Who counts calls to an upstream by what they came to.
pub trait CallCounter: Send + Sync {
    /// A call has come to this.
    fn called(&self, outcome: CallOutcome);
}

/// What has become of wishes and calls.
pub struct DetailStatus {
    upstream: &'static str,
    details: Option<Arc<dyn MatchDetails>>,
    condition: Condition,
    figures: Mutex<Figures>,
}

struct Figures {
    wishes: WishCounts,
    counted_at: Option<Timestamp>,
    calls: BTreeMap<CallOutcome, u64>,
    /// How the upstream is, or why that is not known yet.
    upstream: (HealthStatus, String),
    has_talked: bool,
    /// What cannot be done, and why.
    faults: BTreeMap<Part, String>,
}

/// Figures of wishes and calls.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DetailFigures {
    /// Who is asked.
    pub upstream: &'static str,
    /// The wishes, of one moment, as the warehouse had them when it was asked last.
    pub wishes: WishCounts,
    /// When that was; none before the first time.
    pub counted_at: Option<Timestamp>,
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
        let is_well = HealthStatus::Healthy;
        Self {
            upstream,
            details,
            condition: Condition::new("details", is_well, reason, Arc::clone(clock)),
            figures: Mutex::new(Figures {
                wishes: WishCounts::default(),
                counted_at: None,
                calls: BTreeMap::new(),
                upstream: (is_well, reason.to_owned()),
                has_talked: false,
                faults: BTreeMap::new(),
            }),
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
            counted_at: figures.counted_at,
            calls: figures.calls.clone(),
            budget,
        }
    }

    pub(super) fn counted(&self, wishes: WishCounts, at: Timestamp) {
        let mut figures = self.lock();
        (figures.wishes, figures.counted_at) = (wishes, Some(at));
    }

    /// Whether one part of looking after wishes could be done.
    pub(super) fn looked(&self, part: Part, done: Result<(), String>) {
        let mut figures = self.lock();
        match done {
            Ok(()) if figures.faults.remove(&part).is_none() => return,
            Ok(()) => tracing::info!(part = ?part, "wishes are looked after again"),
            Err(why) => {
                let before = figures.faults.insert(part, why.clone());
                if before.is_none() {
                    tracing::warn!(why, "{}", part.fault());
                }
            }
        }
        self.judge(&figures);
    }

    pub(super) fn answers(&self) {
        if self.talked(HealthStatus::Healthy, "the upstream answers".to_owned()) {
            tracing::info!("the upstream of details answers");
        }
    }

    pub(super) fn silent(&self, why: &str) {
        if self.talked(HealthStatus::Degraded, why.to_owned()) {
            tracing::warn!(why, "details are asked for again after a pause");
        }
    }

    pub(super) fn refused(&self, why: &str) {
        let reason = format!("{why}; OPENDOTA_API_KEY says whose calls they are");
        if self.talked(HealthStatus::Unhealthy, reason) {
            tracing::error!(why, "the upstream of details refuses our calls");
        }
    }

    /// Whether the upstream is otherwise than before.
    fn talked(&self, status: HealthStatus, reason: String) -> bool {
        let mut figures = self.lock();
        let is_first = !std::mem::replace(&mut figures.has_talked, true);
        let before = std::mem::replace(&mut figures.upstream, (status, reason));
        self.judge(&figures);
        is_first || before.0 != status
    }

    /// The whole condition, from that of the upstream and of what is done here.
    fn judge(&self, figures: &Figures) {
        let (mut status, upstream) = figures.upstream.clone();
        let faults = figures.faults.iter();
        let faults = faults.map(|(part, why)| {
            // Whoever has no turn is never asked for; the rest is untidy.
            let own = match part {
                Part::Line => HealthStatus::Unhealthy,
                _ => HealthStatus::Degraded,
            };
            status = status.max(own);
            format!("{}: {why}", part.fault())
        });
        let mut reasons: Vec<_> = faults.collect();
        if reasons.is_empty() || figures.upstream.0 != HealthStatus::Healthy {
            reasons.push(upstream);
        }
        self.condition.set(status, reasons.join("; "));
    }

    fn lock(&self) -> MutexGuard<'_, Figures> {
        // Figures are whole after each step.
        self.figures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CallCounter for DetailStatus {
    fn called(&self, outcome: CallOutcome) {
        *self.lock().calls.entry(outcome).or_default() += 1;
    }
}

const NOBODY_IS_ASKED: &str = "nobody is asked: DETAILS_FOR=none";

impl HealthReporter for DetailStatus {
    fn checks(&self) -> Vec<HealthCheck> {
        vec![self.condition.check()]
    }
}
