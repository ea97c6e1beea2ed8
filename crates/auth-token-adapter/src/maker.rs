//! Makes keys.

use async_trait::async_trait;
use auth_application::{
    KeyId, MadeKey,
    ports::{KeyFault, KeyMaker},
};
use aws_lc_rs::rand;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use identity::Algorithm;
use tokio::task::spawn_blocking;

use crate::{
    encryption_key::{EncryptionKey, LibraryFailed},
    key_pair::KeyPair,
};

/// So many random bytes that nobody else gives the same name.
const NAME_BYTES: usize = 15;

/// Makes keys, and seals them.
#[derive(Debug, Clone)]
pub struct SealedKeys {
    key: EncryptionKey,
}

impl SealedKeys {
    /// Seals with this key.
    #[must_use]
    pub const fn new(key: EncryptionKey) -> Self {
        Self { key }
    }

    fn make_now(&self, algorithm: Algorithm) -> Result<MadeKey, LibraryFailed> {
        let mut name = [0; NAME_BYTES];
        rand::fill(&mut name).map_err(|_| LibraryFailed)?;
        let id = KeyId::new(&URL_SAFE_NO_PAD.encode(name)).expect("base64url is made of those");
        let pair = KeyPair::make(algorithm).map_err(|_| LibraryFailed)?;
        let private = pair.private().map_err(|_| LibraryFailed)?;
        Ok(MadeKey {
            sealed: self.key.seal(&id, algorithm, &private)?,
            public: pair.public(),
            id,
        })
    }
}

#[async_trait]
impl KeyMaker for SealedKeys {
    async fn make(&self, algorithm: Algorithm) -> Result<MadeKey, KeyFault> {
        let maker = self.clone();
        let made = spawn_blocking(move || maker.make_now(algorithm)).await;
        let made = made.unwrap_or(Err(LibraryFailed));
        made.map_err(|failed| {
            KeyFault(format!(
                "no key for {} can be made: {failed}",
                algorithm.name()
            ))
        })
    }
}
