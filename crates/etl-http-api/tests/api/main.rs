//! The real server on a real socket, in front of the real loader and a warehouse
//! that says what the test wants; asked by a real client and, with the feature
//! `browser-tests`, by a real browser.

mod support;

mod backfills;
mod documents;
mod events;
mod figures;
#[cfg(feature = "browser-tests")]
mod live_page;
mod manual;
mod questions;
mod rebuild;
