//! When runs begin by themselves.

use domain::Timestamp;

/// A rule that names moments.
pub trait Schedule: Send + Sync {
    /// The first moment after this one; none if there is none any more.
    fn next_after(&self, at: Timestamp) -> Option<Timestamp>;

    /// The rule, as the settings have it.
    fn text(&self) -> &str;
}
