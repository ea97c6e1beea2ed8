//! What every journal must do, as one suite of checks.

use std::{ops::RangeInclusive, sync::Arc};

use async_trait::async_trait;
use domain::{MatchId, Timestamp};
use ingestion_application::{
    DeadLetterReason, ReceivedMatch, ReceivedSummary, SourceName,
    ports::{DeadLetter, Journal, JournalEntry, Message},
};

use crate::summaries::summary_of;

/// Two feeds there are entries of.
pub const SOURCES: [SourceName; 2] = [SourceName::new("contract"), SourceName::new("other_feed")];

/// A journal under test, and the processes that use it one after the other.
#[async_trait]
pub trait Target: Send + Sync {
    /// The journal of this process.
    fn journal(&self) -> Arc<dyn Journal>;

    /// Ends the process without a warning, and starts the next one. The
    /// journal before it is not used any more.
    async fn reopen(&self);
}

/// Matches with these sequences.
#[must_use]
pub fn matches(sequences: RangeInclusive<u64>) -> Vec<JournalEntry> {
    sequences.map(a_match).collect()
}

/// A match; everything about it follows from its sequence.
#[must_use]
pub fn a_match(sequence: u64) -> JournalEntry {
    let raw = i64::try_from(sequence).expect("tests use small sequences");
    JournalEntry {
        sequence,
        message: Message::Match(ReceivedMatch {
            id: MatchId::try_new(9_000_000_000 + raw).expect("it is positive"),
            source: SOURCES[usize::from(sequence.is_multiple_of(5))],
            received_at: Timestamp::from_unix_ms(1_776_027_022_000 + raw),
        }),
    }
}

/// A summary; everything about it follows from its sequence.
#[must_use]
pub fn a_summary(sequence: u64) -> JournalEntry {
    let JournalEntry { message, .. } = a_match(sequence);
    let Message::Match(found) = message else {
        unreachable!("it is a match");
    };
    JournalEntry {
        sequence,
        message: Message::Summary(Arc::new(ReceivedSummary {
            summary: summary_of(found.id),
            source: found.source,
            received_at: found.received_at,
            is_id_new: sequence.is_multiple_of(2),
        })),
    }
}

/// A dead letter with a payload of `size` bytes; the rest follows from its sequence.
#[must_use]
pub fn a_dead_letter(sequence: u64, size: usize) -> JournalEntry {
    let raw = i64::try_from(sequence).expect("tests use small sequences");
    let reasons = DeadLetterReason::ALL.iter().cycle();
    let at = usize::try_from(sequence % 7).expect("it is small");
    let reason = *reasons.clone().nth(at).expect("it goes on for ever");
    // Bytes that look like anything.
    let payload = (0..size).map(|at| u8::try_from(at * 7 % 256).expect("it is a remainder"));
    JournalEntry {
        sequence,
        message: Message::DeadLetter(Box::new(DeadLetter {
            reason,
            detail: format!("entry {sequence} ist kaputt: \u{e4}\u{1f3ae}"),
            source: SOURCES[0],
            received_at: Timestamp::from_unix_ms(1_776_027_022_000 + raw),
            payload: payload.collect(),
            size_bytes: size + 1,
        })),
    }
}

/// Everything open at or after `from`, read `count` at a time.
///
/// # Panics
/// When a call fails, returns too much or does not go on.
pub async fn read_all(journal: &dyn Journal, from: u64, count: usize) -> Vec<JournalEntry> {
    let mut all: Vec<JournalEntry> = Vec::new();
    loop {
        let from = all.last().map_or(from, |last| last.sequence + 1);
        let read = journal.read(from, count).await.expect("it can be read");
        assert!(read.len() <= count, "no more than asked for");
        assert!(
            read.iter().all(|entry| entry.sequence >= from),
            "nothing before the place asked for"
        );
        if read.is_empty() {
            return all;
        }
        all.extend(read);
    }
}

/// Checks every promise of the port on `target`, which must be fresh.
///
/// # Panics
/// When a promise is broken; the message says which.
pub async fn check(target: &dyn Target) {
    a_fresh_journal_is_empty(target).await;
    everything_is_read_as_it_was_written(target).await;
    what_was_appended_twice_is_read_once(target).await;
    what_is_acknowledged_is_not_read_again(target).await;
    what_is_open_survives_the_process(target).await;
    an_empty_journal_remembers_what_was_given(target).await;
}

/// The entries of the checks: sequences with holes, messages of every kind.
fn entries() -> Vec<JournalEntry> {
    let mut entries = matches(10..=20);
    entries.extend((31..=37).map(|sequence| a_dead_letter(sequence, 100)));
    entries.push(a_dead_letter(38, 0));
    entries.push(a_dead_letter(39, 512 * 1024));
    entries.extend(matches(50..=57));
    entries.extend((58..=60).map(a_summary));
    entries
}

async fn a_fresh_journal_is_empty(target: &dyn Target) {
    let journal = target.journal();
    let recovered = journal.recover().await.expect("there is nothing to fail");
    assert_eq!(recovered.total(), 0, "nothing is pending");
    assert_eq!((recovered.first, recovered.lost), (None, 0));
    assert_eq!(journal.read(0, 10).await, Ok(vec![]), "nothing is read");
    assert_eq!(journal.figures().oldest, None, "nothing is old");
}

async fn everything_is_read_as_it_was_written(target: &dyn Target) {
    let (journal, entries) = (target.journal(), entries());
    assert_eq!(journal.append(&[]).await, Ok(()), "nothing can be written");
    for batch in entries.chunks(8) {
        assert_eq!(journal.append(batch).await, Ok(()), "there is room");
    }
    for count in [1, 3, 1000] {
        let read = read_all(&*journal, 0, count).await;
        assert!(read == entries, "all of it and in order, {count} at a time");
    }
    assert_eq!(journal.read(0, 0).await, Ok(vec![]), "none is none");
    for from in [10, 15, 20, 21, 39, 40, 60] {
        let read = journal.read(from, 1).await.expect("it can be read");
        let expected = entries.iter().find(|entry| entry.sequence >= from);
        assert_eq!(read.first(), expected, "the first at or after {from}");
    }
    assert_eq!(journal.read(61, 10).await, Ok(vec![]), "nothing behind");
    let figures = journal.figures();
    assert!(figures.bytes > 0, "it takes room");
    assert_eq!(
        figures.oldest,
        Some(Timestamp::from_unix_ms(1_776_027_022_010)),
        "the first entry is the oldest"
    );
}

async fn what_was_appended_twice_is_read_once(target: &dyn Target) {
    let (journal, mut entries) = (target.journal(), entries());
    assert_eq!(journal.append(&entries[20..]).await, Ok(()));
    entries.push(a_match(61));
    let last = entries.len() - 3;
    assert_eq!(journal.append(&entries[last..]).await, Ok(()));
    assert!(read_all(&*journal, 0, 7).await == entries, "each once");
}

async fn what_is_acknowledged_is_not_read_again(target: &dyn Target) {
    let journal = target.journal();
    let unknown = [1, 25, 1000];
    assert_eq!(
        journal.acknowledge(&unknown).await,
        Ok(()),
        "it is no matter"
    );
    let gone = [10, 11, 12, 33, 39, 55, 61];
    for _ in 0..2 {
        assert_eq!(journal.acknowledge(&gone).await, Ok(()), "also again");
        let read = read_all(&*journal, 0, 7).await;
        assert!(read == open(&gone), "all the others");
    }
    let oldest = journal.figures().oldest;
    let at_least_as_old = Timestamp::from_unix_ms(1_776_027_022_013);
    assert!(
        oldest.is_some_and(|oldest| oldest <= at_least_as_old),
        "at least as old as what is open: {oldest:?}"
    );
}

async fn what_is_open_survives_the_process(target: &dyn Target) {
    let before = read_all(&*target.journal(), 0, 100).await;
    target.reopen().await;
    let journal = target.journal();
    let recovered = journal.recover().await.expect("it can be read");
    let read = read_all(&*journal, 0, 100).await;
    assert!(
        before.iter().all(|entry| read.contains(entry)),
        "everything that was open; what was acknowledged may come back"
    );
    assert_eq!(recovered.total(), read.len() as u64, "as many as there are");
    for (source, count) in &recovered.pending {
        let of_source = read
            .iter()
            .filter(|entry| entry.message.source() == *source);
        assert_eq!(of_source.count() as u64, *count, "as many of {source}");
    }
    assert_eq!(recovered.first, read.first().map(|entry| entry.sequence));
    assert_eq!(recovered.next_sequence, 62, "above all that were given");
    assert_eq!(recovered.lost, 0, "nothing is lost");
    assert_eq!(journal.append(&[a_match(62)]).await, Ok(()), "it goes on");
    let last = read_all(&*journal, 62, 2).await;
    assert_eq!(last, [a_match(62)]);
}

async fn an_empty_journal_remembers_what_was_given(target: &dyn Target) {
    let journal = target.journal();
    let full = journal.figures().bytes;
    let open: Vec<_> = read_all(&*journal, 0, 100).await;
    let open: Vec<_> = open.iter().map(|entry| entry.sequence).collect();
    assert_eq!(journal.acknowledge(&open).await, Ok(()));
    assert_eq!(journal.read(0, 1).await, Ok(vec![]), "nothing is open");
    let figures = journal.figures();
    assert_eq!(figures.oldest, None, "so nothing is old");
    assert!(figures.bytes < full, "it takes less room");
    drop(journal);
    target.reopen().await;
    let journal = target.journal();
    let recovered = journal.recover().await.expect("it can be read");
    assert_eq!(recovered.next_sequence, 63, "above all that were given");
    assert_eq!(journal.append(&[a_match(63)]).await, Ok(()), "it goes on");
    assert_eq!(read_all(&*journal, 63, 2).await, [a_match(63)]);
}

fn open(gone: &[u64]) -> Vec<JournalEntry> {
    let mut entries = entries();
    entries.push(a_match(61));
    entries.retain(|entry| !gone.contains(&entry.sequence));
    entries
}
