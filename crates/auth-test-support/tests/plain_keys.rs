//! Keys without cryptography keep the promises of keys.

use std::sync::Arc;

use auth_test_support::{PlainMaker, PlainSigner, key_contract};

#[tokio::test]
async fn keys_without_cryptography_are_keys_as_well() -> anyhow::Result<()> {
    key_contract::check(|| {
        Ok((
            Arc::new(PlainMaker::default()),
            Arc::new(PlainSigner::default()),
        ))
    })
    .await
}
