//! The HTTP interface that every service has, and the place for what it adds.
//!
//! A service describes itself in an [`Interface`] and gets `/livez`, `/readyz`,
//! `/api/v1/health`, `/metrics`, `/openapi.json`, `/docs` and `/redoc`, with
//! every limit, header and problem document in front of its own paths too.
//! [`listen`] takes the port, early and synchronously, so that a port that
//! cannot be had is a wrong setting; [`serve`] answers on it until it is told
//! to stop.
//!
//! Deliberately absent: TLS, authentication of readers, and any service's own
//! figures and pages.

mod access;
mod body;
mod client_address;
mod connections;
mod documents;
mod events;
mod figures;
mod health;
mod idempotency;
mod interface;
mod json_body;
mod live_page;
mod metrics;
mod middleware;
mod parameters;
mod preconditions;
mod problem;
mod questions;
mod rate_limit;
mod refusals;
mod refused_tokens;
mod routes;
mod server;
mod settings;
mod status;
mod time_limit;
mod timestamp;

pub use access::{WriteRefusals, authorize, bearer_token, note_refused_token, nothing_here};
pub use body::read_body;
pub use client_address::{TrustedProxies, client_address};
pub use documents::html;
pub use events::EventStreams;
pub use figures::{Labels, Metrics, Writer};
pub use idempotency::{Remembered, idempotency_key};
pub use interface::{Interface, PathWriter, ServiceParts, WritePath};
pub use json_body::read_json;
pub use live_page::live_page;
pub use parameters::{Parameters, path_parameter};
pub use preconditions::{expected_tags, is_known, tagged};
pub use problem::{PROBLEM_JSON, Problem};
pub use questions::Questions;
pub use rate_limit::{Rate, RateLimit, TooOften};
pub use server::{ListenError, listen, serve};
pub use settings::{ApiSection, ApiSettings};
pub use status::status_page;
pub use time_limit::RequestTimeout;
pub use timestamp::rfc3339;
