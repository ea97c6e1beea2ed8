//! Loading in one deterministic simulation.
//!
//! The loader and the builder of days run here as they ship, in two processes
//! at once, on tokio's paused clock. What is around them is simulated: brokers
//! that move partitions, rewind positions and lose commits, a warehouse that
//! fails before or after it has stored, and processes that die at any await.
//! A seed decides everything, so a seed repeats a run.
//!
//! [`run`] judges a run by what follows from the topics alone: nothing is ever
//! committed beyond what is stored and marked, and once it is quiet the facts,
//! the counters of every day, the wishes and the dead letters are those of the
//! reference. To show that a violation would be seen, [`Bug`]s can be planted
//! between the real parts.
//!
//! Neither the Kafka client nor a database is simulated: adapters are tested
//! with real ones.

mod broker;
mod evidence;
mod member;
mod planted;
mod process;
mod run;
mod schedule;
mod topics;
mod upstream;
mod verdict;
mod warehouse;

pub use planted::Bug;
pub use run::{Summary, run};
pub use schedule::describe;
pub use verdict::Violation;
