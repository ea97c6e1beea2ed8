//! Signing in over HTTP: a browser goes to Steam and comes back, a client gets tokens for what the browser brings,
//! everybody gets the keys to judge tokens by; users see their own sessions, administrators look after users.
//!
//! Nothing is decided here: what a request may have is said by the application. Here a request is read, counted
//! against the limits of its network, and what came of it is written as the standards have it: RFC 6749 and RFC 7636
//! (codes and tokens), RFC 9207 (who has answered), RFC 7009 and RFC 7662 (tokens given back and looked at), RFC 8414
//! and RFC 7517 (where everything is, and the keys). The server, its limits and what every service shows are
//! http-kit's.

mod administration;
mod authorize;
mod callback;
mod caller;
mod cookie;
mod discovery;
mod documents;
mod form;
mod interface;
mod introspect;
mod limits;
mod metrics;
mod page;
mod rates;
mod refused;
mod sessions;
mod sessions_page;
mod token;

pub use interface::{ApiState, serve};
pub use rates::{RateSection, RateSettings};
