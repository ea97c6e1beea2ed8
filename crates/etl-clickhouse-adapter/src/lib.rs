//! The warehouse on a ClickHouse server: tables, facts, marks, counters and wishes.
//!
//! Rows are those of `contracts::warehouse`, and a suite that every warehouse
//! must pass says that they mean the same. What takes care here are keys and
//! marks, for there are no transactions: of rows with one key the highest
//! version counts, whatever came when, and a day whose build saw less than its
//! last mark is built again. Counting is done by the engine.
//!
//! Connections are made by `warehouse-kit`. Nothing here tries anything twice:
//! what failed is repeated by whoever asked, which changes nothing.

mod backfills;
mod building;
mod calls;
mod days;
mod error;
mod facts;
mod marks;
mod patches;
mod reading;
mod row;
mod schema;
mod stage;
mod statements;
mod trial;
mod verifying;
mod warehouse;
mod wishes;

pub use schema::{SCHEMA_VERSION, SchemaError};
pub use statements::{TableOptions, statements};
pub use trial::Disk;
pub use warehouse::{ClickHouseWarehouse, InsertCompression, WarehouseOptions};
