//! Where a feed goes on in another process.

use std::fmt;

use thiserror::Error;

/// A place in an upstream, in words that only its feed understands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint(String);

/// A place that takes too many words to be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a checkpoint has {size_bytes} bytes, at most {max} can be kept", max = Checkpoint::SIZE_MAX_BYTES)]
pub struct CheckpointTooLong {
    /// How many it takes.
    pub size_bytes: usize,
}

impl Checkpoint {
    /// A quarter of what brokers keep beside an offset unless told otherwise.
    pub const SIZE_MAX_BYTES: usize = 1024;

    /// The place that `text` describes.
    ///
    /// # Errors
    /// [`CheckpointTooLong`] beyond [`SIZE_MAX_BYTES`](Self::SIZE_MAX_BYTES).
    pub fn try_new(text: impl Into<String>) -> Result<Self, CheckpointTooLong> {
        let text = text.into();
        if text.len() > Self::SIZE_MAX_BYTES {
            return Err(CheckpointTooLong {
                size_bytes: text.len(),
            });
        }
        Ok(Self(text))
    }

    /// The words.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
