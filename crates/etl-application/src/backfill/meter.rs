//! How fast a backfill goes, and when it will have gone all the way.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::Timestamp;
use health_kit::{Clock, RecentCount};
use tokio::time::Instant;

use super::{Backfill, BackfillId, BackfillOwner, BackfillState, Progress};

/// What is known of a backfill.
#[derive(Debug, Clone, PartialEq)]
pub struct BackfillFigures {
    /// What it is called.
    pub id: BackfillId,
    /// Who loads it.
    pub owner: BackfillOwner,
    /// Where its records come from.
    pub origin: String,
    /// What became of it.
    pub state: BackfillState,
    /// Records loaded, those of earlier processes included.
    pub records: u64,
    /// Records that could not be loaded.
    pub invalid: u64,
    /// Calls to an upstream that it took, 0 where nobody is called.
    pub calls: u64,
    /// How much of the range is done, from 0 to 1, if it is known.
    pub done: Option<f64>,
    /// How fast it goes; none of one that does not run in this process.
    pub records_per_second: Option<f64>,
    /// When the end is to be expected, if it goes on like this.
    pub ends_at: Option<Timestamp>,
}

impl BackfillFigures {
    /// What the row of a backfill says, wherever that runs.
    #[must_use]
    pub fn of(backfill: &Backfill) -> Self {
        Self::with(backfill, &super::progress_of(backfill))
    }

    fn with(backfill: &Backfill, progress: &Progress) -> Self {
        Self {
            id: backfill.id,
            owner: progress.owner,
            origin: backfill.origin.clone(),
            state: backfill.state,
            records: backfill.records,
            invalid: progress.invalid,
            calls: progress.calls,
            done: progress.done,
            records_per_second: None,
            ends_at: None,
        }
    }
}

/// Measures a backfill while it runs.
pub struct BackfillMeter {
    clock: Arc<dyn Clock>,
    begun: Instant,
    /// How much was done when this process took it up.
    done_before: f64,
    measured: Mutex<Measured>,
}

struct Measured {
    backfill: Backfill,
    progress: Progress,
    records: RecentCount,
}

impl BackfillMeter {
    /// Begins to measure.
    #[must_use]
    pub fn new(backfill: Backfill, clock: Arc<dyn Clock>) -> Self {
        let progress = super::progress_of(&backfill);
        Self {
            clock,
            begun: Instant::now(),
            done_before: progress.done.unwrap_or(0.0),
            measured: Mutex::new(Measured {
                backfill,
                progress,
                records: RecentCount::new(),
            }),
        }
    }

    /// So far it is.
    pub fn reached(&self, backfill: &Backfill, progress: &Progress) {
        let mut measured = self.measured.lock().unwrap_or_else(PoisonError::into_inner);
        let more = backfill.records.saturating_sub(measured.backfill.records);
        measured.records.add(more, Instant::now());
        measured.backfill = backfill.clone();
        measured.progress = progress.clone();
    }

    /// What is known now.
    #[must_use]
    pub fn figures(&self) -> BackfillFigures {
        let mut measured = self.measured.lock().unwrap_or_else(PoisonError::into_inner);
        let of_row = BackfillFigures::with(&measured.backfill, &measured.progress);
        BackfillFigures {
            records_per_second: Some(measured.records.per_second(Instant::now())),
            ends_at: of_row.done.and_then(|done| self.ends_at(done)),
            ..of_row
        }
    }

    /// What is left takes as long in proportion as what this process has done.
    fn ends_at(&self, done: f64) -> Option<Timestamp> {
        let share = done - self.done_before;
        let left = self.begun.elapsed().as_secs_f64() * (1.0 - done) / share;
        let left = Duration::try_from_secs_f64(left).ok()?;
        let left_ms = i64::try_from(left.as_millis()).ok()?;
        let now_ms = self.clock.now().as_unix_ms();
        (share > 0.0).then(|| Timestamp::from_unix_ms(now_ms.saturating_add(left_ms)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Stopped;

    impl Clock for Stopped {
        fn now(&self) -> Timestamp {
            Timestamp::from_unix_ms(1_000_000)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_is_expected_at_the_pace_of_this_process() {
        let mut backfill = Backfill {
            id: BackfillId::new(Timestamp::from_unix_ms(1)),
            origin: "--file -".to_owned(),
            state: BackfillState::Running,
            position: "done=0.5 at=x".to_owned(),
            records: 1000,
            version: 1,
        };
        let meter = BackfillMeter::new(backfill.clone(), Arc::new(Stopped));
        assert_eq!(meter.figures().ends_at, None, "nothing is done here yet");
        tokio::time::advance(Duration::from_secs(4)).await;
        backfill.records = 1400;
        let mut progress = Progress {
            done: Some(0.6),
            ..Progress::default()
        };
        meter.reached(&backfill, &progress);
        let figures = meter.figures();
        assert_eq!((figures.records, figures.done), (1400, Some(0.6)));
        let rate = figures.records_per_second;
        assert!(
            rate.is_some_and(|rate| (rate - 100.0).abs() < 1.0),
            "{figures:?}"
        );
        let ends_ms = figures.ends_at.map(Timestamp::as_unix_ms);
        assert!(
            ends_ms.is_some_and(|ms| (ms - 1_016_000).abs() < 10),
            "{figures:?}"
        );
        progress.done = None;
        meter.reached(&backfill, &progress);
        assert_eq!(meter.figures().ends_at, None);
    }
}
