//! Every range by its kind.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use etl_application::backfill::BackfillRange;
use etl_application::ports::{BackfillOrigin, BackfillOrigins, OriginError};
use etl_kafka_adapter::{KafkaSettings, SummaryTopic};
use health_kit::Clock;
use kafka_kit::settings::SettingsError;

use super::file::FileOrigin;

/// Opens what the settings can reach.
pub(crate) struct Origins {
    topic: SummaryTopic,
    clock: Arc<dyn Clock>,
}

impl Origins {
    /// Prepares to open; nothing is connected.
    ///
    /// # Errors
    /// [`SettingsError`] names the settings that are wrong.
    pub(crate) fn try_new(
        kafka: &KafkaSettings,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, SettingsError> {
        Ok(Self {
            topic: SummaryTopic::try_new(kafka, Arc::clone(clock))?,
            clock: Arc::clone(clock),
        })
    }
}

#[async_trait]
impl BackfillOrigins for Origins {
    async fn open(
        &self,
        range: &BackfillRange,
        at: &str,
    ) -> Result<Box<dyn BackfillOrigin>, OriginError> {
        match range {
            BackfillRange::File(path) => {
                let opened = FileOrigin::open(Path::new(path), at, Arc::clone(&self.clock));
                let opened = opened.map_err(|error| OriginError::Gone {
                    detail: format!("{path} cannot be read: {error}"),
                })?;
                Ok(Box::new(opened))
            }
            BackfillRange::Topic(span) => Ok(Box::new(self.topic.open(*span, at).await?)),
        }
    }
}
