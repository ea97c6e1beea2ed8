//! Answers of upstreams, as tests need them.

use domain::{
    AccountId, HeroId, MatchId, MatchSummary, PlayerLine, Position, Slot, Team, Timestamp,
};
use etl_application::Answer;

/// Radiant's and Dire's heroes of most matches here.
pub const HEROES: [u16; 10] = [10, 97, 29, 86, 51, 112, 22, 13, 54, 129];
/// A moment in the middle of 2025-03-23, in seconds since 1970-01-01; of patch 7.38.
pub const NOON: i64 = 1_742_731_200;
/// The length of a day in seconds.
pub const DAY: i64 = 24 * 60 * 60;

/// A match by its number.
///
/// # Panics
/// When there can be no such match.
#[must_use]
pub fn match_id(raw: i64) -> MatchId {
    MatchId::try_new(raw).expect("tests name matches above zero")
}

/// A hero by its number.
///
/// # Panics
/// For 0, which is no hero.
#[must_use]
pub fn hero(raw: u16) -> HeroId {
    HeroId::try_new(raw).expect("tests name heroes above zero")
}

/// The heroes of a side; 0 is an unfilled slot.
///
/// # Panics
/// With more than five of them.
#[must_use]
pub fn team(heroes: &[u16]) -> Team {
    let heroes = heroes.iter().map(|raw| HeroId::try_new(*raw).ok());
    Team::try_new(heroes.collect()).expect("a side has five slots")
}

/// A match of which nothing is known but when it started, in seconds since 1970-01-01.
#[must_use]
pub fn bare(id: i64, started: i64) -> MatchSummary {
    MatchSummary::new(match_id(id), Timestamp::from_unix_seconds(started))
}

/// A whole match that counts, won by Radiant, without ranks and players.
#[must_use]
pub fn whole(id: i64, started: i64) -> MatchSummary {
    MatchSummary {
        duration_seconds: Some(1551),
        radiant_win: Some(true),
        lobby_type: Some(7),
        game_mode: Some(22),
        radiant: Some(team(&HEROES[..5])),
        dire: Some(team(&HEROES[5..])),
        ..bare(id, started)
    }
}

/// The same with ten players, of whom every second one shows an account:
/// 1000 and the slot.
///
/// # Panics
/// Never.
#[must_use]
pub fn with_players(mut summary: MatchSummary) -> MatchSummary {
    let line = |slot: u8| PlayerLine {
        account_id: (slot.is_multiple_of(2)).then(|| {
            AccountId::try_new(1000 + u32::from(slot)).expect("it is no anonymous account")
        }),
        hero_id: Some(hero(HEROES[usize::from(slot)])),
        kills: Some(7),
        deaths: Some(2),
        assists: Some(u16::from(slot)),
        net_worth: Some(21_030),
        leaver_status: Some(0),
        items: vec![1, 36, 63, 0, 0, slot.into()],
        ..PlayerLine::new(Slot::try_new(slot).expect("there are ten slots"))
    };
    summary.players = (0..10).map(line).collect();
    summary
}

/// The same players with their positions, as of a replay that was read: on each
/// side the position is one above the place, 1 to 5.
///
/// # Panics
/// Never.
#[must_use]
pub fn with_positions(summary: MatchSummary) -> MatchSummary {
    let mut summary = with_players(summary);
    for line in &mut summary.players {
        let place = line.slot.get() % 5;
        line.lane = Some(place % 3 + 1);
        line.position = Some(Position::try_new(place + 1).expect("there are five"));
    }
    summary
}

/// What a source said, `fetched` milliseconds after 1970-01-01.
#[must_use]
pub fn said_by(source: &str, fetched: u64, summary: MatchSummary) -> Answer {
    Answer {
        summary,
        source: source.into(),
        version: fetched << 16,
    }
}
