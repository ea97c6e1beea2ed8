//! A member of a consumer group that is read as fast as it is asked, and no faster.
//!
//! A thread of its own polls for ever, so the member stays in the group while
//! nobody takes its records: what it keeps ahead is bounded, and beyond that
//! its partitions are paused. Positions are committed only when told, in
//! another thread, so that a partition can be let go of while its last
//! position is on its way.
//!
//! What a record means is not known here, nor what is done with it.

mod buffer;
mod commits;
mod context;
mod group_health;
mod member;
mod offsets;
mod record;
mod release;
mod settings;
mod status;

use std::{
    sync::{Arc, Mutex, PoisonError, Weak},
    thread,
    time::Duration,
};

use rdkafka::{
    ClientConfig,
    consumer::{BaseConsumer, Consumer as _},
    error::RDKafkaErrorCode,
    metadata::Metadata,
};
use tokio::{sync::oneshot, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::{
    connection::ConnectionTrouble,
    probe::{self, TopicState},
    settings::SettingsError,
};

use buffer::Buffer;
use commits::Commits;
use context::Context;

pub use commits::CommitError;
pub use group_health::GroupHealth;
pub use record::{GroupRecord, TopicPartition};
pub use settings::{BufferLimits, GroupSettings, RESERVED, Start};
pub use status::{GroupStatus, PartitionStatus};

/// How long a group waits for a member to let go of its partitions.
pub const RELEASE_TIME_MAX: Duration = Duration::from_secs(5);

/// How long [`GroupConsumer::close`] waits until the group knows.
const CLOSE_TIME_MAX: Duration = Duration::from_secs(5);

/// How long brokers have to answer a question.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(2);

/// What can happen to a member.
#[derive(Debug)]
pub enum GroupEvent {
    /// Records have arrived; never empty. Those of a partition are in their order.
    Records(Vec<GroupRecord>),
    /// These partitions go to another member, who waits for it: what is to be
    /// committed of them is committed before `release` is dropped, for which
    /// there is [`RELEASE_TIME_MAX`].
    Revoked {
        /// Which partitions.
        partitions: Vec<TopicPartition>,
        /// Whoever drops it lets them go.
        release: oneshot::Sender<()>,
    },
    /// These partitions have gone already: nothing of them can be committed.
    Lost(Vec<TopicPartition>),
}

/// A member of a consumer group.
///
/// It joins when it is started, and waits for brokers and topics that are not
/// there. Dropped, it leaves the group in the background.
pub struct GroupConsumer {
    buffer: Arc<Buffer>,
    commits: Mutex<Option<Commits>>,
    /// The threads own it: so the last one that ends leaves the group.
    consumer: Weak<BaseConsumer<Context>>,
    connection: Arc<ConnectionTrouble>,
    start: Start,
    /// Cancelled when it has left.
    left: CancellationToken,
}

impl GroupConsumer {
    /// Starts a member with these settings; never waits for a broker.
    ///
    /// # Errors
    /// [`SettingsError`] when librdkafka refuses the settings, or the machine a thread.
    pub fn start(settings: &GroupSettings) -> Result<Self, SettingsError> {
        let buffer = Arc::new(Buffer::new(settings));
        let connection = Arc::new(ConnectionTrouble::default());
        let left = CancellationToken::new();
        let context = Context::new(
            Arc::clone(&buffer),
            Arc::clone(&connection),
            left.clone().drop_guard(),
        );
        let config: ClientConfig = settings.config();
        let consumer: Arc<BaseConsumer<Context>> = Arc::new(config.create_with_context(context)?);
        let topics: Vec<_> = settings.topics.iter().map(String::as_str).collect();
        consumer.subscribe(&topics)?;
        let no_thread = |error| SettingsError::ClientRefused {
            reason: format!("no thread can be started: {error}"),
        };
        let this = Self {
            commits: Mutex::new(Some(
                Commits::start(Arc::clone(&consumer), Arc::clone(&buffer)).map_err(no_thread)?,
            )),
            consumer: Arc::downgrade(&consumer),
            buffer: Arc::clone(&buffer),
            connection,
            start: settings.start,
            left,
        };
        thread::Builder::new()
            .name("kafka-group".to_owned())
            .spawn(move || member::poll_until_closed(&consumer, &buffer))
            .map_err(no_thread)?;
        Ok(this)
    }

    /// Waits for what happens next; `None` once [`close`](Self::close) was called.
    ///
    /// Cancel safe: what is not returned is returned by the next call.
    pub async fn next(&self) -> Option<GroupEvent> {
        self.buffer.next().await
    }

    /// Commits positions: for each partition the offset to go on at. Those of
    /// partitions that this member does not have are left out silently.
    ///
    /// Returns when the group's coordinator has them.
    ///
    /// # Errors
    /// [`CommitError`]; a later commit of a higher position makes up for it.
    pub async fn commit(
        &self,
        positions: impl IntoIterator<Item = (TopicPartition, i64)>,
    ) -> Result<(), CommitError> {
        let outcome = {
            let commits = self.lock_commits();
            let commits = commits.as_ref().ok_or(CommitError::Left)?;
            commits.begin(positions.into_iter().collect())?
        };
        commits::wait(outcome).await
    }

    /// Hands nothing more over, and leaves the group as soon as the commit that
    /// is on its way is done; waits for that a few seconds, as brokers may be away.
    pub async fn close(&self) {
        self.begin_to_leave();
        if timeout(CLOSE_TIME_MAX, self.left.cancelled())
            .await
            .is_err()
        {
            tracing::debug!("the group is not told yet that its member leaves");
        }
    }

    /// What this member has, and how far it is.
    #[must_use]
    pub fn status(&self) -> GroupStatus {
        self.buffer.status()
    }

    /// The last trouble with a connection since the brokers last answered.
    #[must_use]
    pub fn connection(&self) -> &ConnectionTrouble {
        &self.connection
    }

    /// Asks the brokers for the state of a topic; blocks.
    ///
    /// # Errors
    /// The code of the trouble when no broker answers.
    pub fn topic_state(&self, topic: &str) -> Result<TopicState, RDKafkaErrorCode> {
        probe::topic_state(self.consumer()?.client(), topic)
    }

    /// Asks where the brokers are; blocks.
    ///
    /// # Errors
    /// The code of the trouble when no broker answers.
    pub fn metadata(&self, topic: &str) -> Result<Metadata, RDKafkaErrorCode> {
        let metadata = self
            .consumer()?
            .client()
            .fetch_metadata(Some(topic), ANSWER_TIME_MAX);
        metadata.map_err(|error| crate::error_code::code_of(&error))
    }

    /// Asks how far this member's partitions reach, for [`status`](Self::status); blocks.
    ///
    /// # Errors
    /// The code of the trouble when a leader does not tell.
    pub fn look_for_ends(&self) -> Result<(), RDKafkaErrorCode> {
        offsets::look(&*self.consumer()?, &self.buffer, self.start)
    }

    fn consumer(&self) -> Result<Arc<BaseConsumer<Context>>, RDKafkaErrorCode> {
        self.consumer
            .upgrade()
            .ok_or(RDKafkaErrorCode::BrokerDestroy)
    }

    fn begin_to_leave(&self) {
        self.buffer.close();
        // The thread ends when it has done what it has been given.
        drop(self.lock_commits().take());
    }

    fn lock_commits(&self) -> std::sync::MutexGuard<'_, Option<Commits>> {
        // It is there or not, whatever panics elsewhere.
        self.commits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for GroupConsumer {
    fn drop(&mut self) {
        self.begin_to_leave();
    }
}
