//! While another instance publishes: what it has published is let go of here.
//!
//! Feeds that tell everybody at the same time are read all the while, as what
//! they tell is not told again: otherwise a take-over would lose the matches of
//! its seconds. What is pending stays in memory and in the journal, within the
//! same limits, until the topic has it or it is this instance's turn.

use tokio::time::{Duration, Instant, sleep};

use super::{
    Backlog, BacklogError,
    limits::{READ_BATCH, RETRY_PAUSE, SUMMARIES_RESTORED},
};

/// Between two looks through the journal …
const SIFT_PAUSE_MIN: Duration = Duration::from_secs(1);
/// … of which each may take a part of the time, one in so many …
const SIFT_SHARE: u32 = 20;
/// … but it is looked so often at least: a dedup window is longer than that.
const SIFT_PAUSE_MAX: Duration = Duration::from_mins(10);

/// What an instance does of what several share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It publishes.
    Active,
    /// It follows what another one publishes, and takes over when that is gone.
    Standby,
}

impl Role {
    /// The word used in answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Standby => "standby",
        }
    }
}

/// A look through what is in the journal alone, piece by piece.
struct Sifting {
    from: u64,
    begun: Instant,
    next_at: Instant,
}

impl Backlog {
    /// What this instance does.
    #[must_use]
    pub fn role(&self) -> Role {
        *self.role.borrow()
    }

    /// Another instance has taken over: nothing is published here any more, so
    /// there is nothing to wait for at the end.
    pub fn give_way(&self) {
        self.lock().give_way();
        self.role.send_replace(Role::Standby);
        self.room.notify_waiters();
    }

    /// Waits until it is this instance that publishes.
    pub(crate) async fn turn(&self) {
        let mut role = self.role.subscribe();
        let waited = role.wait_for(|role| *role == Role::Active).await;
        waited.expect("the sender lives as long as this");
    }

    /// Follows what is published until it is this instance's turn.
    pub(super) async fn stand_by(&self) -> Result<(), BacklogError> {
        let window_size = self.settings.dedup_window_size;
        let summaries_max = if self.settings.has_summaries {
            window_size.min(SUMMARIES_RESTORED)
        } else {
            0
        };
        let mut sifting = Sifting::begin();
        loop {
            let followed = self.publisher.followed(window_size, summaries_max).await?;
            let Some(told) = followed else { break };
            self.lock().follow(&told, &self.ledger);
            drop(told);
            self.room.notify_waiters();
            self.sift(&mut sifting).await;
        }
        self.lock().take_over();
        self.role.send_replace(Role::Active);
        tracing::info!("this instance is active from here on");
        Ok(())
    }

    /// Looks through one piece of what is in the journal alone, if it is time to.
    async fn sift(&self, sifting: &mut Sifting) {
        if Instant::now() < sifting.next_at {
            return;
        }
        let from = self.lock().spilled_from(sifting.from);
        let next = match from {
            Some(from) => match self.journal.read(from, READ_BATCH).await {
                Ok(entries) => self.lock().sift(entries, &self.ledger),
                Err(error) => {
                    tracing::error!("pending matches cannot be read from the journal: {error}");
                    sleep(RETRY_PAUSE).await;
                    return;
                }
            },
            None => None,
        };
        match next {
            Some(next) => sifting.from = next,
            None => sifting.end(),
        }
    }
}

impl Sifting {
    fn begin() -> Self {
        let now = Instant::now();
        Self {
            from: 0,
            begun: now,
            next_at: now,
        }
    }

    /// Begins anew after a pause.
    fn end(&mut self) {
        let now = Instant::now();
        let pause = (now - self.begun) * SIFT_SHARE;
        let pause = pause.clamp(SIFT_PAUSE_MIN, SIFT_PAUSE_MAX);
        *self = Self {
            from: 0,
            begun: now + pause,
            next_at: now + pause,
        };
    }
}
