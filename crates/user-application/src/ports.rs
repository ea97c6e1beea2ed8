//! What profiles need of the world.

use async_trait::async_trait;
use domain::{SteamId, Timestamp, UserId};
use thiserror::Error;

use crate::{
    profile::{Details, Profile},
    subscription::{Subscription, SubscriptionState},
    version::Version,
};

/// So many changes of a profile are remembered, the newest ones.
pub const CHANGES_MAX: usize = 200;

/// Where profiles are kept.
///
/// Each call MUST take effect whole or not at all, and all calls about one user MUST take effect one after another,
/// also from other instances. Whoever drops a call does not know whether it took effect.
#[async_trait]
pub trait ProfileStore: Send + Sync {
    /// What there is of a user.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn find(&self, user: UserId) -> Result<Found, StoreError>;

    /// Begins a profile where there is none, unless a deletion [bars](Deletion::bars) whoever asks. Of several at a
    /// time one begins it, and the others get that one. Its version is the [first](Version::first) after the deletion,
    /// if there was one.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn begin(&self, beginning: Beginning) -> Result<Begun, StoreError>;

    /// Changes a profile that is still in the state `from`, and remembers who changed which fields. Of what is
    /// remembered only the newest [`CHANGES_MAX`] are kept.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn change(&self, change: Change) -> Result<Changed, StoreError>;

    /// Removes everything of a user, and remembers only that, and when. An [owner](Remover::Owner) whom an earlier
    /// deletion bars removes nothing; an administrator removes what is there, and nothing else is remembered.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn remove(&self, removal: Removal) -> Result<(), StoreError>;

    /// Sets what a user has bought; the profile is in another state afterwards, unless it is what was there. With a
    /// key that was used since `keys_since` for the same, it does nothing and says what it said then.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn subscribe(&self, order: SubscriptionOrder) -> Result<Subscribed, StoreError>;

    /// Up to `limit` profiles in the order of their ids, after this one.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn page(&self, after: Option<UserId>, limit: usize) -> Result<Vec<Profile>, StoreError>;

    /// The changes of a profile that are remembered, the newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn changes(&self, user: UserId) -> Result<Vec<RememberedChange>, StoreError>;
}

/// Why nothing is known of a call.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StoreError {
    /// The store is away, slow or busy. It passes. Where something was to be changed, it is not known whether it was.
    #[error("profiles cannot be reached: {0}")]
    Away(String),
    /// It does not help to try again.
    #[error("profiles cannot be kept: {0}")]
    Failed(String),
}

/// What there is of a user.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Found {
    /// The profile.
    pub profile: Option<Profile>,
    /// What is left of the one before it.
    pub deletion: Option<Deletion>,
}

/// That a profile was deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deletion {
    /// When it was.
    pub at: Timestamp,
}

impl Deletion {
    /// Whether it bars somebody who signed in then, or does not say when: only who signs in after it begins anew.
    #[must_use]
    pub fn bars(self, signed_in_at: Option<Timestamp>) -> bool {
        signed_in_at.is_none_or(|at| at <= self.at)
    }
}

/// A profile that is to begin.
#[derive(Debug, Clone, PartialEq)]
pub struct Beginning {
    /// Whose it is.
    pub user: UserId,
    /// Who that is on Steam.
    pub steam_id: Option<SteamId>,
    /// What stands in it.
    pub details: Details,
    /// When whoever asks has signed in.
    pub signed_in_at: Option<Timestamp>,
    /// Now.
    pub at: Timestamp,
}

impl Beginning {
    /// The profile that begins, after this deletion.
    #[must_use]
    pub fn profile(self, deletion: Option<Deletion>) -> Profile {
        Profile {
            user: self.user,
            steam_id: self.steam_id,
            details: self.details,
            subscription: Subscription::default(),
            version: Version::first(deletion.map(|deletion| deletion.at)),
            created_at: self.at,
            updated_at: self.at,
        }
    }
}

/// What came of a beginning.
#[derive(Debug, Clone, PartialEq)]
pub enum Begun {
    /// This profile is there, since now or since before.
    Profile(Box<Profile>),
    /// There is none: it was deleted after whoever asks signed in.
    Barred,
}

/// A change of what the owner of a profile decides.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Whose profile it is.
    pub user: UserId,
    /// The state from which it was made.
    pub from: Version,
    /// What stands there afterwards.
    pub details: Details,
    /// What is new of it.
    pub fields: Vec<&'static str>,
    /// Who changes it.
    pub by: UserId,
    /// Now.
    pub at: Timestamp,
}

/// What came of a change.
#[derive(Debug, Clone, PartialEq)]
pub enum Changed {
    /// The profile is like this.
    Yes(Box<Profile>),
    /// Nothing: it is in this state by now.
    Stale(Version),
    /// Nothing: there is no such profile.
    Missing,
}

/// A profile that is to be deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Removal {
    /// Whose it is.
    pub user: UserId,
    /// Who wants it.
    pub by: Remover,
    /// Now.
    pub at: Timestamp,
}

/// Who wants a profile deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remover {
    /// Its owner, who has signed in then.
    Owner(Option<Timestamp>),
    /// An administrator.
    Admin,
}

/// What somebody has bought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscriptionOrder {
    /// Who.
    pub user: UserId,
    /// What.
    pub subscription: Subscription,
    /// The key of the order, by which it is known when it comes again.
    pub key: Option<String>,
    /// Keys of before are forgotten.
    pub keys_since: Timestamp,
    /// Who says so.
    pub by: UserId,
    /// Now.
    pub at: Timestamp,
}

/// What came of such an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subscribed {
    /// It is like this, since now or since before.
    Yes(SubscriptionState),
    /// Nothing: the key was used for something else.
    KeyReused,
    /// Nothing: there is no such profile.
    Missing,
}

/// A change that is remembered. What was there before and is there since is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RememberedChange {
    /// When it was.
    pub at: Timestamp,
    /// Who made it.
    pub by: UserId,
    /// What it changed.
    pub fields: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_signs_in_after_a_deletion_is_not_barred() {
        let at = Timestamp::from_unix_ms;
        let deletion = Deletion { at: at(5_500) };
        for (signed_in_at, expected) in [
            (None, true),
            (Some(at(5_000)), true),
            (Some(at(5_500)), true),
            (Some(at(6_000)), false),
        ] {
            assert_eq!(deletion.bars(signed_in_at), expected, "{signed_in_at:?}");
        }
    }
}
