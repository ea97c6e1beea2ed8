//! The real server on a free port of this machine, and a backlog that is sent to nobody.

use std::{net::SocketAddr, ops::Deref, sync::Arc, time::Duration};

use bytes::Bytes;
use domain::MatchId;
use health_kit::{Clock, Condition, Health, HealthCheck, HealthReporter, HealthStatus, Readiness};
use http_kit::{RequestTimeout, ServiceParts, TrustedProxies, listen};
pub(crate) use http_test_kit::DEADLINE;
use http_test_kit::client::Site;
use ingestion_application::{
    Backlog, BacklogLimits, BacklogSettings, BacklogWork, DeadLetterReason, FoundMatch,
    FrameParsers, HandIn, IngestionStatus, Ledger, SourceName, SourceStatus,
    ports::{CallFigures, DisconnectReason, FrameParser, InvalidFrame, ReceivedBatch},
};
use ingestion_http_api::{ApiState, WriteAccess, serve};
use ingestion_test_support::{journal::FakeJournal, publisher::FakePublisher};
use test_kit::clock::StoppedClock;
use tokio::{
    task::{JoinHandle, JoinSet},
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;

/// The feed of all tests.
pub(crate) const FEED: SourceName = SourceName::new("opendota_stream");
/// The token of servers that have one.
pub(crate) const TOKEN: &str = "zQz-a-token";

/// Calls of the feed, so that there is one with all the figures that a feed can have.
struct Calls;

impl CallFigures for Calls {
    fn calls(&self) -> Vec<(&'static str, u64)> {
        vec![("answered", 3), ("failed", 1)]
    }

    fn budget_left(&self) -> Vec<(&'static str, u64)> {
        vec![("day", 99_996)]
    }

    fn behind(&self) -> Vec<(&'static str, Duration)> {
        vec![("second_pass", Duration::from_secs(90))]
    }
}

/// A running server and what it shows.
pub(crate) struct Api {
    pub(crate) site: Site,
    pub(crate) address: SocketAddr,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) backlog: Arc<Backlog>,
    /// Acknowledges what is received, unless it is told to hold it.
    pub(crate) publisher: Arc<FakePublisher>,
    pub(crate) source: Arc<SourceStatus>,
    pub(crate) kafka: Arc<Kafka>,
    /// Cancelled, the service is draining.
    pub(crate) drain: CancellationToken,
    stop: CancellationToken,
    server: JoinHandle<std::io::Result<()>>,
    /// The work on the backlog, unless the test does it; ends with this.
    work: JoinSet<()>,
}

/// A part of the service that is as the test says.
pub(crate) struct Kafka(pub(crate) Condition);

impl HealthReporter for Kafka {
    fn checks(&self) -> Vec<HealthCheck> {
        vec![self.0.check()]
    }
}

/// Takes digits for a match, and everything else for no JSON.
struct Digits;

impl FrameParser for Digits {
    fn parse(&self, frame: &[u8]) -> Result<FoundMatch, Box<InvalidFrame>> {
        let text = str::from_utf8(frame).unwrap_or_default();
        let id = text.parse().ok().map(MatchId::try_new);
        let found = id.and_then(Result::ok).map(FoundMatch::Id);
        found.ok_or_else(|| {
            Box::new(InvalidFrame {
                reason: DeadLetterReason::NotJson,
                detail: "no digits".to_owned(),
                payload: Bytes::copy_from_slice(frame),
            })
        })
    }
}

/// Frames of [`FEED`] are its own.
fn parsers() -> FrameParsers {
    FrameParsers::new(Arc::new(Digits), vec![(FEED, Arc::new(Digits))])
}

/// 2025-11-08T18:30:00Z, always.
const CLOCK: StoppedClock = StoppedClock::at_unix_ms(1_762_626_600_000);

/// A backlog in front of `publisher`: its ledger, and the work on it.
fn backlog(publisher: Arc<FakePublisher>) -> (Arc<Ledger>, BacklogWork) {
    let clock: Arc<dyn Clock> = Arc::new(CLOCK);
    let ledger = Arc::new(Ledger::new(Arc::clone(&clock)));
    let settings = BacklogSettings {
        dedup_window_size: 1_000,
        has_summaries: false,
        may_stand_by: false,
        limits: BacklogLimits::DEFAULT,
    };
    let journal = Arc::new(FakeJournal::new());
    let (_, work) = Backlog::new(settings, journal, publisher, Arc::clone(&ledger), clock);
    (ledger, work)
}

impl Deref for Api {
    type Target = Site;

    fn deref(&self) -> &Site {
        &self.site
    }
}

impl Api {
    /// Starts a server with CORS closed.
    pub(crate) fn start() -> Self {
        Self::start_with_origins(&[])
    }

    /// Starts a server whose answers pages of `origins` may read.
    pub(crate) fn start_with_origins(origins: &[&str]) -> Self {
        Self::start_at(0, origins)
    }

    /// Starts a server that has a token, and a backlog in front of `publisher`.
    pub(crate) fn start_with_token(publisher: Arc<FakePublisher>) -> (Self, BacklogWork) {
        let (ledger, work) = backlog(publisher.clone());
        let backlog = Arc::clone(work.backlog());
        let write = WriteAccess {
            token: TOKEN.into(),
            hand_in: Arc::new(HandIn::new(
                Arc::clone(&backlog),
                parsers(),
                Arc::new(CLOCK),
            )),
        };
        let api = Self::start_on(ledger, backlog, publisher, (0, &[]), Some(write));
        (api, work)
    }

    /// Starts a server on `port`, 0 being any.
    pub(crate) fn start_at(port: u16, origins: &[&str]) -> Self {
        let publisher = Arc::new(FakePublisher::new(10_000));
        let (ledger, work) = backlog(publisher.clone());
        let backlog = Arc::clone(work.backlog());
        let mut api = Self::start_on(ledger, backlog, publisher, (port, origins), None);
        api.work.spawn(async move {
            let ended = work.run().await;
            panic!("it runs until it is dropped: {ended:?}");
        });
        api
    }

    fn start_on(
        ledger: Arc<Ledger>,
        backlog: Arc<Backlog>,
        publisher: Arc<FakePublisher>,
        (port, origins): (u16, &[&str]),
        write: Option<WriteAccess>,
    ) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(CLOCK);
        let reasons = &DisconnectReason::OF_WEBSOCKETS;
        let source = SourceStatus::new(FEED, reasons, DEADLINE, Arc::clone(&clock));
        let source = Arc::new(source.with_calls(Some(Arc::new(Calls))));
        let kafka = Arc::new(Kafka(Condition::new(
            "kafka",
            HealthStatus::Healthy,
            "brokers answer",
            Arc::clone(&clock),
        )));
        let parts: Vec<Arc<dyn HealthReporter>> =
            vec![source.clone(), kafka.clone(), ledger.clone()];
        let drain = CancellationToken::new();
        let state = ApiState {
            service: ServiceParts {
                name: "ingestion-service".to_owned(),
                version: "1.2.3",
                commit: "0123abc",
                health: Arc::new(Health::new(parts)),
                readiness: Arc::new(Readiness::new(drain.clone(), Vec::new())),
                cors_allowed_origins: origins.iter().map(ToString::to_string).collect(),
                request_timeout: RequestTimeout::new(Duration::from_secs(5)),
                trusted_proxies: TrustedProxies::default(),
            },
            ingestion: Arc::new(
                IngestionStatus::new(
                    Arc::clone(&ledger),
                    vec![Arc::clone(&source)],
                    Arc::new(FakeJournal::new()),
                    clock,
                )
                .with_role_of(Arc::clone(&backlog)),
            ),
            write,
        };
        let listener = listen("127.0.0.1", port).expect("the port is free");
        let address = listener.local_addr().expect("it is bound");
        let stop = CancellationToken::new();
        let server = tokio::spawn(serve(listener, state, stop.clone()));
        Self {
            site: Site::at(address),
            address,
            ledger,
            backlog,
            publisher,
            source,
            kafka,
            drain,
            stop,
            server,
            work: JoinSet::new(),
        }
    }

    /// Takes in matches of [`FEED`] with these ids, and an invalid frame for each reason.
    pub(crate) fn receive(&self, ids: impl IntoIterator<Item = i64>, invalid: &[DeadLetterReason]) {
        let ids = ids.into_iter();
        let matches = ids.map(|id| MatchId::try_new(id).expect("the tests use valid ids"));
        let matches = matches.map(|id| Ok(id.into()));
        let invalid = invalid.iter().map(|reason| {
            Err(Box::new(InvalidFrame {
                reason: *reason,
                detail: format!("it is {reason}"),
                payload: Bytes::from_static(b"PING"),
            }))
        });
        let batch = ReceivedBatch {
            received_at: CLOCK.now(),
            frames: matches.chain(invalid).collect(),
            checkpoint: None,
            passed_over: 0,
        };
        self.backlog.receive(FEED, batch);
    }

    /// Waits until nothing is pending.
    pub(crate) async fn settled(&self) {
        let begun = Instant::now();
        while self.ledger.figures().pending > 0 {
            assert!(begun.elapsed() < DEADLINE, "{:?}", self.ledger.figures());
            sleep(Duration::from_millis(1)).await;
        }
    }

    /// Stops the server and waits for its end.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        let server = tokio::time::timeout(DEADLINE, self.server).await;
        server
            .expect("the server stops in time")
            .expect("it does not panic")
            .expect("it stops without an error");
    }
}
