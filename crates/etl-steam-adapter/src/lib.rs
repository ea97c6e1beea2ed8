//! Parts of the past, asked of Steam by their place in its sequence of matches.
//!
//! [`walk_sequence`] begins a
//! [`BackfillOrigin`](etl_application::ports::BackfillOrigin): the pages of a
//! range of numbers, or of a time, which is searched first. All ranges of a
//! process call through one [`SteamTurns`], which keeps their share.

mod piece;
mod range;
mod search;
mod turns;
mod walk;

pub use range::{SOURCE, walk_sequence};
pub use turns::SteamTurns;
