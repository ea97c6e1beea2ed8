//! The checks of a database that a service keeps what it keeps in.

use std::{pin::Pin, time::Duration};

use super::{Checklist, judge_clocks};

/// A trial: what it found, or what is wrong and what to do about it.
pub type Trial<'a, T> = Pin<Box<dyn Future<Output = Result<T, String>> + 'a>>;

/// What is tried of a database.
pub struct DatabaseChecks<'a> {
    /// Whether it lets us in.
    pub server: Trial<'a, String>,
    /// Whether its tables are as they should be, and open to us.
    pub tables: Trial<'a, String>,
    /// How far its clock is ahead of ours, in milliseconds.
    pub clock: Trial<'a, i64>,
}

impl Checklist {
    /// Tries a database, each part for at most `time_max`; whether it can be used. Where nobody is let in, the rest is
    /// skipped.
    pub async fn check_database(&mut self, time_max: Duration, checks: DatabaseChecks<'_>) -> bool {
        if !self.check("database", time_max, checks.server).await {
            for name in ["database.tables", "database.clock"] {
                self.skip(name, "the database cannot be used");
            }
            return false;
        }
        let is_usable = self.check("database.tables", time_max, checks.tables).await;
        let clock = async { judge_clocks(checks.clock.await?) };
        self.check("database.clock", time_max, clock).await;
        is_usable
    }
}
