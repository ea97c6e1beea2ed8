//! The real server on a real socket, in front of auth in memory and a simulated Steam, asked by browsers that do as
//! they are told, by an independent client, by those who should not come in and, with the feature `browser-tests`, by a
//! real browser.

mod fields;
mod moody;
mod support;

mod administration;
mod documents;
mod flow;
mod hostile;
mod keys;
mod limits;
mod manual;
mod outages;
#[cfg(feature = "browser-tests")]
mod own_page;
mod secrets;
mod sessions;
mod sign_in;
mod tokens;
