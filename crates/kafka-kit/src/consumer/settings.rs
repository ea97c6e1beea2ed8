//! What a member needs to know.

use rdkafka::ClientConfig;

use crate::settings::{ClientSettings, Reserved};

/// How to be a member of a group.
#[derive(Debug, Clone)]
pub struct GroupSettings {
    /// How to reach Kafka.
    pub client: ClientSettings,
    /// The name that the members share.
    pub group_id: String,
    /// What to read; topics that are not there yet are waited for.
    pub topics: Vec<String>,
    /// Where a partition begins of which the group has no position.
    pub start: Start,
    /// How much is kept ahead.
    pub buffer: BufferLimits,
}

/// Where to begin without a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// At the oldest record that is still there.
    Earliest,
    /// After the last record that is there now.
    Latest,
}

/// How many records a member keeps ahead of whoever takes them. A single
/// record more may be kept, however large it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BufferLimits {
    /// So many.
    pub records_max: usize,
    /// With so many bytes of keys, values and headers.
    pub bytes_max: usize,
}

impl Default for BufferLimits {
    /// A few large batches of small records.
    fn default() -> Self {
        Self {
            records_max: 20_000,
            bytes_max: 16 * 1024 * 1024,
        }
    }
}

/// What a member gets.
const PROPERTIES: [(&str, &str); 14] = [
    // A position is committed when whoever reads says so.
    ("enable.auto.commit", "false"),
    ("enable.auto.offset.store", "false"),
    ("isolation.level", "read_committed"),
    // What stays with a member is read on while others get theirs.
    ("partition.assignment.strategy", "cooperative-sticky"),
    ("group.protocol", "classic"),
    // A member that was killed is missed in seconds, and its partitions with it.
    // A thread of librdkafka's shows that one is alive, whatever its work is.
    ("session.timeout.ms", "10000"),
    // A topic that is made, or gets more partitions, is noticed soon.
    ("topic.metadata.refresh.interval.ms", "5000"),
    // What librdkafka reads ahead is bounded, over all partitions together.
    ("fetch.message.max.bytes", "1048576"),
    ("fetch.max.bytes", "4194304"),
    ("receive.message.max.bytes", "16777216"),
    ("queued.min.messages", "20000"),
    ("queued.max.messages.kbytes", "8192"),
    // When that is used up, it is looked again soon.
    ("fetch.queue.backoff.ms", "20"),
    ("fetch.wait.max.ms", "250"),
];

/// Properties of a member that are not open to change.
pub const RESERVED: [Reserved; 16] = [
    ("group.id", "set KAFKA_GROUP_ID"),
    ("group.instance.id", MEMBERS_ARE_ALIKE),
    ("group.protocol", MEMBERS_ARE_ALIKE),
    ("partition.assignment.strategy", MEMBERS_ARE_ALIKE),
    ("enable.auto.commit", DONE_IS_COMMITTED),
    ("auto.commit.enable", DONE_IS_COMMITTED),
    ("enable.auto.offset.store", DONE_IS_COMMITTED),
    ("auto.offset.reset", "set KAFKA_START"),
    ("isolation.level", "what is not committed is not read"),
    ("enable.partition.eof", "ends are not read"),
    ("consume.callback.max.messages", MEMORY_IS_BOUNDED),
    ("fetch.max.bytes", MEMORY_IS_BOUNDED),
    ("fetch.message.max.bytes", MEMORY_IS_BOUNDED),
    ("max.partition.fetch.bytes", MEMORY_IS_BOUNDED),
    ("queued.max.messages.kbytes", MEMORY_IS_BOUNDED),
    ("receive.message.max.bytes", MEMORY_IS_BOUNDED),
];

const MEMBERS_ARE_ALIKE: &str = "all members of the group must agree on it";
const DONE_IS_COMMITTED: &str = "only what is done with is committed";
const MEMORY_IS_BOUNDED: &str = "memory is bounded";

impl Start {
    /// Its name, for librdkafka and in settings.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Earliest => "earliest",
            Self::Latest => "latest",
        }
    }
}

impl GroupSettings {
    /// The properties of a member.
    pub(super) fn config(&self) -> ClientConfig {
        let mut config = self.client.client_config(&PROPERTIES);
        config
            .set("group.id", &self.group_id)
            .set("auto.offset.reset", self.start.as_str());
        config
    }
}
