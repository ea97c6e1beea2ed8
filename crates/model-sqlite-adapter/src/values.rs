//! How values stand in columns.

use domain::{HeroId, Match, MatchId, SkillBracket, Team, Timestamp};

use crate::error::nonsense;

/// What decides about a match: columns of `matches AS m`, its rank, and the worst
/// that is known of how a player left. To be followed by a condition on `m`.
pub(crate) const MATCH: &str = "\
    m.match_id, m.start_time, m.duration, m.radiant_win, m.lobby_type, m.game_mode, \
    m.radiant, m.dire, \
    (SELECT r.avg_rank_tier FROM match_ranks AS r WHERE r.match_id = m.match_id), \
    (SELECT max(l.leaver_status) FROM match_players AS l WHERE l.match_id = m.match_id)";

/// The columns of [`MATCH`].
pub(crate) type MatchRow = (
    i64,
    i64,
    u32,
    bool,
    u8,
    u8,
    String,
    String,
    Option<u8>,
    Option<u8>,
);

/// A match as it is judged.
pub(crate) struct Judged {
    pub(crate) core: Match,
    pub(crate) bracket: SkillBracket,
    pub(crate) worst: Option<u8>,
}

pub(crate) fn read_match(row: MatchRow) -> Result<Judged, sqlx::Error> {
    let (id, started, duration, radiant_win, lobby, mode, radiant, dire, rank, worst) = row;
    Ok(Judged {
        core: Match {
            id: MatchId::try_new(id).map_err(nonsense)?,
            start_time: Timestamp::from_unix_seconds(started),
            duration_seconds: duration,
            radiant_win,
            lobby_type: lobby,
            game_mode: mode,
            radiant: read_slots(&radiant)?,
            dire: read_slots(&dire)?,
        },
        bracket: rank.map_or(SkillBracket::UNKNOWN, SkillBracket::of_rank_tier),
        worst,
    })
}

fn read_slots(json: &str) -> Result<[Option<HeroId>; Team::SLOTS], sqlx::Error> {
    let heroes: [u16; Team::SLOTS] = serde_json::from_str(json).map_err(nonsense)?;
    Ok(heroes.map(|raw| HeroId::try_new(raw).ok()))
}

pub(crate) fn read_hero(raw: impl TryInto<u16>) -> Result<HeroId, sqlx::Error> {
    let raw = raw.try_into().unwrap_or_default();
    HeroId::try_new(raw).map_err(nonsense)
}

/// The first whole second at or after a moment: starts are whole seconds.
pub(crate) fn first_second(at: Timestamp) -> i64 {
    let ms = at.as_unix_ms();
    ms.div_euclid(1000) + i64::from(ms.rem_euclid(1000) > 0)
}
