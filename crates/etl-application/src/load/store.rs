//! One batch to the warehouse, however long that takes.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use domain::{Day, MatchId};

use super::batch::Batch;
use super::status::LoadStatus;
use crate::ports::{
    DeadLetterSink, FactStore, STORE_PAUSE_MAX, STORE_PAUSE_MIN, StoreError, WishStore,
};
use crate::{Answer, DeadLetterReason, Ledger, Record};

/// What a batch needs to be stored.
pub(super) struct Storing {
    pub(super) facts: Arc<dyn FactStore>,
    pub(super) wishes: Arc<dyn WishStore>,
    pub(super) dead_letters: Arc<dyn DeadLetterSink>,
    pub(super) ledger: Arc<Ledger>,
    pub(super) status: Arc<LoadStatus>,
    pub(super) widening: Widening,
}

/// How much longer than set a batch is waited for, since the warehouse asked
/// for fewer and larger inserts.
#[derive(Debug, Default)]
pub(super) struct Widening(AtomicU32);

/// The longest wait for a batch, however often the warehouse asks.
const WAIT_MAX: Duration = Duration::from_secs(30);

impl Widening {
    /// The wait for a batch, `wait` being what is set.
    pub(super) fn widen(&self, wait: Duration) -> Duration {
        let doublings = self.0.load(Ordering::Relaxed);
        let widened = wait.saturating_mul(1 << doublings.min(16));
        widened.min(WAIT_MAX.max(wait))
    }

    fn wider(&self) {
        let doublings = self.0.load(Ordering::Relaxed);
        self.0
            .store(doublings.saturating_add(1).min(16), Ordering::Relaxed);
    }

    fn narrower(&self) {
        let doublings = self.0.load(Ordering::Relaxed);
        self.0.store(doublings.saturating_sub(1), Ordering::Relaxed);
    }
}

impl Storing {
    /// Stores a batch: what is invalid is set aside, the rest is stored, and the
    /// days it touches are marked. Then, and only then, its positions may be committed.
    pub(super) async fn store(&self, batch: Batch) {
        let ids: Vec<_> = batch.ids.iter().map(|(id, _)| *id).collect();
        self.wish(&ids).await;
        let counts = batch.counts();
        let refused = self.store_answers(batch.answers).await;
        for (topic, count) in counts {
            let refused = refused.iter().filter(|one| one.0.from.topic == topic);
            self.ledger.load(&topic, count - refused.count() as u64);
        }
        for (record, detail) in refused {
            self.set_aside(&record, DeadLetterReason::RefusedByWarehouse, &detail)
                .await;
        }
        // Last: their neighbours do not wait for the topic of dead letters.
        for (record, reason, detail) in &batch.invalid {
            self.set_aside(record, *reason, detail).await;
        }
        self.widening.narrower();
    }

    /// Stores what the warehouse takes; what it refuses, found by halving, comes back.
    async fn store_answers(&self, answers: Vec<(Answer, Record)>) -> Vec<(Record, String)> {
        let (answers, records): (Vec<_>, Vec<_>) = answers.into_iter().unzip();
        let mut days = BTreeSet::new();
        let mut refused = Vec::new();
        let mut parts = Vec::new();
        parts.push(0..answers.len());
        while let Some(part) = parts.pop() {
            if part.is_empty() {
                continue;
            }
            match self.store_part(&answers[part.clone()]).await {
                Ok(touched) => days.extend(touched),
                Err(detail) if part.len() == 1 => {
                    refused.push((records[part.start].clone(), detail));
                }
                Err(_) => {
                    let middle = part.start + part.len() / 2;
                    parts.push(middle..part.end);
                    parts.push(part.start..middle);
                }
            }
        }
        self.mark(&days).await;
        refused
    }

    /// The days touched, or why the content is refused.
    async fn store_part(&self, answers: &[Answer]) -> Result<BTreeSet<Day>, String> {
        let mut attempts = Attempts::new(self);
        loop {
            match self.facts.store(answers).await {
                Ok(days) => {
                    attempts.succeeded();
                    self.status.loaded(answers);
                    return Ok(days);
                }
                Err(StoreError::Refused { detail }) => return Err(detail),
                Err(error) => attempts.failed(&error).await,
            }
        }
    }

    async fn wish(&self, ids: &[MatchId]) {
        let mut attempts = Attempts::new(self);
        while !ids.is_empty() {
            match self.wishes.wish(ids).await {
                Ok(()) => return attempts.succeeded(),
                Err(error) => attempts.failed(&error).await,
            }
        }
    }

    async fn mark(&self, days: &BTreeSet<Day>) {
        let mut attempts = Attempts::new(self);
        while !days.is_empty() {
            match self.facts.mark_dirty(days).await {
                Ok(()) => return attempts.succeeded(),
                Err(error) => attempts.failed(&error).await,
            }
        }
    }

    async fn set_aside(&self, record: &Record, reason: DeadLetterReason, detail: &str) {
        self.dead_letters.set_aside(record, reason, detail).await;
        self.ledger.dead_letter(record, reason);
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
