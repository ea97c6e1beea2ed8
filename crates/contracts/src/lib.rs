//! Versioned Kafka records, shared by producer and consumers.
//!
//! Each record type writes itself with `encode` and is read back with
//! `decode`. Its schema, a name and a version such as `match_ids_raw/1`, goes
//! with every record in a header: a reader refuses a version it does not know,
//! and ignores headers and JSON fields it does not know. The golden files
//! under `snapshots` are the records as they are on the wire; a change of
//! theirs is a new version.
//!
//! Nothing here sends or receives: a record is a key, a value and headers in
//! plain bytes.

mod dead_letter;
mod header;
mod json;
mod match_id;
mod no_match_id;
mod shown;
mod wire_time;

pub use dead_letter::{
    DETAIL_SIZE_MAX_BYTES, DeadLetterRecord, EncodedDeadLetter, PAYLOAD_SIZE_MAX_BYTES,
    REASON_SIZE_MAX_BYTES,
};
pub use header::{DecodeError, Header};
pub use match_id::{EncodedMatchId, MatchIdRecord};
pub use no_match_id::{NoMatchId, find_match_id, find_match_id_in_bytes};
