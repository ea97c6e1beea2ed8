//! The server, as this crate speaks to it.

use std::ops::Range;
use std::time::Duration;

use async_trait::async_trait;
use clickhouse::{Client, Compression, query::Query};
use domain::{CountingRules, Day, Timestamp};
use model_application::MatchSums;
use model_application::ports::{
    CounterReader, DayBuild, DayToRead, DraftSeen, PatchCounts, ReadError, Trial,
};
use tokio::time::timeout;

/// What the server is given less than we wait, so that it gives up first and says why.
const PATIENCE: Duration = Duration::from_secs(5);
/// Bytes of a statement: some carry thousands of match ids, days or accounts.
const STATEMENT_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Rows of an answer: 36 cells with every pair of 500 heroes.
const RESULT_ROWS_MAX: u64 = 5_000_000;

/// How long the server may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// For a look at a few rows.
    pub answer: Duration,
    /// For a statement that sums days, or goes through the matches of one.
    pub read: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            answer: Duration::from_secs(30),
            read: Duration::from_mins(5),
        }
    }
}

/// Reads the warehouse on a ClickHouse server.
pub struct ClickHouseReader {
    client: Client,
    limits: Limits,
}

impl ClickHouseReader {
    /// Speaks through a client, in the database that it names. Connects when it is
    /// asked something.
    #[must_use]
    pub fn new(client: Client, limits: Limits) -> Self {
        let client = client
            .with_compression(Compression::Lz4)
            // A match that was dated anew has rows in two months.
            .with_setting("do_not_merge_across_partitions_select_final", "0")
            .with_setting("max_query_size", STATEMENT_BYTES_MAX.to_string())
            .with_setting("max_result_rows", RESULT_ROWS_MAX.to_string());
        Self { client, limits }
    }

    pub(crate) fn database(&self) -> &str {
        self.client.database().unwrap_or("default")
    }

    pub(crate) const fn limits(&self) -> Limits {
        self.limits
    }

    /// In a database that every server has, for ours may not be there yet.
    pub(crate) fn outside(&self) -> Client {
        self.client.clone().with_database("default")
    }

    /// A statement that the server gives up after a time.
    pub(crate) fn ask(&self, statement: &str, limit: Duration) -> Query {
        let query = self.client.query(statement);
        query.with_setting("max_execution_time", limit.as_secs().max(1).to_string())
    }

    /// Waits a little longer than the server has.
    pub(crate) async fn within<T>(
        &self,
        limit: Duration,
        asked: impl Future<Output = clickhouse::error::Result<T>>,
    ) -> Result<T, ReadError> {
        let answer = match timeout(limit + PATIENCE, asked).await {
            Ok(answer) => answer,
            Err(_) => Err(clickhouse::error::Error::TimedOut),
        };
        answer.map_err(|error| self.not_read(&error))
    }
}

#[async_trait]
impl CounterReader for ClickHouseReader {
    async fn day_builds(&self, from: Day, to: Day) -> Result<Vec<DayBuild>, ReadError> {
        self.builds(from, to).await
    }

    async fn newest_day(&self) -> Result<Option<Day>, ReadError> {
        self.newest().await
    }

    async fn counts(&self, patch: &str, days: &[DayToRead]) -> Result<PatchCounts, ReadError> {
        self.sum(patch, days).await
    }

    async fn drafts(
        &self,
        days: &[Day],
        during: Range<Timestamp>,
        rules: &CountingRules,
        each: &mut (dyn FnMut(DraftSeen) + Send),
    ) -> Result<MatchSums, ReadError> {
        self.drafts_of(days, during, rules, each).await
    }

    async fn check(&self) -> Result<Trial, ReadError> {
        self.trial().await
    }
}
