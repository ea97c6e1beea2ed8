//! Where commands hand frames in: to the service that runs here, or to a
//! pipeline of their own when none does.

mod own_pipeline;
mod service_client;

use bytes::Bytes;
use command_kit::{Stop, complain, find_service, stoppable};
use ingestion_http_api::{REDRIVE_PATH, REPLAY_PATH};
use service_kit::{exit_code::ExitCode, lifecycle::EndSignals};
use tokio_util::sync::CancellationToken;

use self::{own_pipeline::OwnPipeline, service_client::ServiceClient};
use crate::settings::Settings;

/// What kind of frames they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Lines,
    Payloads,
}

impl Kind {
    fn path(self) -> &'static str {
        match self {
            Self::Lines => REPLAY_PATH,
            Self::Payloads => REDRIVE_PATH,
        }
    }
}

/// Takes frames, wherever they go.
pub(crate) enum Intake {
    Service(ServiceClient),
    Own(OwnPipeline),
}

/// What became of frames.
#[derive(Debug, Default)]
pub(crate) struct Handover {
    /// So many were taken, from the first on.
    pub(crate) taken: usize,
    /// Of these, so many are invalid.
    pub(crate) invalid: usize,
    /// Why not all were taken.
    pub(crate) stop: Option<Stop>,
}

impl Intake {
    /// Hands in all of `frames`, which `source` has handed over at first, and
    /// waits for room until `stop`.
    pub(crate) async fn hand_in(
        &self,
        frames: &[Bytes],
        source: &str,
        stop: &CancellationToken,
    ) -> Handover {
        let mut sum = Handover::default();
        while sum.taken < frames.len() && sum.stop.is_none() {
            if stop.is_cancelled() {
                sum.stop = Some(Stop::Asked);
                break;
            }
            let rest = &frames[sum.taken..];
            let handover = match self {
                Self::Service(client) => client.hand_in(rest, source, stop).await,
                Self::Own(pipeline) => pipeline.hand_in(rest, source, stop).await,
            };
            sum.taken += handover.taken;
            sum.invalid += handover.invalid;
            sum.stop = handover.stop;
        }
        sum
    }

    /// Where frames go, as the end of a sentence.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Service(client) => format!("the service at {}", client.url()),
            Self::Own(_) => "a pipeline of its own, as no service runs here".to_owned(),
        }
    }
}

/// Runs `work` with an intake and a token that the first of `signals` cancels.
///
/// Ends when what was taken is safe. The code of `work` counts unless
/// something worse has happened; a second signal does not wait for it.
pub(crate) async fn with_intake(
    settings: Settings,
    signals: EndSignals,
    kind: Kind,
    work: impl AsyncFnOnce(&Intake, &CancellationToken) -> ExitCode,
) -> ExitCode {
    let (api, name) = (&settings.api, &settings.service_name);
    let running = match find_service(&api.host, api.port, name).await {
        Ok(running) => running,
        Err(error) => return unavailable(&error),
    };
    if running.is_none() {
        if settings.kafka.is_standby {
            // A pipeline of its own would fence the instance that is active.
            let error = anyhow::anyhow!(
                "no service runs here, and with INGESTION_STANDBY=on one may be active elsewhere: \
                 hand in where it runs, or set API_HOST and API_PORT to where it listens"
            );
            return unavailable(&error);
        }
        return own_pipeline::run(settings, signals, kind, work).await;
    }
    let client = match ServiceClient::connect(&settings.api, kind).await {
        Ok(client) => client,
        Err(error) => return unavailable(&error),
    };
    let intake = Intake::Service(client);
    stoppable(signals, async |stop| work(&intake, stop).await).await
}

fn unavailable(error: &anyhow::Error) -> ExitCode {
    complain(format_args!("{error:#}"));
    ExitCode::Unavailable
}
