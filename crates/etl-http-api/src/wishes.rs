//! Wishes for details, and what may still be asked for, as JSON.

use std::collections::BTreeMap;

use etl_application::{
    CallOutcome, DetailFigures,
    ports::{CallBudget, CallWindow, Wish, WishState},
};
use http_kit::rfc3339;
use serde::Serialize;
use utoipa::ToSchema;

/// wanted = fetched + `given_up` + waiting, in every answer: all counted by the
/// warehouse at one moment, which may be a minute ago.
#[derive(Serialize, ToSchema)]
pub(crate) struct WishesAnswer {
    /// Wishes that were ever made.
    wanted: u64,
    /// What was wished for is there.
    fetched: u64,
    /// Nobody has it or tells it, or there was no room to wait.
    given_up: u64,
    /// Neither yet.
    waiting: u64,
    /// When they were counted; null before the first time.
    #[schema(required = true, format = DateTime)]
    counted_at: Option<String>,
    /// The same by the reason of the wish; reasons without a wish are absent.
    reasons: BTreeMap<&'static str, ReasonAnswer>,
}

/// Wishes of one reason.
#[derive(Serialize, ToSchema)]
pub(crate) struct ReasonAnswer {
    /// What was wished for is there.
    fetched: u64,
    /// Nobody has it or tells it, or there was no room to wait.
    given_up: u64,
    /// Neither yet.
    waiting: u64,
}

/// What may be asked of the upstream of details.
#[derive(Serialize, ToSchema)]
pub(crate) struct BudgetAnswer {
    /// Who is asked.
    upstream: &'static str,
    /// Calls since the start of the process, by what they came to.
    calls: BTreeMap<&'static str, u64>,
    /// Of this minute.
    minute: WindowAnswer,
    /// Of this day, in UTC.
    day: WindowAnswer,
}

/// The calls of a window of time.
#[derive(Serialize, ToSchema)]
pub(crate) struct WindowAnswer {
    /// How many were made in it.
    used: u64,
    /// How many it still permits, the reserve among them; null if it is not known.
    #[schema(required = true)]
    left: Option<u64>,
    /// How many of them are kept for others on this address; null if it is not known.
    #[schema(required = true)]
    reserve: Option<u64>,
    /// When it begins anew; null if it is not known.
    #[schema(required = true, format = DateTime)]
    resets_at: Option<String>,
}

/// The wish for details of a match.
#[derive(Serialize, ToSchema)]
pub(crate) struct WishAnswer {
    /// Why they are wanted.
    reason: &'static str,
    /// What became of it: `waiting`, `fetched` or `given_up`.
    state: &'static str,
    /// How often they were asked for and answered.
    attempts: u8,
    /// When it is its turn; absent if it is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    next_try: Option<String>,
}

impl From<&DetailFigures> for WishesAnswer {
    fn from(figures: &DetailFigures) -> Self {
        let counts = &figures.wishes;
        let reasons = counts.reasons().into_iter().map(|reason| {
            let answer = ReasonAnswer {
                fetched: counts.of(reason, WishState::Fetched),
                given_up: counts.of(reason, WishState::GivenUp),
                waiting: counts.of(reason, WishState::Waiting),
            };
            (reason.as_str(), answer)
        });
        Self {
            wanted: counts.wanted(),
            fetched: counts.of_state(WishState::Fetched),
            given_up: counts.of_state(WishState::GivenUp),
            waiting: counts.of_state(WishState::Waiting),
            counted_at: (figures.counted_at).map(|at| rfc3339(at.as_unix_ms())),
            reasons: reasons.collect(),
        }
    }
}

impl BudgetAnswer {
    /// None if nobody is asked.
    pub(crate) fn of(figures: &DetailFigures) -> Option<Self> {
        let CallBudget { minute, day } = figures.budget.clone()?;
        let calls = CallOutcome::ALL.iter().map(|outcome| {
            let count = figures.calls.get(outcome).copied().unwrap_or_default();
            (outcome.as_str(), count)
        });
        Some(Self {
            upstream: figures.upstream,
            calls: calls.collect(),
            minute: minute.into(),
            day: day.into(),
        })
    }
}

impl From<CallWindow> for WindowAnswer {
    fn from(window: CallWindow) -> Self {
        Self {
            used: window.used,
            left: window.left,
            reserve: window.reserve,
            resets_at: window.resets_at.map(|at| rfc3339(at.as_unix_ms())),
        }
    }
}

impl From<Wish> for WishAnswer {
    fn from(wish: Wish) -> Self {
        let is_waiting = wish.state == WishState::Waiting;
        Self {
            reason: wish.reason.as_str(),
            state: wish.state.as_str(),
            attempts: wish.attempts,
            next_try: is_waiting.then(|| rfc3339(wish.next_try.as_unix_ms())),
        }
    }
}
