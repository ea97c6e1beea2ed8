//! Matches, asked of `OpenDota` by call.
//!
//! [`OpenDotaDetails`] meets the port
//! [`MatchDetails`](etl_application::ports::MatchDetails): one call for one
//! match, and its answer as far as tables need it. [`walk_pages`] is a
//! [`BackfillOrigin`](etl_application::ports::BackfillOrigin): the pages of a
//! time, one after the other. Both call through one [`client()`], within the
//! limits that it keeps.

mod client;
mod decode;
mod details;
mod memory;
mod range;
mod wire;

pub use client::{UPSTREAM, client, client_over};
pub use details::{OpenDotaDetails, SOURCE};
pub use range::{PAGES_SOURCE, PagesAccess, walk_pages};
