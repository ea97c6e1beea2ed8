//! The feed over pages: lists of matches that have ended, asked for call by call.
//!
//! An id is given to a match at its start, and a row is there from its end on: so
//! rows appear everywhere below the first one, and the highest id says nothing of
//! what is still to come. The lists are walked down again and again, a little
//! often and far now and then, and what was not there before is handed over. How
//! far everything was seen is the feed's
//! [`Checkpoint`](ingestion_application::Checkpoint).
//!
//! How often the upstream may be called, and what its answers say, is the
//! business of `opendota-client`.

mod calls;
mod feed;
mod health;
mod known;
mod pace;
mod place;
mod progress;
mod rows;
mod section;
mod walk;

use std::time::Duration;

use ingestion_application::SourceName;
use opendota_client::PageList;

pub use feed::PagesFeed;
pub use health::PagesHealth;
pub use rows::frame;
pub use section::PagesSection;
pub use walk::Plan;

/// The name of this feed in records, metrics and logs.
pub const SOURCE: SourceName = SourceName::new("opendota_pages");

/// Without a new row for so long the feed is silent: matches end, and replays are
/// read, at any time of the day; matches of leagues are played every day.
#[must_use]
pub fn silent_after(lists: &[PageList]) -> Duration {
    let is_slow = lists.iter().all(|list| *list == PageList::Pro);
    if is_slow {
        Duration::from_hours(24)
    } else {
        Duration::from_mins(10)
    }
}
