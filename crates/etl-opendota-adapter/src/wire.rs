//! The answer as it is written, as far as tables need it.
//!
//! Names are `OpenDota`'s. Values are taken as they come and judged one by one,
//! so that what is wrong can be named; what is not listed is skipped, of any
//! type and size.

use client_kit::wire::Object;
use serde::Deserialize;
use serde_json::Value;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct WireMatch {
    pub(crate) match_id: Value,
    pub(crate) match_seq_num: Value,
    pub(crate) start_time: Value,
    pub(crate) duration: Value,
    pub(crate) radiant_win: Value,
    pub(crate) lobby_type: Value,
    pub(crate) game_mode: Value,
    pub(crate) cluster: Value,
    pub(crate) leagueid: Value,
    pub(crate) human_players: Value,
    /// Of the parser; only answers about parsed replays have one.
    pub(crate) version: Value,
    pub(crate) players: Option<Vec<Object<WirePlayer>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct WirePlayer {
    pub(crate) player_slot: Value,
    pub(crate) account_id: Value,
    pub(crate) hero_id: Value,
    pub(crate) kills: Value,
    pub(crate) deaths: Value,
    pub(crate) assists: Value,
    pub(crate) last_hits: Value,
    pub(crate) denies: Value,
    pub(crate) gold_per_min: Value,
    pub(crate) xp_per_min: Value,
    pub(crate) level: Value,
    pub(crate) net_worth: Value,
    pub(crate) hero_damage: Value,
    pub(crate) tower_damage: Value,
    pub(crate) hero_healing: Value,
    pub(crate) leaver_status: Value,
    /// These two are there if the replay was read.
    pub(crate) lane: Value,
    pub(crate) lane_role: Value,
    pub(crate) item_0: Value,
    pub(crate) item_1: Value,
    pub(crate) item_2: Value,
    pub(crate) item_3: Value,
    pub(crate) item_4: Value,
    pub(crate) item_5: Value,
}
