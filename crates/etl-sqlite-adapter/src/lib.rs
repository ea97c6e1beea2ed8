//! The warehouse in a SQLite file, for whoever wants no server: facts, marks,
//! counters and wishes.
//!
//! Tables and columns are those of `contracts::warehouse`, and a suite that
//! every warehouse must pass says that they hold the same. What is different is
//! inside: a transaction does what takes care on a server. A batch is stored
//! whole or not at all, a day is read as of one moment and swapped in at another.
//!
//! Every statement runs on the thread of its connection, and counting on
//! threads for blocking work: nothing here keeps the runtime busy.

mod backfills;
mod building;
mod calls;
mod counting;
mod error;
mod facts;
mod marks;
mod patches;
mod reading;
mod statement;
mod stored_rows;
mod trial;
mod values;
mod warehouse;
mod wishes;

pub use warehouse::SqliteWarehouse;
