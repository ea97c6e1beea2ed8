//! What verifiers were told.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use auth_application::ports::{RevocationFault, RevocationList};
use domain::{SessionId, Timestamp};

/// Remembers what verifiers were told, or cannot tell them.
#[derive(Debug, Default)]
pub struct ToldVerifiers {
    told: Mutex<Vec<(SessionId, Timestamp)>>,
    is_away: bool,
}

impl ToldVerifiers {
    /// One that cannot tell them.
    #[must_use]
    pub fn away() -> Self {
        Self {
            is_away: true,
            ..Self::default()
        }
    }

    /// Of which sessions, and until when, in order.
    #[must_use]
    pub fn told(&self) -> Vec<(SessionId, Timestamp)> {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.clone()
    }
}

#[async_trait]
impl RevocationList for ToldVerifiers {
    async fn revoke(
        &self,
        sessions: &[SessionId],
        _now: Timestamp,
        until: Timestamp,
    ) -> Result<(), RevocationFault> {
        if self.is_away {
            return Err(RevocationFault("away".to_owned()));
        }
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.extend(sessions.iter().map(|session| (*session, until)));
        Ok(())
    }
}
