//! What models read of the embedded warehouse: a SQLite file that another process
//! makes, fills and upgrades, also meanwhile.
//!
//! Whatever is read together is of one moment. Nothing is written, and the file is
//! never made: as long as it is not there, the error says who makes it.

mod accounts;
mod builds;
mod counting;
mod drafts;
mod error;
mod reader;
mod trial;
mod values;

pub use reader::SqliteReader;
