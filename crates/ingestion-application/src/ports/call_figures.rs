//! How often an upstream was asked, and how often it may be.

/// What became of the calls of a feed that is asked call by call.
pub trait CallFigures: Send + Sync {
    /// Calls so far by how they ended, the same words at every call.
    fn calls(&self) -> Vec<(&'static str, u64)>;

    /// Calls that are still permitted in each window of time, such as `day`.
    fn budget_left(&self) -> Vec<(&'static str, u64)>;
}
