//! Everything pending, and where it is. No I/O, no waiting, no time of its own.
//!
//! In the order of receipt, pending messages are
//!
//! 1. on their way to Kafka, or given back by the publisher;
//! 2. in the *head*, next to be sent;
//! 3. *spilled*: in the journal only;
//! 4. in the *tail*, where new ones go as long as there are spilled ones or
//!    the head is full.
//!
//! Sequences ascend along this order, and the journal is written along it: so
//! one number says what is on disk, all that is not above it.

mod on_disk;
mod reached;
mod standby;

use std::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use domain::{MatchId, MatchSummary, Timestamp};
use slab::Slab;
use tokio::time::Instant;

use super::{
    BacklogSettings, NotAccepted,
    checkpoints::Checkpoints,
    limits::{BYTES_PER_WEIGHT, BacklogLimits},
    queue::{Pending, Queue, weight_of},
    windows::{KeyOf, Windows},
};
use crate::{
    FoundMatch, Ledger, Outcome, ReceivedMatch, ReceivedSummary, SourceName, SummaryKey,
    ports::{DeadLetter, JournalEntry, Message, ReceivedBatch, Recovered},
};

/// A message to be sent, and under which key it is among those on their way.
pub(super) struct Outgoing {
    pub(super) key: usize,
    pub(super) sequence: u64,
    pub(super) message: Message,
}

/// What is to be done next to get on.
pub(super) enum Step {
    Send(Vec<Outgoing>),
    /// Read entries from this sequence on, and hand them to [`State::refill`].
    Read {
        from: u64,
    },
    Wait,
}

/// Entries that are in the journal and not in memory.
struct Spilled {
    /// Where to read on.
    next: u64,
    last: u64,
    count: u64,
}

#[expect(
    clippy::struct_excessive_bools,
    reason = "each is asked by itself, and they go together in any way"
)]
pub(super) struct State {
    limits: BacklogLimits,
    windows: Windows,
    /// Places of feeds that wait for what is before them.
    pub(super) checkpoints: Checkpoints,
    /// Whether the windows hold what the topics hold.
    is_restored: bool,
    /// Whether the journal of earlier processes has been looked through.
    is_recovered: bool,
    /// Whether what is waiting has not passed the windows yet.
    is_raw: bool,
    next_sequence: u64,
    /// Sequences from here on are this process's own.
    own_from: u64,

    on_the_way: Slab<Pending>,
    returned: VecDeque<Pending>,
    head: Queue,
    spilled: Option<Spilled>,
    tail: Queue,

    /// Everything pending up to here is in the journal.
    written_up_to: u64,
    /// How much is in memory only, or was when it was measured last, and what
    /// has come since.
    unwritten_weight: usize,
    /// How many bytes the journal has room for.
    journal_room: u64,
    /// What is settled up to here may be in the journal, and is acknowledged there.
    attempted_up_to: u64,
    acknowledged: Vec<u64>,

    /// Whether it is another instance that publishes.
    is_standing_by: bool,
    /// Entries that were settled while standing by, before their turn: the journal
    /// may not know of it yet, and must not be believed where it still has them.
    settled_early: BTreeSet<u64>,

    /// Whether nothing is taken in on request any more.
    is_draining: bool,
    /// Whether something has been in memory only for too long.
    is_late: bool,
    last_settled: Instant,
}

impl State {
    pub(super) fn new(settings: &BacklogSettings, key_of: KeyOf, now: Instant) -> Self {
        Self {
            limits: settings.limits,
            windows: Windows::new(settings, key_of),
            checkpoints: Checkpoints::default(),
            is_restored: false,
            is_recovered: false,
            is_raw: true,
            next_sequence: 1,
            own_from: 1,
            on_the_way: Slab::new(),
            returned: VecDeque::new(),
            head: Queue::default(),
            spilled: None,
            tail: Queue::default(),
            written_up_to: 0,
            unwritten_weight: 0,
            journal_room: u64::MAX,
            attempted_up_to: 0,
            acknowledged: Vec::new(),
            is_standing_by: settings.may_stand_by,
            settled_early: BTreeSet::new(),
            is_draining: false,
            is_late: false,
            last_settled: now,
        }
    }

    // What comes in.

    /// Takes over what earlier processes have left in the journal.
    pub(super) fn recover(&mut self, recovered: &Recovered, ledger: &Ledger) {
        for (source, count) in &recovered.pending {
            ledger.resume(*source, *count);
        }
        self.next_sequence = recovered.next_sequence.max(1);
        self.own_from = self.next_sequence;
        self.written_up_to = self.next_sequence - 1;
        self.attempted_up_to = self.written_up_to;
        self.spilled = recovered.first.map(|first| Spilled {
            next: first,
            last: self.written_up_to,
            count: recovered.total(),
        });
        self.is_recovered = true;
    }

    /// Takes note of what is in the topics, the oldest first.
    pub(super) fn restore(&mut self, published: &[MatchId], summaries: &[SummaryKey]) {
        self.windows.restore(published, summaries);
        self.is_restored = true;
    }

    /// Whether more may be received.
    pub(super) fn has_room(&self) -> bool {
        self.is_recovered
            && !self.is_late
            && self.tail.weight < self.limits.tail_weight_max
            // What is in memory only can go to the journal: were that full
            // by then, it would be safe nowhere.
            && ((self.unwritten_weight * BYTES_PER_WEIGHT) as u64) < self.journal_room
    }

    /// Whether something may be taken in on request now.
    ///
    /// # Errors
    /// [`NotAccepted`] when it makes no sense to wait.
    pub(super) fn may_accept(&self) -> Result<bool, NotAccepted> {
        if self.is_draining {
            Err(NotAccepted::Draining)
        } else if self.is_standing_by {
            Err(NotAccepted::StandingBy)
        } else {
            Ok(self.has_room())
        }
    }

    pub(super) fn accept_no_more(&mut self) {
        self.is_draining = true;
    }

    /// Takes in what `source` has handed over; books it.
    pub(super) fn receive(
        &mut self,
        source: SourceName,
        batch: ReceivedBatch,
        now: Instant,
        ledger: &Ledger,
    ) {
        let (received, at) = (batch.frames.len(), batch.received_at);
        let mut duplicates = 0;
        for frame in batch.frames {
            let message = match frame {
                Ok(FoundMatch::Summary(summary)) if self.windows.take_summaries() => {
                    self.news_of(*summary, source, at)
                }
                Ok(found) => {
                    let id = found.id();
                    let message = Message::Match(ReceivedMatch {
                        id,
                        source,
                        received_at: at,
                    });
                    let is_new = if self.is_raw {
                        self.is_raw_news(&message)
                    } else {
                        self.windows.insert(id)
                    };
                    is_new.then_some(message)
                }
                Err(frame) => {
                    let letter = DeadLetter::of(*frame, source, at);
                    Some(Message::DeadLetter(Box::new(letter)))
                }
            };
            if let Some(message) = message {
                self.push(message, now);
            } else {
                duplicates += 1;
            }
        }
        ledger.book(source, received, duplicates, now);
        ledger.pass_over(source, batch.passed_over);
        if let Some(checkpoint) = batch.checkpoint {
            self.note_checkpoint(source, checkpoint);
        }
    }

    /// What of a summary is to be published; none when all of it is known.
    fn news_of(
        &mut self,
        summary: MatchSummary,
        source: SourceName,
        received_at: Timestamp,
    ) -> Option<Message> {
        let told = ReceivedSummary {
            summary,
            source,
            received_at,
            is_id_new: true,
        };
        let message = Message::Summary(Arc::new(told));
        if self.is_raw {
            return self.is_raw_news(&message).then_some(message);
        }
        self.windows.pass(message)
    }

    /// Whether a message is to be kept that has yet to pass the window. Whoever stands
    /// by, and sends nothing for a long time, keeps nothing that the topic has brought;
    /// else it would be looked up twice.
    fn is_raw_news(&self, message: &Message) -> bool {
        !(self.is_standing_by && self.windows.know(message))
    }

    fn push(&mut self, message: Message, received_at: Instant) {
        let sequence = self.next_sequence;
        self.next_sequence += 1;
        self.unwritten_weight += weight_of(&message);
        let pending = Pending {
            sequence,
            message,
            received_at,
        };
        let passes = self.spilled.is_none() && self.tail.is_empty();
        if passes && self.head.weight < self.limits.head_weight_max {
            self.head.push_back(pending);
        } else {
            self.tail.push_back(pending);
        }
    }

    // What goes out.

    /// What is to be sent, or else to be done to have something to send.
    pub(super) fn next_step(&mut self, ledger: &Ledger) -> Step {
        if !self.is_restored || !self.is_recovered {
            return Step::Wait;
        }
        let mut outgoing = Vec::new();
        while outgoing.len() < self.limits.send_batch {
            if let Some(pending) = self.returned.pop_front() {
                outgoing.push(self.send(pending));
            } else if let Some(pending) = self.head.pop_front() {
                outgoing.extend(self.send_if_new(pending, ledger));
            } else if self.spilled.is_none() && !self.tail.is_empty() {
                std::mem::swap(&mut self.head, &mut self.tail);
            } else {
                break;
            }
        }
        match &self.spilled {
            _ if !outgoing.is_empty() => Step::Send(outgoing),
            Some(spilled) => Step::Read { from: spilled.next },
            None => {
                // Everything received has passed the window: from here on it
                // can be asked at once.
                self.is_raw = false;
                Step::Wait
            }
        }
    }

    fn send_if_new(&mut self, pending: Pending, ledger: &Ledger) -> Option<Outgoing> {
        if !self.is_raw {
            return Some(self.send(pending));
        }
        let source = pending.message.source();
        if let Some(message) = self.windows.pass(pending.message) {
            return Some(self.send(Pending { message, ..pending }));
        }
        self.found_in_topic(pending.sequence, source, ledger);
        None
    }

    /// What an earlier process has left is published; what this one has received
    /// was seen before.
    fn found_in_topic(&mut self, sequence: u64, source: SourceName, ledger: &Ledger) {
        if sequence < self.own_from {
            ledger.found_published();
        } else {
            ledger.found_duplicate(source);
        }
        self.note_settled(sequence);
    }

    fn send(&mut self, pending: Pending) -> Outgoing {
        let (sequence, message) = (pending.sequence, pending.message.clone());
        Outgoing {
            key: self.on_the_way.insert(pending),
            sequence,
            message,
        }
    }

    /// Takes what was read from the journal into the head; how many entries
    /// that should have been there were not.
    pub(super) fn refill(
        &mut self,
        entries: Vec<JournalEntry>,
        wall_now: Timestamp,
        now: Instant,
    ) -> u64 {
        let Some(spilled) = &mut self.spilled else {
            return 0;
        };
        let mut has_ended = entries.is_empty();
        for JournalEntry { sequence, message } in entries {
            if sequence > spilled.last {
                has_ended = true;
                break;
            }
            spilled.next = sequence + 1;
            if self.settled_early.contains(&sequence) {
                continue;
            }
            spilled.count = spilled.count.saturating_sub(1);
            let received_at = instant_of(message.received_at(), wall_now, now);
            self.head.push_back(Pending {
                sequence,
                message,
                received_at,
            });
        }
        if has_ended || spilled.next > spilled.last || spilled.count == 0 {
            let lost = spilled.count;
            self.spilled = None;
            return lost;
        }
        0
    }

    /// The message under `key` has had its outcome.
    pub(super) fn settle(&mut self, key: usize, outcome: Outcome, ledger: &Ledger, now: Instant) {
        let pending = self.on_the_way.remove(key);
        self.last_settled = now;
        self.note_settled(pending.sequence);
        if let Outcome::DeadLettered(_) = outcome {
            // It is not in the topic, and may be sent again.
            self.windows.forget(&pending.message);
        }
        match &pending.message {
            // Its id was known when it came, so it is none of those published.
            Message::Summary(told) if outcome == Outcome::Published => {
                let is_match = told.is_id_new || pending.sequence < self.own_from;
                ledger.settle_summary(told.source, pending.received_at, is_match, now);
            }
            _ => ledger.settle(pending.received_at, outcome, now),
        }
    }

    /// The message under `key` was not delivered.
    pub(super) fn take_back(&mut self, key: usize) {
        let pending = self.on_the_way.remove(key);
        self.returned.push_back(pending);
    }

    fn note_settled(&mut self, sequence: u64) {
        if sequence <= self.attempted_up_to {
            self.acknowledged.push(sequence);
        }
    }

    // How it is.

    /// Takes note of the room in the journal, and of what would go there.
    pub(super) fn measure(&mut self, journal_room: u64) {
        let weights = self
            .in_memory_only()
            .map(|pending| weight_of(&pending.message));
        self.unwritten_weight = weights.sum();
        self.journal_room = journal_room;
    }

    /// Judges whether something has been in memory only for too long.
    pub(super) fn judge_lateness(&mut self, now: Instant) {
        let limit = self.limits.protected_within;
        self.is_late = self
            .oldest_unwritten()
            .is_some_and(|at| now.saturating_duration_since(at) > limit);
    }

    pub(super) fn is_journal_full(&self) -> bool {
        self.journal_room == 0
    }

    pub(super) fn is_late(&self) -> bool {
        self.is_late
    }

    /// How many messages are pending, counted where they are.
    pub(super) fn population(&self) -> u64 {
        let spilled = self.spilled.as_ref().map_or(0, |spilled| spilled.count);
        let in_memory =
            self.on_the_way.len() + self.returned.len() + self.head.len() + self.tail.len();
        spilled + in_memory as u64
    }

    /// How many messages are in memory and not on disk.
    pub(super) fn unwritten_count(&self) -> u64 {
        self.in_memory_only().count() as u64
    }

    pub(super) fn spilled_count(&self) -> u64 {
        self.spilled.as_ref().map_or(0, |spilled| spilled.count)
    }

    pub(super) fn last_settled(&self) -> Instant {
        self.last_settled
    }

    pub(super) fn is_recovered(&self) -> bool {
        self.is_recovered
    }

    fn oldest_unwritten(&self) -> Option<Instant> {
        let first = self.on_the_way.iter().map(|(_, pending)| pending);
        let queued = [&self.head, &self.tail].map(|queue| queue.after(self.written_up_to).next());
        first
            .chain(&self.returned)
            .filter(|pending| pending.sequence > self.written_up_to)
            .chain(queued.into_iter().flatten())
            .map(|pending| pending.received_at)
            .min()
    }

    /// What is in memory and not on disk.
    fn in_memory_only(&self) -> impl Iterator<Item = &Pending> {
        let on_the_way = self.on_the_way.iter().map(|(_, pending)| pending);
        on_the_way
            .chain(&self.returned)
            .filter(|pending| pending.sequence > self.written_up_to)
            .chain(self.head.after(self.written_up_to))
            .chain(self.tail.after(self.written_up_to))
    }
}

/// When something received at `at` by the clock of the day was received by the
/// clock of intervals; now at the latest.
fn instant_of(at: Timestamp, wall_now: Timestamp, now: Instant) -> Instant {
    let age_ms = wall_now.as_unix_ms().saturating_sub(at.as_unix_ms());
    let age = Duration::from_millis(u64::try_from(age_ms).unwrap_or(0));
    now.checked_sub(age).unwrap_or(now)
}
