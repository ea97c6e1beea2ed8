//! What one source knew of a match at one moment.

use crate::{Match, MatchId, PlayerLine, Team, Timestamp};

/// What one source knew of a match at one moment. `None` is what it did not know.
///
/// Sources know different things: one has the ranks, another the players. Two
/// summaries of a match are not merged here; whoever stores them decides which
/// piece of which one counts.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MatchSummary {
    /// Which match.
    pub match_id: MatchId,
    /// When it started, to the second.
    pub start_time: Timestamp,
    /// Its number in the order in which matches ended.
    pub match_seq_num: Option<u64>,
    /// How long it took.
    pub duration_seconds: Option<u32>,
    /// Who won: Radiant, or else Dire.
    pub radiant_win: Option<bool>,
    /// How it came about, as the game numbers it: 0 normal, 7 ranked, and others.
    pub lobby_type: Option<u8>,
    /// By which rules heroes were chosen, as the game numbers them.
    pub game_mode: Option<u8>,
    /// The group of servers it ran on.
    pub cluster: Option<u16>,
    /// The league it belongs to, 0 for none.
    pub league_id: Option<u32>,
    /// How many of its players were no bots.
    pub human_players: Option<u8>,
    /// The average rank of the players whose rank is known.
    pub avg_rank_tier: Option<u8>,
    /// How many those are.
    pub num_rank_tier: Option<u8>,
    /// Radiant's heroes.
    pub radiant: Option<Team>,
    /// Dire's heroes.
    pub dire: Option<Team>,
    /// The players, each slot once at most; none when the source does not know them.
    pub players: Vec<PlayerLine>,
}

impl MatchSummary {
    /// A summary that knows nothing but that there was a match.
    #[must_use]
    pub const fn new(match_id: MatchId, start_time: Timestamp) -> Self {
        Self {
            match_id,
            start_time,
            match_seq_num: None,
            duration_seconds: None,
            radiant_win: None,
            lobby_type: None,
            game_mode: None,
            cluster: None,
            league_id: None,
            human_players: None,
            avg_rank_tier: None,
            num_rank_tier: None,
            radiant: None,
            dire: None,
            players: Vec::new(),
        }
    }

    /// The whole match, if this summary knows all of it.
    #[must_use]
    pub fn whole(&self) -> Option<Match> {
        Some(Match {
            id: self.match_id,
            start_time: self.start_time,
            duration_seconds: self.duration_seconds?,
            radiant_win: self.radiant_win?,
            lobby_type: self.lobby_type?,
            game_mode: self.game_mode?,
            radiant: self.radiant?.whole()?,
            dire: self.dire?.whole()?,
        })
    }

    /// Whether a player is known to have left the match before its end.
    #[must_use]
    pub fn has_leaver(&self) -> bool {
        self.players.iter().any(PlayerLine::is_leaver)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Slot;

    fn summary() -> MatchSummary {
        let team = Team::try_new(vec![None; 5]).ok();
        MatchSummary {
            duration_seconds: Some(1_551),
            radiant_win: Some(true),
            lobby_type: Some(7),
            game_mode: Some(22),
            radiant: team,
            dire: team,
            ..MatchSummary::new(
                MatchId::try_new(8_226_246_802).expect("positive"),
                Timestamp::from_unix_seconds(1_742_744_300),
            )
        }
    }

    #[test]
    fn a_whole_match_needs_all_of_its_pieces() {
        let whole = summary().whole().expect("all pieces are there");
        assert_eq!(whole.id, summary().match_id);
        assert_eq!((whole.radiant, whole.dire), ([None; 5], [None; 5]));

        let four = Team::try_new(vec![None; 4]).ok();
        let without: [fn(&mut MatchSummary); 6] = [
            |summary| summary.duration_seconds = None,
            |summary| summary.radiant_win = None,
            |summary| summary.lobby_type = None,
            |summary| summary.game_mode = None,
            |summary| summary.radiant = None,
            |summary| summary.dire = None,
        ];
        for (which, remove) in without.into_iter().enumerate() {
            let mut summary = summary();
            remove(&mut summary);
            assert_eq!(summary.whole(), None, "piece {which}");
        }
        for summary in [
            MatchSummary {
                radiant: four,
                ..summary()
            },
            MatchSummary {
                dire: four,
                ..summary()
            },
        ] {
            assert_eq!(summary.whole(), None);
        }
    }

    #[test]
    fn one_leaver_is_enough() {
        let line = |raw, status| PlayerLine {
            leaver_status: status,
            ..PlayerLine::new(Slot::try_new(raw).expect("a slot"))
        };
        let with = |players| MatchSummary {
            players,
            ..summary()
        };
        assert!(!with(vec![]).has_leaver());
        assert!(!with(vec![line(0, Some(1)), line(9, None)]).has_leaver());
        assert!(with(vec![line(0, Some(0)), line(9, Some(3))]).has_leaver());
    }
}
