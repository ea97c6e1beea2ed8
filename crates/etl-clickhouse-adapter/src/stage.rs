//! A day on its way into the tables of counters.
//!
//! Judging, counting and swapping are steps of their own, each in tables that
//! nobody else uses. A builder that dies leaves them behind; the next ones
//! remove what is old.

use std::collections::BTreeMap;

use clickhouse::error::{Error, Result};
use domain::{CountingRules, LeftOut, Patches};
use etl_application::counters::DaySums;
use etl_application::ports::DayBuild;
use tracing::warn;

use crate::ClickHouseWarehouse;
use crate::marks::day_of;

/// What all names of stages begin with; then comes when they were made.
const PREFIX: &str = "stage_";
/// A stage is left behind after longer than any build takes.
const AGE_SECONDS_MAX: u64 = 24 * 60 * 60;
/// Removed in one go; the rest in the next.
const LEFT_BEHIND_MAX: usize = 100;

pub(crate) const SECONDS_PER_DAY: u32 = 24 * 60 * 60;

/// The mark of the day before anything of it is read, and a name for its stage.
const BEGIN: &str = "\
SELECT max(mark), concat(toString(toUnixTimestamp(now())), '_', \
       replaceAll(toString(generateUUIDv4()), '-', '')) FROM dirty_days WHERE day = toDate(?)";

const LEFT_BEHIND: &str = "\
SELECT name FROM system.tables WHERE database = ? AND startsWith(name, ?) \
AND toUInt64OrZero(splitByChar('_', name)[2]) + ? < toUnixTimestamp(now()) LIMIT ?";

const COUNT: &str = "SELECT reason, count() FROM $judged GROUP BY reason LIMIT 100";

/// Keys are numbers until they are counted: texts would make it three times as dear.
const HEROES: &str = "\
INSERT INTO $heroes (day, patch, bracket, game_mode, side, hero, games, wins, build) \
SELECT toDate(?), CAST(? AS Array(String))[patch_place], bracket, game_mode, side, hero, \
       games, wins, ? FROM ( \
    SELECT patch_place, bracket, game_mode, side, hero, count() AS games, sum(won) AS wins FROM ( \
        SELECT patch_place, bracket, game_mode, toInt8(1) AS side, arrayJoin(radiant) AS hero, \
               radiant_win AS won FROM $judged WHERE reason = '' \
        UNION ALL \
        SELECT patch_place, bracket, game_mode, toInt8(2) AS side, arrayJoin(dire) AS hero, \
               NOT radiant_win AS won FROM $judged WHERE reason = '') \
    GROUP BY patch_place, bracket, game_mode, side, hero)";

/// Of matches whose positions are known: only these come to where lists are
/// joined, which must be of one length. Heroes, lanes and positions are in the
/// order of slots.
const POSITIONS: &str = "\
INSERT INTO $positions (day, patch, bracket, game_mode, hero, lane, position, games, wins, build) \
SELECT toDate(?), CAST(? AS Array(String))[patch_place], bracket, game_mode, hero, lane, position, \
       games, wins, ? FROM ( \
    SELECT patch_place, bracket, game_mode, hero, place.2 AS lane, place.3 AS position, \
           count() AS games, sum(won) AS wins FROM ( \
        SELECT patch_place, bracket, game_mode, hero, place, \
               if(place.1 < 5, radiant_win, NOT radiant_win) AS won FROM ( \
            SELECT patch_place, bracket, game_mode, radiant_win, places, \
                   arrayConcat(radiant, dire) AS heroes \
            FROM $judged WHERE reason = '' AND length(places) = 10) \
        ARRAY JOIN heroes AS hero, places AS place) \
    GROUP BY patch_place, bracket, game_mode, hero, lane, position)";

/// In a sorted side, whoever comes first has the lower id.
const PAIRS: &str = "\
INSERT INTO $pairs (day, patch, bracket, game_mode, relation, hero, other, games, wins, build) \
SELECT toDate(?), CAST(? AS Array(String))[patch_place], bracket, game_mode, relation, hero, other, \
       games, wins, ? FROM ( \
    SELECT patch_place, bracket, game_mode, relation, hero, other, \
           count() AS games, sum(won) AS wins FROM ( \
        SELECT patch_place, bracket, game_mode, toInt8(1) AS relation, arrayJoin(radiant) AS hero, \
               arrayJoin(dire) AS other, radiant_win AS won FROM $judged WHERE reason = '' \
        UNION ALL \
        SELECT patch_place, bracket, game_mode, toInt8(2) AS relation, hero, other, won FROM ( \
            SELECT patch_place, bracket, game_mode, arraySort(radiant) AS s, radiant_win AS won \
            FROM $judged WHERE reason = '' \
            UNION ALL \
            SELECT patch_place, bracket, game_mode, arraySort(dire) AS s, NOT radiant_win AS won \
            FROM $judged WHERE reason = '') \
        ARRAY JOIN [s[1], s[1], s[1], s[1], s[2], s[2], s[2], s[3], s[3], s[4]] AS hero, \
                   [s[2], s[3], s[4], s[5], s[3], s[4], s[5], s[4], s[5], s[5]] AS other) \
    GROUP BY patch_place, bracket, game_mode, relation, hero, other)";

const SUMS: &str = "\
SELECT sumIf(games, kind = 0), sumIf(games, kind = 1), sumIf(games, kind = 2), \
       sumIf(games, kind = 3) FROM ( \
    SELECT toInt8(0) AS kind, games FROM $heroes \
    UNION ALL SELECT toInt8(3) AS kind, games FROM $positions \
    UNION ALL SELECT toInt8(relation) AS kind, games FROM $pairs)";

const NOTE: &str = "\
INSERT INTO day_builds (day, mark, built_at, matches, counted, left_out) \
SELECT toDate(?), ?, now64(3), ?, ?, \
       mapFromArrays(CAST(? AS Array(String)), CAST(? AS Array(UInt64)))";

/// Of which matches a day's rows of facts speak, also those that are replaced
/// by now. The time is in the key of partitions and in an index.
pub(crate) fn ids_of_day(table: &str, day: u16) -> String {
    let from = u32::from(day) * SECONDS_PER_DAY;
    let last = from + (SECONDS_PER_DAY - 1);
    format!("SELECT match_id FROM {table} WHERE start_time BETWEEN {from} AND {last}")
}

/// Whether a row is of the day, asked in such a way that the server skips nothing
/// for it. What it skips with FINAL depends on its version, and without the row
/// that replaced it a match would be seen as it was before it was dated anew.
pub(crate) fn is_of_day(day: u16) -> String {
    format!("toDate(start_time) = materialize(toDate({day}))")
}

/// The matches of a day as they count now, with what else decides about them:
/// columns of `m`, `r.avg_rank_tier`, `p.worst`, 0 if nothing is known, and `x.places`,
/// slot, lane and position of all ten players in the order of slots, or empty.
pub(crate) fn matches_of_day(day: u16) -> String {
    let (ids, of_day) = (ids_of_day("matches", day), is_of_day(day));
    format!(
        "(SELECT * FROM matches FINAL WHERE match_id IN ({ids}) AND {of_day}) AS m \
         LEFT JOIN (SELECT match_id, avg_rank_tier FROM match_ranks FINAL \
             WHERE match_id IN ({ids})) AS r ON r.match_id = m.match_id \
         LEFT JOIN (SELECT match_id, max(ifNull(leaver_status, 0)) AS worst \
             FROM match_players FINAL WHERE match_id IN ( \
                 SELECT match_id FROM match_players PREWHERE leaver_status >= 2 WHERE match_id IN ({ids})) \
             GROUP BY match_id) AS p ON p.match_id = m.match_id \
         LEFT JOIN (SELECT match_id, arraySort(groupArray((slot, lane, position))) AS places \
             FROM match_positions FINAL WHERE match_id IN ({ids}) \
             GROUP BY match_id HAVING length(places) = 10) AS x ON x.match_id = m.match_id"
    )
}

/// The matches of a day that nobody knows whole, once each.
pub(crate) fn incomplete_of_day(day: u16) -> String {
    let (ids, of_day) = (ids_of_day("match_sources", day), is_of_day(day));
    format!(
        "(SELECT DISTINCT match_id FROM match_sources FINAL \
         WHERE match_id IN ({ids}) AND {of_day} \
         AND match_id NOT IN (SELECT match_id FROM matches WHERE match_id IN ({ids})))"
    )
}

/// What was counted, and is not swapped in yet.
pub(crate) struct Filled {
    /// What is to be noted.
    pub(crate) build: DayBuild,
    /// The sums of what was counted.
    pub(crate) sums: DaySums,
    /// Whether there are counters of positions.
    has_positions: bool,
}

/// Tables of one build.
pub(crate) struct Stage<'a> {
    warehouse: &'a ClickHouseWarehouse,
    name: String,
    day: u16,
    /// The mark of the day before anything of it was read.
    mark: u64,
}

impl<'a> Stage<'a> {
    pub(crate) async fn begin(warehouse: &'a ClickHouseWarehouse, day: u16) -> Result<Self> {
        let limit = warehouse.query_timeout();
        let begun = warehouse.limited(BEGIN, limit).bind(day);
        let (mark, name): (u64, String) = warehouse.within(limit, begun.fetch_one()).await?;
        Ok(Self {
            warehouse,
            name: format!("{PREFIX}{name}"),
            day,
            mark,
        })
    }

    /// Judges and counts.
    pub(crate) async fn fill(&self, rules: &CountingRules, patches: &Patches) -> Result<Filled> {
        self.run(
            "CREATE TABLE $judged (patch_place UInt16, bracket UInt8, game_mode UInt8, \
             radiant_win Bool, radiant Array(UInt16), dire Array(UInt16), \
             places Array(Tuple(UInt8, UInt8, UInt8)), reason LowCardinality(String)) ENGINE = MergeTree ORDER BY tuple()",
        )
        .await?;
        self.run("CREATE TABLE $heroes AS hero_days").await?;
        self.run("CREATE TABLE $positions AS position_days").await?;
        self.run("CREATE TABLE $pairs AS pair_days").await?;
        let patches = patches_of_day(self.day, patches);
        self.judge(rules, &patches).await?;
        let names: Vec<_> = [""]
            .into_iter()
            .chain(patches.iter().map(|(_, name)| *name))
            .collect();
        for count in [HEROES, POSITIONS, PAIRS] {
            let limit = self.warehouse.build_timeout();
            let counted = self.warehouse.limited(&self.named(count), limit);
            let counted = counted
                .bind(self.day)
                .bind(&names)
                .bind(self.mark)
                .execute();
            self.warehouse.within(limit, counted).await?;
        }
        let limit = self.warehouse.build_timeout();
        let count = self.warehouse.limited(&self.named(COUNT), limit);
        let counts: Vec<(String, u64)> = self.warehouse.within(limit, count.fetch_all()).await?;
        let sums = self.warehouse.limited(&self.named(SUMS), limit);
        let sums: (u64, u64, u64, u64) = self.warehouse.within(limit, sums.fetch_one()).await?;
        let (heroes, against, with, positions) = sums;
        Ok(Filled {
            build: self.build(counts)?,
            sums: DaySums {
                heroes,
                against,
                with,
            },
            has_positions: positions > 0,
        })
    }

    /// Every match with its patch and bracket, and why it is left out if it is.
    async fn judge(&self, rules: &CountingRules, patches: &[(i64, &str)]) -> Result<()> {
        let day = self.day;
        // Counted from one, as arrays are; the first is that of no patch.
        let places = patches
            .iter()
            .zip(2_u16..)
            .map(|((since, _), place)| format!("m.start_time >= {since}, {place}, "));
        let patch = match places.collect::<String>() {
            places if places.is_empty() => "1".to_owned(),
            places => format!("multiIf({places}1)"),
        };
        let (matches, incomplete) = (matches_of_day(day), incomplete_of_day(day));
        let statement = format!(
            "INSERT INTO $judged (patch_place, bracket, game_mode, radiant_win, radiant, dire, places, \
                 reason) \
             SELECT {patch}, if(r.avg_rank_tier BETWEEN 10 AND 89, intDiv(r.avg_rank_tier, 10), 0), \
                 m.game_mode, m.radiant_win, m.radiant, m.dire, x.places, \
                 multiIf(length(m.radiant) != 5 OR length(m.dire) != 5 OR has(m.radiant, 0) \
                         OR has(m.dire, 0), 'hero_unknown', \
                     length(arrayDistinct(arrayConcat(m.radiant, m.dire))) != 10, 'hero_repeated', \
                     NOT has(CAST(? AS Array(UInt8)), m.lobby_type), 'lobby', \
                     p.worst >= 2, 'leaver', \
                     m.duration < ?, 'too_short', '') \
             FROM {matches} \
             UNION ALL \
             SELECT 1, 0, 0, false, [], [], [], 'incomplete' FROM {incomplete}"
        );
        let limit = self.warehouse.build_timeout();
        let judge = self.warehouse.limited(&self.named(&statement), limit);
        let lobbies: Vec<u8> = rules.lobbies.iter().copied().collect();
        let judge = judge.bind(lobbies).bind(rules.duration_min_seconds);
        self.warehouse.within(limit, judge.execute()).await
    }

    fn build(&self, counts: Vec<(String, u64)>) -> Result<DayBuild> {
        let mut build = DayBuild {
            day: day_of(self.day),
            mark: self.mark,
            matches: 0,
            counted: 0,
            left_out: BTreeMap::new(),
        };
        for (reason, count) in counts {
            build.matches += count;
            if reason.is_empty() {
                build.counted = count;
            } else {
                build.left_out.insert(read_reason(&reason)?, count);
            }
        }
        Ok(build)
    }

    /// Replaces the day, table by table, and notes it. The note is last: as
    /// long as it is missing the day is dirty, whatever is swapped.
    pub(crate) async fn swap_in(&self, filled: &Filled) -> Result<()> {
        let Filled {
            build,
            has_positions,
            ..
        } = filled;
        let day = day_of(self.day);
        let has_counted = build.counted > 0;
        for (table, stage, has_rows) in [
            ("hero_days", "$heroes", has_counted),
            ("position_days", "$positions", *has_positions),
            ("pair_days", "$pairs", has_counted),
        ] {
            // From a stage without rows servers refuse to take the day, or not,
            // by their version.
            let change = if has_rows {
                format!("REPLACE PARTITION '{day}' FROM {stage}")
            } else {
                format!("DROP PARTITION '{day}'")
            };
            self.run(&format!("ALTER TABLE {table} {change}")).await?;
        }
        let (words, counts): (Vec<_>, Vec<_>) = build
            .left_out
            .iter()
            .map(|(reason, count)| (reason.as_str(), *count))
            .unzip();
        let limit = self.warehouse.query_timeout();
        let note = self.warehouse.limited(NOTE, limit).bind(self.day);
        let note = note
            .bind(build.mark)
            .bind(build.matches)
            .bind(build.counted);
        let note = note.bind(words).bind(counts).execute();
        self.warehouse.within(limit, note).await
    }

    /// Removes the tables. What stays is in nobody's way, and goes with the next sweep.
    pub(crate) async fn drop_tables(&self) {
        for table in ["$judged", "$heroes", "$positions", "$pairs"] {
            let dropped = self.run(&format!("DROP TABLE IF EXISTS {table}")).await;
            if let Err(error) = dropped {
                warn!(stage = self.name, %error, "a stage is left behind");
                return;
            }
        }
    }

    async fn run(&self, statement: &str) -> Result<()> {
        let limit = self.warehouse.build_timeout();
        let run = self
            .warehouse
            .limited(&self.named(statement), limit)
            .execute();
        self.warehouse.within(limit, run).await
    }

    fn named(&self, statement: &str) -> String {
        let name = &self.name;
        statement
            .replace("$judged", &format!("{name}_judged"))
            .replace("$heroes", &format!("{name}_heroes"))
            .replace("$positions", &format!("{name}_positions"))
            .replace("$pairs", &format!("{name}_pairs"))
    }
}

/// Patches that the day saw, the latest first, with the second they began.
fn patches_of_day(day: u16, patches: &Patches) -> Vec<(i64, &str)> {
    let from = i64::from(u32::from(day) * SECONDS_PER_DAY);
    let last = from + i64::from(SECONDS_PER_DAY) - 1;
    let mut seen = Vec::new();
    for patch in patches.iter() {
        // A match starts with a second; the first of a patch is the next whole one.
        let since = patch.since.as_unix_ms();
        let since = since.div_euclid(1000) + i64::from(since.rem_euclid(1000) > 0);
        if since <= from {
            seen.clear();
        }
        if since <= last {
            seen.push((since.max(0), patch.name.as_str()));
        }
    }
    seen.reverse();
    seen
}

pub(crate) fn read_reason(word: &str) -> Result<LeftOut> {
    let reason = LeftOut::ALL.into_iter().find(|one| one.as_str() == word);
    reason.ok_or_else(|| Error::Other(format!("{word:?} is no reason").into()))
}

impl ClickHouseWarehouse {
    /// Removes stages that nobody works on any more.
    pub(crate) async fn sweep(&self) -> Result<()> {
        let limit = self.query_timeout();
        let left = self.limited(LEFT_BEHIND, limit).bind(self.database());
        let left = left
            .bind(PREFIX)
            .bind(AGE_SECONDS_MAX)
            .bind(LEFT_BEHIND_MAX);
        let left: Vec<String> = self.within(limit, left.fetch_all()).await?;
        for table in left {
            let dropped = self.limited("DROP TABLE IF EXISTS ?", limit);
            let dropped = dropped.bind(clickhouse::sql::Identifier(&table)).execute();
            self.within(limit, dropped).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use domain::{Patch, Timestamp};

    use super::*;

    #[test]
    fn a_day_sees_the_patch_it_begins_with_and_those_that_begin_in_it() {
        let day_ms = i64::from(SECONDS_PER_DAY) * 1000;
        let patch = |name: &str, since_ms: i64| Patch {
            name: name.to_owned(),
            since: Timestamp::from_unix_ms(since_ms),
        };
        let patches = [
            patch("a", day_ms),
            patch("b", 2 * day_ms),
            patch("c", 2 * day_ms + 1),
            patch("d", 3 * day_ms - 1),
        ];
        let patches = Patches::try_new(patches.into()).expect("they differ");
        let second = |days: i64| days * i64::from(SECONDS_PER_DAY);
        assert_eq!(patches_of_day(0, &patches), []);
        assert_eq!(patches_of_day(1, &patches), [(second(1), "a")]);
        assert_eq!(
            patches_of_day(2, &patches),
            [(second(2) + 1, "c"), (second(2), "b")]
        );
        assert_eq!(patches_of_day(3, &patches), [(second(3), "d")]);
    }
}
