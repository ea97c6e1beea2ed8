//! The wiring: every adapter, the use cases, and the order in which they end.

use std::{net::TcpListener, sync::Arc};

use anyhow::Context as _;
use command_kit::{COMMIT, VERSION};
use etl_application::ports::MatchDetails;
use etl_application::{
    CallCounter, DayBuilder, DayStatus, DetailParts, DetailStatus, DetailWorker, EtlStatus, Ledger,
    LoadStatus, Loader, LoaderParts, PatchKeeper, SchemaWatch, TopicFigures, backfill::Backfills,
};
use etl_http_api::{ApiState, WriteAccess};
use etl_kafka_adapter::{KafkaDeadLetters, KafkaHealth, KafkaRecords};
use etl_opendota_adapter::{OpenDotaDetails, UPSTREAM};
use health_kit::{Clock, Health, Readiness, SystemClock};
use http_kit::ServiceParts;
use service_kit::{
    exit_code::ExitCode,
    lifecycle::{Lifecycle, ProcessEnd},
};
use tokio_util::sync::CancellationToken;

use crate::{
    backfill::{Origins, backfiller},
    opendota::OpenDotaAccess,
    settings::{CounterSettings, Settings},
    warehouse::Warehouse,
};

/// The service, put together and not yet running.
pub struct Service {
    loader: Loader,
    schema: Option<SchemaWatch>,
    patches: PatchKeeper,
    builder: DayBuilder,
    details: DetailWorker,
    backfills: Arc<Backfills>,
    kafka: Arc<KafkaHealth>,
    warehouse: Warehouse,
    ledger: Arc<Ledger>,
    api: ApiState,
    listener: TcpListener,
}

impl Service {
    /// Puts the service together. Taken from the world are the port of the HTTP
    /// interface and the file of an embedded warehouse; a server is asked whose
    /// its tables are, and Kafka is for [`run`](Self::run).
    ///
    /// `drain` is cancelled when the service is asked to end.
    ///
    /// # Errors
    /// A setting that is well-formed but cannot work here.
    pub async fn build(settings: Settings, drain: CancellationToken) -> anyhow::Result<Self> {
        let listener = http_kit::listen(&settings.api.host, settings.api.port)?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let warehouse = Warehouse::open(&settings, &clock).await?;
        warehouse.refuse_newer().await?;

        let (records, dead_letters, kafka) = kafka(&settings, &clock)?;
        let ledger = Arc::new(Ledger::new(settings.kafka.topics().map(Arc::from)));
        let load = Arc::new(LoadStatus::new(&clock));
        warehouse.tell(&load);
        let schema = warehouse.schema_watch(&load);
        let parts = LoaderParts {
            consumer: records.clone(),
            facts: Arc::clone(&warehouse.facts),
            wishes: Arc::clone(&warehouse.wishes),
            dead_letters,
            ledger: Arc::clone(&ledger),
            status: Arc::clone(&load),
        };
        let opendota = OpenDotaAccess::new(&settings.opendota, &warehouse.calls, &clock);
        let details = details(&settings, &warehouse, &opendota, &load, &clock)?;
        let wishes = details.status();
        let loader = Loader::new(parts, settings.loader);
        let backfills = backfills(&settings, &warehouse, opendota, &wishes, &load, &clock)?;
        let patches = warehouse.patch_keeper(&settings.counters.patches, &clock);
        let builder = builder(settings.counters, &warehouse, &clock);
        let days = builder.status();

        let api = ApiState {
            service: ServiceParts::new(
                settings.service_name,
                (VERSION, COMMIT),
                &settings.api,
                health(&kafka, &load, &days, &wishes),
                // Its main work waits for everything else.
                Readiness::new(drain, Vec::new()),
            ),
            etl: Arc::new(
                EtlStatus::new(
                    Arc::clone(&ledger),
                    load,
                    days,
                    wishes,
                    records,
                    Arc::clone(&clock),
                )
                .with_backfills(Arc::clone(&backfills)),
            ),
            counters: Arc::clone(&warehouse.counters),
            reader: Arc::clone(&warehouse.reader),
            clock,
            write: settings.api.token.map(|token| WriteAccess {
                token,
                facts: Arc::clone(&warehouse.facts),
                backfills: Arc::clone(&backfills),
            }),
        };
        Ok(Self {
            loader,
            schema,
            patches,
            builder,
            details,
            backfills,
            kafka,
            warehouse,
            ledger,
            api,
            listener,
        })
    }

    /// What the HTTP interface shows, and asks.
    #[must_use]
    pub fn api(&self) -> &ApiState {
        &self.api
    }

    /// Where the HTTP interface answers.
    ///
    /// # Errors
    /// The system does not say.
    pub fn address(&self) -> std::io::Result<std::net::SocketAddr> {
        self.listener.local_addr()
    }

    /// Runs until `next_signal` says so, then drains: nothing more is read, what
    /// was read is stored and committed as far as there is time, and the HTTP
    /// interface answers until that is done.
    pub async fn run(
        self,
        lifecycle: Lifecycle,
        next_signal: impl AsyncFnMut() -> &'static str,
    ) -> ExitCode {
        let Self {
            loader,
            schema,
            patches,
            builder,
            details,
            backfills,
            kafka,
            warehouse,
            ledger,
            api,
            listener,
        } = self;
        tracing::info!(version = VERSION, commit = COMMIT, "started");
        // Cancelled when the last batch is done, or when there is no more time.
        let finished = CancellationToken::new();

        lifecycle.spawn("http", etl_http_api::serve(listener, api, finished.clone()));
        lifecycle.spawn("kafka health", {
            // What it asks through goes away when the loader ends.
            let drain = lifecycle.drain();
            async move {
                kafka.watch(drain).await;
                Ok::<_, std::convert::Infallible>(())
            }
        });
        if let Some(schema) = schema {
            let drain = lifecycle.drain();
            lifecycle.spawn("schema", async move {
                schema.run(drain).await;
                Ok::<_, std::convert::Infallible>(())
            });
        }
        lifecycle.spawn("day builder", {
            let drain = lifecycle.drain();
            async move {
                // Days are built meanwhile; what is marked then is built once more.
                tokio::join!(patches.run(drain.clone()), builder.run(drain));
                Ok::<_, std::convert::Infallible>(())
            }
        });
        lifecycle.spawn("details", {
            let (drain, abort) = (lifecycle.drain(), lifecycle.abort());
            async move {
                details.run(drain, abort).await;
                Ok::<_, std::convert::Infallible>(())
            }
        });
        lifecycle.spawn("backfills", {
            let drain = lifecycle.drain();
            async move {
                backfills.run(drain).await;
                Ok::<_, std::convert::Infallible>(())
            }
        });
        lifecycle.spawn("loader", {
            let (drain, abort) = (lifecycle.drain(), lifecycle.abort());
            async move {
                loader.run(drain, abort).await;
                finished.cancel();
                Ok::<_, std::convert::Infallible>(())
            }
        });

        let ending = lifecycle.run(next_signal).await;
        warehouse.close().await;
        conclude(ledger.figures().total(), &ending)
    }
}

/// Who loads past ranges.
fn backfills(
    settings: &Settings,
    warehouse: &Warehouse,
    opendota: Arc<OpenDotaAccess>,
    wishes: &Arc<DetailStatus>,
    load: &Arc<LoadStatus>,
    clock: &Arc<dyn Clock>,
) -> anyhow::Result<Arc<Backfills>> {
    let origins = Origins::try_new(settings, &warehouse.calls, clock);
    let origins = origins.context("the KAFKA_ settings cannot work")?;
    Ok(Arc::new(Backfills::new(
        backfiller(settings, warehouse, load, clock),
        Arc::new(origins.beside(opendota, Arc::clone(wishes) as Arc<dyn CallCounter>)),
        Arc::clone(clock),
    )))
}

/// The member of the group, where its dead letters go, and how both are.
fn kafka(
    settings: &Settings,
    clock: &Arc<dyn Clock>,
) -> anyhow::Result<(Arc<KafkaRecords>, Arc<KafkaDeadLetters>, Arc<KafkaHealth>)> {
    let wrong = "the KAFKA_ settings cannot work";
    let records =
        Arc::new(KafkaRecords::try_new(&settings.kafka, Arc::clone(clock)).context(wrong)?);
    let dead_letters = KafkaDeadLetters::try_new(&settings.kafka).context(wrong)?;
    let health = KafkaHealth::new(&settings.kafka, Arc::clone(&records), &dead_letters, clock);
    Ok((records, Arc::new(dead_letters), Arc::new(health)))
}

/// What all parts say of themselves.
fn health(
    kafka: &Arc<KafkaHealth>,
    load: &Arc<LoadStatus>,
    days: &Arc<DayStatus>,
    wishes: &Arc<DetailStatus>,
) -> Health {
    Health::new(vec![
        kafka.clone(),
        load.clone(),
        days.clone(),
        wishes.clone(),
    ])
}

/// Who builds days.
fn builder(counters: CounterSettings, warehouse: &Warehouse, clock: &Arc<dyn Clock>) -> DayBuilder {
    DayBuilder::new(
        Arc::clone(&warehouse.counters),
        counters.rules,
        counters.patches,
        counters.delay,
        Arc::clone(clock),
    )
}

/// Who asks for details, and nobody with `DETAILS_FOR=none`.
fn details(
    settings: &Settings,
    warehouse: &Warehouse,
    opendota: &OpenDotaAccess,
    load: &Arc<LoadStatus>,
    clock: &Arc<dyn Clock>,
) -> anyhow::Result<DetailWorker> {
    let opendota = || {
        let client = opendota.client().map_err(anyhow::Error::msg);
        let client = client.context("the OPENDOTA_ settings cannot work")?;
        Ok::<_, anyhow::Error>(OpenDotaDetails::new(client))
    };
    let details: Option<Arc<dyn MatchDetails>> = if settings.loader.wishes.wanted.is_none() {
        None
    } else {
        Some(Arc::new(opendota()?))
    };
    let parts = DetailParts {
        upstream: UPSTREAM,
        details,
        queue: Arc::clone(&warehouse.queue),
        facts: Arc::clone(&warehouse.facts),
        load: Arc::clone(load),
        clock: Arc::clone(clock),
    };
    Ok(DetailWorker::new(parts, settings.details))
}

/// Writes the last line of the log, the ledger, and says how it all ended.
fn conclude(figures: TopicFigures, ending: &ProcessEnd) -> ExitCode {
    if !ending.unfinished.is_empty() {
        tracing::error!(tasks = ?ending.unfinished, "tasks did not end when they were aborted");
    }
    // What is pending was not committed: the next run reads it again.
    let all_is_well = ending.failed.is_empty() && ending.unfinished.is_empty();
    let code = if all_is_well && figures.is_balanced() {
        ExitCode::Ok
    } else {
        ExitCode::Internal
    };
    tracing::info!(
        ledger.consumed = figures.consumed,
        ledger.loaded = figures.loaded,
        ledger.dead_lettered = figures.dead_lettered,
        ledger.pending = figures.pending,
        ledger.balanced = figures.is_balanced(),
        exit_code = code as u8,
        "stopped"
    );
    code
}
