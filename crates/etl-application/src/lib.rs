//! Ports and use cases of loading, in domain words.
//!
//! A record flows one way through here: a consumer hands it over, the loader
//! gathers batches, the store takes what follows from them, their days are
//! marked dirty, and then their positions are committed. Beside that the day
//! builder makes counters again wherever facts have changed. Nothing here knows
//! Kafka, a database or HTTP: they are adapters behind [`ports`].
//!
//! Nothing outside the warehouse takes part in exactness: what is read twice is
//! stored twice, under the same key and version, which changes nothing.

pub mod backfill;
pub mod counters;
pub mod ports;

mod build_days;
mod dead_letter;
mod details;
mod etl_status;
mod facts;
mod keep_patches;
mod ledger;
mod load;
mod record;
mod storing;
mod watch_schema;

pub use build_days::{DayBuilder, DayFigures, DayStatus};
pub use dead_letter::{DeadLetter, DeadLetterFilter, LetterAccount, NotRedriven, Redrive};
pub use details::{
    CallCounter, CallOutcome, DetailFigures, DetailParts, DetailSettings, DetailStatus,
    DetailWorker, DetailsFor, WISHES_WAITING_MAX, WishReason, WishRules,
};
pub use etl_status::{EtlSnapshot, EtlStatus};
pub use facts::{AccountFact, Facts, PLAYERS, PlayerFact, PositionFact, Positions, Rank};
pub use keep_patches::PatchKeeper;
pub use ledger::{Ledger, LedgerFigures, Rates, TopicFigures};
pub use load::{
    BatchLimits, Freshness, LoadFigures, LoadStatus, Loader, LoaderParts, LoaderSettings,
};
pub use record::{Answer, Content, DeadLetterReason, Invalid, RawRecord, Record};
pub use watch_schema::SchemaWatch;
