//! One receipt for two records: a new match, and what is known of it.
//!
//! Each record goes its own way, to a topic of its own; the receipt is settled
//! when both have arrived, as what has become of the match.

use std::sync::{Arc, Mutex, PoisonError};

use ingestion_application::{Outcome, Receipt, ReceiptOwner};

const OF_MATCH: usize = 0;
const OF_SUMMARY: usize = 1;

/// Owns the receipts of both.
struct Halves(Mutex<State>);

struct State {
    whole: Option<Receipt>,
    /// Whether one of them has had its outcome.
    is_one_settled: bool,
    of_match: Option<Outcome>,
}

/// A receipt for the match, and one for what is known of it.
pub(crate) fn halve(whole: Receipt) -> [Receipt; 2] {
    let sequence = whole.sequence();
    let halves = Arc::new(Halves(Mutex::new(State {
        whole: Some(whole),
        is_one_settled: false,
        of_match: None,
    })));
    [OF_MATCH, OF_SUMMARY].map(|key| {
        let owner: Arc<dyn ReceiptOwner> = Arc::<Halves>::clone(&halves);
        Receipt::new(owner, key, sequence)
    })
}

impl ReceiptOwner for Halves {
    fn settle(&self, key: usize, outcome: Outcome) {
        let settled = {
            // Nothing in here panics half-way.
            let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if key == OF_MATCH {
                state.of_match = Some(outcome);
            }
            if !std::mem::replace(&mut state.is_one_settled, true) {
                return;
            }
            state.whole.take().zip(state.of_match)
        };
        match settled {
            Some((whole, Outcome::Published)) => whole.published(),
            Some((whole, Outcome::DeadLettered(reason))) => whole.dead_lettered(reason),
            None => {}
        }
    }

    /// The whole is given back when the other half is done with, or given back.
    fn take_back(&self, _key: usize) {}
}

#[cfg(test)]
mod tests {
    use ingestion_application::DeadLetterReason::RefusedByKafka;
    use ingestion_test_support::receipts::{ReceiptFigures, ReceiptRecorder};

    use super::*;

    const PENDING: ReceiptFigures = ReceiptFigures {
        published: 0,
        dead_lettered: 0,
        returned: 0,
        pending: 1,
    };

    #[test]
    fn the_receipt_is_settled_with_the_second_half_as_what_became_of_the_match() {
        let recorder = Arc::new(ReceiptRecorder::default());
        let [of_match, of_summary] = halve(recorder.give_out());
        of_match.published();
        assert_eq!(recorder.figures(), PENDING);
        of_summary.dead_lettered(RefusedByKafka);
        assert_eq!(recorder.outcomes(), [Outcome::Published]);

        let [of_match, of_summary] = halve(recorder.give_out());
        of_summary.published();
        of_match.dead_lettered(RefusedByKafka);
        let refused = Outcome::DeadLettered(RefusedByKafka);
        assert_eq!(recorder.outcomes(), [Outcome::Published, refused]);
    }

    #[test]
    fn a_half_that_is_given_back_gives_the_whole_back_when_the_other_is_gone() {
        for publish_other in [true, false] {
            let recorder = Arc::new(ReceiptRecorder::default());
            let [of_match, of_summary] = halve(recorder.give_out());
            drop(of_summary);
            assert_eq!(recorder.figures(), PENDING);
            if publish_other {
                of_match.published();
            } else {
                drop(of_match);
            }
            let given_back = ReceiptFigures {
                returned: 1,
                pending: 0,
                ..PENDING
            };
            assert_eq!(recorder.figures(), given_back);
        }
    }
}
