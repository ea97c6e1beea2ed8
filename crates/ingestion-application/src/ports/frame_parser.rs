//! Who judges frames that nobody reads from a socket.

use super::InvalidFrame;
use crate::FoundMatch;

/// Judges one frame as the feed it belongs to would.
pub trait FrameParser: Send + Sync {
    /// The match of a frame, with what else the frame tells of it.
    ///
    /// # Errors
    /// The first rule it breaks, with the frame's bytes.
    fn parse(&self, frame: &[u8]) -> Result<FoundMatch, Box<InvalidFrame>>;
}
