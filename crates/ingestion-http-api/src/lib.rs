//! The HTTP interface: health, status, metrics, its own description and the live page.
//!
//! Everything here is read from the application and shown, or handed to it by
//! whoever has the token; nothing is decided or counted here. [`listen`] takes the port, early and synchronously, so that
//! a port that cannot be had is a wrong setting; [`serve`] answers on it until
//! it is told to stop.
//!
//! Deliberately absent: TLS, and authentication of readers. Whoever can reach
//! the port may read what is said here, and what is said here holds no secrets.
//! To write takes the token, and without one there is nothing to write to.

mod access;
mod body;
mod connections;
mod events;
mod hand_in;
mod health;
mod ingestion;
mod metrics;
mod middleware;
mod pages;
mod problem;
mod refusals;
mod routes;
mod server;
mod settings;
mod state;

pub use body::HAND_IN_BYTES_MAX;
pub use hand_in::{HAND_IN_FRAMES_MAX, REDRIVE_PATH, REPLAY_PATH};
pub use server::{ListenError, listen, serve};
pub use settings::ApiSettings;
pub use state::{ApiState, WriteAccess};
