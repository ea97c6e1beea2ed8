//! What has to outlive the process.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use async_trait::async_trait;
use domain::Day;
use thiserror::Error;

use crate::Counted;

/// Remembers how many calls were set down for a day.
///
/// A process sets calls down before it makes them, many at a time. So what is
/// remembered is never less than what was made, whenever the process ends.
#[async_trait]
pub trait CallMemory: Send + Sync {
    /// How many of these calls are set down for a day, by whichever process.
    ///
    /// # Errors
    /// [`CallMemoryError`]: it could not be looked up.
    async fn calls(&self, counted: Counted, day: Day) -> Result<u64, CallMemoryError>;

    /// Sets down that up to so many of these calls of a day are made; a lower number than
    /// before changes nothing. Returns when it would survive the loss of this process.
    ///
    /// # Errors
    /// [`CallMemoryError`]: it may have been set down or not.
    async fn set_down(&self, counted: Counted, day: Day, calls: u64)
    -> Result<(), CallMemoryError>;
}

/// The memory does not answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("calls cannot be set down before they are made: {0}")]
pub struct CallMemoryError(pub String);

/// Remembers calls as long as the process lives, for whoever has nowhere to keep
/// them. What an earlier process has called, the first answer tells: that call is
/// made alone, and taken from what is kept for others, if anything is.
#[derive(Debug, Default)]
pub struct ProcessMemory(Mutex<BTreeMap<(Counted, Day), u64>>);

#[async_trait]
impl CallMemory for ProcessMemory {
    async fn calls(&self, counted: Counted, day: Day) -> Result<u64, CallMemoryError> {
        let calls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(calls.get(&(counted, day)).copied().unwrap_or(0))
    }

    async fn set_down(
        &self,
        counted: Counted,
        day: Day,
        calls: u64,
    ) -> Result<(), CallMemoryError> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Those of yesterday are asked for by nobody.
        known.retain(|(_, other), _| *other >= day);
        let known = known.entry((counted, day)).or_default();
        *known = calls.max(*known);
        Ok(())
    }
}
