//! The real server on a free port of this machine, an issuer, and a store that can be told to fail.

use std::{
    ops::Deref,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use auth_kit::TokenVerifier;
use auth_test_kit::TestIssuer;
use domain::{Timestamp, UserId};
use health_kit::{Clock, Health, Readiness};
use http_kit::{RequestTimeout, ServiceParts, TrustedProxies, listen};
use http_test_kit::client::Site;
use identity::{Issuer, Verifier};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::Value;
use test_kit::clock::HandClock;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use user_application::{
    Profile, Profiles,
    ports::{
        Beginning, Begun, Change, Changed, Found, ProfileStore, RememberedChange, Removal,
        StoreError, Subscribed, SubscriptionOrder,
    },
};
use user_http_api::{ApiState, serve};
use user_memory_adapter::MemoryProfiles;

/// All that a user's own client asks for.
pub(crate) const USER: &str = "profile:read profile:write";
pub(crate) const ME: &str = "/api/v1/profiles/me";

pub(crate) struct Api {
    pub(crate) site: Site,
    pub(crate) clock: Arc<HandClock>,
    pub(crate) issuer: TestIssuer,
    pub(crate) store: Arc<Moody>,
    stop: CancellationToken,
    server: JoinHandle<std::io::Result<()>>,
}

impl Api {
    pub(crate) async fn start() -> Self {
        let clock = Arc::new(HandClock::at(Timestamp::from_unix_ms(1_764_547_200_000)));
        let issuer = TestIssuer::start(Arc::clone(&clock) as Arc<dyn Clock>).await;
        let issuer = issuer.expect("a port can be had");
        let rules = Verifier {
            issuer: Issuer::try_new(issuer.url()).expect("it is an issuer"),
            audience: "match-platform".to_owned(),
            skew: Duration::from_secs(30),
        };
        let verifier = TokenVerifier::with_own_keys(rules, Arc::clone(&clock) as Arc<dyn Clock>);
        verifier
            .take_keys(issuer.key_set().as_bytes())
            .expect("it is a set of keys");
        let store = Arc::new(Moody::default());
        let state = ApiState {
            service: ServiceParts {
                name: "user-service".to_owned(),
                version: "1.2.3",
                commit: "0123abc",
                health: Arc::new(Health::new(vec![Arc::new(verifier.clone())])),
                readiness: Arc::new(Readiness::new(CancellationToken::new(), Vec::new())),
                cors_allowed_origins: Vec::new(),
                request_timeout: RequestTimeout::new(Duration::from_secs(5)),
                trusted_proxies: TrustedProxies::default(),
            },
            profiles: Arc::new(Profiles::new(store.clone(), clock.clone())),
            verifier,
            connections_in_use: Arc::new(|| 3),
        };
        let listener = listen("127.0.0.1", 0).expect("the port is free");
        let address = listener.local_addr().expect("it is bound");
        let stop = CancellationToken::new();
        Self {
            site: Site::at(address),
            clock,
            issuer,
            store,
            server: tokio::spawn(serve(listener, state, stop.clone())),
            stop,
        }
    }

    /// A token of somebody who has just signed in.
    pub(crate) fn token(&self, number: u8, scopes: &str) -> String {
        self.issuer.token(user(number), scopes)
    }

    pub(crate) fn request(&self, method: Method, path: &str, token: &str) -> RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.url));
        request.bearer_auth(token)
    }

    pub(crate) async fn look(&self, path: &str, token: &str) -> Response {
        sent(self.request(Method::GET, path, token)).await
    }

    /// A change that was made from this version.
    pub(crate) async fn patch(&self, token: &str, version: i64, patch: Value) -> Response {
        let request = self.request(Method::PATCH, ME, token);
        let request = request
            .header("if-match", format!("\"{version}\""))
            .json(&patch);
        sent(request).await
    }

    pub(crate) fn pass(&self, seconds: u64) {
        self.clock.pass(Duration::from_secs(seconds));
    }

    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.server
            .await
            .expect("it does not panic")
            .expect("it ends well");
    }
}

impl Deref for Api {
    type Target = Site;

    fn deref(&self) -> &Site {
        &self.site
    }
}

pub(crate) fn user(number: u8) -> UserId {
    UserId::new(Timestamp::from_unix_ms(1_764_000_000_000), [number; 10])
}

pub(crate) fn path_of(number: u8) -> String {
    format!("/api/v1/profiles/{}", user(number))
}

pub(crate) async fn sent(request: RequestBuilder) -> Response {
    request.send().await.expect("the server answers")
}

pub(crate) fn header<'a>(answer: &'a Response, name: &str) -> &'a str {
    let value = answer.headers().get(name);
    value.map_or("", |value| value.to_str().expect("it is text"))
}

pub(crate) async fn json(answer: Response) -> Value {
    answer.json().await.expect("it is JSON")
}

/// Status and body.
pub(crate) async fn read(answer: Response) -> (u16, Value) {
    (answer.status().as_u16(), json(answer).await)
}

/// Profiles in memory, unless it is told to answer with an error.
#[derive(Default)]
pub(crate) struct Moody {
    profiles: MemoryProfiles,
    error: Mutex<Option<StoreError>>,
}

impl Moody {
    pub(crate) fn fail(&self, error: Option<StoreError>) {
        *self.error.lock().unwrap_or_else(PoisonError::into_inner) = error;
    }

    fn mood(&self) -> Result<&MemoryProfiles, StoreError> {
        let error = self.error.lock().unwrap_or_else(PoisonError::into_inner);
        error.clone().map_or(Ok(&self.profiles), Err)
    }
}

#[async_trait]
impl ProfileStore for Moody {
    async fn find(&self, user: UserId) -> Result<Found, StoreError> {
        self.mood()?.find(user).await
    }

    async fn begin(&self, beginning: Beginning) -> Result<Begun, StoreError> {
        self.mood()?.begin(beginning).await
    }

    async fn change(&self, change: Change) -> Result<Changed, StoreError> {
        self.mood()?.change(change).await
    }

    async fn remove(&self, removal: Removal) -> Result<(), StoreError> {
        self.mood()?.remove(removal).await
    }

    async fn subscribe(&self, order: SubscriptionOrder) -> Result<Subscribed, StoreError> {
        self.mood()?.subscribe(order).await
    }

    async fn page(&self, after: Option<UserId>, limit: usize) -> Result<Vec<Profile>, StoreError> {
        self.mood()?.page(after, limit).await
    }

    async fn changes(&self, user: UserId) -> Result<Vec<RememberedChange>, StoreError> {
        self.mood()?.changes(user).await
    }
}
