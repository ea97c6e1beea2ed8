//! Details of matches, asked of `OpenDota` by call.
//!
//! [`OpenDotaDetails`] meets the port
//! [`MatchDetails`](etl_application::ports::MatchDetails): one call for one
//! match, within the limits that the client keeps, and its answer as far as
//! tables need it. Which matches are asked for, and when again, is for whoever
//! asks.

mod decode;
mod details;
mod memory;
mod value;
mod wire;

pub use details::{OpenDotaDetails, SOURCE, UPSTREAM};
