//! The real server on a real socket, in front of profiles in memory, asked by a real client with real tokens and,
//! with the feature `browser-tests`, by a real browser.

mod support;

mod administration;
mod changes;
mod documents;
#[cfg(feature = "browser-tests")]
mod live_page;
mod looks;
mod manual;
mod refusals;
