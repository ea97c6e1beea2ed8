//! From an answer to a summary, or to what is wrong with it.

use domain::{
    AccountId, HeroId, Laner, MatchId, MatchSummary, PlayerLine, Position, Slot, Team, Timestamp,
};

use client_kit::wire::Object;
use opendota_client::values::{boolean, unsigned};

use crate::wire::{WireMatch, WirePlayer};

/// Five a side.
const PLAYERS_MAX: usize = 2 * Team::SLOTS;

/// What an answer says.
#[derive(Debug)]
pub(crate) struct Decoded {
    pub(crate) summary: MatchSummary,
    /// Whether the replay has been read.
    pub(crate) is_parsed: bool,
}

/// Reads an answer that had been fetched at that time. What is absent or
/// `null` is not known; anything of the wrong kind is an error, for one wrong
/// value makes the others doubtful.
///
/// # Errors
/// The first thing that is wrong, by name.
pub(crate) fn decode(body: &[u8], fetched_at: Timestamp) -> Result<Decoded, String> {
    let Object(told): Object<WireMatch> =
        serde_json::from_slice(body).map_err(|error| format!("no JSON of a match: {error}"))?;
    let id: i64 = unsigned("match_id", &told.match_id)?.ok_or("it has no match_id")?;
    let match_id = MatchId::try_new(id).map_err(|error| error.to_string())?;
    let start: u32 = unsigned("start_time", &told.start_time)?.ok_or("it has no start_time")?;
    let start_time = contracts::judge_start(start, fetched_at)
        .map_err(|detail| format!("start_time {detail}"))?;
    let players = lines(told.players.as_deref().unwrap_or_default())?;
    let summary = MatchSummary {
        match_seq_num: unsigned("match_seq_num", &told.match_seq_num)?,
        duration_seconds: unsigned("duration", &told.duration)?,
        radiant_win: boolean("radiant_win", &told.radiant_win)?,
        lobby_type: unsigned("lobby_type", &told.lobby_type)?,
        game_mode: unsigned("game_mode", &told.game_mode)?,
        cluster: unsigned("cluster", &told.cluster)?,
        league_id: unsigned("leagueid", &told.leagueid)?,
        human_players: unsigned("human_players", &told.human_players)?,
        radiant: team(&players, 0),
        dire: team(&players, 5),
        players,
        ..MatchSummary::new(match_id, start_time)
    };
    Ok(Decoded {
        summary,
        is_parsed: !told.version.is_null(),
    })
}

fn lines(players: &[Object<WirePlayer>]) -> Result<Vec<PlayerLine>, String> {
    if players.len() > PLAYERS_MAX {
        return Err(format!("it has more than {PLAYERS_MAX} players"));
    }
    let mut lines: Vec<PlayerLine> = Vec::with_capacity(players.len());
    let mut roles = [None; PLAYERS_MAX];
    for (place, Object(player)) in players.iter().enumerate() {
        let named = |detail| format!("players[{place}].{detail}");
        let line = line(player).map_err(named)?;
        let role = unsigned("lane_role", &player.lane_role).map_err(named)?;
        roles[usize::from(line.slot.get())] = role;
        if lines.iter().any(|other| other.slot == line.slot) {
            return Err(format!(
                "players[{place}].player_slot is that of another player"
            ));
        }
        lines.push(line);
    }
    find_positions(&mut lines, roles);
    Ok(lines)
}

/// Writes down who played which position, if lane and farm of all ten are known.
fn find_positions(lines: &mut [PlayerLine], roles: [Option<u8>; PLAYERS_MAX]) {
    let laner = |slot: usize| {
        let line = lines
            .iter()
            .find(|line| usize::from(line.slot.get()) == slot)?;
        Some(Laner {
            lane_role: roles[slot]?,
            net_worth: line.net_worth?,
        })
    };
    let side = |first: usize| {
        let laners: Option<Vec<_>> = (first..first + Team::SLOTS).map(laner).collect();
        Position::of_side(laners?.try_into().ok()?)
    };
    let Some((radiant, dire)) = side(0).zip(side(Team::SLOTS)) else {
        return;
    };
    let positions = [radiant, dire].concat();
    for line in lines {
        line.position = positions.get(usize::from(line.slot.get())).copied();
    }
}

fn line(player: &WirePlayer) -> Result<PlayerLine, String> {
    let slot = unsigned("player_slot", &player.player_slot)?.ok_or("player_slot is not given")?;
    // Whoever is anonymous has an id that is nobody's, or none; hero 0 is none.
    let account_id = unsigned("account_id", &player.account_id)?;
    let hero_id = unsigned("hero_id", &player.hero_id)?;
    Ok(PlayerLine {
        account_id: account_id.and_then(|id| AccountId::try_new(id).ok()),
        hero_id: hero_id.and_then(|id| HeroId::try_new(id).ok()),
        kills: unsigned("kills", &player.kills)?,
        deaths: unsigned("deaths", &player.deaths)?,
        assists: unsigned("assists", &player.assists)?,
        last_hits: unsigned("last_hits", &player.last_hits)?,
        denies: unsigned("denies", &player.denies)?,
        gold_per_min: unsigned("gold_per_min", &player.gold_per_min)?,
        xp_per_min: unsigned("xp_per_min", &player.xp_per_min)?,
        level: unsigned("level", &player.level)?,
        net_worth: unsigned("net_worth", &player.net_worth)?,
        hero_damage: unsigned("hero_damage", &player.hero_damage)?,
        tower_damage: unsigned("tower_damage", &player.tower_damage)?,
        hero_healing: unsigned("hero_healing", &player.hero_healing)?,
        leaver_status: unsigned("leaver_status", &player.leaver_status)?,
        items: items(player)?,
        lane: unsigned("lane", &player.lane)?,
        ..PlayerLine::new(Slot::of_upstream(slot).map_err(|error| error.to_string())?)
    })
}

/// What the player carried at the end, 0 for an empty place; none if nobody said.
fn items(player: &WirePlayer) -> Result<Vec<u16>, String> {
    let WirePlayer {
        item_0,
        item_1,
        item_2,
        item_3,
        item_4,
        item_5,
        ..
    } = player;
    let places = [item_0, item_1, item_2, item_3, item_4, item_5];
    let items: Vec<Option<u16>> = places
        .iter()
        .enumerate()
        .map(|(place, item)| unsigned(&format!("item_{place}"), item))
        .collect::<Result<_, _>>()?;
    if items.iter().all(Option::is_none) {
        return Ok(Vec::new());
    }
    Ok(items.into_iter().map(Option::unwrap_or_default).collect())
}

/// The heroes of the side whose slots begin with `first`, if all its lines are there.
fn team(players: &[PlayerLine], first: u8) -> Option<Team> {
    let slots = first..first + 5;
    let heroes: Option<Vec<_>> = slots
        .map(|slot| {
            let line = players.iter().find(|line| line.slot.get() == slot)?;
            Some(line.hero_id)
        })
        .collect();
    Team::try_new(heroes?).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    const FETCHED: Timestamp = Timestamp::from_unix_seconds(1_786_620_000);

    fn answer() -> Value {
        let player = |slot: u8| {
            json!({
                "player_slot": slot, "hero_id": slot % 100 + 1, "account_id": 4_294_967_295_u32,
                "kills": 7.0, "deaths": 2, "assists": 11, "leaver_status": 1, "item_0": 36,
                "item_2": 0, "hero_damage": null, "kills_per_min": 0.13,
            })
        };
        let players = [0, 1, 2, 3, 4, 128, 129, 130, 131, 132].map(player);
        json!({
            "match_id": 8_943_267_925_i64, "start_time": 1_786_615_605, "duration": 2_690,
            "radiant_win": true, "lobby_type": 7, "game_mode": 22, "leagueid": 0,
            "radiant_logo": 2_314_350_571_781_870_000_i64, "dire_logo": 1.038e19,
            "radiant_team": {"name": "ours"}, "metadata": null,
            "players": players,
        })
    }

    fn read(answer: &Value) -> Result<Decoded, String> {
        decode(answer.to_string().as_bytes(), FETCHED)
    }

    #[test]
    fn an_answer_becomes_a_whole_match() {
        let Decoded { summary, is_parsed } = read(&answer()).expect("right");
        assert!(!is_parsed);
        let whole = summary.whole().expect("it knows all that is needed");
        assert_eq!(whole.dire[0].map(HeroId::get), Some(29));
        assert_eq!(summary.cluster, None);
        let line = &summary.players[5];
        assert_eq!(
            (line.slot.get(), line.account_id, line.kills),
            (5, None, Some(7))
        );
        assert_eq!(
            (line.hero_damage, &line.items[..]),
            (None, &[36, 0, 0, 0, 0, 0][..])
        );
        assert!(!summary.has_leaver());
    }

    #[test]
    fn a_version_says_that_the_replay_was_read() {
        let mut parsed = answer();
        parsed["version"] = json!(22);
        assert!(read(&parsed).expect("right").is_parsed);
        parsed["version"] = json!(null);
        assert!(!read(&parsed).expect("right").is_parsed);
    }

    #[test]
    fn positions_are_those_of_all_ten_or_of_none() {
        let mut parsed = answer();
        for (place, role) in [1, 1, 2, 3, 3, 1, 1, 2, 3, 3].into_iter().enumerate() {
            let player = &mut parsed["players"][place];
            player["lane"] = json!(role);
            player["lane_role"] = json!(role);
            player["net_worth"] = json!(20_000 - 1_000 * place);
        }
        let positions = |answer: &Value| -> Vec<Option<u8>> {
            let lines = read(answer).expect("right").summary.players;
            lines
                .iter()
                .map(|line| line.position.map(Position::get))
                .collect()
        };
        let expected = [1, 5, 2, 3, 4, 1, 5, 2, 3, 4].map(Some);
        assert_eq!(positions(&parsed), expected);
        for (pointer, value) in [
            ("/players/9/net_worth", json!(null)),
            ("/players/9/lane_role", json!(null)),
            ("/players/7/lane_role", json!(4)),
        ] {
            let mut less = parsed.clone();
            *less.pointer_mut(pointer).expect("it is there") = value;
            assert_eq!(positions(&less), [None; 10], "{pointer}");
        }
    }

    #[test]
    fn what_is_not_told_is_not_known() {
        let mut little = answer();
        little["players"] = json!(null);
        little["radiant_win"] = json!(null);
        let summary = read(&little).expect("right").summary;
        assert_eq!((summary.radiant, summary.radiant_win), (None, None));
        assert!(summary.players.is_empty());

        let mut nine = answer();
        nine["players"].as_array_mut().expect("an array").pop();
        let summary = read(&nine).expect("right").summary;
        assert!(summary.radiant.is_some() && summary.dire.is_none());
        // A slot that is there, and without a hero, is unfilled.
        let mut unfilled = answer();
        unfilled["players"][9]["hero_id"] = json!(0);
        let summary = read(&unfilled).expect("right").summary;
        assert_eq!(summary.whole().expect("whole").dire[4], None);
    }

    proptest! {
        #[test]
        fn no_change_of_a_byte_makes_it_panic(at: prop::sample::Index, byte: u8, length: prop::sample::Index) {
            let mut body = answer().to_string().into_bytes();
            let place = at.index(body.len());
            body[place] = byte;
            let _judged = decode(&body, FETCHED);
            let _judged = decode(&body[..length.index(body.len())], FETCHED);
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (pointer, value, expected) in [
            ("/match_id", json!(0), "match id"),
            ("/match_id", json!(null), "it has no match_id"),
            ("/start_time", json!(null), "it has no start_time"),
            (
                "/start_time",
                json!(1),
                "start_time is 1, before 1262304000",
            ),
            (
                "/start_time",
                json!(1_786_706_401),
                "start_time is 1786706401, more than a day",
            ),
            ("/lobby_type", json!(-1), "lobby_type is -1"),
            ("/radiant_win", json!(1), "radiant_win is 1"),
            ("/players", json!({}), "no JSON of a match"),
            ("", json!([1, 2, 3]), "no JSON of a match"),
            ("/players/0", json!([0, 7]), "no JSON of a match"),
            ("/players/3/kills", json!(-1), "players[3].kills is -1"),
            (
                "/players/3/item_2",
                json!("x"),
                "players[3].item_2 is \"x\"",
            ),
            (
                "/players/3/player_slot",
                json!(4),
                "players[4].player_slot is that of another",
            ),
            (
                "/players/3/player_slot",
                json!(5),
                "players[3].player_slot is 5, no place",
            ),
            (
                "/players/3/player_slot",
                json!(133),
                "players[3].player_slot is 133, no place",
            ),
            (
                "/players/3/player_slot",
                json!(null),
                "players[3].player_slot is not given",
            ),
        ] {
            let mut wrong = answer();
            *wrong.pointer_mut(pointer).expect("it is there") = value;
            let detail = read(&wrong).expect_err(pointer);
            assert!(detail.contains(expected), "{detail}");
        }
        let mut eleven = answer();
        let one = eleven["players"][0].clone();
        eleven["players"]
            .as_array_mut()
            .expect("an array")
            .push(one);
        assert_eq!(
            read(&eleven).expect_err("eleven"),
            "it has more than 10 players"
        );
        for text in ["", "<html>", "7", "{\"match_id\":1,\"match_id\":1}"] {
            let detail = decode(text.as_bytes(), FETCHED).expect_err(text);
            assert!(detail.starts_with("no JSON of a match"), "{detail}");
        }
    }
}
