//! Steam, as a sign-in needs it (`[steam]`): asked whether it has said something, and what people are called.
//!
//! [`SteamChecker`] sends one question to the one endpoint of the settings, reads no more of the answer than an answer
//! is, and lets the rules of `identity` judge it. Nothing is discovered, no redirect is followed, and no address that a
//! browser brought is ever called. [`SteamPeople`] asks for names and pictures, if there is a key; nothing depends on
//! them.

mod checker;
mod people;
mod section;

pub use checker::{CHECK_TIME_MAX, SteamChecker};
pub use people::SteamPeople;
pub use section::{SignInSection, SignInSettings};
