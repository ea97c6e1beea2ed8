//! The HTTP interface: health, status, metrics, its own description and the live page.
//!
//! Everything here is read from the application and shown; nothing is decided
//! or counted here. [`listen`] takes the port, early and synchronously, so that
//! a port that cannot be had is a wrong setting; [`serve`] answers on it until
//! it is told to stop.
//!
//! Deliberately absent: TLS and authentication. Whoever can reach the port may
//! read what is said here, and what is said here holds no secrets.

mod connections;
mod events;
mod health;
mod ingestion;
mod metrics;
mod middleware;
mod pages;
mod problem;
mod routes;
mod server;
mod settings;
mod state;

pub use server::{ListenError, listen, serve};
pub use settings::ApiSettings;
pub use state::ApiState;
