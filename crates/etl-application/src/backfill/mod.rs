//! Loading a past range, beside what arrives.

mod id;
mod meter;
mod progress;
mod range;
mod run;
mod service;
mod share;
mod stored;
mod walked;

pub use id::{BackfillId, NoBackfillId};
pub use meter::{BackfillFigures, BackfillMeter};
pub use progress::{BackfillOwner, Progress};
pub use range::{BackfillRange, STANDARD_INPUT, SequencePart, Span, UnknownRange};
pub use run::{
    BACKFILLS_MAX, BackfillEnd, BackfillSettings, BackfillStop, BackfillWatcher, Backfiller,
    BackfillerParts, BeginError, CancelError, progress_of,
};
pub use service::Backfills;
pub use share::BackfillShare;
pub use stored::{Backfill, BackfillState};
pub use walked::{WalkReader, WalkedRange};
