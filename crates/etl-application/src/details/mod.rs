//! Details by call: which matches they are wished for, and who asks for them.
//!
//! A wish is a row in the warehouse, made before the position of the record that
//! called for it is committed. Loading waits for no upstream: the worker takes
//! wishes at its own pace, and what it is told goes the way of every answer.

mod attempts;
mod reason;
mod rules;
mod settling;
mod status;
mod worker;

pub use reason::WishReason;
pub use rules::{DetailsFor, WishRules};
pub use status::{CallCounter, CallOutcome, DetailFigures, DetailStatus};
pub use worker::{DetailParts, DetailSettings, DetailWorker, WISHES_WAITING_MAX};
