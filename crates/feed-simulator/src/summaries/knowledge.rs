//! What each source tells of a match.

use domain::{HeroId, MatchSummary, Team, Timestamp};

use crate::world::{World, WorldMatch};

const PURPOSE_RECEIPT: u64 = 3;

/// So much later each correction is received: after every receipt of what it corrects.
const CORRECTION_DELAY_MS: i64 = 10 * 60 * 1_000;

/// Which source a summary is from, and so what it knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Knowledge {
    /// `opendota_pages`: ranks, and no players.
    Pages,
    /// `steam_sequence`: players, and no ranks.
    Sequence,
    /// `simulated`: everything there is.
    Everything,
}

impl Knowledge {
    /// The name in the header `source`.
    #[must_use]
    pub fn source(self) -> &'static str {
        match self {
            Self::Pages => "opendota_pages",
            Self::Sequence => "steam_sequence",
            Self::Everything => "simulated",
        }
    }

    /// What this source tells of a match of the world.
    #[must_use]
    pub fn summary(self, world: &World, found: &WorldMatch) -> MatchSummary {
        let played = found.played;
        let (knows_ranks, knows_players) = match self {
            Self::Pages => (true, false),
            Self::Sequence => (false, true),
            Self::Everything => (true, true),
        };
        MatchSummary {
            match_seq_num: Some(found.match_seq_num()),
            duration_seconds: Some(played.duration_seconds),
            radiant_win: Some(played.radiant_win),
            lobby_type: Some(played.lobby_type),
            game_mode: Some(played.game_mode),
            cluster: Some(found.cluster),
            league_id: knows_players.then_some(0),
            human_players: knows_players.then_some(10),
            avg_rank_tier: found.avg_rank_tier.filter(|_| knows_ranks),
            num_rank_tier: found.num_rank_tier.filter(|_| knows_ranks),
            radiant: Some(team(played.radiant)),
            dire: Some(team(played.dire)),
            players: if knows_players {
                world.players(found)
            } else {
                Vec::new()
            },
            ..MatchSummary::new(played.id, played.start_time)
        }
    }

    /// When this source's answer about a match has been fetched: up to a minute after the end,
    /// and after all earlier answers if it is a correction.
    #[must_use]
    pub fn received_at(self, world: &World, found: &WorldMatch, corrections: u32) -> Timestamp {
        let mut dice = world.dice(PURPOSE_RECEIPT + self as u64, found.played.id);
        let delay_ms = i64::from(dice.between(1_000, 60_000));
        let correction_ms = i64::from(corrections) * CORRECTION_DELAY_MS;
        Timestamp::from_unix_ms(found.end_time().as_unix_ms() + delay_ms + correction_ms)
    }
}

fn team(heroes: [Option<HeroId>; Team::SLOTS]) -> Team {
    Team::try_new(heroes.to_vec()).expect("five heroes")
}
