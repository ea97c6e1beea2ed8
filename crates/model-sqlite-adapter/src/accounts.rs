//! Games of accounts.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use async_trait::async_trait;
use domain::{AccountId, CountingRules, Slot, Timestamp};
use futures_util::TryStreamExt;
use model_application::MatchSums;
use model_application::ports::{AccountGame, AccountReader, ReadError};
use sqlx::{FromRow as _, Row, SqliteConnection, sqlite::SqliteRow};

use crate::SqliteReader;
use crate::drafts::judge;
use crate::error::nonsense;
use crate::reader::READ_TIMEOUT;
use crate::values::{MATCH, MatchRow, first_second, read_hero, read_match};

/// The index is of players who show themselves, and is taken for these only.
static GAMES: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT {MATCH}, p.slot AS slot, p.hero_id AS hero_id \
         FROM match_players AS p CROSS JOIN matches AS m ON m.match_id = p.match_id \
         WHERE p.account_id = $1 AND p.account_id <> 0 AND m.start_time >= $2 \
         ORDER BY p.match_id"
    )
});

const MOST_ACTIVE: &str = "\
    SELECT account_id FROM match_players WHERE account_id <> 0 AND start_time >= $1 \
    GROUP BY account_id ORDER BY count(*) DESC, account_id LIMIT $2";

#[async_trait]
impl AccountReader for SqliteReader {
    async fn account_games(
        &self,
        accounts: &[AccountId],
        since: Timestamp,
        rules: &CountingRules,
        each: &mut (dyn FnMut(AccountGame) + Send),
    ) -> Result<MatchSums, ReadError> {
        self.within(READ_TIMEOUT, async {
            let mut snapshot = self.snapshot().await?;
            let accounts: BTreeSet<_> = accounts.iter().copied().collect();
            let mut sums = MatchSums::default();
            for account in accounts {
                let read = read_games(&mut snapshot, account, since, rules, &mut sums, each);
                read.await.map_err(|error| self.not_read(&error))?;
            }
            Ok(sums)
        })
        .await
    }

    async fn most_active(
        &self,
        since: Timestamp,
        count_max: usize,
    ) -> Result<Vec<AccountId>, ReadError> {
        self.within(READ_TIMEOUT, async {
            let mut snapshot = self.snapshot().await?;
            let accounts = sqlx::query_scalar::<_, u32>(MOST_ACTIVE)
                .bind(first_second(since))
                .bind(i64::try_from(count_max).unwrap_or(i64::MAX))
                .fetch_all(&mut *snapshot)
                .await;
            let accounts = accounts.and_then(|accounts| {
                let accounts = accounts.into_iter().map(AccountId::try_new);
                accounts.collect::<Result<_, _>>().map_err(nonsense)
            });
            accounts.map_err(|error| self.not_read(&error))
        })
        .await
    }
}

async fn read_games(
    snapshot: &mut SqliteConnection,
    account: AccountId,
    since: Timestamp,
    rules: &CountingRules,
    sums: &mut MatchSums,
    each: &mut (dyn FnMut(AccountGame) + Send),
) -> Result<(), sqlx::Error> {
    let statement: &'static str = &GAMES;
    let mut rows = sqlx::query(statement)
        .bind(account.get())
        .bind(first_second(since))
        .fetch(snapshot);
    while let Some(row) = rows.try_next().await? {
        let game = read_game(&row, account, rules)?;
        sums.add(game.err());
        if let Ok(game) = game {
            each(game);
        }
    }
    Ok(())
}

fn read_game(
    row: &SqliteRow,
    account: AccountId,
    rules: &CountingRules,
) -> Result<Result<AccountGame, &'static str>, sqlx::Error> {
    let played = read_match(MatchRow::from_row(row)?)?;
    let slot = Slot::try_new(row.try_get("slot")?).map_err(nonsense)?;
    let hero = read_hero(row.try_get::<u16, _>("hero_id")?)?;
    let start_time = played.core.start_time;
    let seen = judge(&played, rules);
    Ok(seen.and_then(|seen| AccountGame::of(account, start_time, (slot.side(), hero), &seen)))
}
