//! From a record to a summary, or to the first rule that it breaks.

use domain::{
    AccountId, HeroId, InvalidData, MatchId, MatchSummary, PlayerLine, Slot, Team, Timestamp,
};

use super::{MatchSummaryRecord, field::Field};
use crate::{
    header::{Header, Headers, RECEIVED_AT, SOURCE},
    json::{Document, Member, find_members},
    no_match_id,
    rejected_record::{RejectedRecord, judge_key},
    shown, wire_time,
};

/// The fields, in the order in which they are written and, but for the first
/// needs, judged.
const NAMES: [&str; 15] = [
    "match_id",
    "match_seq_num",
    "start_time",
    "duration",
    "radiant_win",
    "lobby_type",
    "game_mode",
    "cluster",
    "league_id",
    "human_players",
    "avg_rank_tier",
    "num_rank_tier",
    "radiant",
    "dire",
    "players",
];

/// The fields of a player, in the same order.
const PLAYER_NAMES: [&str; 17] = [
    "slot",
    "account_id",
    "hero_id",
    "kills",
    "deaths",
    "assists",
    "last_hits",
    "denies",
    "gold_per_min",
    "xp_per_min",
    "level",
    "net_worth",
    "hero_damage",
    "tower_damage",
    "hero_healing",
    "leaver_status",
    "items",
];

const PLAYERS_MAX: usize = 2 * Team::SLOTS;

/// How far ahead of whoever reads of it an answer may have been fetched: clocks differ.
const AHEAD_MAX_MS: i64 = 24 * 60 * 60 * 1_000;

pub(super) fn decode<'a>(
    key: Option<&[u8]>,
    value: &[u8],
    headers: impl IntoIterator<Item = Header<'a>>,
) -> Result<MatchSummaryRecord<'a>, RejectedRecord> {
    let headers = Headers::judge(headers, MatchSummaryRecord::SCHEMA)?;
    let members = no_match_id::find_members_of(no_match_id::text(value)?, &NAMES)?;
    let match_id = no_match_id::judge(members[0])?;
    judge_key(key, match_id)?;
    let source = source(&headers)?;
    let received_at = received_at(&headers)?;
    let fields = Field::all(&members, &NAMES, None);
    Ok(MatchSummaryRecord {
        summary: summary(match_id, &fields, received_at)?,
        source,
        received_at,
    })
}

pub(super) fn source_of<'a>(
    headers: impl IntoIterator<Item = Header<'a>>,
) -> Result<&'a str, RejectedRecord> {
    source(&Headers::judge(headers, MatchSummaryRecord::SCHEMA)?)
}

/// The fields of a line: those of a value, and the receipt at the end.
const LINE_NAMES: [&str; NAMES.len() + 1] = {
    let mut names = [RECEIVED_AT; NAMES.len() + 1];
    let mut place = 0;
    while place < NAMES.len() {
        names[place] = NAMES[place];
        place += 1;
    }
    names
};

/// Where these fields are among [`NAMES`].
const START_TIME: usize = 2;
const DURATION: usize = 3;

pub(super) fn decode_line<'a>(
    line: &[u8],
    source: &'a str,
    read_at: Timestamp,
) -> Result<MatchSummaryRecord<'a>, RejectedRecord> {
    let members = no_match_id::find_members_of(no_match_id::text(line)?, &LINE_NAMES)?;
    let match_id = no_match_id::judge(members[0])?;
    let [fields @ .., received_at] = Field::all(&members, &LINE_NAMES, None);
    let received_at = if let Some(received_at) = received_at.time()? {
        judge_receipt(received_at, read_at)?;
        received_at
    } else {
        let start = judge_start_time(fields[START_TIME], read_at)?;
        let duration: Option<u32> = fields[DURATION].unsigned()?;
        let end = start.unix_seconds() + i64::from(duration.unwrap_or(0));
        Timestamp::from_unix_seconds(end)
    };
    Ok(MatchSummaryRecord {
        summary: summary(match_id, &fields, received_at)?,
        source,
        received_at,
    })
}

fn summary(
    match_id: MatchId,
    fields: &[Field<'_>; NAMES.len()],
    received_at: Timestamp,
) -> Result<MatchSummary, RejectedRecord> {
    let [
        _,
        match_seq_num,
        start_time,
        duration,
        radiant_win,
        lobby_type,
        game_mode,
        cluster,
        league_id,
        human_players,
        avg_rank_tier,
        num_rank_tier,
        radiant,
        dire,
        players,
    ] = *fields;
    // The only field after the id that must be there is judged before the others.
    let start_time = judge_start_time(start_time, received_at)?;
    Ok(MatchSummary {
        match_id,
        match_seq_num: match_seq_num.unsigned()?,
        start_time,
        duration_seconds: duration.unsigned()?,
        radiant_win: radiant_win.boolean()?,
        lobby_type: lobby_type.unsigned()?,
        game_mode: game_mode.unsigned()?,
        cluster: cluster.unsigned()?,
        league_id: league_id.unsigned()?,
        human_players: human_players.unsigned()?,
        avg_rank_tier: avg_rank_tier.unsigned()?,
        num_rank_tier: num_rank_tier.unsigned()?,
        radiant: team(radiant)?,
        dire: team(dire)?,
        players: lines(players)?,
    })
}

fn source<'a>(headers: &Headers<'a>) -> Result<&'a str, RejectedRecord> {
    let source = headers.needed(SOURCE)?;
    let size = 1..=MatchSummaryRecord::SOURCE_SIZE_MAX_BYTES;
    str::from_utf8(source)
        .ok()
        .filter(|source| size.contains(&source.len()))
        .ok_or_else(|| RejectedRecord::FieldInvalid {
            field: SOURCE.to_owned(),
            detail: format!(
                "is {:?}, not a name of 1 to {} bytes",
                shown::bytes(source),
                size.end()
            ),
        })
}

fn received_at(headers: &Headers<'_>) -> Result<Timestamp, RejectedRecord> {
    let received_at = headers.needed(RECEIVED_AT)?;
    wire_time::decode(received_at).map_err(|_| RejectedRecord::FieldInvalid {
        field: RECEIVED_AT.to_owned(),
        detail: format!(
            "is {:?}, not a time as RFC 3339 writes it",
            shown::bytes(received_at)
        ),
    })
}

fn judge_start_time(
    start_time: Field<'_>,
    received_at: Timestamp,
) -> Result<Timestamp, RejectedRecord> {
    let invalid = |detail: String| RejectedRecord::StartTimeInvalid(detail);
    // Tables hold it in 32 bits.
    let seconds: Option<u32> = start_time.unsigned().map_err(|why| match why {
        RejectedRecord::FieldInvalid { detail, .. } => invalid(detail),
        other => other,
    })?;
    let seconds = seconds.ok_or_else(|| invalid("is not given".to_owned()))?;
    judge_start(seconds, received_at).map_err(invalid)
}

/// Whether an answer can have been fetched then, by somebody who reads of it
/// `now`: no more than a day later. Of two answers the later one wins, so one
/// from the year 2099 would win until then.
///
/// # Errors
/// [`RejectedRecord::FieldInvalid`], of `received_at`.
pub fn judge_receipt(received_at: Timestamp, now: Timestamp) -> Result<(), RejectedRecord> {
    if received_at.as_unix_ms() <= now.as_unix_ms().saturating_add(AHEAD_MAX_MS) {
        return Ok(());
    }
    let (received_at, now) = (wire_time::encode(received_at), wire_time::encode(now));
    Err(RejectedRecord::FieldInvalid {
        field: RECEIVED_AT.to_owned(),
        detail: format!("is {received_at}, more than a day after {now}, when it was read"),
    })
}

/// When a match started, in seconds since 1970-01-01, by the rule of
/// [`domain::start_time`].
///
/// # Errors
/// What is wrong, to be read behind the name of the field.
pub fn judge_start(seconds: u32, received_at: Timestamp) -> Result<Timestamp, String> {
    domain::start_time(seconds, received_at).map_err(|error| match error {
        InvalidData::StartTooLate(_) => format!("is {seconds}, more than a day after received_at"),
        _ => format!("is {seconds}, before 1262304000"),
    })
}

fn team(field: Field<'_>) -> Result<Option<Team>, RejectedRecord> {
    let Some(ids) = field.numbers()? else {
        return Ok(None);
    };
    // Hero 0 is none: the slot is unfilled.
    let heroes = ids.into_iter().map(|id| HeroId::try_new(id).ok());
    match Team::try_new(heroes.collect()) {
        Ok(team) => Ok(Some(team)),
        Err(_) => Err(field.invalid(format!("has more than {} heroes", Team::SLOTS))),
    }
}

fn lines(field: Field<'_>) -> Result<Vec<PlayerLine>, RejectedRecord> {
    let players = field.array()?.unwrap_or_default();
    if players.len() > PLAYERS_MAX {
        return Err(field.invalid(format!("has more than {PLAYERS_MAX} players")));
    }
    let mut lines: Vec<PlayerLine> = Vec::with_capacity(players.len());
    for (place, player) in players.into_iter().enumerate() {
        let Ok(Document::Object(members)) = find_members(player.get(), &PLAYER_NAMES) else {
            let shown = shown::value(player.get());
            return Err(field.invalid_at(place, format!("is {shown}, not an object")));
        };
        let line = line(&members, place)?;
        if lines.iter().any(|other| other.slot == line.slot) {
            let slot = line.slot.get();
            return Err(field.invalid_at(place, format!("has slot {slot}, as another player")));
        }
        lines.push(line);
    }
    Ok(lines)
}

fn line(
    members: &[Member<'_>; PLAYER_NAMES.len()],
    place: usize,
) -> Result<PlayerLine, RejectedRecord> {
    let [
        slot,
        account_id,
        hero_id,
        kills,
        deaths,
        assists,
        last_hits,
        denies,
        gold_per_min,
        xp_per_min,
        level,
        net_worth,
        hero_damage,
        tower_damage,
        hero_healing,
        leaver_status,
        items,
    ] = Field::all(members, &PLAYER_NAMES, Some(place));
    Ok(PlayerLine {
        slot: match slot.unsigned()? {
            None => return Err(slot.invalid("is not given")),
            Some(raw) => Slot::try_new(raw)
                .map_err(|_| slot.invalid(format!("is {raw}, not an integer in 0..=9")))?,
        },
        // Both ids that are nobody's mean that the player is anonymous.
        account_id: account_id
            .unsigned()?
            .and_then(|id| AccountId::try_new(id).ok()),
        hero_id: hero_id.unsigned()?.and_then(|id| HeroId::try_new(id).ok()),
        kills: kills.unsigned()?,
        deaths: deaths.unsigned()?,
        assists: assists.unsigned()?,
        last_hits: last_hits.unsigned()?,
        denies: denies.unsigned()?,
        gold_per_min: gold_per_min.unsigned()?,
        xp_per_min: xp_per_min.unsigned()?,
        level: level.unsigned()?,
        net_worth: net_worth.unsigned()?,
        hero_damage: hero_damage.unsigned()?,
        tower_damage: tower_damage.unsigned()?,
        hero_healing: hero_healing.unsigned()?,
        leaver_status: leaver_status.unsigned()?,
        items: items.numbers()?.unwrap_or_default(),
        // Of replays no record tells.
        lane: None,
        position: None,
    })
}
