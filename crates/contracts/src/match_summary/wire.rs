//! The value as it is written: what is not known is left out.

use domain::{AccountId, HeroId, MatchSummary, PlayerLine, Team};
use serde::Serialize;

pub(super) fn encode(summary: &MatchSummary) -> Vec<u8> {
    serde_json::to_vec(&Value::of(summary)).expect("it holds nothing that JSON cannot write")
}

#[derive(Serialize)]
struct Value {
    match_id: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    match_seq_num: Option<u64>,
    start_time: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    radiant_win: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lobby_type: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    game_mode: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    league_id: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    human_players: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    avg_rank_tier: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    num_rank_tier: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    radiant: Option<Vec<u16>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dire: Option<Vec<u16>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    players: Vec<Player>,
}

#[derive(Serialize)]
struct Player {
    slot: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    account_id: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hero_id: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kills: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deaths: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    assists: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_hits: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    denies: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gold_per_min: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    xp_per_min: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    level: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    net_worth: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hero_damage: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tower_damage: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hero_healing: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    leaver_status: Option<u8>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    items: Vec<u16>,
}

impl Value {
    fn of(summary: &MatchSummary) -> Self {
        let heroes = |team: Team| {
            let ids = team.heroes().iter();
            ids.map(|hero| hero.map_or(0, HeroId::get)).collect()
        };
        Self {
            match_id: summary.match_id.get(),
            match_seq_num: summary.match_seq_num,
            start_time: summary.start_time.unix_seconds(),
            duration: summary.duration_seconds,
            radiant_win: summary.radiant_win,
            lobby_type: summary.lobby_type,
            game_mode: summary.game_mode,
            cluster: summary.cluster,
            league_id: summary.league_id,
            human_players: summary.human_players,
            avg_rank_tier: summary.avg_rank_tier,
            num_rank_tier: summary.num_rank_tier,
            radiant: summary.radiant.map(heroes),
            dire: summary.dire.map(heroes),
            players: summary.players.iter().map(Player::of).collect(),
        }
    }
}

impl Player {
    fn of(line: &PlayerLine) -> Self {
        Self {
            slot: line.slot.get(),
            account_id: line.account_id.map(AccountId::get),
            hero_id: line.hero_id.map(HeroId::get),
            kills: line.kills,
            deaths: line.deaths,
            assists: line.assists,
            last_hits: line.last_hits,
            denies: line.denies,
            gold_per_min: line.gold_per_min,
            xp_per_min: line.xp_per_min,
            level: line.level,
            net_worth: line.net_worth,
            hero_damage: line.hero_damage,
            tower_damage: line.tower_damage,
            hero_healing: line.hero_healing,
            leaver_status: line.leaver_status,
            items: line.items.clone(),
        }
    }
}
