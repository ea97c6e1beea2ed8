//! What loading shows over HTTP: its figures, as JSON, as events and for
//! Prometheus, what the warehouse knows of days, matches and counters, and the
//! live page.
//!
//! Figures are read from the application and shown; nothing is decided or
//! counted here. What is asked of the warehouse has a deadline and a limit, so
//! that a warehouse which does not answer keeps no answer of the others back.
//! The server, its limits and what every service shows are http-kit's.
//!
//! Whoever can reach the port may read what is said here, and what is said
//! here holds no secrets. To mark a day or to load a past range takes the token,
//! and without one there are no paths for it.

mod backfills;
mod days;
mod events;
mod figures;
mod filter;
mod interface;
mod matches;
mod metrics;
mod page;
mod rebuild;
mod state;
mod stats;
mod warehouse;
mod wishes;

pub use backfills::{BACKFILL_PATH, BACKFILLS_PATH};
pub use interface::serve;
pub use rebuild::REBUILD_PATH;
pub use state::{ApiState, WriteAccess};
