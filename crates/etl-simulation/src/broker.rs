//! Brokers and the coordinator of the group, as far as its members can see them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use etl_application::Record;
use etl_application::ports::{ConsumerEvent, Positions, RELEASE_SECONDS_MAX, TopicPartition};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use tokio::sync::{Notify, oneshot};
use tokio::time::timeout;

use crate::Violation;
use crate::evidence::Evidence;
use crate::topics::{Topics, partitions};

/// Names one life of a member.
pub(crate) type MemberId = u64;

/// The topics, who reads them, and how far the group is.
pub(crate) struct Brokers {
    topics: Arc<Topics>,
    evidence: Arc<Evidence>,
    state: Mutex<State>,
}

struct State {
    rng: StdRng,
    /// How many records of each partition have arrived.
    arrived: BTreeMap<TopicPartition, i64>,
    arrivals: usize,
    committed: Positions,
    /// Up to where everything was seen to be done before it was committed.
    judged: Positions,
    members: BTreeMap<MemberId, Member>,
    next_member: MemberId,
    owners: BTreeMap<TopicPartition, MemberId>,
    /// Partitions that wait for the release of their owner.
    moving: BTreeMap<TopicPartition, MemberId>,
    are_away: bool,
    commits_fail: u32,
    commits_lost: u32,
    rebalances: u32,
    redelivered: u64,
    delivered: BTreeMap<TopicPartition, i64>,
}

struct Member {
    events: VecDeque<ConsumerEvent>,
    /// Where it reads on in each partition.
    positions: Positions,
    came: Arc<Notify>,
    is_closed: bool,
}

/// What becomes of a commit.
pub(crate) enum CommitOutcome {
    Done,
    /// Nothing is done.
    Fails,
    /// It is done, and nobody says so.
    Lost,
}

impl Brokers {
    pub(crate) fn new(seed: u64, topics: Arc<Topics>, evidence: Arc<Evidence>) -> Arc<Self> {
        let zero: Positions = partitions().map(|one| (one, 0)).collect();
        Arc::new(Self {
            topics,
            evidence,
            state: Mutex::new(State {
                rng: StdRng::seed_from_u64(seed ^ 0xB20_4E25),
                arrived: zero.clone(),
                arrivals: 0,
                committed: zero.clone(),
                judged: zero.clone(),
                members: BTreeMap::new(),
                next_member: 0,
                owners: BTreeMap::new(),
                moving: BTreeMap::new(),
                are_away: false,
                commits_fail: 0,
                commits_lost: 0,
                rebalances: 0,
                redelivered: 0,
                delivered: zero,
            }),
        })
    }

    /// A new member: all partitions are given out anew.
    pub(crate) fn join(self: &Arc<Self>) -> (MemberId, Arc<Notify>) {
        let came = Arc::new(Notify::new());
        let member = {
            let mut state = self.lock();
            state.next_member += 1;
            let member = state.next_member;
            state.members.insert(
                member,
                Member {
                    events: VecDeque::new(),
                    positions: Positions::new(),
                    came: Arc::clone(&came),
                    is_closed: false,
                },
            );
            member
        };
        self.rebalance();
        (member, came)
    }

    /// A member is gone, whether it said so or was not heard of for long.
    pub(crate) fn leave(self: &Arc<Self>, member: MemberId) {
        {
            let mut state = self.lock();
            state.members.remove(&member);
            state.owners.retain(|_, owner| *owner != member);
        }
        self.rebalance();
    }

    /// The member hands nothing more over.
    pub(crate) fn close(&self, member: MemberId) {
        let mut state = self.lock();
        if let Some(member) = state.members.get_mut(&member) {
            member.is_closed = true;
            member.came.notify_one();
        }
    }

    /// Everybody may get other partitions than before.
    pub(crate) fn rebalance(self: &Arc<Self>) {
        let mut revoked: BTreeMap<(MemberId, MemberId), Vec<TopicPartition>> = BTreeMap::new();
        let mut state = self.lock();
        state.rebalances += 1;
        let live: Vec<_> = state.members.keys().copied().collect();
        if live.is_empty() {
            return;
        }
        for one in partitions() {
            let to = live[state.rng.random_range(0..live.len())];
            match state.owners.get(&one).copied() {
                None => state.give(&one, to),
                Some(from) if from != to && !state.moving.contains_key(&one) => {
                    revoked.entry((from, to)).or_default().push(one);
                }
                Some(_) => {}
            }
        }
        for ((from, to), partitions) in revoked {
            let (release, released) = oneshot::channel();
            for one in &partitions {
                state.moving.insert(one.clone(), to);
            }
            let member = state.members.get_mut(&from);
            let member = member.expect("an owner is a member");
            member.positions.retain(|one, _| !partitions.contains(one));
            member.events.push_back(ConsumerEvent::Revoked {
                partitions: partitions.clone(),
                release,
            });
            member.came.notify_one();
            let brokers = Arc::clone(self);
            tokio::spawn(async move {
                let time_max = Duration::from_secs(RELEASE_SECONDS_MAX);
                let was_released = timeout(time_max, released).await.is_ok();
                brokers.hand_on(from, &partitions, was_released);
            });
        }
    }

    /// Partitions that were waited for go to their next owners.
    fn hand_on(&self, from: MemberId, partitions: &[TopicPartition], was_released: bool) {
        let mut state = self.lock();
        if !was_released && let Some(member) = state.members.get_mut(&from) {
            let lost = ConsumerEvent::Lost(partitions.to_vec());
            member.events.push_back(lost);
            member.came.notify_one();
        }
        for one in partitions {
            let Some(to) = state.moving.remove(one) else {
                continue;
            };
            if state.owners.get(one) != Some(&from) {
                // Its owner was given up meanwhile, and it has another one.
                continue;
            }
            let live: Vec<_> = state.members.keys().copied().collect();
            state.owners.remove(one);
            if state.members.contains_key(&to) {
                state.give(one, to);
            } else if let Some(other) = live.first() {
                state.give(one, *other);
            }
        }
    }

    /// The group has given a member up, who finds out and comes back.
    pub(crate) fn lose(&self, member: MemberId) {
        let mut state = self.lock();
        let owned = state
            .owners
            .iter()
            .filter(|(one, owner)| **owner == member && !state.moving.contains_key(*one));
        let owned: Vec<_> = owned.map(|(one, _)| one.clone()).collect();
        let live: Vec<_> = state.members.keys().copied().collect();
        let Some(lost) = state.members.get_mut(&member) else {
            return;
        };
        if owned.is_empty() {
            return;
        }
        lost.positions.retain(|one, _| !owned.contains(one));
        lost.events.push_back(ConsumerEvent::Lost(owned.clone()));
        lost.came.notify_one();
        for one in owned {
            let to = live[state.rng.random_range(0..live.len())];
            state.give(&one, to);
        }
    }

    /// Sets the committed position of a partition back. Its owner has lost it
    /// then, as a group must be without members for that.
    pub(crate) fn rewind(&self) {
        let mut state = self.lock();
        let all: Vec<_> = partitions().collect();
        let one = &all[state.rng.random_range(0..all.len())];
        if state.moving.contains_key(one) {
            return;
        }
        let committed = state.committed[one];
        let earlier = state.rng.random_range(0..=committed);
        state.committed.insert(one.clone(), earlier);
        let Some(owner) = state.owners.get(one).copied() else {
            return;
        };
        let member = state.members.get_mut(&owner);
        let member = member.expect("an owner is a member");
        let lost = ConsumerEvent::Lost(vec![one.clone()]);
        member.events.push_back(lost);
        state.give(one, owner);
    }

    /// One more record arrives; whether there was one.
    pub(crate) fn arrive(&self) -> bool {
        let mut state = self.lock();
        let Some(one) = self.topics.arrivals.get(state.arrivals) else {
            return false;
        };
        state.arrivals += 1;
        *state.arrived.entry(one.clone()).or_default() += 1;
        if let Some(owner) = state.owners.get(one)
            && let Some(member) = state.members.get(owner)
        {
            member.came.notify_one();
        }
        true
    }

    /// What a member finds out next, if anything; `Err` if it waits, and `None` at its end.
    pub(crate) fn poll(&self, member: MemberId) -> Result<Option<ConsumerEvent>, ()> {
        let mut state = self.lock();
        let state = &mut *state;
        let Some(found) = state.members.get_mut(&member) else {
            return Ok(None);
        };
        if let Some(event) = found.events.pop_front() {
            return Ok(Some(event));
        }
        if found.is_closed {
            return Ok(None);
        }
        if state.are_away {
            return Err(());
        }
        let mut room = state.rng.random_range(1..40_usize);
        let mut records: Vec<Record> = Vec::new();
        for (one, position) in &mut found.positions {
            while *position < state.arrived[one] && room > 0 {
                let record = self.topics.record(one, *position);
                records.push(record.expect("it has arrived").clone());
                let delivered = state.delivered.entry(one.clone()).or_default();
                if *position < *delivered {
                    state.redelivered += 1;
                }
                *position += 1;
                *delivered = (*delivered).max(*position);
                room -= 1;
            }
        }
        if records.is_empty() {
            Err(())
        } else {
            Ok(Some(ConsumerEvent::Records(records)))
        }
    }

    pub(crate) fn commit_outcome(&self) -> CommitOutcome {
        let mut state = self.lock();
        let dice = state.rng.random_range(0..100);
        if state.are_away || dice < state.commits_fail {
            CommitOutcome::Fails
        } else if dice < state.commits_fail + state.commits_lost {
            CommitOutcome::Lost
        } else {
            CommitOutcome::Done
        }
    }

    /// Commits what is the member's; with `member` none whatever there is.
    pub(crate) fn commit(&self, member: Option<MemberId>, positions: &Positions) {
        let mut state = self.lock();
        for (one, position) in positions {
            if member.is_some_and(|member| !state.may_commit(member, one)) {
                continue;
            }
            self.judge(&mut state, one, *position);
            state.committed.insert(one.clone(), *position);
        }
    }

    fn judge(&self, state: &mut State, one: &TopicPartition, position: i64) {
        for offset in state.judged[one]..position {
            let record = self.topics.record(one, offset);
            let judged = match record {
                Some(record) if offset < state.arrived[one] => self.evidence.judge(record),
                _ => Err("not there"),
            };
            if let Err(what) = judged {
                let topic = one.topic.to_string();
                let place = (topic, one.partition, offset);
                self.evidence
                    .accuse(Violation::CommittedTooFar(place, what));
                return;
            }
        }
        let judged = state.judged.entry(one.clone()).or_default();
        *judged = (*judged).max(position);
    }

    pub(crate) fn set_away(&self, are_away: bool) {
        let mut state = self.lock();
        state.are_away = are_away;
        for member in state.members.values() {
            member.came.notify_one();
        }
    }

    pub(crate) fn set_commits(&self, fail: u32, lost: u32) {
        let mut state = self.lock();
        (state.commits_fail, state.commits_lost) = (fail, lost);
    }

    pub(crate) fn are_away(&self) -> bool {
        self.lock().are_away
    }

    /// How many records of all partitions the group has not committed.
    pub(crate) fn lag(&self) -> i64 {
        let state = self.lock();
        let lag = partitions().map(|one| state.arrived[&one] - state.committed[&one]);
        lag.sum()
    }

    /// Rebalances, and records that were handed over again.
    pub(crate) fn figures(&self) -> (u32, u64) {
        let state = self.lock();
        (state.rebalances, state.redelivered)
    }

    pub(crate) fn topics(&self) -> &Topics {
        &self.topics
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic fails the whole run.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Whether a partition is a member's. One that went and came back is not,
    /// until the member knows that it was gone: its position is an old one.
    fn may_commit(&self, member: MemberId, one: &TopicPartition) -> bool {
        let knows = self.members.get(&member).is_some_and(|member| {
            !member.events.iter().any(|event| match event {
                ConsumerEvent::Lost(partitions) => partitions.contains(one),
                _ => false,
            })
        });
        knows && self.owners.get(one) == Some(&member)
    }

    /// A member reads a partition from where the group is.
    fn give(&mut self, one: &TopicPartition, to: MemberId) {
        self.owners.insert(one.clone(), to);
        let position = self.committed[one];
        let member = self.members.get_mut(&to).expect("it is a live member");
        member.positions.insert(one.clone(), position);
        member.came.notify_one();
    }
}
