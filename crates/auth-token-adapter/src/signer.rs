//! Signs tokens, and judges them.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

use async_trait::async_trait;
use auth_application::{
    KeyId, PublicKey, SealedKey, SigningKey,
    ports::{AccessToken, KeyFault, TokenSigner},
};
use auth_kit::KeySet;
use domain::Timestamp;
use identity::{AccessClaims, Principal, TokenRefusal, Verifier};
use tokio::task::spawn_blocking;

use crate::{encryption_key::EncryptionKey, key_pair::KeyPair, key_set::key_set, token};

/// Signs with keys that are opened with the key of the settings.
pub struct SealedSigner {
    key: EncryptionKey,
    rules: Verifier,
    loaded: RwLock<Arc<Loaded>>,
}

/// The keys of one moment.
#[derive(Default)]
struct Loaded {
    opened: BTreeMap<KeyId, Arc<Opened>>,
    set: KeySet,
}

struct Opened {
    /// What it was opened from, and beside what.
    sealed: SealedKey,
    public: PublicKey,
    pair: KeyPair,
}

impl SealedSigner {
    /// Knows no key yet. It takes tokens by these rules.
    #[must_use]
    pub fn new(key: EncryptionKey, rules: Verifier) -> Self {
        Self {
            key,
            rules,
            loaded: RwLock::default(),
        }
    }

    fn loaded(&self) -> Arc<Loaded> {
        let loaded = self.loaded.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&loaded)
    }
}

#[async_trait]
impl TokenSigner for SealedSigner {
    async fn load(&self, keys: &[SigningKey]) -> Vec<(KeyId, KeyFault)> {
        let (key, before, keys) = (self.key.clone(), self.loaded(), keys.to_vec());
        let loading = spawn_blocking(move || Loaded::load(&key, &before, &keys));
        // A panic in there is a defect; it must not end whoever looks after keys.
        match loading.await {
            Ok((loaded, faults)) => {
                *self.loaded.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(loaded);
                faults
            }
            Err(panic) => {
                let fault = KeyFault(format!("the keys cannot be opened: {panic}"));
                let opened = &self.loaded().opened;
                opened
                    .keys()
                    .map(|id| (id.clone(), fault.clone()))
                    .collect()
            }
        }
    }

    fn sign(&self, key: &KeyId, claims: &AccessClaims) -> Result<AccessToken, KeyFault> {
        let loaded = self.loaded();
        let opened = loaded.opened.get(key).ok_or_else(|| {
            KeyFault(format!(
                "the key {key} is not known here, or cannot be opened"
            ))
        })?;
        let sign = |message: &[u8]| opened.pair.sign(message);
        token::write(key, opened.public.algorithm(), claims, sign)
            .map_err(|_| KeyFault(format!("the key {key} does not sign")))
    }

    fn verify(&self, token: &str, now: Timestamp) -> Result<Principal, TokenRefusal> {
        self.loaded().set.judge(&self.rules, token, now)
    }
}

impl Opened {
    fn is(&self, signing: &SigningKey) -> bool {
        self.sealed == signing.sealed && self.public == signing.public
    }
}

impl Loaded {
    fn load(
        key: &EncryptionKey,
        before: &Self,
        keys: &[SigningKey],
    ) -> (Self, Vec<(KeyId, KeyFault)>) {
        let set = match KeySet::try_read(key_set(keys).as_bytes()) {
            Ok(set) => set,
            Err(fault) => {
                let fault = KeyFault(format!("the keys are no set: {fault}"));
                let faults = keys.iter().map(|key| (key.id.clone(), fault.clone()));
                return (Self::default(), faults.collect());
            }
        };
        let (mut opened, mut faults) = (BTreeMap::new(), Vec::new());
        for signing in keys {
            let known = before.opened.get(&signing.id);
            let known = known.filter(|known| known.is(signing)).cloned();
            match known.map_or_else(|| open(key, signing).map(Arc::new), Ok) {
                Ok(pair) => _ = opened.insert(signing.id.clone(), pair),
                Err(fault) => faults.push((signing.id.clone(), fault)),
            }
        }
        (Self { opened, set }, faults)
    }
}

fn open(key: &EncryptionKey, signing: &SigningKey) -> Result<Opened, KeyFault> {
    let algorithm = signing.public.algorithm();
    let private = key.open(&signing.id, algorithm, &signing.sealed);
    let private = private.map_err(|error| KeyFault(error.to_string()))?;
    let pair = KeyPair::read(algorithm, &private)
        .map_err(|_| KeyFault("what was sealed is no private key".to_owned()))?;
    // What it signed, nobody could verify.
    if pair.public() != signing.public {
        return Err(KeyFault(
            "its public part is that of another key".to_owned(),
        ));
    }
    Ok(Opened {
        sealed: signing.sealed.clone(),
        public: signing.public.clone(),
        pair,
    })
}

impl fmt::Debug for SealedSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let loaded = self.loaded();
        f.debug_struct("SealedSigner")
            .field("keys", &loaded.opened.keys())
            .field("rules", &self.rules)
            .finish_non_exhaustive()
    }
}
