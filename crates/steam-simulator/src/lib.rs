//! Signing in with Steam, simulated with its faults.
//!
//! A [`SteamSimulator`] is what `steamcommunity.com` and `api.steampowered.com` are to a site that people sign
//! in to: a page that sends a browser back as whom you say, an endpoint that says whether it said that, and
//! what people are called. By its [`Mode`] it says no, breaks its own protocol, is slow, busy or endless. It
//! counts what it was asked, so a test can see what was never asked.
//!
//! The crate knows nothing of the service that asks.

mod form;
mod http;
mod mode;
mod openid;
mod simulator;

pub use mode::{Mode, ModeError};
pub use simulator::{Counts, Person, StartError, SteamSimulator};
