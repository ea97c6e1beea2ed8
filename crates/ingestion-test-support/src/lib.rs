//! Fakes of ingestion's ports, the suites that fakes and adapters must both
//! pass, an account of receipts, and a simulated disk; a dev-dependency only.

pub mod journal;
pub mod publisher;
pub mod receipts;
pub mod simulated_disk;
pub mod source;
