//! What every store of profiles must do, as one suite of checks, and users for it.
//!
//! Only tests use it.

pub mod store_contract;
mod users;

pub use users::{beginning, details, steam_id, time, user};
