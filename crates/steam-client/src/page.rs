//! From the body of an answer to whole matches, or to what is wrong with them.

use bytes::Bytes;
use client_kit::wire::Object;
use domain::{AccountId, HeroId, MatchId, MatchSummary, PlayerLine, Slot, Team, Timestamp};
use serde_json::value::RawValue;

use crate::{
    answer::Failure,
    wire::{Scalar, WireAnswer, WireIdentity, WireMatch, WirePlayer, WireResult},
};

/// Five a side.
const PLAYERS_MAX: usize = 2 * Team::SLOTS;

/// All is well, in the answer's own words.
const STATUS_OK: u64 = 1;

/// Nobody may have it: not now and not later.
const STATUS_FORBIDDEN: u64 = 15;

/// What comes with status 15, or with another status, for what is asked for in vain.
const DETAILS_IN_VAIN: [&str; 3] = [
    "Practice matches are not available",
    "Match ID not found",
    "Error retrieving match data.",
];

/// How much of a text that the upstream has written is repeated.
const QUOTE_CHARS_MAX: usize = 100;

/// A part of the sequence in which matches ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// In the order in which they came; ids are not sorted. What is hidden is not there.
    pub matches: Vec<Result<SteamMatch, OddMatch>>,
    /// When all of it had been fetched.
    pub fetched_at: Timestamp,
}

/// A match as the sequence tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SteamMatch {
    /// Which match.
    pub id: MatchId,
    /// Its number in the sequence, at most 9223372036854775807; nothing if the answer has none.
    pub sequence_number: Option<u64>,
    /// What is known of it; its start is not judged yet. Or what keeps that from
    /// being known: one wrong value makes the others doubtful.
    pub summary: Result<MatchSummary, String>,
}

/// What stands where a match should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OddMatch {
    /// What is wrong with it.
    pub detail: String,
    /// All of it, as it came.
    pub payload: Bytes,
    /// Its number in the sequence, if it has one.
    pub sequence_number: Option<u64>,
}

impl Page {
    /// How many rows came, odd ones among them.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.matches.len()
    }

    /// The highest number of the sequence in it.
    #[must_use]
    pub fn last_sequence_number(&self) -> Option<u64> {
        let numbers = self.matches.iter().map(|row| match row {
            Ok(found) => found.sequence_number,
            Err(odd) => odd.sequence_number,
        });
        numbers.flatten().max()
    }
}

/// Reads a body that had been fetched at that time.
pub(crate) fn decode(body: &Bytes, fetched_at: Timestamp) -> Result<Page, Failure> {
    // One that was cut short, or is none, is as good as none.
    let answer: WireAnswer<'_> = serde_json::from_slice(body)
        .map_err(|error| Failure::Unavailable(format!("no JSON of matches: {error}")))?;
    let matches = answer.result.judge()?;
    Ok(Page {
        matches: matches.into_iter().map(read).collect(),
        fetched_at,
    })
}

impl<'a> WireResult<'a> {
    /// The matches, if the answer stands by them.
    fn judge(self) -> Result<Vec<&'a RawValue>, Failure> {
        let status = self
            .status
            .unsigned("status")
            .map_err(Failure::Unavailable)?;
        if status == Some(STATUS_OK) {
            let missing = || Failure::Unavailable("the answer has no matches".to_owned());
            return self.matches.ok_or_else(missing);
        }
        let words = self.status_detail.map_or("", RawValue::get);
        let words: String = serde_json::from_str(words).unwrap_or_default();
        let shown: String = words.chars().take(QUOTE_CHARS_MAX).collect();
        let said = format!("the answer has the status {}: {shown:?}", self.status);
        let is_in_vain = DETAILS_IN_VAIN.iter().any(|known| words.starts_with(known));
        Err(if status == Some(STATUS_FORBIDDEN) || is_in_vain {
            Failure::InVain(said)
        } else {
            Failure::Unavailable(said)
        })
    }
}

fn read(raw: &RawValue) -> Result<SteamMatch, OddMatch> {
    let (identity, summary) = match serde_json::from_str::<Object<WireMatch>>(raw.get()) {
        Ok(Object(told)) => {
            let identity = WireIdentity {
                match_id: told.match_id,
                match_seq_num: told.match_seq_num,
            };
            (identity, summary(&told))
        }
        // What it is may be known, where what is in it is not.
        Err(error) => {
            let detail = format!("no match as expected: {error}");
            let identity = serde_json::from_str::<Object<WireIdentity>>(raw.get());
            (identity.unwrap_or_default().0, Err(detail))
        }
    };
    let sequence_number = match identity.match_seq_num {
        Scalar::Unsigned(number) => i64::try_from(number).is_ok().then_some(number),
        _ => None,
    };
    match match_id(identity.match_id) {
        Ok(id) => Ok(SteamMatch {
            id,
            sequence_number,
            summary,
        }),
        Err(detail) => Err(OddMatch {
            detail,
            payload: Bytes::copy_from_slice(raw.get().as_bytes()),
            sequence_number,
        }),
    }
}

/// An id is written as an integer and in no other way.
fn match_id(told: Scalar) -> Result<MatchId, String> {
    let id = match told {
        Scalar::Unsigned(id) => i64::try_from(id).ok(),
        _ => None,
    };
    id.and_then(|id| MatchId::try_new(id).ok())
        .ok_or_else(|| format!("match_id is {told}, no match id"))
}

fn summary(told: &WireMatch) -> Result<MatchSummary, String> {
    let id = match_id(told.match_id)?;
    let start: Option<u32> = told.start_time.unsigned("start_time")?;
    let start = start.ok_or("it has no start_time")?;
    let players = lines(told.players.as_deref().unwrap_or_default())?;
    Ok(MatchSummary {
        match_seq_num: told.match_seq_num.unsigned("match_seq_num")?,
        duration_seconds: told.duration.unsigned("duration")?,
        radiant_win: told.radiant_win.boolean("radiant_win")?,
        lobby_type: lobby_type(told.lobby_type)?,
        game_mode: told.game_mode.unsigned("game_mode")?,
        cluster: told.cluster.unsigned("cluster")?,
        league_id: told.leagueid.unsigned("leagueid")?,
        human_players: told.human_players.unsigned("human_players")?,
        radiant: team(&players, 0),
        dire: team(&players, 5),
        players,
        ..MatchSummary::new(id, Timestamp::from_unix_seconds(start.into()))
    })
}

/// -1 is the upstream's word for a lobby that is none.
fn lobby_type(told: Scalar) -> Result<Option<u8>, String> {
    match told {
        Scalar::Negative(-1) => Ok(None),
        told => told.unsigned("lobby_type"),
    }
}

fn lines(players: &[Object<WirePlayer>]) -> Result<Vec<PlayerLine>, String> {
    if players.len() > PLAYERS_MAX {
        return Err(format!("it has more than {PLAYERS_MAX} players"));
    }
    let mut lines: Vec<PlayerLine> = Vec::with_capacity(players.len());
    for (place, Object(player)) in players.iter().enumerate() {
        let line = line(player).map_err(|detail| format!("players[{place}].{detail}"))?;
        if lines.iter().any(|other| other.slot == line.slot) {
            return Err(format!(
                "players[{place}].player_slot is that of another player"
            ));
        }
        lines.push(line);
    }
    // The upstream sorts them; whoever reads teams relies on it no longer.
    lines.sort_by_key(|line| line.slot.get());
    Ok(lines)
}

fn line(player: &WirePlayer) -> Result<PlayerLine, String> {
    let slot: Option<u8> = player.player_slot.unsigned("player_slot")?;
    let slot = slot.ok_or("player_slot is not given")?;
    // Whoever is anonymous has an id that is nobody's, or none; hero 0 is none.
    let account_id: Option<u32> = player.account_id.unsigned("account_id")?;
    let hero_id: Option<u16> = player.hero_id.unsigned("hero_id")?;
    Ok(PlayerLine {
        account_id: account_id.and_then(|id| AccountId::try_new(id).ok()),
        hero_id: hero_id.and_then(|id| HeroId::try_new(id).ok()),
        kills: player.kills.unsigned("kills")?,
        deaths: player.deaths.unsigned("deaths")?,
        assists: player.assists.unsigned("assists")?,
        last_hits: player.last_hits.unsigned("last_hits")?,
        denies: player.denies.unsigned("denies")?,
        gold_per_min: player.gold_per_min.unsigned("gold_per_min")?,
        xp_per_min: player.xp_per_min.unsigned("xp_per_min")?,
        level: player.level.unsigned("level")?,
        net_worth: player.net_worth.unsigned("net_worth")?,
        hero_damage: player.hero_damage.unsigned("hero_damage")?,
        tower_damage: player.tower_damage.unsigned("tower_damage")?,
        hero_healing: player.hero_healing.unsigned("hero_healing")?,
        leaver_status: player.leaver_status.unsigned("leaver_status")?,
        items: items(player)?,
        ..PlayerLine::new(Slot::of_upstream(slot).map_err(|error| error.to_string())?)
    })
}

/// What the player carried at the end, 0 for an empty place; none if nobody said.
fn items(player: &WirePlayer) -> Result<Vec<u16>, String> {
    let places = [
        ("item_0", player.item_0),
        ("item_1", player.item_1),
        ("item_2", player.item_2),
        ("item_3", player.item_3),
        ("item_4", player.item_4),
        ("item_5", player.item_5),
    ];
    if places.iter().all(|(_, item)| *item == Scalar::Missing) {
        return Ok(Vec::new());
    }
    let item = |(name, item): (&str, Scalar)| Ok(item.unsigned(name)?.unwrap_or_default());
    places.into_iter().map(item).collect()
}

/// The heroes of the side whose slots begin with `first`, if all its lines are there.
fn team(players: &[PlayerLine], first: u8) -> Option<Team> {
    let side = first..first + 5;
    let heroes: Vec<Option<HeroId>> = players
        .iter()
        .filter(|line| side.contains(&line.slot.get()))
        .map(|line| line.hero_id)
        .collect();
    let team = Team::try_new(heroes).ok()?;
    team.whole().map(|_| team)
}

#[cfg(test)]
mod tests;
