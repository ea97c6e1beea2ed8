//! One run: everything goes wrong for a while, then it is well again, and
//! then it is judged.

use std::{io::ErrorKind, sync::Arc, time::Duration};

use ingestion_test_support::simulated_disk::Operation;

use crate::{
    Bug, Violation,
    schedule::{Event, TROUBLED_MS, schedule},
    service::{self, World},
    upstream,
    verdict::{judge_sequence, judge_topic},
};

/// The feed ends so long after the last trouble.
pub(crate) const FINISHED_MS: u64 = TROUBLED_MS + 15_000;
/// By then everything must be delivered.
const SETTLED_MS: u64 = FINISHED_MS + 40_000;
/// How finely time passes.
const TICK: Duration = Duration::from_millis(10);
/// A supervisor starts an ended process again after so long.
const STARTED_AGAIN_AFTER_MS: u64 = 300;
/// How often somebody asks for the figures.
const LOOK_INTERVAL_MS: u64 = 50;

/// A run without a violation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// Matches that had to be in the topic, and are.
    pub received: usize,
    /// Losses of power.
    pub crashes: u32,
    /// Ends on request, and by fencing.
    pub restarts: u32,
    /// Where the run ended, which a repetition must reach as well.
    pub fingerprint: u64,
}

struct Run {
    world: Arc<World>,
    sim: turmoil::Sim<'static>,
    events: std::vec::IntoIter<(u64, Event)>,
    start_at_ms: Option<u64>,
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
    let world = World::new(seed, bug);
    let mut sim = turmoil::Builder::new()
        .rng_seed(seed)
        .simulation_duration(Duration::from_hours(1))
        .tick_duration(TICK)
        .min_message_latency(Duration::from_millis(1))
        .max_message_latency(Duration::from_millis(50))
        .build();
    sim.host(upstream::HOST, {
        let upstream = Arc::clone(&world.upstream);
        move || {
            let upstream = Arc::clone(&upstream);
            async move { Ok(upstream.serve().await?) }
        }
    });
    sim.host(service::HOST, {
        let world = Arc::clone(&world);
        move || {
            let world = Arc::clone(&world);
            async move { Ok(world.live().await?) }
        }
    });
    let mut run = Run {
        world,
        sim,
        events: schedule(seed).into_iter(),
        start_at_ms: None,
        crashes: 0,
        restarts: 0,
    };
    run.pass()?;
    run.judge(seed)
}

impl Run {
    fn pass(&mut self) -> Result<(), Violation> {
        let mut next = self.events.next();
        let mut is_finished = false;
        loop {
            self.sim.step().expect("the simulation goes on");
            let now_ms = self.now_ms();
            while let Some((at, event)) = next
                && at <= now_ms
            {
                self.happen(event, now_ms);
                next = self.events.next();
            }
            self.watch_over(now_ms);
            if now_ms.is_multiple_of(LOOK_INTERVAL_MS) {
                self.world.look(now_ms)?;
            }
            if now_ms >= FINISHED_MS && !is_finished {
                is_finished = true;
                self.world.upstream.finish();
            }
            let pending = self.world.figures().map(|figures| figures.pending);
            let is_settled = pending == Some(0) && self.world.is_sequence_done();
            if now_ms >= FINISHED_MS + 2000 && is_settled {
                return Ok(());
            }
            if now_ms >= SETTLED_MS {
                return Err(Violation::Stuck(self.world.figures().unwrap_or_default()));
            }
        }
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.sim.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn happen(&mut self, event: Event, now_ms: u64) {
        let world = &self.world;
        match event {
            Event::Crash => {
                world.crashes(now_ms);
                self.sim.crash(service::HOST);
                world.disk.restart();
                self.crashes += 1;
                self.start_at_ms
                    .get_or_insert(now_ms + STARTED_AGAIN_AFTER_MS);
            }
            Event::Restart => {
                world.asks_to_end();
            }
            Event::Feed(fault) => world.upstream.set_fault(fault),
            Event::Rate(rate) => world.upstream.set_rate(rate),
            Event::Partition => self.sim.partition(upstream::HOST, service::HOST),
            Event::Repair => self.sim.repair(upstream::HOST, service::HOST),
            Event::BrokersAway(is_away) => world.brokers_are_away(is_away),
            Event::BrokersLatency(latency) => world.brokers.set_latency(latency),
            Event::BrokersTroubles(lost, fatal) => world.brokers.set_troubles(lost, fatal),
            Event::TakenOver => world.brokers.take_over(&world.upstream.sent()),
            Event::DiskFull(is_full) => {
                world.disk_is_full(is_full, now_ms);
                world
                    .disk
                    .set_capacity(if is_full { 0 } else { service::DISK_CAPACITY });
            }
            Event::DiskFails(fails) => {
                world.disk_is_failing(fails, now_ms);
                if fails {
                    world
                        .disk
                        .fail(Operation::Write, ErrorKind::ReadOnlyFilesystem, None);
                } else {
                    world.disk.heal();
                }
            }
            Event::DiskSyncTime(time) => {
                world.disk_syncs_in(time, now_ms);
                world.disk.set_sync_delay(time);
            }
        }
    }

    /// Starts an ended process again, as a supervisor does.
    fn watch_over(&mut self, now_ms: u64) {
        match self.start_at_ms {
            Some(at) if now_ms >= at => {
                self.start_at_ms = None;
                self.sim.bounce(service::HOST);
            }
            None if !self.world.is_running() && now_ms > 0 => {
                self.restarts += 1;
                self.start_at_ms = Some(now_ms + STARTED_AGAIN_AFTER_MS);
            }
            _ => {}
        }
    }

    fn judge(mut self, seed: u64) -> Result<Summary, Violation> {
        let world = Arc::clone(&self.world);
        let received = world.received();
        let topic = world.brokers.matches();
        judge_topic(&received, &topic)?;
        if world.has_sequence() {
            judge_sequence(&topic, &world.brokers.summaries())?;
        }
        let (expected, found) = (world.invalid_count(), world.brokers.dead_letters_count());
        if found < expected {
            return Err(Violation::DeadLettersLost { expected, found });
        }
        self.end_well()?;
        let fingerprint = topic.iter().fold(seed, |sum, id| {
            sum.wrapping_mul(31).wrapping_add(id.get().unsigned_abs())
        });
        Ok(Summary {
            received: received.len(),
            crashes: self.crashes,
            restarts: self.restarts,
            fingerprint,
        })
    }

    /// Asks the last process to end, which it does soon and with nothing left.
    fn end_well(&mut self) -> Result<(), Violation> {
        self.world.asks_to_end();
        for _ in 0..1000 {
            self.sim.step().expect("the simulation goes on");
            self.world.look(self.now_ms())?;
            if !self.world.is_running() {
                return Ok(());
            }
        }
        let what = "it did not end within ten seconds, with nothing in the way";
        Err(Violation::BadEnd(what.to_owned()))
    }
}
