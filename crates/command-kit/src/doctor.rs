//! `doctor`: every dependency tried, one after the other, each told in a line
//! with what to do about it.
//!
//! What is tried is the service's; here is how it is told.

mod database;

use std::{
    fmt::Display,
    io::{Write as _, stdout},
    time::Duration,
};

use serde::Serialize;
use service_kit::{config::size_text, disk::Space, exit_code::ExitCode};
use tokio::time::{Instant, timeout};

pub use database::{DatabaseChecks, Trial};

/// Flags of `doctor`.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct DoctorArguments {
    /// One JSON object at the end, instead of a line for each check
    #[arg(long)]
    json: bool,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Outcome {
    Ok,
    Failed,
    Skipped,
}

/// A check that was made, or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Entry {
    name: String,
    outcome: Outcome,
    /// What was found; of a failure also what to do about it.
    detail: String,
    duration_ms: u64,
}

/// What came of work that may not be possible now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attempt {
    /// It works, and this was found.
    Found(String),
    /// It was not tried, and why.
    NotMade(String),
}

/// What has been tried so far. A check that fails keeps the next ones from
/// nothing: all that is wrong is told at once.
#[derive(Debug)]
pub struct Checklist {
    is_json: bool,
    entries: Vec<Entry>,
}

impl Checklist {
    /// Nothing has been tried yet.
    #[must_use]
    pub fn new(arguments: DoctorArguments) -> Self {
        Self {
            is_json: arguments.json,
            entries: Vec::new(),
        }
    }

    /// Tries something, and gives it up after `time_max`. The work says what it
    /// found, or what is wrong and what to do about it; that it works is returned.
    pub async fn check<E: Display>(
        &mut self,
        name: impl Into<String>,
        time_max: Duration,
        work: impl Future<Output = Result<String, E>>,
    ) -> bool {
        // In a box, because a future within another one takes its room twice.
        let work = Box::pin(async { work.await.map(Attempt::Found) });
        self.check_or_skip(name, time_max, work).await
    }

    /// The same for work that may turn out not to be possible now, of which
    /// nothing is wrong. Then it is skipped, and has not worked.
    pub async fn check_or_skip<E: Display>(
        &mut self,
        name: impl Into<String>,
        time_max: Duration,
        work: impl Future<Output = Result<Attempt, E>>,
    ) -> bool {
        let begun = Instant::now();
        let (outcome, detail) = match timeout(time_max, work).await {
            Ok(Ok(Attempt::Found(found))) => (Outcome::Ok, found),
            Ok(Ok(Attempt::NotMade(why))) => (Outcome::Skipped, why),
            Ok(Err(error)) => (Outcome::Failed, format!("{error:#}")),
            Err(_) => {
                let seconds = time_max.as_secs_f64();
                let detail = format!("no answer within {seconds} s; see whether it is overloaded");
                (Outcome::Failed, detail)
            }
        };
        let duration_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.enter(Entry {
            name: name.into(),
            outcome,
            detail,
            duration_ms,
        });
        outcome == Outcome::Ok
    }

    /// Says what is not tried, and why.
    pub fn skip(&mut self, name: impl Into<String>, why: impl Into<String>) {
        self.enter(Entry {
            name: name.into(),
            outcome: Outcome::Skipped,
            detail: why.into(),
            duration_ms: 0,
        });
    }

    /// Sums up; 69 if anything has failed.
    #[must_use]
    pub fn conclude(self) -> ExitCode {
        let failed = self.count(Outcome::Failed);
        let text = if self.is_json {
            self.as_json()
        } else {
            format!(
                "{} checks: {} ok, {failed} failed, {} skipped",
                self.entries.len(),
                self.count(Outcome::Ok),
                self.count(Outcome::Skipped)
            )
        };
        // Whoever closes the pipe has read enough.
        let _ = writeln!(stdout(), "{text}");
        match failed {
            0 => ExitCode::Ok,
            _ => ExitCode::Unavailable,
        }
    }

    fn count(&self, outcome: Outcome) -> usize {
        let entries = self.entries.iter();
        entries.filter(|entry| entry.outcome == outcome).count()
    }

    fn enter(&mut self, entry: Entry) {
        if !self.is_json {
            // Likewise.
            let _ = writeln!(stdout(), "{}", entry.line());
        }
        self.entries.push(entry);
    }

    fn as_json(&self) -> String {
        #[derive(Serialize)]
        struct Report<'a> {
            outcome: Outcome,
            checks: &'a [Entry],
        }
        let report = Report {
            outcome: match self.count(Outcome::Failed) {
                0 => Outcome::Ok,
                _ => Outcome::Failed,
            },
            checks: &self.entries,
        };
        serde_json::to_string(&report).expect("names and texts are JSON always")
    }
}

impl Entry {
    fn line(&self) -> String {
        let word = match self.outcome {
            Outcome::Ok => "ok",
            Outcome::Failed => "FAILED",
            Outcome::Skipped => "skipped",
        };
        format!("{word:<7}  {:<24}  {}", self.name, self.detail)
    }
}

/// With less room a disk is full soon.
const DISK_FREE_MIN_BYTES: u64 = 512 * 1024 * 1024;
/// What one clock marks, another judges the age of.
const CLOCKS_APART_MS_MAX: u64 = 5_000;

/// Whether a disk, which has this name, has room.
///
/// # Errors
/// It has less than 512 MiB; it says so.
pub fn judge_room(name: &str, Space { size, free }: Space) -> Result<String, String> {
    let room = format!("{name} has {} free of {}", size_text(free), size_text(size));
    if free < DISK_FREE_MIN_BYTES {
        let needed = size_text(DISK_FREE_MIN_BYTES);
        return Err(format!("{room}, less than {needed}; make room there"));
    }
    Ok(room)
}

/// Whether a server's clock goes with this machine's; how far it is ahead, in
/// milliseconds.
///
/// # Errors
/// They are more than five seconds apart; it says so.
pub fn judge_clocks(ahead_ms: i64) -> Result<String, String> {
    let apart = ahead_ms.unsigned_abs();
    let way = if ahead_ms < 0 { "behind" } else { "ahead of" };
    let found = format!("the server's clock is {apart} ms {way} this machine's");
    if apart > CLOCKS_APART_MS_MAX {
        return Err(format!(
            "{found}, more than {CLOCKS_APART_MS_MAX} ms; have both set by time servers (NTP)"
        ));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn tried() -> Checklist {
        let mut list = Checklist::new(DoctorArguments { json: true });
        let second = Duration::from_secs(1);
        let fine = async { Ok::<_, String>("2 brokers answer".to_owned()) };
        assert!(list.check("kafka", second, fine).await);
        list.skip("upstream", "none is named");
        list
    }

    #[tokio::test]
    async fn all_that_is_tried_is_told_whatever_came_before() {
        let mut list = tried().await;
        assert_eq!(
            list.as_json(),
            r#"{"outcome":"ok","checks":[{"name":"kafka","outcome":"ok","detail":"2 brokers answer","duration_ms":0},{"name":"upstream","outcome":"skipped","detail":"none is named","duration_ms":0}]}"#
        );
        let wrong = async { Err("no topic t; create it") };
        assert!(!list.check("topic.t", Duration::from_secs(1), wrong).await);
        let lines: Vec<_> = list.entries.iter().map(Entry::line).collect();
        assert_eq!(
            lines,
            [
                "ok       kafka                     2 brokers answer",
                "skipped  upstream                  none is named",
                "FAILED   topic.t                   no topic t; create it",
            ]
        );
        assert_eq!(list.conclude(), ExitCode::Unavailable);
    }

    #[tokio::test]
    async fn what_is_only_skipped_is_no_failure() {
        assert_eq!(tried().await.conclude(), ExitCode::Ok);
    }

    #[tokio::test(start_paused = true)]
    async fn what_does_not_answer_is_given_up() {
        let mut list = Checklist::new(DoctorArguments { json: true });
        let silent = std::future::pending::<Result<String, String>>();
        assert!(!list.check("clock", Duration::from_secs(3), silent).await);
        assert!(list.as_json().contains("no answer within 3 s"));
    }

    #[test]
    fn too_little_room_and_clocks_too_far_apart_are_wrong() {
        let room = |free| {
            judge_room(
                "the disk",
                Space {
                    size: 1 << 40,
                    free,
                },
            )
        };
        assert!(room(DISK_FREE_MIN_BYTES).is_ok());
        let full = room(DISK_FREE_MIN_BYTES - 1).expect_err("it is nearly full");
        assert!(full.contains("make room"), "{full}");
        for (ahead, expected) in [(5000, "5000 ms ahead of"), (-5000, "5000 ms behind")] {
            let fine = judge_clocks(ahead).expect("it is not too far");
            assert!(fine.contains(expected), "{fine}");
        }
        assert!(judge_clocks(5001).is_err() && judge_clocks(-5001).is_err());
    }
}
