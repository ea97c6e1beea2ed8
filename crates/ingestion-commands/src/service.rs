//! The wiring: every adapter, the use case, and the order in which they end.

use std::{
    hash::{BuildHasher as _, RandomState},
    net::TcpListener,
    sync::Arc,
};

use command_kit::{COMMIT, VERSION};
use health_kit::{Health, HealthReporter, Readiness};
use ingestion_application::{
    Feed, Gaps, IngestionStatus, Ledger, LedgerFigures, Pipeline, ports::PublishError,
};
use ingestion_http_api::{ApiState, WriteAccess};
use ingestion_kafka_adapter::KafkaPublisher;
use service_kit::{
    exit_code::ExitCode,
    lifecycle::{Lifecycle, ProcessEnd},
};
use tokio_util::sync::CancellationToken;

use crate::{feeds, settings::Settings, way_out::WayOut};

/// The service, put together and not yet running.
pub struct Service {
    pipeline: Pipeline,
    publisher: Arc<KafkaPublisher>,
    ledger: Arc<Ledger>,
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
    pub fn build(settings: Settings, drain: CancellationToken) -> anyhow::Result<Self> {
        let listener = http_kit::listen(&settings.api.host, settings.api.port)?;
        let WayOut {
            clock,
            ledger,
            publisher,
            journal,
            work,
            hand_in,
        } = WayOut::build(&settings)?;
        // Seeded at random, so that instances do not reconnect in step.
        let jitter_seed = RandomState::new().hash_one(());
        let feeds = feeds::build(&settings, &clock, jitter_seed)?;
        let feed_statuses: Vec<_> = feeds.iter().map(|built| built.feed.status()).collect();
        let (feeds, of_feeds): (Vec<Feed>, Vec<_>) = feeds
            .into_iter()
            .map(|built| (built.feed, built.reporters))
            .unzip();
        let backlog = Arc::clone(work.backlog());
        let known = feeds::sources().collect();
        let gaps = Arc::new(Gaps::new(&feeds, known, Arc::clone(&clock)));
        let pipeline = Pipeline::new(work, feeds).with_gaps(Arc::clone(&gaps));

        let mut reporters: Vec<Arc<dyn HealthReporter>> = Vec::new();
        for status in &feed_statuses {
            reporters.push(status.clone());
        }
        reporters.extend(of_feeds.into_iter().flatten());
        reporters.push(publisher.clone());
        reporters.push(journal.clone());
        reporters.push(backlog);
        reporters.push(ledger.clone());
        reporters.push(gaps.clone());
        let api = ApiState {
            service_name: settings.service_name,
            version: VERSION,
            commit: COMMIT,
            health: Arc::new(Health::new(reporters)),
            readiness: Arc::new(Readiness::new(drain, vec![journal.clone()])),
            ingestion: Arc::new(
                IngestionStatus::new(Arc::clone(&ledger), feed_statuses, journal, clock)
                    .with_gaps(gaps),
            ),
            write: settings
                .api
                .token
                .map(|token| WriteAccess { token, hand_in }),
            cors_allowed_origins: settings.api.cors_allowed_origins,
            request_timeout: settings.api.request_timeout,
            trusted_proxies: settings.api.trusted_proxies,
        };
        Ok(Self {
            pipeline,
            publisher,
            ledger,
            api,
            listener,
        })
    }

    /// Where the HTTP interface answers.
    ///
    /// # Errors
    /// The system does not say.
    pub fn address(&self) -> std::io::Result<std::net::SocketAddr> {
        self.listener.local_addr()
    }

    /// What the HTTP interface shows.
    #[must_use]
    pub fn api(&self) -> &ApiState {
        &self.api
    }

    /// Runs until `next_signal` says so, then drains: the feed stops first,
    /// what it gave is acknowledged next, and the HTTP interface answers until
    /// that is done.
    pub async fn run(
        self,
        lifecycle: Lifecycle,
        next_signal: impl AsyncFnMut() -> &'static str,
    ) -> ExitCode {
        let Self {
            pipeline,
            publisher,
            ledger,
            api,
            listener,
        } = self;
        tracing::info!(version = VERSION, commit = COMMIT, "started");
        // Cancelled when the last match is settled, or when there is no more time.
        let finished = CancellationToken::new();

        lifecycle.spawn(
            "http",
            ingestion_http_api::serve(listener, api, finished.clone()),
        );
        lifecycle.spawn("publisher", run_publisher(publisher, finished.clone()));
        lifecycle.spawn("pipeline", {
            let (drain, abort) = (lifecycle.drain(), lifecycle.abort());
            async move {
                let outcome = pipeline.run(drain, abort).await;
                finished.cancel();
                outcome
            }
        });

        let ending = lifecycle.run(next_signal).await;
        conclude(ledger.figures(), &ending)
    }
}

pub(crate) async fn run_publisher(
    publisher: Arc<KafkaPublisher>,
    finished: CancellationToken,
) -> Result<(), PublishError> {
    publisher.run(finished).await
}

/// Writes the last line of the log, the ledger, and says how it all ended.
fn conclude(figures: LedgerFigures, ending: &ProcessEnd) -> ExitCode {
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
