//! A record as it came.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use rdkafka::{
    Message as _,
    message::{BorrowedMessage, Headers as _},
};

/// A partition of a topic.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicPartition {
    /// Its topic.
    pub topic: Arc<str>,
    /// Its number there.
    pub partition: i32,
}

/// A record of a partition, with bytes of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupRecord {
    /// Where it is from.
    pub from: TopicPartition,
    /// Its place there.
    pub offset: i64,
    /// When it was written, by the topic's clock; none where nobody said.
    pub written_at_unix_ms: Option<i64>,
    /// Its key; none is not the same as an empty one.
    pub key: Option<Bytes>,
    /// Its value; none is not the same as an empty one.
    pub value: Option<Bytes>,
    /// Its headers, in their order; one without a value has an empty one.
    pub headers: Vec<(String, Bytes)>,
}

impl GroupRecord {
    /// Copies a message out of librdkafka's memory, all of its pieces into one allocation.
    pub(crate) fn copied(from: TopicPartition, message: &BorrowedMessage<'_>) -> Self {
        let header_values = || {
            let headers = message.headers().into_iter();
            headers.flat_map(|all| all.iter().map(|one| (one.key, one.value)))
        };
        let sizes = [message.key(), message.payload()]
            .into_iter()
            .chain(header_values().map(|(_, value)| value))
            .map(|piece| piece.map_or(0, <[u8]>::len));
        let mut whole = BytesMut::with_capacity(sizes.sum());
        let mut copied = |piece: &[u8]| {
            whole.extend_from_slice(piece);
            whole.split().freeze()
        };
        Self {
            offset: message.offset(),
            written_at_unix_ms: message.timestamp().to_millis(),
            key: message.key().map(&mut copied),
            value: message.payload().map(&mut copied),
            headers: header_values()
                .map(|(name, value)| (name.to_owned(), copied(value.unwrap_or_default())))
                .collect(),
            from,
        }
    }

    /// How much memory it stands for.
    pub(super) fn size_bytes(&self) -> usize {
        /// What it takes beside its contents.
        const ITSELF: usize = 128;
        let headers = self.headers.iter();
        let headers: usize = headers
            .map(|(name, value)| name.len() + value.len() + ITSELF / 2)
            .sum();
        let pieces = [&self.key, &self.value].into_iter().flatten();
        ITSELF + headers + pieces.map(Bytes::len).sum::<usize>()
    }
}
