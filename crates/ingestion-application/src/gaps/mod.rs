//! Gaps: what feeds that cannot look back did not tell, and how it is made up for.
//!
//! A feed that is pushed says nothing of what it had to say while it was
//! interrupted, or while the service was down. Each interruption therefore opens
//! a *window* in time, from when the feed was last heard until it is heard again.
//! Windows are closed by feeds that can look back, which say of which time they
//! have told everything ([`Coverage`](crate::ports::Coverage)). What nobody can
//! close any more is lost, and is told.
//!
//! The [`Register`] knows all windows; it is a machine without clock and I/O.
//! [`Gaps`] is what everybody shares of it.

mod gap;
mod register;
mod shared;
mod window;
mod written;

#[cfg(test)]
mod register_tests;

pub use gap::{Gap, GapCause, GapState};
pub use shared::{Gaps, GapsSnapshot};

use crate::SourceName;

/// Under this name gaps are kept, beside the places of feeds.
pub const GAPS: SourceName = SourceName::new("gaps");
