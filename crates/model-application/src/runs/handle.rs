//! What others may ask of runs: to begin one, to publish or to cancel one, and how
//! they were.

use std::sync::Arc;

use domain::Timestamp;
use health_kit::Clock;
use thiserror::Error;
use tokio::sync::mpsc;

use super::{
    RunEvent, RunEventKind, RunEvents, RunRequest, RunsStatus, Standing, Turn, turn::Turns,
};
use crate::{
    ports::{
        Entered, LedgerError, PatchSource, PatchesUnreadable, ResultStore, Run, RunId, RunLedger,
        RunState,
    },
    result::PatchResult,
    slices::{Mode, Skill},
};

/// Asks whoever carries runs out; see [`RunOrders`].
///
/// Everything may be asked at any time. Whoever asks may go away: what was
/// accepted is done.
pub struct Runs {
    parts: HandleParts,
    events: RunEvents,
    orders: mpsc::Sender<Order>,
    turns: Turns,
}

/// What is needed to be asked.
pub struct HandleParts {
    /// The runs that there were.
    pub ledger: Arc<dyn RunLedger>,
    /// Their results.
    pub results: Arc<dyn ResultStore>,
    /// How runs are on the whole.
    pub status: Arc<RunsStatus>,
    /// Which patches there are.
    pub patches: Arc<dyn PatchSource>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// What may be asked for.
    pub description: RunsDescription,
}

/// What the settings say of runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunsDescription {
    /// Version and commit of the program.
    pub program: String,
    /// Tells settings apart.
    pub settings_hash: String,
    /// Which skills there are.
    pub skills: Vec<Skill>,
    /// Which modes there are.
    pub modes: Vec<Mode>,
}

/// What whoever carries runs out gets to do, one after another.
pub struct RunOrders(mpsc::Receiver<Order>);

impl RunOrders {
    /// The next thing to be done; none if nobody can ask any more.
    pub async fn next(&mut self) -> Option<Order> {
        self.0.recv().await
    }

    /// Refuses whatever is asked for from now on; what was accepted still comes.
    pub fn close(&mut self) {
        self.0.close();
    }
}

/// Something to be done; nothing else is under way until it is dropped.
#[derive(Debug)]
pub struct Order {
    /// The run, as the ledger has it.
    pub run: Run,
    /// What is to be done with it.
    pub task: Task,
    /// Nobody else's.
    pub turn: Turn,
}

/// What is to be done with a run.
#[derive(Debug)]
pub enum Task {
    /// Compute it; it is in the ledger, queued.
    Compute(RunRequest),
    /// Publish what it has found; it has ended.
    Publish {
        /// What it has found, for each patch.
        results: Vec<PatchResult>,
        /// By whom it is wanted.
        by: Option<String>,
    },
}

/// Why a run does not begin.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RunRefused {
    /// There is never more than one.
    #[error("run {0} is in progress")]
    InProgress(RunId),
    /// Another instance carries runs out, or nobody knows who.
    #[error("this instance is not the leader")]
    NotLeader {
        /// Who is, where that is known.
        leader: Option<String>,
    },
    /// There is no such patch.
    #[error("no patch is called {patch:?}")]
    UnknownPatch {
        /// What was asked for.
        patch: String,
        /// What there is, the newest first.
        known: Vec<String>,
    },
    /// The settings do not name this slice.
    #[error("{name} is not among the slices that the settings name")]
    NoSuchSlice {
        /// The skill or the mode.
        name: &'static str,
    },
    /// The process is about to end.
    #[error("the service is draining: it begins nothing new")]
    Draining,
    /// Nobody knows which patches there are.
    #[error(transparent)]
    Patches(#[from] PatchesUnreadable),
    /// The ledger cannot be used.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// Why a result is not published.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PublishRefused {
    /// There is never more than one.
    #[error("run {0} is in progress")]
    InProgress(RunId),
    /// Another instance publishes, or nobody knows who.
    #[error("this instance is not the leader")]
    NotLeader {
        /// Who is, where that is known.
        leader: Option<String>,
    },
    /// There is no such run.
    #[error("there is no run {0}")]
    NoSuchRun(RunId),
    /// It has none, or none that is kept still: the last two of each patch are.
    #[error("run {run} is {state}, and no result of it is kept")]
    NoResult {
        /// The run.
        run: RunId,
        /// What became of it.
        state: RunState,
    },
    /// The process is about to end.
    #[error("the service is draining: it begins nothing new")]
    Draining,
    /// The ledger cannot be used.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// Why a run is not cancelled.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CancelRefused {
    /// There is no such run.
    #[error("there is no run {0}")]
    NoSuchRun(RunId),
    /// It has ended.
    #[error("run {run} is {state}: there is nothing to cancel")]
    Ended {
        /// The run.
        run: RunId,
        /// How.
        state: RunState,
    },
    /// Another instance carries it out.
    #[error("run {0} is not under way in this process")]
    Elsewhere(RunId),
    /// The ledger cannot be used.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl Runs {
    /// Somebody who can be asked, and what comes of it for whoever carries it out.
    #[must_use]
    pub fn new(parts: HandleParts, events: RunEvents) -> (Arc<Self>, RunOrders) {
        // There is one turn, so there is one order.
        let (orders, to_do) = mpsc::channel(1);
        let runs = Self {
            parts,
            events,
            orders,
            turns: Turns::default(),
        };
        (Arc::new(runs), RunOrders(to_do))
    }

    /// How runs are on the whole.
    #[must_use]
    pub fn status(&self) -> &Arc<RunsStatus> {
        &self.parts.status
    }

    /// What happens to runs; [`RunEvents::listen`].
    #[must_use]
    pub fn events(&self) -> &RunEvents {
        &self.events
    }

    /// What may be asked for.
    #[must_use]
    pub fn description(&self) -> &RunsDescription {
        &self.parts.description
    }

    /// The runs that there were; what is under way is in it too.
    #[must_use]
    pub fn ledger(&self) -> &Arc<dyn RunLedger> {
        &self.parts.ledger
    }

    /// Begins a run; its id.
    ///
    /// # Errors
    /// [`RunRefused`]; then nothing has begun.
    ///
    /// # Panics
    /// When the ledger's adapter does.
    pub async fn request(self: &Arc<Self>, request: RunRequest) -> Result<RunId, RunRefused> {
        self.parts.description.refuse(&request)?;
        if let Some(patch) = &request.patch {
            self.refuse_unknown(patch).await?;
        }
        self.refuse_elsewhere()
            .map_err(|leader| RunRefused::NotLeader { leader })?;
        let this = Arc::clone(self);
        // A task, because a run in the ledger that nobody carries out would be in
        // the way of all others.
        done(tokio::spawn(async move { this.enter(request).await })).await
    }

    async fn refuse_unknown(&self, patch: &str) -> Result<(), RunRefused> {
        let patches = self.parts.patches.patches().await?;
        let known: Vec<_> = patches
            .iter()
            .rev()
            .map(|patch| patch.name.clone())
            .collect();
        if known.iter().any(|name| name == patch) {
            return Ok(());
        }
        let patch = patch.to_owned();
        Err(RunRefused::UnknownPatch { patch, known })
    }

    async fn enter(&self, request: RunRequest) -> Result<RunId, RunRefused> {
        let now = self.parts.clock.now();
        let run = self.parts.description.queued(&request, now);
        let (id, by) = (run.id, request.by.clone());
        let turn = self.turns.take(id).map_err(RunRefused::InProgress)?;
        let place = self.orders.try_reserve();
        let place = place.map_err(|_| RunRefused::Draining)?;
        if let Entered::InProgress(other) = self.parts.ledger.enter(&run).await? {
            return Err(RunRefused::InProgress(other));
        }
        let kind = RunEventKind::Queued {
            trigger: request.trigger,
            by,
        };
        self.events.tell(RunEvent {
            run: id,
            at: now,
            kind,
        });
        place.send(Order {
            run,
            task: Task::Compute(request),
            turn,
        });
        Ok(id)
    }

    /// Publishes what a run has found that was held, or that others have replaced.
    /// Ledger and events say what becomes of it.
    ///
    /// # Errors
    /// [`PublishRefused`]; then nothing has begun.
    pub async fn publish(&self, id: RunId, by: Option<String>) -> Result<(), PublishRefused> {
        self.refuse_elsewhere()
            .map_err(|leader| PublishRefused::NotLeader { leader })?;
        let run = self.parts.ledger.run(id).await?;
        let run = run.ok_or(PublishRefused::NoSuchRun(id))?;
        let turn = self.turns.take(id).map_err(PublishRefused::InProgress)?;
        let results = self.parts.results.results_of(id).await?;
        if results.is_empty() || !run.state.may_become(RunState::Published) {
            let state = run.state;
            return Err(PublishRefused::NoResult { run: id, state });
        }
        let order = Order {
            run,
            task: Task::Publish { results, by },
            turn,
        };
        let ordered = self.orders.try_send(order);
        ordered.map_err(|_| PublishRefused::Draining)
    }

    /// Ends a run that is under way, as soon as it can be without harm.
    ///
    /// # Errors
    /// [`CancelRefused`]; then nothing is cancelled.
    pub async fn cancel(&self, id: RunId) -> Result<(), CancelRefused> {
        if self.turns.cancel(id) {
            return Ok(());
        }
        let run = self.parts.ledger.run(id).await?;
        let run = run.ok_or(CancelRefused::NoSuchRun(id))?;
        let state = run.state;
        Err(if state.is_finished() {
            CancelRefused::Ended { run: id, state }
        } else {
            CancelRefused::Elsewhere(id)
        })
    }

    /// Who carries runs out instead.
    fn refuse_elsewhere(&self) -> Result<(), Option<String>> {
        match self.parts.status.standing() {
            standing if standing.may_run() => Ok(()),
            Standing::Standby { leader } => Err(leader),
            _ => Err(None),
        }
    }
}

/// What a task of its own has found.
async fn done<T>(task: tokio::task::JoinHandle<T>) -> T {
    match task.await {
        Ok(found) => found,
        // Nobody aborts it.
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

impl RunsDescription {
    fn refuse(&self, request: &RunRequest) -> Result<(), RunRefused> {
        let skill = request.skill.filter(|skill| !self.skills.contains(skill));
        let mode = request.mode.filter(|mode| !self.modes.contains(mode));
        let unknown = skill.map(Skill::as_str).or(mode.map(Mode::as_str));
        unknown.map_or(Ok(()), |name| Err(RunRefused::NoSuchSlice { name }))
    }

    /// A run that begins when it is its turn.
    #[must_use]
    pub fn queued(&self, request: &RunRequest, now: Timestamp) -> Run {
        Run {
            id: RunId::new(now),
            state: RunState::Queued,
            trigger: request.trigger,
            by: request.by.clone(),
            queued_at: now,
            started_at: None,
            ended_at: None,
            program: self.program.clone(),
            settings_hash: self.settings_hash.clone(),
            counts_hash: None,
            figures: None,
            failure: None,
            steps: Vec::new(),
        }
    }
}
