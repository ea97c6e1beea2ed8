//! The Web API of Steam, as far as it tells of matches and of what people are called, called at the pace that it bears.
//!
//! [`Steam`] asks for a page of the sequence in which matches ended, or for the
//! newest number of that sequence, or for a person, and says what the answer means. Each key has
//! a pace of its own, which adapts to the refusals it gets, and a number of calls
//! for a day; two keys take turns.
//!
//! Nothing here waits, tries again, or remembers how far somebody has read: whoever
//! asks is told when to ask again, and gets whole matches or what is wrong with them.

mod answer;
mod client;
mod keys;
mod page;
mod person;
mod section;
mod settings;
mod transport;
mod wire;

pub use answer::CallError;
pub use client::{ROWS_MAX, Steam};
pub use client_kit::CallCounts;
pub use keys::{CALLS_PER_DAY, KeyStatus};
pub use page::{OddMatch, Page, SteamMatch};
pub use person::SteamPerson;
pub use section::SteamSection;
pub use settings::SteamSettings;
pub use transport::Transport;
