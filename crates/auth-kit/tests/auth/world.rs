//! An issuer, a user, a clock that a test moves, and those who take tokens.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, Result};
use auth_kit::{AuthSettings, Principal, Refused, TokenVerifier, VerifierParts};
use auth_test_kit::TestIssuer;
use domain::{Timestamp, UserId};
use health_kit::{Clock, HealthReporter as _, HealthStatus};
use identity::{Issuer, TokenRefusal, Verifier};
use redis_kit::KeySpace;
use serde_json::Value;
use tempfile::TempDir;
use test_kit::waiting::wait_until;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

pub(super) const NOW: Timestamp = Timestamp::from_unix_seconds(1_795_953_600);

pub(super) const DEADLINE: Duration = Duration::from_secs(30);

/// A clock that a test moves.
pub(super) struct HandClock(AtomicI64);

impl HandClock {
    pub(super) fn move_on(&self, seconds: i64) {
        self.0.fetch_add(1_000 * seconds, Ordering::SeqCst);
    }
}

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_ms(self.0.load(Ordering::SeqCst))
    }
}

pub(super) struct World {
    pub(super) clock: Arc<HandClock>,
    pub(super) issuer: TestIssuer,
    pub(super) user: UserId,
    pub(super) folder: TempDir,
}

/// A verifier that fetches, until it is dropped.
pub(super) struct Watched {
    pub(super) verifier: TokenVerifier,
    pub(super) watching: JoinHandle<()>,
    _end: DropGuard,
}

impl World {
    pub(super) async fn new() -> Result<Self> {
        let clock = Arc::new(HandClock(AtomicI64::new(NOW.as_unix_ms())));
        Ok(Self {
            issuer: TestIssuer::start(Arc::clone(&clock) as Arc<dyn Clock>).await?,
            clock,
            user: UserId::new(NOW, [7; 10]),
            folder: TempDir::new()?,
        })
    }

    /// A token as it should be.
    pub(super) fn token(&self) -> String {
        self.issuer.token(self.user, "profile:read draft:read")
    }

    pub(super) fn claims(&self) -> Value {
        self.issuer.claims(self.user, "profile:read draft:read")
    }

    pub(super) fn rules(&self) -> Result<Verifier> {
        Ok(Verifier {
            issuer: Issuer::try_new(self.issuer.url())?,
            audience: "match-platform".to_owned(),
            skew: Duration::from_secs(30),
        })
    }

    /// One that has the issuer's keys of now, and fetches none.
    pub(super) fn with_own_keys(&self) -> Result<TokenVerifier> {
        let clock = Arc::clone(&self.clock) as Arc<dyn Clock>;
        let verifier = TokenVerifier::with_own_keys(self.rules()?, clock);
        verifier.take_keys(self.issuer.key_set().as_bytes())?;
        Ok(verifier)
    }

    pub(super) fn settings(&self) -> Result<AuthSettings> {
        Ok(AuthSettings {
            issuer: Some(Issuer::try_new(self.issuer.url())?),
            audience: "match-platform".to_owned(),
            key_set_url: None,
            key_file: self.folder.path().join("data").join("jwks.json"),
            skew: Duration::from_secs(30),
        })
    }

    /// One as a service has it, which is not told to fetch yet.
    pub(super) fn unwatched(
        &self,
        settings: &AuthSettings,
        sessions: Option<Arc<dyn KeySpace>>,
    ) -> Result<TokenVerifier> {
        let parts = VerifierParts {
            user_agent: "tests".to_owned(),
            when_without: HealthStatus::Unhealthy,
            sessions,
            clock: Arc::clone(&self.clock) as Arc<dyn Clock>,
        };
        TokenVerifier::try_new(settings, parts).map_err(anyhow::Error::msg)
    }

    /// One as a service has it.
    pub(super) fn watched(&self) -> Result<Watched> {
        Ok(Watched::begin(self.unwatched(&self.settings()?, None)?))
    }
}

impl Watched {
    pub(super) fn begin(verifier: TokenVerifier) -> Self {
        let end = CancellationToken::new();
        let (watcher, ended) = (verifier.clone(), end.clone());
        let watching = tokio::spawn(async move { watcher.watch(ended).await });
        Self {
            verifier,
            watching,
            _end: end.drop_guard(),
        }
    }

    /// Waits until its health says this.
    pub(super) async fn is(&self, status: HealthStatus, words: &str) -> Result<()> {
        let is_so = || {
            let check = health(&self.verifier);
            check.0 == status && check.1.contains(words)
        };
        let waited = wait_until(DEADLINE, words, async || is_so()).await;
        waited.with_context(|| format!("{:?}", health(&self.verifier)))
    }
}

pub(super) fn health(verifier: &TokenVerifier) -> (HealthStatus, String) {
    let checks = verifier.checks();
    let check = checks.into_iter().next().expect("it has one check");
    assert_eq!(check.name, "auth");
    (check.status, check.reason)
}

/// Who has sent a token that is to be taken.
pub(super) async fn taken(verifier: &TokenVerifier, token: &str) -> Result<Arc<Principal>> {
    verifier.verify(token).await.context("it is taken")
}

/// A token is refused for this reason.
pub(super) async fn refused(
    verifier: &TokenVerifier,
    token: &str,
    expected: TokenRefusal,
    what: &str,
) {
    let judged = verifier.verify(token).await.map(drop);
    assert_eq!(judged, Err(Refused::Token(expected)), "{what}");
}
