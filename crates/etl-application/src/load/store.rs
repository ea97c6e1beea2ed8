//! One batch to the warehouse, and to the topic of dead letters.

use std::sync::Arc;

use super::batch::Batch;
use crate::ports::{DeadLetterSink, WishStore};
use crate::storing::Storing;
use crate::{DeadLetterReason, Ledger, Record};

/// What a batch needs to be done with.
pub(super) struct BatchStoring {
    pub(super) storing: Storing,
    pub(super) wishes: Arc<dyn WishStore>,
    pub(super) dead_letters: Arc<dyn DeadLetterSink>,
    pub(super) ledger: Arc<Ledger>,
}

impl BatchStoring {
    /// Stores a batch: what is invalid is set aside, the rest is stored, and the
    /// days it touches are marked. Then, and only then, its positions may be committed.
    pub(super) async fn store(&self, batch: Batch) {
        let ids: Vec<_> = batch.ids.iter().map(|(id, _)| *id).collect();
        if !ids.is_empty() {
            self.storing.until_done(|| self.wishes.wish(&ids)).await;
        }
        let counts = batch.counts();
        let (answers, records): (Vec<_>, Vec<_>) = batch.answers.into_iter().unzip();
        let refused = self.storing.store(&answers).await.refused.into_iter();
        let refused: Vec<_> = refused
            .map(|(place, detail)| (&records[place], detail))
            .collect();
        for (topic, count) in counts {
            let refused = refused.iter().filter(|one| one.0.from.topic == topic);
            self.ledger.load(&topic, count - refused.count() as u64);
        }
        for (record, detail) in refused {
            self.set_aside(record, DeadLetterReason::RefusedByWarehouse, &detail)
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
