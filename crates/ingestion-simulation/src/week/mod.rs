//! A week of every feed in virtual time.
//!
//! What ships runs here as it is: feeds with their clients and paces, use case,
//! backlog and journal. Around it are one seeded world of
//! matches, upstreams that tell of it within their limits, a broker behind the
//! publisher's port, a disk, and a diary of everything that goes wrong.
//!
//! [`run`] compares what was published with what upstreams exposed: everything is
//! there, nothing twice within the dedup window, and no upstream was called above
//! its limits. To show that a violation would be seen, [`Bug`]s can be planted.
//!
//! Sockets, and the Kafka client, are not simulated: other tests have the real ones.

mod brokers;
mod diary;
mod planted;
mod publisher;
mod report;
mod run;
mod service;
mod steam;
mod world;

pub use planted::Bug;
pub use report::{Report, SourceReport, Violation};
pub use run::{Plan, run};
