//! What a run is told by its environment.

use std::{
    env,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

/// Kills in each run of the tests: each of the three is killed twice at least,
/// and an instance once while the engine is away.
const KILLS_DEFAULT: usize = 8;
/// CI repeats the same schedule each time.
const SEED_DEFAULT: u64 = 8;
/// Lies between two kills; a run of the tests tells some, so that the mode stays alive.
const LIES_DEFAULT: u32 = 1;

pub(super) struct Options {
    /// `ETL_KILLS`: so many processes are killed.
    pub(super) kills: usize,
    /// `ETL_SEED`: the same seed gives the same schedule.
    pub(super) seed: u64,
    /// `ETL_LIES`: so many requests to the warehouse, between two kills, are
    /// not answered as they should be; and one match is refused for good.
    pub(super) lies: u32,
    /// `ETL_REPORT`: where the report goes; the services' logs go beside it.
    pub(super) report: PathBuf,
}

impl Options {
    /// # Errors
    /// A variable that cannot be understood.
    pub(super) fn from_environment() -> Result<Self> {
        let report = env::var_os("ETL_REPORT").map_or_else(report_default, PathBuf::from);
        Ok(Self {
            kills: variable("ETL_KILLS")?.unwrap_or(KILLS_DEFAULT),
            seed: variable("ETL_SEED")?.unwrap_or(SEED_DEFAULT),
            lies: variable("ETL_LIES")?.unwrap_or(LIES_DEFAULT),
            report: std::path::absolute(report)?,
        })
    }

    /// The folder of the report, where logs are kept.
    pub(super) fn folder(&self) -> &Path {
        self.report.parent().unwrap_or(Path::new("."))
    }
}

fn variable<T>(name: &str) -> Result<Option<T>>
where
    T: std::str::FromStr,
    T::Err: std::error::Error + Send + Sync + 'static,
{
    env::var(name)
        .ok()
        .map(|text| text.parse().with_context(|| format!("{name}={text}")))
        .transpose()
}

/// `target/chaos-etl/report.md`.
fn report_default() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent();
    target
        .unwrap_or(Path::new("target"))
        .join("chaos-etl/report.md")
}
