//! The server, as this crate speaks to it.

use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use clickhouse::error::{Error, Result};
use clickhouse::query::Query;
use clickhouse::{Client, Compression};
use etl_application::{LoadStatus, ports::WarehouseError};
use tokio::time::{Instant, timeout};

use crate::TableOptions;

/// Rows of an answer that is not read one by one; more is somebody's mistake.
const RESULT_ROWS_MAX: usize = 200_000;
/// Bytes of a statement: some carry thousands of match ids.
const STATEMENT_BYTES_MAX: usize = 2 * 1024 * 1024;
/// What the server is given less than we wait, so that it gives up first and
/// says why.
const PATIENCE: Duration = Duration::from_secs(5);

/// How rows are packed on their way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum InsertCompression {
    /// Not at all.
    None,
    /// Quickly.
    #[default]
    Lz4,
    /// Smaller, for more time of the processor.
    Zstd,
}

/// How long things may take, and how tables are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WarehouseOptions {
    /// For the rows of one table.
    pub insert_timeout: Duration,
    /// For an answer that somebody waits for, and for a statement that changes a table.
    pub query_timeout: Duration,
    /// For each step of building or verifying a day.
    pub build_timeout: Duration,
    /// How rows are packed on their way.
    pub compression: InsertCompression,
    /// What `migrate` makes.
    pub tables: TableOptions,
}

impl Default for WarehouseOptions {
    fn default() -> Self {
        Self {
            insert_timeout: Duration::from_mins(1),
            query_timeout: Duration::from_secs(30),
            build_timeout: Duration::from_mins(10),
            compression: InsertCompression::default(),
            tables: TableOptions::default(),
        }
    }
}

/// The warehouse on a ClickHouse server.
pub struct ClickHouseWarehouse {
    client: Client,
    options: WarehouseOptions,
    /// When stages that others left behind were looked for last.
    pub(crate) swept: Mutex<Option<Instant>>,
    /// Who is told how long inserts take.
    pub(crate) told: OnceLock<Arc<LoadStatus>>,
}

impl ClickHouseWarehouse {
    /// Speaks through a client, in the database that it names. Connects when it
    /// is asked something.
    #[must_use]
    pub fn new(client: Client, options: WarehouseOptions) -> Self {
        let compression = match options.compression {
            InsertCompression::None => Compression::None,
            InsertCompression::Lz4 => Compression::Lz4,
            InsertCompression::Zstd => Compression::zstd(),
        };
        let client = client
            .with_compression(compression)
            // Answered when it is stored, and not stored twice: what servers
            // take for given has changed before.
            .with_setting("async_insert", "0")
            .with_setting("insert_deduplicate", "1")
            // A match that was dated anew has rows in two months.
            .with_setting("do_not_merge_across_partitions_select_final", "0")
            .with_setting("max_query_size", STATEMENT_BYTES_MAX.to_string());
        Self {
            client,
            options,
            swept: Mutex::new(None),
            told: OnceLock::new(),
        }
    }

    /// Tells from now on how long the inserts of each table take. The first one
    /// who is named stays the one.
    pub fn tell(&self, status: Arc<LoadStatus>) {
        let _ = self.told.set(status);
    }

    pub(crate) fn database(&self) -> &str {
        self.client.database().unwrap_or("default")
    }

    pub(crate) fn tables(&self) -> &TableOptions {
        &self.options.tables
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) fn insert_timeout(&self) -> Duration {
        self.options.insert_timeout
    }

    pub(crate) fn query_timeout(&self) -> Duration {
        self.options.query_timeout
    }

    pub(crate) fn build_timeout(&self) -> Duration {
        self.options.build_timeout
    }

    /// In a database that every server has, for ours may not be there yet.
    pub(crate) fn outside(&self) -> Client {
        self.client.clone().with_database("default")
    }

    /// A question that somebody waits for.
    pub(crate) fn ask(&self, statement: &str) -> Query {
        self.limited(statement, self.options.query_timeout)
            .with_setting("max_result_rows", RESULT_ROWS_MAX.to_string())
    }

    /// A statement that the server gives up after a time.
    pub(crate) fn limited(&self, statement: &str, limit: Duration) -> Query {
        let query = self.client.query(statement);
        query.with_setting("max_execution_time", limit.as_secs().max(1).to_string())
    }

    pub(crate) async fn answer<T>(
        &self,
        asked: impl Future<Output = Result<T>>,
    ) -> Result<T, WarehouseError> {
        let answer = self.within(self.options.query_timeout, asked).await;
        answer.map_err(|error| self.not_read(&error))
    }

    /// Waits a little longer than the server has.
    pub(crate) async fn within<T>(
        &self,
        limit: Duration,
        asked: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        match timeout(limit + PATIENCE, asked).await {
            Ok(answer) => answer,
            Err(_) => Err(Error::TimedOut),
        }
    }
}
