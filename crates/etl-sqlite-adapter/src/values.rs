//! How values stand in columns.

use domain::{Day, HeroId, MatchId, Team, Timestamp};

use crate::error::nonsense;

pub(crate) const SECONDS_PER_DAY: i64 = 24 * 60 * 60;
pub(crate) const NANOSECONDS_PER_MS: i64 = 1_000_000;

/// A list of numbers as JSON.
pub(crate) fn list(numbers: impl IntoIterator<Item = u16>) -> String {
    use std::fmt::Write as _;

    let mut json = String::with_capacity(24);
    json.push('[');
    for (place, number) in numbers.into_iter().enumerate() {
        let separator = if place == 0 { "" } else { "," };
        write!(json, "{separator}{number}").expect("a string takes everything");
    }
    json.push(']');
    json
}

pub(crate) fn slots(heroes: [Option<HeroId>; Team::SLOTS]) -> String {
    list(heroes.map(|hero| hero.map_or(0, HeroId::get)))
}

pub(crate) fn read_slots(json: &str) -> Result<[Option<HeroId>; Team::SLOTS], sqlx::Error> {
    let heroes: [u16; Team::SLOTS] = serde_json::from_str(json).map_err(nonsense)?;
    Ok(heroes.map(|raw| HeroId::try_new(raw).ok()))
}

pub(crate) fn read_hero(raw: u16) -> Result<HeroId, sqlx::Error> {
    HeroId::try_new(raw).map_err(nonsense)
}

pub(crate) fn read_match_id(raw: i64) -> Result<MatchId, sqlx::Error> {
    MatchId::try_new(raw).map_err(nonsense)
}

pub(crate) fn read_start(seconds: i64) -> Timestamp {
    Timestamp::from_unix_seconds(seconds)
}

/// The seconds from a day's midnight to the next one.
pub(crate) fn seconds_of(day: Day) -> std::ops::Range<i64> {
    let first = i64::from(day.days_since_epoch()) * SECONDS_PER_DAY;
    first..first + SECONDS_PER_DAY
}

/// A list of numbers that a statement unfolds with `json_each`: one parameter,
/// however many they are.
pub(crate) fn many(numbers: impl IntoIterator<Item = i64>) -> String {
    let numbers: Vec<_> = numbers.into_iter().map(|one| one.to_string()).collect();
    format!("[{}]", numbers.join(","))
}
