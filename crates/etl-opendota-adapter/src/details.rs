//! The port, met by the client of the API.

use std::sync::Arc;

use async_trait::async_trait;
use domain::{MatchId, Timestamp};
use etl_application::{
    Answer,
    ports::{CallBudget, CallMemory, CallWindow, Details, DetailsError, MatchDetails},
};
use health_kit::Clock;
use opendota_client::{CallError, OpenDota, OpenDotaSettings, Transport, WindowStatus};

use crate::{client::client_over, decode::decode};

/// The name of these answers in the tables.
pub const SOURCE: &str = "opendota_details";

/// Asks `OpenDota` for one match at a time.
pub struct OpenDotaDetails {
    client: Arc<OpenDota>,
}

impl OpenDotaDetails {
    /// Asks through a client that others may use, too.
    #[must_use]
    pub const fn new(client: Arc<OpenDota>) -> Self {
        Self { client }
    }

    /// The same through a client of its own over another transport, for tests
    /// without a socket.
    #[must_use]
    pub fn over(
        transport: Arc<dyn Transport>,
        settings: OpenDotaSettings,
        memory: Arc<dyn CallMemory>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self::new(Arc::new(client_over(transport, settings, memory, clock)))
    }
}

#[async_trait]
impl MatchDetails for OpenDotaDetails {
    async fn fetch(&self, id: MatchId) -> Result<Details, DetailsError> {
        let answer = self.client.match_details(id).await.map_err(translate)?;
        details(id, &answer.body, answer.fetched_at)
    }

    fn budget(&self) -> CallBudget {
        let status = self.client.status();
        CallBudget {
            minute: window(status.minute),
            day: window(status.day),
        }
    }
}

/// What an answer to the question for a match says.
pub(crate) fn details(
    id: MatchId,
    body: &[u8],
    fetched_at: Timestamp,
) -> Result<Details, DetailsError> {
    let decoded = decode(body, fetched_at).map_err(|detail| DetailsError::Wrong { detail })?;
    let told = decoded.summary.match_id;
    if told != id {
        let detail = format!("it is about match {told}, not about {id}");
        return Err(DetailsError::Wrong { detail });
    }
    Ok(Details {
        answer: Answer {
            summary: decoded.summary,
            source: SOURCE.into(),
            version: contracts::version(fetched_at, body),
        },
        is_parsed: decoded.is_parsed,
    })
}

fn translate(error: CallError) -> DetailsError {
    match error {
        CallError::NotFound => DetailsError::NotFound,
        CallError::NoRoom { until } => DetailsError::NoRoom { until },
        CallError::Refused { detail, until } => DetailsError::Refused { detail, until },
        CallError::Unavailable { detail, until } => DetailsError::Unavailable { detail, until },
        CallError::Unusable { detail } => DetailsError::Wrong { detail },
    }
}

fn window(status: WindowStatus) -> CallWindow {
    CallWindow {
        used: status.used,
        left: status.left,
        reserve: status.reserve,
        resets_at: Some(status.resets_at),
    }
}
