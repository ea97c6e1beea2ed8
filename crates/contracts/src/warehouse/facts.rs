//! What happened: one table for each kind of fact, so that a source that knows
//! less of one kind takes nothing away from another.

use super::{codes::Won, table_row};

table_row! {
    /// A whole match, one row each.
    MatchRow in "matches" {
        /// Which match.
        match_id: u64,
        /// When it started.
        start_time: u32,
        /// How long it took, in seconds.
        duration: u32,
        /// Who won: Radiant, or else Dire.
        radiant_win: bool,
        /// How it came about.
        lobby_type: u8,
        /// By which rules heroes were chosen.
        game_mode: u8,
        /// Radiant's five heroes in the order of slots, 0 for an unfilled one.
        radiant: Vec<u16>,
        /// Dire's.
        dire: Vec<u16>,
        /// Who said so.
        source: String,
        /// The higher one counts.
        version: u64,
    }
}

table_row! {
    /// What else a source said of a match, one row for each source.
    MatchSourceRow in "match_sources" {
        /// Which match.
        match_id: u64,
        /// Who said so.
        source: String,
        /// When it started.
        start_time: u32,
        /// Its number in the order in which matches ended.
        match_seq_num: Option<u64>,
        /// The group of servers it ran on.
        cluster: Option<u16>,
        /// The league it belongs to, 0 for none.
        league_id: Option<u32>,
        /// How many of its players were no bots.
        human_players: Option<u8>,
        /// The higher one counts.
        version: u64,
    }
}

table_row! {
    /// How good the players of a match were, one row each.
    MatchRankRow in "match_ranks" {
        /// Which match.
        match_id: u64,
        /// When it started.
        start_time: u32,
        /// The average rank of the players whose rank is known.
        avg_rank_tier: u8,
        /// How many those are.
        num_rank_tier: Option<u8>,
        /// Who said so.
        source: String,
        /// The higher one counts.
        version: u64,
    }
}

table_row! {
    /// A player's line; a match has ten rows or none.
    MatchPlayerRow in "match_players" {
        /// Which match.
        match_id: u64,
        /// The player's place, 0 to 9.
        slot: u8,
        /// When the match started.
        start_time: u32,
        /// Whose account it is, 0 for an anonymous player.
        account_id: u32,
        /// The player's hero.
        hero_id: u16,
        /// Whether the player won.
        won: Won,
        /// Heroes killed.
        kills: u16,
        /// Times killed.
        deaths: u16,
        /// Kills of others helped with.
        assists: u16,
        /// Creeps killed.
        last_hits: Option<u16>,
        /// Own creeps killed.
        denies: Option<u16>,
        /// Gold a minute.
        gold_per_min: Option<u16>,
        /// Experience a minute.
        xp_per_min: Option<u16>,
        /// The hero's level at the end.
        level: Option<u8>,
        /// What the player owned at the end, in gold.
        net_worth: Option<u32>,
        /// Damage done to heroes.
        hero_damage: Option<u32>,
        /// Damage done to buildings.
        tower_damage: Option<u32>,
        /// Healing done to heroes.
        hero_healing: Option<u32>,
        /// How the player left, as the game numbers it.
        leaver_status: Option<u8>,
        /// What the player carried at the end, 0 for an empty place; none when nobody said.
        items: Vec<u16>,
        /// The higher one counts.
        version: u64,
    }
}

table_row! {
    /// A player's match, found by account; without anonymous players.
    PlayerMatchRow in "player_matches" {
        /// Whose account it is.
        account_id: u32,
        /// Which match.
        match_id: u64,
        /// When it started.
        start_time: u32,
        /// The player's place, 0 to 9.
        slot: u8,
        /// The player's hero.
        hero_id: u16,
        /// Whether the player won.
        won: Won,
        /// By which rules heroes were chosen.
        game_mode: u8,
        /// How the match came about.
        lobby_type: u8,
        /// Heroes killed.
        kills: u16,
        /// Times killed.
        deaths: u16,
        /// Kills of others helped with.
        assists: u16,
        /// How long the match took, in seconds.
        duration: u32,
        /// The higher one counts.
        version: u64,
    }
}

table_row! {
    /// Where a player of a match was; of matches only whose replay was read.
    MatchPositionRow in "match_positions" {
        /// Which match.
        match_id: u64,
        /// The player's place, 0 to 9.
        slot: u8,
        /// When the match started.
        start_time: u32,
        /// The lane, as the upstream numbers it.
        lane: u8,
        /// What the player did there, 1 to 5.
        position: u8,
        /// The higher one counts.
        version: u64,
    }
}
