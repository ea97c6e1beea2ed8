//! The state of the backlog under random events, beside a disk and a topic
//! that are as simple as can be.

mod standby;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use domain::{MatchId, Timestamp};
use health_kit::SystemClock;
use proptest::prelude::*;
use tokio::time::Instant;

use super::{
    BacklogSettings,
    limits::{BYTES_PER_WEIGHT, BacklogLimits},
    state::{State, Step},
    windows::KeyOf,
};
use crate::{
    Ledger, SourceName, SummaryKey,
    ports::{JournalEntry, Message, ReceivedBatch, Recovered},
    receipt::Outcome,
};

const FEED: SourceName = SourceName::new("feed");
const TINY: BacklogLimits = BacklogLimits {
    head_weight_max: 5,
    spill_weight: 3,
    tail_weight_max: 9,
    send_batch: 2,
    write_batch: 4,
    write_batch_weight_max: 100,
    acknowledgements_kept_max: 1000,
    protected_within: Duration::from_millis(600),
};
const SETTINGS: BacklogSettings = BacklogSettings {
    dedup_window_size: 1000,
    has_summaries: true,
    may_stand_by: false,
    limits: TINY,
};

fn key_of() -> KeyOf {
    Arc::new(|told| SummaryKey::of(told.source.as_str(), &told.summary))
}

#[derive(Debug, Clone)]
enum Event {
    Receive(Vec<i64>),
    Step,
    /// Of those on the way, this one is published.
    Publish(usize),
    /// Of those on the way, this one comes back.
    Return(usize),
    Write,
    WriteInVain,
    Acknowledge,
    Crash,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => prop::collection::vec(1_i64..60, 1..6).prop_map(Event::Receive),
        6 => Just(Event::Step),
        5 => (0_usize..20).prop_map(Event::Publish),
        1 => (0_usize..20).prop_map(Event::Return),
        3 => Just(Event::Write),
        1 => Just(Event::WriteInVain),
        2 => Just(Event::Acknowledge),
        1 => Just(Event::Crash),
    ]
}

struct World {
    settings: BacklogSettings,
    state: State,
    ledger: Arc<Ledger>,
    disk: BTreeMap<u64, Message>,
    next_sequence_on_disk: u64,
    topic: Vec<MatchId>,
    on_the_way: Vec<(usize, MatchId)>,
    /// Received by this process, and by earlier ones what was on disk when they died.
    must_arrive: BTreeSet<MatchId>,
}

impl World {
    fn new() -> Self {
        Self::with(SETTINGS)
    }

    fn with(settings: BacklogSettings) -> Self {
        let mut world = Self {
            settings,
            state: State::new(&settings, key_of(), Instant::now()),
            ledger: Arc::new(Ledger::new(Arc::new(SystemClock))),
            disk: BTreeMap::new(),
            next_sequence_on_disk: 1,
            topic: Vec::new(),
            on_the_way: Vec::new(),
            must_arrive: BTreeSet::new(),
        };
        world.start();
        world
    }

    fn start(&mut self) {
        self.state = State::new(&self.settings, key_of(), Instant::now());
        self.ledger = Arc::new(Ledger::new(Arc::new(SystemClock)));
        self.on_the_way.clear();
        let recovered = Recovered {
            pending: vec![(FEED, self.disk.len() as u64)],
            first: self.disk.keys().next().copied(),
            next_sequence: self.next_sequence_on_disk,
            lost: 0,
        };
        self.state.recover(&recovered, &self.ledger);
        self.must_arrive = self.topic.iter().copied().collect();
        self.must_arrive.extend(self.disk.values().map(id_of));
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Receive(raws) => {
                if self.state.has_room() {
                    let ids = raws.iter().map(|raw| id(*raw));
                    self.must_arrive.extend(ids.clone());
                    let frames = ids.map(|id| Ok(id.into())).collect();
                    let batch = ReceivedBatch {
                        received_at: Timestamp::from_unix_ms(0),
                        frames,
                        checkpoint: None,
                        passed_over: 0,
                    };
                    self.state
                        .receive(FEED, batch, Instant::now(), &self.ledger);
                }
            }
            Event::Step => self.step(),
            Event::Publish(nth) => {
                if !self.on_the_way.is_empty() {
                    let nth = nth % self.on_the_way.len();
                    let (key, id) = self.on_the_way.swap_remove(nth);
                    self.topic.push(id);
                    self.state
                        .settle(key, Outcome::Published, &self.ledger, Instant::now());
                }
            }
            Event::Return(nth) => {
                if !self.on_the_way.is_empty() {
                    let nth = nth % self.on_the_way.len();
                    let (key, _) = self.on_the_way.swap_remove(nth);
                    self.state.take_back(key);
                }
            }
            Event::Write => self.write(),
            Event::WriteInVain => {
                self.state.unwritten(u64::MAX);
            }
            Event::Acknowledge => {
                let sequences = self.state.take_acknowledged();
                self.state.acknowledged(&sequences);
                for sequence in sequences {
                    self.disk.remove(&sequence);
                }
            }
            Event::Crash => self.start(),
        }
    }

    fn step(&mut self) {
        match self.state.next_step(&self.ledger) {
            Step::Send(outgoing) => {
                for message in outgoing {
                    self.on_the_way.push((message.key, id_of(&message.message)));
                }
            }
            Step::Read { from } => {
                let entries = self.read(from);
                let now = Timestamp::from_unix_ms(0);
                let lost = self.state.refill(entries, now, Instant::now());
                assert_eq!(lost, 0, "the disk is in order");
            }
            Step::Wait => {
                let topic = self.topic.clone();
                self.state.restore(&topic, &[]);
            }
        }
    }

    fn read(&self, from: u64) -> Vec<JournalEntry> {
        let some = self.disk.range(from..).take(3);
        some.map(|(sequence, message)| JournalEntry {
            sequence: *sequence,
            message: message.clone(),
        })
        .collect()
    }

    fn write(&mut self) {
        loop {
            let entries = self.state.unwritten(u64::MAX);
            let Some(last) = entries.last().map(|entry| entry.sequence) else {
                return;
            };
            assert!(
                entries.is_sorted_by_key(|entry| entry.sequence),
                "in ascending sequence"
            );
            assert!(last >= self.next_sequence_on_disk, "above all before");
            self.next_sequence_on_disk = last + 1;
            let entries = entries
                .into_iter()
                .map(|entry| (entry.sequence, entry.message));
            self.disk.extend(entries);
            self.state.written(last);
        }
    }

    fn check(&self) {
        let figures = self.ledger.figures();
        assert_eq!(figures.check(), Ok(()));
        assert_eq!(figures.pending, self.state.population(), "both count alike");
    }

    /// Lets everything come to its end.
    fn settle_all(&mut self) {
        for _ in 0..10_000 {
            if self.state.population() == 0 {
                return;
            }
            self.happen(Event::Step);
            self.happen(Event::Publish(0));
            self.happen(Event::Write);
            self.happen(Event::Acknowledge);
        }
        panic!("{} messages get stuck", self.state.population());
    }
}

fn id(raw: i64) -> MatchId {
    MatchId::try_new(raw).expect("the tests use valid ids")
}

fn id_of(message: &Message) -> MatchId {
    match message {
        Message::Match(found) => found.id,
        other => panic!("no bare match: {other:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]
    #[test]
    fn whatever_happens_every_match_arrives_once(events in prop::collection::vec(event(), 1..200)) {
        let mut world = World::new();
        for event in events {
            world.happen(event);
            world.check();
        }
        world.settle_all();
        world.check();
        let mut counts = HashMap::new();
        for id in &world.topic {
            *counts.entry(*id).or_insert(0) += 1;
        }
        for id in &world.must_arrive {
            prop_assert_eq!(counts.get(id), Some(&1), "match {}", id);
        }
        world.happen(Event::Acknowledge);
        prop_assert!(world.disk.is_empty(), "what is settled is let go: {:?}", world.disk.keys());
    }
}

#[test]
fn no_more_is_received_than_the_journal_has_room_for() {
    let mut world = World::new();
    let room_for_two = 2 * BYTES_PER_WEIGHT as u64;
    world.state.measure(room_for_two);
    world.happen(Event::Receive(vec![1]));
    assert!(world.state.has_room(), "for another one");
    world.happen(Event::Receive(vec![2]));
    assert!(!world.state.has_room(), "both may have to go there");
    world.happen(Event::Write);
    world.state.measure(room_for_two);
    assert!(world.state.has_room(), "they are there");
    world.state.measure(0);
    assert!(!world.state.has_room());
    assert!(world.state.is_journal_full());
}

#[test]
fn nothing_is_received_while_something_waits_for_the_journal_for_too_long() {
    let mut world = World::new();
    let (at, limit) = (Instant::now(), TINY.protected_within);
    let batch = ReceivedBatch {
        received_at: Timestamp::from_unix_ms(0),
        frames: vec![Ok(id(1).into())],
        checkpoint: None,
        passed_over: 0,
    };
    world.state.receive(FEED, batch, at, &world.ledger);
    world.state.judge_lateness(at + limit);
    assert_eq!(world.state.may_accept(), Ok(true), "just in time");
    world
        .state
        .judge_lateness(at + limit + Duration::from_millis(1));
    assert!(!world.state.has_room(), "it is in memory only, and late");
    assert_eq!(world.state.may_accept(), Ok(false));
    world.happen(Event::Write);
    world.state.judge_lateness(at + 2 * limit);
    assert!(world.state.has_room(), "it is on disk");
}

#[test]
fn of_acknowledgements_that_the_journal_does_not_take_the_newest_are_kept() {
    let max = TINY.acknowledgements_kept_max as u64;
    let mut world = World::new();
    // Come while the older ones were told in vain.
    world.state.keep_acknowledged((600..1200).collect());
    world.state.keep_acknowledged((0..600).collect());
    let kept = world.state.take_acknowledged();
    assert!(kept.into_iter().eq(1200 - max..1200), "the newest {max}");
}
