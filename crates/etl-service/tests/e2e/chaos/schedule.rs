//! What is killed and rewound, and when: a pure function of the seed.

use std::{fmt, time::Duration};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng, seq::SliceRandom as _};

/// Who is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Victim {
    /// One of the two instances.
    Service(usize),
    Engine,
    /// The engine, and this instance while the engine is away: it dies with
    /// batches that nobody has acknowledged.
    EngineAndService(usize),
    Broker,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// `kill -9`, and a start after so long.
    Kill { victim: Victim, down: Duration },
    /// The group's offsets are set back while it has no member.
    Rewind,
}

/// An event, and how it stands to the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Planned {
    /// So long after what came before is over.
    pub(super) after: Duration,
    pub(super) event: Event,
    /// What comes next waits until the group has got on; otherwise it comes
    /// upon a group that is still about to recover.
    pub(super) is_recovered_from: bool,
}

/// So many kills, and rewinds between them.
pub(super) fn draw(seed: u64, kills: usize) -> Vec<Planned> {
    let mut rng = StdRng::seed_from_u64(seed ^ 0xC4A0_5000);
    let mut bag = Vec::new();
    let mut planned = Vec::new();
    for nth in 0..kills {
        if bag.is_empty() {
            // Two of each, so that no run is without one of them.
            let with = rng.random_range(0..2);
            bag.extend([Victim::Engine, Victim::EngineAndService(with)]);
            bag.extend([Victim::Broker, Victim::Broker]);
            bag.extend([0, 1, 0, 1].map(Victim::Service));
            bag.shuffle(&mut rng);
        }
        let victim = bag.pop().expect("it has just been filled");
        let down = Duration::from_millis(rng.random_range(0..1200));
        planned.push(plan(&mut rng, Event::Kill { victim, down }));
        if nth % 4 == 2 {
            planned.push(plan(&mut rng, Event::Rewind));
        }
    }
    planned
}

fn plan(rng: &mut StdRng, event: Event) -> Planned {
    Planned {
        after: Duration::from_millis(rng.random_range(0..1500)),
        event,
        is_recovered_from: rng.random_bool(0.7),
    }
}

impl Victim {
    /// What is killed, as the report calls it.
    pub(super) fn kinds(self) -> &'static [&'static str] {
        match self {
            Self::Service(_) => &["service"],
            Self::Engine => &["engine"],
            Self::EngineAndService(_) => &["engine", "service"],
            Self::Broker => &["broker"],
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kill { victim, down } => {
                write!(f, "kill {victim:?}, down for {} ms", down.as_millis())
            }
            Self::Rewind => f.write_str("rewind"),
        }
    }
}

#[test]
fn a_schedule_has_every_kind_and_follows_from_its_seed() {
    let eight = draw(1, 8);
    assert_eq!(eight, draw(1, 8));
    assert_ne!(eight, draw(2, 8));
    let of = |kind: &str| {
        let kills = eight.iter().filter(
            |one| matches!(one.event, Event::Kill { victim, .. } if victim.kinds().contains(&kind)),
        );
        kills.count()
    };
    assert_eq!((of("service"), of("engine"), of("broker")), (5, 2, 2));
    let rewinds = eight.iter().filter(|one| one.event == Event::Rewind);
    assert_eq!(rewinds.count(), 2);
}
