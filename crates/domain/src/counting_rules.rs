//! Which matches count, and why the others do not.

use std::{collections::BTreeSet, fmt};

use crate::{Match, Team};

/// Why a match is not counted. A match has one reason, the first that applies
/// in the order of [`ALL`](Self::ALL).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LeftOut {
    /// Nobody knows the whole match.
    Incomplete,
    /// A slot has no hero.
    HeroUnknown,
    /// A hero played twice.
    HeroRepeated,
    /// A lobby of a kind that is not counted.
    Lobby,
    /// A player left before the end.
    Leaver,
    /// It was over too soon.
    TooShort,
}

impl LeftOut {
    /// Every reason, in the order in which they are judged.
    pub const ALL: [Self; 6] = [
        Self::Incomplete,
        Self::HeroUnknown,
        Self::HeroRepeated,
        Self::Lobby,
        Self::Leaver,
        Self::TooShort,
    ];

    /// The word for it in tables, metrics and answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Incomplete => "incomplete",
            Self::HeroUnknown => "hero_unknown",
            Self::HeroRepeated => "hero_repeated",
            Self::Lobby => "lobby",
            Self::Leaver => "leaver",
            Self::TooShort => "too_short",
        }
    }
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Which whole matches are counted: those with ten different heroes, in a
/// lobby of a kind that counts, that nobody left, and that lasted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CountingRules {
    /// A shorter match is not counted.
    pub duration_min_seconds: u32,
    /// The lobby types that are counted.
    pub lobbies: BTreeSet<u8>,
}

impl Default for CountingRules {
    /// Ten minutes at least, in normal and ranked lobbies.
    fn default() -> Self {
        Self {
            duration_min_seconds: 10 * 60,
            lobbies: BTreeSet::from([0, 7]),
        }
    }
}

impl CountingRules {
    /// Whether a whole match is counted. `has_leaver` says whether a player is
    /// known to have left it.
    ///
    /// # Errors
    /// The first reason why it is not; never [`LeftOut::Incomplete`].
    pub fn judge(&self, played: &Match, has_leaver: bool) -> Result<(), LeftOut> {
        let mut heroes: Vec<_> = played.heroes().map(|(_, hero)| hero).collect();
        let filled = heroes.len();
        heroes.sort_unstable();
        heroes.dedup();
        if filled < 2 * Team::SLOTS {
            Err(LeftOut::HeroUnknown)
        } else if heroes.len() < filled {
            Err(LeftOut::HeroRepeated)
        } else if !self.lobbies.contains(&played.lobby_type) {
            Err(LeftOut::Lobby)
        } else if has_leaver {
            Err(LeftOut::Leaver)
        } else if played.duration_seconds < self.duration_min_seconds {
            Err(LeftOut::TooShort)
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{HeroId, MatchId, Timestamp};

    fn counted() -> Match {
        let hero = |raw| HeroId::try_new(raw).ok();
        Match {
            id: MatchId::try_new(1).expect("positive"),
            start_time: Timestamp::from_unix_seconds(1_742_744_300),
            duration_seconds: 600,
            radiant_win: false,
            lobby_type: 7,
            game_mode: 22,
            radiant: [1, 2, 3, 4, 5].map(hero),
            dire: [6, 7, 8, 9, 10].map(hero),
        }
    }

    type Spoil = fn(&mut Match, &mut bool);

    /// What spoils a match for each reason, in the order in which they are judged.
    const SPOILERS: [(LeftOut, Spoil); 5] = [
        (LeftOut::HeroUnknown, |played, _| played.dire[4] = None),
        (LeftOut::HeroRepeated, |played, _| {
            played.dire[3] = played.radiant[0];
        }),
        (LeftOut::Lobby, |played, _| played.lobby_type = 1),
        (LeftOut::Leaver, |_, has_leaver| *has_leaver = true),
        (LeftOut::TooShort, |played, _| played.duration_seconds = 599),
    ];

    #[test]
    fn the_first_reason_that_applies_is_given() {
        let rules = CountingRules::default();
        assert_eq!(rules.judge(&counted(), false), Ok(()));
        for first in 0..SPOILERS.len() {
            let (mut played, mut has_leaver) = (counted(), false);
            for (_, spoil) in &SPOILERS[first..] {
                spoil(&mut played, &mut has_leaver);
            }
            let (reason, _) = SPOILERS[first];
            assert_eq!(rules.judge(&played, has_leaver), Err(reason));
        }
    }

    #[test]
    fn each_reason_alone_is_enough() {
        for (reason, spoil) in SPOILERS {
            let (mut played, mut has_leaver) = (counted(), false);
            spoil(&mut played, &mut has_leaver);
            let judged = CountingRules::default().judge(&played, has_leaver);
            assert_eq!(judged, Err(reason));
        }
    }

    #[test]
    fn settings_decide_on_lobbies_and_length() {
        let rules = CountingRules {
            duration_min_seconds: 0,
            lobbies: BTreeSet::from([1]),
        };
        let practice = Match {
            lobby_type: 1,
            duration_seconds: 0,
            ..counted()
        };
        assert_eq!(rules.judge(&practice, false), Ok(()));
        assert_eq!(rules.judge(&counted(), false), Err(LeftOut::Lobby));
    }

    #[test]
    fn reasons_are_in_the_order_of_judgement() {
        assert!(LeftOut::ALL.is_sorted());
        assert_eq!(LeftOut::ALL[0], LeftOut::Incomplete);
        assert_eq!(LeftOut::ALL[1..], SPOILERS.map(|(reason, _)| reason));
        let words = LeftOut::ALL.map(|reason| reason.to_string());
        assert_eq!(
            words.join(" "),
            "incomplete hero_unknown hero_repeated lobby leaver too_short"
        );
    }
}
