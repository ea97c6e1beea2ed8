//! The real server on a free port of this machine.

pub(crate) mod desk;
pub(crate) mod world;

use std::{ops::Deref, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use domain::AccountId;
use health_kit::{Clock, Health, Readiness, SystemClock};
use http_kit::{RequestTimeout, ServiceParts, TrustedProxies, listen};
use http_test_kit::{DEADLINE, client::Site};
use model_application::{
    Skill,
    ports::{AccountScores, ModelPublisher, ScoresUnavailable},
};
use model_http_api::{ApiState, Published, serve};
use model_redis_adapter::RedisPublisher;
use redis_kit::{KeySpace, MemoryKeySpace};
use reqwest::{Response, StatusCode};
use serde_json::Value;
use test_kit::clock::StoppedClock;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use self::{desk::Desk, world::World};

/// 2024-06-30T07:17:00Z, an hour after the first run.
const CLOCK: StoppedClock = StoppedClock::at_unix_ms(1_719_731_820_000);
/// The token of servers that have one.
pub(crate) const TOKEN: &str = "zQz-a-token";
/// The account whose games the warehouse has.
pub(crate) const PLAYER: u32 = 4242;
/// The one for whom the warehouse never answers.
pub(crate) const SILENT: u32 = 4243;
/// The one for whom it fails.
pub(crate) const FAILING: u32 = 4244;

/// A running server and what it shows.
pub(crate) struct Api {
    pub(crate) site: Site,
    pub(crate) publisher: Arc<dyn ModelPublisher>,
    pub(crate) published: Arc<Published>,
    pub(crate) desk: Desk,
    stop: CancellationToken,
    server: JoinHandle<std::io::Result<()>>,
}

impl Api {
    /// A server before anything is published.
    pub(crate) fn start() -> Self {
        Self::start_on(Arc::new(MemoryKeySpace::new(Arc::new(SystemClock))))
    }

    /// A server that has a token, before anything is published.
    pub(crate) fn start_with_token() -> Self {
        Self::start_on_port(0, Some(TOKEN))
    }

    /// The same, on `port`, 0 being any.
    pub(crate) fn start_on_port(port: u16, token: Option<&str>) -> Self {
        let keys = MemoryKeySpace::new(Arc::new(SystemClock));
        let publisher: Arc<dyn ModelPublisher> =
            Arc::new(RedisPublisher::new(Arc::new(keys), None));
        let held = Published::new(Arc::clone(&publisher), Arc::new(CLOCK));
        Self::start_at(port, token, publisher, Arc::new(held))
    }

    /// A server that knows `world`.
    pub(crate) async fn start_with(world: &World) -> Self {
        let api = Self::start();
        world.publish(&*api.publisher).await;
        api.published.look().await.expect("it is published");
        api
    }

    /// A server over this space of keys.
    pub(crate) fn start_on(keys: Arc<dyn KeySpace>) -> Self {
        let publisher: Arc<dyn ModelPublisher> = Arc::new(RedisPublisher::new(keys, None));
        let held = Published::new(Arc::clone(&publisher), Arc::new(CLOCK));
        Self::start_at(0, None, publisher, Arc::new(held))
    }

    /// A server on `port`, 0 being any.
    pub(crate) fn start_at(
        port: u16,
        token: Option<&str>,
        publisher: Arc<dyn ModelPublisher>,
        held: Arc<Published>,
    ) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(CLOCK);
        let never = CancellationToken::new();
        let desk = Desk::new(&clock);
        let state = ApiState {
            service: ServiceParts {
                name: "model-service".to_owned(),
                version: "1.2.3",
                commit: "0123abc",
                health: Arc::new(Health::new(vec![desk.status.clone()])),
                readiness: Arc::new(Readiness::new(never, Vec::new())),
                cors_allowed_origins: Vec::new(),
                request_timeout: RequestTimeout::new(Duration::from_secs(5)),
                trusted_proxies: TrustedProxies::default(),
            },
            published: Arc::clone(&held),
            runs: Arc::clone(&desk.runs),
            token: token.map(Into::into),
            accounts: Some(Arc::new(Scores)),
            level: 0.9,
            clock,
        };
        let listener = listen("127.0.0.1", port).expect("the port is free");
        let address = listener.local_addr().expect("it is bound");
        let stop = CancellationToken::new();
        Self {
            site: Site::at(address),
            publisher,
            published: held,
            desk,
            server: tokio::spawn(serve(listener, state, stop.clone())),
            stop,
        }
    }

    /// The answer to a question in a body.
    pub(crate) async fn ask(&self, path: &str, question: &Value) -> Response {
        let request = self.client.post(format!("{}{path}", self.url));
        let request = request.json(question).send().await;
        request.expect("the server answers")
    }

    /// Asks with GET, and is refused so; the problem.
    pub(crate) async fn refused(&self, path: &str, status: u16, kind: &str) -> Value {
        problem(self.get(path).await, status, kind).await
    }

    /// Where it listens.
    #[cfg(feature = "browser-tests")]
    pub(crate) fn port(&self) -> u16 {
        let (_, port) = self.url.rsplit_once(':').expect("an address");
        port.parse().expect("a number")
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

impl Deref for Api {
    type Target = Site;

    fn deref(&self) -> &Site {
        &self.site
    }
}

/// The problem that an answer is.
pub(crate) async fn problem(answer: Response, status: u16, kind: &str) -> Value {
    let found = answer.status();
    let problem: Value = answer.json().await.expect("a problem is JSON");
    assert_eq!(
        found,
        StatusCode::from_u16(status).expect("a status"),
        "{problem}"
    );
    assert_eq!(problem["type"], kind, "{problem}");
    problem
}

/// A warehouse with the games of one account.
struct Scores;

#[async_trait]
impl AccountScores for Scores {
    async fn scores(
        &self,
        account: AccountId,
        patch: &str,
        skill: Skill,
    ) -> Result<Option<Bytes>, ScoresUnavailable> {
        match account.get() {
            PLAYER => {
                let json = format!(r#"{{"v":1,"computed_for":"{patch} {}"}}"#, skill.as_str());
                Ok(Some(json.into()))
            }
            SILENT => std::future::pending().await,
            FAILING => Err(ScoresUnavailable(
                "10.0.0.7 refuses the password".to_owned(),
            )),
            _ => Ok(None),
        }
    }
}
