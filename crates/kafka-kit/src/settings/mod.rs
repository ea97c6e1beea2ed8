//! `[kafka]`: how to reach Kafka.
//!
//! What a service sends or reads, and the names of its topics, are settings of
//! its own in the same section.

mod client;
mod properties;
mod section;

pub use client::{ClientSettings, SaslMechanism, SecurityProtocol, SettingsError};
pub use properties::Reserved;
pub use section::{ClientSection, NOT_EMPTY, TOPIC_NAME, TOPIC_NAME_OR_NONE};
