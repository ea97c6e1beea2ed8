//! Which runs there were, what they read and what they published, told to a
//! collector of lineage in the words of `OpenLineage` 2-0-2.
//!
//! [`Lineage`] listens to runs like everybody who listens: nobody waits for it, and
//! nothing that becomes of what it tells changes a run. So what it tells may be lost,
//! where a collector is away for long; it says so in the log.
//!
//! Deliberately absent: steps. They are in the ledger.

mod collector;
mod event;
mod lineage;
mod section;

pub use self::{
    collector::{Collector, HttpCollector},
    event::{Dataset, Description},
    lineage::Lineage,
    section::{LineageSection, LineageSettings},
};
