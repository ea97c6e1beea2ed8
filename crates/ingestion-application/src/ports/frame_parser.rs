//! Who judges frames that nobody reads from a socket.

use domain::MatchId;

use super::InvalidFrame;

/// Judges one frame as the feed it belongs to would.
pub trait FrameParser: Send + Sync {
    /// The match of a frame.
    ///
    /// # Errors
    /// The first rule it breaks, with the frame's bytes.
    fn parse(&self, frame: &[u8]) -> Result<MatchId, Box<InvalidFrame>>;
}
