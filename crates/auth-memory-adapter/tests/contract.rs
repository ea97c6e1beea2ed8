//! What is kept in memory, held to the suite.

use std::sync::Arc;

use anyhow::Result;
use async_trait::async_trait;
use auth_application::Stores;
use auth_memory_adapter::MemoryStore;
use auth_test_support::store_contract::{Audited, Subject, check, check_histories};

struct Memory(Arc<MemoryStore>);

#[async_trait]
impl Subject for Memory {
    fn instance(&self, _number: usize) -> Stores {
        Stores::of(self.0.clone())
    }

    async fn audit(&self) -> Result<Vec<Audited>> {
        let audit = self.0.audit().into_iter().map(|entry| {
            let detail = entry.detail.into_iter();
            Audited {
                event: entry.event.code().to_owned(),
                user: entry.user,
                client: entry.client.map(|it| it.to_string()),
                session: entry.session,
                address: entry.address.map(|it| it.to_string()),
                detail: detail
                    .map(|(name, value)| (name.to_owned(), value))
                    .collect(),
            }
        });
        Ok(audit.collect())
    }
}

fn memory() -> Arc<dyn Subject> {
    Arc::new(Memory(Arc::new(MemoryStore::default())))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn memory_keeps_the_promises() -> Result<()> {
    check(async || Ok(memory())).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_history_gives_two_tips_or_revives_a_session() -> Result<()> {
    check_histories(memory(), 1_000).await
}
