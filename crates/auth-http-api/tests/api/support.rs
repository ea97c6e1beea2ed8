//! The real server on a free port of this machine, a simulated Steam, and a browser that does as it is told.

use std::{
    collections::BTreeSet,
    ops::Deref,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use auth_application::{Auth, AuthParts, AuthSettings, Clients, KeyRing, KeySchedule};
use auth_http_api::{ApiState, RateSettings, serve};
use auth_kit::TokenVerifier;
use auth_steam_adapter::SteamChecker;
use auth_test_support::RepeatingChance;
use auth_token_adapter::{EncryptionKey, SealedKeys, SealedSigner, key_set};
use domain::{SteamId, Timestamp};
use health_kit::{Clock, Health, Readiness};
use http_kit::{Rate, RequestTimeout, ServiceParts, TrustedProxies, listen};
use http_test_kit::client::Site;
use identity::{
    Algorithm, Client, ClientKind, ClientParts, Issuer, Scope, SessionLife, TokenTerms, Verifier,
    openid::Provider,
};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::Value;
use steam_simulator::SteamSimulator;
use test_kit::clock::HandClock;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use url::Url;

pub(crate) use crate::fields::{Fields, Formed, redemption, refreshing, wish};
use crate::moody::Moody;

/// 2026-11-29T12:00:00Z
const BEGIN: Timestamp = Timestamp::from_unix_seconds(1_795_953_600);
pub(crate) const ANA: u64 = 76_561_198_046_967_340;
pub(crate) const ADMIN: u64 = 76_561_198_000_000_001;
/// Where the client `native-app` is.
pub(crate) const BACK: &str = "http://127.0.0.1:7777/back";
pub(crate) const WEB_BACK: &str = "https://stats.example/back";
pub(crate) const ORIGIN: &str = "https://stats.example";
/// The example of RFC 7636, appendix B.
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
pub(crate) const CALLBACK: &str = "/login/steam/callback";

pub(crate) struct Api {
    pub(crate) site: Site,
    pub(crate) auth: Arc<Auth>,
    pub(crate) clock: Arc<HandClock>,
    pub(crate) steam: SteamSimulator,
    pub(crate) store: Arc<Moody>,
    stop: CancellationToken,
    server: JoinHandle<std::io::Result<()>>,
}

/// What differs from one server to another.
pub(crate) struct Given {
    pub(crate) rates: [&'static str; 3],
    pub(crate) is_steam_simulated: bool,
    pub(crate) has_key: bool,
    pub(crate) has_page_client: bool,
}

impl Default for Given {
    fn default() -> Self {
        Self {
            // No test is so busy.
            rates: ["1000/s"; 3],
            is_steam_simulated: false,
            has_key: true,
            has_page_client: true,
        }
    }
}

/// What a client gets.
#[derive(Debug, Clone)]
pub(crate) struct Tokens {
    pub(crate) access: String,
    pub(crate) refresh: String,
}

impl Api {
    pub(crate) async fn start() -> Self {
        Self::with(Given::default()).await
    }

    pub(crate) async fn with(given: Given) -> Self {
        let clock = Arc::new(HandClock::at(BEGIN));
        let shared = Arc::clone(&clock) as Arc<dyn Clock>;
        let anywhere = "127.0.0.1:0".parse().expect("it is an address");
        let steam = SteamSimulator::start(anywhere, [9; 32], Arc::clone(&shared)).await;
        let steam = steam.expect("a port can be had");
        let listener = listen("127.0.0.1", 0).expect("the port is free");
        let address = listener.local_addr().expect("it is bound");
        let issuer = Issuer::try_new(&format!("http://{address}")).expect("it is an issuer");
        let rules = Verifier {
            issuer: issuer.clone(),
            audience: "match-platform".to_owned(),
            skew: Duration::from_secs(30),
        };
        let store = Arc::new(Moody::default());
        let auth = auth(&given, &store, &steam, &rules, &shared);
        if given.has_key {
            auth.ring().look_after().await.expect("there is a key");
        }
        let auth = Arc::new(auth);
        let state = ApiState {
            service: ServiceParts {
                name: "auth-service".to_owned(),
                version: "1.2.3",
                commit: "0123abc",
                health: Arc::new(Health::new(vec![Arc::clone(auth.ring()) as _])),
                readiness: Arc::new(Readiness::new(CancellationToken::new(), Vec::new())),
                cors_allowed_origins: Vec::new(),
                request_timeout: RequestTimeout::new(Duration::from_secs(8)),
                trusted_proxies: TrustedProxies::default(),
            },
            auth: Arc::clone(&auth),
            verifier: TokenVerifier::with_own_keys(rules, shared),
            key_set: |keys| key_set(keys),
            rates: rates(given.rates),
            is_steam_simulated: given.is_steam_simulated,
            connections_in_use: Arc::new(|| 3),
        };
        let stop = CancellationToken::new();
        Self {
            site: Site::at(address),
            auth,
            clock,
            steam,
            store,
            server: tokio::spawn(serve(listener, state, stop.clone())),
            stop,
        }
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url))
    }

    pub(crate) fn bearer(&self, method: Method, path: &str, token: &str) -> RequestBuilder {
        self.request(method, path).bearer_auth(token)
    }

    /// A client sends a browser with these fields and this cookie.
    pub(crate) async fn authorize(&self, wish: &Fields, cookie: Option<&str>) -> Response {
        let path = format!("/authorize?{}", wish.written());
        sent(with_cookie(self.request(Method::GET, &path), cookie)).await
    }

    /// The browser is at Steam, which sends it back as `person`: the query it comes back with, and its cookie.
    pub(crate) async fn at_steam(&self, wish: &Fields, person: u64) -> (Fields, String) {
        let answer = self.authorize(wish, None).await;
        assert_eq!(answer.status(), StatusCode::SEE_OTHER);
        let cookie = cookie(&answer).expect("the browser is given a cookie");
        let back = self.back_from_steam(location(&answer), person).await;
        (back, cookie)
    }

    /// What Steam sends a browser back with that has come by this address.
    pub(crate) async fn back_from_steam(&self, address: &str, person: u64) -> Fields {
        let person = SteamId::try_new(person).expect("a person");
        self.steam.log_in(Some(person));
        let answer = sent(self.client.get(address)).await;
        let back = Url::parse(location(&answer)).expect("it is an address");
        assert_eq!(back.path(), CALLBACK);
        Fields::of_address(&back)
    }

    pub(crate) async fn callback(&self, fields: &Fields, cookie: Option<&str>) -> Response {
        self.callback_text(&fields.written(), cookie).await
    }

    pub(crate) async fn callback_text(&self, query: &str, cookie: Option<&str>) -> Response {
        let path = format!("{CALLBACK}?{query}");
        sent(with_cookie(self.request(Method::GET, &path), cookie)).await
    }

    /// Signs somebody in; the code.
    pub(crate) async fn code(&self, wish: &Fields, person: u64) -> String {
        let (back, cookie) = self.at_steam(wish, person).await;
        let answer = self.callback(&back, Some(&cookie)).await;
        let given = Fields::of_answer(&answer);
        given.get("code").expect("there is a code").to_owned()
    }

    /// Signs somebody in, and begins a session.
    pub(crate) async fn sign_in(&self, person: u64) -> Tokens {
        let code = self.code(&wish(), person).await;
        let (status, document) = self.form("/token", &redemption(&code)).await;
        assert_eq!(status, 200, "{document}");
        Tokens::of(&document)
    }

    /// An access token with the scope `admin`.
    pub(crate) async fn admin(&self) -> String {
        self.sign_in(ADMIN).await.access
    }

    /// The answer to a form, as JSON; null if it is empty.
    pub(crate) async fn form(&self, path: &str, fields: &Fields) -> (u16, Value) {
        read(sent(self.request(Method::POST, path).fields(fields)).await).await
    }

    pub(crate) fn pass(&self, time: Duration) {
        self.clock.pass(time);
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

impl Tokens {
    pub(crate) fn of(document: &Value) -> Self {
        let text = |name: &str| document[name].as_str().expect("it is text").to_owned();
        Self {
            access: text("access_token"),
            refresh: text("refresh_token"),
        }
    }
}

fn with_cookie(request: RequestBuilder, cookie: Option<&str>) -> RequestBuilder {
    match cookie {
        Some(cookie) => request.header("cookie", cookie),
        None => request,
    }
}

pub(crate) async fn sent(request: RequestBuilder) -> Response {
    request.send().await.expect("the server answers")
}

pub(crate) fn header<'a>(answer: &'a Response, name: &str) -> &'a str {
    let value = answer.headers().get(name);
    value.map_or("", |value| value.to_str().expect("it is text"))
}

pub(crate) fn location(answer: &Response) -> &str {
    header(answer, "location")
}

/// Name and value of the cookie that comes with an answer.
pub(crate) fn cookie(answer: &Response) -> Option<String> {
    let (pair, _) = header(answer, "set-cookie").split_once(';')?;
    Some(pair.to_owned())
}

/// Status and body; null if that is empty.
pub(crate) async fn read(answer: Response) -> (u16, Value) {
    let status = answer.status().as_u16();
    let body = answer.bytes().await.expect("it can be read");
    if body.is_empty() {
        return (status, Value::Null);
    }
    (status, serde_json::from_slice(&body).expect("it is JSON"))
}

/// Asserts that an answer is a page of this status, and leads nowhere; its text.
pub(crate) async fn page(answer: Response, status: u16) -> String {
    assert_eq!(answer.status().as_u16(), status);
    assert_eq!(location(&answer), "");
    assert!(header(&answer, "content-type").starts_with("text/html"));
    assert_eq!(header(&answer, "cache-control"), "no-store");
    assert_eq!(header(&answer, "referrer-policy"), "no-referrer");
    assert_eq!(header(&answer, "x-frame-options"), "DENY");
    let policy = header(&answer, "content-security-policy");
    assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
    answer.text().await.expect("it is text")
}

fn rates([authorize, token, failures]: [&str; 3]) -> RateSettings {
    let rate = |text| Rate::parse(text).expect("it is a rate");
    RateSettings {
        authorize: rate(authorize),
        token: rate(token),
        failures: rate(failures),
    }
}

fn auth(
    given: &Given,
    store: &Arc<Moody>,
    steam: &SteamSimulator,
    rules: &Verifier,
    clock: &Arc<dyn Clock>,
) -> Auth {
    let day = Duration::from_hours(24);
    let provider = Provider::try_simulated(&steam.endpoint(), &steam.claimed_id_prefix());
    let provider = provider.expect("it is one");
    let stores = store.stores();
    let key = EncryptionKey::try_new(&std::array::from_fn(|at| u8::try_from(at).unwrap_or(0)));
    let key = key.expect("it is a key");
    let schedule = KeySchedule::try_new(Algorithm::Es256, 30 * day, Duration::from_hours(1));
    let ring = KeyRing::new(
        Arc::clone(&stores.keys),
        Arc::new(SealedKeys::new(key.clone())),
        Arc::new(SealedSigner::new(key, rules.clone())),
        schedule.expect("a month is more than an hour"),
        Arc::clone(clock),
    );
    let checker = SteamChecker::try_new("auth-service/1.2.3", provider.clone(), Vec::new());
    let settings = AuthSettings {
        terms: TokenTerms {
            issuer: rules.issuer.clone(),
            audience: rules.audience.clone(),
            life: Duration::from_mins(5),
        },
        provider,
        clients: clients(given),
        code_life: Duration::from_mins(1),
        session_life: SessionLife {
            idle: 30 * day,
            absolute: 90 * day,
            grace: Duration::from_secs(10),
        },
        admins: BTreeSet::from([SteamId::try_new(ADMIN).expect("a person")]),
    };
    Auth::new(AuthParts {
        settings,
        stores,
        checker: Arc::new(checker.expect("it has a name")),
        people: None,
        revocations: None,
        ring: Arc::new(ring),
        chance: Arc::new(RepeatingChance::default()),
        clock: Arc::clone(clock),
    })
}

fn clients(given: &Given) -> Clients {
    let scopes = [Scope::ProfileRead, Scope::DraftRead, Scope::Admin];
    let client = |id, kind, redirect_uri, origins: &[&str]| {
        let parts = ClientParts {
            id,
            name: "Statistics",
            kind,
            redirect_uris: &[redirect_uri],
            scopes: scopes.into_iter().collect(),
            origins,
        };
        Client::try_new(parts).expect("a client")
    };
    let native = client(
        "native-app",
        ClientKind::Native,
        "http://127.0.0.1/back",
        &[],
    );
    let web = client("stats-site", ClientKind::Web, WEB_BACK, &[ORIGIN]);
    let page = client(
        "own-sessions",
        ClientKind::Native,
        "http://127.0.0.1/sessions",
        &[],
    );
    let page = given.has_page_client.then_some(page);
    Clients::try_new([native, web].into_iter().chain(page)).expect("they differ")
}

/// Values that a test must not see again somewhere.
#[derive(Default)]
pub(crate) struct Planted(Mutex<Vec<String>>);

impl Planted {
    pub(crate) fn plant(&self, secret: &str) {
        let mut secrets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        secrets.push(secret.to_owned());
    }

    pub(crate) fn assert_not_in(&self, place: &str, text: &str) {
        let secrets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for secret in secrets.iter() {
            assert!(
                !text.contains(secret.as_str()),
                "{place} shows {secret}: {text}"
            );
        }
    }
}
