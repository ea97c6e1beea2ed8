//! What became of each run, in a SQLite file beside the process: it can be
//! asked when nothing else can, which is when runs fail.

mod ledger;
mod results;
mod rows;
mod written;

pub use ledger::SqliteLedger;
