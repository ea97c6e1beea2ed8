//! What goes wrong, and when: a pure function of the seed.

use std::fmt::Write as _;

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

/// Within this time things go wrong; then everything is well again.
pub(crate) const TROUBLED_MS: u64 = 30_000;

/// Of two processes.
pub(crate) type Instance = usize;

/// What a process has just done, and not learnt, when it dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Point {
    Stored,
    Marked,
    Wished,
    SetAside,
    Committed,
    Staged,
    Built,
    /// The upstream has heard a call.
    Asked,
    /// Calls of the day are set down.
    SetDown,
    /// It is written what became of wishes.
    Settled,
    /// Something was read.
    Looked,
}

/// Something that happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    /// The process ends at whatever it waits for.
    Crash(Instance),
    /// The process ends when it has done this the next time.
    CrashAt(Instance, Point),
    /// The process is asked to end, and started again.
    Restart(Instance),
    /// Partitions go to other members, who wait for their release.
    Rebalance,
    /// The member has been away for too long: its partitions are gone.
    Lost(Instance),
    /// Somebody sets a committed position back.
    Rewind,
    BrokersAway(bool),
    /// Per cent of commits that fail, and of those that are done and not acknowledged.
    Commits(u32, u32),
    DeadLettersAway(bool),
    WarehouseAway(bool),
    /// Per cent of calls that fail before anything is done, and of those that
    /// fail after a part, or all, is done.
    Warehouse(u32, u32),
    /// The warehouse takes up to so many milliseconds.
    WarehouseSlow(u64),
    /// The warehouse asks for larger batches.
    TooManyParts(bool),
    UpstreamAway(bool),
    /// Per cent of calls to the upstream that come to nothing.
    Upstream(u32),
    /// Others use up what the upstream permits.
    UpstreamFull(bool),
}

/// All of it, in order of time.
pub(crate) fn schedule(seed: u64) -> Vec<(u64, Event)> {
    let mut rng = StdRng::seed_from_u64(seed ^ 0x5EED);
    let mut events = Vec::new();
    if rng.random_bool(0.5) {
        events.push((0, Event::WarehouseSlow(rng.random_range(20..1500))));
    }
    for _ in 0..rng.random_range(4..16) {
        let at = rng.random_range(0..TROUBLED_MS);
        let until = at + rng.random_range(200..12_000);
        let instance = rng.random_range(0..2);
        let mut lasting = |from, to| events.extend([(at, from), (until, to)]);
        match rng.random_range(0..17) {
            0 => events.push((at, Event::Crash(instance))),
            1..4 => events.push((at, Event::CrashAt(instance, point(&mut rng)))),
            4 => events.push((at, Event::Restart(instance))),
            5..8 => events.push((at, Event::Rebalance)),
            8 => events.push((at, Event::Lost(instance))),
            9 => events.push((at, Event::Rewind)),
            10 => lasting(Event::BrokersAway(true), Event::BrokersAway(false)),
            11 => {
                let (fail, lost) = (rng.random_range(0..60), rng.random_range(0..40));
                lasting(Event::Commits(fail, lost), Event::Commits(0, 0));
            }
            12 => lasting(Event::DeadLettersAway(true), Event::DeadLettersAway(false)),
            13 => lasting(Event::WarehouseAway(true), Event::WarehouseAway(false)),
            14 => {
                let (before, after) = (rng.random_range(0..50), rng.random_range(0..50));
                lasting(Event::Warehouse(before, after), Event::Warehouse(0, 0));
            }
            15 => {
                let slow = Event::WarehouseSlow(rng.random_range(500..6000));
                lasting(slow, Event::WarehouseSlow(20));
            }
            _ => lasting(Event::TooManyParts(true), Event::TooManyParts(false)),
        }
    }
    events.extend(of_upstream(seed));
    events.retain(|(at, _)| *at < TROUBLED_MS);
    events.sort_by_key(|(at, _)| *at);
    events.extend(all_is_well().map(|event| (TROUBLED_MS, event)));
    events
}

/// What happens between the service and the upstream of details.
fn of_upstream(seed: u64) -> Vec<(u64, Event)> {
    let mut rng = StdRng::seed_from_u64(seed ^ 0xCA11);
    let mut events = Vec::new();
    for _ in 0..rng.random_range(1..6) {
        let at = rng.random_range(0..TROUBLED_MS);
        let until = at + rng.random_range(1_000..15_000);
        let instance = rng.random_range(0..2);
        let mut lasting = |from, to| events.extend([(at, from), (until, to)]);
        match rng.random_range(0..7) {
            0 => lasting(Event::UpstreamAway(true), Event::UpstreamAway(false)),
            1 => {
                let fail = rng.random_range(5..60);
                lasting(Event::Upstream(fail), Event::Upstream(0));
            }
            2 => lasting(Event::UpstreamFull(true), Event::UpstreamFull(false)),
            3 | 4 => events.push((at, Event::CrashAt(instance, Point::Asked))),
            5 => events.push((at, Event::CrashAt(instance, Point::SetDown))),
            _ => events.push((at, Event::CrashAt(instance, Point::Settled))),
        }
    }
    events
}

/// What `seed` lets happen, a line an event: for somebody who looks for the cause of a violation.
#[must_use]
pub fn describe(seed: u64) -> String {
    let mut text = String::new();
    for (at, event) in schedule(seed) {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{at:>6} ms  {event:?}");
    }
    text
}

fn point(rng: &mut StdRng) -> Point {
    match rng.random_range(0..9) {
        0..3 => Point::Stored,
        3 => Point::Marked,
        4 => Point::Wished,
        5 => Point::SetAside,
        6 => Point::Committed,
        7 => Point::Staged,
        _ => Point::Built,
    }
}

fn all_is_well() -> [Event; 10] {
    [
        Event::BrokersAway(false),
        Event::Commits(0, 0),
        Event::DeadLettersAway(false),
        Event::WarehouseAway(false),
        Event::Warehouse(0, 0),
        Event::WarehouseSlow(20),
        Event::TooManyParts(false),
        Event::UpstreamAway(false),
        Event::Upstream(0),
        Event::UpstreamFull(false),
    ]
}
