//! Tries what is needed of the server.

use std::collections::{BTreeMap, BTreeSet};

use contracts::warehouse::{
    DayBuildRow, HeroDayRow, MatchPlayerRow, MatchRankRow, MatchRow, PairDayRow, PlayerMatchRow,
    TableRow,
};
use domain::Timestamp;
use model_application::ports::{ReadError, Trial};

use crate::ClickHouseReader;
use crate::error::MIGRATE;

/// What is read, with the columns that the contract has for it.
const TABLES: [(&str, &[&str]); 7] = [
    (DayBuildRow::TABLE, DayBuildRow::COLUMNS),
    (HeroDayRow::TABLE, HeroDayRow::COLUMNS),
    (PairDayRow::TABLE, PairDayRow::COLUMNS),
    (MatchRow::TABLE, MatchRow::COLUMNS),
    (MatchRankRow::TABLE, MatchRankRow::COLUMNS),
    (MatchPlayerRow::TABLE, MatchPlayerRow::COLUMNS),
    (PlayerMatchRow::TABLE, PlayerMatchRow::COLUMNS),
];

const VERSION: &str = "SELECT version()";
const CLOCK: &str = "SELECT toUnixTimestamp64Milli(now64(3))";
/// Who may not read a table does not see its columns either.
const COLUMNS: &str = "\
SELECT table, name FROM system.columns WHERE database = ? AND table IN ? LIMIT 1000";

impl ClickHouseReader {
    pub(crate) async fn trial(&self) -> Result<Trial, ReadError> {
        let limit = self.limits().answer;
        // Where every server answers, so that a wrong user is told from a missing table.
        let outside = self.outside();
        let version = outside.query(VERSION).fetch_one::<String>();
        let version = self.within(limit, version).await?;
        let missing = self.missing().await?;
        let database = self.database();
        if !missing.is_empty() {
            let missing = missing.join(", ");
            let detail = format!(
                "database {database} has no {missing} that this user may see; {MIGRATE}, or give \
                 the user the right to read it"
            );
            return Err(ReadError::Unfit { detail });
        }
        for (table, columns) in TABLES {
            let columns = columns.join(", ");
            let nothing = format!("SELECT {columns} FROM {table} LIMIT 0");
            let tried = self.ask(&nothing, limit).execute();
            self.within(limit, tried).await?;
        }
        let newest_day = self.newest().await?;
        let now = outside.query(CLOCK).fetch_one::<i64>();
        Ok(Trial {
            place: format!("database {database} of ClickHouse {version}"),
            newest_day,
            now: Timestamp::from_unix_ms(self.within(limit, now).await?),
        })
    }

    /// Tables, and columns of tables that are there.
    async fn missing(&self) -> Result<Vec<String>, ReadError> {
        let limit = self.limits().answer;
        let tables = TABLES.map(|(table, _)| table);
        let asked = self.ask(COLUMNS, limit);
        let asked = asked.bind(self.database()).bind(tables.as_slice());
        let rows = self.within(limit, asked.fetch_all::<(String, String)>());
        let mut there: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (table, column) in rows.await? {
            there.entry(table).or_default().insert(column);
        }
        let missing = TABLES
            .iter()
            .flat_map(|(table, columns)| match there.get(*table) {
                None => vec![format!("table {table}")],
                Some(there) => {
                    let absent = columns.iter().filter(|column| !there.contains(**column));
                    absent
                        .map(|column| format!("column {table}.{column}"))
                        .collect()
                }
            });
        Ok(missing.collect())
    }
}
