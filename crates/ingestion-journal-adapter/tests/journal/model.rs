//! Whatever is done, fails or crashes, in any order: what was promised is
//! there, and nothing else but what may come back.

use std::{
    collections::BTreeMap,
    future::{Future, poll_fn},
    io::ErrorKind,
    pin::pin,
    task::Poll,
};

use ingestion_application::ports::{Journal as _, JournalEntry};
use ingestion_journal_adapter::FileJournal;
use ingestion_test_support::{
    journal::journal_contract::{a_dead_letter, a_match, read_all},
    simulated_disk::{Operation, SimulatedDisk},
};
use proptest::prelude::*;

use crate::support::over;

/// Small, so that there are many segments: they begin anew at 8 KiB.
const SIZE_MAX: u64 = 64 * 1024;

#[derive(Debug, Clone)]
enum Action {
    /// Appends so many entries, some of them dead letters.
    Append { count: u64, letters_every: u64 },
    /// The same, given up after so many polls.
    AppendAndGiveUp { count: u64, polls: u32 },
    /// Lets go of the first open entries, but for every so many.
    Acknowledge { count: usize, but_every: usize },
    /// The same, given up after so many polls.
    AcknowledgeAndGiveUp { count: usize, polls: u32 },
    /// Lets go of everything.
    AcknowledgeAll,
    /// Reads everything, so many at a time.
    Read { count: usize },
    /// The disk fails at the next operations of a kind.
    Fail {
        operation: Operation,
        kind: ErrorKind,
        count: u64,
    },
    /// The process is killed.
    Kill,
    /// The power goes.
    LosePower,
    /// The power goes in the middle of a change that is still to come.
    LosePowerAfter { changes: u64 },
}

fn action() -> impl Strategy<Value = Action> {
    let operation = prop_oneof![
        Just(Operation::Write),
        Just(Operation::Sync),
        Just(Operation::Truncate),
        Just(Operation::Remove),
        Just(Operation::Read),
    ];
    let kind = prop_oneof![Just(ErrorKind::StorageFull), Just(ErrorKind::Other)];
    prop_oneof![
        6 => (1..80_u64, 1..50_u64)
            .prop_map(|(count, letters_every)| Action::Append { count, letters_every }),
        2 => (1..80_u64, 1..12_u32)
            .prop_map(|(count, polls)| Action::AppendAndGiveUp { count, polls }),
        4 => (1..200_usize, 2..30_usize)
            .prop_map(|(count, but_every)| Action::Acknowledge { count, but_every }),
        2 => (1..200_usize, 1..12_u32)
            .prop_map(|(count, polls)| Action::AcknowledgeAndGiveUp { count, polls }),
        2 => Just(Action::AcknowledgeAll),
        2 => (1..100_usize).prop_map(|count| Action::Read { count }),
        2 => (operation, kind, 1..3_u64)
            .prop_map(|(operation, kind, count)| Action::Fail { operation, kind, count }),
        1 => Just(Action::Kill),
        1 => Just(Action::LosePower),
        2 => (0..12_u64).prop_map(|changes| Action::LosePowerAfter { changes }),
    ]
}

/// What must be there, and what may.
struct Model {
    disk: SimulatedDisk,
    journal: FileJournal,
    next_sequence: u64,
    /// Appended, and not acknowledged.
    open: BTreeMap<u64, JournalEntry>,
    /// Neither known to be appended nor known not to be.
    in_doubt: BTreeMap<u64, JournalEntry>,
    /// Acknowledged: may come back with any later process, as nothing says that
    /// they are let go durably.
    gone: BTreeMap<u64, JournalEntry>,
}

impl Model {
    async fn new(disk: SimulatedDisk) -> Self {
        let journal = over(&disk, SIZE_MAX);
        journal.recover().await.expect("there is nothing yet");
        Self {
            disk,
            journal,
            next_sequence: 1,
            open: BTreeMap::new(),
            in_doubt: BTreeMap::new(),
            gone: BTreeMap::new(),
        }
    }

    async fn act(&mut self, action: &Action) {
        match *action {
            Action::Append {
                count,
                letters_every,
            } => {
                self.append(count, letters_every, u32::MAX).await;
            }
            Action::AppendAndGiveUp { count, polls } => self.append(count, 7, polls).await,
            Action::Acknowledge { count, but_every } => {
                self.acknowledge(count, but_every, u32::MAX).await;
            }
            Action::AcknowledgeAndGiveUp { count, polls } => {
                self.acknowledge(count, usize::MAX, polls).await;
            }
            Action::AcknowledgeAll => self.acknowledge(usize::MAX, usize::MAX, u32::MAX).await,
            Action::Read { count } => self.check(count).await,
            Action::Fail {
                operation,
                kind,
                count,
            } => {
                self.disk.fail(operation, kind, Some(count));
            }
            Action::Kill => self.restart(false).await,
            Action::LosePower => self.restart(true).await,
            Action::LosePowerAfter { changes } => self.disk.lose_power_after(changes),
        }
    }

    async fn append(&mut self, count: u64, letters_every: u64, polls: u32) {
        // Holes, and now and then a payload that fills a segment.
        let sequences = (0..count).map(|n| self.next_sequence + n + n / 10);
        let entries: Vec<_> = sequences
            .map(|sequence| match sequence {
                _ if sequence.is_multiple_of(701) => a_dead_letter(sequence, 9000),
                _ if sequence.is_multiple_of(letters_every) => a_dead_letter(sequence, 30),
                _ => a_match(sequence),
            })
            .collect();
        self.next_sequence = entries[entries.len() - 1].sequence + 1;
        let mut appended = poll_times(self.journal.append(&entries), polls).await;
        for _ in 0..3 {
            // As the port says, a call that failed is tried again.
            if matches!(appended, Some(Ok(()))) {
                break;
            }
            appended = Some(self.journal.append(&entries).await);
        }
        let entries = entries.into_iter().map(|entry| (entry.sequence, entry));
        if matches!(appended, Some(Ok(()))) {
            self.open.extend(entries);
        } else {
            self.in_doubt.extend(entries);
        }
    }

    async fn acknowledge(&mut self, count: usize, but_every: usize, polls: u32) {
        let sequences: Vec<_> = (self.open.keys().take(count).enumerate())
            .filter(|(at, _)| (at + 1) % but_every != 0)
            .map(|(_, sequence)| *sequence)
            .collect();
        let done = poll_times(self.journal.acknowledge(&sequences), polls).await;
        for sequence in sequences {
            let entry = self.open.remove(&sequence).expect("it is open");
            let target = if done == Some(Ok(())) {
                &mut self.gone
            } else {
                &mut self.in_doubt
            };
            target.insert(sequence, entry);
        }
    }

    /// Everything open is there, nothing that was let go, and nothing else.
    async fn check(&mut self, count: usize) {
        self.disk.heal();
        if self.journal.read(0, 1).await.is_err() {
            self.restart(true).await;
        }
        let read = read_all(&self.journal, 0, count).await;
        self.compare(&read, false);
        let figures = self.journal.figures();
        assert_eq!(figures.lost, 0, "nothing is damaged");
        assert!(figures.bytes <= SIZE_MAX, "it keeps within its limit");
        assert_eq!(figures.oldest.is_some(), !read.is_empty());
    }

    async fn restart(&mut self, is_power_lost: bool) {
        self.disk.heal();
        if is_power_lost || !self.disk.has_power() {
            self.disk.restart();
        }
        let recovered = loop {
            self.journal = over(&self.disk, SIZE_MAX);
            match self.journal.recover().await {
                Ok(recovered) => break recovered,
                // The power was to go, and has gone meanwhile.
                Err(_) => self.disk.restart(),
            }
        };
        if !self.disk.has_power() {
            self.disk.restart();
            return Box::pin(self.restart(true)).await;
        }
        assert_eq!(recovered.lost, 0, "nothing that was promised is lost");
        let last_open = self.open.keys().next_back();
        assert!(
            last_open < Some(&recovered.next_sequence),
            "no sequence is given twice"
        );
        let read = read_all(&self.journal, 0, 50).await;
        assert_eq!(recovered.total(), read.len() as u64, "as many as there are");
        self.compare(&read, true);
        self.open = read
            .into_iter()
            .map(|entry| (entry.sequence, entry))
            .collect();
        self.next_sequence = self.next_sequence.max(recovered.next_sequence);
    }

    fn compare(&self, read: &[JournalEntry], is_new_process: bool) {
        let sequences: Vec<_> = read.iter().map(|entry| entry.sequence).collect();
        assert!(
            sequences.is_sorted_by(|one, next| one < next),
            "in order, each once"
        );
        for (sequence, entry) in &self.open {
            let found = sequences.binary_search(sequence);
            assert!(found.is_ok(), "entry {sequence} is lost");
            assert!(
                read[found.expect("just seen")] == *entry,
                "entry {sequence} is changed"
            );
        }
        for entry in read {
            let sequence = &entry.sequence;
            let may_be = self.in_doubt.get(sequence).or(self.open.get(sequence));
            let may_be = may_be.or(self.gone.get(sequence).filter(|_| is_new_process));
            assert!(may_be == Some(entry), "entry {sequence} must not be there");
        }
    }
}

/// The result of a future; none when it is not ready after so many polls.
async fn poll_times<T>(future: impl Future<Output = T>, polls: u32) -> Option<T> {
    let mut future = pin!(future);
    let mut left = polls;
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(result) => Poll::Ready(Some(result)),
        Poll::Pending if left == 0 => Poll::Ready(None),
        Poll::Pending => {
            left -= 1;
            Poll::Pending
        }
    })
    .await
}

fn run(seed: u64, actions: &[Action]) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime can be made");
    runtime.block_on(async {
        let mut model = Model::new(SimulatedDisk::new(seed)).await;
        for action in actions {
            model.act(action).await;
        }
        model.check(1000).await;
        model.restart(true).await;
        model.check(1000).await;
        model.acknowledge(usize::MAX, usize::MAX, u32::MAX).await;
        assert_eq!(model.journal.read(0, 1).await, Ok(vec![]), "all is let go");
    });
}

proptest! {
    // More with PROPTEST_CASES.
    #![proptest_config(ProptestConfig {
        cases: ProptestConfig::default().cases.max(500),
        ..ProptestConfig::default()
    })]

    #[test]
    fn what_was_promised_is_there_after_anything(
        seed: u64,
        actions in prop::collection::vec(action(), 1..60),
    ) {
        run(seed, &actions);
    }
}

#[test]
fn schedules_that_once_failed_pass() {
    // A write that had failed was left in the old file in part, and what was
    // missing there was not looked for in the new one.
    let append = |count, letters_every| Action::Append {
        count,
        letters_every,
    };
    let uncut = [
        Action::Fail {
            operation: Operation::Truncate,
            kind: ErrorKind::StorageFull,
            count: 1,
        },
        append(63, 5),
        append(43, 4),
        append(1, 1),
        append(15, 2),
        Action::AppendAndGiveUp { count: 9, polls: 1 },
        Action::Read { count: 1 },
    ];
    run(17_561_131_057_440_030_083, &uncut);

    // A file made by a process that was killed was written on by the next one,
    // and nobody had synced the folder.
    let unsynced_name = [
        Action::LosePowerAfter { changes: 6 },
        Action::AppendAndGiveUp {
            count: 32,
            polls: 5,
        },
        Action::AcknowledgeAll,
        Action::Kill,
        Action::AcknowledgeAndGiveUp {
            count: 32,
            polls: 1,
        },
        Action::Kill,
        append(1, 1),
    ];
    run(8_492_138_527_942_048_855, &unsynced_name);
}
