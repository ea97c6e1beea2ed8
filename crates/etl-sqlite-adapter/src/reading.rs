//! What is asked for people.

use std::time::Duration;

use async_trait::async_trait;
use contracts::warehouse::Won;
use domain::{
    AccountId, Day, HeroId, MatchId, MatchSummary, PlayerLine, Position, Side, SkillBracket, Slot,
    Team, Timestamp,
};
use etl_application::ports::{
    CounterFilter, HeroGames, KnownMatch, PairGames, WarehouseError, WarehouseReader, Wish,
};
use sqlx::sqlite::{Sqlite, SqliteArguments, SqliteRow};
use sqlx::{Row, SqliteConnection, query::Query};
use tokio::time::timeout;

use crate::SqliteWarehouse;
use crate::error::nonsense;
use crate::stored_rows::read_relation;
use crate::values::{read_hero, read_slots, read_start};
use crate::wishes::wish_of;

/// How long somebody waits for an answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// What is known of a match by more sources than there are is somebody's mistake.
const SOURCES_MAX: i64 = 100;

const HEROES: &str = "\
    SELECT hero, sum(games) AS games, sum(wins) AS wins FROM hero_days \
    WHERE day BETWEEN $1 AND $2 AND ($3 IS NULL OR patch = $3) \
    AND ($4 IS NULL OR bracket = $4) AND ($5 IS NULL OR game_mode = $5) \
    GROUP BY hero ORDER BY hero";

const PAIRS: &str = "\
    SELECT relation, other, sum(games) AS games, sum(wins) AS wins FROM pairs \
    WHERE day BETWEEN $1 AND $2 AND ($3 IS NULL OR patch = $3) \
    AND ($4 IS NULL OR bracket = $4) AND ($5 IS NULL OR game_mode = $5) AND hero = $6 \
    GROUP BY relation, other ORDER BY relation, other";

/// Binds the first five parameters.
fn filtered(
    statement: &'static str,
    filter: &CounterFilter,
) -> Query<'static, Sqlite, SqliteArguments> {
    sqlx::query(statement)
        .bind(filter.from.map_or(i32::MIN, Day::days_since_epoch))
        .bind(filter.to.map_or(i32::MAX, Day::days_since_epoch))
        .bind(filter.patch.clone())
        .bind(filter.bracket.map(SkillBracket::get))
        .bind(filter.game_mode)
}

#[async_trait]
impl WarehouseReader for SqliteWarehouse {
    async fn heroes(&self, filter: &CounterFilter) -> Result<Vec<HeroGames>, WarehouseError> {
        self.answer(async {
            let rows = filtered(HEROES, filter).fetch_all(self.readers()).await?;
            let rows = rows.iter().map(|row| {
                Ok(HeroGames {
                    hero: read_hero(row.try_get("hero")?)?,
                    games: row.try_get("games")?,
                    wins: row.try_get("wins")?,
                })
            });
            rows.collect()
        })
        .await
    }

    async fn pairs(
        &self,
        hero: HeroId,
        filter: &CounterFilter,
    ) -> Result<Vec<PairGames>, WarehouseError> {
        self.answer(async {
            let query = filtered(PAIRS, filter).bind(hero.get());
            let rows = query.fetch_all(self.readers()).await?;
            let rows = rows.iter().map(|row| {
                Ok(PairGames {
                    relation: read_relation(row.try_get("relation")?)?,
                    other: read_hero(row.try_get("other")?)?,
                    games: row.try_get("games")?,
                    wins: row.try_get("wins")?,
                })
            });
            rows.collect()
        })
        .await
    }

    async fn wish_of(&self, id: MatchId) -> Result<Option<Wish>, WarehouseError> {
        self.answer(async {
            let mut connection = self.readers().acquire().await?;
            wish_of(&mut connection, id).await
        })
        .await
    }

    async fn match_facts(&self, id: MatchId) -> Result<Vec<KnownMatch>, WarehouseError> {
        self.answer(async {
            let mut snapshot = self.snapshot().await?;
            let mut known = players(&mut snapshot, id).await?;
            known.extend(positions(&mut snapshot, id).await?);
            known.extend(ranks(&mut snapshot, id).await?);
            known.extend(sources(&mut snapshot, id).await?);
            known.extend(core(&mut snapshot, id).await?);
            Ok(known)
        })
        .await
    }
}

impl SqliteWarehouse {
    pub(crate) async fn answer<T>(
        &self,
        asked: impl Future<Output = Result<T, sqlx::Error>>,
    ) -> Result<T, WarehouseError> {
        match timeout(ANSWER_TIMEOUT, asked).await {
            Ok(answer) => answer.map_err(|error| self.not_read(&error)),
            Err(_) => Err(self.not_read(&sqlx::Error::PoolTimedOut)),
        }
    }
}

/// What a row says of a match, without its rest.
fn bare(id: MatchId, row: &SqliteRow) -> Result<MatchSummary, sqlx::Error> {
    Ok(MatchSummary::new(id, started(row)?))
}

fn started(row: &SqliteRow) -> Result<Timestamp, sqlx::Error> {
    Ok(read_start(row.try_get("start_time")?))
}

fn known(
    table: &'static str,
    row: &SqliteRow,
    summary: MatchSummary,
) -> Result<KnownMatch, sqlx::Error> {
    Ok(KnownMatch {
        table,
        source: row.try_get("source")?,
        version: row.try_get("version")?,
        summary,
    })
}

async fn core(
    connection: &mut SqliteConnection,
    id: MatchId,
) -> Result<Option<KnownMatch>, sqlx::Error> {
    let row = sqlx::query("SELECT * FROM matches WHERE match_id = $1")
        .bind(id.get())
        .fetch_optional(connection)
        .await?;
    let Some(row) = row else { return Ok(None) };
    let team = |column: &str| -> Result<_, sqlx::Error> {
        let slots = read_slots(row.try_get(column)?)?;
        Team::try_new(slots.into()).map_err(nonsense)
    };
    let summary = MatchSummary {
        duration_seconds: row.try_get("duration")?,
        radiant_win: row.try_get("radiant_win")?,
        lobby_type: row.try_get("lobby_type")?,
        game_mode: row.try_get("game_mode")?,
        radiant: Some(team("radiant")?),
        dire: Some(team("dire")?),
        ..bare(id, &row)?
    };
    known("matches", &row, summary).map(Some)
}

async fn ranks(
    connection: &mut SqliteConnection,
    id: MatchId,
) -> Result<Option<KnownMatch>, sqlx::Error> {
    let row = sqlx::query("SELECT * FROM match_ranks WHERE match_id = $1")
        .bind(id.get())
        .fetch_optional(connection)
        .await?;
    let Some(row) = row else { return Ok(None) };
    let summary = MatchSummary {
        avg_rank_tier: row.try_get("avg_rank_tier")?,
        num_rank_tier: row.try_get("num_rank_tier")?,
        ..bare(id, &row)?
    };
    known("match_ranks", &row, summary).map(Some)
}

async fn sources(
    connection: &mut SqliteConnection,
    id: MatchId,
) -> Result<Vec<KnownMatch>, sqlx::Error> {
    let statement = "SELECT * FROM match_sources WHERE match_id = $1 ORDER BY source LIMIT $2";
    let rows = sqlx::query(statement)
        .bind(id.get())
        .bind(SOURCES_MAX)
        .fetch_all(connection)
        .await?;
    let rows = rows.iter().map(|row| {
        let match_seq_num: Option<i64> = row.try_get("match_seq_num")?;
        let summary = MatchSummary {
            match_seq_num: match_seq_num.map(i64::cast_unsigned),
            cluster: row.try_get("cluster")?,
            league_id: row.try_get("league_id")?,
            human_players: row.try_get("human_players")?,
            ..bare(id, row)?
        };
        known("match_sources", row, summary)
    });
    rows.collect()
}

/// The lines of all players, as one row; they tell who won.
async fn players(
    connection: &mut SqliteConnection,
    id: MatchId,
) -> Result<Vec<KnownMatch>, sqlx::Error> {
    let statement = "SELECT *, '' AS source FROM match_players WHERE match_id = $1 ORDER BY slot";
    let rows = sqlx::query(statement)
        .bind(id.get())
        .fetch_all(connection)
        .await?;
    let Some(first) = rows.first() else {
        return Ok(Vec::new());
    };
    let lines: Result<Vec<_>, _> = rows.iter().map(line).collect();
    let mut summary = bare(id, first)?;
    summary.players = lines?;
    let is_radiant = summary.players[0].slot.side() == Side::Radiant;
    summary.radiant_win = match Won::try_from(first.try_get::<i8, _>("won")?).map_err(nonsense)? {
        Won::Unknown => None,
        Won::Yes => Some(is_radiant),
        Won::No => Some(!is_radiant),
    };
    Ok(vec![known("match_players", first, summary)?])
}

fn line(row: &SqliteRow) -> Result<PlayerLine, sqlx::Error> {
    let slot = Slot::try_new(row.try_get("slot")?).map_err(nonsense)?;
    Ok(PlayerLine {
        slot,
        account_id: AccountId::try_new(row.try_get("account_id")?).ok(),
        hero_id: Some(read_hero(row.try_get("hero_id")?)?),
        kills: row.try_get("kills")?,
        deaths: row.try_get("deaths")?,
        assists: row.try_get("assists")?,
        last_hits: row.try_get("last_hits")?,
        denies: row.try_get("denies")?,
        gold_per_min: row.try_get("gold_per_min")?,
        xp_per_min: row.try_get("xp_per_min")?,
        level: row.try_get("level")?,
        net_worth: row.try_get("net_worth")?,
        hero_damage: row.try_get("hero_damage")?,
        tower_damage: row.try_get("tower_damage")?,
        hero_healing: row.try_get("hero_healing")?,
        leaver_status: row.try_get("leaver_status")?,
        items: serde_json::from_str(row.try_get("items")?).map_err(nonsense)?,
        lane: None,
        position: None,
    })
}

/// Where all players were, as one row.
async fn positions(
    connection: &mut SqliteConnection,
    id: MatchId,
) -> Result<Option<KnownMatch>, sqlx::Error> {
    let statement = "SELECT *, '' AS source FROM match_positions WHERE match_id = $1 ORDER BY slot";
    let rows = sqlx::query(statement)
        .bind(id.get())
        .fetch_all(connection)
        .await?;
    let Some(first) = rows.first() else {
        return Ok(None);
    };
    let lines = rows.iter().map(|row| {
        let slot = Slot::try_new(row.try_get("slot")?).map_err(nonsense)?;
        let position = Position::try_new(row.try_get("position")?).map_err(nonsense)?;
        Ok(PlayerLine {
            lane: row.try_get("lane")?,
            position: Some(position),
            ..PlayerLine::new(slot)
        })
    });
    let lines: Result<Vec<_>, sqlx::Error> = lines.collect();
    let summary = MatchSummary {
        players: lines?,
        ..bare(id, first)?
    };
    known("match_positions", first, summary).map(Some)
}
