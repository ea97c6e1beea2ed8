//! `[warehouse]`: where the warehouse is, for whoever writes or reads it, and
//! a client of the one on a server, with what its errors mean.
//!
//! What is in it stands in `contracts`, and how rows are sent is a matter of
//! the adapters. Settings that only one service has are declared there, in the
//! same section.

mod client;
mod fault;
mod section;
mod settings;

pub use client::{ClientError, client};
pub use fault::{Fault, code, detail};
pub use section::WarehouseSection;
pub use settings::{WarehousePlace, WarehouseSettings};
