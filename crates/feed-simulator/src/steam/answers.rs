//! Bodies of answers, in the shapes of recorded ones.
//!
//! They are written as text: a client is measured with them, and should not wait.

use std::fmt::Write as _;

use domain::{AccountId, HeroId, PlayerLine, Side};

use super::sequence::Entry;
use crate::{
    upstream::Answer,
    world::{World, WorldMatch},
};

/// Dire's slots are numbered from here.
const DIRE_SLOTS: u8 = 128;

/// The account of whoever does not show theirs.
const ANONYMOUS: u32 = u32::MAX;

/// An answer of whoever stands in front.
pub(super) fn refusal(status: u16, retry_after: Option<String>) -> Answer {
    let words = match status {
        403 => "Forbidden",
        404 => "Not Found",
        429 => "Too Many Requests",
        _ => "Error",
    };
    let mut headers = vec![("Content-Type", "text/html; charset=UTF-8".to_owned())];
    headers.extend(retry_after.map(|value| ("Retry-After", value)));
    Answer {
        status,
        headers,
        body: format!(
            "<html><head><title>{words}</title></head><body><h1>{words}</h1></body></html>"
        ),
    }
}

pub(super) fn page(rows: &[String], counts: &str) -> Answer {
    Answer {
        status: 200,
        headers: Vec::new(),
        body: format!(
            "{{\"result\":{{\"status\":1,{counts}\"matches\":[{}]}}}}",
            rows.join(",")
        ),
    }
}

pub(super) fn page_of(world: &World, found: &[Entry]) -> Answer {
    let rows: Vec<String> = found.iter().map(|entry| row(world, entry)).collect();
    page(&rows, "")
}

/// Without durations and results, as this call has it.
pub(super) fn history_of(world: &World, found: &[Entry]) -> Answer {
    let row = |entry: &Entry| {
        let WorldMatch { played, .. } = world.at(entry.id);
        format!(
            "{{\"match_id\":{},\"match_seq_num\":{},\"start_time\":{},\"lobby_type\":{},\
             \"radiant_team_id\":0,\"dire_team_id\":0,\"players\":[]}}",
            played.id,
            entry.number,
            played.start_time.unix_seconds(),
            played.lobby_type,
        )
    };
    let rows: Vec<String> = found.iter().map(row).collect();
    let count = rows.len();
    let counts =
        format!("\"num_results\":{count},\"total_results\":500,\"results_remaining\":400,");
    page(&rows, &counts)
}

fn row(world: &World, entry: &Entry) -> String {
    let found = world.at(entry.id);
    let mut text = String::with_capacity(8 * 1024);
    text.push_str("{\"players\":[");
    for (place, line) in world.players(&found).iter().enumerate() {
        if place > 0 {
            text.push(',');
        }
        write_player(&mut text, line);
    }
    let WorldMatch {
        played, cluster, ..
    } = found;
    // The logo of a team is beyond 64 bits with a sign.
    let _infallible = write!(
        text,
        "],\"radiant_win\":{},\"duration\":{},\"pre_game_duration\":90,\"start_time\":{},\
         \"match_id\":{},\"match_seq_num\":{},\"tower_status_radiant\":1972,\
         \"tower_status_dire\":1590,\"barracks_status_radiant\":63,\"barracks_status_dire\":15,\
         \"cluster\":{cluster},\"first_blood_time\":214,\"lobby_type\":{},\"human_players\":10,\
         \"leagueid\":0,\"game_mode\":{},\"flags\":1,\"engine\":1,\"radiant_score\":30,\
         \"dire_score\":17,\"dire_logo\":10380389074903513000,\
         \"picks_bans\":[{{\"is_pick\":false,\"hero_id\":1,\"team\":0,\"order\":0}}]}}",
        played.radiant_win,
        played.duration_seconds,
        played.start_time.unix_seconds(),
        played.id,
        entry.number,
        played.lobby_type,
        played.game_mode,
    );
    text
}

fn write_player(text: &mut String, line: &PlayerLine) {
    let place = line.slot.get() % 5;
    let (slot, team) = match line.slot.side() {
        Side::Radiant => (place, 0),
        Side::Dire => (place + DIRE_SLOTS, 1),
    };
    let _infallible = write!(
        text,
        "{{\"account_id\":{},\"player_slot\":{slot},\"team_number\":{team},\"team_slot\":{place},\
         \"hero_id\":{},\"hero_variant\":1",
        line.account_id.map_or(ANONYMOUS, AccountId::get),
        line.hero_id.map_or(0, HeroId::get),
    );
    for (place, item) in line.items.iter().enumerate() {
        let _infallible = write!(text, ",\"item_{place}\":{item}");
    }
    let small = [
        ("kills", line.kills),
        ("deaths", line.deaths),
        ("assists", line.assists),
        ("last_hits", line.last_hits),
        ("denies", line.denies),
        ("gold_per_min", line.gold_per_min),
        ("xp_per_min", line.xp_per_min),
        ("level", line.level.map(u16::from)),
        ("leaver_status", line.leaver_status.map(u16::from)),
    ];
    let large = [
        ("net_worth", line.net_worth),
        ("hero_damage", line.hero_damage),
        ("tower_damage", line.tower_damage),
        ("hero_healing", line.hero_healing),
    ];
    let small = small.map(|(name, figure)| (name, figure.map(u32::from)));
    for (name, figure) in small.into_iter().chain(large) {
        if let Some(figure) = figure {
            let _infallible = write!(text, ",\"{name}\":{figure}");
        }
    }
    text.push_str(
        ",\"gold\":1723,\"gold_spent\":18465,\"aghanims_scepter\":0,\"ability_upgrades\":\
         [{\"ability\":5615,\"time\":299,\"level\":1},{\"ability\":5613,\"time\":458,\"level\":2}]}",
    );
}
