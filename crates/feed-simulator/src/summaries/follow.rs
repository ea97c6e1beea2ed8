//! Summaries of the matches that a feed emits, as a second source would tell them.

use std::time::Duration;

use domain::{MatchId, Timestamp};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::{Knowledge, ProduceError, SummaryProducer, record::Answer};
use crate::{feed::Feed, world::World};

/// A summary comes after the feed's frame, by at most about twice as long.
const DELAY: Duration = Duration::from_millis(250);

/// Sends a summary of each match that a feed emits from this call on, a little after the feed,
/// until told to stop. What the feed has emitted by then is still sent, and delivered. Says how many
/// were sent.
///
/// The feed waits when it is far ahead of its summaries. A summary is received when `now` says,
/// or after the end of its match if that is later: a fast feed outruns the time.
///
/// # Errors
/// The client refuses, or a record was not delivered. The feed then goes on alone.
pub fn follow_feed(
    feed: Feed,
    world: World,
    producer: SummaryProducer,
    now: impl Fn() -> Timestamp + Send,
    stop: CancellationToken,
) -> impl Future<Output = Result<u64, ProduceError>> + Send {
    // Before the first poll: a feed does not wait for it.
    feed.follow_ids(true);
    async move {
        let sent = follow(&feed, &world, &producer, now, stop).await;
        feed.follow_ids(false);
        sent
    }
}

async fn follow(
    feed: &Feed,
    world: &World,
    producer: &SummaryProducer,
    now: impl Fn() -> Timestamp,
    stop: CancellationToken,
) -> Result<u64, ProduceError> {
    let mut ticks = interval(DELAY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut sent = 0;
    loop {
        let is_last = stop.run_until_cancelled(ticks.tick()).await.is_none();
        for id in feed.take_followed_ids() {
            // A replayed file may hold any id that is a match.
            let Ok(match_id) = MatchId::try_new(id) else {
                continue;
            };
            let answer = Answer {
                match_id,
                knowledge: Knowledge::Pages,
                corrections: 0,
            };
            let record = answer.received_not_before(world, now());
            producer.send(&record).await?;
            sent += 1;
        }
        if is_last {
            producer.flush().await?;
            return Ok(sent);
        }
    }
}
