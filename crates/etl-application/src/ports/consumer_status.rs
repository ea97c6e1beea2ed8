//! How far reading has come.

use std::sync::Arc;

use domain::Timestamp;

/// Tells how far this member of the group has read its partitions.
pub trait ConsumerStatus: Send + Sync {
    /// The partitions that are with this member now, ordered by topic and number.
    ///
    /// MUST answer at once, from what is known: it is asked for metrics and by
    /// every reader of events, and while the brokers are away.
    fn partitions(&self) -> Vec<PartitionLag>;
}

/// How far a partition has been read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionLag {
    /// Its topic.
    pub topic: Arc<str>,
    /// Its number there.
    pub partition: i32,
    /// The offset to go on at, as it was committed last: one above the last
    /// record done. None if nothing of it is committed yet.
    pub position: Option<i64>,
    /// One above the last record there is; none if the brokers have not said.
    pub high_watermark: Option<i64>,
    /// How many records there are from the position on; none as long as it is
    /// not known. Records that the topic keeps no longer are not among them.
    pub lag: Option<u64>,
    /// When the last record of it that was handed over had been written.
    pub last_record_at: Option<Timestamp>,
}
