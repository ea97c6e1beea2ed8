//! The service, put together of its parts.

use std::{sync::Arc, time::Duration};

use domain::{SessionId, SteamId, Timestamp, TokenId, UserId};
use health_kit::Clock;
use identity::{EndReason, Secret};

use crate::{
    audit::AuditEntry,
    figures::AuthFigures,
    key_ring::KeyRing,
    ports::{
        AssertionChecker, AuditLog, Chance, Housekeeping, KeyStore, LoginStore, PersonLookup,
        RevocationList, SessionStore, StoreError, UserStore,
    },
    settings::AuthSettings,
};

/// Everything that auth does for whoever asks.
///
/// Each call may be given up at any time by dropping its future; what was changed until then stays changed, and the
/// caller may ask again as the call says.
pub struct Auth {
    pub(crate) settings: AuthSettings,
    pub(crate) stores: Stores,
    pub(crate) checker: Arc<dyn AssertionChecker>,
    pub(crate) people: Option<Arc<dyn PersonLookup>>,
    pub(crate) revocations: Option<Arc<dyn RevocationList>>,
    pub(crate) ring: Arc<KeyRing>,
    pub(crate) chance: Arc<dyn Chance>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) figures: AuthFigures,
}

/// What auth is made of.
pub struct AuthParts {
    /// What operators decide.
    pub settings: AuthSettings,
    /// What is kept.
    pub stores: Stores,
    /// Steam, asked whether it has said something.
    pub checker: Arc<dyn AssertionChecker>,
    /// Steam, asked what people are called; `None` if nobody is.
    pub people: Option<Arc<dyn PersonLookup>>,
    /// Who tells verifiers of sessions that have ended; `None` if nobody does.
    pub revocations: Option<Arc<dyn RevocationList>>,
    /// The signing keys.
    pub ring: Arc<KeyRing>,
    /// What nobody can guess.
    pub chance: Arc<dyn Chance>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
}

/// What is kept.
#[derive(Clone)]
pub struct Stores {
    /// Attempts to sign in.
    pub logins: Arc<dyn LoginStore>,
    /// Codes, sessions and refresh tokens.
    pub sessions: Arc<dyn SessionStore>,
    /// Users.
    pub users: Arc<dyn UserStore>,
    /// Signing keys.
    pub keys: Arc<dyn KeyStore>,
    /// What was set down.
    pub audit: Arc<dyn AuditLog>,
    /// Forgetting.
    pub housekeeping: Arc<dyn Housekeeping>,
}

impl Stores {
    /// All in one place.
    #[must_use]
    pub fn of<S>(store: Arc<S>) -> Self
    where
        S: LoginStore + SessionStore + UserStore + KeyStore + AuditLog + Housekeeping + 'static,
    {
        Self {
            logins: store.clone(),
            sessions: store.clone(),
            users: store.clone(),
            keys: store.clone(),
            audit: store.clone(),
            housekeeping: store,
        }
    }
}

impl Auth {
    /// Puts the service together.
    #[must_use]
    pub fn new(parts: AuthParts) -> Self {
        let AuthParts {
            settings,
            stores,
            checker,
            people,
            revocations,
            ring,
            chance,
            clock,
        } = parts;
        Self {
            settings,
            stores,
            checker,
            people,
            revocations,
            ring,
            chance,
            clock,
            figures: AuthFigures::default(),
        }
    }

    /// What operators have decided.
    #[must_use]
    pub fn settings(&self) -> &AuthSettings {
        &self.settings
    }

    /// What has happened since the start.
    #[must_use]
    pub fn figures(&self) -> &AuthFigures {
        &self.figures
    }

    /// The signing keys.
    #[must_use]
    pub fn ring(&self) -> &Arc<KeyRing> {
        &self.ring
    }

    pub(crate) fn secret<K>(&self) -> Secret<K> {
        let mut bytes = [0; 32];
        self.chance.fill(&mut bytes);
        Secret::new(bytes)
    }

    pub(crate) fn user_id(&self, now: Timestamp) -> UserId {
        UserId::new(now, self.id_chance())
    }

    pub(crate) fn session_id(&self, now: Timestamp) -> SessionId {
        SessionId::new(now, self.id_chance())
    }

    pub(crate) fn token_id(&self, now: Timestamp) -> TokenId {
        TokenId::new(now, self.id_chance())
    }

    fn id_chance(&self) -> [u8; 10] {
        let mut bytes = [0; 10];
        self.chance.fill(&mut bytes);
        bytes
    }

    pub(crate) fn is_admin(&self, person: SteamId) -> bool {
        self.settings.admins.contains(&person)
    }

    /// Sets something down that has changed nothing. Whoever asked gets the same answer if that fails.
    pub(crate) async fn set_down(&self, entry: AuditEntry) {
        if let Err(error) = self.stores.audit.append(&entry).await {
            let event = entry.event.code();
            tracing::warn!(%error, audit.event = event, "an entry of the audit log was lost");
            self.figures.audit_lost();
        }
    }

    /// Counts sessions that were ended, and tells verifiers of them.
    pub(crate) async fn have_ended(
        &self,
        sessions: &[SessionId],
        reason: EndReason,
        now: Timestamp,
    ) {
        if sessions.is_empty() {
            return;
        }
        self.figures.ended(reason, sessions.len());
        let Some(list) = &self.revocations else {
            return;
        };
        let until = now.saturating_add(self.token_life());
        if let Err(error) = list.revoke(sessions, now, until).await {
            tracing::warn!(
                %error, sessions = sessions.len(),
                "verifiers were perhaps not told of ended sessions: they take their access tokens until they expire"
            );
            self.figures.untold();
        }
    }

    pub(crate) fn token_life(&self) -> Duration {
        self.settings.terms.life.min(identity::ACCESS_LIFE_MAX)
    }
}

/// Tells of a failure of a store, once, where it becomes an answer.
pub(crate) fn warn_of(error: &StoreError, what: &'static str) {
    tracing::warn!(%error, cause = error.cause(), "{what}");
}
