//! Rows of the contract, as the client takes them.

use clickhouse::_priv::RowKind;
use clickhouse::Row;
use contracts::warehouse::TableRow;
use serde::{Deserialize, Serialize};

/// A row of the contract. Neither the row nor the client's trait is ours here,
/// so they meet in this; its columns are those of the row.
#[derive(Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Of<R>(pub(crate) R);

// The parts that the client's derive would write; it takes no wrapper.
impl<R: TableRow> Row for Of<R> {
    const NAME: &'static str = R::TABLE;
    const COLUMN_NAMES: &'static [&'static str] = R::COLUMNS;
    const COLUMN_COUNT: usize = R::COLUMNS.len();
    const KIND: RowKind = RowKind::Struct;

    type Value<'a> = Self;
}
