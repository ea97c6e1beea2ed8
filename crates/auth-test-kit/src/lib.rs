//! An issuer of access tokens for tests: it signs whatever it is told to, and serves the set of its keys, or
//! whatever it is told to serve instead.
//!
//! A [`TestIssuer`] is started with the clock of the test; its [`url`](TestIssuer::url) is `AUTH_ISSUER` of the service
//! that is tested, and [`token`](TestIssuer::token) gives what goes behind `Authorization: Bearer`.
//!
//! It shares no code with those who verify tokens, nor with those who issue them in earnest.

mod issuer;
mod key;
mod server;

pub use issuer::TestIssuer;
pub use key::{KeyKind, TestKey, encoded};
pub use server::Answers;
