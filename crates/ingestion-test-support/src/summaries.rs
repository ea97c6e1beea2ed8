//! Summaries as feeds could tell them.

use domain::{HeroId, MatchId, MatchSummary, PlayerLine, Slot, Team, Timestamp};

/// What could be known of this match: of every other one with its players.
///
/// # Panics
/// Never: every number in it is valid.
#[must_use]
pub fn summary_of(id: MatchId) -> MatchSummary {
    let hero = |place: u16| HeroId::try_new(1 + place).ok();
    let team = |first: u16| Team::try_new((first..first + 5).map(hero).collect()).ok();
    let players = |count: u8| {
        let line = |raw: u8| PlayerLine {
            hero_id: hero(raw.into()),
            kills: Some(raw.into()),
            deaths: Some(3),
            items: vec![1, 36, 63],
            ..PlayerLine::new(Slot::try_new(raw).expect("there are ten"))
        };
        (0..count).map(line).collect()
    };
    MatchSummary {
        match_seq_num: id.get().try_into().ok(),
        duration_seconds: Some(1_551),
        radiant_win: Some(id.get() % 3 == 0),
        lobby_type: Some(7),
        game_mode: Some(22),
        avg_rank_tier: (id.get() % 2 == 0).then_some(81),
        radiant: team(0),
        dire: team(5),
        players: players(if id.get() % 2 == 0 { 0 } else { 10 }),
        ..MatchSummary::new(id, Timestamp::from_unix_seconds(1_742_744_300))
    }
}
