//! Where commands hand frames in: to the service that runs here, or to a
//! pipeline of their own when none does.

mod own_pipeline;
mod service_client;

use std::fmt;

use bytes::Bytes;
use ingestion_http_api::{REDRIVE_PATH, REPLAY_PATH};
use service_kit::{exit_code::ExitCode, lifecycle::EndSignals};
use tokio_util::sync::CancellationToken;

use self::{
    own_pipeline::OwnPipeline,
    service_client::{Running, ServiceClient},
};
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

/// Why it does not go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The user has asked for that.
    Asked,
    /// It cannot, for this reason.
    Refused(String),
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Asked => f.write_str("asked to end"),
            Self::Refused(reason) => f.write_str(reason),
        }
    }
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
    mut signals: EndSignals,
    kind: Kind,
    work: impl AsyncFnOnce(&Intake, &CancellationToken) -> ExitCode,
) -> ExitCode {
    let running = match service_client::find(&settings).await {
        Ok(running) => running,
        Err(error) => return unavailable(&error),
    };
    let Running::Yes = running else {
        return own_pipeline::run(settings, signals, kind, work).await;
    };
    let client = match ServiceClient::connect(&settings.api, kind).await {
        Ok(client) => client,
        Err(error) => return unavailable(&error),
    };
    let intake = Intake::Service(client);
    let stop = CancellationToken::new();
    let second_signal = async {
        signals.next().await;
        stop.cancel();
        signals.next().await;
    };
    tokio::select! {
        code = work(&intake, &stop) => code,
        () = second_signal => {
            eprintln!("ended at once: how much was taken last is not known");
            ExitCode::Unavailable
        }
    }
}

fn unavailable(error: &anyhow::Error) -> ExitCode {
    eprintln!("{error:#}");
    ExitCode::Unavailable
}
