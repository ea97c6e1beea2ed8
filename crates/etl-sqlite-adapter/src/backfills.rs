//! How far backfills are.

use async_trait::async_trait;
use contracts::warehouse::BackfillState as Code;
use etl_application::backfill::BackfillId;
use etl_application::backfill::{Backfill, BackfillState};
use etl_application::ports::{BackfillStore, StoreError, WarehouseError};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use crate::SqliteWarehouse;
use crate::error::nonsense;

const SET_DOWN: &str = "\
    INSERT INTO backfills (id, origin, state, position, records, version) \
    VALUES ($1, $2, $3, $4, $5, $6) \
    ON CONFLICT (id) DO UPDATE SET origin = excluded.origin, state = excluded.state, \
        position = excluded.position, records = excluded.records, version = excluded.version \
    WHERE excluded.version > backfills.version";

const ONE: &str = "SELECT * FROM backfills WHERE id = $1";
/// The texts of ids sort as their numbers do.
const NEWEST: &str = "SELECT * FROM backfills ORDER BY id DESC LIMIT $1";
const RUNNING: &str = "SELECT * FROM backfills WHERE state = $2 ORDER BY id DESC LIMIT $1";

#[async_trait]
impl BackfillStore for SqliteWarehouse {
    async fn set_down(&self, backfill: &Backfill) -> Result<(), StoreError> {
        let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let set_down = async {
            let mut change = self.change().await?;
            sqlx::query(SET_DOWN)
                .bind(backfill.id.to_string())
                .bind(&*backfill.origin)
                .bind(code_of(backfill.state).code())
                .bind(&*backfill.position)
                .bind(number(backfill.records))
                .bind(number(backfill.version))
                .execute(&mut *change)
                .await?;
            change.commit().await
        };
        set_down.await.map_err(|error| self.not_stored(&error))
    }

    async fn backfill(&self, id: BackfillId) -> Result<Option<Backfill>, WarehouseError> {
        self.answer(async {
            let one = sqlx::query(ONE).bind(id.to_string());
            let row = one.fetch_optional(self.readers()).await?;
            row.as_ref().map(read).transpose()
        })
        .await
    }

    async fn backfills(&self, count_max: usize) -> Result<Vec<Backfill>, WarehouseError> {
        self.answer(async {
            let newest = sqlx::query(NEWEST).bind(limit(count_max));
            let rows = newest.fetch_all(self.readers()).await?;
            rows.iter().map(read).collect()
        })
        .await
    }

    async fn running_backfills(&self, count_max: usize) -> Result<Vec<Backfill>, WarehouseError> {
        self.answer(async {
            let running = sqlx::query(RUNNING)
                .bind(limit(count_max))
                .bind(Code::Running.code());
            let rows = running.fetch_all(self.readers()).await?;
            rows.iter().map(read).collect()
        })
        .await
    }
}

fn limit(count_max: usize) -> i64 {
    i64::try_from(count_max).unwrap_or(i64::MAX)
}

fn read(row: &SqliteRow) -> Result<Backfill, sqlx::Error> {
    let id: String = row.try_get("id")?;
    let code: i8 = row.try_get("state")?;
    let number = |column: &str| {
        let number: i64 = row.try_get(column)?;
        u64::try_from(number).map_err(nonsense)
    };
    Ok(Backfill {
        id: id.parse().map_err(nonsense)?,
        origin: row.try_get("origin")?,
        state: state_of(Code::try_from(code).map_err(nonsense)?),
        position: row.try_get("position")?,
        records: number("records")?,
        version: number("version")?,
    })
}

fn code_of(state: BackfillState) -> Code {
    match state {
        BackfillState::Running => Code::Running,
        BackfillState::Finished => Code::Finished,
        BackfillState::Cancelled => Code::Cancelled,
        BackfillState::Failed => Code::Failed,
    }
}

fn state_of(code: Code) -> BackfillState {
    match code {
        Code::Running => BackfillState::Running,
        Code::Finished => BackfillState::Finished,
        Code::Cancelled => BackfillState::Cancelled,
        Code::Failed => BackfillState::Failed,
    }
}
