//! What is asked for people.

use async_trait::async_trait;
use clickhouse::Row;
use clickhouse::error::Result;
use clickhouse::query::Query;
use contracts::warehouse::{
    MatchPlayerRow, MatchPositionRow, MatchRankRow, MatchRow, MatchSourceRow,
    Relation as RelationCode, TableRow, Won,
};
use domain::{
    AccountId, Day, HeroId, MatchId, MatchSummary, PlayerLine, Position, Side, Slot, Team,
    Timestamp,
};
use etl_application::ports::{
    CounterFilter, HeroGames, KnownMatch, PairGames, WarehouseError, WarehouseReader, Wish,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::ClickHouseWarehouse;
use crate::error::nonsense;
use crate::row::Of;
use crate::verifying::{read_hero, read_relation, read_slots};
use crate::wishes::read_wish;

#[derive(Row, Deserialize)]
struct HeroSum {
    hero: u16,
    games: u64,
    wins: u64,
}

#[derive(Row, Deserialize)]
struct PairSum {
    relation: RelationCode,
    other: u16,
    games: u64,
    wins: u64,
}

#[async_trait]
impl WarehouseReader for ClickHouseWarehouse {
    async fn heroes(&self, filter: &CounterFilter) -> Result<Vec<HeroGames>, WarehouseError> {
        let filter = Filter::of(filter, None);
        let asked = format!(
            "SELECT hero, sum(games) AS games, sum(wins) AS wins FROM hero_days AS t \
             WHERE {} GROUP BY hero ORDER BY hero",
            filter.condition
        );
        let rows = filter.bind(self.ask(&asked)).fetch_all::<HeroSum>();
        let rows = self.answer(rows).await?.into_iter().map(|row| {
            Ok(HeroGames {
                hero: read_hero(row.hero)?,
                games: row.games,
                wins: row.wins,
            })
        });
        let rows: Result<_> = rows.collect();
        rows.map_err(|error| self.not_read(&error))
    }

    async fn pairs(
        &self,
        hero: HeroId,
        filter: &CounterFilter,
    ) -> Result<Vec<PairGames>, WarehouseError> {
        let filter = Filter::of(filter, Some(hero));
        let asked = format!(
            "SELECT relation, other, sum(games) AS games, sum(wins) AS wins FROM pairs AS t \
             WHERE {} GROUP BY relation, other ORDER BY relation, other",
            filter.condition
        );
        let rows = filter.bind(self.ask(&asked)).fetch_all::<PairSum>();
        let rows = self.answer(rows).await?.into_iter().map(|row| {
            Ok(PairGames {
                relation: read_relation(row.relation),
                other: read_hero(row.other)?,
                games: row.games,
                wins: row.wins,
            })
        });
        let rows: Result<_> = rows.collect();
        rows.map_err(|error| self.not_read(&error))
    }

    async fn wish_of(&self, id: MatchId) -> Result<Option<Wish>, WarehouseError> {
        let found = self.answer(self.find_wish(id)).await?;
        let wish = found.as_ref().map(read_wish).transpose();
        wish.map_err(|error| self.not_read(&error))
    }

    async fn match_facts(&self, id: MatchId) -> Result<Vec<KnownMatch>, WarehouseError> {
        let known = async {
            let mut known = Vec::new();
            known.extend(players(id, &self.rows_of(id, "slot").await?)?);
            known.extend(positions(id, &self.rows_of(id, "slot").await?)?);
            let ranks = self.rows_of(id, "source").await?;
            known.extend(ranks.into_iter().map(|row| rank(id, row)));
            let sources = self.rows_of(id, "source").await?;
            known.extend(sources.into_iter().map(|row| rest(id, row)));
            for row in self.rows_of(id, "source").await? {
                known.push(core(id, row)?);
            }
            Ok(known)
        };
        self.answer(known).await
    }
}

impl ClickHouseWarehouse {
    /// What a table of facts says of a match.
    async fn rows_of<R>(&self, id: MatchId, order: &str) -> Result<Vec<R>>
    where
        R: TableRow + DeserializeOwned + 'static,
    {
        // More sources than there are would be somebody's mistake.
        let asked = format!(
            "SELECT ?fields FROM {} FINAL WHERE match_id = ? ORDER BY {order} LIMIT 100",
            R::TABLE
        );
        let asked = self.ask(&asked).bind(id.get().cast_unsigned());
        let rows = asked.fetch_all::<Of<R>>().await?;
        Ok(rows.into_iter().map(|Of(row)| row).collect())
    }
}

/// The condition of a filter on a table that is called `t`, for the sums have
/// names of columns.
struct Filter<'a> {
    condition: String,
    numbers: Vec<i64>,
    patch: Option<&'a str>,
}

impl<'a> Filter<'a> {
    fn of(filter: &'a CounterFilter, hero: Option<HeroId>) -> Self {
        let numbers = [
            ("toInt64(toUInt16(t.day)) >= ?", filter.from.map(day)),
            ("toInt64(toUInt16(t.day)) <= ?", filter.to.map(day)),
            ("t.bracket = ?", filter.bracket.map(|one| one.get().into())),
            ("t.game_mode = ?", filter.game_mode.map(i64::from)),
            ("t.hero = ?", hero.map(|hero| hero.get().into())),
        ];
        let given = || {
            numbers
                .iter()
                .filter_map(|(text, value)| Some((text, (*value)?)))
        };
        let mut conditions: Vec<_> = given().map(|(text, _)| *text).collect();
        conditions.extend(filter.patch.as_ref().map(|_| "t.patch = ?"));
        conditions.push("true");
        Self {
            condition: conditions.join(" AND "),
            numbers: given().map(|(_, value)| value).collect(),
            patch: filter.patch.as_deref(),
        }
    }

    fn bind(&self, query: Query) -> Query {
        let query = self.numbers.iter().fold(query, Query::bind);
        match self.patch {
            Some(patch) => query.bind(patch),
            None => query,
        }
    }
}

fn day(day: Day) -> i64 {
    day.days_since_epoch().into()
}

/// What a row says of a match, without its rest.
fn bare(id: MatchId, start_time: u32) -> MatchSummary {
    MatchSummary::new(id, Timestamp::from_unix_seconds(start_time.into()))
}

fn core(id: MatchId, row: MatchRow) -> Result<KnownMatch> {
    let team = |slots: &[u16]| Team::try_new(read_slots(slots)?.into()).map_err(nonsense);
    Ok(KnownMatch {
        table: MatchRow::TABLE,
        source: row.source,
        version: row.version,
        summary: MatchSummary {
            duration_seconds: Some(row.duration),
            radiant_win: Some(row.radiant_win),
            lobby_type: Some(row.lobby_type),
            game_mode: Some(row.game_mode),
            radiant: Some(team(&row.radiant)?),
            dire: Some(team(&row.dire)?),
            ..bare(id, row.start_time)
        },
    })
}

fn rank(id: MatchId, row: MatchRankRow) -> KnownMatch {
    KnownMatch {
        table: MatchRankRow::TABLE,
        source: row.source,
        version: row.version,
        summary: MatchSummary {
            avg_rank_tier: Some(row.avg_rank_tier),
            num_rank_tier: row.num_rank_tier,
            ..bare(id, row.start_time)
        },
    }
}

fn rest(id: MatchId, row: MatchSourceRow) -> KnownMatch {
    KnownMatch {
        table: MatchSourceRow::TABLE,
        source: row.source,
        version: row.version,
        summary: MatchSummary {
            match_seq_num: row.match_seq_num,
            cluster: row.cluster,
            league_id: row.league_id,
            human_players: row.human_players,
            ..bare(id, row.start_time)
        },
    }
}

/// The lines of all players, as one row; they tell who won.
fn players(id: MatchId, rows: &[MatchPlayerRow]) -> Result<Option<KnownMatch>> {
    let Some(first) = rows.first() else {
        return Ok(None);
    };
    let lines: Result<Vec<_>> = rows.iter().map(line).collect();
    let mut summary = bare(id, first.start_time);
    summary.players = lines?;
    let is_radiant = summary.players[0].slot.side() == Side::Radiant;
    summary.radiant_win = match first.won {
        Won::Unknown => None,
        Won::Yes => Some(is_radiant),
        Won::No => Some(!is_radiant),
    };
    Ok(Some(KnownMatch {
        table: MatchPlayerRow::TABLE,
        source: String::new(),
        version: first.version,
        summary,
    }))
}

fn line(row: &MatchPlayerRow) -> Result<PlayerLine> {
    Ok(PlayerLine {
        slot: Slot::try_new(row.slot).map_err(nonsense)?,
        account_id: AccountId::try_new(row.account_id).ok(),
        hero_id: Some(read_hero(row.hero_id)?),
        kills: Some(row.kills),
        deaths: Some(row.deaths),
        assists: Some(row.assists),
        last_hits: row.last_hits,
        denies: row.denies,
        gold_per_min: row.gold_per_min,
        xp_per_min: row.xp_per_min,
        level: row.level,
        net_worth: row.net_worth,
        hero_damage: row.hero_damage,
        tower_damage: row.tower_damage,
        hero_healing: row.hero_healing,
        leaver_status: row.leaver_status,
        items: row.items.clone(),
        lane: None,
        position: None,
    })
}

/// Where all players were, as one row.
fn positions(id: MatchId, rows: &[MatchPositionRow]) -> Result<Option<KnownMatch>> {
    let Some(first) = rows.first() else {
        return Ok(None);
    };
    let lines = rows.iter().map(|row| {
        Ok(PlayerLine {
            lane: Some(row.lane),
            position: Some(Position::try_new(row.position).map_err(nonsense)?),
            ..PlayerLine::new(Slot::try_new(row.slot).map_err(nonsense)?)
        })
    });
    let lines: Result<Vec<_>> = lines.collect();
    Ok(Some(KnownMatch {
        table: MatchPositionRow::TABLE,
        source: String::new(),
        version: first.version,
        summary: MatchSummary {
            players: lines?,
            ..bare(id, first.start_time)
        },
    }))
}
