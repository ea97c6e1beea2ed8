//! Records on their way to the warehouse together.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::MatchId;

use crate::ports::{Positions, TopicPartition};
use crate::{Answer, Content, DeadLetterReason, Facts, Record};

/// When a batch is complete. A batch is complete before it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchLimits {
    /// With so many rows, over all tables.
    pub rows_max: usize,
    /// With so many bytes of records.
    pub bytes_max: usize,
}

/// Records, what follows from them, and how far they reach.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// What to store, with the record that says it.
    pub(super) answers: Vec<(Answer, Record)>,
    /// Matches of which only the id is known.
    pub(super) ids: Vec<(MatchId, Record)>,
    /// What cannot be loaded.
    pub(super) invalid: Vec<(Record, DeadLetterReason, String)>,
    /// Where each partition goes on when all of this is done.
    pub(super) positions: Positions,
    records: usize,
    rows: usize,
    bytes: usize,
}

impl Batch {
    /// Adds a record, whatever is in it.
    pub(super) fn add(&mut self, mut record: Record) {
        self.positions
            .insert(record.from.clone(), record.offset + 1);
        self.records += 1;
        self.rows += 1;
        self.bytes += record.raw.value_bytes().len();
        // What the record says moves out of it; its bytes stay, for the case
        // that the warehouse refuses it.
        let taken = Err(crate::Invalid {
            reason: DeadLetterReason::RefusedByWarehouse,
            detail: String::new(),
        });
        match std::mem::replace(&mut record.content, taken) {
            Ok(Content::Summary(answer)) => {
                self.rows += Facts::of(&answer).row_count() - 1;
                self.answers.push((*answer, record));
            }
            Ok(Content::Id(id)) => self.ids.push((id, record)),
            Err(invalid) => self.invalid.push((record, invalid.reason, invalid.detail)),
        }
    }

    pub(super) fn is_complete(&self, limits: BatchLimits) -> bool {
        self.rows >= limits.rows_max || self.bytes >= limits.bytes_max
    }

    pub(super) fn is_empty(&self) -> bool {
        self.records == 0
    }

    pub(super) fn record_count(&self) -> usize {
        self.records
    }

    /// How many of its records that can be loaded come from each topic.
    pub(super) fn counts(&self) -> BTreeMap<Arc<str>, u64> {
        let mut counts = BTreeMap::new();
        let records = self.answers.iter().map(|(_, record)| record);
        for record in records.chain(self.ids.iter().map(|(_, record)| record)) {
            *counts.entry(Arc::clone(&record.from.topic)).or_default() += 1;
        }
        counts
    }
}

/// Takes partitions out of positions: they are another member's now.
pub(super) fn forget(positions: &mut Positions, partitions: &[TopicPartition]) {
    positions.retain(|partition, _| !partitions.contains(partition));
}
