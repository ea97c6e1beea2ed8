//! Where models are published, on any space of keys that `redis-kit` has.
//!
//! A publication is staged under keys of its own, which end after an hour, and
//! switched by one change that moves all of them over those that readers know.
//! What a patch had before is known from a list of its keys, which changes with
//! them, so nothing stays behind of heroes that vanished.

mod accounts;
mod documents;
mod keys;
mod leader_lock;
mod publisher;

pub use accounts::RedisAccounts;
pub use documents::{ContractDocuments, RedisResults};
pub use leader_lock::RedisLeaderLock;
pub use publisher::{RedisPublisher, STAGING_LIFE};

use model_application::ports::PublishError;
use redis_kit::RedisError;

/// An error of Redis by what the use case can do.
fn publish_error(error: &RedisError) -> PublishError {
    let reason = error.to_string();
    if error.may_pass() {
        PublishError::Unavailable { reason }
    } else {
        PublishError::Refused { reason }
    }
}
