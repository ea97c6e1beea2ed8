//! What models are published as: JSON documents in Redis.
//!
//! All documents of a patch are of one run, which each of them names. Within
//! version 1 fields are only added, and readers ignore what they do not know.
//! Effects are in points of win rate with two digits; a draft model is in whole
//! thousandths of log-odds, so that everybody who scores a draft gets the same
//! digits.

mod as_of;
mod counters;
mod decimal;
mod draft_model;
mod keys;
mod meta;
mod pas;
mod run;

use serde::{Serialize, de::DeserializeOwned};
use thiserror::Error;

pub use self::{
    as_of::AsOf,
    counters::{CountersDocument, PairPoints, StrengthPoints, SynergyDocument},
    decimal::Decimal,
    draft_model::DraftModelDocument,
    keys::{
        DEFAULT_MODE, LEADER_KEY, PAS_ACCOUNTS_KEY, PATCHES_KEY, PUBLISHED_CHANNEL, RUNS_KEY,
        SliceKeys, meta_key, pas_key,
    },
    meta::{HoldOutFigures, MetaDocument, PatchEntry, PatchesDocument, PriorFigures, SliceFigures},
    pas::{HeroScore, PasDocument, PasPriors, ScoreParts},
    run::{RunDocument, RunFailure, RunStepDocument},
};

/// The version that is written and read here.
pub const VERSION: u32 = 1;

/// Why a document cannot be used.
#[derive(Debug, Error)]
pub enum DocumentUnreadable {
    /// It is not what its key promises.
    #[error("it is no document of this kind")]
    Malformed(#[from] serde_json::Error),
    /// Another version would stand under another key.
    #[error("version {0} is not known here")]
    Version(u32),
}

/// A document, as bytes and back.
pub trait ModelDocument: Serialize + DeserializeOwned {
    /// Which version it has.
    fn version(&self) -> u32;

    /// Writes it. The same document has the same bytes.
    fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("numbers, strings and maps of numbers and strings")
    }

    /// Reads it back.
    ///
    /// # Errors
    /// [`DocumentUnreadable`].
    fn decode(bytes: &[u8]) -> Result<Self, DocumentUnreadable> {
        let document: Self = serde_json::from_slice(bytes)?;
        match document.version() {
            VERSION => Ok(document),
            other => Err(DocumentUnreadable::Version(other)),
        }
    }
}

macro_rules! documents {
    ($($document:ty),+) => {
        $(impl ModelDocument for $document {
            fn version(&self) -> u32 {
                self.v
            }
        })+
    };
}

documents!(
    CountersDocument,
    SynergyDocument,
    DraftModelDocument,
    MetaDocument,
    PatchesDocument,
    PasDocument,
    RunDocument
);
