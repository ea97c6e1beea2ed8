//! Inbound feeds of `OpenDota` and of anyone who speaks its protocol.
//!
//! Each module is one feed behind the port
//! [`FeedReader`](ingestion_application::ports::FeedReader): it
//! connects, reads and says what arrived. Nothing here knows where matches go
//! or which were seen before.

pub mod stream;
