//! Inbound feeds of `OpenDota` and of anyone who speaks its protocol.
//!
//! Each module is one feed behind the port
//! [`FeedReader`](ingestion_application::ports::FeedReader): it
//! connects, reads and says what arrived. Nothing here knows where matches go
//! or which were seen before.

mod ending;
mod heard;

pub mod logs;
pub mod pages;
pub mod stream;

/// Says who is calling.
const OWN_USER_AGENT: &str = concat!("ingestion-service/", env!("CARGO_PKG_VERSION"));
