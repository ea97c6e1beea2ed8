//! One run: everything goes wrong for a while, then it is well again, and once
//! it is quiet it is judged.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use domain::Timestamp;
use etl_application::ports::{CounterStore as _, WishState};
use etl_test_support::reference::Reference;
use health_kit::Clock;
use test_kit::clock::RunningClock;
use tokio::runtime::Builder;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::broker::Brokers;
use crate::evidence::Evidence;
use crate::process::{Process, World};
use crate::schedule::{Event, Instance, TROUBLED_MS, schedule};
use crate::topics::{Topics, world};
use crate::upstream::Upstream;
use crate::verdict::{judge, judge_so_far};
use crate::warehouse::Warehouse;
use crate::{Bug, Violation};

/// By then everything must be loaded, and every day built.
const SETTLED_MS: u64 = TROUBLED_MS + 120_000;
/// How finely things happen.
const TICK_MS: u64 = 50;
/// Afterwards whoever asks for details does so alone, and has so many days: few
/// calls of each may be ours.
const DAYS_MAX: u64 = 60;
const LOOK_EVERY: Duration = Duration::from_mins(10);
/// A supervisor starts an ended process again after so long …
const STARTED_AGAIN_AFTER_MS: u64 = 400;
/// … and so long after its death the group gives a member up.
const GIVEN_UP_AFTER_MS: u64 = 2500;
/// What the upstream told is counted within this.
const REBUILT_WITHIN_MS: u64 = 60_000;
/// Who is asked to end when all is well does so within this.
const ENDS_WITHIN_MS: u64 = 10_000;

/// A run without a violation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// Records in the topics.
    pub records: usize,
    /// Deaths of processes.
    pub crashes: u32,
    /// Ends on request.
    pub restarts: u32,
    /// How often partitions were given out.
    pub rebalances: u32,
    /// Records that were handed over again.
    pub redelivered: u64,
    /// Calls that the upstream has heard.
    pub calls: u64,
    /// Wishes that have ended.
    pub wishes: usize,
    /// When it was quiet, in milliseconds; a repetition must reach the same.
    pub settled_ms: u64,
}

struct Run {
    world: World,
    reference: Reference,
    begun: Instant,
    now_ms: u64,
    processes: [Option<Process>; 2],
    start_at_ms: [Option<u64>; 2],
    /// Members that died, and when the group gives them up.
    unheard: Vec<(u64, u64)>,
    topics: Arc<Topics>,
    arrived: usize,
    crashes: u32,
    restarts: u32,
}

/// Runs what `seed` decides, with a bug planted or none.
///
/// # Errors
/// The first promise that was seen broken.
///
/// # Panics
/// When the simulation itself cannot go on.
pub fn run(seed: u64, bug: Option<Bug>) -> Result<Summary, Violation> {
    let runtime = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build();
    let runtime = runtime.expect("it needs nothing of the system");
    runtime.block_on(async { Run::new(seed, bug).pass(seed).await })
}

impl Run {
    fn new(seed: u64, bug: Option<Bug>) -> Self {
        let topics = Arc::new(Topics::new(seed));
        // The second day of three is not over.
        let beginning = world().begin().as_unix_ms() + 30 * 60 * 60 * 1000;
        // Somewhere in a minute, for calls are counted by the minute.
        let beginning = beginning + i64::try_from(seed % 7 * 8_000).expect("a minute");
        let beginning = Timestamp::from_unix_ms(beginning);
        let clock: Arc<dyn Clock> = Arc::new(RunningClock::from(beginning));
        let evidence = Arc::new(Evidence::default());
        let brokers = Brokers::new(seed, Arc::clone(&topics), Arc::clone(&evidence));
        let warehouse = Warehouse::new(seed, Arc::clone(&clock), Arc::clone(&evidence));
        for id in &topics.refused {
            warehouse.memory.refuse(*id);
        }
        match bug {
            Some(Bug::LowerVersionReplaces) => warehouse.memory.ignore_versions(),
            Some(Bug::EndedWishReopened) => warehouse.memory.ignore_wish_versions(),
            _ => {}
        }
        let upstream = Upstream::new(seed, Arc::clone(&clock), Arc::clone(&evidence));
        Self {
            world: World {
                seed,
                bug,
                clock,
                evidence,
                brokers,
                warehouse,
                upstream,
                refused: topics.refused.iter().copied().collect(),
                dead_letters_are_away: Arc::new(AtomicBool::new(false)),
            },
            reference: Reference::of(topics.records(), &topics.refused),
            begun: Instant::now(),
            now_ms: 0,
            processes: [None, None],
            start_at_ms: [Some(0), Some(seed % 5 * 2000)],
            unheard: Vec::new(),
            topics,
            arrived: 0,
            crashes: 0,
            restarts: 0,
        }
    }

    async fn pass(mut self, seed: u64) -> Result<Summary, Violation> {
        let mut events = schedule(seed).into_iter().peekable();
        loop {
            self.tick().await?;
            while let Some((_, event)) = events.next_if(|(at, _)| *at <= self.now_ms) {
                self.happen(event);
            }
            self.arrive();
            if self.now_ms > TROUBLED_MS + 1000 && self.is_quiet().await {
                break;
            }
            if self.now_ms >= SETTLED_MS {
                return Err(self.stuck().await);
            }
        }
        let settled_ms = self.now_ms;
        self.end_well().await?;
        judge_so_far(&self.world, &self.reference)?;
        self.grant_the_rest().await?;
        self.build_the_rest().await?;
        judge(&self.world, &self.reference)?;
        let (rebalances, redelivered) = self.world.brokers.figures();
        Ok(Summary {
            records: self.topics.arrivals.len(),
            crashes: self.crashes,
            restarts: self.restarts,
            rebalances,
            redelivered,
            calls: self.world.upstream.calls(),
            wishes: self.world.warehouse.memory.all_wishes().len(),
            settled_ms,
        })
    }

    /// Lets a little time pass, and watches.
    async fn tick(&mut self) -> Result<(), Violation> {
        self.now_ms += TICK_MS;
        sleep_until(self.begun + Duration::from_millis(self.now_ms)).await;
        self.watch_over();
        for process in self.processes.iter().flatten() {
            process.look()?;
        }
        self.no_violation()
    }

    /// Records arrive evenly while things go wrong, and a last few afterwards.
    fn arrive(&mut self) {
        let all = self.topics.arrivals.len() as u64;
        let due = all * self.now_ms / (TROUBLED_MS + 500);
        while (self.arrived as u64) < due && self.world.brokers.arrive() {
            self.arrived += 1;
        }
    }

    fn happen(&mut self, event: Event) {
        let World {
            brokers,
            warehouse,
            upstream,
            ..
        } = &self.world;
        match event {
            Event::Crash(instance) => {
                if let Some(process) = &self.processes[instance] {
                    process.life.end();
                }
            }
            Event::CrashAt(instance, point) => {
                if let Some(process) = &self.processes[instance] {
                    process.life.dies_at(point);
                }
            }
            Event::Restart(instance) => self.ask_to_end(instance),
            Event::Rebalance => brokers.rebalance(),
            Event::Lost(instance) => {
                if let Some(process) = &self.processes[instance] {
                    brokers.lose(process.member);
                }
            }
            Event::Rewind => brokers.rewind(),
            Event::BrokersAway(are_away) => brokers.set_away(are_away),
            Event::Commits(fail, lost) => brokers.set_commits(fail, lost),
            Event::DeadLettersAway(are_away) => {
                let flag = &self.world.dead_letters_are_away;
                flag.store(are_away, Ordering::Relaxed);
            }
            Event::WarehouseAway(is_away) => warehouse.set_away(is_away),
            Event::Warehouse(before, after) => warehouse.set_failing(before, after),
            Event::WarehouseSlow(ms_max) => warehouse.set_slow(ms_max),
            Event::TooManyParts(asks) => warehouse.set_too_many_parts(asks),
            Event::UpstreamAway(is_away) => upstream.set_away(is_away),
            Event::Upstream(fail) => upstream.set_failing(fail),
            Event::UpstreamFull(is_full) => upstream.set_full(is_full),
        }
    }

    fn ask_to_end(&self, instance: Instance) {
        if let Some(process) = &self.processes[instance] {
            process.drain.cancel();
        }
    }

    /// Starts ended processes again, as a supervisor does, and gives dead members up.
    fn watch_over(&mut self) {
        let now_ms = self.now_ms;
        for instance in 0..self.processes.len() {
            if let Some(process) = &self.processes[instance] {
                let is_dead = process.life.is_over();
                if is_dead {
                    self.crashes += 1;
                    process.cut_off();
                    let given_up_ms = now_ms + GIVEN_UP_AFTER_MS;
                    self.unheard.push((given_up_ms, process.member));
                }
                if is_dead || process.has_ended() {
                    self.restarts += u32::from(!is_dead);
                    self.processes[instance] = None;
                    self.start_at_ms[instance] = Some(now_ms + STARTED_AGAIN_AFTER_MS);
                }
            }
            if self.start_at_ms[instance].is_some_and(|at| at <= now_ms) {
                self.start_at_ms[instance] = None;
                self.processes[instance] = Some(Process::start(&self.world, instance));
            }
        }
        let brokers = &self.world.brokers;
        self.unheard.retain(|(at_ms, member)| {
            let is_due = *at_ms <= now_ms;
            if is_due {
                brokers.leave(*member);
            }
            !is_due
        });
    }

    async fn is_quiet(&self) -> bool {
        let is_settled = self.processes.iter().flatten().all(Process::is_settled);
        let is_read = self.arrived == self.topics.arrivals.len() && self.world.brokers.lag() == 0;
        is_settled && is_read && self.dirty_days().await == 0
    }

    async fn dirty_days(&self) -> usize {
        let dirty = self.world.warehouse.memory.dirty_days(1000).await;
        dirty.expect("memory answers").len()
    }

    async fn stuck(&self) -> Violation {
        Violation::Stuck {
            lag: self.world.brokers.lag(),
            dirty_days: self.dirty_days().await,
        }
    }

    /// Asks both processes to end, which they do soon and with nothing left.
    async fn end_well(&mut self) -> Result<(), Violation> {
        for instance in 0..self.processes.len() {
            self.ask_to_end(instance);
        }
        self.start_at_ms = [Some(u64::MAX); 2];
        let until_ms = self.now_ms + ENDS_WITHIN_MS;
        while self.now_ms < until_ms {
            self.now_ms += TICK_MS;
            sleep_until(self.begun + Duration::from_millis(self.now_ms)).await;
            if self.processes.iter().flatten().all(Process::has_ended) {
                break;
            }
        }
        for process in self.processes.iter().flatten() {
            process.look()?;
            if !process.has_ended() || !process.is_settled() {
                return Err(Violation::BadEnd);
            }
        }
        self.no_violation()
    }

    /// Lets somebody ask for what is wished for still, alone and with nothing in
    /// the way but the limits of the upstream.
    async fn grant_the_rest(&mut self) -> Result<(), Violation> {
        let drain = CancellationToken::new();
        let worker = self.world.worker(&Arc::default(), 0, LOOK_EVERY);
        let worker = tokio::spawn(worker.run(drain.clone(), CancellationToken::new()));
        let until = Instant::now() + Duration::from_hours(24 * DAYS_MAX);
        while Instant::now() < until && self.waiting() > 0 {
            sleep(LOOK_EVERY).await;
            self.no_violation()?;
        }
        drain.cancel();
        worker.await.map_err(|_| Violation::BadEnd)?;
        self.no_violation()
    }

    fn waiting(&self) -> usize {
        let wishes = self.world.warehouse.memory.all_wishes().into_iter();
        wishes
            .filter(|wish| wish.state == WishState::Waiting)
            .count()
    }

    /// Lets a process count what that has changed.
    async fn build_the_rest(&mut self) -> Result<(), Violation> {
        let passed = self.begun.elapsed().as_millis();
        self.now_ms = u64::try_from(passed).expect("it is some days");
        self.processes = [Some(Process::start(&self.world, 0)), None];
        let until_ms = self.now_ms + REBUILT_WITHIN_MS;
        while !self.is_quiet().await {
            self.tick().await?;
            if self.now_ms > until_ms {
                return Err(self.stuck().await);
            }
        }
        self.end_well().await
    }

    fn no_violation(&self) -> Result<(), Violation> {
        self.world.evidence.violation().map_or(Ok(()), Err)
    }
}
