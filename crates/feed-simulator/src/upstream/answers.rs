//! Bodies of answers, in the shapes of recorded ones.

use domain::{HeroId, MatchId, PlayerLine, Side, Slot, Timestamp};
use serde_json::{Map, Value, json};

use super::Answer;
use crate::world::{World, WorldMatch};

/// Dire's slots are numbered from here.
const DIRE_SLOTS: u8 = 128;

/// The version of the parser, in answers about parsed matches alone.
const PARSER_VERSION: u32 = 22;

pub(super) fn not_found() -> (u16, String) {
    (404, json!({ "error": "Not Found" }).to_string())
}

/// An answer of whoever stands in front, or one that says that there were too many calls.
pub(crate) fn refusal(status: u16, retry_after: Option<&str>) -> Answer {
    let mut headers = Vec::new();
    let body = if status == 429 {
        json!({ "error": "minute rate limit exceeded" }).to_string()
    } else {
        headers.push(("Content-Type", "text/html; charset=UTF-8".to_owned()));
        format!(
            "<!DOCTYPE html><html><head><title>{status}</title></head><body>error code: {status}</body></html>"
        )
    };
    headers.extend(retry_after.map(|value| ("Retry-After", value.to_owned())));
    Answer {
        status,
        headers,
        body,
    }
}

/// A list without rows, whatever was asked for.
pub(super) fn empty() -> Answer {
    Answer {
        status: 200,
        headers: Vec::new(),
        body: "[]".to_owned(),
    }
}

/// `/api/matches/{id}`: nothing before a match has ended. `told` is the id that the answer has.
pub(super) fn details(world: &World, id: MatchId, told: MatchId, now: Timestamp) -> (u16, String) {
    let found = world.at(id);
    if found.end_time() > now {
        return not_found();
    }
    let played = found.played;
    let players = world.players(&found);
    let score = |side: Side| {
        let of_side = players.iter().filter(|line| line.slot.side() == side);
        of_side
            .filter_map(|line| line.kills)
            .map(u32::from)
            .sum::<u32>()
    };
    let mut body = json!({
        "match_id": told.get(),
        "match_seq_num": found.match_seq_num(),
        "radiant_win": played.radiant_win,
        "start_time": played.start_time.unix_seconds(),
        "duration": played.duration_seconds,
        "pre_game_duration": 90,
        "lobby_type": played.lobby_type,
        "game_mode": played.game_mode,
        "cluster": found.cluster,
        "leagueid": 0,
        "human_players": 10,
        "radiant_score": score(Side::Radiant),
        "dire_score": score(Side::Dire),
        "engine": 1,
        "flags": 1,
        "picks_bans": null,
        "series_id": null,
        "series_type": null,
        "metadata": null,
        "od_data": { "has_api": true, "has_gcdata": found.is_parsed, "has_parsed": found.is_parsed },
        "players": players.iter().map(|line| player(&found, line)).collect::<Vec<_>>(),
    });
    if found.is_parsed {
        body["version"] = json!(PARSER_VERSION);
        body["teamfights"] = json!([]);
        body["objectives"] = json!([]);
        body["radiant_gold_adv"] = json!([]);
        body["radiant_xp_adv"] = json!([]);
    }
    (200, body.to_string())
}

fn player(found: &WorldMatch, line: &PlayerLine) -> Value {
    let side = line.slot.side();
    let place = line.slot.get() % 5;
    let has_won = side.has_won(found.played.radiant_win);
    let mut player = json!({
        "player_slot": if side == Side::Dire { place + DIRE_SLOTS } else { place },
        "hero_id": line.hero_id.map_or(0, HeroId::get),
        "kills": line.kills,
        "deaths": line.deaths,
        "assists": line.assists,
        "leaver_status": line.leaver_status,
        "last_hits": line.last_hits,
        "denies": line.denies,
        "gold_per_min": line.gold_per_min,
        "xp_per_min": line.xp_per_min,
        "level": line.level,
        "net_worth": line.net_worth,
        "hero_damage": line.hero_damage,
        "tower_damage": line.tower_damage,
        "hero_healing": line.hero_healing,
        "isRadiant": side == Side::Radiant,
        "win": u8::from(has_won),
        "lose": u8::from(!has_won),
        "personaname": null,
        "rank_tier": null,
        "benchmarks": {},
    });
    let keys = player.as_object_mut().expect("it was made as an object");
    // Who is anonymous has no key at all.
    if let Some(account_id) = line.account_id {
        keys.insert("account_id".to_owned(), json!(account_id.get()));
    }
    for (place, item) in line.items.iter().enumerate() {
        keys.insert(format!("item_{place}"), json!(item));
    }
    if found.is_parsed {
        insert_parsed(keys, line.slot);
    }
    player
}

fn insert_parsed(keys: &mut Map<String, Value>, slot: Slot) {
    let (lane, position) = place_on_map(slot);
    keys.insert("lane".to_owned(), json!(lane));
    keys.insert(
        "lane_role".to_owned(),
        json!(if position == 5 { 1 } else { position.min(3) }),
    );
    keys.insert("position_est".to_owned(), json!(position));
    keys.insert("is_roaming".to_owned(), json!(false));
    keys.insert("obs_placed".to_owned(), json!(0));
}

/// Where a player stood when a replay was parsed: lane, and position 1 to 5.
fn place_on_map(slot: Slot) -> (u8, u8) {
    let position = slot.get() % 5 + 1;
    // Safe lane, middle and off lane; from Dire's side of the map the outer two change places.
    let lane = match position {
        1 | 5 => 1,
        2 => 2,
        _ => 3,
    };
    match slot.side() {
        Side::Radiant => (lane, position),
        Side::Dire => (4 - lane, position),
    }
}
