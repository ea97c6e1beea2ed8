//! What the use cases need of the world.

mod account_reader;
mod account_scores;
mod account_store;
mod counter_reader;
mod leadership;
mod patch_source;
mod publishing;
mod read_error;
mod result_documents;
mod result_store;
mod run_ledger;
mod schedule;

pub use account_reader::{AccountGame, AccountReader, NOT_IN_DRAFT};
pub use account_scores::{AccountScores, ScoresUnavailable};
pub use account_store::{AccountStore, TrackedAccounts};
pub use counter_reader::{
    Cell, CounterReader, DayBuild, DayToRead, DraftSeen, OTHER_MODE, Part, PatchCounts, Trial,
};
pub use leadership::{LeaderLock, Leadership};
pub use patch_source::{PatchSource, PatchesUnreadable};
pub use publishing::{Document, ModelPublisher, Publication, PublishError, Renewal, RunId};
pub use read_error::ReadError;
pub use result_documents::{
    IndexedPatch, PatchIndex, PublishedResults, ReadBackError, ResultDocuments,
};
pub use result_store::ResultStore;
pub use run_ledger::{
    Entered, Failure, LedgerError, Run, RunLedger, RunState, RunStep, StepName, Trigger,
};
pub use schedule::Schedule;
