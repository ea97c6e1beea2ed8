//! Results that outlast the process that computed them.

use async_trait::async_trait;

use super::{LedgerError, RunId};
use crate::result::PatchResult;

/// Keeps the last results of each patch beside the process, so that one can be
/// published again without computing it.
#[async_trait]
pub trait ResultStore: Send + Sync {
    /// Keeps a result, and forgets all but the last two of its patch and that of the
    /// run whose result readers see, if there is one.
    ///
    /// MUST be one step, and survive the loss of this process. Keeping the result
    /// of the same run and patch again replaces it.
    ///
    /// # Errors
    /// Whether it is kept is not known.
    async fn keep(&self, result: &PatchResult, published: Option<RunId>)
    -> Result<(), LedgerError>;

    /// The results of a run that are still kept, by the names of their patches.
    ///
    /// # Errors
    /// They could not be looked up.
    async fn results_of(&self, run: RunId) -> Result<Vec<PatchResult>, LedgerError>;

    /// Which results there are, the newest run first.
    ///
    /// # Errors
    /// They could not be looked up.
    async fn kept(&self) -> Result<Vec<(RunId, String)>, LedgerError>;
}
