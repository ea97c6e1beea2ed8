//! The inbound feed of Steam: the sequence in which matches ended.
//!
//! It is the only feed that is complete and can be resumed: it is asked page by
//! page, from one number of the sequence to the next. A first pass follows the
//! end of the sequence; a second one trails it by an hour and finds the matches
//! that appeared late. Where both are is the feed's [`Checkpoint`](ingestion_application::Checkpoint).
//!
//! How often the upstream may be called, and what its answers say, is the
//! business of `steam-client`.

mod calls;
mod feed;
mod health;
mod place;
mod rows;
mod section;
mod seen;
mod told;

pub use feed::{DEDUP_WINDOW_SIZE, SILENT_AFTER, SOURCE, SteamFeed};
pub use health::KeyHealth;
pub use section::{Start, StartSection};
