//! How far backfills are.

use async_trait::async_trait;
use clickhouse::query::Query;
use contracts::warehouse::{BackfillRow, BackfillState as Code};
use etl_application::backfill::{Backfill, BackfillId, BackfillState};
use etl_application::ports::{BackfillStore, StoreError, WarehouseError};

use crate::ClickHouseWarehouse;
use crate::row::Of;

const ONE: &str = "SELECT ?fields FROM backfills FINAL WHERE id = toUUID(?)";
/// A server compares the second half of ids first, texts by their beginning.
const NEWEST: &str = "SELECT ?fields FROM backfills FINAL ORDER BY toString(id) DESC LIMIT ?";
const RUNNING: &str = "\
SELECT ?fields FROM backfills FINAL WHERE state = 'running' ORDER BY toString(id) DESC LIMIT ?";

#[async_trait]
impl BackfillStore for ClickHouseWarehouse {
    async fn set_down(&self, backfill: &Backfill) -> Result<(), StoreError> {
        let inserted = self.insert(vec![row(backfill)]).await;
        inserted.map_err(|error| self.not_marked(&error))
    }

    async fn backfill(&self, id: BackfillId) -> Result<Option<Backfill>, WarehouseError> {
        let one = self.rows(self.ask(ONE).bind(id.to_string())).await?;
        Ok(one.into_iter().next())
    }

    async fn backfills(&self, count_max: usize) -> Result<Vec<Backfill>, WarehouseError> {
        self.rows(self.ask(NEWEST).bind(count_max)).await
    }

    async fn running_backfills(&self, count_max: usize) -> Result<Vec<Backfill>, WarehouseError> {
        self.rows(self.ask(RUNNING).bind(count_max)).await
    }
}

impl ClickHouseWarehouse {
    async fn rows(&self, asked: Query) -> Result<Vec<Backfill>, WarehouseError> {
        let rows: Vec<Of<BackfillRow>> = self.answer(asked.fetch_all()).await?;
        Ok(rows.into_iter().map(|Of(row)| backfill(row)).collect())
    }
}

/// An id stands in a row as its two halves.
const HALF_BITS: u32 = 64;

fn row(backfill: &Backfill) -> BackfillRow {
    let id = backfill.id.as_u128();
    let second = id & u128::from(u64::MAX);
    let half = |bits: u128| u64::try_from(bits).expect("it has 64 bits");
    BackfillRow {
        id: (half(id >> HALF_BITS), half(second)),
        origin: backfill.origin.clone(),
        state: match backfill.state {
            BackfillState::Running => Code::Running,
            BackfillState::Finished => Code::Finished,
            BackfillState::Cancelled => Code::Cancelled,
            BackfillState::Failed => Code::Failed,
        },
        position: backfill.position.clone(),
        records: backfill.records,
        version: backfill.version,
    }
}

fn backfill(row: BackfillRow) -> Backfill {
    let (first, second) = row.id;
    Backfill {
        id: BackfillId::from_u128(u128::from(first) << HALF_BITS | u128::from(second)),
        origin: row.origin,
        state: match row.state {
            Code::Running => BackfillState::Running,
            Code::Finished => BackfillState::Finished,
            Code::Cancelled => BackfillState::Cancelled,
            Code::Failed => BackfillState::Failed,
        },
        position: row.position,
        records: row.records,
        version: row.version,
    }
}
