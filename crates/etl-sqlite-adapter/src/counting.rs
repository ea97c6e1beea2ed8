//! Counting a day from its facts.

use domain::{
    CountingRules, Day, LeftOut, Match, Patches, PlayerLine, Position, SkillBracket, Slot,
};
use etl_application::counters::DayCounters;
use etl_application::{PositionFact, Positions};
use sqlx::SqliteConnection;

use crate::error::nonsense;
use crate::values::{read_match_id, read_slots, read_start, seconds_of};

/// Matches read at a time: enough to be fast, few enough for memory.
const PAGE_ROWS: usize = 4096;

/// The next matches of a day, in the order of their start; with the rank by
/// whoever knew it, and the worst that is known of how a player left.
const PAGE: &str = "\
    SELECT m.match_id, m.start_time, m.duration, m.radiant_win, m.lobby_type, m.game_mode, \
           m.radiant, m.dire, r.avg_rank_tier, \
           (SELECT max(p.leaver_status) FROM match_players AS p WHERE p.match_id = m.match_id), \
           (SELECT json_group_array(json_array(x.slot, x.lane, x.position)) \
            FROM match_positions AS x WHERE x.match_id = m.match_id) \
    FROM matches AS m LEFT JOIN match_ranks AS r ON r.match_id = m.match_id \
    WHERE (m.start_time, m.match_id) > ($1, $2) AND m.start_time < $3 \
    ORDER BY m.start_time, m.match_id LIMIT $4";

const INCOMPLETE: &str = "\
    SELECT count(DISTINCT s.match_id) FROM match_sources AS s \
    WHERE s.start_time >= $1 AND s.start_time < $2 \
    AND NOT EXISTS (SELECT 1 FROM matches AS m WHERE m.match_id = s.match_id)";

type PageRow = (
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
    String,
);

/// Counts a day, all of it as of the moment of the transaction that `snapshot`
/// is in. A match that nobody knows whole is left out on each day that a source
/// names for it.
pub(crate) async fn count(
    snapshot: &mut SqliteConnection,
    day: Day,
    rules: &CountingRules,
    patches: &Patches,
) -> Result<DayCounters, sqlx::Error> {
    let seconds = seconds_of(day);
    let mut counters = DayCounters::default();
    let incomplete: i64 = sqlx::query_scalar(INCOMPLETE)
        .bind(seconds.start)
        .bind(seconds.end)
        .fetch_one(&mut *snapshot)
        .await?;
    for _ in 0..incomplete {
        counters.leave_out(LeftOut::Incomplete);
    }
    // Ids begin at 1, so this is before every match of the day.
    let mut last = (seconds.start, 0);
    loop {
        let page: Vec<PageRow> = sqlx::query_as(PAGE)
            .bind(last.0)
            .bind(last.1)
            .bind(seconds.end)
            .bind(i64::try_from(PAGE_ROWS).expect("a page is small"))
            .fetch_all(&mut *snapshot)
            .await?;
        let is_last = page.len() < PAGE_ROWS;
        if let Some((id, started, ..)) = page.last() {
            last = (*started, *id);
        }
        let (rules, patches) = (rules.clone(), patches.clone());
        let counting = tokio::task::spawn_blocking(move || {
            add_page(&mut counters, page, &rules, &patches).map(|()| counters)
        });
        counters = counting.await.map_err(sqlx::Error::decode)??;
        if is_last {
            return Ok(counters);
        }
    }
}

fn add_page(
    counters: &mut DayCounters,
    page: Vec<PageRow>,
    rules: &CountingRules,
    patches: &Patches,
) -> Result<(), sqlx::Error> {
    let slot = Slot::try_new(0).map_err(nonsense)?;
    for row in page {
        let (id, started, duration, radiant_win, lobby, mode, radiant, dire, rank, left, positions) =
            row;
        let found = Match {
            id: read_match_id(id)?,
            start_time: read_start(started),
            duration_seconds: duration,
            radiant_win,
            lobby_type: lobby,
            game_mode: mode,
            radiant: read_slots(&radiant)?,
            dire: read_slots(&dire)?,
        };
        let bracket = rank.map_or(SkillBracket::UNKNOWN, SkillBracket::of_rank_tier);
        let worst = PlayerLine {
            leaver_status: left,
            ..PlayerLine::new(slot)
        };
        let positions = read_positions(&positions)?;
        let has_leaver = worst.is_leaver();
        counters.add(
            &found,
            bracket,
            has_leaver,
            positions.as_ref(),
            rules,
            patches,
        );
    }
    Ok(())
}

/// Slots, lanes and positions of a match; nothing if they are not of all ten.
fn read_positions(json: &str) -> Result<Option<Positions>, sqlx::Error> {
    // As it is of nearly every match.
    if json == "[]" {
        return Ok(None);
    }
    let rows: Vec<(u8, u8, u8)> = serde_json::from_str(json).map_err(nonsense)?;
    let facts = rows.into_iter().map(|(slot, lane, position)| {
        Ok(PositionFact {
            slot: Slot::try_new(slot).map_err(nonsense)?,
            lane,
            position: Position::try_new(position).map_err(nonsense)?,
        })
    });
    let mut facts: Vec<_> = facts.collect::<Result<_, sqlx::Error>>()?;
    facts.sort_by_key(|fact| fact.slot);
    Ok(facts.try_into().ok())
}
