//! One of several processes at a time: whoever a consumer group gives the first
//! partition of a topic to.
//!
//! Every process is a member of the group and fetches nothing. The group shares
//! partitions out in the order of its members' names, and a name begins with the
//! time at which its member was made: so the one that has been there for longest
//! is the owner. A process that starts takes nothing from the others, and one
//! that the group has missed, because it was suspended or cut off, comes back
//! under a new name, behind all of them.
//!
//! This is no lock. A process that the group has missed does not know it at
//! once, so for a while two may take themselves for the owner: whatever they do
//! must be fenced by other means.

mod assignment;
mod context;
mod member;
mod standing;

use std::{
    io,
    sync::{Arc, Weak},
    thread,
    time::Duration,
};

use health_kit::Clock;
use rdkafka::{
    ClientConfig,
    consumer::{BaseConsumer, Consumer as _},
    groups::GroupInfo,
};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::{
    error_code::code_of,
    settings::{ClientSettings, Reserved, SettingsError},
};

use context::Context;
use standing::Shared;

pub use standing::Standing;

/// How long [`Ownership::close`] waits until the group knows.
const CLOSE_TIME_MAX: Duration = Duration::from_secs(2);
/// How long brokers have to say who is in the group.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(2);

/// Properties of a member that are not open to change.
pub const RESERVED: [Reserved; 4] = [
    ("group.id", "set KAFKA_GROUP_ID"),
    ("group.instance.id", OLDEST_IS_THE_OWNER),
    ("group.protocol", OLDEST_IS_THE_OWNER),
    ("partition.assignment.strategy", OLDEST_IS_THE_OWNER),
];
const OLDEST_IS_THE_OWNER: &str = "the oldest member of a group is the active one";

/// What is owned, and by a member of which group.
#[derive(Debug, Clone)]
pub struct OwnershipSettings {
    /// How to reach Kafka.
    pub client: ClientSettings,
    /// The name that the members share.
    pub group_id: String,
    /// Whose first partition makes the owner; waited for while it is not there.
    pub topic: String,
}

/// A member of the group, until it is dropped.
pub struct Ownership {
    shared: Arc<Shared>,
    group_id: String,
    /// Cancelled when the thread that polls has left the group.
    left: CancellationToken,
}

impl Ownership {
    /// Joins the group in the background, and waits for brokers that are away.
    ///
    /// # Errors
    /// [`SettingsError`] when librdkafka refuses the settings, or the machine a thread.
    pub fn start(
        settings: &OwnershipSettings,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, SettingsError> {
        let shared = Arc::new(Shared::new(settings));
        // Settings that cannot work are told at once, not by the thread.
        let first = member::join(&shared, &**clock)?;
        let left = CancellationToken::new();
        let this = Self {
            shared: Arc::clone(&shared),
            group_id: settings.group_id.clone(),
            left: left.clone(),
        };
        let (clock, guard) = (Arc::clone(clock), left.drop_guard());
        let no_thread = |error: io::Error| SettingsError::ClientRefused {
            reason: format!("no thread can be started: {error}"),
        };
        thread::Builder::new()
            .name("kafka-ownership".to_owned())
            .spawn(move || {
                let _left = guard;
                member::belong(&shared, first, &*clock);
            })
            .map_err(no_thread)?;
        Ok(this)
    }

    /// Whose turn it is, as far as this member has been told.
    #[must_use]
    pub fn standing(&self) -> Standing {
        self.shared.standing()
    }

    /// Waits until this process is the owner.
    pub async fn owned(&self) {
        self.shared.wait_for(Standing::Owner).await;
    }

    /// Waits until the group has told this process that it is not the owner.
    ///
    /// To be cut off is not enough: who owned before goes on until the group
    /// says otherwise, for an outage of the group is none of the topic.
    pub async fn given_away(&self) {
        self.shared.wait_for(Standing::Other).await;
    }

    /// What keeps this process out of the group, if something does.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        self.shared.trouble()
    }

    /// Who is the owner, as the brokers say; none when they say that nobody is,
    /// or say nothing. Blocks.
    #[must_use]
    pub fn owner(&self) -> Option<String> {
        let consumer = self.shared.consumer()?;
        let listed = consumer
            .client()
            .fetch_group_list(Some(&self.group_id), ANSWER_TIME_MAX);
        let groups = listed
            .inspect_err(|error| tracing::debug!(code = %code_of(error), "the group is not told"))
            .ok()?;
        let members = groups.groups().iter().flat_map(GroupInfo::members);
        let mut owners = members.filter(|member| {
            let assigned = member.assignment().unwrap_or_default();
            assignment::holds_first_partition(assigned, self.shared.topic())
        });
        let owner = owners.next()?;
        let host = owner.client_host().trim_start_matches('/');
        Some(format!(
            "{} ({host})",
            member::without_time(owner.client_id())
        ))
    }

    /// Leaves the group, so that another can be the owner at once; waits for
    /// that a moment, as brokers may be away.
    pub async fn close(&self) {
        self.shared.stop();
        if timeout(CLOSE_TIME_MAX, self.left.cancelled())
            .await
            .is_err()
        {
            tracing::debug!("the group is not told yet that its member leaves");
        }
    }
}

impl Drop for Ownership {
    fn drop(&mut self) {
        self.shared.stop();
    }
}

/// The consumer of a member; the thread owns it.
type Consumer = BaseConsumer<Context>;
type WeakConsumer = Weak<Consumer>;

/// The properties of a member.
fn config(settings: &OwnershipSettings) -> ClientConfig {
    /// What a member gets.
    const PROPERTIES: [(&str, &str); 8] = [
        // A member that was killed is missed after so long, and replaced …
        ("session.timeout.ms", "6000"),
        // … as soon as the others hear of it, with their next sign of life.
        ("heartbeat.interval.ms", "500"),
        ("group.protocol", "classic"),
        // In the order of names; the first partition is that of the first.
        ("partition.assignment.strategy", "range"),
        ("enable.auto.commit", "false"),
        ("auto.offset.reset", "latest"),
        // Nothing is read, and if something is before that is known, little.
        ("queued.max.messages.kbytes", "64"),
        // A topic that is made is noticed soon.
        ("topic.metadata.refresh.interval.ms", "5000"),
    ];
    let mut config = settings.client.client_config(&PROPERTIES);
    config.set("group.id", &settings.group_id);
    config
}
