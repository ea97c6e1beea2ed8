//! What refreshing a session costs: the release build of `auth-service` on a real PostgreSQL that syncs every commit,
//! asked at a fixed rate, beside a transaction of the same shape through the client of the database alone. And how
//! soon the services of accounts are there, and what they need when nobody asks.

mod alone;
mod open_loop;
mod service;

pub use alone::Alone;
pub use open_loop::{Latencies, at_rate};
pub use service::{Accounts, Started};
