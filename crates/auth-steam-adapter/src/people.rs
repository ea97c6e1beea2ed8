//! What people are called.

use std::sync::Arc;

use async_trait::async_trait;
use auth_application::ports::{LookupFault, PersonLookup, Profile};
use domain::{DisplayName, PictureUrl, SteamId};
use health_kit::Clock;
use steam_client::{Steam, SteamSettings};

/// Asks the Web API of Steam, at the pace that its key bears: whoever comes when no call is permitted is shown as
/// before, or not at all.
pub struct SteamPeople {
    steam: Steam,
}

impl SteamPeople {
    /// Calls itself `user_agent`; `None` without a key. The same `jitter_seed` repeats the same waits.
    ///
    /// # Errors
    /// The name is none that a header can carry.
    pub fn try_new(
        user_agent: &str,
        settings: SteamSettings,
        clock: Arc<dyn Clock>,
        jitter_seed: u64,
    ) -> Result<Option<Self>, String> {
        if settings.keys.is_empty() {
            return Ok(None);
        }
        let steam = Steam::try_new(user_agent, settings, clock, jitter_seed)?;
        Ok(Some(Self { steam }))
    }
}

#[async_trait]
impl PersonLookup for SteamPeople {
    async fn look_up(&self, person: SteamId) -> Result<Profile, LookupFault> {
        let found = self.steam.person(person).await;
        let found = found.map_err(|error| LookupFault(error.to_string()))?;
        let found = found.ok_or_else(|| LookupFault("Steam knows nobody of this id".to_owned()))?;
        Ok(Profile {
            name: found.name.and_then(|name| DisplayName::try_new(&name).ok()),
            picture: found.picture.and_then(|url| PictureUrl::try_new(&url).ok()),
        })
    }
}
