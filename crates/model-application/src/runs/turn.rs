//! One thing at a time.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

use crate::ports::RunId;

/// Who may do something.
#[derive(Debug, Default)]
pub(super) struct Turns {
    taken: Arc<Mutex<Option<Taken>>>,
}

#[derive(Debug)]
struct Taken {
    run: RunId,
    cancel: CancellationToken,
}

/// The right to do something with runs. There is one; dropping it lets the next have it.
#[derive(Debug)]
pub struct Turn {
    taken: Arc<Mutex<Option<Taken>>>,
    cancel: CancellationToken,
}

impl Turn {
    /// Cancelled when nobody wants any more what is done.
    #[must_use]
    pub fn cancelled(&self) -> &CancellationToken {
        &self.cancel
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        *lock(&self.taken) = None;
    }
}

impl Turns {
    /// The turn, for something with this run; or the run with which something is done.
    pub(super) fn take(&self, run: RunId) -> Result<Turn, RunId> {
        let mut taken = lock(&self.taken);
        if let Some(taken) = &*taken {
            return Err(taken.run);
        }
        let cancel = CancellationToken::new();
        *taken = Some(Taken {
            run,
            cancel: cancel.clone(),
        });
        Ok(Turn {
            taken: Arc::clone(&self.taken),
            cancel,
        })
    }

    /// Says that nobody wants any more what is done with this run; whether anything is.
    pub(super) fn cancel(&self, run: RunId) -> bool {
        let taken = lock(&self.taken);
        let taken = taken.as_ref().filter(|taken| taken.run == run);
        taken.inspect(|taken| taken.cancel.cancel()).is_some()
    }
}

fn lock(taken: &Mutex<Option<Taken>>) -> MutexGuard<'_, Option<Taken>> {
    // It is whole after each step.
    taken.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn there_is_one_turn_at_a_time() {
        let [first, second] = [1, 2].map(|number| RunId(Uuid::from_u128(number)));
        let turns = Turns::default();
        let turn = turns.take(first).expect("nobody has it");
        assert_eq!(turns.take(second).err(), Some(first));
        assert!(!turns.cancel(second) && !turn.cancelled().is_cancelled());
        assert!(turns.cancel(first) && turn.cancelled().is_cancelled());
        drop(turn);
        assert!(!turns.cancel(first));
        let turn = turns.take(second).expect("it is free again");
        assert!(!turn.cancelled().is_cancelled());
    }
}
