//! What calls came to, into the warehouse: answers first, then what becomes of
//! their wishes. Whoever dies in between asks once more, which changes nothing.

use std::collections::BTreeSet;
use std::sync::Arc;

use domain::Timestamp;

use super::attempts::{after_attempt, after_failure};
use crate::Answer;
use crate::ports::{Wish, WishQueue, WishState};
use crate::storing::Storing;

/// What a call came to.
pub(super) enum Told {
    /// The match, and whether that is all that was wished for.
    Answer {
        /// What becomes rows.
        answer: Box<Answer>,
        /// Whether the wish ends with it.
        is_enough: bool,
    },
    /// An answer that is of no use: an attempt that counts.
    InVain,
    /// No answer, though others are answered: no attempt, and a failure.
    Nothing,
}

/// Where it goes.
pub(super) struct Settling {
    pub(super) storing: Storing,
    pub(super) queue: Arc<dyn WishQueue>,
    pub(super) attempts_max: u8,
}

impl Settling {
    /// Stores what was told and settles the wishes, however long that takes.
    pub(super) async fn settle(&self, told: Vec<(Wish, Told)>, now: Timestamp) {
        if told.is_empty() {
            return;
        }
        let mut answers = Vec::new();
        let mut enough = BTreeSet::new();
        let mut wishes = Vec::with_capacity(told.len());
        for (wish, told) in told {
            wishes.push((wish, !matches!(told, Told::Nothing)));
            if let Told::Answer { answer, is_enough } = told {
                answers.push(*answer);
                if is_enough {
                    enough.insert(wish.match_id);
                }
            }
        }
        for (place, why) in self.storing.store(&answers).await.refused {
            let id = answers[place].summary.match_id;
            tracing::warn!(match.id = id.get(), why, "the warehouse refuses details");
            enough.remove(&id);
        }
        let settled = wishes.into_iter().map(|(wish, is_attempt)| {
            if enough.contains(&wish.match_id) {
                Wish {
                    attempts: wish.attempts.saturating_add(1),
                    state: WishState::Fetched,
                    ..wish
                }
            } else if is_attempt {
                after_attempt(wish, self.attempts_max, now)
            } else {
                after_failure(wish, now)
            }
        });
        let settled: Vec<_> = settled.collect();
        self.storing
            .until_done(|| self.queue.settle(&settled))
            .await;
    }
}
