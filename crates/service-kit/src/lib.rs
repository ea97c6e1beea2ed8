//! What every binary needs and no layer knows: settings, telemetry, lifecycle.
//!
//! A service declares its settings and names its tasks; this crate reads the
//! one, watches the other, and knows nothing of what either is for.

pub mod config;
pub mod counting;
pub mod descriptors;
pub mod disk;
pub mod exit_code;
pub mod lifecycle;
pub mod service;
pub mod telemetry;
