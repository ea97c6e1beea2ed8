//! The register that everybody shares, kept in Kafka and shown in health.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use domain::Timestamp;
use health_kit::{Clock, Condition, HealthCheck, HealthReporter, HealthStatus};
use tokio::time::{Instant, interval};

use super::{
    GAPS,
    gap::{Gap, GapCause, GapState},
    register::Register,
    written::Written,
};
use crate::{
    Backlog, Checkpoint, Feed, SourceName,
    ports::{Coverage, DisconnectReason, PassedOver},
};

/// How often the register is looked at.
const WATCH_INTERVAL: Duration = Duration::from_secs(1);

/// When feeds were last heard is kept so often: that is how much too early a window
/// begins at most, if the process is killed.
const HEARD_KEPT_EVERY: Duration = Duration::from_secs(30);

/// All gaps, for those who find them, close them and show them.
pub struct Gaps {
    /// A `std` mutex: it is held for short, and never across an await.
    register: Mutex<Register>,
    clock: Arc<dyn Clock>,
    unkept: Mutex<Unkept>,
    condition: Condition,
}

/// What is not kept yet.
struct Unkept {
    /// A window was opened, has ended, or is closed or lost.
    has_changed: bool,
    /// What was kept last, and when.
    kept: String,
    kept_at: Instant,
}

/// All gaps at one moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct GapsSnapshot {
    /// Those that are open, being closed, closed lately or lost, the newest first.
    pub gaps: Vec<Gap>,
    /// Interruptions of which something was lost, ever.
    pub lost_total: u64,
}

impl Gaps {
    /// No gaps yet, of `feeds`. Those that cannot look back leave some, and those that
    /// say how far they have told everything close them; `known` are all feeds that
    /// may have left some.
    #[must_use]
    pub fn new(feeds: &[Feed], known: Vec<SourceName>, clock: Arc<dyn Clock>) -> Self {
        let sources = |is_wanted: fn(&Feed) -> bool| {
            let feeds = feeds.iter().filter(|feed| is_wanted(feed));
            feeds.map(Feed::source).collect()
        };
        let register = Register::new(
            known,
            sources(|feed| !feed.can_look_back()),
            sources(Feed::tells_in_order),
            clock.now(),
        );
        // Nobody need be told that there is nothing to tell.
        let nothing = register.written();
        Self {
            register: Mutex::new(register),
            unkept: Mutex::new(Unkept::of(nothing)),
            condition: Condition::new("gaps", HealthStatus::Healthy, NOT_KNOWN, Arc::clone(&clock)),
            clock,
        }
    }

    /// All of them, now.
    #[must_use]
    pub fn snapshot(&self) -> GapsSnapshot {
        let now = self.clock.now();
        let register = self.register();
        GapsSnapshot {
            gaps: register.list(now),
            lost_total: register.lost_total,
        }
    }

    // What feeds tell.

    pub(crate) fn heard(&self, source: SourceName, at: Timestamp) {
        let has_ended = self.register().heard(source, at);
        self.note(has_ended);
    }

    pub(crate) fn interrupted(&self, source: SourceName, reason: DisconnectReason) {
        let cause = GapCause::of(reason);
        let is_new = self.register().interrupted(source, cause);
        self.note(is_new);
    }

    pub(crate) fn covered(&self, source: SourceName, told: Coverage) {
        let now = self.clock.now();
        let is_news = self.register().covered(source, told, now);
        self.note(is_news);
    }

    pub(crate) fn passed_over(&self, source: SourceName, passed: PassedOver) {
        self.register().passed_over(source, passed);
        self.note(true);
    }

    // The work.

    /// Takes over what was kept, and keeps what changes, until it is dropped.
    pub(crate) async fn work(&self, backlog: &Backlog) {
        self.register().begin(self.clock.now());
        let kept = backlog.last_checkpoint(GAPS).await;
        self.load(kept.as_ref());
        let mut interval = interval(WATCH_INTERVAL);
        loop {
            interval.tick().await;
            let has_changed = self.register().tidy(self.clock.now());
            self.note(has_changed);
            self.keep(backlog, Unkept::is_due);
        }
    }

    /// Has kept what is not, as the feeds are read no more.
    pub(crate) fn keep_last(&self, backlog: &Backlog) {
        self.keep(backlog, |_| true);
    }

    fn load(&self, kept: Option<&Checkpoint>) {
        let now = self.clock.now();
        let mut register = self.register();
        let written = kept.map(|kept| Written::decode(kept.as_str(), &register.known, now));
        let written = match written.transpose() {
            Ok(written) => written,
            Err(error) => {
                tracing::error!(%error, "gaps that earlier processes have left are forgotten");
                None
            }
        };
        register.load(written.as_ref(), now);
        drop(register);
        if let Some(kept) = kept {
            lock(&self.unkept).kept = kept.to_string();
        }
        self.note(true);
    }

    fn keep(&self, backlog: &Backlog, is_due: impl Fn(&Unkept) -> bool) {
        let mut unkept = lock(&self.unkept);
        let register = self.register();
        if register.is_loaded() && is_due(&unkept) {
            let text = register.written();
            if text == unkept.kept {
                *unkept = Unkept::of(text);
                return;
            }
            let checkpoint = Checkpoint::try_new(text.as_str());
            backlog.note_checkpoint(GAPS, checkpoint.expect("it is cut to fit"));
            *unkept = Unkept::of(text);
        }
    }

    /// What has changed is kept soon.
    fn note(&self, has_changed: bool) {
        lock(&self.unkept).has_changed |= has_changed;
    }

    fn judge(&self) {
        let is_loaded = self.register().is_loaded();
        let reason = summary(&self.snapshot(), is_loaded);
        // A gap is no state of the service now: the feed's own check says that it
        // is not heard, and closing it takes hours while all is well.
        self.condition.set(HealthStatus::Healthy, reason);
    }

    fn register(&self) -> MutexGuard<'_, Register> {
        lock(&self.register)
    }
}

impl Unkept {
    fn of(kept: String) -> Self {
        Self {
            has_changed: false,
            kept,
            kept_at: Instant::now(),
        }
    }

    fn is_due(&self) -> bool {
        self.has_changed || self.kept_at.elapsed() >= HEARD_KEPT_EVERY
    }
}

impl HealthReporter for Gaps {
    fn checks(&self) -> Vec<HealthCheck> {
        self.judge();
        vec![self.condition.check()]
    }
}

const NOT_KNOWN: &str =
    "which gaps earlier processes have left is not known before Kafka has answered";

/// All gaps in a sentence.
fn summary(snapshot: &GapsSnapshot, is_loaded: bool) -> String {
    let count = |state| {
        let gaps = snapshot.gaps.iter();
        gaps.filter(|gap| gap.state == state).count()
    };
    let mut parts = Vec::new();
    for (state, words) in [
        (GapState::Open, "not ended: a feed is not heard"),
        (GapState::Repairing, "being closed"),
        (GapState::Lost, "lost"),
    ] {
        match count(state) {
            0 => {}
            1 => parts.push(format!("1 gap is {words}")),
            count => parts.push(format!("{count} gaps are {words}")),
        }
    }
    if !is_loaded {
        parts.push(NOT_KNOWN.to_owned());
    }
    if parts.is_empty() {
        return "there are no gaps to be closed".to_owned();
    }
    format!("{}; see /api/v1/ingestion/gaps", parts.join(", "))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Every update is whole before it can panic.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
