//! The promises of the ports.

use std::sync::Arc;

use anyhow::{Result, ensure};
use auth_test_support::key_contract::{AUDIENCE, ISSUER, check};
use auth_token_adapter::SealedKeys;

use crate::world::{encryption_key, rules, signer};

#[tokio::test]
async fn sealed_keys_keep_the_promises_of_keys() -> Result<()> {
    let rules = rules()?;
    ensure!((rules.issuer.as_str(), &*rules.audience) == (ISSUER, AUDIENCE));
    check(|| {
        Ok((
            Arc::new(SealedKeys::new(encryption_key()?)),
            Arc::new(signer()?),
        ))
    })
    .await
}
