//! Profiles over HTTP: what users see and change of their own with their access tokens, and administrators of all.
//!
//! Nothing is decided here: who may do what, and what may stand in a profile, is said by the application. Here a
//! request is read, its token is taken, and what came of it is written as an answer. The server, its limits and what
//! every service shows are http-kit's.

mod answer;
mod caller;
mod documents;
mod figures;
mod interface;
mod list;
mod metrics;
mod profile;
mod refused;
mod subscription;

pub use interface::{ApiState, serve};
