//! The ways in which upstreams tell of matches, each read by a feed.

use ingestion_application::SourceName;
use ingestion_opendota_adapter::{logs, pages, stream};

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Interface {
    /// A websocket that says each match once, to those who listen.
    Stream,
    /// A log that does the same.
    Logs,
    /// Lists of matches, page by page.
    Pages,
    /// Steam's sequence.
    Steam,
}

impl Interface {
    /// Every one of them.
    pub const ALL: [Self; 4] = [Self::Stream, Self::Logs, Self::Pages, Self::Steam];

    /// The name of its feed.
    #[must_use]
    pub const fn source(self) -> SourceName {
        match self {
            Self::Stream => stream::SOURCE,
            Self::Logs => logs::SOURCE,
            Self::Pages => pages::SOURCE,
            Self::Steam => ingestion_steam_adapter::SOURCE,
        }
    }

    pub(crate) fn of(source: SourceName) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.source() == source)
    }

    /// Whether it says each match once, and never again.
    pub(crate) const fn is_pushed(self) -> bool {
        matches!(self, Self::Stream | Self::Logs)
    }

    /// A bit of its own.
    pub(crate) const fn bit(self) -> u8 {
        1 << self as u8
    }
}
