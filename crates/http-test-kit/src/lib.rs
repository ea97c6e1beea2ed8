//! What tests of a service's HTTP interface need, whichever service it is: a
//! client that says what went wrong, readers of events, of metrics and of the
//! manual, a real browser for the pages, and the service as a process.
//!
//! A dev-dependency only.

pub mod browser;
pub mod client;
pub mod events;
pub mod manual;
pub mod metrics;
pub mod secrets;
pub mod service;

use std::time::Duration;

/// No test waits longer for anything.
pub const DEADLINE: Duration = Duration::from_mins(1);
