//! Where signing keys are.

use async_trait::async_trait;
use domain::Timestamp;

use super::StoreError;
use crate::{
    key_schedule::KeySchedule,
    keys::{KeyId, MadeKey, SigningKey},
};

/// The signing keys, shared by all instances of the service.
#[async_trait]
pub trait KeyStore: Send + Sync {
    /// All keys that are kept, the one that signs last at the end.
    ///
    /// # Errors
    /// They could not be looked up.
    async fn keys(&self) -> Result<Vec<SigningKey>, StoreError>;

    /// Lets a key [follow](KeySchedule::follow) those that are there, if one is needed, and sets it down; `None`
    /// if none is needed, as somebody else was faster.
    ///
    /// MUST ask the schedule and add the key in one step: of any number of instances that add one at the same
    /// time, exactly one does.
    ///
    /// # Errors
    /// Whether it was added is not known.
    async fn add(
        &self,
        made: &MadeKey,
        schedule: &KeySchedule,
        now: Timestamp,
    ) -> Result<Option<SigningKey>, StoreError>;

    /// Removes the keys that have [retired](SigningKey::is_retired), with their private parts, and sets that
    /// down; which.
    ///
    /// # Errors
    /// Whether they were removed is not known.
    async fn remove_retired(&self, now: Timestamp) -> Result<Vec<KeyId>, StoreError>;
}
