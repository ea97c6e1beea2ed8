//! The statements that make the tables.

use std::time::Duration;

use contracts::warehouse::{BackfillState, Relation, SideCode, WishState, Won};

use crate::schema::SCHEMA_VERSION;

/// What may differ between installations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TableOptions {
    /// Whether an insert waits for the disk: then what was acknowledged survives
    /// the loss of power, and takes half as long again.
    pub fsync: bool,
    /// How long lines of single players are kept; for ever if none.
    pub players_ttl: Option<Duration>,
}

impl Default for TableOptions {
    fn default() -> Self {
        Self {
            fsync: true,
            players_ttl: None,
        }
    }
}

const DATABASE: &str = "CREATE DATABASE IF NOT EXISTS $database";

/// What a match is known by, and by whom. The index is for the builder, who
/// looks for the ids of a day: they follow time, but for exceptions.
const FACTS: [&str; 6] = [
    "\
CREATE TABLE IF NOT EXISTS $database.matches (
    match_id UInt64 CODEC(Delta, ZSTD(1)),
    start_time DateTime('UTC') CODEC(Delta, ZSTD(1)),
    duration UInt32 CODEC(ZSTD(1)),
    radiant_win Bool,
    lobby_type UInt8,
    game_mode UInt8,
    radiant Array(UInt16) CODEC(T64, ZSTD(1)),
    dire Array(UInt16) CODEC(T64, ZSTD(1)),
    source LowCardinality(String),
    version UInt64 CODEC(ZSTD(1)),
    loaded_at DateTime('UTC') DEFAULT now() CODEC(ZSTD(1)),
    INDEX start_times start_time TYPE minmax
) ENGINE = ReplacingMergeTree(version) PARTITION BY toYYYYMM(start_time) ORDER BY match_id
SETTINGS $facts",
    "\
CREATE TABLE IF NOT EXISTS $database.match_sources (
    match_id UInt64 CODEC(Delta, ZSTD(1)),
    source LowCardinality(String),
    start_time DateTime('UTC') CODEC(Delta, ZSTD(1)),
    match_seq_num Nullable(UInt64) CODEC(ZSTD(1)),
    cluster Nullable(UInt16) CODEC(ZSTD(1)),
    league_id Nullable(UInt32) CODEC(ZSTD(1)),
    human_players Nullable(UInt8),
    version UInt64 CODEC(ZSTD(1)),
    INDEX start_times start_time TYPE minmax
) ENGINE = ReplacingMergeTree(version) ORDER BY (match_id, source)
SETTINGS $facts",
    "\
CREATE TABLE IF NOT EXISTS $database.match_ranks (
    match_id UInt64 CODEC(Delta, ZSTD(1)),
    start_time DateTime('UTC') CODEC(Delta, ZSTD(1)),
    avg_rank_tier UInt8,
    num_rank_tier Nullable(UInt8),
    source LowCardinality(String),
    version UInt64 CODEC(ZSTD(1))
) ENGINE = ReplacingMergeTree(version) PARTITION BY toYYYYMM(start_time) ORDER BY match_id
SETTINGS $facts",
    "\
CREATE TABLE IF NOT EXISTS $database.match_players (
    match_id UInt64 CODEC(Delta, ZSTD(1)),
    slot UInt8,
    start_time DateTime('UTC') CODEC(Delta, ZSTD(1)),
    account_id UInt32 CODEC(ZSTD(1)),
    hero_id UInt16 CODEC(ZSTD(1)),
    won $won,
    kills UInt16 CODEC(ZSTD(1)),
    deaths UInt16 CODEC(ZSTD(1)),
    assists UInt16 CODEC(ZSTD(1)),
    last_hits Nullable(UInt16) CODEC(ZSTD(1)),
    denies Nullable(UInt16) CODEC(ZSTD(1)),
    gold_per_min Nullable(UInt16) CODEC(ZSTD(1)),
    xp_per_min Nullable(UInt16) CODEC(ZSTD(1)),
    level Nullable(UInt8),
    net_worth Nullable(UInt32) CODEC(ZSTD(1)),
    hero_damage Nullable(UInt32) CODEC(ZSTD(1)),
    tower_damage Nullable(UInt32) CODEC(ZSTD(1)),
    hero_healing Nullable(UInt32) CODEC(ZSTD(1)),
    leaver_status Nullable(UInt8),
    items Array(UInt16) CODEC(ZSTD(1)),
    version UInt64 CODEC(ZSTD(1))
) ENGINE = ReplacingMergeTree(version) PARTITION BY toYYYYMM(start_time) ORDER BY (match_id, slot)$ttl
SETTINGS $facts",
    "\
CREATE TABLE IF NOT EXISTS $database.player_matches (
    account_id UInt32 CODEC(ZSTD(1)),
    match_id UInt64 CODEC(Delta, ZSTD(1)),
    start_time DateTime('UTC') CODEC(Delta, ZSTD(1)),
    slot UInt8,
    hero_id UInt16 CODEC(ZSTD(1)),
    won $won,
    game_mode UInt8,
    lobby_type UInt8,
    kills UInt16 CODEC(ZSTD(1)),
    deaths UInt16 CODEC(ZSTD(1)),
    assists UInt16 CODEC(ZSTD(1)),
    duration UInt32 CODEC(ZSTD(1)),
    version UInt64 CODEC(ZSTD(1))
) ENGINE = ReplacingMergeTree(version) ORDER BY (account_id, match_id)$ttl
SETTINGS $facts",
    "\
CREATE TABLE IF NOT EXISTS $database.match_positions (
    match_id UInt64 CODEC(Delta, ZSTD(1)),
    slot UInt8,
    start_time DateTime('UTC') CODEC(Delta, ZSTD(1)),
    lane UInt8,
    position UInt8,
    version UInt64 CODEC(ZSTD(1))
) ENGINE = ReplacingMergeTree(version) PARTITION BY toYYYYMM(start_time) ORDER BY (match_id, slot)
SETTINGS $facts",
];

/// In the view, a name without its table would mean what it is called there.
const COUNTERS: [&str; 4] = [
    "\
CREATE TABLE IF NOT EXISTS $database.hero_days (
    day Date,
    patch LowCardinality(String),
    bracket UInt8,
    game_mode UInt8,
    side $side,
    hero UInt16,
    games UInt32,
    wins UInt32,
    build UInt64 CODEC(ZSTD(1))
) ENGINE = MergeTree PARTITION BY day ORDER BY (hero, patch, bracket, game_mode, side)
SETTINGS $fsync",
    "\
CREATE TABLE IF NOT EXISTS $database.position_days (
    day Date,
    patch LowCardinality(String),
    bracket UInt8,
    game_mode UInt8,
    hero UInt16,
    lane UInt8,
    position UInt8,
    games UInt32,
    wins UInt32,
    build UInt64 CODEC(ZSTD(1))
) ENGINE = MergeTree PARTITION BY day ORDER BY (hero, position, lane, patch, bracket, game_mode)
SETTINGS $fsync",
    "\
CREATE TABLE IF NOT EXISTS $database.pair_days (
    day Date,
    patch LowCardinality(String),
    bracket UInt8,
    game_mode UInt8,
    relation $relation,
    hero UInt16,
    other UInt16,
    games UInt32 CODEC(ZSTD(1)),
    wins UInt32 CODEC(ZSTD(1)),
    build UInt64 CODEC(ZSTD(1))
) ENGINE = MergeTree PARTITION BY day ORDER BY (relation, hero, other, patch, bracket, game_mode)
SETTINGS $fsync",
    "\
CREATE VIEW IF NOT EXISTS $database.pairs AS
SELECT day, patch, bracket, game_mode, relation, hero, other, games, wins, build
FROM $database.pair_days
UNION ALL
SELECT p.day, p.patch, p.bracket, p.game_mode, p.relation, p.other AS hero, p.hero AS other, p.games,
    toUInt32(if(p.relation = 'against', p.games - p.wins, p.wins)) AS wins, p.build
FROM $database.pair_days AS p",
];

const BOOKKEEPING: [&str; 7] = [
    "\
CREATE TABLE IF NOT EXISTS $database.patches (
    name String,
    since DateTime('UTC'),
    version UInt64
) ENGINE = ReplacingMergeTree(version) ORDER BY name
SETTINGS $fsync",
    "\
CREATE TABLE IF NOT EXISTS $database.dirty_days (
    day Date,
    mark UInt64 DEFAULT toUnixTimestamp64Nano(now64(9))
) ENGINE = ReplacingMergeTree(mark) ORDER BY day
SETTINGS $fsync",
    "\
CREATE TABLE IF NOT EXISTS $database.day_builds (
    day Date,
    mark UInt64,
    built_at DateTime64(3, 'UTC'),
    matches UInt64,
    counted UInt64,
    left_out Map(LowCardinality(String), UInt64)
) ENGINE = ReplacingMergeTree(mark) ORDER BY day
SETTINGS $fsync",
    "\
CREATE TABLE IF NOT EXISTS $database.detail_wishes (
    match_id UInt64,
    reason LowCardinality(String),
    priority UInt8,
    attempts UInt8,
    state $wish_state,
    next_try DateTime('UTC'),
    version UInt64
) ENGINE = ReplacingMergeTree(version) ORDER BY match_id
SETTINGS $fsync",
    "\
CREATE TABLE IF NOT EXISTS $database.call_budgets (
    upstream LowCardinality(String),
    day Date,
    calls UInt64
) ENGINE = ReplacingMergeTree(calls) ORDER BY (upstream, day)
SETTINGS $fsync",
    "\
CREATE TABLE IF NOT EXISTS $database.backfills (
    id UUID,
    origin String,
    state $backfill_state,
    position String,
    records UInt64,
    version UInt64
) ENGINE = ReplacingMergeTree(version) ORDER BY id
SETTINGS $fsync",
    "\
CREATE TABLE IF NOT EXISTS $database.schema_versions (
    version UInt32,
    made_at DateTime('UTC') DEFAULT now()
) ENGINE = ReplacingMergeTree ORDER BY version
SETTINGS $fsync",
];

/// Last: who finds it finds all that was made before it.
const VERSION: &str = "INSERT INTO $database.schema_versions (version) VALUES ($version)";

/// Every statement of `migrate`, in its order. All of them may be run again.
#[must_use]
pub fn statements(database: &str, options: &TableOptions) -> Vec<String> {
    let fsync = u8::from(options.fsync);
    let fsync = format!("fsync_after_insert = {fsync}, fsync_part_directory = {fsync}");
    let ttl = options.players_ttl.map_or_else(String::new, |ttl| {
        format!(" TTL start_time + toIntervalSecond({})", ttl.as_secs())
    });
    let replacements = [
        ("$database", database.to_owned()),
        (
            "$facts",
            format!("non_replicated_deduplication_window = 1000, {fsync}"),
        ),
        ("$fsync", fsync),
        ("$ttl", ttl),
        ("$won", words(Won::ALL, Won::as_str, Won::code)),
        (
            "$side",
            words(SideCode::ALL, SideCode::as_str, SideCode::code),
        ),
        (
            "$relation",
            words(Relation::ALL, Relation::as_str, Relation::code),
        ),
        (
            "$wish_state",
            words(WishState::ALL, WishState::as_str, WishState::code),
        ),
        (
            "$backfill_state",
            words(
                BackfillState::ALL,
                BackfillState::as_str,
                BackfillState::code,
            ),
        ),
        ("$version", SCHEMA_VERSION.to_string()),
    ];
    let templates = [DATABASE].into_iter().chain(FACTS).chain(COUNTERS);
    let templates = templates.chain(BOOKKEEPING).chain([VERSION]);
    let filled = templates.map(|template| {
        let fill = |text: String, (name, value): &(&str, String)| text.replace(name, value);
        replacements.iter().fold(template.to_owned(), fill)
    });
    filled.collect()
}

/// The type of a column that holds such words.
fn words<T: Copy>(all: &[T], word: fn(T) -> &'static str, code: fn(T) -> i8) -> String {
    let words = all
        .iter()
        .map(|one| format!("'{}' = {}", word(*one), code(*one)));
    format!("Enum8({})", words.collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_to_fill_in() {
        let day = Duration::from_hours(24);
        let options = TableOptions {
            fsync: false,
            players_ttl: Some(400 * day),
        };
        for statement in statements("dota", &options) {
            assert!(!statement.contains('$'), "{statement}");
            assert!(statement.contains("dota"), "{statement}");
        }
    }

    #[test]
    fn options_reach_the_tables_they_are_for() {
        let of = |options: &TableOptions, table: &str| {
            let all = statements("dota", options);
            let head = format!("CREATE TABLE IF NOT EXISTS dota.{table} (");
            all.into_iter()
                .find(|one| one.starts_with(&head))
                .expect("there is such a table")
        };
        let default = TableOptions::default();
        assert!(
            of(&default, "matches").ends_with("fsync_after_insert = 1, fsync_part_directory = 1")
        );
        assert!(!of(&default, "match_players").contains("TTL"));
        let quick = TableOptions {
            fsync: false,
            players_ttl: Some(Duration::from_mins(1)),
        };
        assert!(
            of(&quick, "hero_days").ends_with("fsync_after_insert = 0, fsync_part_directory = 0")
        );
        assert!(of(&quick, "match_players").contains("TTL start_time + toIntervalSecond(60)"));
        assert!(!of(&quick, "matches").contains("TTL"));
        let won = "won Enum8('unknown' = 0, 'yes' = 1, 'no' = 2)";
        assert!(of(&default, "player_matches").contains(won));
    }
}
