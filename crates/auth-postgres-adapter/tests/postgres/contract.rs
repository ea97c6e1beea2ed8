//! The suite of the ports, by two instances at once.

use std::sync::Arc;

use anyhow::Result;
use auth_test_support::store_contract::{Subject, check, check_histories};

use crate::database::Shared;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn those_on_a_server_keep_the_promises() -> Result<()> {
    check(async || Ok(Arc::new(Shared::new("auth").await?) as Arc<dyn Subject>)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_history_gives_two_tips_or_revives_a_session() -> Result<()> {
    check_histories(Arc::new(Shared::new("histories").await?), 40).await
}
