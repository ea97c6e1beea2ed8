//! What shows that publishing keeps its promises: publications that can be told
//! apart, readers that find a mixed one, and bugs for them to find.
//!
//! Only tests use it. Its program `numbered-publisher` publishes until it is
//! killed, which its tests do at any instant.

mod numbered;
mod planted;
mod readers;

pub use numbered::{HEROES, Numbered, PATCH, hero_keys};
pub use planted::{Bug, Planted};
pub use readers::{Reader, Seen};
