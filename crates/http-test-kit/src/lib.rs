//! What tests of a service's HTTP interface need, whichever service it is: a
//! client that says what went wrong, readers of events, of metrics and of the
//! manual, and a real browser for the pages.
//!
//! A dev-dependency only. It starts no server: that is the test's.

pub mod browser;
pub mod client;
pub mod events;
pub mod manual;
pub mod metrics;
pub mod secrets;

use std::time::Duration;

/// No test waits longer for anything.
pub const DEADLINE: Duration = Duration::from_mins(1);
