//! Statements that write many rows at once.

use contracts::warehouse::TableRow;
use sqlx::sqlite::{Sqlite, SqliteArguments};
use sqlx::{Arguments as _, AssertSqlSafe, Encode, SqliteConnection, Type};

/// Rows in one statement: beyond, there is nothing to gain.
const ROWS: usize = 64;

/// A statement that writes rows of a table.
pub(crate) struct Insert {
    beginning: String,
    row: String,
    end: String,
    /// The whole of it for [`ROWS`] rows, which the connection keeps prepared.
    many: String,
}

impl Insert {
    /// Rows are new.
    pub(crate) fn plain<R: TableRow>() -> Self {
        Self::new::<R>(String::new())
    }

    /// Of rows with the same key the one with the highest version stays.
    /// `more` is set as well whenever a row is replaced.
    pub(crate) fn newest<R: TableRow>(key: &[&str], more: &[&str]) -> Self {
        let others = R::COLUMNS.iter().filter(|column| !key.contains(column));
        let set: Vec<_> = others
            .chain(more)
            .map(|column| format!("{column} = excluded.{column}"))
            .collect();
        let (key, set, table) = (key.join(", "), set.join(", "), R::TABLE);
        Self::new::<R>(format!(
            " ON CONFLICT ({key}) DO UPDATE SET {set} WHERE excluded.version > {table}.version"
        ))
    }

    fn new<R: TableRow>(end: String) -> Self {
        let columns = R::COLUMNS.join(", ");
        let mut insert = Self {
            beginning: format!("INSERT INTO {} ({columns}) VALUES ", R::TABLE),
            row: format!("({})", vec!["?"; R::COLUMNS.len()].join(", ")),
            end,
            many: String::new(),
        };
        insert.many = insert.of(ROWS);
        insert
    }

    fn of(&self, rows: usize) -> String {
        let rows = vec![self.row.as_str(); rows].join(", ");
        format!("{}{rows}{}", self.beginning, self.end)
    }
}

/// The values of a row, in the order of its columns.
#[derive(Default)]
pub(crate) struct Values(SqliteArguments);

impl Values {
    pub(crate) fn put<'t>(&mut self, value: impl Encode<'t, Sqlite> + Type<Sqlite>) -> &mut Self {
        let put = self.0.add(value);
        put.expect("numbers and texts are never refused");
        self
    }
}

/// Rows on their way into a table.
pub(crate) struct Rows {
    insert: &'static Insert,
    values: Values,
    count: usize,
}

impl Rows {
    pub(crate) fn into(insert: &'static Insert) -> Self {
        Self {
            insert,
            values: Values::default(),
            count: 0,
        }
    }

    /// Takes a row, and writes those that have gathered when they are enough.
    pub(crate) async fn add(
        &mut self,
        connection: &mut SqliteConnection,
        fill: impl FnOnce(&mut Values),
    ) -> Result<(), sqlx::Error> {
        fill(&mut self.values);
        self.count += 1;
        if self.count < ROWS {
            return Ok(());
        }
        self.count = 0;
        let values = std::mem::take(&mut self.values);
        let statement: &'static str = &self.insert.many;
        sqlx::query_with(statement, values.0)
            .execute(connection)
            .await?;
        Ok(())
    }

    /// Writes those that are left.
    pub(crate) async fn finish(self, connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        if self.count == 0 {
            return Ok(());
        }
        // Names of tables and columns, and question marks: nothing that anybody said.
        let statement = AssertSqlSafe(self.insert.of(self.count));
        sqlx::query_with(statement, self.values.0)
            .persistent(false)
            .execute(connection)
            .await?;
        Ok(())
    }
}
