//! Why the thread of transactions ends.

/// Why it ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum WriterEnd {
    /// It was asked to.
    Stopped,
    /// Another instance has taken over.
    Fenced(String),
}

/// It is asked to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stopped;

impl From<Stopped> for WriterEnd {
    fn from(_: Stopped) -> Self {
        Self::Stopped
    }
}
