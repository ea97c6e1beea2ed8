//! Where the places of feeds are asked for and kept.

use std::sync::{Arc, PoisonError};

use ingestion_application::{Checkpoint, GAPS, SourceName, ports::PublishError};
use rdkafka::error::RDKafkaErrorCode;
use tokio::time::sleep;

use super::{KafkaPublisher, READ_AGAIN_AFTER};
use crate::topic::kept_place::PlaceGroup;

impl KafkaPublisher {
    /// Does `work` with the group of `source` until it succeeds.
    pub(super) async fn with_place_group<T: Send + 'static>(
        &self,
        source: SourceName,
        work: impl Fn(&PlaceGroup) -> Result<T, RDKafkaErrorCode> + Clone + Send + 'static,
    ) -> Result<T, PublishError> {
        loop {
            let Some(done) = self.try_with_place_group(source, work.clone()).await else {
                return Err(self.why_over());
            };
            let code = match done {
                Ok(done) => {
                    self.shared.trouble.set_places(None);
                    return Ok(done);
                }
                Err(code) => code,
            };
            self.shared.trouble.set_places(Some(code));
            tracing::debug!(%source, %code, "the place of a feed is not to be had yet");
            self.pause_before_asking_again().await?;
        }
    }

    /// Tries `work` with the group of `source`; none when the run has ended.
    async fn try_with_place_group<T: Send + 'static>(
        &self,
        source: SourceName,
        work: impl Fn(&PlaceGroup) -> Result<T, RDKafkaErrorCode> + Send + 'static,
    ) -> Option<Result<T, RDKafkaErrorCode>> {
        let group = self.place_group(source);
        let done = self.in_thread("kafka-places", move || work(&*group?));
        let done = self.over.run_until_cancelled(done).await?;
        Some(done.and_then(|done| done))
    }

    async fn pause_before_asking_again(&self) -> Result<(), PublishError> {
        let pause = self.over.run_until_cancelled(sleep(READ_AGAIN_AFTER));
        pause.await.ok_or_else(|| self.why_over())
    }

    /// The gaps that were kept. Matches need no group: without the permission for
    /// one, gaps are those of this process.
    pub(super) async fn kept_gaps(&self) -> Result<Option<Checkpoint>, PublishError> {
        loop {
            match self.try_with_place_group(GAPS, PlaceGroup::kept).await {
                None => return Err(self.why_over()),
                Some(Ok(kept)) => return Ok(kept),
                Some(Err(RDKafkaErrorCode::GroupAuthorizationFailed)) => {
                    tracing::warn!(
                        "gaps are not kept over restarts: allow this user Read on group {}.{GAPS}",
                        self.settings.group_id
                    );
                    return Ok(None);
                }
                Some(Err(code)) => tracing::debug!(%code, "gaps are not known yet"),
            }
            self.pause_before_asking_again().await?;
        }
    }

    /// Whether gaps can be kept now. Those that were kept before say more than what
    /// is so, never less; so it is not insisted on, in no transaction either.
    pub(super) async fn can_keep_gaps(&self) -> bool {
        let kept = self.try_with_place_group(GAPS, PlaceGroup::kept).await;
        matches!(kept, Some(Ok(_)))
    }

    pub(super) fn place_group(
        &self,
        source: SourceName,
    ) -> Result<Arc<PlaceGroup>, RDKafkaErrorCode> {
        let groups = self.place_groups.lock();
        // A group is in or out, whatever panics elsewhere.
        let mut groups = groups.unwrap_or_else(PoisonError::into_inner);
        if let Some(group) = groups.get(&source) {
            return Ok(Arc::clone(group));
        }
        let config = PlaceGroup::config(&self.settings, source);
        let group = Arc::new(PlaceGroup::open(&config, &self.settings.publish_topic)?);
        groups.insert(source, Arc::clone(&group));
        Ok(group)
    }
}
