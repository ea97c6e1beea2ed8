//! What the use cases need of the world.

mod leadership;
mod publishing;
mod run_ledger;

pub use leadership::{LeaderLock, Leadership};
pub use publishing::{Document, ModelPublisher, Publication, PublishError, Renewal, RunId};
pub use run_ledger::{
    Entered, Failure, LedgerError, Run, RunLedger, RunState, RunStep, StepName, Trigger,
};
