//! All profiles behind one lock.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    ops::Bound,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use domain::{Timestamp, UserId};
use user_application::{
    Profile, SubscriptionState,
    ports::{
        Beginning, Begun, CHANGES_MAX, Change, Changed, Deletion, Found, ProfileStore,
        RememberedChange, Removal, Remover, StoreError, Subscribed, SubscriptionOrder,
    },
};

/// Profiles that nobody else knows of.
#[derive(Debug, Default)]
pub struct MemoryProfiles(Mutex<Tables>);

#[derive(Debug, Default)]
struct Tables {
    profiles: BTreeMap<UserId, Profile>,
    deletions: HashMap<UserId, Deletion>,
    /// The oldest first.
    changes: HashMap<UserId, VecDeque<RememberedChange>>,
    orders: HashMap<String, Order>,
}

#[derive(Debug)]
struct Order {
    user: UserId,
    answer: SubscriptionState,
    at: Timestamp,
}

impl MemoryProfiles {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn lock(&self) -> MutexGuard<'_, Tables> {
        // Nothing in here can panic halfway.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tables {
    fn remember(&mut self, user: UserId, change: RememberedChange) {
        let changes = self.changes.entry(user).or_default();
        changes.push_back(change);
        if changes.len() > CHANGES_MAX {
            changes.pop_front();
        }
    }

    fn is_barred(&self, user: UserId, signed_in_at: Option<Timestamp>) -> bool {
        let deletion = self.deletions.get(&user);
        deletion.is_some_and(|deletion| deletion.bars(signed_in_at))
    }

    fn subscribe(&mut self, order: SubscriptionOrder) -> Subscribed {
        if let Some(known) = order.key.as_ref().and_then(|key| self.orders.get(key)) {
            let is_same =
                known.user == order.user && known.answer.subscription == order.subscription;
            return if is_same {
                Subscribed::Yes(known.answer.clone())
            } else {
                Subscribed::KeyReused
            };
        }
        let Some(profile) = self.profiles.get_mut(&order.user) else {
            return Subscribed::Missing;
        };
        let is_new = profile.subscription != order.subscription;
        if is_new {
            *profile = profile.clone().subscribed(order.subscription, order.at);
        }
        let answer = profile.subscription_state();
        if is_new {
            let change = RememberedChange {
                at: order.at,
                by: order.by,
                fields: vec!["subscription".to_owned()],
            };
            self.remember(order.user, change);
        }
        if let Some(key) = order.key {
            let order = Order {
                user: order.user,
                answer: answer.clone(),
                at: order.at,
            };
            self.orders.insert(key, order);
        }
        Subscribed::Yes(answer)
    }
}

#[async_trait]
impl ProfileStore for MemoryProfiles {
    async fn find(&self, user: UserId) -> Result<Found, StoreError> {
        let tables = self.lock();
        Ok(Found {
            profile: tables.profiles.get(&user).cloned(),
            deletion: tables.deletions.get(&user).copied(),
        })
    }

    async fn begin(&self, beginning: Beginning) -> Result<Begun, StoreError> {
        let mut tables = self.lock();
        let user = beginning.user;
        if tables.is_barred(user, beginning.signed_in_at) {
            return Ok(Begun::Barred);
        }
        let deletion = tables.deletions.get(&user).copied();
        let profile = tables.profiles.entry(user);
        let profile = profile.or_insert_with(|| beginning.profile(deletion));
        Ok(Begun::Profile(Box::new(profile.clone())))
    }

    async fn change(&self, change: Change) -> Result<Changed, StoreError> {
        let mut tables = self.lock();
        let Some(profile) = tables.profiles.get_mut(&change.user) else {
            return Ok(Changed::Missing);
        };
        if profile.version != change.from {
            return Ok(Changed::Stale(profile.version));
        }
        *profile = profile.clone().changed(change.details, change.at);
        let changed = Changed::Yes(Box::new(profile.clone()));
        let remembered = RememberedChange {
            at: change.at,
            by: change.by,
            fields: change.fields.into_iter().map(str::to_owned).collect(),
        };
        tables.remember(change.user, remembered);
        Ok(changed)
    }

    async fn remove(&self, removal: Removal) -> Result<(), StoreError> {
        let mut tables = self.lock();
        let user = removal.user;
        let is_removed = match removal.by {
            Remover::Owner(signed_in_at) => !tables.is_barred(user, signed_in_at),
            Remover::Admin => tables.profiles.contains_key(&user),
        };
        if is_removed {
            tables.profiles.remove(&user);
            tables.changes.remove(&user);
            tables.orders.retain(|_, order| order.user != user);
            let deletion = Deletion { at: removal.at };
            let kept = tables.deletions.entry(user).or_insert(deletion);
            kept.at = kept.at.max(removal.at);
        }
        Ok(())
    }

    async fn subscribe(&self, order: SubscriptionOrder) -> Result<Subscribed, StoreError> {
        let mut tables = self.lock();
        tables
            .orders
            .retain(|_, known| known.at >= order.keys_since);
        Ok(tables.subscribe(order))
    }

    async fn page(&self, after: Option<UserId>, limit: usize) -> Result<Vec<Profile>, StoreError> {
        let tables = self.lock();
        let begin = after.map_or(Bound::Unbounded, Bound::Excluded);
        let profiles = tables.profiles.range((begin, Bound::Unbounded));
        Ok(profiles
            .map(|(_, profile)| profile.clone())
            .take(limit)
            .collect())
    }

    async fn changes(&self, user: UserId) -> Result<Vec<RememberedChange>, StoreError> {
        let tables = self.lock();
        let changes = tables.changes.get(&user).into_iter().flatten();
        Ok(changes.rev().cloned().collect())
    }
}
