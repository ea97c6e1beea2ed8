//! What a member has, and how far it is.

use std::collections::BTreeMap;

use super::TopicPartition;

/// A member at one moment.
#[derive(Debug, Clone, Default)]
pub struct GroupStatus {
    /// Whether the group has told it which partitions it has, since it joined or lost them.
    pub has_joined: bool,
    /// Its partitions.
    pub partitions: BTreeMap<TopicPartition, PartitionStatus>,
    /// Records that wait to be taken.
    pub records_ahead: usize,
    /// Their bytes.
    pub bytes_ahead: usize,
    /// Whether it reads no further until some of them are taken.
    pub is_paused: bool,
    /// Why brokers do not let it read; none when something has come since.
    pub trouble: Option<String>,
    /// Why positions are not committed; none when the last commit succeeded.
    pub commit_trouble: Option<String>,
}

/// How far a member is in one partition.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PartitionStatus {
    /// The group's position: where the next owner would begin, as far as
    /// something is committed.
    pub committed: Option<i64>,
    /// The offset of the next record to be taken, as far as it is known.
    pub taken_to: Option<i64>,
    /// Everything before this offset was taken, or is no record: a transaction
    /// ends with a marker that has an offset too.
    pub passed_to: Option<i64>,
    /// The end of what could be read when it was last asked for.
    pub end: Option<i64>,
    /// When the last record taken was written.
    pub taken_written_at_unix_ms: Option<i64>,
}

impl PartitionStatus {
    /// How many offsets are not committed yet; none as long as that is not known.
    #[must_use]
    pub fn lag(&self) -> Option<u64> {
        let (done_to, end) = self.committed.or(self.taken_to).zip(self.end)?;
        let is_all_done = self.taken_to.is_none_or(|taken_to| taken_to <= done_to);
        // Behind the last record is nothing that could be done.
        let passed_to = self.passed_to.filter(|_| is_all_done);
        let done_to = passed_to.map_or(done_to, |passed_to| passed_to.max(done_to));
        // The end was asked for a while ago.
        Some(u64::try_from(end - done_to).unwrap_or(0))
    }

    /// Whether a position is one of those taken since the partition came.
    ///
    /// A partition that goes and comes back may bring the positions of before
    /// with it, and meanwhile another member may have committed higher ones.
    pub(super) fn may_commit(&self, position: i64) -> bool {
        self.taken_to.is_some_and(|taken_to| position <= taken_to)
            && self.committed.is_none_or(|committed| position >= committed)
    }
}

impl GroupStatus {
    /// The lag of this member in a topic; none as long as it is not known.
    #[must_use]
    pub fn lag(&self, topic: &str) -> Option<u64> {
        let mut of_topic = self
            .partitions
            .iter()
            .filter(|(partition, _)| &*partition.topic == topic);
        of_topic.try_fold(0, |sum, (_, status)| Some(sum + status.lag()?))
    }

    /// How many partitions of a topic it has.
    #[must_use]
    pub fn partition_count(&self, topic: &str) -> usize {
        let partitions = self.partitions.keys();
        partitions.filter(|one| &*one.topic == topic).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ends_transactions_is_no_lag_once_all_before_it_is_committed() {
        for (committed, taken_to, passed_to, expected) in [
            (Some(7), Some(7), None, 3),
            (Some(7), Some(7), Some(10), 0),
            // A record more may have come since the end was asked for.
            (Some(7), Some(7), Some(11), 0),
            // What is taken and not committed is lag, and all that lies before it.
            (Some(7), Some(9), Some(10), 3),
            // It is committed further than was looked.
            (Some(10), Some(10), Some(8), 0),
            (None, Some(7), Some(10), 0),
            (None, Some(7), None, 3),
        ] {
            let status = PartitionStatus {
                committed,
                taken_to,
                passed_to,
                end: Some(10),
                ..PartitionStatus::default()
            };
            assert_eq!(status.lag(), Some(expected), "{status:?}");
        }
    }

    #[test]
    fn positions_from_before_a_partition_went_are_not_committed() {
        for (committed, taken_to, position, expected) in [
            (None, None, 5, false),
            (None, Some(5), 5, true),
            (Some(7), Some(7), 5, false),
            (Some(5), Some(9), 9, true),
            (Some(5), Some(9), 5, true),
            (Some(5), Some(9), 10, false),
        ] {
            let status = PartitionStatus {
                committed,
                taken_to,
                ..PartitionStatus::default()
            };
            assert_eq!(
                status.may_commit(position),
                expected,
                "{status:?}, {position}"
            );
        }
    }
}
