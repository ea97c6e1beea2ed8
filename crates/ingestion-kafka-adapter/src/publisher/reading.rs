//! What the topics hold, read at a start, while standing by, and at a take-over.

use std::sync::Arc;

use domain::MatchId;
use ingestion_application::{
    SummaryKey,
    ports::{Followed, PublishError},
};
use kafka_kit::reader::Reader;
use rdkafka::error::RDKafkaErrorCode;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::{KafkaPublisher, READ_AGAIN_AFTER, Way};
use crate::{
    standby::Standby,
    topic::{
        follower::Follower,
        published_tail::{Decode, NoTail, Tail, match_id, read_tail, summary_key},
        undecided::wait_until_decided,
    },
};

/// So often it is tried to read the newest summaries.
const SUMMARY_ATTEMPTS: u32 = 4;

impl KafkaPublisher {
    /// What another instance has published since this was last asked; none once
    /// it is this one's turn.
    pub(super) async fn follow(
        &self,
        ids_max: usize,
        summaries_max: usize,
    ) -> Result<Option<Followed>, PublishError> {
        let Some(standby) = &self.standby else {
            return Ok(None);
        };
        let stop = self.over.child_token();
        let _guard = stop.clone().drop_guard();
        while !standby.is_owner() {
            let code = match standby.follow(ids_max, summaries_max, &stop).await {
                Ok(told) => {
                    self.shared.trouble.set_reading(None);
                    return Ok(Some(told));
                }
                Err(NoTail::Stopped) => return Err(self.why_over()),
                Err(NoTail::Refused(code)) => code,
            };
            self.shared.trouble.set_reading(Some(code));
            tracing::debug!(%code, "the topic cannot be followed yet");
            let pause = sleep(READ_AGAIN_AFTER);
            if stop.run_until_cancelled(pause).await.is_none() {
                return Err(self.why_over());
            }
        }
        Ok(None)
    }

    /// The newest ids, when nobody else can add to them any more.
    pub(super) async fn read_ids(&self, count: usize) -> Result<Vec<MatchId>, PublishError> {
        if let Way::ExactlyOnce(way) = &self.way {
            way.ready().await?;
        }
        // Also when this future is dropped.
        let stop = self.over.child_token();
        let _guard = stop.clone().drop_guard();
        if let Some(follower) = self.standby.as_ref().and_then(Standby::take_matches)
            && let Some(rest) = self.finish(follower, &stop).await
        {
            return Ok(rest);
        }
        let begun = Instant::now();
        let topic = &self.settings.publish_topic;
        loop {
            let code = match self.read_tail(topic, count, match_id, &stop).await {
                Ok(tail) => {
                    self.shared.trouble.set_reading(None);
                    report(&tail, "match ids", topic, begun);
                    return Ok(tail.found);
                }
                Err(NoTail::Stopped) => return Err(self.why_over()),
                Err(NoTail::Refused(code)) => code,
            };
            self.shared.trouble.set_reading(Some(code));
            tracing::debug!(%code, "the topic cannot be read yet");
            if stop
                .run_until_cancelled(sleep(READ_AGAIN_AFTER))
                .await
                .is_none()
            {
                return Err(self.why_over());
            }
        }
    }

    /// The newest summaries. Ids do not wait for a topic of summaries that cannot
    /// be read: at worst consumers are told something twice.
    pub(super) async fn read_summaries(
        &self,
        count: usize,
    ) -> Result<Vec<SummaryKey>, PublishError> {
        let Some(topic) = &self.settings.match_summary_topic else {
            return Ok(Vec::new());
        };
        let stop = self.over.child_token();
        let _guard = stop.clone().drop_guard();
        if let Some(follower) = self.standby.as_ref().and_then(Standby::take_summaries)
            && let Some(rest) = self.finish(follower, &stop).await
        {
            return Ok(rest);
        }
        let begun = Instant::now();
        let mut attempts = 0;
        loop {
            attempts += 1;
            match self.read_tail(topic, count, summary_key, &stop).await {
                Ok(tail) => {
                    report(&tail, "summaries", topic, begun);
                    return Ok(tail.found);
                }
                Err(NoTail::Stopped) => return Err(self.why_over()),
                Err(NoTail::Refused(RDKafkaErrorCode::UnknownTopicOrPartition)) => {
                    return Ok(Vec::new());
                }
                Err(NoTail::Refused(code)) if attempts == SUMMARY_ATTEMPTS => {
                    tracing::warn!(
                        %code,
                        "topic {topic} cannot be read, so summaries that are in it may be \
                         published again; allow this user Read on it"
                    );
                    return Ok(Vec::new());
                }
                Err(NoTail::Refused(_)) => {}
            }
            let pause = sleep(READ_AGAIN_AFTER);
            if stop.run_until_cancelled(pause).await.is_none() {
                return Err(self.why_over());
            }
        }
    }

    /// Reads what has come after the last that `follower` has told, once all of
    /// it is decided; none if that cannot be said.
    async fn finish<T: Send + 'static>(
        &self,
        follower: Follower<T>,
        stop: &CancellationToken,
    ) -> Option<Vec<T>> {
        let config = Reader::config(&self.settings.client);
        let (topic, stopped) = (follower.topic().to_owned(), stop.clone());
        let readability = Arc::clone(&self.shared.readability);
        let is_of_matches = topic == self.settings.publish_topic;
        let finish = move || {
            if is_of_matches {
                wait_until_decided(&config, &topic, &stopped, |hidden| {
                    readability.set_awaited(hidden);
                })?;
            }
            follower.finish(&stopped)
        };
        let finishing = self.in_thread("kafka-finish", finish);
        match stop.run_until_cancelled(finishing).await? {
            Ok(Ok(rest)) => Some(rest),
            Ok(Err(trouble)) => {
                tracing::debug!(?trouble, "the topic is read anew");
                None
            }
            Err(_) => None,
        }
    }

    /// Reads the newest of `topic`, once all that is in it is decided.
    async fn read_tail<T: Copy + Send + 'static>(
        &self,
        topic: &str,
        count: usize,
        decode: Decode<T>,
        stop: &CancellationToken,
    ) -> Result<Tail<T>, NoTail> {
        let config = Reader::config(&self.settings.client);
        let topic = topic.to_owned();
        let readability = Arc::clone(&self.shared.readability);
        let is_of_matches = topic == self.settings.publish_topic;
        let stopped = stop.clone();
        let read = move || {
            if is_of_matches {
                wait_until_decided(&config, &topic, &stopped, |hidden| {
                    readability.set_awaited(hidden);
                })?;
            }
            read_tail(&config, &topic, count, decode, &stopped)
        };
        let reading = self.in_thread("kafka-published", read);
        match stop.run_until_cancelled(reading).await {
            None => Err(NoTail::Stopped),
            Some(tail) => tail?,
        }
    }
}

fn report<T>(tail: &Tail<T>, what: &str, topic: &str, begun: Instant) {
    if tail.undecodable > 0 {
        tracing::warn!(
            records = tail.undecodable,
            "records of topic {topic} that are no {what} are passed over"
        );
    }
    tracing::info!(
        matches = tail.found.len(),
        duration_ms = begun.elapsed().as_millis(),
        "read the newest {what} of topic {topic}"
    );
}
