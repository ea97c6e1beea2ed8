//! How the journal is, for those who ask.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use health_kit::{Clock, Condition, HealthCheck, HealthStatus};
use ingestion_application::ports::JournalError;
use tokio::time::Instant;

use crate::{settings::left_to_others, storage::Space};

/// A write that takes longer is told of: a disk takes milliseconds.
const WRITTEN_WITHIN: Duration = Duration::from_millis(500);
/// And for so long after it has ended: between two writes the disk is as it was.
const SLOW_TOLD_FOR: Duration = Duration::from_secs(10);

/// How often the room on the disk is looked at while nothing is written.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// The condition `journal`.
pub(crate) struct JournalHealth {
    condition: Condition,
    place: String,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Since when something is being written.
    writing_since: Option<Instant>,
    /// When the last write ended, and how long it took.
    last_write: Option<(Instant, Duration)>,
    /// Why nothing could be appended last.
    append_trouble: Option<JournalError>,
    /// Why nothing could be let go last.
    acknowledge_trouble: Option<JournalError>,
    /// The bytes it holds of those it may, when it should take no more.
    full: Option<(u64, u64)>,
    /// Why the disk is too small for what the journal may become.
    shortage: Option<String>,
    /// When the room on the disk was last looked at, and whether it still is.
    looked_at: Option<Instant>,
    is_looking: bool,
    /// Entries that are lost, and at how many places.
    lost: u64,
    damages: u64,
}

/// Ends a write, also one that is given up.
pub(crate) struct Writing<'a>(&'a JournalHealth);

impl JournalHealth {
    pub(crate) fn new(place: String, clock: Arc<dyn Clock>) -> Self {
        let reason = format!("nothing has been asked of the journal in {place} yet");
        Self {
            condition: Condition::new("journal", HealthStatus::Healthy, reason, clock),
            place,
            state: Mutex::default(),
        }
    }

    /// From now until the value is dropped something is written.
    pub(crate) fn begin_write(&self) -> Writing<'_> {
        self.lock().writing_since = Some(Instant::now());
        Writing(self)
    }

    /// Takes note of how an attempt to append has ended, and says so in the
    /// log if it is news.
    pub(crate) fn take_append(&self, result: &Result<(), JournalError>) {
        self.lock().append_trouble = result.as_ref().err().cloned();
        self.judge();
    }

    /// The same, of an attempt to acknowledge.
    pub(crate) fn take_acknowledge(&self, result: &Result<(), JournalError>) {
        self.lock().acknowledge_trouble = result.as_ref().err().cloned();
        self.judge();
    }

    /// Whether the last attempt to append found no room.
    pub(crate) fn is_full(&self) -> bool {
        matches!(self.lock().append_trouble, Some(JournalError::Full { .. }))
    }

    /// Takes note of whether it should take no more: of the bytes it holds
    /// then, and may.
    pub(crate) fn take_full(&self, full: Option<(u64, u64)>) {
        self.lock().full = full;
    }

    /// Whether it is time to look at the room on the disk, with one look at a
    /// time: a disk that hangs must not gather them.
    pub(crate) fn begin_look(&self) -> bool {
        let mut state = self.lock();
        let is_recent = |at: Instant| at.elapsed() < LOOK_EVERY;
        if state.is_looking || state.looked_at.is_some_and(is_recent) {
            return false;
        }
        state.is_looking = true;
        true
    }

    /// Ends a look, whatever it has shown.
    pub(crate) fn end_look(&self) {
        let mut state = self.lock();
        state.is_looking = false;
        state.looked_at = Some(Instant::now());
    }

    /// Takes note of the room on the disk, where the journal holds so many
    /// bytes of those it may.
    pub(crate) fn take_space(&self, disk: Space, held: u64, size_max: u64) {
        let left = left_to_others(disk);
        let available = disk.free.saturating_add(held);
        let is_short = available < size_max.saturating_add(left);
        self.lock().shortage = is_short.then(|| {
            let fitting = available.saturating_sub(left);
            format!(
                "the disk of the journal in {} is too small for an outage: JOURNAL_SIZE_MAX, \
                 {size_max} bytes, and {left} that are left to others are more than the \
                 {available} it has for both; make room there, or set JOURNAL_SIZE_MAX to \
                 {fitting} or less",
                self.place
            )
        });
    }

    /// Takes note of a place that could not be read, and of entries lost there.
    pub(crate) fn take_damage(&self, lost: u64) {
        let mut state = self.lock();
        state.damages += 1;
        state.lost = state.lost.saturating_add(lost);
    }

    /// The check, as it is now.
    pub(crate) fn check(&self) -> HealthCheck {
        self.judge();
        self.condition.check()
    }

    fn judge(&self) {
        let (status, reason) = self.assess();
        self.condition.set_and_log(status, reason);
    }

    fn assess(&self) -> (HealthStatus, String) {
        let (state, place) = (self.lock(), &self.place);
        let trouble = state.append_trouble.as_ref();
        if let Some(trouble) = trouble.or(state.acknowledge_trouble.as_ref()) {
            return (HealthStatus::Unhealthy, trouble.to_string());
        }
        if let Some((bytes, size_max)) = state.full {
            let reason = format!(
                "the journal in {place} is full: it holds {bytes} bytes, and the rest of \
                 JOURNAL_SIZE_MAX, {size_max} bytes, is for what has been received already; it \
                 drains when Kafka takes records again, or raise JOURNAL_SIZE_MAX"
            );
            return (HealthStatus::Unhealthy, reason);
        }
        let reasons: Vec<_> = [
            state.slowness(place),
            state.shortage.clone(),
            state.damage(place),
        ]
        .into_iter()
        .flatten()
        .collect();
        if reasons.is_empty() {
            let reason = format!("the journal in {place} is written and whole");
            (HealthStatus::Healthy, reason)
        } else {
            (HealthStatus::Degraded, reasons.join("; "))
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Every update leaves a whole state behind, so a panic elsewhere spoils nothing.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn slowness(&self, place: &str) -> Option<String> {
        let running = self.writing_since.map(|since| since.elapsed());
        let recent = self
            .last_write
            .filter(|(ended, _)| ended.elapsed() < SLOW_TOLD_FOR)
            .map(|(_, took)| took);
        let slowest = running.max(recent)?;
        (slowest > WRITTEN_WITHIN).then(|| {
            format!(
                "a write to the journal in {place} takes {} ms; check what else that disk is doing",
                slowest.as_millis()
            )
        })
    }

    fn damage(&self, place: &str) -> Option<String> {
        (self.damages > 0).then(|| {
            format!(
                "the journal in {place} was damaged: {} lost, in {} that the log names; \
                 check that disk",
                counted(self.lost, "entry", "entries"),
                counted(self.damages, "place", "places")
            )
        })
    }
}

fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        if let Some(since) = state.writing_since.take() {
            state.last_write = Some((Instant::now(), since.elapsed()));
        }
    }
}
