//! The account of every match: received, and what became of it.
//!
//! The figures are counted where things happen, each by itself: frames when
//! they are received, outcomes when a [`Receipt`](crate::Receipt) is settled,
//! and pending where the pending messages are. What vanishes unsettled is a
//! lost match, and shows as an imbalance at the next look.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use health_kit::{Clock, Condition, HealthCheck, HealthReporter, HealthStatus};
use tokio::time::Instant;

use crate::{
    DeadLetterReason, LatencySnapshot, LedgerFigures, Outcome, SourceName, latency::Latencies,
};

/// Keeps account; every answer is one consistent snapshot.
pub struct Ledger {
    /// A `std` mutex: it is held for a few additions and never across an await.
    counts: Mutex<Counts>,
    balance: Condition,
}

struct Counts {
    sources: Vec<SourceFigures>,
    published: u64,
    dead_lettered: [u64; DeadLetterReason::ALL.len()],
    pending: u64,
    latencies: Latencies,
    last_received: Option<Instant>,
}

/// What one feed has delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SourceFigures {
    /// Which feed.
    pub source: SourceName,
    /// Frames read from it.
    pub received: u64,
    /// Of these, matches seen before.
    pub duplicates: u64,
    /// Summaries of it that were published, of new matches and of known ones.
    pub summaries: u64,
    /// What else it gave that tells of no match and is no fault.
    pub passed_over: u64,
    /// When something was last received from it; none if nothing was by this process.
    pub last_received: Option<Instant>,
}

/// All accounts at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct LedgerSnapshot {
    /// The five figures.
    pub figures: LedgerFigures,
    /// Received and duplicates by feed.
    pub sources: Vec<SourceFigures>,
    /// Dead letters by reason, in the order of [`DeadLetterReason::ALL`].
    pub dead_lettered: [u64; DeadLetterReason::ALL.len()],
    /// From receipt to acknowledgement.
    pub latency: LatencySnapshot,
    /// When something was last received.
    pub last_received: Option<Instant>,
}

impl Ledger {
    /// An empty ledger.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            counts: Mutex::new(Counts {
                sources: Vec::new(),
                published: 0,
                dead_lettered: [0; DeadLetterReason::ALL.len()],
                pending: 0,
                latencies: Latencies::new(),
                last_received: None,
            }),
            balance: Condition::new(
                "ledger",
                HealthStatus::Healthy,
                "every received match is accounted for",
                clock,
            ),
        }
    }

    /// Books frames read from `source` at `at`, of which `duplicates` are done
    /// with; all others are pending from here on.
    pub fn book(&self, source: SourceName, received: usize, duplicates: usize, at: Instant) {
        let open = received - duplicates;
        let mut counts = self.lock();
        let figures = counts.source(source);
        figures.received += received as u64;
        figures.duplicates += duplicates as u64;
        if received > 0 {
            figures.last_received = Some(at);
            counts.last_received = Some(at);
        }
        counts.pending += open as u64;
    }

    /// Counts what `source` handed over that is no frame.
    pub(crate) fn pass_over(&self, source: SourceName, count: u64) {
        if count > 0 {
            self.lock().source(source).passed_over += count;
        }
    }

    /// Takes over `count` frames of `source` that an earlier process left pending.
    pub(crate) fn resume(&self, source: SourceName, count: u64) {
        let mut counts = self.lock();
        counts.source(source).received += count;
        counts.pending += count;
    }

    /// Everything, at one moment.
    #[must_use]
    pub fn snapshot(&self) -> LedgerSnapshot {
        let mut counts = self.lock();
        LedgerSnapshot {
            figures: counts.figures(),
            sources: counts.sources.clone(),
            dead_lettered: counts.dead_lettered,
            latency: counts.latencies.snapshot(Instant::now()),
            last_received: counts.last_received,
        }
    }

    /// The five figures, at one moment.
    #[must_use]
    pub fn figures(&self) -> LedgerFigures {
        self.lock().figures()
    }

    /// Takes pending as it was counted where the pending messages are, while
    /// nobody could change it: what is missing there is missing in every
    /// answer from here on.
    pub(crate) fn recount(&self, pending: u64) {
        self.lock().pending = pending;
        self.check();
    }

    /// Checks that the figures add up; an imbalance is logged once and shows in health.
    pub fn check(&self) {
        let figures = self.figures();
        match figures.check() {
            Ok(()) => {
                self.balance.set(
                    HealthStatus::Healthy,
                    "every received match is accounted for",
                );
            }
            Err(broken) => {
                if self
                    .balance
                    .set(HealthStatus::Unhealthy, broken.to_string())
                {
                    tracing::error!(?figures, "the ledger is out of balance: {broken}");
                }
            }
        }
    }

    /// Books what has become by now of a pending frame received at `received_at`.
    pub(crate) fn settle(&self, received_at: Instant, outcome: Outcome, now: Instant) {
        let mut counts = self.lock();
        counts.pending -= 1;
        match outcome {
            Outcome::Published => {
                counts.published += 1;
                counts.latencies.record(received_at, now);
            }
            Outcome::DeadLettered(reason) => counts.dead_lettered[reason.index()] += 1,
        }
    }

    /// Books a summary of `source`, received at `received_at`, that is published by now:
    /// with its match, or else of a match that was seen before.
    pub(crate) fn settle_summary(
        &self,
        source: SourceName,
        received_at: Instant,
        is_match: bool,
        now: Instant,
    ) {
        let mut counts = self.lock();
        counts.pending -= 1;
        counts.latencies.record(received_at, now);
        let figures = counts.source(source);
        figures.summaries += 1;
        if is_match {
            counts.published += 1;
        } else {
            figures.duplicates += 1;
        }
    }

    /// Books a pending match that an earlier process has published already.
    pub(crate) fn found_published(&self) {
        let mut counts = self.lock();
        counts.pending -= 1;
        counts.published += 1;
    }

    /// Books a pending match of `source` that turns out to have been seen before.
    pub(crate) fn found_duplicate(&self, source: SourceName) {
        let mut counts = self.lock();
        counts.pending -= 1;
        counts.source(source).duplicates += 1;
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        // A panic amid the additions would show as an imbalance, which is its purpose.
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HealthReporter for Ledger {
    fn checks(&self) -> Vec<HealthCheck> {
        self.check();
        vec![self.balance.check()]
    }
}

impl Counts {
    fn source(&mut self, source: SourceName) -> &mut SourceFigures {
        let known = self.sources.iter().position(|row| row.source == source);
        let index = known.unwrap_or_else(|| {
            self.sources.push(SourceFigures {
                source,
                received: 0,
                duplicates: 0,
                summaries: 0,
                passed_over: 0,
                last_received: None,
            });
            self.sources.len() - 1
        });
        &mut self.sources[index]
    }

    fn figures(&self) -> LedgerFigures {
        LedgerFigures {
            received: self.sources.iter().map(|row| row.received).sum(),
            published: self.published,
            duplicates: self.sources.iter().map(|row| row.duplicates).sum(),
            dead_lettered: self.dead_lettered.iter().sum(),
            pending: self.pending,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use health_kit::SystemClock;

    const FEED: SourceName = SourceName::new("feed");

    fn ledger() -> Ledger {
        Ledger::new(Arc::new(SystemClock))
    }

    #[tokio::test]
    async fn every_outcome_is_booked_once_and_the_figures_add_up() {
        let (ledger, at) = (ledger(), Instant::now());
        ledger.book(FEED, 5, 1, at);
        ledger.resume(FEED, 2);
        ledger.settle(at, Outcome::Published, at);
        ledger.settle(at, Outcome::DeadLettered(DeadLetterReason::NotJson), at);
        ledger.found_published();
        ledger.found_duplicate(FEED);
        let expected = LedgerFigures {
            received: 7,
            published: 2,
            duplicates: 2,
            dead_lettered: 1,
            pending: 2,
        };
        assert_eq!(ledger.figures(), expected);
        assert_eq!(expected.check(), Ok(()));
        let measured = ledger.snapshot().latency.all.count();
        assert_eq!(
            measured, 1,
            "nobody knows when an earlier process published"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn the_latency_of_a_match_is_that_from_its_receipt() {
        let ledger = ledger();
        let received_at = Instant::now();
        ledger.book(FEED, 1, 0, received_at);
        tokio::time::advance(std::time::Duration::from_millis(20)).await;
        ledger.settle(received_at, Outcome::Published, Instant::now());
        let latency = ledger.snapshot().latency;
        let p50_ms = latency.p50.expect("one was published").as_millis();
        assert!((19..=21).contains(&p50_ms), "{p50_ms} ms");
    }

    #[tokio::test]
    async fn what_is_pending_nowhere_is_reported_as_a_loss() {
        let ledger = ledger();
        ledger.book(FEED, 1, 0, Instant::now());
        assert_eq!(ledger.checks()[0].status, HealthStatus::Healthy);
        ledger.recount(0);
        let check = &ledger.checks()[0];
        assert_eq!(check.status, HealthStatus::Unhealthy);
        assert!(check.reason.contains("received 1"), "{}", check.reason);
    }
}
