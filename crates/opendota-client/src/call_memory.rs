//! What has to outlive the process.

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
