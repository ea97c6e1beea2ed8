//! Makes tokens that are not as they should be.

use anyhow::{Context as _, Result};
use auth_kit::TokenVerifier;
use auth_test_kit::TestKey;
use identity::TokenRefusal;
use serde_json::{Value, json};

use crate::world::{World, refused, taken};

pub(super) fn header(key: &TestKey) -> Value {
    json!({ "typ": "at+jwt", "alg": key.algorithm(), "kid": key.name })
}

/// The honest one, with these members changed; `null` takes one out.
pub(super) fn with(honest: &Value, changes: &Value) -> Value {
    let mut spoilt = honest.clone();
    let members = spoilt.as_object_mut().expect("it has members");
    for (name, value) in changes.as_object().expect("these are members") {
        if value.is_null() {
            members.remove(name);
        } else {
            members.insert(name.clone(), value.clone());
        }
    }
    spoilt
}

pub(super) struct Forge {
    pub(super) world: World,
    pub(super) verifier: TokenVerifier,
}

impl Forge {
    pub(super) async fn new() -> Result<Self> {
        let world = World::new().await?;
        let verifier = world.with_own_keys()?;
        Ok(Self { world, verifier })
    }

    pub(super) async fn refuses_header(&self, changes: Value, expected: TokenRefusal) {
        let key = self.world.issuer.key("first");
        let token = key.sign(&with(&header(&key), &changes), &self.world.claims());
        refused(&self.verifier, &token, expected, &changes.to_string()).await;
    }

    pub(super) async fn refuses_claims(&self, changes: Value, expected: TokenRefusal) {
        let token = self
            .world
            .issuer
            .sign(&with(&self.world.claims(), &changes));
        refused(&self.verifier, &token, expected, &changes.to_string()).await;
    }

    pub(super) async fn refuses(&self, token: &str, expected: TokenRefusal, what: &str) {
        refused(&self.verifier, token, expected, what).await;
    }

    pub(super) async fn takes_claims(&self, changes: Value) -> Result<()> {
        let token = self
            .world
            .issuer
            .sign(&with(&self.world.claims(), &changes));
        let judged = taken(&self.verifier, &token).await;
        judged.map(drop).context(changes.to_string())
    }
}
