//! What every client of an HTTP API of others needs, whichever API it is.
//!
//! [`HttpClient`] makes one call and brings its whole answer, or says why there
//! is none: it follows no redirect, uses no proxy, and has a limit for each
//! wait and for the size of an answer. A [`StreamedAnswer`] is read as it comes. [`Backoff`] says how long to wait before
//! the next attempt, [`retry_after()`] how long the other side wants us to, and
//! [`tls`] whom to trust; [`wire`] reads values that are written in more than one way, and
//! [`CallCounts`] are what became of calls.
//!
//! Nothing here tries again, and nothing knows what an answer means.

mod backoff;
mod call_counts;
mod http_client;
mod retry_after;
mod streamed_answer;
pub mod tls;
pub mod wire;

pub use backoff::Backoff;
pub use call_counts::CallCounts;
pub use http_client::{CallFailed, ClientLimits, HttpAnswer, HttpClient};
pub use retry_after::retry_after;
pub use streamed_answer::StreamedAnswer;
