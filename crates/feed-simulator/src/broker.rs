//! `--broker`: an embedded broker beside the feed, with the topics of the platform.

use std::time::{Duration, SystemTime};

use domain::Timestamp;
use feed_simulator::{
    Feed, World,
    summaries::{ProduceError, SummaryProducer, follow_feed},
};
use kafka_kit::embedded::EmbeddedBroker;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const SUMMARY_TOPIC: &str = "match_summaries";

/// Topics and their partitions.
const TOPICS: [(&str, usize); 4] = [
    ("match_ids_raw", 12),
    (SUMMARY_TOPIC, 12),
    ("match_ids_dead_letter", 1),
    ("etl_dead_letter", 1),
];

/// The feed's ids reach back so far: matches that end now have started by then.
const UNDER_WAY: Duration = Duration::from_mins(45);

/// The broker, and whoever fills it.
pub(crate) struct Broker {
    broker: EmbeddedBroker,
    summaries: Option<(CancellationToken, JoinHandle<Result<u64, ProduceError>>)>,
}

impl Broker {
    /// Starts a broker, and unless told otherwise sends it a summary of each match of the feed.
    ///
    /// # Errors
    /// There can be no broker.
    pub(crate) fn start(feed: Feed, world: World, sends_summaries: bool) -> anyhow::Result<Self> {
        let broker = EmbeddedBroker::start(&TOPICS)?;
        let summaries = if sends_summaries {
            let producer = SummaryProducer::try_new(&broker.bootstrap_servers(), SUMMARY_TOPIC)?;
            let stop = CancellationToken::new();
            let following = follow_feed(feed, world, producer, now, stop.clone());
            Some((stop, tokio::spawn(following)))
        } else {
            None
        };
        Ok(Self { broker, summaries })
    }

    /// Where to reach it: `host:port`.
    pub(crate) fn address(&self) -> String {
        self.broker.bootstrap_servers()
    }

    /// Sends the last summaries; how many there were, if any were asked for.
    ///
    /// # Errors
    /// Some were not delivered.
    pub(crate) async fn stop(self) -> anyhow::Result<Option<u64>> {
        let Some((stop, following)) = self.summaries else {
            return Ok(None);
        };
        stop.cancel();
        Ok(Some(following.await??))
    }
}

/// A world whose matches end about now.
pub(crate) fn world(seed: u64) -> World {
    let begin_ms = now().as_unix_ms() - i64::try_from(UNDER_WAY.as_millis()).unwrap_or(0);
    World::beginning(seed, Timestamp::from_unix_ms(begin_ms))
}

#[expect(
    clippy::disallowed_methods,
    reason = "whoever follows the feed compares times of matches with its own clock"
)]
pub(crate) fn now() -> Timestamp {
    let since_epoch = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp::from_unix_ms(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
}
