//! Tries what is needed of the file.

use std::collections::BTreeSet;

use contracts::warehouse::{
    DayBuildRow, HeroDayRow, MatchPlayerRow, MatchRankRow, MatchRow, PairDayRow, TableRow,
};
use model_application::ports::{ReadError, Trial};
use sqlx::SqliteConnection;

use crate::SqliteReader;
use crate::builds::newest;
use crate::reader::ANSWER_TIMEOUT;

/// What is read, with the columns that the contract has for it.
const TABLES: [(&str, &[&str]); 6] = [
    (DayBuildRow::TABLE, DayBuildRow::COLUMNS),
    (HeroDayRow::TABLE, HeroDayRow::COLUMNS),
    (PairDayRow::TABLE, PairDayRow::COLUMNS),
    (MatchRow::TABLE, MatchRow::COLUMNS),
    (MatchRankRow::TABLE, MatchRankRow::COLUMNS),
    (MatchPlayerRow::TABLE, MatchPlayerRow::COLUMNS),
];

const COLUMNS: &str = "SELECT name FROM pragma_table_info($1)";

impl SqliteReader {
    pub(crate) async fn trial(&self) -> Result<Trial, ReadError> {
        self.within(ANSWER_TIMEOUT, async {
            let mut snapshot = self.snapshot().await?;
            let missing = missing(&mut snapshot).await;
            let missing = missing.map_err(|error| self.not_read(&error))?;
            let path = self.path().display();
            if !missing.is_empty() {
                let missing = missing.join(", ");
                let detail = format!(
                    "{path} has no {missing}: move it away, and etl-service makes a whole one"
                );
                return Err(ReadError::Unfit { detail });
            }
            let newest = newest(&mut snapshot).await;
            Ok(Trial {
                place: format!("the file {path}"),
                newest_day: newest.map_err(|error| self.not_read(&error))?,
                now: self.clock().now(),
            })
        })
        .await
    }
}

/// Tables, and columns of tables that are there.
async fn missing(snapshot: &mut SqliteConnection) -> Result<Vec<String>, sqlx::Error> {
    let mut missing = Vec::new();
    for (table, columns) in TABLES {
        let there: Vec<String> = sqlx::query_scalar(COLUMNS)
            .bind(table)
            .fetch_all(&mut *snapshot)
            .await?;
        let there: BTreeSet<_> = there.iter().map(String::as_str).collect();
        if there.is_empty() {
            missing.push(format!("table {table}"));
            continue;
        }
        let absent = columns.iter().filter(|column| !there.contains(*column));
        missing.extend(absent.map(|column| format!("column {table}.{column}")));
    }
    Ok(missing)
}
