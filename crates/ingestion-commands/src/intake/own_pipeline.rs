//! The pipeline without a service around it: no feed and no HTTP interface,
//! but the same journal, the same Kafka and the same way to end.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use command_kit::{Stop, complain, say};
use ingestion_application::{BacklogWork, HandIn, HandedIn, Pipeline, Refusal};
use ingestion_journal_adapter::OpenError;
use ingestion_kafka_adapter::KafkaPublisher;
use service_kit::{
    exit_code::ExitCode,
    lifecycle::{EndSignals, Lifecycle},
};
use tokio_util::sync::CancellationToken;

use super::{Handover, Intake, Kind};
use crate::{settings::Settings, way_out::WayOut};

/// So long it is waited for room before it is looked whether to go on.
const ROOM_STEP: Duration = Duration::from_millis(200);

/// Hands frames in within this process.
pub(crate) struct OwnPipeline {
    hand_in: Arc<HandIn>,
    kind: Kind,
}

impl OwnPipeline {
    /// Hands in what there is room for of `frames`, and waits a while for some.
    pub(super) async fn hand_in(
        &self,
        frames: &[Bytes],
        source: &str,
        stop: &CancellationToken,
    ) -> Handover {
        let frames: Vec<&[u8]> = frames.iter().map(|frame| &frame[..]).collect();
        let handed_in = match self.kind {
            Kind::Lines => Ok(self.hand_in.replay(&frames, ROOM_STEP).await),
            Kind::Payloads => self.hand_in.redrive(source, &frames, ROOM_STEP).await,
        };
        let HandedIn {
            taken,
            invalid,
            refusal,
        } = match handed_in {
            Ok(handed_in) => handed_in,
            Err(unknown) => {
                return Handover {
                    stop: Some(Stop::Refused(unknown.to_string())),
                    ..Handover::default()
                };
            }
        };
        let is_over = matches!(refusal, Some(Refusal::Never(_))) && !stop.is_cancelled();
        let reason = "the pipeline has stopped, see above";
        Handover {
            taken,
            invalid,
            stop: is_over.then(|| Stop::Refused(reason.to_owned())),
        }
    }
}

/// Runs a pipeline for as long as `work` hands something in, and until that
/// is published or safe in the journal.
pub(super) async fn run(
    settings: Settings,
    mut signals: EndSignals,
    kind: Kind,
    work: impl AsyncFnOnce(&Intake, &CancellationToken) -> ExitCode,
) -> ExitCode {
    let way_out = match WayOut::build(&settings) {
        Ok(way_out) => way_out,
        Err(error) => return refuse(&error, &settings),
    };
    let lifecycle = Lifecycle::new(settings.shutdown_timeout);
    let (drain, abort) = (lifecycle.drain(), lifecycle.abort());
    let WayOut {
        ledger,
        publisher,
        work: backlog_work,
        hand_in,
        ..
    } = way_out;
    let backlog = Arc::clone(backlog_work.backlog());
    start(publisher, backlog_work, &lifecycle);
    let intake = Intake::Own(OwnPipeline { hand_in, kind });
    let (stop, done) = (CancellationToken::new(), CancellationToken::new());
    let handing_in = async {
        let code = work(&intake, &stop).await;
        // All the time it needs, unless somebody says otherwise.
        tokio::select! {
            () = backlog.drained() => {}
            () = drain.cancelled() => {}
        }
        done.cancel();
        code
    };
    let is_stopped = stop.clone();
    let ending = lifecycle.run(async || {
        let signal = tokio::select! {
            signal = signals.next() => signal,
            () = done.cancelled(), if !drain.is_cancelled() => "everything is handed in",
        };
        is_stopped.cancel();
        signal
    });
    let (code, ending) = tokio::join!(handing_in, ending);
    let figures = ledger.figures();
    say(format_args!(
        "published {}, duplicates {}, set aside {}",
        figures.published, figures.duplicates, figures.dead_lettered
    ));
    let is_failed = !ending.failed.is_empty() || !ending.unfinished.is_empty();
    if is_failed || abort.is_cancelled() && figures.check().is_err() {
        return ExitCode::Internal;
    }
    if figures.pending > 0 {
        say(format_args!(
            "{} could not be published yet: they are safe in {}, and the next start goes on with them",
            figures.pending,
            settings.journal.dir.display()
        ));
    }
    code
}

fn start(publisher: Arc<KafkaPublisher>, work: BacklogWork, lifecycle: &Lifecycle) {
    // Cancelled when the last match is settled, or when there is no more time.
    let finished = CancellationToken::new();
    lifecycle.spawn(
        "publisher",
        crate::service::run_publisher(publisher, finished.clone()),
    );
    let pipeline = Pipeline::new(work, Vec::new());
    let (drain, abort) = (lifecycle.drain(), lifecycle.abort());
    lifecycle.spawn("pipeline", async move {
        let outcome = pipeline.run(drain, abort).await;
        finished.cancel();
        outcome
    });
}

fn refuse(error: &anyhow::Error, settings: &Settings) -> ExitCode {
    let is_locked = matches!(error.downcast_ref(), Some(OpenError::Locked { .. }));
    if !is_locked {
        complain(format_args!("{error:#}"));
        return ExitCode::Config;
    }
    complain(format_args!(
        "no service answers at {}, and yet another process uses JOURNAL_DIR: {error:#}; \
         if that is the service, set API_HOST and API_PORT to its own",
        command_kit::url_to_ask(&settings.api.host, settings.api.port)
    ));
    ExitCode::Unavailable
}
