//! The real server on a free port of this machine.

mod consumer;
mod warehouse;

use std::{ops::Deref, sync::Arc, time::Duration};

use domain::{CountingRules, Patches, Timestamp};
use etl_application::{
    BatchLimits, Content, DayBuilder, DayStatus, DetailParts, DetailSettings, DetailStatus,
    DetailWorker, EtlStatus, Invalid, Ledger, LoadStatus, Loader, LoaderParts, LoaderSettings,
    RawRecord, Record, WISHES_WAITING_MAX, WishRules,
    backfill::{
        BackfillRange, BackfillSettings, BackfillShare, Backfiller, BackfillerParts, Backfills,
        Span,
    },
    ports::{ConsumerEvent, TopicPartition},
};
use etl_http_api::{ApiState, WriteAccess, serve};
use etl_test_support::{
    ListedOrigin, MemoryWarehouse,
    answers::{NOON, said_by, whole},
};
use health_kit::{Clock, Health, HealthReporter, Readiness};
use http_kit::{RequestTimeout, ServiceParts, TrustedProxies, listen};
use http_test_kit::{DEADLINE, client::Site};
use test_kit::clock::StoppedClock;
use tokio::{
    task::{JoinHandle, JoinSet},
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;

pub(crate) use consumer::FakeConsumer;
pub(crate) use warehouse::{FakeUpstream, FakeWarehouse, Mood, day, hero, summary};

/// The token of servers that have one.
pub(crate) const TOKEN: &str = "zQz-a-token";
/// The topic of all tests.
pub(crate) const TOPIC: &str = "match_summaries";
/// 2025-11-08T18:30:00Z, always.
const CLOCK: StoppedClock = StoppedClock::at_unix_ms(1_762_626_600_000);

/// A running server and what it shows.
pub(crate) struct Api {
    pub(crate) site: Site,
    #[cfg(feature = "browser-tests")]
    pub(crate) address: std::net::SocketAddr,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) load: Arc<LoadStatus>,
    pub(crate) days: Arc<DayStatus>,
    pub(crate) wishes: Arc<DetailStatus>,
    pub(crate) warehouse: Arc<FakeWarehouse>,
    pub(crate) consumer: Arc<FakeConsumer>,
    pub(crate) backfills: Arc<Backfills>,
    stop: CancellationToken,
    server: JoinHandle<std::io::Result<()>>,
    /// The loader and the builder of days; they end with this.
    work: JoinSet<()>,
}

impl Api {
    /// A server without a token.
    pub(crate) fn start() -> Self {
        Self::start_at(0, None)
    }

    /// A server that has one.
    pub(crate) fn start_with_token() -> Self {
        Self::start_at(0, Some(TOKEN))
    }

    /// A server on `port`, 0 being any.
    pub(crate) fn start_at(port: u16, token: Option<&str>) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(CLOCK);
        let warehouse = Arc::new(FakeWarehouse::default());
        let consumer = Arc::new(FakeConsumer::default());
        let ledger = Arc::new(Ledger::new([TOPIC.into()]));
        let load = Arc::new(LoadStatus::new(&clock));
        let builder = DayBuilder::new(
            warehouse.clone(),
            CountingRules::default(),
            Patches::built_in(),
            Duration::from_mins(5),
            Arc::clone(&clock),
        );
        let days = builder.status();
        let details = details(&warehouse, &load, &clock);
        let wishes = details.status();
        let mut work = JoinSet::new();
        let loader = loader(&consumer, &warehouse, &ledger, &load);
        let never = CancellationToken::new();
        work.spawn(loader.run(never.clone(), never.clone()));
        work.spawn(builder.run(never.clone()));
        work.spawn(details.run(never.clone(), never.clone()));

        let backfills = backfills(&warehouse, &load);
        work.spawn(Arc::clone(&backfills).run(never.clone()));
        let parts: Vec<Arc<dyn HealthReporter>> = vec![load.clone(), days.clone(), wishes.clone()];
        let state = ApiState {
            service: ServiceParts {
                name: "etl-service".to_owned(),
                version: "1.2.3",
                commit: "0123abc",
                health: Arc::new(Health::new(parts)),
                readiness: Arc::new(Readiness::new(never, Vec::new())),
                cors_allowed_origins: Vec::new(),
                request_timeout: RequestTimeout::new(Duration::from_secs(5)),
                trusted_proxies: TrustedProxies::default(),
            },
            etl: Arc::new(status(
                &backfills,
                EtlStatus::new(
                    Arc::clone(&ledger),
                    Arc::clone(&load),
                    Arc::clone(&days),
                    Arc::clone(&wishes),
                    consumer.clone(),
                    Arc::clone(&clock),
                ),
            )),
            counters: warehouse.clone(),
            reader: warehouse.clone(),
            clock,
            write: token.map(|token| write_access(token, &warehouse, &backfills)),
        };
        let listener = listen("127.0.0.1", port).expect("the port is free");
        let address = listener.local_addr().expect("it is bound");
        let stop = CancellationToken::new();
        Self {
            site: Site::at(address),
            #[cfg(feature = "browser-tests")]
            address,
            ledger,
            load,
            days,
            wishes,
            warehouse,
            consumer,
            backfills,
            server: tokio::spawn(serve(listener, state, stop.clone())),
            stop,
            work,
        }
    }

    /// Has these contents consumed, from partition 0 on.
    pub(crate) fn consume(&self, contents: impl IntoIterator<Item = Result<Content, Invalid>>) {
        let records = contents.into_iter().zip(0..);
        let records = records.map(|(content, offset)| Record {
            from: TopicPartition {
                topic: TOPIC.into(),
                partition: 0,
            },
            offset,
            content,
            raw: RawRecord::default(),
        });
        self.consumer
            .send(ConsumerEvent::Records(records.collect()));
    }

    /// Waits until so much has been consumed and nothing is pending.
    pub(crate) async fn settled(&self, consumed: u64) {
        let is_settled = || {
            let total = self.ledger.figures().total();
            total.consumed == consumed && total.pending == 0
        };
        self.until(is_settled).await;
    }

    /// Waits until `is_true`.
    pub(crate) async fn until(&self, is_true: impl Fn() -> bool) {
        let begun = Instant::now();
        while !is_true() {
            assert!(begun.elapsed() < DEADLINE, "it never came true");
            sleep(Duration::from_millis(1)).await;
        }
    }

    /// Stops the server and waits for its end.
    pub(crate) async fn stop(mut self) {
        self.stop.cancel();
        let server = tokio::time::timeout(DEADLINE, self.server).await;
        server
            .expect("the server stops in time")
            .expect("it does not panic")
            .expect("it stops without an error");
        self.work.shutdown().await;
    }
}

impl Deref for Api {
    type Target = Site;

    fn deref(&self) -> &Site {
        &self.site
    }
}

fn write_access(
    token: &str,
    warehouse: &Arc<FakeWarehouse>,
    backfills: &Arc<Backfills>,
) -> WriteAccess {
    WriteAccess {
        token: token.into(),
        facts: warehouse.clone(),
        backfills: Arc::clone(backfills),
    }
}

/// Whoever asks for details; no wish is ever due.
fn details(
    warehouse: &Arc<FakeWarehouse>,
    load: &Arc<LoadStatus>,
    clock: &Arc<dyn Clock>,
) -> DetailWorker {
    let parts = DetailParts {
        upstream: "opendota",
        details: Some(Arc::new(FakeUpstream)),
        queue: warehouse.clone(),
        facts: warehouse.clone(),
        load: Arc::clone(load),
        clock: Arc::clone(clock),
    };
    let settings = DetailSettings {
        attempts_max: 6,
        parallel: 8,
        waiting_max: WISHES_WAITING_MAX,
        look_every: Duration::from_secs(2),
    };
    DetailWorker::new(parts, settings)
}

fn loader(
    consumer: &Arc<FakeConsumer>,
    warehouse: &Arc<FakeWarehouse>,
    ledger: &Arc<Ledger>,
    load: &Arc<LoadStatus>,
) -> Loader {
    let parts = LoaderParts {
        consumer: consumer.clone(),
        facts: warehouse.clone(),
        wishes: warehouse.clone(),
        dead_letters: warehouse.clone(),
        ledger: Arc::clone(ledger),
        status: Arc::clone(load),
    };
    let settings = LoaderSettings {
        batch: BatchLimits {
            rows_max: 100_000,
            bytes_max: 1 << 20,
        },
        batch_wait: Duration::from_millis(10),
        inserts_parallel: 2,
        wishes: WishRules::default(),
    };
    Loader::new(parts, settings)
}

fn status(backfills: &Arc<Backfills>, status: EtlStatus) -> EtlStatus {
    status.with_backfills(Arc::clone(backfills))
}

/// Backfills of one range, the topic's: a match, and one that never comes.
fn backfills(warehouse: &Arc<FakeWarehouse>, load: &Arc<LoadStatus>) -> Arc<Backfills> {
    let clock: Arc<dyn Clock> = Arc::new(CLOCK);
    let parts = BackfillerParts {
        facts: warehouse.clone(),
        store: Arc::new(MemoryWarehouse::new(Arc::clone(&clock))),
        status: Arc::clone(load),
        clock: Arc::clone(&clock),
    };
    let settings = BackfillSettings {
        batch: BatchLimits {
            rows_max: 1,
            bytes_max: 1 << 20,
        },
        batch_wait: Duration::from_secs(2),
        share: BackfillShare::default(),
    };
    let backfiller = Backfiller::new(parts, settings);
    let mut origin = ListedOrigin::new([1, 2].map(|id| Ok(said_by("a", 1, whole(id, NOON)))), 1);
    origin.wait_before(1);
    Arc::new(Backfills::new(backfiller, Arc::new(origin), clock))
}

/// A range of the topic, of so many hours.
pub(crate) fn range(hours: i64) -> BackfillRange {
    BackfillRange::Topic(Span {
        from: Timestamp::from_unix_seconds(NOON),
        to: Timestamp::from_unix_seconds(NOON + (hours + 1) * 3600),
    })
}
