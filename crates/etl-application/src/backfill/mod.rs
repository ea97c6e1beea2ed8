//! Loading a past range, beside what arrives.

mod id;
mod stored;

pub use id::{BackfillId, NoBackfillId};
pub use stored::{Backfill, BackfillState};
