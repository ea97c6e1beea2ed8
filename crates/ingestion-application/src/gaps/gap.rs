//! A gap as it is shown: a window in time, and what becomes of it.

use domain::Timestamp;

use crate::{SourceName, ports::DisconnectReason};

/// A time in which a feed could not be heard.
#[derive(Debug, Clone, PartialEq)]
pub struct Gap {
    /// Which feed.
    pub source: SourceName,
    /// When it was heard last.
    pub from: Timestamp,
    /// When it was heard again; none as long as it is not.
    pub to: Option<Timestamp>,
    /// What interrupted it.
    pub cause: GapCause,
    /// What has become of it.
    pub state: GapState,
    /// How much of closing it is done, from 0 to 1; of a lost one, how much was
    /// done of it.
    pub progress: f64,
    /// When it will be closed, at the present pace; none where that is not known.
    pub expected_end: Option<Timestamp>,
    /// How many interruptions it stands for: those that follow each other closely,
    /// or that are too many to be told one by one, are one gap.
    pub interruptions: u32,
    /// Who closes it, or why nobody does, for the person who reads it.
    pub detail: String,
}

/// What has become of a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GapState {
    /// The feed is still not heard.
    Open,
    /// It is being closed, or waits for its turn.
    Repairing,
    /// What was missing has been handed over.
    Closed,
    /// It cannot be closed any more.
    Lost,
}

impl GapState {
    /// All of them, in the order in which gaps go through them.
    pub const ALL: [Self; 4] = [Self::Open, Self::Repairing, Self::Closed, Self::Lost];

    /// The word used in metrics and answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Repairing => "repairing",
            Self::Closed => "closed",
            Self::Lost => "lost",
        }
    }
}

/// What interrupted a feed, in the word that metrics have for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GapCause(&'static str);

impl GapCause {
    /// The service itself was down.
    pub const RESTART: Self = Self("restart");
    /// There was more than the feed could ask for.
    pub const PASSED_OVER: Self = Self("passed_over");
    /// Something for which an older program had a word.
    pub(super) const OTHER: Self = Self("interrupted");

    /// The end of a connection.
    #[must_use]
    pub const fn of(reason: DisconnectReason) -> Self {
        Self(reason.as_str())
    }

    /// The word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.0
    }

    /// The letter under which it is kept.
    pub(super) fn letter(self) -> char {
        let found = LETTERS.iter().find(|(_, cause)| *cause == self);
        found.map_or('?', |(letter, _)| *letter)
    }

    pub(super) fn of_letter(letter: char) -> Self {
        let found = LETTERS.iter().find(|(known, _)| *known == letter);
        found.map_or(Self::OTHER, |(_, cause)| *cause)
    }
}

const LETTERS: [(char, GapCause); 18] = [
    ('r', GapCause::RESTART),
    ('o', GapCause::PASSED_OVER),
    ('f', GapCause::of(DisconnectReason::ConnectFailed)),
    ('t', GapCause::of(DisconnectReason::ConnectTimeout)),
    ('u', GapCause::of(DisconnectReason::UpgradeRefused)),
    ('c', GapCause::of(DisconnectReason::ClosedByUpstream)),
    ('l', GapCause::of(DisconnectReason::ConnectionLost)),
    ('p', GapCause::of(DisconnectReason::PongTimeout)),
    ('i', GapCause::of(DisconnectReason::IdleTimeout)),
    ('m', GapCause::of(DisconnectReason::MessageTooLarge)),
    ('8', GapCause::of(DisconnectReason::NotUtf8)),
    ('e', GapCause::of(DisconnectReason::ProtocolError)),
    ('q', GapCause::of(DisconnectReason::RateLimited)),
    ('k', GapCause::of(DisconnectReason::KeyRefused)),
    ('x', GapCause::of(DisconnectReason::CallFailed)),
    ('R', GapCause::of(DisconnectReason::Refused)),
    ('N', GapCause::of(DisconnectReason::Renewed)),
    ('P', GapCause::of(DisconnectReason::PreferredAgain)),
];

/// Why a gap cannot be closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Loss {
    /// No chosen feed can look back.
    NobodyLooksBack,
    /// Those that can look back have not told of all of it, and will not.
    NotCovered,
    /// The feed had more to ask for than it could, and no other one looks back.
    PassedOver,
}

impl Loss {
    const ALL: [(char, Self); 3] = [
        ('n', Self::NobodyLooksBack),
        ('c', Self::NotCovered),
        ('o', Self::PassedOver),
    ];

    pub(super) fn letter(self) -> char {
        let found = Self::ALL.iter().find(|(_, loss)| *loss == self);
        found.expect("each has a letter").0
    }

    pub(super) fn of_letter(letter: char) -> Option<Self> {
        let found = Self::ALL.iter().find(|(known, _)| *known == letter);
        Some(found?.1)
    }

    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::NobodyLooksBack => {
                "no feed of INGESTION_SOURCES can look back: opendota-pages or steam-sequence \
                 beside this one would close such gaps"
            }
            Self::NotCovered => {
                "the feeds that could close it were not read yet at this time, or were too far \
                 behind to read all of it, and do not tell of it any more"
            }
            Self::PassedOver => {
                "the feed may call too rarely to look twice: what appeared late in this time was \
                 not asked for, though its upstream still tells of it; a further key prevents \
                 this, and another feed that looks back closes such gaps"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_is_kept_under_a_letter_of_its_own() {
        let websockets = DisconnectReason::OF_WEBSOCKETS.into_iter();
        let others = DisconnectReason::OF_EVENT_STREAMS.into_iter();
        let reasons = websockets.chain(others).chain(DisconnectReason::OF_CALLS);
        let causes = reasons
            .map(GapCause::of)
            .chain([GapCause::RESTART, GapCause::PASSED_OVER]);
        for cause in causes {
            assert_eq!(GapCause::of_letter(cause.letter()), cause);
        }
        assert_eq!(GapCause::of_letter('?'), GapCause::OTHER);
    }
}
