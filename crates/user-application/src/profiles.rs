//! What can be done with profiles, and by whom.

use std::{sync::Arc, time::Duration};

use domain::UserId;
use health_kit::Clock;
use thiserror::Error;

use crate::{
    caller::{Caller, Whose},
    edit::Edit,
    fault::Fault,
    ports::{
        Beginning, Begun, Change, Changed, ProfileStore, Removal, Remover, StoreError, Subscribed,
        SubscriptionOrder,
    },
    profile::{Details, Profile},
    store_figures::StoreFigures,
    subscription::{Subscription, SubscriptionState},
    version::Version,
};

/// So many profiles are listed at a time.
pub const PAGE_MAX: usize = 100;
/// An order that comes again is known for so long.
const KEY_LIFE: Duration = Duration::from_hours(24);

/// All profiles, for whoever may see them.
pub struct Profiles {
    store: Arc<dyn ProfileStore>,
    clock: Arc<dyn Clock>,
    figures: StoreFigures,
}

/// Why somebody does not get what was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refusal {
    /// The token does not permit it, whosever profile it is.
    #[error("the token does not permit this")]
    NotPermitted,
    /// There is no such profile, or none for this caller.
    #[error("there is no such profile")]
    NotFound,
    /// It was deleted after the caller has signed in.
    #[error("the profile was deleted; whoever signs in again begins anew")]
    Gone,
    /// It is in this state by now.
    #[error("the profile has changed since: its version is {0}")]
    Stale(Version),
    /// What was sent is not what may stand there.
    #[error("what was sent cannot stand there")]
    Invalid(Vec<Fault>),
    /// The key of an order was used for another one.
    #[error("this key was used for something else")]
    KeyReused,
    /// It cannot be told, or done, now.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Profiles {
    /// The profiles that are kept there.
    #[must_use]
    pub fn new(store: Arc<dyn ProfileStore>, clock: Arc<dyn Clock>) -> Self {
        Self {
            store,
            clock,
            figures: StoreFigures::default(),
        }
    }

    /// How long the store takes.
    #[must_use]
    pub const fn figures(&self) -> &StoreFigures {
        &self.figures
    }

    /// Looks at a profile. That of the caller begins with the first look.
    ///
    /// # Errors
    /// [`Refusal`]; another's is not found, unless the caller is an administrator.
    pub async fn look(&self, caller: &Caller, whose: Whose) -> Result<Profile, Refusal> {
        let user = permit(caller, whose, caller.may_read)?;
        match self.profile(caller, user).await {
            Err(Refusal::NotFound) if user == caller.user => self.begin(caller).await,
            found => found,
        }
    }

    /// Changes a profile that is in one of the states `expected`.
    ///
    /// # Errors
    /// [`Refusal`]; nothing is changed then, unless the [store](StoreError::Away) could not say so.
    pub async fn change(
        &self,
        caller: &Caller,
        whose: Whose,
        expected: &[Version],
        edit: &Edit,
    ) -> Result<Profile, Refusal> {
        let user = permit(caller, whose, caller.may_write)?;
        let profile = self.profile(caller, user).await?;
        if !expected.contains(&profile.version) {
            return Err(Refusal::Stale(profile.version));
        }
        let details = edit.apply(&profile).map_err(Refusal::Invalid)?;
        let fields = profile.details.differences(&details);
        if fields.is_empty() {
            return Ok(profile);
        }
        let change = Change {
            user,
            from: profile.version,
            details,
            fields,
            by: caller.user,
            at: self.clock.now(),
        };
        match self.figures.measure(self.store.change(change)).await? {
            Changed::Yes(profile) => Ok(*profile),
            Changed::Stale(version) => Err(Refusal::Stale(version)),
            Changed::Missing => Err(Refusal::NotFound),
        }
    }

    /// Deletes a profile; what is not there stays so.
    ///
    /// # Errors
    /// [`Refusal`].
    pub async fn remove(&self, caller: &Caller, whose: Whose) -> Result<(), Refusal> {
        let user = permit(caller, whose, caller.may_write)?;
        let removal = Removal {
            user,
            by: if user == caller.user {
                Remover::Owner(caller.signed_in_at)
            } else {
                Remover::Admin
            },
            at: self.clock.now(),
        };
        Ok(self.figures.measure(self.store.remove(removal)).await?)
    }

    /// Sets what somebody has bought, once for each key.
    ///
    /// # Errors
    /// [`Refusal`].
    pub async fn subscribe(
        &self,
        caller: &Caller,
        whose: Whose,
        subscription: Subscription,
        key: Option<String>,
    ) -> Result<SubscriptionState, Refusal> {
        require_admin(caller)?;
        let now = self.clock.now();
        let order = SubscriptionOrder {
            user: whose.user(caller),
            subscription,
            key,
            keys_since: now.saturating_sub(KEY_LIFE),
            by: caller.user,
            at: now,
        };
        match self.figures.measure(self.store.subscribe(order)).await? {
            Subscribed::Yes(state) => Ok(state),
            Subscribed::KeyReused => Err(Refusal::KeyReused),
            Subscribed::Missing => Err(Refusal::NotFound),
        }
    }

    /// Up to `limit` profiles, at most [`PAGE_MAX`], in the order of their ids, after this one; and whether there are
    /// more.
    ///
    /// # Errors
    /// [`Refusal`].
    pub async fn page(
        &self,
        caller: &Caller,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<(Vec<Profile>, bool), Refusal> {
        require_admin(caller)?;
        let limit = limit.min(PAGE_MAX);
        let page = self.store.page(after, limit + 1);
        let mut page = self.figures.measure(page).await?;
        let has_more = page.len() > limit;
        page.truncate(limit);
        Ok((page, has_more))
    }

    async fn profile(&self, caller: &Caller, user: UserId) -> Result<Profile, Refusal> {
        let found = self.figures.measure(self.store.find(user)).await?;
        let is_barred = |deletion: crate::ports::Deletion| deletion.bars(caller.signed_in_at);
        if user == caller.user && found.deletion.is_some_and(is_barred) {
            return Err(Refusal::Gone);
        }
        found.profile.ok_or(Refusal::NotFound)
    }

    async fn begin(&self, caller: &Caller) -> Result<Profile, Refusal> {
        let beginning = Beginning {
            user: caller.user,
            steam_id: caller.steam_id,
            details: Details::first(caller.name.clone(), caller.picture.clone()),
            signed_in_at: caller.signed_in_at,
            at: self.clock.now(),
        };
        match self.figures.measure(self.store.begin(beginning)).await? {
            Begun::Profile(profile) => Ok(*profile),
            Begun::Barred => Err(Refusal::Gone),
        }
    }
}

fn require_admin(caller: &Caller) -> Result<(), Refusal> {
    caller.is_admin.then_some(()).ok_or(Refusal::NotPermitted)
}

/// Whose profile it is, if the caller may know of it.
fn permit(caller: &Caller, whose: Whose, is_permitted: bool) -> Result<UserId, Refusal> {
    let user = whose.user(caller);
    // Whoever may do this with no profile learns of none.
    if !is_permitted && !caller.is_admin {
        return Err(Refusal::NotPermitted);
    }
    let is_theirs = user == caller.user || caller.is_admin;
    is_theirs.then_some(user).ok_or(Refusal::NotFound)
}
