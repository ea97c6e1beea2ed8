//! Whoever steals a database.

use anyhow::Result;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

/// Every row of every table and view of a schema, as text: bytes are written in hexadecimal.
///
/// # Errors
/// The database does not answer.
pub async fn dump(url: &str, schema: &str) -> Result<String> {
    let mut connection = PgConnection::connect(url).await?;
    let tables = "SELECT table_name::text FROM information_schema.tables WHERE table_schema = $1";
    let tables: Vec<String> = sqlx::query_scalar(tables)
        .bind(schema)
        .fetch_all(&mut connection)
        .await?;
    let mut dump = String::new();
    for table in tables {
        let rows = format!("SELECT it::text FROM {schema}.{table} it");
        let rows: Vec<String> = sqlx::query_scalar(AssertSqlSafe(rows))
            .fetch_all(&mut connection)
            .await?;
        dump.push_str(&rows.join("\n"));
        dump.push('\n');
    }
    Ok(dump)
}
