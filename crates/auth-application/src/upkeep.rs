//! What happens by itself.

use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::auth::{Auth, warn_of};

/// How often keys are looked after: several times within the shortest time that a key is published ahead.
const KEYS_EVERY: Duration = Duration::from_secs(20);
/// How soon after it failed.
const AGAIN_AFTER: Duration = Duration::from_secs(2);
/// How often what is over is forgotten.
const PRUNE_EVERY: Duration = Duration::from_mins(1);
/// How many of each kind are forgotten at a time: a few milliseconds of a database's time.
const PRUNE_COUNT: u32 = 1_000;
/// How many times in a row: whatever is left waits for the next turn.
const PRUNE_TURNS_MAX: u32 = 60;

impl Auth {
    /// Looks after the keys, and forgets what is over, until it is told to stop.
    pub async fn look_after_itself(&self, stop: &CancellationToken) {
        tokio::join!(
            stop.run_until_cancelled(self.look_after_keys()),
            stop.run_until_cancelled(self.forget_again_and_again()),
        );
    }

    async fn look_after_keys(&self) {
        loop {
            let looked = self.ring.look_after().await;
            sleep(if looked.is_ok() {
                KEYS_EVERY
            } else {
                AGAIN_AFTER
            })
            .await;
        }
    }

    async fn forget_again_and_again(&self) {
        loop {
            sleep(PRUNE_EVERY).await;
            self.forget().await;
        }
    }

    /// Forgets what is over, as far as there is time for it now.
    pub async fn forget(&self) {
        for _ in 0..PRUNE_TURNS_MAX {
            let life = self.settings.session_life;
            let pruned = self
                .stores
                .housekeeping
                .prune(self.clock.now(), life, PRUNE_COUNT);
            match pruned.await {
                Ok(pruned) if pruned.most() < u64::from(PRUNE_COUNT) => return,
                Ok(_) => {}
                Err(error) => return warn_of(&error, "what is over cannot be forgotten"),
            }
        }
    }
}
