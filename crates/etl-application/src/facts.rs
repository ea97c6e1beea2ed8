//! What of an answer becomes a row, and of which table.

use domain::{AccountId, Day, HeroId, Match, PlayerLine, Position, Side, Slot};

use crate::Answer;

/// The rows that an answer makes, a field for each kind of fact.
///
/// A row is made only by an answer that knows everything its kind needs. So a
/// source that knows less never takes away what another one knew.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts<'a> {
    /// The core: who played, and who won. All of it or nothing.
    pub core: Option<Match>,
    /// What else the source says; every answer says that much.
    pub answer: &'a Answer,
    /// The average rank.
    pub rank: Option<Rank>,
    /// All ten lines of players, or none.
    pub players: Option<[PlayerFact<'a>; PLAYERS]>,
    /// Where all ten players were and what they did there, in the order of
    /// slots, or nothing.
    pub positions: Option<Positions>,
}

/// How many players a match has.
pub const PLAYERS: usize = 10;

/// Where all players of a match were, in the order of slots.
pub type Positions = [PositionFact; PLAYERS];

/// The average rank of a match's players.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rank {
    /// The average: tens are the medal, ones the star.
    pub avg_rank_tier: u8,
    /// Of how many players.
    pub num_rank_tier: Option<u8>,
}

/// The line of a player whose needs are known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PlayerFact<'a> {
    /// Whose line it is.
    pub slot: Slot,
    /// What was played.
    pub hero: HeroId,
    /// Kills.
    pub kills: u16,
    /// Deaths.
    pub deaths: u16,
    /// Assists.
    pub assists: u16,
    /// Whether the player's side won; none if the result is not known.
    pub won: Option<bool>,
    /// The whole line.
    pub line: &'a PlayerLine,
}

/// Where a player was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PositionFact {
    /// Whose place it was.
    pub slot: Slot,
    /// The lane, as upstreams number it.
    pub lane: u8,
    /// What the player did there.
    pub position: Position,
}

/// A match of one account.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AccountFact<'a> {
    /// Whose.
    pub account_id: AccountId,
    /// The line.
    pub player: &'a PlayerFact<'a>,
    /// The mode of the match.
    pub game_mode: u8,
    /// Its lobby type.
    pub lobby_type: u8,
    /// How long it took.
    pub duration_seconds: u32,
}

impl<'a> Facts<'a> {
    /// The rows that an answer makes.
    #[must_use]
    pub fn of(answer: &'a Answer) -> Self {
        let summary = &answer.summary;
        Self {
            core: summary.whole(),
            answer,
            rank: summary.avg_rank_tier.map(|avg_rank_tier| Rank {
                avg_rank_tier,
                num_rank_tier: summary.num_rank_tier,
            }),
            players: players(answer),
            positions: positions(answer),
        }
    }

    /// The day to which everything here belongs.
    #[must_use]
    pub fn day(&self) -> Day {
        Day::of(self.answer.summary.start_time)
    }

    /// The matches of players who are not anonymous, where the match's setting is known.
    pub fn accounts(&self) -> impl Iterator<Item = AccountFact<'_>> {
        let summary = &self.answer.summary;
        let setting = summary.game_mode.zip(summary.lobby_type);
        let setting = setting.zip(summary.duration_seconds);
        let known = self
            .players
            .iter()
            .flatten()
            .zip(setting.into_iter().cycle());
        known.filter_map(|(player, ((game_mode, lobby_type), duration_seconds))| {
            Some(AccountFact {
                account_id: player.line.account_id?,
                player,
                game_mode,
                lobby_type,
                duration_seconds,
            })
        })
    }

    /// How many rows it is, by table.
    #[must_use]
    pub fn rows(&self) -> [(&'static str, usize); 6] {
        let players = self.players.as_ref().map_or(0, |players| players.len());
        let positions = self.positions.as_ref();
        [
            ("matches", usize::from(self.core.is_some())),
            ("match_sources", 1),
            ("match_ranks", usize::from(self.rank.is_some())),
            ("match_players", players),
            ("player_matches", self.accounts().count()),
            ("match_positions", positions.map_or(0, |all| all.len())),
        ]
    }

    /// How many rows it is, over all tables.
    #[must_use]
    pub fn row_count(&self) -> usize {
        self.rows().iter().map(|(_, rows)| rows).sum()
    }
}

fn positions(answer: &Answer) -> Option<Positions> {
    let lines = answer.summary.players.iter();
    let facts: Option<Vec<_>> = lines
        .map(|line| {
            Some(PositionFact {
                slot: line.slot,
                lane: line.lane?,
                position: line.position?,
            })
        })
        .collect();
    let mut facts = facts?;
    facts.sort_by_key(|fact| fact.slot);
    facts.try_into().ok()
}

fn players(answer: &Answer) -> Option<[PlayerFact<'_>; PLAYERS]> {
    let summary = &answer.summary;
    let facts: Option<Vec<_>> = summary
        .players
        .iter()
        .map(|line| {
            Some(PlayerFact {
                slot: line.slot,
                hero: line.hero_id?,
                kills: line.kills?,
                deaths: line.deaths?,
                assists: line.assists?,
                won: summary
                    .radiant_win
                    .map(|radiant_win| radiant_win == (line.slot.side() == Side::Radiant)),
                line,
            })
        })
        .collect();
    facts?.try_into().ok()
}
