//! The wiring: every adapter, the use case, and the order in which they end.
//!
//! Where other instances stand by, one that is fenced ends in the same order and
//! begins anew as one of them, in the same process and behind the same port.

use std::{
    hash::{BuildHasher as _, RandomState},
    net::TcpListener,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use command_kit::{COMMIT, VERSION};
use health_kit::{Health, HealthReporter, Readiness};
use http_kit::ServiceParts;
use ingestion_application::{
    Backlog, BacklogError, Feed, Gaps, IngestionStatus, Ledger, LedgerFigures, Pipeline,
    PipelineError, ports::PublishError,
};
use ingestion_http_api::{ApiState, WriteAccess};
use ingestion_journal_adapter::OpenError;
use ingestion_kafka_adapter::KafkaPublisher;
use service_kit::{
    exit_code::ExitCode,
    lifecycle::{Lifecycle, ProcessEnd},
};
use tokio::{task::spawn_blocking, time::sleep};
use tokio_util::sync::CancellationToken;

use crate::{feeds, settings::Settings, way_out::WayOut};

/// The service, put together and not yet running.
pub struct Service {
    pipeline: Pipeline,
    publisher: Arc<KafkaPublisher>,
    ledger: Arc<Ledger>,
    backlog: Arc<Backlog>,
    api: ApiState,
    listener: TcpListener,
    /// What it is put together from again when another instance has taken over;
    /// none where that is its end.
    again: Option<Settings>,
}

/// So often the parts of an instance that was fenced are looked for: what still
/// shows its journal ends within seconds.
const AGAIN_ATTEMPTS: u32 = 100;
const AGAIN_PAUSE: Duration = Duration::from_millis(100);

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
        Self::build_behind(listener, settings, drain)
    }

    /// Puts it together behind a port that is taken already.
    fn build_behind(
        listener: TcpListener,
        settings: Settings,
        drain: CancellationToken,
    ) -> anyhow::Result<Self> {
        let again = settings.kafka.is_standby.then(|| settings.clone());
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
        reporters.push(backlog.clone());
        reporters.push(ledger.clone());
        reporters.push(gaps.clone());
        let api = ApiState {
            service: ServiceParts::new(
                settings.service_name,
                (VERSION, COMMIT),
                &settings.api,
                Health::new(reporters),
                Readiness::new(drain, vec![journal.clone()]),
            ),
            ingestion: Arc::new(
                IngestionStatus::new(Arc::clone(&ledger), feed_statuses, journal, clock)
                    .with_gaps(gaps)
                    .with_role_of(Arc::clone(&backlog)),
            ),
            write: settings
                .api
                .token
                .map(|token| WriteAccess { token, hand_in }),
        };
        Ok(Self {
            pipeline,
            publisher,
            ledger,
            backlog,
            api,
            listener,
            again,
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
    ///
    /// Where it may stand by, it does the same when another instance has taken
    /// over, and then begins anew as a standby.
    pub async fn run(
        self,
        lifecycle: Lifecycle,
        mut next_signal: impl AsyncFnMut() -> &'static str,
    ) -> ExitCode {
        let (mut service, mut lifecycle) = (self, lifecycle);
        tracing::info!(version = VERSION, commit = COMMIT, "started");
        loop {
            let ledger = Arc::clone(&service.ledger);
            let again = service.again.clone().zip(service.listener.try_clone().ok());
            let mut is_asked = false;
            let next = async || {
                let signal = next_signal().await;
                is_asked = true;
                signal
            };
            let (ending, is_replaced) = service.run_once(lifecycle, next).await;
            let is_well = ending.failed.is_empty() && ending.unfinished.is_empty();
            let figures = ledger.figures();
            let Some((settings, listener)) = again.filter(|_| is_replaced && is_well && !is_asked)
            else {
                return conclude(figures, &ending);
            };
            drop(ledger);
            tracing::warn!(
                ledger.pending = figures.pending,
                "another instance has taken over: this one goes on as a standby, with what is pending"
            );
            lifecycle = Lifecycle::new(settings.shutdown_timeout);
            service = match again_behind(listener, settings, &lifecycle.drain()).await {
                Ok(service) => service,
                Err(error) => {
                    tracing::error!("this instance cannot go on as a standby: {error:#}");
                    return ExitCode::Internal;
                }
            };
        }
    }

    /// Runs until the end of the process, or until another instance has taken
    /// over: how it ended, and whether it was that.
    async fn run_once(
        self,
        lifecycle: Lifecycle,
        next_signal: impl AsyncFnMut() -> &'static str,
    ) -> (ProcessEnd, bool) {
        let Self {
            pipeline,
            publisher,
            backlog,
            api,
            listener,
            again,
            ..
        } = self;
        // Cancelled when the last match is settled, or when there is no more time.
        let finished = CancellationToken::new();
        let replaced = Replaced {
            may_be: again.is_some(),
            is: Arc::default(),
            drain: lifecycle.drain(),
        };

        let former = Arc::clone(&publisher);

        lifecycle.spawn(
            "http",
            ingestion_http_api::serve(listener, api, finished.clone()),
        );
        lifecycle.spawn("publisher", {
            let (replaced, finished) = (replaced.clone(), finished.clone());
            async move {
                let outcome = run_publisher(publisher, finished).await;
                if matches!(outcome, Err(PublishError::Fenced { .. })) && replaced.note() {
                    backlog.give_way();
                    return Ok(());
                }
                outcome
            }
        });
        lifecycle.spawn("pipeline", {
            let (drain, abort) = (lifecycle.drain(), lifecycle.abort());
            let replaced = replaced.clone();
            async move {
                let outcome = pipeline.run(drain, abort).await;
                finished.cancel();
                let is_fenced = matches!(
                    outcome,
                    Err(PipelineError::Stopped(BacklogError::Publish(
                        PublishError::Fenced { .. }
                    )))
                );
                if is_fenced && replaced.note() {
                    return Ok(());
                }
                outcome
            }
        });

        let ending = lifecycle.run(next_signal).await;
        former.let_go();
        (ending, replaced.is.load(Ordering::Relaxed))
    }
}

/// Whether another instance has taken over, where that is no failure.
#[derive(Clone)]
struct Replaced {
    may_be: bool,
    is: Arc<AtomicBool>,
    drain: CancellationToken,
}

impl Replaced {
    /// Notes that it has; false where that is a failure.
    fn note(&self) -> bool {
        if self.may_be {
            self.is.store(true, Ordering::Relaxed);
            self.drain.cancel();
        }
        self.may_be
    }
}

/// Puts the service together again, once its former parts have let go of the journal.
async fn again_behind(
    listener: TcpListener,
    settings: Settings,
    drain: &CancellationToken,
) -> anyhow::Result<Service> {
    let mut attempts = 0;
    loop {
        attempts += 1;
        let (listener, settings) = (listener.try_clone()?, settings.clone());
        let drain = drain.clone();
        let building = spawn_blocking(move || Service::build_behind(listener, settings, drain));
        match building.await? {
            Err(error) if attempts < AGAIN_ATTEMPTS && is_locked(&error) => {
                sleep(AGAIN_PAUSE).await;
            }
            built => return built,
        }
    }
}

fn is_locked(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(OpenError::Locked { .. }))
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
