//! The real server on a real socket, asked by a real client and, with the feature
//! `browser-tests`, by a real browser.

mod support;

mod answers;
mod documents;
mod events;
mod figures;
mod limits;
#[cfg(feature = "browser-tests")]
mod live_page;
mod manual;
mod problems;
mod writing;
