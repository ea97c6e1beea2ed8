//! Profiles in memory, held to the suite.

use std::sync::Arc;

use anyhow::Result;
use user_application::ports::ProfileStore;
use user_memory_adapter::MemoryProfiles;
use user_test_support::store_contract::check;

#[tokio::test]
async fn those_in_memory_keep_the_promises() -> Result<()> {
    check(async || Ok(Arc::new(MemoryProfiles::new()) as Arc<dyn ProfileStore>)).await
}
