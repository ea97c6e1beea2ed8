//! Fakes of ingestion's ports, the suites that fakes and adapters must both
//! pass, an account of receipts, a simulated disk and, as a feature, the way to
//! a simulated network; a dev-dependency only.

pub mod journal;
pub mod publisher;
pub mod receipts;
pub mod simulated_disk;
#[cfg(feature = "simulated-network")]
pub mod simulated_network;
pub mod source;
pub mod summaries;
