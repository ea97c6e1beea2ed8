//! Matches as they count now.

use clickhouse::{Row, error::Result};
use domain::{
    CountingRules, HeroId, Match, MatchId, PlayerLine, SkillBracket, Slot, Team, Timestamp,
};
use model_application::ports::DraftSeen;
use serde::Deserialize;

use crate::error::nonsense;

/// A match, its rank, and the worst that is known of how a player left; zeros where
/// nothing is known.
#[derive(Row, Deserialize)]
pub(crate) struct MatchRow {
    pub(crate) match_id: u64,
    pub(crate) started: u32,
    pub(crate) duration: u32,
    pub(crate) radiant_win: bool,
    pub(crate) lobby_type: u8,
    pub(crate) game_mode: u8,
    pub(crate) radiant: Vec<u16>,
    pub(crate) dire: Vec<u16>,
    pub(crate) rank: u8,
    pub(crate) worst: u8,
}

/// The columns of a [`MatchRow`].
pub(crate) const COLUMNS: &str = "\
m.match_id AS match_id, toUnixTimestamp(m.start_time) AS started, m.duration AS duration, \
m.radiant_win AS radiant_win, m.lobby_type AS lobby_type, m.game_mode AS game_mode, \
m.radiant AS radiant, m.dire AS dire, r.avg_rank_tier AS rank, p.worst AS worst";

/// What they are read from, given a statement that finds the ids of matches, also by
/// rows that are replaced by now. A newer row may date a match elsewhere: whoever
/// asks for a time asks again of `m`, with `materialize`, for which the server skips
/// nothing before it has found the newest row.
pub(crate) fn matches(ids: &str) -> String {
    format!(
        "(SELECT * FROM matches FINAL WHERE match_id IN ({ids})) AS m \
         LEFT JOIN (SELECT match_id, avg_rank_tier FROM match_ranks FINAL \
             WHERE match_id IN ({ids})) AS r ON r.match_id = m.match_id \
         LEFT JOIN (SELECT match_id, max(ifNull(leaver_status, 0)) AS worst \
             FROM match_players FINAL WHERE match_id IN ({ids}) GROUP BY match_id) AS p \
             ON p.match_id = m.match_id"
    )
}

/// The first whole second at or after a moment: starts are whole seconds.
pub(crate) fn first_second(at: Timestamp) -> u32 {
    let ms = at.as_unix_ms();
    let seconds = ms.div_euclid(1000) + i64::from(ms.rem_euclid(1000) > 0);
    u32::try_from(seconds.clamp(0, u32::MAX.into())).expect("it is within the range")
}

impl MatchRow {
    pub(crate) fn start_time(&self) -> Timestamp {
        Timestamp::from_unix_seconds(self.started.into())
    }

    /// The match if it counts, or the word for why it does not.
    pub(crate) fn judge(
        &self,
        rules: &CountingRules,
    ) -> Result<std::result::Result<DraftSeen, &'static str>> {
        let played = Match {
            id: MatchId::try_new(self.match_id.cast_signed()).map_err(nonsense)?,
            start_time: self.start_time(),
            duration_seconds: self.duration,
            radiant_win: self.radiant_win,
            lobby_type: self.lobby_type,
            game_mode: self.game_mode,
            radiant: slots(&self.radiant),
            dire: slots(&self.dire),
        };
        let worst = PlayerLine {
            leaver_status: Some(self.worst),
            ..PlayerLine::new(Slot::try_new(0).expect("it is a slot"))
        };
        let bracket = SkillBracket::of_rank_tier(self.rank);
        Ok(DraftSeen::judge(&played, bracket, worst.is_leaver(), rules))
    }
}

/// A list of another length has an unfilled slot.
fn slots(heroes: &[u16]) -> [Option<HeroId>; Team::SLOTS] {
    let mut slots = [None; Team::SLOTS];
    if heroes.len() == Team::SLOTS {
        for (slot, raw) in slots.iter_mut().zip(heroes) {
            *slot = HeroId::try_new(*raw).ok();
        }
    }
    slots
}
