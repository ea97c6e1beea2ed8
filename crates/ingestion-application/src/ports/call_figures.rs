//! How often an upstream was asked, how often it may be, and whether that is enough.

use std::time::Duration;

/// What became of the calls of a feed that is asked call by call.
pub trait CallFigures: Send + Sync {
    /// Calls so far by how they ended, the same words at every call.
    fn calls(&self) -> Vec<(&'static str, u64)>;

    /// Calls that are still permitted in each window of time, such as `day`.
    fn budget_left(&self) -> Vec<(&'static str, u64)>;

    /// How far each part of its work is behind: how long ago everything was read
    /// that was to be read there, or should have been.
    fn behind(&self) -> Vec<(&'static str, Duration)>;
}
