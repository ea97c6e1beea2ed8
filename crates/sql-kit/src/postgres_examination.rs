//! What commands ask of a database, and what they say of it: for `doctor` and `migrate` of every service.

use health_kit::Clock;
use service_kit::exit_code::ExitCode;
use sqlx::PgConnection;

use crate::{
    CallError, Migrate, MigrateError, PostgresDatabase, PostgresSchema,
    postgres_health::judge_version,
};

/// Tables that this user may not read and write; none if all is as it should be.
const CLOSED_TABLES: &str = "SELECT string_agg(tablename, ', ' ORDER BY tablename) FROM pg_tables \
    WHERE schemaname = $1 AND NOT (has_schema_privilege($1, 'USAGE') \
    AND has_table_privilege(format('%I.%I', schemaname, tablename), 'SELECT') \
    AND has_table_privilege(format('%I.%I', schemaname, tablename), 'INSERT') \
    AND has_table_privilege(format('%I.%I', schemaname, tablename), 'UPDATE') \
    AND has_table_privilege(format('%I.%I', schemaname, tablename), 'DELETE'))";

impl PostgresDatabase {
    /// Whether the server lets this user in, and is new enough; says what it is.
    ///
    /// # Errors
    /// What is wrong, and what to do about it.
    pub async fn examine_server(&self) -> Result<String, String> {
        let version = self.server_version().await;
        let version = judge_version(version.map_err(|error| error.to_string())?)?;
        Ok(format!("{}: PostgreSQL {version} answers", self.place()))
    }

    /// Whether tables are as this program needs them, and open to this user; says which version they have.
    ///
    /// # Errors
    /// What is wrong, and what to do about it.
    pub async fn examine_tables(&self, schema: PostgresSchema) -> Result<String, String> {
        let name = schema.name;
        let closed = async |connection: &mut PgConnection| {
            let closed = sqlx::query_scalar(CLOSED_TABLES).bind(name);
            closed.fetch_one(connection).await
        };
        let closed: Result<Option<String>, CallError> = self.call(closed).await;
        if let Some(closed) = closed.map_err(|error| error.to_string())? {
            return Err(format!(
                "the user of DATABASE_URL has not every right on {closed} in the schema {name}; GRANT SELECT, \
                 INSERT, UPDATE, DELETE there, and USAGE of the schema"
            ));
        }
        let looked = self.migrate(schema, Migrate::Refuse).await;
        looked.map_err(|error| error.to_string())?;
        Ok(format!("{name} has version {}", schema.steps.version()))
    }

    /// How far the server's clock is ahead of this one, in milliseconds.
    ///
    /// # Errors
    /// It does not say.
    pub async fn examine_clock(&self, clock: &dyn Clock) -> Result<i64, String> {
        let now = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint";
        let asked = async |connection: &mut PgConnection| {
            let now = sqlx::query_scalar::<_, i64>(now);
            now.fetch_one(connection).await
        };
        let theirs = self.call(asked).await.map_err(|error| error.to_string())?;
        Ok(theirs.saturating_sub(clock.now().as_unix_ms()))
    }

    /// Brings tables up to date, or only looks whether they are: what a command is to say, and end with.
    pub async fn migrate_command(
        &self,
        schema: PostgresSchema,
        only_look: bool,
    ) -> (ExitCode, String) {
        let how = if only_look {
            Migrate::Refuse
        } else {
            Migrate::Auto
        };
        let name = schema.name;
        let known = schema.steps.version();
        match self.migrate(schema, how).await {
            Ok(()) => (
                ExitCode::Ok,
                format!("{name} has version {known}, which is needed"),
            ),
            Err(error @ MigrateError::Newer { .. }) => (ExitCode::Config, error.to_string()),
            Err(error) => (ExitCode::Unavailable, error.to_string()),
        }
    }

    /// As the server writes it: 180003 for 18.3.
    pub(crate) async fn server_version(&self) -> Result<i32, CallError> {
        let version = "SELECT current_setting('server_version_num')::int";
        self.call(async |connection| sqlx::query_scalar(version).fetch_one(connection).await)
            .await
    }
}
