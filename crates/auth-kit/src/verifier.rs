//! Who takes tokens.

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use health_kit::{Clock, HealthCheck, HealthReporter, HealthStatus};
use http_kit::Writer;
use identity::{Principal, TOKEN_BYTES_MAX, TokenRefusal, Verifier};
use redis_kit::KeySpace;
use thiserror::Error;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::{
    demand::Demand,
    health::KeyHealth,
    key_file::KeyFile,
    key_set::{KeySet, KeySetFault},
    remembered::{Remembered, print},
    revocations::Revocations,
    settings::AuthSettings,
    source::{FETCH_TIME_MAX, Source},
};

/// So many tokens are remembered.
const REMEMBERED_MAX: usize = 10_000;
/// The issuer says that its set is good for so long.
const REFRESH_EVERY: Duration = Duration::from_mins(5);
/// Between two fetches that tokens ask for, and after one that failed.
const FETCH_PAUSE: Duration = Duration::from_secs(30);
/// After one that failed while there are no keys at all.
const FIRST_FETCH_PAUSE: Duration = Duration::from_secs(5);

/// Takes tokens, or refuses them. Cloned, it is the same one.
#[derive(Clone)]
pub struct TokenVerifier(Arc<Inner>);

/// What a verifier needs beside its settings.
pub struct VerifierParts {
    /// What it calls itself where it fetches keys.
    pub user_agent: String,
    /// How the service is while no token can be taken.
    pub when_without: HealthStatus,
    /// Where ended sessions are told of, if the service has Redis.
    pub sessions: Option<Arc<dyn KeySpace>>,
    /// Tells whether a token is over.
    pub clock: Arc<dyn Clock>,
}

/// Why a token is refused. Whoever sent it never learns that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Refused {
    /// No token is taken here.
    #[error("auth is not configured")]
    NotConfigured,
    /// It is not good, or not any more.
    #[error(transparent)]
    Token(#[from] TokenRefusal),
    /// It is good, but its session has ended.
    #[error("its session has ended")]
    SessionEnded,
}

struct Inner {
    rules: Option<Verifier>,
    keys: RwLock<Keys>,
    remembered: Mutex<Remembered>,
    demand: Demand,
    upstream: Option<(Source, Arc<KeyFile>)>,
    revocations: Option<Revocations>,
    health: KeyHealth,
    clock: Arc<dyn Clock>,
    counts: Counts,
}

#[derive(Clone, Default)]
struct Keys {
    set: Arc<KeySet>,
    since_unix_ms: i64,
}

#[derive(Default)]
struct Counts {
    taken: AtomicU64,
    refused: AtomicU64,
    fetched: AtomicU64,
    failed: AtomicU64,
}

impl TokenVerifier {
    /// A verifier with the keys that were kept, if there are some. Nothing is fetched before
    /// [`watch`](Self::watch) runs.
    ///
    /// # Errors
    /// `user_agent` is no name that a header can carry.
    pub fn try_new(settings: &AuthSettings, parts: VerifierParts) -> Result<Self, String> {
        let VerifierParts {
            user_agent,
            when_without,
            sessions,
            clock,
        } = parts;
        let Some(url) = settings.key_set_url() else {
            let health = KeyHealth::not_configured(when_without, Arc::clone(&clock));
            return Ok(Self::over(None, Keys::default(), None, None, health, clock));
        };
        let source = Source::try_new(url, &user_agent)?;
        let file = KeyFile::new(settings.key_file.clone());
        let kept = file.read(source.url()).unwrap_or_else(|reason| {
            tracing::warn!(file = %file.path().display(), reason, "kept keys are of no use");
            None
        });
        let health = KeyHealth::not_fetched(
            source.url(),
            kept.as_ref().map(|(set, at)| (set, *at)),
            when_without,
            Arc::clone(&clock),
        );
        let keys = kept.map_or_else(Keys::default, |(set, since_unix_ms)| Keys {
            set: Arc::new(set),
            since_unix_ms,
        });
        let upstream = Some((source, Arc::new(file)));
        let sessions = sessions.map(Revocations::new);
        Ok(Self::over(
            settings.rules(),
            keys,
            upstream,
            sessions,
            health,
            clock,
        ))
    }

    /// A verifier for whoever has the keys itself: the issuer. It knows none before
    /// [`take_keys`](Self::take_keys), and fetches none.
    #[must_use]
    pub fn with_own_keys(rules: Verifier, clock: Arc<dyn Clock>) -> Self {
        let when_without = HealthStatus::Unhealthy;
        let health = KeyHealth::not_fetched("this service", None, when_without, Arc::clone(&clock));
        Self::over(Some(rules), Keys::default(), None, None, health, clock)
    }

    fn over(
        rules: Option<Verifier>,
        keys: Keys,
        upstream: Option<(Source, Arc<KeyFile>)>,
        revocations: Option<Revocations>,
        health: KeyHealth,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self(Arc::new(Inner {
            rules,
            keys: RwLock::new(keys),
            remembered: Mutex::new(Remembered::new(REMEMBERED_MAX)),
            demand: Demand::new(FETCH_PAUSE),
            upstream,
            revocations,
            health,
            clock,
            counts: Counts::default(),
        }))
    }

    /// Puts this set (RFC 7517) in the place of the one before. Tokens whose key is not in it are worth nothing from
    /// now on, also those that were taken before.
    ///
    /// # Errors
    /// It is no set; the one before stays.
    pub fn take_keys(&self, text: &[u8]) -> Result<(), KeySetFault> {
        let set = KeySet::try_read(text)?;
        let set = self.put(set);
        self.0.health.fetched("this service", &set, None);
        Ok(())
    }

    /// Says who has sent a token, if it is taken.
    ///
    /// It waits for a fetch of newer keys, which takes two seconds at most, if the token names a key that nobody knows
    /// and no token did so in the half minute before.
    ///
    /// # Errors
    /// Why it is refused; for the log, never for whoever sent it.
    pub async fn verify(&self, token: &str) -> Result<Arc<Principal>, Refused> {
        let judged = self.judge(token).await;
        let counts = &self.0.counts;
        let count = if judged.is_ok() {
            &counts.taken
        } else {
            &counts.refused
        };
        count.fetch_add(1, Ordering::Relaxed);
        judged
    }

    async fn judge(&self, token: &str) -> Result<Arc<Principal>, Refused> {
        let inner = &*self.0;
        let rules = inner.rules.as_ref().ok_or(Refused::NotConfigured)?;
        if token.len() > TOKEN_BYTES_MAX {
            return Err(TokenRefusal::TooLong.into());
        }
        let print = print(token);
        let keys = self.keys().set;
        let now = inner.clock.now();
        let known = inner.remembered().find(&print, &keys, now);
        let principal = if let Some(principal) = known {
            principal
        } else {
            let mut judged = keys.judge_with_key(rules, token, now);
            if judged == Err(TokenRefusal::KeyUnknown) && self.has_newer_keys(&keys).await {
                judged = self
                    .keys()
                    .set
                    .judge_with_key(rules, token, inner.clock.now());
            }
            let (principal, key) = judged?;
            let principal = Arc::new(principal);
            inner
                .remembered()
                .keep(print, Arc::clone(&principal), key, now);
            principal
        };
        match &inner.revocations {
            Some(revocations) if revocations.hold(&principal).await => Err(Refused::SessionEnded),
            _ => Ok(principal),
        }
    }

    /// Fetches the set now, and every five minutes, and when a token needs it, until `end`.
    pub async fn watch(&self, end: CancellationToken) {
        let Some((source, file)) = &self.0.upstream else {
            end.cancelled().await;
            return;
        };
        let demand = &self.0.demand;
        let watching = async {
            let mut pause = self.refresh(source, file).await;
            loop {
                let is_wanted = tokio::select! {
                    () = sleep(pause) => false,
                    () = demand.wanted() => true,
                };
                pause = self.refresh(source, file).await;
                if is_wanted {
                    demand.end();
                }
            }
        };
        end.run_until_cancelled(watching).await;
    }

    /// Fetches the set once, and says how long it is good for.
    async fn refresh(&self, source: &Source, file: &Arc<KeyFile>) -> Duration {
        let inner = &*self.0;
        match source.fetch().await {
            Ok((text, set)) => {
                inner.counts.fetched.fetch_add(1, Ordering::Relaxed);
                let set = self.put(set);
                let (file, url) = (Arc::clone(file), source.url().to_owned());
                let now = self.keys().since_unix_ms;
                let path = file.path().display().to_string();
                let kept = tokio::task::spawn_blocking(move || file.write(&text, &url, now)).await;
                let not_kept = kept.unwrap_or_else(|panic| Err(panic.into())).err();
                let not_kept = not_kept.map(|error| {
                    format!(
                        "they cannot be kept in {path}, where a restart would need them: {error}"
                    )
                });
                inner.health.fetched(source.url(), &set, not_kept);
                REFRESH_EVERY
            }
            Err(why) => {
                inner.counts.failed.fetch_add(1, Ordering::Relaxed);
                let Keys { set, since_unix_ms } = self.keys();
                inner.health.failed(source.url(), &why, &set, since_unix_ms);
                if set.is_empty() {
                    FIRST_FETCH_PAUSE
                } else {
                    FETCH_PAUSE
                }
            }
        }
    }

    /// Whether there are others than these, perhaps after a fetch.
    async fn has_newer_keys(&self, keys: &Arc<KeySet>) -> bool {
        if self.0.upstream.is_some() {
            // Longer than that only if nobody fetches any more, because the service ends.
            let longest = 2 * FETCH_TIME_MAX;
            _ = timeout(longest, self.0.demand.meet()).await;
        }
        !Arc::ptr_eq(keys, &self.keys().set)
    }

    fn put(&self, set: KeySet) -> Arc<KeySet> {
        let set = Arc::new(set);
        let keys = Keys {
            set: Arc::clone(&set),
            since_unix_ms: self.0.clock.now().as_unix_ms(),
        };
        *self.0.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
        set
    }

    fn keys(&self) -> Keys {
        self.0
            .keys
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Writes its figures among those of a service.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write_figures(&self, writer: &mut Writer<'_>) -> fmt::Result {
        let counts = &self.0.counts;
        let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let tokens = [
            ([("result", "taken")], count(&counts.taken)),
            ([("result", "refused")], count(&counts.refused)),
        ];
        let help = "Access tokens that came with requests";
        writer.counters("auth_access_tokens", help, tokens.into_iter())?;
        let fetches = [
            ([("result", "fetched")], count(&counts.fetched)),
            ([("result", "failed")], count(&counts.failed)),
        ];
        let help = "Attempts to fetch the keys of access tokens";
        writer.counters("auth_key_fetches", help, fetches.into_iter())?;
        let known = u32::try_from(self.keys().set.len()).unwrap_or(u32::MAX);
        writer.gauge("auth_keys", "Keys that access tokens are judged by", &known)
    }
}

impl Inner {
    fn remembered(&self) -> MutexGuard<'_, Remembered> {
        self.remembered
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl HealthReporter for TokenVerifier {
    fn checks(&self) -> Vec<HealthCheck> {
        vec![self.0.health.check()]
    }
}

impl fmt::Debug for TokenVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenVerifier")
            .field("rules", &self.0.rules)
            .finish_non_exhaustive()
    }
}
