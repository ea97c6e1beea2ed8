//! How a service is: the words, the rule that sums them up, the clock that says
//! since when, and figures of how long things take and how often they happen.
//!
//! Whoever knows a part of a service is a [`HealthReporter`]; [`Health`] asks
//! them all, and [`Readiness`] those the service cannot do without. Nothing
//! here knows which parts there are, or how an answer gets to a reader.

mod clock;
mod duration_buckets;
mod health;
mod health_reporter;
mod recent;

pub use clock::{Clock, SystemClock};
pub use duration_buckets::DurationBuckets;
pub use health::{Condition, Health, HealthCheck, HealthReport, HealthStatus, Readiness};
pub use health_reporter::HealthReporter;
pub use recent::{RecentCount, RecentDurations};
