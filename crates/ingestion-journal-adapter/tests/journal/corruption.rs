//! Every byte flipped, every length cut: no panic, nothing lost but what was
//! damaged, and nothing of that in silence.

use ingestion_application::ports::{Journal as _, JournalEntry};
use ingestion_test_support::{
    journal::journal_contract::{a_dead_letter, a_match, matches, read_all},
    simulated_disk::SimulatedDisk,
};

use crate::support::recover;

const FILE: &str = "segment-0000000001.journal";

/// A journal with entries of every kind and acknowledgements in between, what
/// is open in it, and which bytes belong to an entry.
async fn small_journal() -> (Vec<u8>, Vec<JournalEntry>) {
    let disk = SimulatedDisk::new(1);
    let (journal, _) = recover(&disk).await.expect("it is empty");
    let letters = |sequences: std::ops::RangeInclusive<u64>| -> Vec<_> {
        sequences
            .map(|sequence| a_dead_letter(sequence, 60))
            .collect()
    };
    for batch in [
        matches(1..=4),
        letters(5..=7),
        matches(20..=23),
        letters(24..=25),
    ] {
        journal.append(&batch).await.expect("there is room");
    }
    journal.acknowledge(&[2, 6, 21]).await.expect("it is there");
    journal
        .append(&matches(30..=32))
        .await
        .expect("there is room");
    let open = read_all(&journal, 0, 100).await;
    (disk.file(FILE), open)
}

fn disk_with(bytes: &[u8]) -> SimulatedDisk {
    let disk = SimulatedDisk::new(2);
    disk.put(FILE, bytes);
    disk
}

/// The entries of `open` that are not in `read`.
fn missing(open: &[JournalEntry], read: &[JournalEntry]) -> u64 {
    open.iter().filter(|entry| !read.contains(entry)).count() as u64
}

#[tokio::test]
async fn a_flipped_byte_costs_one_entry_at_most_and_is_told() {
    let (whole, open) = small_journal().await;
    for at in 0..whole.len() {
        for mask in [0x01, 0x80, 0xff] {
            let mut bytes = whole.clone();
            bytes[at] ^= mask;
            let disk = disk_with(&bytes);
            let (journal, recovered) = recover(&disk).await.expect("it can be read");
            let read = read_all(&journal, 0, 4).await;
            let lost = missing(&open, &read);
            assert!(lost <= 1, "byte {at}: {lost} entries are missing");
            assert!(recovered.lost <= 1, "byte {at}: too many are counted");
            assert!(recovered.lost >= lost, "byte {at}: nobody is told");
            assert_eq!(recovered.total(), read.len() as u64, "byte {at}");
            assert_eq!(recovered.next_sequence, 33, "byte {at}");

            goes_on(&disk, journal, &read).await;
        }
    }
}

#[tokio::test]
async fn a_journal_cut_anywhere_keeps_what_is_before_the_cut() {
    let (whole, open) = small_journal().await;
    let mut lengths = Vec::new();
    for length in 0..whole.len() {
        let disk = disk_with(&whole[..length]);
        let (journal, recovered) = recover(&disk).await.expect("it can be read");
        let read = read_all(&journal, 0, 4).await;
        assert_eq!(recovered.total(), read.len() as u64, "{length} bytes");
        // Acknowledgements may have been cut off: more may be there.
        let kept = open.iter().filter(|entry| read.contains(entry)).count();
        assert!(
            open[..kept].iter().all(|entry| read.contains(entry)),
            "{length} bytes: something before the cut is lost"
        );
        lengths.push(kept);
        goes_on(&disk, journal, &read).await;
    }
    assert!(lengths.is_sorted(), "more bytes hold no less");
    assert_eq!(
        lengths.last(),
        Some(&open.len()),
        "the last record confirms"
    );
}

#[tokio::test]
async fn a_byte_flipped_under_a_running_journal_costs_one_entry_and_is_told() {
    let (whole, open) = small_journal().await;
    for at in 0..whole.len() {
        let disk = disk_with(&whole);
        let (journal, recovered) = recover(&disk).await.expect("it can be read");
        assert_eq!(recovered.lost, 0);
        let mut bytes = disk.file(FILE);
        bytes[at] ^= 0x10;
        disk.put(FILE, &bytes);
        let read = read_all(&journal, 0, 4).await;
        let lost = missing(&open, &read);
        assert!(lost <= 1, "byte {at}: {lost} entries are missing");
        assert_eq!(journal.figures().lost, lost, "byte {at}");
        goes_on(&disk, journal, &read).await;
    }
}

#[tokio::test]
async fn a_file_that_vanishes_in_parts_under_a_running_journal_is_told() {
    let (whole, open) = small_journal().await;
    for length in 0..whole.len() {
        let disk = disk_with(&whole);
        let (journal, _) = recover(&disk).await.expect("it can be read");
        disk.put(FILE, &whole[..length]);
        let read = read_all(&journal, 0, 4).await;
        assert_eq!(
            journal.figures().lost,
            missing(&open, &read),
            "{length} bytes: what is missing is counted"
        );
    }
}

/// What is there can be read and written on, and the same damage is not found twice.
async fn goes_on(
    disk: &SimulatedDisk,
    journal: ingestion_journal_adapter::FileJournal,
    before: &[JournalEntry],
) {
    journal.append(&[a_match(40)]).await.expect("there is room");
    drop(journal);
    let (journal, _) = recover(disk).await.expect("it can be read");
    drop(journal);
    let (journal, recovered) = recover(disk).await.expect("it can be read");
    assert_eq!(recovered.lost, 0, "what was told once is not told again");
    let mut expected = before.to_vec();
    expected.push(a_match(40));
    let read = read_all(&journal, 0, 4).await;
    // A damaged acknowledgement brings back what had been let go.
    assert_eq!(missing(&expected, &read), 0, "all is there");
}
