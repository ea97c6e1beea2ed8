//! Keeping the lock, or waiting for it.

use std::{sync::Arc, time::Duration};

use health_kit::Clock;
use tokio::{
    sync::watch,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;

use super::{RunsStatus, Standing};
use crate::ports::{LeaderLock, Leadership, PublishError};

/// A standby asks so often at least: it takes over within five seconds of the end of
/// the lock's life.
const ASK_EVERY_MAX: Duration = Duration::from_secs(3);
/// In a lock's life it is kept so often.
const RENEWALS: u32 = 3;

/// Takes the lock, keeps it, and takes it again when it was lost.
pub struct Leading {
    lock: Arc<dyn LeaderLock>,
    owner: String,
    life: Duration,
    status: Arc<RunsStatus>,
    clock: Arc<dyn Clock>,
    held: watch::Sender<Option<Leadership>>,
}

impl Leading {
    /// Has not asked yet. `owner` is nobody else's.
    #[must_use]
    pub fn new(
        lock: Arc<dyn LeaderLock>,
        owner: String,
        life: Duration,
        status: Arc<RunsStatus>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            lock,
            owner,
            life,
            status,
            clock,
            held: watch::Sender::new(None),
        }
    }

    /// The lock, while this instance has it.
    #[must_use]
    pub fn held(&self) -> watch::Receiver<Option<Leadership>> {
        self.held.subscribe()
    }

    /// Asks once; whether this instance has the lock now.
    ///
    /// # Errors
    /// Nobody can say who has it.
    pub async fn ask(&self) -> Result<bool, PublishError> {
        let taken = self.lock.take(&self.owner, self.life).await;
        match taken {
            Ok(Some(leadership)) => {
                self.status.stands(Standing::Leader {
                    epoch: leadership.epoch,
                    since: self.clock.now(),
                });
                self.held.send_replace(Some(leadership));
                Ok(true)
            }
            Ok(None) => {
                self.status.stands(match self.lock.leader().await {
                    Ok(leader) => Standing::Standby { leader },
                    Err(error) => Standing::Away {
                        reason: error.to_string(),
                    },
                });
                self.held.send_replace(None);
                Ok(false)
            }
            Err(error) => {
                let reason = error.to_string();
                self.status.stands(Standing::Away { reason });
                self.held.send_replace(None);
                Err(error)
            }
        }
    }

    /// Keeps the lock, or waits for it, until `end`; then lets go of it.
    pub async fn run(&self, end: CancellationToken) {
        let leading = async {
            loop {
                if matches!(self.ask().await, Ok(true)) {
                    self.keep().await;
                } else {
                    sleep((self.life / RENEWALS).min(ASK_EVERY_MAX)).await;
                }
            }
        };
        end.run_until_cancelled(leading).await;
        self.release().await;
    }

    /// Lets go of the lock, so that another need not wait.
    pub async fn release(&self) {
        let held = self.held.send_replace(None);
        if let Some(leadership) = held
            && let Err(error) = self.lock.release(&leadership).await
        {
            tracing::debug!(%error, "the lock ends by itself");
        }
    }

    /// Renews the lock until it is lost, or nobody has answered for its whole life.
    async fn keep(&self) {
        let Some(leadership) = self.held.borrow().clone() else {
            return;
        };
        let mut kept_at = Instant::now();
        loop {
            sleep(self.life / RENEWALS).await;
            let asked_at = Instant::now();
            match self.lock.renew(&leadership, self.life).await {
                Ok(true) => kept_at = asked_at,
                Ok(false) => {
                    tracing::warn!(epoch = leadership.epoch, "the lock was lost");
                    return;
                }
                Err(error) if kept_at.elapsed() < self.life => {
                    tracing::debug!(%error, "the lock was not renewed");
                }
                // It may be another's by now. Whether it is, is asked next.
                Err(_) => return,
            }
        }
    }
}
