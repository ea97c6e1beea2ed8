//! The upstream whose sequence of matches is asked for the past.

use std::sync::{Arc, Mutex, PoisonError};

use etl_application::{backfill::BackfillShare, ports::OriginError};
use etl_steam_adapter::SteamTurns;
use health_kit::Clock;
use steam_client::{Steam, SteamSettings};

/// Says who is calling.
const USER_AGENT: &str = concat!("etl-service/", env!("CARGO_PKG_VERSION"));

/// What keeps it from being asked with these settings, and what helps.
pub(crate) fn obstacle(settings: &SteamSettings) -> Option<&'static str> {
    const NO_KEY: &str = "Steam is asked with a key, and STEAM_API_KEYS has none";
    settings.keys.is_empty().then_some(NO_KEY)
}

/// Makes the client when somebody needs it first: most processes call nobody.
/// All ranges of this process call through the same one, which keeps their share.
pub(crate) struct SteamAccess {
    settings: SteamSettings,
    share: BackfillShare,
    clock: Arc<dyn Clock>,
    turns: Mutex<Option<Arc<SteamTurns>>>,
}

impl SteamAccess {
    /// Nothing is made yet.
    pub(crate) fn new(
        settings: &SteamSettings,
        share: BackfillShare,
        clock: &Arc<dyn Clock>,
    ) -> Self {
        Self {
            settings: settings.clone(),
            share,
            clock: Arc::clone(clock),
            turns: Mutex::default(),
        }
    }

    /// What keeps it from being asked.
    pub(crate) fn obstacle(&self) -> Option<String> {
        obstacle(&self.settings).map(str::to_owned)
    }

    /// Through what all ranges call.
    ///
    /// # Errors
    /// [`OriginError::Gone`] without a key, or if the client cannot be made.
    pub(crate) fn turns(&self) -> Result<Arc<SteamTurns>, OriginError> {
        let gone = |detail| OriginError::Gone { detail };
        if let Some(obstacle) = self.obstacle() {
            return Err(gone(obstacle));
        }
        // It is whole or not there, whoever panicked.
        let mut made = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(made) = &*made {
            return Ok(Arc::clone(made));
        }
        let client = client(&self.settings, &self.clock).map_err(gone)?;
        let client = Arc::new(client);
        let turns = SteamTurns::new(client, self.share, Arc::clone(&self.clock));
        Ok(Arc::clone(made.insert(Arc::new(turns))))
    }
}

/// A client with these keys; nothing is connected.
///
/// # Errors
/// The client cannot be made.
pub(crate) fn client(settings: &SteamSettings, clock: &Arc<dyn Clock>) -> Result<Steam, String> {
    let seed = clock.now().as_unix_ms().unsigned_abs();
    Steam::try_new(USER_AGENT, settings.clone(), Arc::clone(clock), seed)
}
