//! What goes wrong, and when: a pure function of the seed.

use std::{fmt::Write as _, time::Duration};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use crate::upstream;

/// Within this time things go wrong; then everything is well again.
pub(crate) const TROUBLED_MS: u64 = 45_000;

/// Something that happens.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Event {
    /// Loss of power: the process ends at whatever it waits for, and the disk
    /// keeps what was synced.
    Crash,
    /// The process is asked to end, and started again.
    Restart,
    Feed(upstream::Fault),
    Rate(f64),
    /// Nobody hears the other, between feed and service.
    Partition,
    Repair,
    BrokersAway(bool),
    BrokersLatency(Duration),
    /// Per cent of lost acknowledgements, and of fatal errors.
    BrokersTroubles(u32, u32),
    /// Another instance writes what this one has not written yet.
    TakenOver,
    DiskFull(bool),
    DiskFails(bool),
    DiskSyncTime(Duration),
}

/// All of it, in order of time.
pub(crate) fn schedule(seed: u64) -> Vec<(u64, Event)> {
    let mut rng = StdRng::seed_from_u64(seed ^ 0x5EED);
    let mut events = vec![(0, Event::Rate(f64::from(rng.random_range(5_u32..60))))];
    for _ in 0..rng.random_range(3..12) {
        let at = rng.random_range(0..TROUBLED_MS);
        let lasts = rng.random_range(200..15_000);
        let until = at + lasts;
        match rng.random_range(0..14) {
            0..3 => events.push((at, Event::Crash)),
            3 => events.push((at, Event::Restart)),
            4 => events.push((at, Event::Feed(feed_fault(&mut rng)))),
            5 => events.push((at, Event::Feed(upstream::Fault::AcceptAndClose(10)))),
            6 => events.extend([(at, Event::Partition), (until, Event::Repair)]),
            7 | 8 => events.extend([
                (at, Event::BrokersAway(true)),
                (until, Event::BrokersAway(false)),
            ]),
            9 => {
                let latency = Duration::from_millis(rng.random_range(1..2000));
                events.extend([
                    (at, Event::BrokersLatency(latency)),
                    (until, Event::BrokersLatency(Duration::from_millis(5))),
                ]);
            }
            10 => {
                let (lost, fatal) = (rng.random_range(0..60), rng.random_range(0..20));
                events.extend([
                    (at, Event::BrokersTroubles(lost, fatal)),
                    (until, Event::BrokersTroubles(0, 0)),
                ]);
            }
            11 => events.push((at, Event::TakenOver)),
            12 => {
                let fails = rng.random_bool(0.5);
                let event = if fails {
                    Event::DiskFails
                } else {
                    Event::DiskFull
                };
                events.extend([(at, event(true)), (until, event(false))]);
            }
            _ => {
                // Slow for as many as not.
                let drawn = rng.random_range(1..3000);
                let sync_ms = if drawn % 2 == 0 { drawn } else { drawn / 30 };
                let sync_time = Duration::from_millis(sync_ms);
                events.extend([
                    (at, Event::DiskSyncTime(sync_time)),
                    (until, Event::DiskSyncTime(Duration::from_millis(2))),
                ]);
            }
        }
        if rng.random_bool(0.2) {
            let burst = f64::from(rng.random_range(100_u32..400));
            let ends = at + rng.random_range(500..4000);
            events.extend([(at, Event::Rate(burst)), (ends, Event::Rate(20.0))]);
        }
    }
    events.retain(|(at, _)| *at < TROUBLED_MS);
    events.sort_by_key(|(at, _)| *at);
    events.extend(all_is_well().map(|event| (TROUBLED_MS, event)));
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

fn feed_fault(rng: &mut StdRng) -> upstream::Fault {
    match rng.random_range(0..3) {
        0 => upstream::Fault::Close,
        1 => upstream::Fault::Break,
        _ => upstream::Fault::FallSilent(rng.random_range(1..25)),
    }
}

fn all_is_well() -> [Event; 8] {
    [
        Event::Rate(20.0),
        Event::Repair,
        Event::BrokersAway(false),
        Event::BrokersLatency(Duration::from_millis(5)),
        Event::BrokersTroubles(0, 0),
        Event::DiskFull(false),
        Event::DiskFails(false),
        Event::DiskSyncTime(Duration::from_millis(2)),
    ]
}
