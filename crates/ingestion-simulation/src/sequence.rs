//! An upstream that is asked for what comes after a place, and its feed.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use domain::{MatchId, MatchSummary, Timestamp};
use ingestion_application::{
    Checkpoint, SourceName,
    ports::{DisconnectReason, Disconnection, FeedEvent, FeedReader, ReceivedBatch},
};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use tokio::time::sleep;

use crate::{
    Bug,
    brokers::Brokers,
    clock::{SimulatedClock, elapsed_ms},
};

/// The name of the feed.
pub(crate) const SOURCE: SourceName = SourceName::new("sequence");
/// A match ends every so many milliseconds.
const MATCH_EVERY_MS: u64 = 150;
/// Above those of the other feed.
const FIRST_ID: u64 = 1_000_000;
const PAGE: u64 = 8;
/// How long an answer takes.
const ANSWER_TIME: Duration = Duration::from_millis(80);
/// After a page that was not full.
const PAUSE: Duration = Duration::from_secs(1);
/// Of a hundred calls, so many fail.
const FAILED_PERCENT: u32 = 10;

/// How many matches have ended until then.
pub(crate) fn ended(at_ms: u64) -> u64 {
    at_ms / MATCH_EVERY_MS
}

/// The match at this place.
pub(crate) fn id_at(place: u64) -> MatchId {
    let raw = i64::try_from(FIRST_ID + place).expect("a run is short");
    MatchId::try_new(raw).expect("it is positive")
}

/// Asks for one page after the other.
pub(crate) struct SequenceFeed {
    pub(crate) brokers: Arc<Brokers>,
    pub(crate) bug: Option<Bug>,
    /// The upstream ends there.
    ends_at_ms: u64,
    rng: StdRng,
    next: u64,
    /// Whether there may be more at once.
    is_behind: bool,
}

impl SequenceFeed {
    pub(crate) fn new(brokers: Arc<Brokers>, bug: Option<Bug>, ends_at_ms: u64, seed: u64) -> Self {
        Self {
            brokers,
            bug,
            ends_at_ms,
            rng: StdRng::seed_from_u64(seed),
            next: 0,
            is_behind: true,
        }
    }

    fn page(&mut self) -> Option<ReceivedBatch> {
        let end = ended(elapsed_ms().min(self.ends_at_ms)).min(self.next + PAGE);
        let is_full = end == self.next + PAGE;
        self.is_behind = is_full;
        if end <= self.next {
            return None;
        }
        let summary = |place: u64| MatchSummary {
            match_seq_num: Some(place),
            ..MatchSummary::new(id_at(place), Timestamp::from_unix_seconds(1_742_744_300))
        };
        let frames = (self.next..end).map(|place| Ok(summary(place).into()));
        let checkpoint = Checkpoint::try_new(end.to_string()).expect("it is short");
        if self.bug == Some(Bug::PlaceKeptWhenRead) {
            self.brokers.keep_place(SOURCE, &checkpoint);
        }
        let batch = ReceivedBatch {
            received_at: SimulatedClock::shared().now(),
            frames: frames.collect(),
            checkpoint: Some(checkpoint),
            passed_over: 0,
        };
        self.next = end;
        Some(batch)
    }
}

#[async_trait]
impl FeedReader for SequenceFeed {
    fn source(&self) -> SourceName {
        SOURCE
    }

    fn disconnect_reasons(&self) -> &'static [DisconnectReason] {
        &[DisconnectReason::ConnectionLost]
    }

    fn keeps_its_place(&self) -> bool {
        true
    }

    fn resume(&mut self, place: Option<Checkpoint>) {
        let place = place.map(|place| place.as_str().parse());
        self.next = place.map_or(0, |place| place.expect("it is one of ours"));
    }

    async fn next(&mut self) -> FeedEvent {
        loop {
            if !self.is_behind {
                sleep(PAUSE).await;
            }
            self.is_behind = true;
            sleep(ANSWER_TIME).await;
            if self.rng.random_range(0..100) < FAILED_PERCENT {
                self.is_behind = false;
                return FeedEvent::Disconnected(Disconnection {
                    reason: DisconnectReason::ConnectionLost,
                    detail: "no answer".to_owned(),
                    retry_in: PAUSE,
                });
            }
            // From here on nothing waits, so nothing that was read is dropped.
            if let Some(batch) = self.page() {
                return FeedEvent::Received(batch);
            }
        }
    }

    async fn close(&mut self) -> Option<ReceivedBatch> {
        None
    }
}
