//! The ledger in memory, held to the suite.

use std::sync::Arc;

use anyhow::Result;
use model_application::ports::RunLedger;
use model_test_support::{
    MemoryLedger,
    ledger_contract::{KEEP, check},
};

#[tokio::test]
async fn the_one_in_memory_keeps_the_promises() -> Result<()> {
    check(async || Ok(Arc::new(MemoryLedger::new(KEEP)) as Arc<dyn RunLedger>)).await
}
