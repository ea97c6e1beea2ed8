//! `[warehouse]`: where the warehouse is, for whoever writes or reads it, and
//! a client of the one on a server.
//!
//! What is in it stands in `contracts`, and how rows are sent is a matter of
//! the adapters. Settings that only one service has are declared there, in the
//! same section.

mod client;
mod section;
mod settings;

pub use client::{ClientError, client};
pub use section::WarehouseSection;
pub use settings::{WarehousePlace, WarehouseSettings};
