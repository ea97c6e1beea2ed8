//! Runs, of which the test decides what becomes.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use domain::{Day, Patches, Timestamp};
use health_kit::Clock;
use http_test_kit::DEADLINE;
use model_application::{
    CalibrationBin, DraftModel, Effect, HoldOutResult, KindFigures, Mode, PatchHead, PatchResult,
    Roster, Skill, Slice, SliceHead, Triangle, ValuesFrom,
    ports::{Failure, LedgerError, ResultStore, Run, RunId, RunState, RunStep, StepName},
    runs::{
        AgesMax, DataAge, HandleParts, Order, RunEvents, RunOrders, Runs, RunsDescription,
        RunsStatus, Standing,
    },
};
use model_http_api::Snapshot;
use model_test_support::MemoryLedger;
use tokio::time::timeout;

/// Whoever carries runs out is the test.
pub(crate) struct Desk {
    pub(crate) runs: Arc<Runs>,
    pub(crate) status: Arc<RunsStatus>,
    pub(crate) events: RunEvents,
    pub(crate) results: Arc<Results>,
    orders: tokio::sync::Mutex<RunOrders>,
    clock: Arc<dyn Clock>,
}

impl Desk {
    /// Nothing has run yet, and this instance may.
    pub(crate) fn new(clock: &Arc<dyn Clock>) -> Self {
        let ages_max = AgesMax {
            data: Duration::from_hours(26),
            success: Some(Duration::from_hours(12)),
        };
        let status = Arc::new(RunsStatus::new(ages_max, clock));
        status.stands(Standing::Alone);
        let results = Arc::new(Results::default());
        let parts = HandleParts {
            ledger: Arc::new(MemoryLedger::new(500)),
            results: results.clone(),
            status: Arc::clone(&status),
            patches: Arc::new(Patches::built_in()),
            clock: Arc::clone(clock),
            description: RunsDescription {
                program: "1.2.3 (0123abc)".to_owned(),
                settings_hash: "5e771".to_owned(),
                skills: vec![Skill::All, Skill::High],
                modes: vec![Mode::Default],
            },
        };
        let events = RunEvents::new();
        let (runs, orders) = Runs::new(parts, events.clone());
        Self {
            runs,
            status,
            events,
            results,
            orders: orders.into(),
            clock: Arc::clone(clock),
        }
    }

    /// The next thing that was ordered.
    pub(crate) async fn order(&self) -> Order {
        let mut orders = self.orders.lock().await;
        let order = timeout(DEADLINE, orders.next()).await;
        order.expect("it was ordered").expect("somebody may order")
    }

    /// A run that has done two steps and goes on with a third.
    pub(crate) async fn begin(&self, run: &Run) -> Run {
        let mut run = run.clone();
        let now = self.clock.now();
        let step = |name, rows, detail: &str| RunStep {
            name,
            attempt: 1,
            started_at: now,
            ended_at: Some(now.saturating_add(Duration::from_millis(120))),
            rows,
            detail: detail.to_owned(),
        };
        run.state = RunState::Running;
        run.started_at = Some(now);
        run.steps = vec![
            step(StepName::Lock, 0, ""),
            step(StepName::Read, 64_004, "60 days"),
            RunStep {
                ended_at: None,
                ..step(StepName::Estimate, 0, "")
            },
        ];
        self.set_down(&run).await;
        self.status.goes_on(&run);
        run
    }

    /// It ends so.
    pub(crate) async fn end(&self, run: &Run, state: RunState, cause: Option<&str>) {
        let mut run = run.clone();
        let ended_at = self.clock.now().saturating_add(Duration::from_secs(2));
        for step in &mut run.steps {
            step.ended_at.get_or_insert(ended_at);
        }
        run.state = state;
        run.ended_at = Some(ended_at);
        run.failure = cause.map(|cause| Failure {
            step: run.steps.last().map_or(StepName::Lock, |step| step.name),
            cause: cause.to_owned(),
        });
        self.set_down(&run).await;
        self.status.ended(&run);
    }

    /// The leader has computed itself what a run has published, and judged it.
    pub(crate) fn has_judged(&self, run: RunId) {
        let bin = |place: u16| CalibrationBin {
            matches: 2_927,
            predicted: 4_120 + 93 * place,
            found: 4_100 + 94 * place + 37 * (place % 3),
        };
        let holdout = HoldOutResult {
            matches: 58_550,
            log_loss: 6_801,
            heroes_only: 6_842,
            constant: 6_928,
            accuracy: 565,
            auc: 591,
            ece: 21,
            slope: 101,
            calibration: (0..20).map(bin).collect(),
        };
        let model = DraftModel {
            roster: Roster::new([]),
            side: Effect::default(),
            strengths: Vec::new(),
            advantages: Triangle::from_values(0, Vec::new()),
            synergies: Triangle::from_values(0, Vec::new()),
        };
        let slice = Slice {
            mode: Mode::Default,
            skill: Skill::All,
        };
        let values = SliceHead {
            holdout: Some(holdout),
            ..self.head_of(Arc::new(model))
        };
        self.sees(run, [(slice, values)].into());
    }

    /// This process has published what is there.
    pub(crate) fn has_published(&self, there: &Snapshot) {
        let slices = there.patches[0].slices.iter();
        // Of the same numbers, and not the same.
        let slices = slices.map(|it| {
            let model = Arc::new(DraftModel::clone(&it.model));
            (it.name, self.head_of(model))
        });
        self.sees(RunId::default(), slices.collect());
    }

    fn sees(&self, run: RunId, slices: BTreeMap<Slice, SliceHead>) {
        let now = self.clock.now();
        let result = PatchHead {
            run,
            as_of: now,
            patch: "7.36".to_owned(),
            counts_hash: None,
            excluded: BTreeMap::new(),
            slices,
        };
        self.status.sees(result, now);
    }

    fn head_of(&self, model: Arc<DraftModel>) -> SliceHead {
        let now = self.clock.now();
        SliceHead {
            from: ValuesFrom::Own,
            matches: 585_502,
            effective_matches: 431_000,
            window: (now, now),
            excluded: BTreeMap::new(),
            prior_sd: KindFigures::default(),
            prior_games: KindFigures::default(),
            holdout: None,
            level: 9_000,
            model,
        }
    }

    async fn set_down(&self, run: &Run) {
        let set_down = self.runs.ledger().set_down(run).await;
        set_down.expect("it is in the ledger");
    }

    /// The warehouse has counters up to this day.
    pub(crate) fn has_counters_of(&self, day: Day, counted_until: Timestamp) {
        self.status.warehouse_answers(Some(DataAge {
            newest_day: day,
            counted_until,
        }));
    }
}

/// Results in memory.
#[derive(Default)]
pub(crate) struct Results(Mutex<Vec<PatchResult>>);

impl Results {
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<PatchResult>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl ResultStore for Results {
    async fn keep(
        &self,
        result: &PatchResult,
        _published: Option<RunId>,
    ) -> Result<(), LedgerError> {
        self.lock().push(result.clone());
        Ok(())
    }

    async fn results_of(&self, run: RunId) -> Result<Vec<PatchResult>, LedgerError> {
        let results = self.lock();
        let of_run = results.iter().filter(|result| result.run == run);
        Ok(of_run.cloned().collect())
    }

    async fn kept(&self) -> Result<Vec<(RunId, String)>, LedgerError> {
        let results = self.lock();
        Ok(results
            .iter()
            .map(|result| (result.run, result.patch.clone()))
            .collect())
    }
}
