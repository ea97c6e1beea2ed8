//! What feeds hand over, and whether it is so when they say that they have told all.

use std::{
    collections::HashSet,
    mem::discriminant,
    ops::Range,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use domain::Timestamp;
use ingestion_application::{
    Gap, GapState, SourceName,
    ports::{Coverage, FeedEvent, FeedReader, PassedOver, ReceivedBatch},
};

use crate::week::{
    Violation,
    between::{Between, WithBetween},
    interface::Interface,
    truth::Truth,
    world::{id, nth, since_begin_ms},
};

/// What is told of in a time had ended so long before it at most: lateness, delays,
/// and a silence in between.
const TOLD_WITHIN_MS: u32 = 3 * 3_600_000;

/// So many mistakes of a kind are named.
const VIOLATIONS_MAX: usize = 10;

/// It sees what every process hands over.
pub(crate) struct Witness {
    truth: Arc<Truth>,
    noted: Mutex<Noted>,
}

pub(crate) struct Noted {
    /// By the place of a match: the bits of those that have handed it over.
    handed: Vec<u8>,
    /// Of whom everything up to then was to be handed over.
    claimed_ms: [u32; Interface::ALL.len()],
    /// When each was heard for the first time.
    first_ms: [Option<u32>; Interface::ALL.len()],
    /// Gaps that are closed, as far as they were looked at.
    closed: HashSet<(SourceName, Timestamp, Option<Timestamp>)>,
    pub(crate) violations: Vec<Violation>,
}

impl Witness {
    pub(crate) fn new(truth: Arc<Truth>) -> Arc<Self> {
        let noted = Noted {
            handed: vec![0; truth.world.len()],
            claimed_ms: [0; Interface::ALL.len()],
            first_ms: [None; Interface::ALL.len()],
            closed: HashSet::new(),
            violations: Vec::new(),
        };
        Arc::new(Self {
            truth,
            noted: Mutex::new(noted),
        })
    }

    /// A feed that is looked at.
    pub(crate) fn watch(self: &Arc<Self>, feed: Box<dyn FeedReader>) -> Box<dyn FeedReader> {
        let of = Interface::of(feed.source()).expect("it is one of ours");
        let witness = Arc::clone(self);
        WithBetween::put(Watching { of, witness }, feed)
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Noted> {
        // A panic fails the whole run.
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at gaps that are closed: what one has not told in the time of a gap,
    /// whoever has closed it must have, as far as it tells of it by then.
    pub(crate) fn look_at(&self, gaps: &[Gap]) {
        for gap in gaps.iter().filter(|gap| gap.state == GapState::Closed) {
            let is_new = self.lock().closed.insert((gap.source, gap.from, gap.to));
            let closer = gap.detail.strip_prefix("closed by ");
            let closer = Interface::ALL
                .into_iter()
                .find(|it| Some(it.source().as_str()) == closer);
            let (Some(of), Some(by), Some(to)) = (Interface::of(gap.source), closer, gap.to) else {
                continue;
            };
            if is_new {
                let time = since_begin_ms(gap.from)..since_begin_ms(to);
                self.look_at_closed(of, by, time);
            }
        }
    }

    fn look_at_closed(&self, of: Interface, by: Interface, time: Range<u32>) {
        let mut noted = self.lock();
        let missing = self.told_before(time.end).filter(|nth| {
            let is_said = self.truth.world.at(*nth).told_ms(of, *nth);
            noted.handed[*nth as usize] == 0
                && is_said.is_some_and(|at| time.contains(&at))
                && self.truth.told_ms(by, *nth).is_some_and(|at| at < time.end)
        });
        let missing: Vec<u32> = missing.collect();
        if let Some(first) = missing.first() {
            noted.add(Violation::ClosedTooEarly {
                source: of.source().as_str(),
                by: by.source().as_str(),
                seconds: (time.start / 1_000, time.end / 1_000),
                count: missing.len(),
                first: id(*first),
            });
        }
    }

    /// All that may have been told of in the hours before this time.
    fn told_before(&self, ms: u32) -> impl Iterator<Item = u32> {
        let ended = self
            .truth
            .world
            .ended(ms.saturating_sub(2 * TOLD_WITHIN_MS)..ms);
        ended.iter().copied()
    }

    fn received(&self, by: Interface, batch: &ReceivedBatch) {
        let mut noted = self.lock();
        if !batch.frames.is_empty() {
            noted.first_ms[by as usize].get_or_insert(self.truth.now_ms());
        }
        for found in batch.frames.iter().flatten() {
            let handed = nth(found.id()).and_then(|nth| noted.handed.get_mut(nth as usize));
            if let Some(handed) = handed {
                *handed |= by.bit();
            }
        }
    }

    /// What is left out is not said to be told.
    fn passed_over(&self, by: Interface, time: PassedOver) {
        let mut noted = self.lock();
        let claimed_ms = &mut noted.claimed_ms[by as usize];
        *claimed_ms = since_begin_ms(time.to).max(*claimed_ms);
    }

    /// Everything that ended before a time, or was listed before it, was handed over.
    fn covered(&self, by: Interface, told: Coverage) {
        let mut noted = self.lock();
        let to = since_begin_ms(told.up_to);
        let mut from = noted.claimed_ms[by as usize];
        if !told.is_resumed {
            from = from.max(since_begin_ms(told.since));
        }
        noted.claimed_ms[by as usize] = to.max(from);
        let margin = from.saturating_sub(TOLD_WITHIN_MS);
        let missing = self.truth.world.ended(margin..to).iter().filter(|nth| {
            if noted.handed[**nth as usize] & by.bit() != 0 {
                return false;
            }
            let at = match by {
                Interface::Steam => Some(self.truth.world.at(**nth).end_ms)
                    .filter(|_| !self.truth.world.at(**nth).is_hidden()),
                _ => self.truth.told_ms(by, **nth),
            };
            at.is_some_and(|at| at > from && at < to)
        });
        let missing: Vec<u32> = missing.copied().collect();
        if let Some(first) = missing.first() {
            noted.add(Violation::SaidToBeTold {
                source: by.source().as_str(),
                seconds: (from / 1_000, to / 1_000),
                count: missing.len(),
                first: id(*first),
            });
        }
    }
}

impl Noted {
    fn add(&mut self, violation: Violation) {
        let kind = discriminant(&violation);
        let like = self
            .violations
            .iter()
            .filter(|it| discriminant(*it) == kind);
        if like.count() < VIOLATIONS_MAX {
            self.violations.push(violation);
        }
    }

    /// How many matches a feed has handed over.
    pub(crate) fn seen(&self, by: Interface) -> usize {
        let seen = self.handed.iter().filter(|bits| **bits & by.bit() != 0);
        seen.count()
    }

    /// How many gaps were closed.
    pub(crate) fn closed_count(&self) -> usize {
        self.closed.len()
    }

    pub(crate) fn first_ms(&self, by: Interface) -> Option<u32> {
        self.first_ms[by as usize]
    }
}

/// The witness, beside one feed.
struct Watching {
    of: Interface,
    witness: Arc<Witness>,
}

impl Between for Watching {
    fn see(&mut self, event: FeedEvent) -> Vec<FeedEvent> {
        match &event {
            FeedEvent::Received(batch) => self.witness.received(self.of, batch),
            FeedEvent::Covered(told) => self.witness.covered(self.of, *told),
            FeedEvent::PassedOver(time) => self.witness.passed_over(self.of, *time),
            FeedEvent::Connected | FeedEvent::Disconnected(_) => {}
        }
        vec![event]
    }
}
