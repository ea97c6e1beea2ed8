//! What services tell each other: versioned Kafka records, rows of tables, and documents.
//!
//! Each record type writes itself with `encode` and is read back with
//! `decode`. Its schema, a name and a version such as `match_ids_raw/1`, goes
//! with every record in a header: a reader refuses a version it does not know,
//! and ignores headers and JSON fields it does not know. The golden files
//! under `snapshots` are the records as they are on the wire; a change of
//! theirs is a new version.
//!
//! Who reads what others wrote judges it first: [`RejectedRecord`] has the
//! reasons for which a record is set aside, and [`version`] says which of two
//! records of the same thing counts.
//!
//! The tables that one service fills and others read are in [`warehouse`], the
//! documents in which models are published in [`models`].
//!
//! Nothing here sends or receives: a record is a key, a value and headers in
//! plain bytes, a row a struct.

mod dead_letter;
mod header;
mod json;
mod match_id;
mod match_summary;
pub mod models;
mod no_match_id;
mod number;
mod rejected_record;
mod shown;
mod version;
pub mod warehouse;
mod wire_time;

pub use dead_letter::{
    DETAIL_SIZE_MAX_BYTES, DeadLetterRecord, EncodedDeadLetter, PAYLOAD_SIZE_MAX_BYTES,
    REASON_SIZE_MAX_BYTES,
};
pub use header::{DecodeError, Header};
pub use json::{Member, text_of};
pub use match_id::{EncodedMatchId, MatchIdRecord, ReceivedMatchId};
pub use match_summary::{EncodedMatchSummary, MatchSummaryRecord, judge_receipt, judge_start};
pub use no_match_id::{NoMatchId, find_match_id, find_match_id_in_bytes, find_members_of};
pub use rejected_record::{RECORD_SIZE_MAX_BYTES, RejectedRecord};
pub use version::version;
