//! How loading is as a whole: what every answer, event and metric is made from.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use domain::Timestamp;
use health_kit::Clock;

use crate::backfill::{BackfillFigures, Backfills};
use crate::ports::{ConsumerStatus, PartitionLag};
use crate::{
    DayFigures, DayStatus, DetailFigures, DetailStatus, Ledger, LedgerFigures, LoadFigures,
    LoadStatus, Rates,
};

/// Asks every part for its figures.
pub struct EtlStatus {
    ledger: Arc<Ledger>,
    load: Arc<LoadStatus>,
    days: Arc<DayStatus>,
    details: Arc<DetailStatus>,
    consumer: Arc<dyn ConsumerStatus>,
    clock: Arc<dyn Clock>,
    backfills: Option<Arc<Backfills>>,
}

/// Loading at one moment. The ledger is of one moment in itself; the other
/// figures are of the same one as nearly as they can be read.
#[derive(Debug, Clone, PartialEq)]
pub struct EtlSnapshot {
    /// When that was.
    pub at: Timestamp,
    /// What became of every record.
    pub ledger: LedgerFigures,
    /// How fast it goes.
    pub rates: Rates,
    /// What the warehouse does.
    pub load: LoadFigures,
    /// How the days are.
    pub days: DayFigures,
    /// How asking for details goes.
    pub details: DetailFigures,
    /// How far this member has read, ordered by topic and partition.
    pub partitions: Vec<PartitionLag>,
    /// The backfills that run in this process, the oldest first.
    pub backfills: Vec<BackfillFigures>,
}

impl EtlStatus {
    /// The status of these parts.
    #[must_use]
    pub fn new(
        ledger: Arc<Ledger>,
        load: Arc<LoadStatus>,
        days: Arc<DayStatus>,
        details: Arc<DetailStatus>,
        consumer: Arc<dyn ConsumerStatus>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            ledger,
            load,
            days,
            details,
            consumer,
            clock,
            backfills: None,
        }
    }

    /// Tells of these backfills as well.
    #[must_use]
    pub fn with_backfills(self, backfills: Arc<Backfills>) -> Self {
        Self {
            backfills: Some(backfills),
            ..self
        }
    }

    /// All figures, now.
    #[must_use]
    pub fn snapshot(&self) -> EtlSnapshot {
        EtlSnapshot {
            at: self.clock.now(),
            ledger: self.ledger.figures(),
            rates: self.ledger.rates(),
            load: self.load.figures(),
            days: self.days.figures(),
            details: self.details.figures(),
            partitions: self.consumer.partitions(),
            backfills: (self.backfills.as_ref())
                .map_or(Vec::new(), |backfills| backfills.figures()),
        }
    }
}

impl EtlSnapshot {
    /// How long ago the last record read had been written, by topic, in the
    /// partition that is farthest behind; nothing where all has been read, and
    /// absent where it is not known.
    #[must_use]
    pub fn behind(&self) -> BTreeMap<&Arc<str>, Duration> {
        let mut behind = BTreeMap::new();
        for partition in &self.partitions {
            let by = match (partition.lag, partition.last_record_at) {
                (Some(0), _) => Duration::ZERO,
                (Some(_), Some(at)) => {
                    let ms = self.at.as_unix_ms().saturating_sub(at.as_unix_ms());
                    Duration::from_millis(u64::try_from(ms).unwrap_or_default())
                }
                _ => continue,
            };
            let farthest = behind.entry(&partition.topic).or_insert(by);
            *farthest = by.max(*farthest);
        }
        behind
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_partition_farthest_behind_speaks_for_its_topic() {
        let partition = |topic: &str, lag, last_record_ms: Option<i64>| PartitionLag {
            topic: topic.into(),
            partition: 0,
            position: None,
            high_watermark: None,
            lag,
            last_record_at: last_record_ms.map(Timestamp::from_unix_ms),
        };
        let snapshot = EtlSnapshot {
            at: Timestamp::from_unix_ms(10_000),
            ledger: LedgerFigures::default(),
            rates: Rates::default(),
            load: LoadFigures::default(),
            days: DayFigures::default(),
            details: DetailFigures::default(),
            backfills: Vec::new(),
            partitions: vec![
                partition("a", Some(3), Some(7_000)),
                partition("a", Some(1), Some(9_000)),
                partition("a", Some(0), Some(1_000)),
                partition("read", Some(0), None),
                partition("unknown", None, Some(1_000)),
                partition("unread", Some(5), None),
                partition("fast clock", Some(1), Some(11_000)),
            ],
        };
        let behind = snapshot.behind();
        let behind: Vec<_> = behind.iter().map(|(topic, by)| (&***topic, *by)).collect();
        let expected = [
            ("a", Duration::from_secs(3)),
            ("fast clock", Duration::ZERO),
            ("read", Duration::ZERO),
        ];
        assert_eq!(behind, expected);
    }
}
