//! The real server on a real socket, in front of what a real publisher has
//! published; asked by a real client and, with the feature `browser-tests`, by a
//! real browser.

mod support;

mod documents;
mod drafts;
mod faults;
#[cfg(feature = "browser-tests")]
mod live_page;
mod manual;
mod models;
mod refreshing;
mod runs;
