//! Every range by its kind.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use etl_application::CallCounter;
use etl_application::backfill::BackfillRange;
use etl_application::ports::{BackfillOrigin, BackfillOrigins, CallMemory, OriginError};
use etl_kafka_adapter::SummaryTopic;
use etl_opendota_adapter::{PagesAccess, walk_pages};
use etl_steam_adapter::{SteamTurns, walk_sequence};
use health_kit::Clock;
use kafka_kit::settings::SettingsError;
use opendota_client::CallShare;

use super::file::FileOrigin;
use crate::opendota::OpenDotaAccess;
use crate::settings::Settings;
use crate::steam::SteamAccess;

/// Opens what the settings can reach.
pub(crate) struct Origins {
    topic: SummaryTopic,
    opendota: Arc<OpenDotaAccess>,
    steam: SteamAccess,
    share: CallShare,
    counter: Option<Arc<dyn CallCounter>>,
    clock: Arc<dyn Clock>,
}

impl Origins {
    /// Prepares to open, nothing being connected; whoever asks an upstream does
    /// so through a client of its own.
    ///
    /// # Errors
    /// [`SettingsError`] names the settings that are wrong.
    pub(crate) fn try_new(
        settings: &Settings,
        memory: &Arc<dyn CallMemory>,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, SettingsError> {
        let opendota = OpenDotaAccess::new(&settings.opendota, memory, clock);
        let share = CallShare::of_percent(settings.backfill_share.percent());
        Ok(Self {
            topic: SummaryTopic::try_new(&settings.kafka, Arc::clone(clock))?,
            opendota,
            steam: SteamAccess::new(&settings.steam, settings.backfill_share, clock),
            share: share.expect("both are 1 to 100 percent"),
            counter: None,
            clock: Arc::clone(clock),
        })
    }

    /// The same, asking through a client that others use too, and counted.
    pub(crate) fn beside(
        self,
        opendota: Arc<OpenDotaAccess>,
        counter: Arc<dyn CallCounter>,
    ) -> Self {
        Self {
            opendota,
            counter: Some(counter),
            ..self
        }
    }
}

#[async_trait]
impl BackfillOrigins for Origins {
    fn obstacle(&self, range: &BackfillRange) -> Option<String> {
        match range {
            BackfillRange::Steam(_) => self.steam.obstacle(),
            BackfillRange::File(_) | BackfillRange::Topic(_) | BackfillRange::OpenDota(_) => None,
        }
    }

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
            BackfillRange::OpenDota(span) => {
                let client = self.opendota.client();
                let access = PagesAccess {
                    client: client.map_err(|detail| OriginError::Gone { detail })?,
                    share: self.share,
                    counter: self.counter.clone(),
                    clock: Arc::clone(&self.clock),
                };
                Ok(Box::new(walk_pages(access, *span, at)))
            }
            BackfillRange::Steam(part) => {
                let turns: Arc<SteamTurns> = self.steam.turns()?;
                Ok(Box::new(walk_sequence(turns, *part, at)))
            }
        }
    }
}
