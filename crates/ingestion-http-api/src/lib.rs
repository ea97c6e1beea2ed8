//! What ingestion shows over HTTP, and what it takes: its figures, as JSON, as
//! events and for Prometheus, frames that are handed in, and the live page.
//!
//! Everything here is read from the application and shown, or handed to it by
//! whoever has the token; nothing is decided or counted here. The server, its
//! limits and what every service shows are http-kit's.
//!
//! Whoever can reach the port may read what is said here, and what is said
//! here holds no secrets. To write takes the token, and without one there is
//! nothing to write to.

mod events;
mod gaps;
mod hand_in;
mod ingestion;
mod interface;
mod metrics;
mod page;
mod state;

pub use hand_in::{HAND_IN_BYTES_MAX, HAND_IN_FRAMES_MAX, REDRIVE_PATH, REPLAY_PATH};
pub use interface::serve;
pub use state::{ApiState, WriteAccess};
