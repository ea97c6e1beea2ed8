//! People who sign in, for checks of stores.

use std::{
    fmt::Debug,
    panic::Location,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Result, bail, ensure};
use auth_application::{
    AddressPrefix, Caller, Stores, UserAgent,
    ports::{
        Completed, Ending, Login, LoginStore, Profile, RedeemRequest, Redeemed, RefreshRequest,
        Refreshed, SessionStore, TokenState, Which,
    },
};
use domain::{AccountId, SessionId, SteamId, Timestamp, UserId};
use identity::{
    Attempt, ClientId, ClientState, CodeChallenge, CodeVerifier, Digest, EndReason, RedirectUri,
    Scope, Scopes, Secret, Session, SessionLife, kind, openid::Nonce,
};

use super::{Audited, Subject};

/// 2026-11-29T12:00:00Z
pub const BEGIN: Timestamp = Timestamp::from_unix_seconds(1_795_953_600);
/// How long sessions last here.
pub const LIFE: SessionLife = SessionLife {
    idle: Duration::from_hours(30 * 24),
    absolute: Duration::from_hours(90 * 24),
    grace: Duration::from_secs(10),
};
/// The example of RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const BACK: &str = "https://stats.example/back";

/// A store, and people who use it. Nothing that it makes is made twice.
pub struct World {
    pub(crate) subject: Arc<dyn Subject>,
    pub(crate) stores: Stores,
    count: AtomicU64,
}

/// A session that has just begun.
#[derive(Debug, Clone)]
pub struct Begun {
    /// The session.
    pub session: Session,
    /// The code that it was begun with.
    pub code: Digest<kind::Code>,
    /// Its first refresh token.
    pub token: Digest<kind::Refresh>,
}

/// A secret by number: the same one whenever it is asked for.
#[must_use]
pub fn secret<K>(number: u64) -> Secret<K> {
    let mut bytes = [7; 32];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    Secret::new(bytes)
}

/// The client of this name.
///
/// # Panics
/// It is no name.
#[must_use]
pub fn client(name: &str) -> ClientId {
    ClientId::try_new(name).expect("a name of a client")
}

pub(crate) fn after(seconds: u64) -> Timestamp {
    BEGIN.saturating_add(Duration::from_secs(seconds))
}

pub(crate) fn scopes() -> Scopes {
    Scopes::from_iter([Scope::ProfileRead, Scope::DraftRead])
}

pub(crate) fn person(number: u32) -> SteamId {
    SteamId::of(AccountId::try_new(number).expect("a number of an account"))
}

pub(crate) fn caller() -> Caller {
    Caller {
        address: Some(AddressPrefix::kept("192.0.2.0/24".to_owned())),
        user_agent: UserAgent::shortened("Mozilla/5.0 (Lochkarte; \u{1F600} \"';--)"),
    }
}

impl World {
    /// An empty store.
    #[must_use]
    pub fn new(subject: Arc<dyn Subject>) -> Self {
        Self {
            stores: subject.instance(0),
            subject,
            count: AtomicU64::new(1),
        }
    }

    pub(crate) fn logins(&self) -> &dyn LoginStore {
        &*self.stores.logins
    }

    pub(crate) fn sessions(&self) -> &dyn SessionStore {
        &*self.stores.sessions
    }

    pub(crate) fn digest<K>(&self) -> Digest<K> {
        secret(self.count.fetch_add(1, Ordering::Relaxed)).digest()
    }

    fn chance(&self) -> [u8; 10] {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        let mut bytes = [9; 10];
        bytes[..8].copy_from_slice(&count.to_be_bytes());
        bytes
    }

    pub(crate) fn nonce(&self) -> Nonce {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        Nonce::read(&format!("2026-11-29T12:00:00Z{count}")).expect("it begins with a second")
    }

    /// An attempt that begins now, not kept yet.
    #[must_use]
    pub fn attempt(&self, at: Timestamp) -> Attempt {
        Attempt {
            client: client("stats-site"),
            redirect_uri: RedirectUri::kept(BACK.to_owned()),
            client_state: ClientState::try_new("a state \"';--").expect("it is printable"),
            challenge: CodeChallenge::try_new(CHALLENGE, Some("S256")).expect("a challenge"),
            scopes: Some(scopes()),
            browser: self.digest(),
            begun_at: at,
            ended_at: None,
            checks_failed: 0,
        }
    }

    /// Begins an attempt.
    pub(crate) async fn begin(&self, at: Timestamp) -> Result<Digest<kind::Attempt>> {
        let id = self.digest();
        self.logins().begin(&id, &self.attempt(at)).await?;
        Ok(id)
    }

    /// What Steam's yes for an attempt leads to.
    #[must_use]
    pub fn login(&self, attempt: Digest<kind::Attempt>, person: SteamId, at: Timestamp) -> Login {
        Login {
            attempt,
            client: client("stats-site"),
            redirect_uri: RedirectUri::kept(BACK.to_owned()),
            nonce: self.nonce(),
            person,
            profile: Profile::default(),
            new_user: UserId::new(at, self.chance()),
            code: self.digest(),
            scopes: scopes(),
            code_expires_at: at.saturating_add(Duration::from_mins(1)),
            address: caller().address,
            at,
        }
    }

    /// Signs somebody in; the user and the code.
    ///
    /// # Errors
    /// Nobody came in.
    pub async fn sign_in(
        &self,
        person: SteamId,
        at: Timestamp,
    ) -> Result<(UserId, Digest<kind::Code>)> {
        let login = self.login(self.begin(at).await?, person, at);
        match self.logins().complete(&login).await? {
            Completed::In(user) => Ok((user, login.code)),
            other => bail!("nobody came in: {other:?}"),
        }
    }

    /// What is asked by whoever redeems a code.
    #[must_use]
    pub fn redeeming(&self, code: Digest<kind::Code>, at: Timestamp) -> RedeemRequest {
        RedeemRequest {
            code,
            client: client("stats-site"),
            redirect_uri: BACK.to_owned(),
            verifier: CodeVerifier::try_new(VERIFIER).expect("a verifier"),
            session: SessionId::new(at, self.chance()),
            first: self.digest(),
            life: LIFE,
            caller: caller(),
            at,
        }
    }

    /// Signs somebody in and begins a session.
    ///
    /// # Errors
    /// None has begun.
    pub async fn begin_session(&self, person: SteamId, at: Timestamp) -> Result<Begun> {
        let (_, code) = self.sign_in(person, at).await?;
        let request = self.redeeming(code, at);
        match self.sessions().redeem(&request).await? {
            Redeemed::Begun { session, .. } => Ok(Begun {
                session,
                code,
                token: request.first,
            }),
            refused @ Redeemed::Refused { .. } => bail!("no session has begun: {refused:?}"),
        }
    }

    /// What is asked by whoever presents a token.
    #[must_use]
    pub fn refreshing(&self, token: Digest<kind::Refresh>, at: Timestamp) -> RefreshRequest {
        RefreshRequest {
            token,
            next: self.digest(),
            client: client("stats-site"),
            scopes: None,
            life: LIFE,
            caller: caller(),
            at,
        }
    }

    /// Refreshes; the next token.
    ///
    /// # Errors
    /// None was given.
    pub async fn refresh(
        &self,
        token: Digest<kind::Refresh>,
        at: Timestamp,
    ) -> Result<Digest<kind::Refresh>> {
        let request = self.refreshing(token, at);
        match self.sessions().refresh(&request).await? {
            Refreshed::Given { .. } => Ok(request.next),
            refused @ Refreshed::Refused { .. } => bail!("nothing was given: {refused:?}"),
        }
    }

    /// The word for why nothing is given for a token.
    pub(crate) async fn refused(
        &self,
        token: Digest<kind::Refresh>,
        at: Timestamp,
    ) -> Result<(&'static str, Option<SessionId>)> {
        let request = self.refreshing(token, at);
        match self.sessions().refresh(&request).await? {
            Refreshed::Refused { refusal, ended } => Ok((refusal.code(), ended)),
            given @ Refreshed::Given { .. } => bail!("something was given: {given:?}"),
        }
    }

    pub(crate) async fn token(&self, token: &Digest<kind::Refresh>) -> Result<TokenState> {
        let state = self.sessions().token(token).await?;
        state.ok_or_else(|| anyhow::anyhow!("a token is not there"))
    }

    /// The session with how and why it ended.
    pub(crate) async fn end_of(&self, session: SessionId) -> Result<Option<EndReason>> {
        let session = self.sessions().session(session).await?;
        let session = session.ok_or_else(|| anyhow::anyhow!("a session is not there"))?;
        Ok(session.ended.map(|ended| ended.reason))
    }

    pub(crate) async fn end(
        &self,
        which: Which,
        reason: EndReason,
        at: Timestamp,
    ) -> Result<Vec<SessionId>> {
        let ending = Ending {
            which,
            reason,
            caller: caller(),
            at,
        };
        Ok(self.sessions().end(&ending).await?)
    }

    /// How many of these tokens were never used.
    pub(crate) async fn tips(&self, tokens: &[Digest<kind::Refresh>]) -> Result<usize> {
        let mut tips = 0;
        for token in tokens {
            let found = self.sessions().token(token).await?;
            let is_tip = |it: &TokenState| {
                it.session.ended.is_none()
                    && it.token.used_at.is_none()
                    && it.token.revoked_at.is_none()
            };
            tips += usize::from(found.as_ref().is_some_and(is_tip));
        }
        Ok(tips)
    }

    /// Does something many times at once, by two instances in turn.
    pub(crate) async fn at_once<T, F>(
        &self,
        count: usize,
        what: impl Fn(Stores, usize) -> F,
    ) -> Result<Vec<T>>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let tasks = (0..count).map(|number| {
            let stores = self.subject.instance(number % 2);
            tokio::spawn(what(stores, number))
        });
        // All are spawned before one is waited for.
        let tasks: Vec<_> = tasks.collect();
        let done = futures_util::future::join_all(tasks).await;
        Ok(done.into_iter().collect::<Result<_, _>>()?)
    }

    pub(crate) async fn last_audit(&self, event: &str) -> Result<Audited> {
        let audit = self.subject.audit().await?;
        let found = audit.into_iter().rev().find(|entry| entry.event == event);
        found.ok_or_else(|| anyhow::anyhow!("{event} was not set down"))
    }

    pub(crate) async fn audited(&self, event: &str) -> Result<usize> {
        let audit = self.subject.audit().await?;
        Ok(audit.iter().filter(|entry| entry.event == event).count())
    }
}

/// Says what is wrong and where, with both sides.
#[track_caller]
pub(crate) fn same<T: PartialEq + Debug>(found: &T, expected: &T) -> Result<()> {
    let place = Location::caller();
    ensure!(found == expected, "{place}: {found:?} is not {expected:?}");
    Ok(())
}
