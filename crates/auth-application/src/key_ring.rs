//! The signing keys of this instance.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use domain::Timestamp;
use health_kit::{Clock, Condition, HealthCheck, HealthReporter, HealthStatus};
use identity::{AccessClaims, Principal, TokenRefusal};

use crate::{
    key_schedule::KeySchedule,
    keys::{KeyId, SigningKey},
    ports::{AccessToken, KeyFault, KeyMaker, KeyStore, StoreError, TokenSigner},
};

/// The signing keys that this instance knows, and the check `signing-key`.
///
/// They are read again and again: whoever adds one, all instances know it long before it signs. As long as they
/// cannot be read, those that are known go on by their own times.
pub struct KeyRing {
    store: Arc<dyn KeyStore>,
    maker: Arc<dyn KeyMaker>,
    signer: Arc<dyn TokenSigner>,
    schedule: KeySchedule,
    clock: Arc<dyn Clock>,
    known: RwLock<Known>,
    condition: Condition,
}

#[derive(Default)]
struct Known {
    keys: Vec<SigningKey>,
    /// Keys whose private part cannot be opened, and why.
    closed: Vec<(KeyId, KeyFault)>,
}

/// Why keys were not looked after.
#[derive(Debug, thiserror::Error)]
pub enum KeyRingError {
    /// They could not be read or set down.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// None could be made, or the one that should sign cannot.
    #[error(transparent)]
    Key(#[from] KeyFault),
}

impl KeyRing {
    /// A ring that knows no key yet.
    #[must_use]
    pub fn new(
        store: Arc<dyn KeyStore>,
        maker: Arc<dyn KeyMaker>,
        signer: Arc<dyn TokenSigner>,
        schedule: KeySchedule,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let waiting = "the signing keys were not read yet";
        let condition = Condition::new(
            "signing-key",
            HealthStatus::Unhealthy,
            waiting,
            clock.clone(),
        );
        Self {
            store,
            maker,
            signer,
            schedule,
            clock,
            known: RwLock::default(),
            condition,
        }
    }

    /// Reads the keys, adds one if it is time, removes those that have retired. What is news of them is logged.
    ///
    /// # Errors
    /// [`KeyRingError`]; what is known stays known. It helps to ask again.
    pub async fn look_after(&self) -> Result<(), KeyRingError> {
        let looked = self.look().await;
        let (status, reason) = match &looked {
            Ok(()) => (HealthStatus::Healthy, "a key signs".to_owned()),
            // Keys that are known go on.
            Err(error) if self.active_key().is_some() => {
                (HealthStatus::Degraded, error.to_string())
            }
            Err(error) => (HealthStatus::Unhealthy, error.to_string()),
        };
        self.condition.set_and_log(status, reason);
        looked
    }

    async fn look(&self) -> Result<(), KeyRingError> {
        let mut keys = self.store.keys().await?;
        let now = self.clock.now();
        if self.schedule.next_active_from(&keys, now).is_some() {
            let made = self.maker.make(self.schedule.algorithm()).await?;
            let added = self
                .store
                .add(&made, &self.schedule, self.clock.now())
                .await?;
            if let Some(key) = added {
                tracing::info!(key.id = %key.id, "published a signing key");
            }
            keys = self.store.keys().await?;
        }
        let now = self.clock.now();
        if keys.iter().any(|key| key.is_retired(now)) {
            for id in self.store.remove_retired(now).await? {
                tracing::info!(key.id = %id, "removed a signing key that has retired");
            }
            keys.retain(|key| !key.is_retired(now));
        }
        let closed = self.signer.load(&keys).await;
        let active = SigningKey::active(&keys, now).map(|key| key.id.clone());
        let fault = closed.iter().find(|(id, _)| Some(id) == active.as_ref());
        let fault = fault.map(|(_, fault)| fault.clone());
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Known { keys, closed };
        match fault {
            Some(fault) => Err(fault.into()),
            None => Ok(()),
        }
    }

    /// The keys that everybody may know now.
    #[must_use]
    pub fn published(&self) -> Vec<SigningKey> {
        let now = self.clock.now();
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let published = known.keys.iter().filter(|key| key.is_published(now));
        published.cloned().collect()
    }

    /// The key that signs now; `None` as long as none is known, or it cannot be opened.
    #[must_use]
    pub fn active_key(&self) -> Option<KeyId> {
        let now = self.clock.now();
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let active = SigningKey::active(&known.keys, now)?;
        let is_closed = known.closed.iter().any(|(id, _)| *id == active.id);
        (!is_closed).then(|| active.id.clone())
    }

    /// For how long the key has signed that signs now.
    #[must_use]
    pub fn active_age(&self) -> Option<Duration> {
        let now = self.clock.now();
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let active = SigningKey::active(&known.keys, now)?;
        Some(now.saturating_since(active.active_from))
    }

    /// Takes an access token, as every verifier would that knows these keys.
    ///
    /// # Errors
    /// Why not.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<Principal, TokenRefusal> {
        self.signer.verify(token, now)
    }

    pub(crate) fn sign(&self, key: &KeyId, claims: &AccessClaims) -> Result<AccessToken, KeyFault> {
        self.signer.sign(key, claims)
    }
}

impl HealthReporter for KeyRing {
    fn checks(&self) -> Vec<HealthCheck> {
        vec![self.condition.check()]
    }
}
