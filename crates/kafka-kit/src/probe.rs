//! Asks the brokers about a topic: is it there, may we see it, can it be written.

use std::time::Duration;

use rdkafka::{ClientContext, client::Client, error::RDKafkaErrorCode};

use crate::error_code::code_of;

/// How long the brokers have to answer.
const ANSWER_TIME_MAX: Duration = Duration::from_millis(1500);

/// What the brokers say about a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TopicState {
    /// It can be written.
    Ready {
        /// How many it has.
        partitions: usize,
    },
    /// Some partitions have no leader, so their records wait.
    Leaderless {
        /// How many have none.
        partitions: usize,
        /// How many there are.
        of: usize,
    },
    /// It does not exist.
    Missing,
    /// We may not see it.
    Forbidden,
    /// Something else is wrong with it.
    Failed(RDKafkaErrorCode),
}

/// Asks for the state of `topic`, twice if need be; blocks for as long.
///
/// The question goes to any broker, so a second one may find a better one. It
/// goes through `client`, which then knows the answer as well: records
/// waiting for a topic are sent as soon as it is found here.
///
/// # Errors
/// The code of the trouble when no broker answers.
pub fn topic_state<C: ClientContext>(
    client: &Client<C>,
    topic: &str,
) -> Result<TopicState, RDKafkaErrorCode> {
    let ask = || client.fetch_metadata(Some(topic), ANSWER_TIME_MAX);
    let metadata = ask().or_else(|_| ask()).map_err(|error| code_of(&error))?;
    let Some(topic) = metadata.topics().first() else {
        return Ok(TopicState::Missing);
    };
    let of = topic.partitions().len();
    let leaderless = topic
        .partitions()
        .iter()
        .filter(|one| one.leader() < 0)
        .count();
    Ok(match topic.error().map(RDKafkaErrorCode::from) {
        None if of == 0 => TopicState::Missing,
        None if leaderless == 0 => TopicState::Ready { partitions: of },
        None | Some(RDKafkaErrorCode::LeaderNotAvailable) => TopicState::Leaderless {
            partitions: leaderless,
            of,
        },
        Some(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic) => {
            TopicState::Missing
        }
        Some(RDKafkaErrorCode::TopicAuthorizationFailed) => TopicState::Forbidden,
        Some(code) => TopicState::Failed(code),
    })
}
