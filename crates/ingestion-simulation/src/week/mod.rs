//! A week of every feed in virtual time.
//!
//! What ships runs here as it is: feeds with their clients and paces, use case,
//! backlog, journal, and the account of gaps. Around it are one seeded world of
//! matches, upstreams that tell of it within their limits, a broker behind the
//! publisher's port, a disk, and a diary of everything that goes wrong.
//!
//! [`run`] compares what was published with what upstreams told: everything is
//! there or lies in a gap that is listed, nothing twice within the dedup window, no
//! gap is closed and no time said to be told of before it is so, and no upstream was
//! called above its limits. To show that a violation would be seen, [`Bug`]s can be
//! planted.
//!
//! Sockets, and the Kafka client, are not simulated: other tests have the real ones.

mod between;
mod brokers;
mod diary;
mod feeds;
mod interface;
mod judge;
mod planted;
mod publisher;
mod report;
mod run;
mod service;
mod truth;
mod upstreams;
mod witness;
mod world;

pub use interface::Interface;
pub use planted::Bug;
pub use report::{Calls, GapReport, Report, SourceReport, Violation};
pub use run::{PER_SECOND, Plan, run};
