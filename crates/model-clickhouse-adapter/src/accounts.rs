//! Games of accounts.

use std::collections::BTreeSet;

use async_trait::async_trait;
use clickhouse::Row;
use domain::{AccountId, CountingRules, HeroId, Slot, Timestamp};
use model_application::MatchSums;
use model_application::ports::{AccountGame, AccountReader, ReadError};
use serde::Deserialize;

use crate::ClickHouseReader;
use crate::error::nonsense;
use crate::facts::{COLUMNS, MatchRow, first_second, matches};

/// Accounts in one statement: enough to be fast, few enough for the server.
const PAGE_ACCOUNTS: usize = 100;

/// Rows stand in the order of accounts, so one account after another is counted.
const MOST_ACTIVE: &str = "\
SELECT account_id FROM player_matches FINAL WHERE start_time >= materialize(?) \
GROUP BY account_id ORDER BY count() DESC, account_id LIMIT ? \
SETTINGS optimize_aggregation_in_order = 1";

#[derive(Row, Deserialize)]
struct GameRow {
    account_id: u32,
    slot: u8,
    hero_id: u16,
    match_id: u64,
    started: u32,
    duration: u32,
    radiant_win: bool,
    lobby_type: u8,
    game_mode: u8,
    radiant: Vec<u16>,
    dire: Vec<u16>,
    rank: u8,
    worst: u8,
}

#[async_trait]
impl AccountReader for ClickHouseReader {
    async fn account_games(
        &self,
        accounts: &[AccountId],
        since: Timestamp,
        rules: &CountingRules,
        each: &mut (dyn FnMut(AccountGame) + Send),
    ) -> Result<MatchSums, ReadError> {
        let accounts: BTreeSet<_> = accounts.iter().map(|account| account.get()).collect();
        let accounts: Vec<_> = accounts.into_iter().collect();
        let mut sums = MatchSums::default();
        for page in accounts.chunks(PAGE_ACCOUNTS) {
            self.games_of(page, since, rules, &mut sums, each).await?;
        }
        Ok(sums)
    }

    async fn most_active(
        &self,
        since: Timestamp,
        count_max: usize,
    ) -> Result<Vec<AccountId>, ReadError> {
        if count_max == 0 {
            return Ok(Vec::new());
        }
        let limit = self.limits().read;
        let asked = self.ask(MOST_ACTIVE, limit);
        let asked = asked.bind(first_second(since)).bind(count_max);
        let accounts = self.within(limit, asked.fetch_all::<u32>()).await?;
        let accounts = accounts.into_iter().map(AccountId::try_new);
        let accounts = accounts.collect::<Result<_, _>>().map_err(nonsense);
        accounts.map_err(|error| self.not_read(&error))
    }
}

impl ClickHouseReader {
    async fn games_of(
        &self,
        accounts: &[u32],
        since: Timestamp,
        rules: &CountingRules,
        sums: &mut MatchSums,
        each: &mut (dyn FnMut(AccountGame) + Send),
    ) -> Result<(), ReadError> {
        let accounts: Vec<_> = accounts.iter().map(u32::to_string).collect();
        let accounts = accounts.join(",");
        let since = first_second(since);
        let ids = format!("SELECT match_id FROM player_matches WHERE account_id IN ({accounts})");
        let matches = matches(&ids);
        let statement = format!(
            "SELECT a.account_id AS account_id, a.slot AS slot, a.hero_id AS hero_id, {COLUMNS} \
             FROM {matches} INNER JOIN (SELECT account_id, slot, hero_id, match_id \
                 FROM player_matches FINAL WHERE account_id IN ({accounts})) AS a \
                 ON a.match_id = m.match_id \
             WHERE toUnixTimestamp(m.start_time) >= materialize({since}) \
             ORDER BY account_id, match_id"
        );
        let limit = self.limits().read;
        let asked = self.ask(&statement, limit);
        let read = async {
            let mut rows = asked.fetch::<GameRow>()?;
            while let Some(row) = rows.next().await? {
                let account = AccountId::try_new(row.account_id).map_err(nonsense)?;
                let slot = Slot::try_new(row.slot).map_err(nonsense)?;
                let hero = HeroId::try_new(row.hero_id).map_err(nonsense)?;
                let played = MatchRow::from(row);
                let start_time = played.start_time();
                let seen = played.judge(rules)?;
                let game = seen.and_then(|seen| {
                    AccountGame::of(account, start_time, (slot.side(), hero), &seen)
                });
                sums.add(game.err());
                if let Ok(game) = game {
                    each(game);
                }
            }
            Ok(())
        };
        self.within(limit, read).await
    }
}

impl From<GameRow> for MatchRow {
    fn from(row: GameRow) -> Self {
        Self {
            match_id: row.match_id,
            started: row.started,
            duration: row.duration,
            radiant_win: row.radiant_win,
            lobby_type: row.lobby_type,
            game_mode: row.game_mode,
            radiant: row.radiant,
            dire: row.dire,
            rank: row.rank,
            worst: row.worst,
        }
    }
}
