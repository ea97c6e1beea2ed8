//! What is looked at again and again: room, lateness, and whether all adds up.

use health_kit::HealthStatus;
use tokio::time::{Duration, Instant, interval};

use super::{Backlog, limits::WATCH_INTERVAL, state::State};

/// What the topic brings, it brings sooner: what waits for longer is worth a word.
const FOLLOWED_WITHIN: Duration = Duration::from_mins(1);

impl Backlog {
    pub(super) async fn watch_for_ever(&self) {
        let mut interval = interval(WATCH_INTERVAL);
        loop {
            interval.tick().await;
            self.watch();
        }
    }

    fn watch(&self) {
        let room = self.journal.figures().room;
        let (is_late, is_full, is_news, reason) = {
            let mut state = self.lock();
            let was_safe = !state.is_late() && !state.is_journal_full();
            state.measure(room);
            state.judge_lateness(Instant::now());
            let (is_late, is_full) = (state.is_late(), state.is_journal_full());
            // Under the lock, so that nothing can change in between.
            self.ledger.recount(state.population());
            let is_news = was_safe == (is_late || is_full);
            (is_late, is_full, is_news, how_much_waits(&state))
        };
        // Whoever waits looks again: there may be room in the journal.
        self.room.notify_waiters();
        if is_late {
            self.condition.set(
                HealthStatus::Unhealthy,
                "feeds are not read: neither Kafka nor the journal has taken what was received \
                 more than a second ago, see the checks kafka and journal",
            );
        } else if is_full {
            self.condition.set(
                HealthStatus::Unhealthy,
                "feeds are not read: Kafka takes less than comes, or the instance that is active \
                 publishes less, and the journal has no room for more, see the checks kafka and \
                 journal",
            );
        } else {
            self.condition.set(HealthStatus::Healthy, reason);
        }
        if is_news && (is_late || is_full) {
            tracing::warn!("feeds are not read until what was received is safe");
        } else if is_news {
            tracing::info!("feeds are read again: what was received is safe");
        }
    }
}

/// What is pending although all is well.
fn how_much_waits(state: &State) -> String {
    if state.is_standing_by() {
        let waiting = state.population();
        let oldest = state.oldest_in_memory().map(|at| at.elapsed());
        return match oldest {
            Some(age) if age > FOLLOWED_WITHIN => format!(
                "standing by: {waiting} matches wait that the active instance has not published, \
                 the oldest of those in memory for {} s; this one publishes them when it is active",
                age.as_secs()
            ),
            _ if state.spilled_count() > 0 => format!(
                "standing by: {waiting} matches wait, most of them in the journal; those that the \
                 active instance publishes are let go"
            ),
            _ => {
                "standing by: what is received is let go when the active instance has published it"
                    .to_owned()
            }
        };
    }
    match state.spilled_count() {
        0 => "what is pending fits into memory".to_owned(),
        count => format!("{count} matches wait in the journal for their turn"),
    }
}
