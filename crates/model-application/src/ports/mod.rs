//! What the use cases need of the world.

mod account_reader;
mod counter_reader;
mod leadership;
mod publishing;
mod read_error;
mod run_ledger;

pub use account_reader::{AccountGame, AccountReader, NOT_IN_DRAFT};
pub use counter_reader::{
    Cell, CounterReader, DayBuild, DayToRead, DraftSeen, OTHER_MODE, Part, PatchCounts, Trial,
};
pub use leadership::{LeaderLock, Leadership};
pub use publishing::{Document, ModelPublisher, Publication, PublishError, Renewal, RunId};
pub use read_error::ReadError;
pub use run_ledger::{
    Entered, Failure, LedgerError, Run, RunLedger, RunState, RunStep, StepName, Trigger,
};
