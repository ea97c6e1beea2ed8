//! Signing keys.

use async_trait::async_trait;
use auth_application::{
    AuditEvent, KeyId, KeySchedule, MadeKey, SigningKey,
    ports::{KeyStore, StoreError},
};
use domain::Timestamp;

use crate::state::MemoryStore;

#[async_trait]
impl KeyStore for MemoryStore {
    async fn keys(&self) -> Result<Vec<SigningKey>, StoreError> {
        Ok(self.state().keys.clone())
    }

    async fn add(
        &self,
        made: &MadeKey,
        schedule: &KeySchedule,
        now: Timestamp,
    ) -> Result<Option<SigningKey>, StoreError> {
        let mut state = self.state();
        let added = schedule.follow(&mut state.keys, made, now);
        if let Some(key) = &added {
            // The one that signs last is the one that was added last.
            state.keys.push(key.clone());
            state.set_down([key.entry(AuditEvent::KeyPublished, now)]);
        }
        Ok(added)
    }

    async fn remove_retired(&self, now: Timestamp) -> Result<Vec<KeyId>, StoreError> {
        let mut state = self.state();
        let retired: Vec<_> = state
            .keys
            .extract_if(.., |key| key.is_retired(now))
            .collect();
        let entries = retired
            .iter()
            .map(|key| key.entry(AuditEvent::KeyRemoved, now));
        state.set_down(entries);
        Ok(retired.into_iter().map(|key| key.id).collect())
    }
}
