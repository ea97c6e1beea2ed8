//! What loading costs, beside the least it could cost.
//!
//! The same answers go into a real ClickHouse twice: by the client alone, from
//! memory, and by the service as a whole, from a real Kafka. Processes are
//! measured from outside, as the operating system accounts for them.

mod answers;
mod day;
mod memory;
mod service;

pub use answers::{Batch, Matches};
pub use day::{RebuiltDay, rebuild};
pub use memory::{Database, Stored, store};
pub use service::{Kafka, LoadedByService, idle, load};
