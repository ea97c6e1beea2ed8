//! Answers to the warehouse, however long that takes.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use domain::Day;
use tokio::time::Instant;

use crate::ports::{FactStore, STORE_PAUSE_MAX, STORE_PAUSE_MIN, StoreError};
use crate::{Answer, LoadStatus};

/// Stores answers and marks their days: the one way in which facts are loaded,
/// whoever brings them.
pub(crate) struct Storing {
    pub(crate) facts: Arc<dyn FactStore>,
    pub(crate) status: Arc<LoadStatus>,
    pub(crate) widening: Widening,
    /// Whether it tells how fresh matches are that it stores.
    is_live: bool,
}

/// What became of answers.
#[derive(Debug, Default)]
pub(crate) struct Stored {
    /// Those that the warehouse refuses: the place of each, and why.
    pub(crate) refused: Vec<(usize, String)>,
    /// How long the warehouse worked for them; attempts that failed and the
    /// pauses between them do not count.
    pub(crate) took: Duration,
}

/// How much longer than set a batch is waited for, since the warehouse asked
/// for fewer and larger inserts.
#[derive(Debug, Default)]
pub(crate) struct Widening(AtomicU32);

/// The longest wait for a batch, however often the warehouse asks.
const WAIT_MAX: Duration = Duration::from_secs(30);

impl Widening {
    /// The wait for a batch, `wait` being what is set.
    pub(crate) fn widen(&self, wait: Duration) -> Duration {
        let doublings = self.0.load(Ordering::Relaxed);
        let widened = wait.saturating_mul(1 << doublings.min(16));
        widened.min(WAIT_MAX.max(wait))
    }

    pub(crate) fn narrower(&self) {
        let doublings = self.0.load(Ordering::Relaxed);
        self.0.store(doublings.saturating_sub(1), Ordering::Relaxed);
    }

    fn wider(&self) {
        let doublings = self.0.load(Ordering::Relaxed);
        self.0
            .store(doublings.saturating_add(1).min(16), Ordering::Relaxed);
    }
}

impl Storing {
    pub(crate) fn new(facts: Arc<dyn FactStore>, status: Arc<LoadStatus>) -> Self {
        Self {
            facts,
            status,
            widening: Widening::default(),
            is_live: true,
        }
    }

    /// For matches whose age says nothing of how loading is.
    pub(crate) fn of_the_past(facts: Arc<dyn FactStore>, status: Arc<LoadStatus>) -> Self {
        Self {
            is_live: false,
            ..Self::new(facts, status)
        }
    }

    /// Stores what the warehouse takes, what it refuses being found by halving,
    /// and marks the days that this touches. Tries until it is done.
    pub(crate) async fn store(&self, answers: &[Answer]) -> Stored {
        let mut days = BTreeSet::new();
        let mut stored = Stored::default();
        let mut parts = Vec::new();
        parts.push(0..answers.len());
        while let Some(part) = parts.pop() {
            if part.is_empty() {
                continue;
            }
            match self
                .store_part(&answers[part.clone()], &mut stored.took)
                .await
            {
                Ok(touched) => days.extend(touched),
                Err(detail) if part.len() == 1 => stored.refused.push((part.start, detail)),
                Err(_) => {
                    let middle = part.start + part.len() / 2;
                    parts.push(middle..part.end);
                    parts.push(part.start..middle);
                }
            }
        }
        if !days.is_empty() {
            stored.took += self.until_done(|| self.facts.mark_dirty(&days)).await;
        }
        stored
    }

    /// The days touched, or why the content is refused.
    async fn store_part(
        &self,
        answers: &[Answer],
        took: &mut Duration,
    ) -> Result<BTreeSet<Day>, String> {
        let mut attempts = Attempts::new(self);
        loop {
            let begun = Instant::now();
            match self.facts.store(answers).await {
                Ok(days) => {
                    *took += begun.elapsed();
                    attempts.succeeded();
                    self.status.loaded(answers, self.is_live);
                    return Ok(days);
                }
                Err(StoreError::Refused { detail }) => return Err(detail),
                Err(error) => attempts.failed(&error).await,
            }
        }
    }

    /// Does what is never refused for its content, until it is done; how long
    /// the attempt took that did it.
    pub(crate) async fn until_done<F>(&self, work: impl Fn() -> F) -> Duration
    where
        F: Future<Output = Result<(), StoreError>>,
    {
        let mut attempts = Attempts::new(self);
        loop {
            let begun = Instant::now();
            match work().await {
                Ok(()) => {
                    attempts.succeeded();
                    return begun.elapsed();
                }
                Err(error) => attempts.failed(&error).await,
            }
        }
    }
}

/// Attempts at one thing, with pauses in between that grow.
struct Attempts<'a> {
    storing: &'a Storing,
    pause: Duration,
}

impl<'a> Attempts<'a> {
    fn new(storing: &'a Storing) -> Self {
        Self {
            storing,
            pause: STORE_PAUSE_MIN,
        }
    }

    fn succeeded(&self) {
        self.storing.status.stored();
    }

    /// Notes why, and waits until it is time for the next one.
    async fn failed(&mut self, error: &StoreError) {
        if matches!(error, StoreError::TooManyParts { .. }) {
            self.storing.widening.wider();
        }
        self.storing.status.failed(error);
        tokio::time::sleep(self.pause).await;
        self.pause = (self.pause * 2).min(STORE_PAUSE_MAX);
    }
}
