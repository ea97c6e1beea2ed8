//! Auth in memory, with a client and a browser.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use auth_application::{
    AddressPrefix, Auth, AuthParts, AuthSettings, Authorized, Caller, CameBack, Clients, KeyRing,
    KeySchedule, Stores, TokenAnswer, TokenError, UserAgent,
};
use auth_memory_adapter::MemoryStore;
use auth_test_support::{
    PlainMaker, PlainSigner, RepeatingChance, ScriptedPeople, ScriptedSteam, ToldVerifiers,
};
use domain::{SteamId, Timestamp};
use health_kit::Clock as _;
use identity::{
    Algorithm, BrowserSecret, Client, ClientKind, ClientParts, Issuer, Principal, Scope, Scopes,
    SessionLife, TokenTerms, openid::Provider,
};
use secrecy::ExposeSecret as _;
use test_kit::clock::RunningClock;

use crate::query::Query;

/// 2026-11-29T12:00:00Z
pub(crate) const BEGIN: Timestamp = Timestamp::from_unix_seconds(1_795_953_600);
pub(crate) const ANA: u64 = 76_561_198_046_967_340;
pub(crate) const ADMIN: u64 = 76_561_198_000_000_001;
pub(crate) const BACK: &str = "https://stats.example/back";
/// The example of RFC 7636, appendix B.
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

pub(crate) struct World {
    pub(crate) auth: Auth,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) steam: Arc<ScriptedSteam>,
    pub(crate) signer: Arc<PlainSigner>,
    pub(crate) told: Arc<ToldVerifiers>,
    pub(crate) clock: RunningClock,
}

/// What a browser has when Steam has sent it back.
pub(crate) struct Tab {
    pub(crate) query: Query,
    pub(crate) browser: BrowserSecret,
}

pub(crate) fn issuer() -> Issuer {
    Issuer::try_new("https://login.example").expect("an issuer")
}

pub(crate) fn caller() -> Caller {
    Caller {
        address: Some(AddressPrefix::of([192, 0, 2, 77].into())),
        user_agent: UserAgent::shortened("Mozilla/5.0"),
    }
}

pub(crate) fn settings() -> AuthSettings {
    let client = |id, scopes: &[Scope]| {
        let parts = ClientParts {
            id,
            name: "Statistics",
            kind: ClientKind::Web,
            redirect_uris: &[BACK],
            scopes: scopes.iter().copied().collect(),
            origins: &[],
        };
        Client::try_new(parts).expect("a client")
    };
    let all = [Scope::ProfileRead, Scope::DraftRead, Scope::Admin];
    AuthSettings {
        terms: TokenTerms {
            issuer: issuer(),
            audience: "match-platform".to_owned(),
            life: Duration::from_mins(5),
        },
        provider: Provider::steam(),
        clients: Clients::try_new([
            client("stats-site", &all),
            client("other-site", &[Scope::DraftRead]),
        ])
        .expect("two clients"),
        code_life: Duration::from_mins(1),
        session_life: SessionLife {
            idle: Duration::from_hours(30 * 24),
            absolute: Duration::from_hours(90 * 24),
            grace: Duration::from_secs(10),
        },
        admins: BTreeSet::from([SteamId::try_new(ADMIN).expect("a person")]),
    }
}

impl World {
    pub(crate) async fn new() -> Self {
        let world = Self::over(Arc::default(), settings(), Some(ScriptedPeople::default()));
        world
            .auth
            .ring()
            .look_after()
            .await
            .expect("there is a key");
        world
    }

    /// An instance over this store, which has not looked for keys yet.
    pub(crate) fn over(
        store: Arc<MemoryStore>,
        settings: AuthSettings,
        people: Option<ScriptedPeople>,
    ) -> Self {
        let stores = Stores::of(store.clone());
        Self::with(store, stores, settings, people, ToldVerifiers::default())
    }

    pub(crate) fn with(
        store: Arc<MemoryStore>,
        stores: Stores,
        settings: AuthSettings,
        people: Option<ScriptedPeople>,
        told: ToldVerifiers,
    ) -> Self {
        /// So that instances over one store draw different secrets.
        static WORLDS: AtomicU32 = AtomicU32::new(0);
        let chance = RepeatingChance::numbered(WORLDS.fetch_add(1, Ordering::Relaxed));
        let clock = RunningClock::from(BEGIN);
        let day = Duration::from_hours(24);
        let schedule = KeySchedule::try_new(Algorithm::Es256, 30 * day, Duration::from_hours(1));
        let (steam, signer) = (
            Arc::<ScriptedSteam>::default(),
            Arc::<PlainSigner>::default(),
        );
        let told = Arc::new(told);
        let ring = KeyRing::new(
            stores.keys.clone(),
            Arc::new(PlainMaker::default()),
            signer.clone(),
            schedule.expect("a month is more than an hour"),
            Arc::new(clock),
        );
        let auth = Auth::new(AuthParts {
            settings,
            stores,
            checker: steam.clone(),
            people: people.map(|it| Arc::new(it) as _),
            revocations: Some(told.clone()),
            ring: Arc::new(ring),
            chance: Arc::new(chance),
            clock: Arc::new(clock),
        });
        Self {
            auth,
            store,
            steam,
            signer,
            told,
            clock,
        }
    }

    /// What a client asks for.
    pub(crate) fn wish() -> Query {
        Query::of(&[
            ("response_type", "code"),
            ("client_id", "stats-site"),
            ("redirect_uri", BACK),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
            ("state", "a state & more"),
            ("scope", "profile:read draft:read admin"),
        ])
    }

    /// A browser comes back from Steam, which has seen this person.
    pub(crate) async fn tab(&self, person: u64) -> Tab {
        self.tab_of(&Self::wish(), person).await
    }

    pub(crate) async fn tab_of(&self, wish: &Query, person: u64) -> Tab {
        match self.auth.authorize(&wish.0, None).await {
            Authorized::ToSteam {
                location,
                browser: Some(browser),
            } => Tab {
                query: self.answered(&location, person),
                browser,
            },
            other => panic!("not to Steam: {other:?}"),
        }
    }

    /// What Steam sends a browser back with that came with this question.
    pub(crate) fn answered(&self, question: &str, person: u64) -> Query {
        let back = Query::read(question);
        let back = back.get("openid.return_to").expect("a way back");
        let state = Query::read(back).get("state").expect("a state").to_owned();
        let seconds = (self.clock.now().unix_seconds() - BEGIN.unix_seconds()) % 86_400;
        let (hour, minute, second) = (12 + seconds / 3_600, seconds / 60 % 60, seconds % 60);
        let nonce = format!(
            "2026-11-29T{hour:02}:{minute:02}:{second:02}Z{}",
            &state[..8]
        );
        Query::honest(&issuer(), &state, person, &nonce)
    }

    pub(crate) async fn callback(&self, query: &Query, browser: &BrowserSecret) -> CameBack {
        self.auth
            .callback(&query.text(), Some(browser), &caller())
            .await
    }

    pub(crate) async fn come_back(&self, tab: &Tab) -> CameBack {
        self.callback(&tab.query, &tab.browser).await
    }

    /// Signs somebody in; the code.
    pub(crate) async fn code(&self, person: u64) -> String {
        let tab = self.tab(person).await;
        match self.come_back(&tab).await {
            CameBack::In { location } => {
                let code = Query::read(&location);
                code.get("code").expect("a code").to_owned()
            }
            other => panic!("nobody came in: {other:?}"),
        }
    }

    pub(crate) fn form(code: &str) -> Query {
        Query::of(&[
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", BACK),
            ("client_id", "stats-site"),
            ("code_verifier", VERIFIER),
        ])
    }

    pub(crate) async fn token(&self, form: &Query) -> Result<TokenAnswer, TokenError> {
        self.auth.token(&form.0, &caller()).await
    }

    /// Signs somebody in and begins a session.
    pub(crate) async fn session(&self, person: u64) -> TokenAnswer {
        let form = Self::form(&self.code(person).await);
        self.token(&form).await.expect("a session begins")
    }

    pub(crate) fn refresh_form(answer: &TokenAnswer) -> Query {
        Query::of(&[
            ("grant_type", "refresh_token"),
            ("refresh_token", answer.refresh.written().expose_secret()),
            ("client_id", "stats-site"),
        ])
    }

    pub(crate) async fn refresh(&self, answer: &TokenAnswer) -> Result<TokenAnswer, TokenError> {
        self.token(&Self::refresh_form(answer)).await
    }

    /// Whoever has this token, as a verifier sees it.
    pub(crate) fn principal(&self, answer: &TokenAnswer) -> Principal {
        let taken = self
            .auth
            .ring()
            .verify(answer.access.as_str(), self.clock.now());
        taken.expect("the token is taken")
    }

    /// The words of what was set down, with the reason if there is one.
    pub(crate) fn set_down(&self) -> Vec<String> {
        let audit = self.store.audit().into_iter().map(|entry| {
            let reason = entry.detail.iter().find(|(name, _)| *name == "reason");
            let reason = reason.map_or(String::new(), |(_, value)| format!(" {value}"));
            format!("{}{reason}", entry.event.code())
        });
        audit.collect()
    }
}

pub(crate) fn scopes(text: &str) -> Scopes {
    if text.is_empty() {
        return Scopes::NONE;
    }
    Scopes::try_read(text).expect("a list")
}

/// Lets time go by, which stands still otherwise.
pub(crate) async fn wait(time: Duration) {
    tokio::time::advance(time).await;
}
