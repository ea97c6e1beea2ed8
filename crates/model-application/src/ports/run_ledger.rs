//! What became of each run.

use std::fmt;

use async_trait::async_trait;
use domain::Timestamp;
use thiserror::Error;

use super::RunId;

/// The runs that there were, for whoever asks what happened and when.
///
/// It works without the warehouse and without readers, which is when runs fail.
/// What is entered or set down survives the loss of this process.
#[async_trait]
pub trait RunLedger: Send + Sync {
    /// Enters a run that begins, and forgets the oldest ones beyond the ledger's limit.
    ///
    /// MUST be one step with looking whether another run is not finished yet:
    /// then nothing is entered, and that one is named. Entering a run again that
    /// is there changes nothing.
    ///
    /// # Errors
    /// Whether it was entered is not known.
    async fn enter(&self, run: &Run) -> Result<Entered, LedgerError>;

    /// Sets down how a run is now, with all of its steps.
    ///
    /// # Errors
    /// [`LedgerError::NoSuchRun`], and [`LedgerError::NoWayBack`] if its state
    /// [may not become](RunState::may_become) this one. Nothing is changed then.
    async fn set_down(&self, run: &Run) -> Result<(), LedgerError>;

    /// How a run is; `None` if there is none of that id, or it is forgotten.
    ///
    /// # Errors
    /// It could not be looked up.
    async fn run(&self, id: RunId) -> Result<Option<Run>, LedgerError>;

    /// How runs are, the newest first: at most `count_max`, of this state or of all.
    ///
    /// # Errors
    /// They could not be looked up.
    async fn runs(
        &self,
        count_max: usize,
        state: Option<RunState>,
    ) -> Result<Vec<Run>, LedgerError>;

    /// At a start: whoever did the runs that are not finished is gone, so they
    /// end as interrupted at this time; which.
    ///
    /// # Errors
    /// Whether they have ended is not known.
    async fn interrupt_unfinished(&self, at: Timestamp) -> Result<Vec<RunId>, LedgerError>;
}

/// A run, as the ledger has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Sorts by the time at which it was queued.
    pub id: RunId,
    /// How far it is, or how it ended.
    pub state: RunState,
    /// Why it was begun.
    pub trigger: Trigger,
    /// By whom, if by somebody.
    pub by: Option<String>,
    /// When it was asked for.
    pub queued_at: Timestamp,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Version and commit of the program.
    pub program: String,
    /// Tells settings apart.
    pub settings_hash: String,
    /// Tells counts apart, once they are read.
    pub counts_hash: Option<String>,
    /// Figures of each slice, as JSON.
    pub figures: Option<String>,
    /// Where and why it failed, or was held.
    pub failure: Option<Failure>,
    /// What it has done, in order.
    pub steps: Vec<RunStep>,
}

/// Where and why a run did not publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The step in which it ended.
    pub step: StepName,
    /// Why, in a sentence.
    pub cause: String,
}

/// An attempt at a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunStep {
    /// Which step.
    pub name: StepName,
    /// The first is 1.
    pub attempt: u32,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended; none while it goes on.
    pub ended_at: Option<Timestamp>,
    /// How many rows or documents went through it.
    pub rows: u64,
    /// What else is to be said.
    pub detail: String,
}

/// What became of entering a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entered {
    /// It is in the ledger.
    Yes,
    /// It is not: this one is not finished yet.
    InProgress(RunId),
}

/// Why the ledger did not do what it was asked to.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LedgerError {
    /// It cannot be used now; it says what helps.
    #[error("{detail}")]
    Unavailable {
        /// What is wrong.
        detail: String,
        /// The word for it in metrics.
        cause: &'static str,
    },
    /// There is no such run.
    #[error("there is no run {0}")]
    NoSuchRun(RunId),
    /// A run that has ended does not go on.
    #[error("run {id} is {from} and cannot become {to}")]
    NoWayBack {
        /// The run.
        id: RunId,
        /// What it is.
        from: RunState,
        /// What it was to become.
        to: RunState,
    },
}

/// Names that are stored, shown and read again.
macro_rules! names {
    ($(#[$doc:meta])* $type:ident { $($(#[$variant_doc:meta])* $variant:ident = $name:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $type {
            $($(#[$variant_doc])* $variant,)+
        }

        impl $type {
            /// All of them, in their order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Its name.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }

            /// The one of this name.
            #[must_use]
            pub fn of(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.as_str() == name)
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

names! {
    /// How far a run is, or how it ended.
    RunState {
        /// It waits for its turn.
        Queued = "queued",
        /// It is under way.
        Running = "running",
        /// Readers see it.
        Published = "published",
        /// It is worse than what readers see; an operator may publish it.
        Held = "held",
        /// Its counts are those of what readers see.
        Unchanged = "unchanged",
        /// It could not be done.
        Failed = "failed",
        /// Its process ended before it.
        Interrupted = "interrupted",
        /// Somebody did not want it any more.
        Cancelled = "cancelled",
    }
}

names! {
    /// Why a run was begun.
    Trigger {
        /// It was time.
        Schedule = "schedule",
        /// Somebody asked for it.
        Manual = "manual",
        /// The service has started, and what is published was old.
        Start = "start",
        /// A patch has appeared.
        NewPatch = "new_patch",
    }
}

names! {
    /// A step of a run.
    StepName {
        /// Becoming the leader.
        Lock = "lock",
        /// Reading counts.
        Read = "read",
        /// Looking whether they add up.
        Check = "check",
        /// Estimating each slice.
        Estimate = "estimate",
        /// Comparing with what is published.
        Judge = "judge",
        /// Putting documents aside.
        Stage = "stage",
        /// Letting readers see them.
        Switch = "switch",
        /// Reading a part of them again.
        Verify = "verify",
    }
}

impl RunState {
    /// Whether nothing more happens by itself.
    #[must_use]
    pub const fn is_finished(self) -> bool {
        !matches!(self, Self::Queued | Self::Running)
    }

    /// Whether a run may go from this state to another. Staying is always allowed.
    #[must_use]
    pub fn may_become(self, next: Self) -> bool {
        use RunState::{Held, Published, Queued, Running};
        let ends_without_result =
            matches!(next, Self::Failed | Self::Interrupted | Self::Cancelled);
        match self {
            _ if next == self => true,
            Queued => next == Running || ends_without_result,
            Running => next.is_finished(),
            Held => next == Published,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_again() {
        for state in RunState::ALL {
            assert_eq!(RunState::of(state.as_str()), Some(*state));
        }
        assert_eq!(StepName::of("verify"), Some(StepName::Verify));
        assert_eq!(Trigger::of("new_patch"), Some(Trigger::NewPatch));
        assert_eq!(RunState::of("Queued"), None);
    }

    #[test]
    fn a_run_goes_forwards() {
        let ways = |from: RunState| {
            let ways = RunState::ALL.iter().filter(|to| from.may_become(**to));
            ways.map(|to| to.as_str()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(
            ways(RunState::Queued),
            "queued running failed interrupted cancelled"
        );
        assert_eq!(
            ways(RunState::Running),
            "running published held unchanged failed interrupted cancelled"
        );
        assert_eq!(ways(RunState::Held), "published held");
        for end in [
            "published",
            "unchanged",
            "failed",
            "interrupted",
            "cancelled",
        ] {
            assert_eq!(ways(RunState::of(end).expect("it is one")), end);
        }
    }
}
