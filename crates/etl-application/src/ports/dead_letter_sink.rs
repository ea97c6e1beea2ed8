//! Where records go that cannot be loaded.

use async_trait::async_trait;

use crate::{DeadLetterReason, Record};

/// Keeps records that cannot be loaded, unchanged and with the reason.
#[async_trait]
pub trait DeadLetterSink: Send + Sync {
    /// Returns when the record would survive the loss of this process and of any
    /// one broker. Tries until then, with a pause that grows to 5 s: what cannot
    /// be set aside is not given up. Cancel safe: a record may then be there twice.
    async fn set_aside(&self, record: &Record, reason: DeadLetterReason, detail: &str);
}
