//! Storing what answers say.
//!
//! There is no transaction over tables, and none is needed: any part of a batch
//! may be there, and the whole batch again changes nothing. Only one thing is
//! forgotten by storing, the day that a match was on before its start was
//! corrected. So the days that earlier rows name are looked up before the rows
//! go in, and those that a match leaves are marked at once: if this process
//! dies before it marks what it has stored, then whoever repeats the batch may
//! find that the server has merged the earlier rows away. They are looked up
//! once more afterwards, for another instance may have stored an earlier answer
//! in between. Both times also rows that are replaced already are seen, as long
//! as they are there: a day too many costs a build, one too few costs the truth.
//!
//! What is left: a day that is built between its mark and the insert, by a
//! process that then dies before it marks again, with the earlier rows merged
//! away before the batch is repeated. All three have to meet; `verify` finds
//! such a day, and `rebuild` mends it.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use clickhouse::error::Result;
use contracts::warehouse::{
    MatchPlayerRow, MatchPositionRow, MatchRankRow, MatchRow, MatchSourceRow, PlayerMatchRow,
    TableRow, Won,
};
use domain::{AccountId, Day, HeroId, Match, Team};
use etl_application::ports::{FactStore, StoreError};
use etl_application::{AccountFact, Answer, Facts, PlayerFact, Rank};
use serde::Serialize;
use tokio::time::Instant;

use crate::ClickHouseWarehouse;
use crate::marks::{day_of, number_of};
use crate::row::Of;

/// Match ids in one statement.
pub(crate) const IDS_MAX: usize = 10_000;

/// Days that rows name for matches which answers date differently. Only the
/// tables that say on which day a match counts are asked.
const OTHER_DAYS: &str = "\
SELECT DISTINCT toUInt16(toDate(start_time)) AS day FROM ( \
    SELECT match_id, start_time FROM matches WHERE match_id IN ? \
    UNION ALL SELECT match_id, start_time FROM match_sources WHERE match_id IN ?) \
WHERE day != transform(match_id, CAST(? AS Array(UInt64)), CAST(? AS Array(UInt16)), toUInt16(0))";

#[async_trait]
impl FactStore for ClickHouseWarehouse {
    async fn store(&self, answers: &[Answer]) -> Result<BTreeSet<Day>, StoreError> {
        let mut days = BTreeSet::new();
        let mut facts = Vec::with_capacity(answers.len());
        for answer in answers {
            let fact = Fact::of(answer)?;
            days.insert(fact.facts.day());
            facts.push(fact);
        }
        if facts.is_empty() {
            return Ok(days);
        }
        let named = Named::by(&facts);
        let stored = async {
            let before = self.other_days(&named).await?;
            self.mark(&before).await?;
            days.extend(before);
            self.insert_facts(&facts).await?;
            days.extend(self.other_days(&named).await?);
            Ok(days)
        };
        let stored: Result<_> = stored.await;
        match stored.map_err(|error| self.not_stored(&error)) {
            Err(error @ StoreError::Schema { .. }) => {
                // Tables may be made anew while this runs; they are then looked at again.
                self.client().clear_cached_metadata().await;
                Err(error)
            }
            stored => stored,
        }
    }

    async fn mark_dirty(&self, days: &BTreeSet<Day>) -> Result<(), StoreError> {
        self.mark(days)
            .await
            .map_err(|error| self.not_marked(&error))
    }
}

impl ClickHouseWarehouse {
    async fn insert_facts(&self, facts: &[Fact<'_>]) -> Result<()> {
        let players = facts.iter().flat_map(Fact::players);
        self.insert(players.collect()).await?;
        let accounts = facts.iter().flat_map(Fact::accounts);
        self.insert(accounts.collect()).await?;
        let positions = facts.iter().flat_map(Fact::positions);
        self.insert(positions.collect()).await?;
        let ranks = facts.iter().filter_map(Fact::rank);
        self.insert(ranks.collect()).await?;
        self.insert(facts.iter().map(Fact::rest).collect()).await?;
        let cores = facts.iter().filter_map(Fact::core);
        self.insert(cores.collect()).await
    }

    /// Stores rows of a table in one go: it is all there before the first is
    /// sent, so that no server waits for us in the middle.
    pub(crate) async fn insert<R: TableRow + Serialize + Send + Sync + 'static>(
        &self,
        rows: Vec<R>,
    ) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let inserted = async {
            let mut insert = self.client().insert::<Of<R>>(R::TABLE).await?;
            for row in rows {
                insert.write(&Of(row)).await?;
            }
            insert.end().await
        };
        let begun = Instant::now();
        self.within(self.insert_timeout(), inserted).await?;
        if let Some(status) = self.told.get() {
            status.inserted(R::TABLE, begun.elapsed());
        }
        Ok(())
    }

    async fn other_days(&self, named: &Named) -> Result<BTreeSet<Day>> {
        let mut days = BTreeSet::new();
        let limit = self.query_timeout();
        let chunks = named.ids.chunks(IDS_MAX).zip(named.days.chunks(IDS_MAX));
        for (ids, on) in chunks {
            let asked = self.limited(OTHER_DAYS, limit);
            let asked = asked.bind(ids).bind(ids).bind(ids).bind(on);
            let others = self.within(limit, asked.fetch_all::<u16>()).await?;
            days.extend(others.into_iter().map(day_of));
        }
        Ok(days)
    }
}

/// On which day answers say that matches are: ids, and a day for each.
struct Named {
    ids: Vec<u64>,
    days: Vec<u16>,
}

impl Named {
    fn by(facts: &[Fact<'_>]) -> Self {
        /// A day that no match is on: of a match on which answers disagree, all
        /// days are others.
        const NONE: u16 = 0;
        let mut named = BTreeMap::new();
        for fact in facts {
            let day = number_of(fact.facts.day()).unwrap_or(NONE);
            let known = named.entry(fact.match_id).or_insert(day);
            if *known != day {
                *known = NONE;
            }
        }
        let (ids, days) = named.into_iter().unzip();
        Self { ids, days }
    }
}

/// The facts of an answer whose numbers the tables can hold.
struct Fact<'a> {
    facts: Facts<'a>,
    match_id: u64,
    start_time: u32,
}

impl<'a> Fact<'a> {
    fn of(answer: &'a Answer) -> Result<Self, StoreError> {
        let summary = &answer.summary;
        let start_time = u32::try_from(summary.start_time.unix_seconds());
        Ok(Self {
            facts: Facts::of(answer),
            match_id: summary.match_id.get().cast_unsigned(),
            start_time: start_time.map_err(|_| StoreError::Refused {
                detail: format!("the start of match {} is too large", summary.match_id),
            })?,
        })
    }

    fn source(&self) -> String {
        self.facts.answer.source.to_string()
    }

    fn version(&self) -> u64 {
        self.facts.answer.version
    }

    fn core(&self) -> Option<MatchRow> {
        let core: &Match = self.facts.core.as_ref()?;
        Some(MatchRow {
            match_id: self.match_id,
            start_time: self.start_time,
            duration: core.duration_seconds,
            radiant_win: core.radiant_win,
            lobby_type: core.lobby_type,
            game_mode: core.game_mode,
            radiant: slots(core.radiant),
            dire: slots(core.dire),
            source: self.source(),
            version: self.version(),
        })
    }

    fn rest(&self) -> MatchSourceRow {
        let summary = &self.facts.answer.summary;
        MatchSourceRow {
            match_id: self.match_id,
            source: self.source(),
            start_time: self.start_time,
            match_seq_num: summary.match_seq_num,
            cluster: summary.cluster,
            league_id: summary.league_id,
            human_players: summary.human_players,
            version: self.version(),
        }
    }

    fn rank(&self) -> Option<MatchRankRow> {
        let Rank {
            avg_rank_tier,
            num_rank_tier,
        } = self.facts.rank?;
        Some(MatchRankRow {
            match_id: self.match_id,
            start_time: self.start_time,
            avg_rank_tier,
            num_rank_tier,
            source: self.source(),
            version: self.version(),
        })
    }

    fn players(&self) -> impl Iterator<Item = MatchPlayerRow> {
        let players = self.facts.players.iter().flatten();
        players.map(|player| self.player(player))
    }

    fn player(&self, player: &PlayerFact<'_>) -> MatchPlayerRow {
        let line = player.line;
        MatchPlayerRow {
            match_id: self.match_id,
            slot: player.slot.get(),
            start_time: self.start_time,
            account_id: line.account_id.map_or(0, AccountId::get),
            hero_id: player.hero.get(),
            won: Won::from(player.won),
            kills: player.kills,
            deaths: player.deaths,
            assists: player.assists,
            last_hits: line.last_hits,
            denies: line.denies,
            gold_per_min: line.gold_per_min,
            xp_per_min: line.xp_per_min,
            level: line.level,
            net_worth: line.net_worth,
            hero_damage: line.hero_damage,
            tower_damage: line.tower_damage,
            hero_healing: line.hero_healing,
            leaver_status: line.leaver_status,
            items: line.items.clone(),
            version: self.version(),
        }
    }

    fn positions(&self) -> impl Iterator<Item = MatchPositionRow> {
        let positions = self.facts.positions.iter().flatten();
        positions.map(|fact| MatchPositionRow {
            match_id: self.match_id,
            slot: fact.slot.get(),
            start_time: self.start_time,
            lane: fact.lane,
            position: fact.position.get(),
            version: self.version(),
        })
    }

    fn accounts(&self) -> impl Iterator<Item = PlayerMatchRow> {
        self.facts.accounts().map(|account| self.account(&account))
    }

    fn account(&self, account: &AccountFact<'_>) -> PlayerMatchRow {
        let player = account.player;
        PlayerMatchRow {
            account_id: account.account_id.get(),
            match_id: self.match_id,
            start_time: self.start_time,
            slot: player.slot.get(),
            hero_id: player.hero.get(),
            won: Won::from(player.won),
            game_mode: account.game_mode,
            lobby_type: account.lobby_type,
            kills: player.kills,
            deaths: player.deaths,
            assists: player.assists,
            duration: account.duration_seconds,
            version: self.version(),
        }
    }
}

fn slots(heroes: [Option<HeroId>; Team::SLOTS]) -> Vec<u16> {
    heroes.map(|hero| hero.map_or(0, HeroId::get)).into()
}
