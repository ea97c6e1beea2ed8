//! Storing what answers say.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::LazyLock;

use async_trait::async_trait;
use contracts::warehouse::{
    LOADED_AT, MatchPlayerRow, MatchPositionRow, MatchRankRow, MatchRow, MatchSourceRow, Won,
};
use domain::{AccountId, Day, Match};
use etl_application::ports::{FactStore, StoreError};
use etl_application::{Answer, Facts, PlayerFact, PositionFact, Rank};
use sqlx::SqliteConnection;

use crate::SqliteWarehouse;
use crate::marks::mark;
use crate::statement::{Insert, Rows, Values};
use crate::values::{list, slots};

static MATCHES: LazyLock<Insert> =
    LazyLock::new(|| Insert::newest::<MatchRow>(&["match_id"], &[LOADED_AT]));
static SOURCES: LazyLock<Insert> =
    LazyLock::new(|| Insert::newest::<MatchSourceRow>(&["match_id", "source"], &[]));
static RANKS: LazyLock<Insert> =
    LazyLock::new(|| Insert::newest::<MatchRankRow>(&["match_id"], &[]));
static PLAYERS: LazyLock<Insert> =
    LazyLock::new(|| Insert::newest::<MatchPlayerRow>(&["match_id", "slot"], &[]));
static POSITIONS: LazyLock<Insert> =
    LazyLock::new(|| Insert::newest::<MatchPositionRow>(&["match_id", "slot"], &[]));

/// Days that earlier rows name for matches which answers date differently.
/// Only the tables that say on which day a match counts are asked.
const OTHER_DAYS: &str = "\
    WITH named AS MATERIALIZED (\
        SELECT CAST(key AS INTEGER) AS match_id, value AS day FROM json_each($1)) \
    SELECT m.start_time / 86400 FROM named CROSS JOIN matches AS m USING (match_id) \
    WHERE m.start_time / 86400 <> named.day \
    UNION \
    SELECT s.start_time / 86400 FROM named CROSS JOIN match_sources AS s USING (match_id) \
    WHERE s.start_time / 86400 <> named.day";

#[async_trait]
impl FactStore for SqliteWarehouse {
    async fn store(&self, answers: &[Answer]) -> Result<BTreeSet<Day>, StoreError> {
        let mut days = BTreeSet::new();
        let mut rows = Vec::with_capacity(answers.len());
        for answer in answers {
            let fact = Fact::of(answer)?;
            days.insert(fact.facts.day());
            rows.push(fact);
        }
        if rows.is_empty() {
            return Ok(days);
        }
        let stored = self.store_facts(&rows).await;
        days.extend(stored.map_err(|error| self.not_stored(&error))?);
        Ok(days)
    }

    async fn mark_dirty(&self, days: &BTreeSet<Day>) -> Result<(), StoreError> {
        if days.is_empty() {
            return Ok(());
        }
        let marked = async {
            let mut change = self.change().await?;
            mark(&mut change, days, self.clock().now()).await?;
            change.commit().await
        };
        marked.await.map_err(|error| self.not_stored(&error))
    }
}

impl SqliteWarehouse {
    /// All of them or none. Gives the days that matches leave.
    async fn store_facts(&self, rows: &[Fact<'_>]) -> Result<BTreeSet<Day>, sqlx::Error> {
        let mut change = self.change().await?;
        let left = other_days(&mut change, rows).await?;
        if !left.is_empty() {
            mark(&mut change, &left, self.clock().now()).await?;
        }
        write(&mut change, rows).await?;
        change.commit().await?;
        Ok(left)
    }
}

/// The facts of an answer whose numbers the tables can hold.
struct Fact<'a> {
    facts: Facts<'a>,
    match_id: i64,
    started: u32,
    version: i64,
}

impl<'a> Fact<'a> {
    fn of(answer: &'a Answer) -> Result<Self, StoreError> {
        let summary = &answer.summary;
        let refused = |what: &str| StoreError::Refused {
            detail: format!("{what} of match {} is too large", summary.match_id),
        };
        Ok(Self {
            facts: Facts::of(answer),
            match_id: summary.match_id.get(),
            started: u32::try_from(summary.start_time.unix_seconds())
                .map_err(|_| refused("the start"))?,
            version: i64::try_from(answer.version).map_err(|_| refused("the version"))?,
        })
    }

    fn source(&self) -> &str {
        &self.facts.answer.source
    }

    fn put_core(&self, values: &mut Values, core: &Match) {
        values
            .put(self.match_id)
            .put(self.started)
            .put(core.duration_seconds)
            .put(core.radiant_win)
            .put(core.lobby_type)
            .put(core.game_mode)
            .put(slots(core.radiant))
            .put(slots(core.dire))
            .put(self.source())
            .put(self.version);
    }

    fn put_rest(&self, values: &mut Values) {
        let summary = &self.facts.answer.summary;
        values
            .put(self.match_id)
            .put(self.source())
            .put(self.started)
            .put(summary.match_seq_num.map(u64::cast_signed))
            .put(summary.cluster)
            .put(summary.league_id)
            .put(summary.human_players)
            .put(self.version);
    }

    fn put_rank(&self, values: &mut Values, rank: Rank) {
        values
            .put(self.match_id)
            .put(self.started)
            .put(rank.avg_rank_tier)
            .put(rank.num_rank_tier)
            .put(self.source())
            .put(self.version);
    }

    fn put_player(&self, values: &mut Values, player: &PlayerFact<'_>) {
        let line = player.line;
        values
            .put(self.match_id)
            .put(player.slot.get())
            .put(self.started)
            .put(line.account_id.map_or(0, AccountId::get))
            .put(player.hero.get())
            .put(Won::from(player.won).code())
            .put(player.kills)
            .put(player.deaths)
            .put(player.assists)
            .put(line.last_hits)
            .put(line.denies)
            .put(line.gold_per_min)
            .put(line.xp_per_min)
            .put(line.level)
            .put(line.net_worth)
            .put(line.hero_damage)
            .put(line.tower_damage)
            .put(line.hero_healing)
            .put(line.leaver_status)
            .put(list(line.items.iter().copied()))
            .put(self.version);
    }

    fn put_position(&self, values: &mut Values, fact: PositionFact) {
        values
            .put(self.match_id)
            .put(fact.slot.get())
            .put(self.started)
            .put(fact.lane)
            .put(fact.position.get())
            .put(self.version);
    }
}

async fn write(connection: &mut SqliteConnection, facts: &[Fact<'_>]) -> Result<(), sqlx::Error> {
    let mut matches = Rows::into(&MATCHES);
    let mut sources = Rows::into(&SOURCES);
    let mut ranks = Rows::into(&RANKS);
    let mut players = Rows::into(&PLAYERS);
    let mut positions = Rows::into(&POSITIONS);
    for fact in facts {
        sources.add(connection, |row| fact.put_rest(row)).await?;
        if let Some(core) = &fact.facts.core {
            matches
                .add(connection, |row| fact.put_core(row, core))
                .await?;
        }
        if let Some(rank) = fact.facts.rank {
            ranks
                .add(connection, |row| fact.put_rank(row, rank))
                .await?;
        }
        for player in fact.facts.players.iter().flatten() {
            players
                .add(connection, |row| fact.put_player(row, player))
                .await?;
        }
        for position in fact.facts.positions.iter().flatten() {
            positions
                .add(connection, |row| fact.put_position(row, *position))
                .await?;
        }
    }
    for rows in [matches, sources, ranks, players, positions] {
        rows.finish(connection).await?;
    }
    Ok(())
}

async fn other_days(
    connection: &mut SqliteConnection,
    facts: &[Fact<'_>],
) -> Result<BTreeSet<Day>, sqlx::Error> {
    let mut named = String::with_capacity(facts.len() * 24);
    named.push('{');
    for (place, fact) in facts.iter().enumerate() {
        let separator = if place == 0 { "" } else { "," };
        let (id, day) = (fact.match_id, fact.facts.day().days_since_epoch());
        write!(named, "{separator}\"{id}\":{day}").expect("a string takes everything");
    }
    named.push('}');
    let days: Vec<i32> = sqlx::query_scalar(OTHER_DAYS)
        .bind(named)
        .fetch_all(connection)
        .await?;
    Ok(days.into_iter().map(Day::from_days_since_epoch).collect())
}
