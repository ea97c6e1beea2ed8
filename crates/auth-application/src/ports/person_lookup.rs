//! What people are called.

use async_trait::async_trait;
use domain::{DisplayName, PictureUrl, SteamId};
use thiserror::Error;

/// What Steam knows of people. Nothing depends on it.
#[async_trait]
pub trait PersonLookup: Send + Sync {
    /// Looks somebody up; asks once. What cannot be shown is left out.
    ///
    /// # Errors
    /// Why nothing is known. It never helps to try again within the same sign-in.
    async fn look_up(&self, person: SteamId) -> Result<Profile, LookupFault>;
}

/// How somebody is shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Profile {
    /// What the person is called.
    pub name: Option<DisplayName>,
    /// Where the picture is.
    pub picture: Option<PictureUrl>,
}

/// Why nothing is known of somebody.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct LookupFault(pub String);
