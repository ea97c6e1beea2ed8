//! The whole pipeline in one deterministic simulation.
//!
//! What ships runs here as it is: feed client, use case, backlog and journal.
//! What is around it is simulated: the network and the clock (turmoil), the
//! upstream, the disk, and a broker behind the publisher's port that loses
//! acknowledgements, fails fatally, is fenced, goes away and comes back.
//! A seed decides everything, so a seed repeats a run.
//!
//! [`run`] judges a run by the promises of the service: nothing received is
//! lost, nothing is twice in the topic, the ledger adds up at every look, and
//! what is held and tried stays within its limits. To show that a violation
//! would be seen, [`Bug`]s can be planted between the real parts.
//!
//! The Kafka client is not simulated: it is tested against real brokers.
//!
//! [`week`] has the feeds that are asked, over days and without a network.

mod broker;
mod brokers;
mod clock;
mod planted;
mod run;
mod schedule;
mod sequence;
mod service;
mod upstream;
mod verdict;
pub mod week;

pub use planted::Bug;
pub use run::{Summary, run};
pub use schedule::describe;
pub use verdict::Violation;
