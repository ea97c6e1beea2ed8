//! An instance that stands by, whatever the active one does.

use proptest::prelude::*;

use super::{super::NotAccepted, *};
use crate::ports::Followed;

const STANDBY: BacklogSettings = BacklogSettings {
    may_stand_by: true,
    ..SETTINGS
};

#[derive(Debug, Clone)]
enum Event {
    Receive(Vec<i64>),
    /// The active instance publishes this, unless it has.
    Other(i64),
    Follow,
    Sift,
    Write,
    Acknowledge,
    Crash,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        5 => prop::collection::vec(1_i64..60, 1..6).prop_map(Event::Receive),
        6 => (1_i64..60).prop_map(Event::Other),
        4 => Just(Event::Follow),
        4 => Just(Event::Sift),
        4 => Just(Event::Write),
        2 => Just(Event::Acknowledge),
        1 => Just(Event::Crash),
    ]
}

/// A world in which another instance publishes.
struct Beside {
    world: World,
    /// So much of the topic has been told.
    told: usize,
    sift_from: u64,
}

impl Beside {
    fn new() -> Self {
        Self {
            world: World::with(STANDBY),
            told: 0,
            sift_from: 0,
        }
    }

    fn happen(&mut self, event: Event) {
        let world = &mut self.world;
        match event {
            Event::Receive(raws) => world.happen(super::Event::Receive(raws)),
            Event::Other(raw) => self.publish_elsewhere(id(raw)),
            Event::Follow => {
                let told = Followed {
                    ids: world.topic[self.told..].to_vec(),
                    summaries: Vec::new(),
                };
                self.told = world.topic.len();
                world.state.follow(&told, &world.ledger);
            }
            Event::Sift => {
                let next = match world.state.spilled_from(self.sift_from) {
                    Some(from) => {
                        let entries = world.read(from);
                        world.state.sift(entries, &world.ledger)
                    }
                    None => None,
                };
                self.sift_from = next.unwrap_or(0);
            }
            Event::Write => world.happen(super::Event::Write),
            Event::Acknowledge => world.happen(super::Event::Acknowledge),
            Event::Crash => {
                world.happen(super::Event::Crash);
                self.told = 0;
                self.sift_from = 0;
            }
        }
    }

    fn publish_elsewhere(&mut self, id: MatchId) {
        if !self.world.topic.contains(&id) {
            self.world.topic.push(id);
        }
    }

    /// Follows, and looks through the whole journal.
    fn catch_up(&mut self) {
        self.happen(Event::Follow);
        for _ in 0..2_000 {
            self.happen(Event::Sift);
            self.happen(Event::Acknowledge);
        }
    }

    /// Takes over, with what was not told yet.
    fn take_over(&mut self) {
        let rest = self.world.topic[self.told..].to_vec();
        self.world.state.take_over();
        self.world.state.restore(&rest, &[]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]
    #[test]
    fn whatever_the_other_has_published_the_rest_is_published_once_at_a_take_over(
        events in prop::collection::vec(event(), 1..200),
    ) {
        let mut beside = Beside::new();
        for event in events {
            beside.happen(event);
            beside.world.check();
        }
        beside.take_over();
        let mut world = beside.world;
        world.settle_all();
        world.check();
        let mut counts = HashMap::new();
        for id in &world.topic {
            *counts.entry(*id).or_insert(0) += 1;
        }
        for id in &world.must_arrive {
            prop_assert_eq!(counts.get(id), Some(&1), "match {}", id);
        }
        prop_assert!(counts.values().all(|count| *count == 1), "{:?}", world.topic);
        world.happen(super::Event::Acknowledge);
        prop_assert!(world.disk.is_empty(), "what is settled is let go: {:?}", world.disk.keys());
    }

    #[test]
    fn nothing_stays_of_what_the_other_publishes_however_long_it_does(
        events in prop::collection::vec(event(), 1..200),
    ) {
        let mut beside = Beside::new();
        for event in events {
            beside.happen(event);
        }
        let must_arrive: Vec<_> = beside.world.must_arrive.iter().copied().collect();
        for id in must_arrive {
            beside.publish_elsewhere(id);
        }
        beside.catch_up();
        beside.world.check();
        prop_assert_eq!(beside.world.state.population(), 0);
        prop_assert_eq!(beside.world.disk.len(), 0);
    }
}

#[test]
fn what_a_former_active_instance_has_left_counts_as_published_and_what_was_received_since_was_seen()
{
    let mut beside = Beside::new();
    beside.happen(Event::Receive(vec![1, 2]));
    beside.happen(Event::Write);
    beside.happen(Event::Crash);
    beside.happen(Event::Receive(vec![3, 4]));
    for raw in [1, 3] {
        beside.happen(Event::Other(raw));
    }
    beside.catch_up();
    // Known by now, so nobody has to wait for anything.
    beside.happen(Event::Receive(vec![1]));
    let figures = beside.world.ledger.figures();
    assert_eq!((figures.received, figures.pending), (5, 2), "2 and 4 wait");
    assert_eq!((figures.published, figures.duplicates), (1, 2));
    let outgoing = beside.world.state.next_step(&beside.world.ledger);
    assert!(matches!(outgoing, Step::Wait), "it is not its turn");
    assert_eq!(
        beside.world.state.may_accept(),
        Err(NotAccepted::StandingBy)
    );
}
