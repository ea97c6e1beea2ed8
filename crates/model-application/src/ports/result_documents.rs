//! How results look to readers.

use bytes::Bytes;
use domain::{HeroId, Timestamp};
use thiserror::Error;

use super::{Document, Publication, PublishError, Renewal, Run, RunId};
use crate::{
    accounts::AccountResult,
    result::{PatchHead, PatchResult, Slice},
};

/// Writes results as documents, and reads documents as results.
///
/// The same result has the same bytes, whoever writes it and when.
pub trait ResultDocuments: Send + Sync {
    /// What readers see of a patch beside its slices, of which no document is at hand
    /// yet; `index` has the patch too.
    fn outline(&self, result: &PatchResult, index: &PatchIndex) -> Publication;

    /// What they see of a slice; nothing if it is not there.
    fn of_slice(&self, result: &PatchResult, slice: Slice) -> Vec<Document>;

    /// What is written of a patch whose counts have not changed; `result.as_of` says
    /// when that was found.
    fn renewal(&self, result: &PatchHead, index: &PatchIndex) -> Renewal;

    /// Strength and advantages of a hero; none if the slice or the hero is not there.
    fn counters(&self, result: &PatchResult, slice: Slice, hero: HeroId) -> Option<Bytes>;

    /// Strength and synergies of a hero; none if the slice or the hero is not there.
    fn synergies(&self, result: &PatchResult, slice: Slice, hero: HeroId) -> Option<Bytes>;

    /// The scores of an account against the strengths of that patch.
    fn account(&self, scores: &AccountResult, patch: &PatchHead) -> Document;

    /// The figures of each slice, for the ledger: JSON.
    fn figures(&self, results: &[PatchHead]) -> String;

    /// A run as everybody may see it: JSON.
    fn entry(&self, run: &Run) -> Bytes;
}

/// What readers see, as results.
#[async_trait::async_trait]
pub trait PublishedResults: Send + Sync {
    /// Which patches there are; none if nothing was ever published.
    ///
    /// # Errors
    /// [`ReadBackError`].
    async fn index(&self) -> Result<Option<PatchIndex>, ReadBackError>;

    /// What is published of a patch, of one run; none if nothing is.
    ///
    /// # Errors
    /// [`ReadBackError`].
    async fn published(&self, patch: &str) -> Result<Option<PatchResult>, ReadBackError>;
}

/// Which patches have data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatchIndex {
    /// When it was last written.
    pub as_of: Timestamp,
    /// The newest one first.
    pub patches: Vec<IndexedPatch>,
}

/// A patch with data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexedPatch {
    /// Its name.
    pub patch: String,
    /// The run whose values it has.
    pub run: RunId,
    /// When that run began, or when a later one found the same counts.
    pub as_of: Timestamp,
}

/// Why what is published is not known.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ReadBackError {
    /// It could not be looked up.
    #[error(transparent)]
    Publisher(#[from] PublishError),
    /// Documents are not what their keys promise, or not of one run: another program
    /// has written them. To publish anew replaces them.
    #[error("{key} cannot be read: {why}")]
    Unreadable {
        /// Where it is.
        key: String,
        /// What is wrong with it.
        why: String,
    },
}
