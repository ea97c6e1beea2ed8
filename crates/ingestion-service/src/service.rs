//! The wiring: every adapter, the use case, and the order in which they end.

use std::{
    convert::Infallible,
    hash::{BuildHasher as _, RandomState},
    net::{SocketAddr, TcpListener},
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

use anyhow::{Context as _, ensure};
use application::{
    DedupWindow, Health, IngestionStatus, Ledger, ProcessMatchStream, Readiness, SourceStatus,
    ports::{Clock, MessagePublisher, PublishError, SystemClock},
};
use domain::LedgerFigures;
use http_api::ApiState;
use kafka_adapter::KafkaPublisher;
use opendota_adapter::stream::{self, MatchStream};
use service_kit::{
    exit_code::ExitCode,
    lifecycle::{Ending, Lifecycle},
};
use tokio_util::sync::CancellationToken;

use crate::{
    cli::{COMMIT, VERSION},
    settings::Settings,
};

/// How often the ledger checks itself, whether anybody asks or not.
const LEDGER_CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// Draining waits for acknowledgements in rounds of this length, until there is no more time.
const FLUSH_ROUND: Duration = Duration::from_secs(1);

/// The service, put together and not yet running.
pub(crate) struct Service {
    pipeline: Pipeline,
    api: ApiState,
    listener: TcpListener,
}

impl Service {
    /// Puts the service together. The only thing taken from the world is the
    /// port of the HTTP interface; feed and Kafka are for [`run`](Self::run).
    ///
    /// `drain` is cancelled when the service is asked to end.
    ///
    /// # Errors
    /// A setting that is well-formed but cannot work here.
    pub(crate) fn build(settings: Settings, drain: CancellationToken) -> anyhow::Result<Self> {
        let listener = http_api::listen(&settings.api.host, settings.api.port)?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let ledger = Arc::new(Ledger::new(Arc::clone(&clock)));
        let feed_status = Arc::new(SourceStatus::new(
            stream::SOURCE,
            settings.opendota.idle_timeout,
            Arc::clone(&clock),
        ));
        let window = Arc::new(Mutex::new(DedupWindow::new(settings.dedup_window_size)));

        // Seeded at random, so that instances do not reconnect in step.
        let jitter_seed = RandomState::new().hash_one(());
        let feed = MatchStream::try_new(&settings.opendota, Arc::clone(&clock), jitter_seed)
            .context("the OPENDOTA_STREAM_ settings cannot work")?;
        let publisher = KafkaPublisher::try_new(&settings.kafka, &clock)
            .context("the KAFKA_ settings cannot work")?;
        let publisher = Arc::new(publisher);
        let process = ProcessMatchStream::new(
            publisher.clone(),
            window,
            Arc::clone(&ledger),
            Arc::clone(&feed_status),
        );

        let health = Health::new(vec![feed_status.clone(), publisher.clone(), ledger.clone()]);
        let api = ApiState {
            service_name: settings.service_name,
            version: VERSION,
            commit: COMMIT,
            health: Arc::new(health),
            readiness: Arc::new(Readiness::new(drain)),
            ingestion: Arc::new(IngestionStatus::new(
                Arc::clone(&ledger),
                vec![feed_status],
                clock,
            )),
            cors_allowed_origins: settings.api.cors_allowed_origins,
        };
        Ok(Self {
            pipeline: Pipeline {
                feed,
                process,
                publisher,
                ledger,
            },
            api,
            listener,
        })
    }

    /// Where the HTTP interface answers.
    pub(crate) fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// What the HTTP interface shows.
    pub(crate) fn api(&self) -> &ApiState {
        &self.api
    }

    /// Runs until `next_signal` says so, then drains: the feed stops first,
    /// what it gave is acknowledged next, and the HTTP interface answers until
    /// that is done.
    pub(crate) async fn run(
        self,
        lifecycle: Lifecycle,
        next_signal: impl AsyncFnMut() -> &'static str,
    ) -> ExitCode {
        let Self {
            pipeline,
            api,
            listener,
        } = self;
        let publisher = Arc::clone(&pipeline.publisher);
        let ledger = Arc::clone(&pipeline.ledger);
        tracing::info!(version = VERSION, commit = COMMIT, "started");
        // Cancelled when the last match is settled, or when there is no more time.
        let finished = CancellationToken::new();
        let last_figures = Arc::new(OnceLock::new());

        lifecycle.spawn("http", http_api::serve(listener, api, finished.clone()));
        lifecycle.spawn("publisher", run_publisher(publisher, finished.clone()));
        lifecycle.spawn(
            "ledger-check",
            check_ledger(Arc::clone(&ledger), finished.clone()),
        );
        lifecycle.spawn("pipeline", {
            let (drain, abort) = (lifecycle.drain(), lifecycle.abort());
            let last_figures = Arc::clone(&last_figures);
            async move {
                let outcome = pipeline.run(drain, abort, &last_figures).await;
                finished.cancel();
                outcome
            }
        });

        let ending = lifecycle.run(next_signal).await;
        let figures = last_figures
            .get()
            .copied()
            .unwrap_or_else(|| ledger.figures());
        conclude(figures, &ending)
    }
}

/// The part that carries matches.
struct Pipeline {
    feed: MatchStream,
    process: ProcessMatchStream,
    publisher: Arc<KafkaPublisher>,
    ledger: Arc<Ledger>,
}

impl Pipeline {
    /// Reads until `drain`, then waits for the last acknowledgement until `abort`.
    async fn run(
        self,
        drain: CancellationToken,
        abort: CancellationToken,
        last_figures: &OnceLock<LedgerFigures>,
    ) -> anyhow::Result<()> {
        let ingest = async {
            self.process.run(Box::new(self.feed), drain).await?;
            // The deadline is the abort token.
            while self.publisher.flush(FLUSH_ROUND).await.is_err() {}
            Ok(())
        };
        tokio::pin!(ingest);
        let outcome = tokio::select! {
            outcome = &mut ingest => outcome,
            () = abort.cancelled() => Ok(()),
        };
        // Read before `ingest` goes, and the receipts it holds with it.
        let figures = *last_figures.get_or_init(|| self.ledger.figures());
        match outcome {
            Ok(()) => {
                let pending = figures.pending;
                ensure!(
                    pending == 0,
                    "no more time: {pending} matches were in memory only, and are lost with this process"
                );
                Ok(())
            }
            failed => failed,
        }
    }
}

async fn run_publisher(
    publisher: Arc<KafkaPublisher>,
    finished: CancellationToken,
) -> Result<(), PublishError> {
    publisher.run(finished).await
}

async fn check_ledger(ledger: Arc<Ledger>, finished: CancellationToken) -> Result<(), Infallible> {
    let mut interval = tokio::time::interval(LEDGER_CHECK_INTERVAL);
    while finished
        .run_until_cancelled(interval.tick())
        .await
        .is_some()
    {
        ledger.check();
    }
    Ok(())
}

/// Writes the last line of the log, the ledger, and says how it all ended.
fn conclude(figures: LedgerFigures, ending: &Ending) -> ExitCode {
    let LedgerFigures {
        received,
        published,
        duplicates,
        dead_lettered,
        pending,
    } = figures;
    if !ending.unfinished.is_empty() {
        tracing::error!(tasks = ?ending.unfinished, "tasks did not end when they were aborted");
    }
    // Aborted with nothing left in memory is an end as good as any.
    let all_is_well = ending.failed.is_empty() && ending.unfinished.is_empty();
    let code = match figures.check() {
        Ok(()) if all_is_well => ExitCode::Ok,
        _ => ExitCode::Internal,
    };
    tracing::info!(
        ledger.received = received,
        ledger.published = published,
        ledger.duplicates = duplicates,
        ledger.dead_lettered = dead_lettered,
        ledger.pending = pending,
        ledger.balanced = figures.check().is_ok(),
        exit_code = code as u8,
        "stopped"
    );
    code
}
