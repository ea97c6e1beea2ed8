//! How a service is: the words, the rule that sums them up, and the clock
//! that says since when.
//!
//! Whoever knows a part of a service is a [`HealthReporter`]; [`Health`] asks
//! them all, and [`Readiness`] those the service cannot do without. Nothing
//! here knows which parts there are, or how an answer gets to a reader.

mod clock;
mod health;
mod health_reporter;

pub use clock::{Clock, SystemClock};
pub use health::{Condition, Health, HealthCheck, HealthReport, HealthStatus, Readiness};
pub use health_reporter::HealthReporter;
