//! One batch to the warehouse, and to the topic of dead letters.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::batch::Batch;
use crate::ports::{DeadLetterSink, WishStore};
use crate::storing::Storing;
use crate::{DeadLetterReason, Ledger, Record, WishRules};

/// What a batch needs to be done with.
pub(super) struct BatchStoring {
    pub(super) storing: Storing,
    pub(super) wishes: Arc<dyn WishStore>,
    pub(super) rules: WishRules,
    pub(super) dead_letters: Arc<dyn DeadLetterSink>,
    pub(super) ledger: Arc<Ledger>,
}

impl BatchStoring {
    /// Stores a batch: what is invalid is set aside, the rest is stored, the days
    /// it touches are marked, and what is missing is wished for. Then, and only
    /// then, its positions may be committed.
    pub(super) async fn store(&self, batch: Batch) {
        let counts = batch.counts();
        let (answers, records): (Vec<_>, Vec<_>) = batch.answers.into_iter().unzip();
        let refused = self.storing.store(&answers).await.refused;
        // After the answers: what they know whole nobody has to wish for.
        let places: BTreeSet<_> = refused.iter().map(|(place, _)| *place).collect();
        let stored = answers.iter().enumerate();
        let stored = stored.filter(|(place, _)| !places.contains(place));
        let wishes = self.rules.wishes(
            batch.ids.iter().map(|(id, _)| *id),
            stored.map(|(_, answer)| answer),
            self.storing.status.now(),
        );
        if !wishes.is_empty() {
            self.storing.until_done(|| self.wishes.wish(&wishes)).await;
        }
        for (topic, count) in counts {
            let of_it = refused
                .iter()
                .filter(|(place, _)| records[*place].from.topic == topic);
            self.ledger.load(&topic, count - of_it.count() as u64);
        }
        for (place, detail) in refused {
            self.set_aside(
                &records[place],
                DeadLetterReason::RefusedByWarehouse,
                &detail,
            )
            .await;
        }
        // Last: their neighbours do not wait for the topic of dead letters.
        for (record, reason, detail) in &batch.invalid {
            self.set_aside(record, *reason, detail).await;
        }
        self.storing.widening.narrower();
    }

    async fn set_aside(&self, record: &Record, reason: DeadLetterReason, detail: &str) {
        self.dead_letters.set_aside(record, reason, detail).await;
        self.ledger.dead_letter(record, reason);
    }
}
