//! A disk that is full, read-only, broken or slow: the right error, the right
//! health, and everything as before once it is well again.

use std::{io::ErrorKind, sync::Arc, time::Duration};

use health_kit::{HealthReporter as _, HealthStatus};
use ingestion_application::ports::{Journal as _, JournalError};
use ingestion_journal_adapter::FileJournal;
use ingestion_test_support::{
    journal::journal_contract::{a_dead_letter, a_match, matches, read_all},
    simulated_disk::{Operation, SimulatedDisk},
};
use tokio::time::timeout;

use crate::support::{over, recover};

const MIB: u64 = 1024 * 1024;

/// How the journal says it is.
fn health(journal: &FileJournal) -> (HealthStatus, String) {
    let checks = journal.checks();
    let [check] = checks.as_slice() else {
        panic!("one check, not {checks:?}");
    };
    assert_eq!(check.name, "journal");
    (check.status, check.reason.clone())
}

fn assert_unhealthy(journal: &FileJournal, reason: &str) {
    let (status, told) = health(journal);
    assert_eq!(status, HealthStatus::Unhealthy, "{told}");
    assert!(told.contains(reason), "{told} does not say {reason}");
}

fn assert_healthy(journal: &FileJournal) {
    let (status, told) = health(journal);
    assert_eq!(status, HealthStatus::Healthy, "{told}");
}

#[tokio::test]
async fn at_its_limit_it_is_full_and_drains_by_acknowledgements() {
    let limit = 1024 * 1024;
    let disk = SimulatedDisk::new(1);
    let journal = over(&disk, limit);
    journal.recover().await.expect("it is empty");
    assert_healthy(&journal);
    let mut appended = Vec::new();
    let full = loop {
        let first = appended.len() as u64 + 1;
        let batch = matches(first..=first + 99);
        match journal.append(&batch).await {
            Ok(()) => appended.extend(batch),
            Err(error) => break error,
        }
    };
    let JournalError::Full { reason } = &full else {
        panic!("it is full, not {full:?}");
    };
    assert!(
        reason.contains("JOURNAL_SIZE_MAX, 1048576 bytes"),
        "{reason}"
    );
    assert_unhealthy(&journal, "JOURNAL_SIZE_MAX");
    let bytes = journal.figures().bytes;
    assert!(bytes <= limit && bytes > limit * 9 / 10, "{bytes} bytes");

    // A full journal can still note what is let go, one here and one there.
    let scattered: Vec<_> = (1..=appended.len() as u64).step_by(3).collect();
    for sequences in scattered.chunks(50) {
        assert_eq!(journal.acknowledge(sequences).await, Ok(()));
    }
    appended.retain(|entry| !scattered.contains(&entry.sequence));
    assert!(read_all(&journal, 0, 1000).await == appended);
    assert!(journal.figures().bytes <= limit);
    assert_unhealthy(&journal, "JOURNAL_SIZE_MAX");

    // What is let go from the front makes room, and that is enough to be well.
    let first_half: Vec<_> = (appended[..appended.len() / 2].iter())
        .map(|entry| entry.sequence)
        .collect();
    assert_eq!(journal.acknowledge(&first_half).await, Ok(()));
    assert_healthy(&journal);
    assert_eq!(journal.append(&[a_match(1_000_000)]).await, Ok(()));
}

#[tokio::test]
async fn a_disk_without_room_is_named_and_comes_round() {
    let disk = SimulatedDisk::new(1);
    let (journal, _) = recover(&disk).await.expect("it is empty");
    journal
        .append(&matches(1..=10))
        .await
        .expect("there is room");

    // A sixteenth of it is left to others, and that is what there is.
    let held = journal.figures().bytes;
    disk.set_capacity(held * 16 / 15);
    let full = journal.append(&matches(11..=20)).await;
    assert!(
        matches!(&full, Err(JournalError::Full { reason }) if reason.contains("make room")),
        "room is left to others: {full:?}"
    );
    assert_unhealthy(&journal, "the simulated disk has");

    disk.set_capacity(128 * MIB);
    assert_eq!(journal.append(&matches(11..=20)).await, Ok(()));
    assert_healthy(&journal);
    assert_eq!(read_all(&journal, 0, 100).await, matches(1..=20));
}

#[tokio::test]
async fn of_a_small_disk_a_small_share_is_left_to_others() {
    let disk = SimulatedDisk::new(1);
    disk.set_capacity(48 * MIB);
    let journal = over(&disk, MIB);
    journal.recover().await.expect("it is empty");
    assert_healthy(&journal);
    let mut full = None;
    for first in (1..=1_000_000).step_by(100) {
        full = journal.append(&matches(first..=first + 99)).await.err();
        if full.is_some() {
            break;
        }
    }
    let full = full.expect("it has a limit").to_string();
    assert!(full.contains("JOURNAL_SIZE_MAX, 1048576 bytes"), "{full}");
}

#[tokio::test(start_paused = true)]
async fn a_disk_too_small_for_an_outage_is_told_from_the_start() {
    let disk = SimulatedDisk::new(1);
    disk.set_capacity(48 * MIB);
    let journal = over(&disk, 64 * MIB);
    journal.recover().await.expect("it is empty");
    let (status, told) = health(&journal);
    assert_eq!(status, HealthStatus::Degraded, "{told}");
    let sum = "JOURNAL_SIZE_MAX, 67108864 bytes, and 3145728 that are left to others are more \
               than the 50331648 it has for both; make room there, or set JOURNAL_SIZE_MAX to \
               47185920 or less";
    assert!(told.contains(sum), "{told}");

    // What the journal holds already is its own, and no room that is missing.
    disk.set_capacity(68 * MIB + MIB / 2);
    for first in (1..=100_000).step_by(10_000) {
        let appended = journal.append(&matches(first..=first + 9_999)).await;
        appended.expect("there is room");
    }
    assert!(journal.figures().bytes > MIB);
    assert_healthy(&journal);

    // Others fill the disk, and make room again, while nothing is written.
    for (capacity, expected) in [
        (48 * MIB, HealthStatus::Degraded),
        (128 * MIB, HealthStatus::Healthy),
    ] {
        disk.set_capacity(capacity);
        tokio::time::advance(Duration::from_secs(5)).await;
        for _ in 0..10 {
            let _ = health(&journal);
            tokio::task::yield_now().await;
        }
        let (status, told) = health(&journal);
        assert_eq!(status, expected, "{told}");
    }
}

#[tokio::test]
async fn whatever_fails_is_told_and_can_be_tried_again() {
    for (operation, kind, words) in [
        (Operation::Write, ErrorKind::StorageFull, "no room"),
        (Operation::Write, ErrorKind::QuotaExceeded, "no room"),
        (Operation::Write, ErrorKind::ReadOnlyFilesystem, "mount"),
        (
            Operation::Write,
            ErrorKind::PermissionDenied,
            "let this user",
        ),
        (Operation::Sync, ErrorKind::Other, "cannot be synced"),
    ] {
        let disk = SimulatedDisk::new(1);
        let (journal, _) = recover(&disk).await.expect("it is empty");
        journal.append(&matches(1..=10)).await.expect("it is well");
        disk.fail(operation, kind, None);
        for _ in 0..20 {
            let failed = journal.append(&matches(11..=20)).await;
            let is_full = matches!(failed, Err(JournalError::Full { .. }));
            assert_eq!(is_full, words == "no room", "{kind:?}: {failed:?}");
            assert_unhealthy(&journal, words);
        }
        assert_eq!(
            read_all(&journal, 0, 100).await,
            matches(1..=10),
            "{kind:?}"
        );
        disk.heal();
        assert_eq!(journal.append(&matches(11..=20)).await, Ok(()), "{kind:?}");
        assert_healthy(&journal);
        assert_eq!(
            read_all(&journal, 0, 100).await,
            matches(1..=20),
            "{kind:?}"
        );
        assert_eq!(
            disk.names().len(),
            1,
            "{kind:?}: attempts leave nothing behind"
        );
        drop(journal);
        disk.restart();
        let (journal, recovered) = recover(&disk).await.expect("it can be read");
        assert_eq!((recovered.total(), recovered.lost), (20, 0), "{kind:?}");
        assert_eq!(
            read_all(&journal, 0, 100).await,
            matches(1..=20),
            "{kind:?}"
        );
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_cut_off_is_left_for_a_new_one() {
    let disk = SimulatedDisk::new(1);
    let (journal, _) = recover(&disk).await.expect("it is empty");
    journal.append(&matches(1..=10)).await.expect("it is well");
    disk.fail(Operation::Sync, ErrorKind::Other, Some(1));
    journal
        .append(&matches(11..=20))
        .await
        .expect_err("it is not synced");
    disk.fail(Operation::Truncate, ErrorKind::Other, Some(1));
    assert_eq!(journal.append(&matches(11..=20)).await, Ok(()));
    assert_eq!(disk.names().len(), 2);
    journal.append(&matches(21..=30)).await.expect("it is well");
    // The first file holds the entries, too: they were written, after all.
    for _ in 0..2 {
        let (journal, recovered) = recover(&disk).await.expect("it can be read");
        assert_eq!((recovered.total(), recovered.lost), (30, 0));
        assert_eq!(
            read_all(&journal, 0, 100).await,
            matches(1..=30),
            "each once"
        );
        drop(journal);
        disk.restart();
    }
}

#[tokio::test]
async fn a_disk_that_cannot_read_is_told_and_loses_nothing() {
    let disk = SimulatedDisk::new(1);
    let (journal, _) = recover(&disk).await.expect("it is empty");
    journal.append(&matches(1..=10)).await.expect("it is well");
    disk.fail(Operation::Read, ErrorKind::Other, None);
    let failed = journal.read(0, 10).await;
    assert!(
        matches!(failed, Err(JournalError::Failed { .. })),
        "{failed:?}"
    );
    drop(journal);
    let journal = over(&disk, 1024 * 1024);
    let failed = journal.recover().await;
    assert!(
        matches!(failed, Err(JournalError::Failed { .. })),
        "{failed:?}"
    );
    assert_unhealthy(&journal, "check that disk");
    disk.heal();
    let recovered = journal.recover().await.expect("it can be read again");
    assert_eq!((recovered.total(), recovered.lost), (10, 0));
    assert_healthy(&journal);
}

#[tokio::test(start_paused = true)]
async fn a_slow_disk_shows_while_it_is_slow_and_for_a_while_after() {
    let disk = SimulatedDisk::new(1);
    let (journal, _) = recover(&disk).await.expect("it is empty");
    journal.append(&[a_match(1)]).await.expect("it is well");
    disk.set_sync_delay(Duration::from_secs(3));
    let journal = Arc::new(journal);
    let mut appending = tokio::spawn({
        let journal = Arc::clone(&journal);
        async move { journal.append(&[a_match(2)]).await }
    });
    let early = timeout(Duration::from_millis(400), &mut appending).await;
    assert!(early.is_err(), "it is being written");
    assert_healthy(&journal);
    let early = timeout(Duration::from_millis(200), &mut appending).await;
    assert!(early.is_err(), "it is still being written");
    let (status, reason) = health(&journal);
    assert_eq!(status, HealthStatus::Degraded);
    assert!(reason.contains("takes 600 ms"), "{reason}");
    // Whoever reads does not wait.
    let read = timeout(Duration::from_millis(1), journal.read(0, 10)).await;
    assert_eq!(read, Ok(Ok(vec![a_match(1)])));

    assert_eq!(appending.await.expect("no panic"), Ok(()));
    assert_eq!(health(&journal).0, HealthStatus::Degraded);
    tokio::time::advance(Duration::from_secs(11)).await;
    assert_healthy(&journal);
}

#[tokio::test]
async fn damage_shows_in_health_as_long_as_the_process_lives() {
    let disk = SimulatedDisk::new(1);
    let (journal, _) = recover(&disk).await.expect("it is empty");
    journal.append(&matches(1..=10)).await.expect("it is well");
    drop(journal);
    let file = disk.names().remove(0);
    let mut bytes = disk.file(&file);
    bytes[200] ^= 1;
    disk.put(&file, &bytes);
    let (journal, recovered) = recover(&disk).await.expect("it can be read");
    assert_eq!(recovered.lost, 1);
    journal.append(&[a_match(11)]).await.expect("it is well");
    let (status, reason) = health(&journal);
    assert_eq!(status, HealthStatus::Degraded);
    assert!(reason.contains("1 entry lost"), "{reason}");
}

#[tokio::test]
async fn a_segment_is_removed_once_it_and_all_before_it_are_let_go() {
    let disk = SimulatedDisk::new(1);
    let journal = over(&disk, 1024 * 1024);
    journal.recover().await.expect("it is empty");
    // Segments of 128 KiB, and payloads of a third of that.
    let letters: Vec<_> = (1..=18).map(|n| a_dead_letter(n, 40_000)).collect();
    for letter in &letters {
        journal
            .append(std::slice::from_ref(letter))
            .await
            .expect("there is room");
    }
    let files = disk.names().len();
    assert_eq!(files, 6, "three in each");
    journal.acknowledge(&[4, 5, 6]).await.expect("it is well");
    assert_eq!(disk.names().len(), files, "the first is open");
    journal.acknowledge(&[1, 2]).await.expect("it is well");
    assert_eq!(disk.names().len(), files);
    journal.acknowledge(&[3]).await.expect("it is well");
    assert_eq!(disk.names().len(), files - 2, "both are gone");
    let rest: Vec<_> = (7..=18).collect();
    journal.acknowledge(&rest).await.expect("it is well");
    assert_eq!(disk.names().len(), 1);
    assert!(
        journal.figures().bytes < 100,
        "{} bytes",
        journal.figures().bytes
    );
}

#[tokio::test]
async fn a_segment_that_is_missing_is_told() {
    let disk = SimulatedDisk::new(1);
    let journal = over(&disk, 1024 * 1024);
    journal.recover().await.expect("it is empty");
    for n in 1..=9 {
        journal
            .append(&[a_dead_letter(n, 40_000)])
            .await
            .expect("there is room");
    }
    let second = disk.names().remove(1);
    let copy = SimulatedDisk::new(2);
    for name in disk.names() {
        if name != second {
            copy.put(&name, &disk.file(&name));
        }
    }
    let (journal, recovered) = recover(&copy).await.expect("it can be read");
    assert_eq!((recovered.total(), recovered.lost), (6, 3));
    drop(journal);
    let (_, recovered) = recover(&copy).await.expect("it can be read");
    assert_eq!(
        (recovered.total(), recovered.lost),
        (6, 0),
        "it is told once"
    );
}

#[tokio::test]
async fn a_later_version_is_refused_by_name() {
    let disk = SimulatedDisk::new(1);
    let (journal, _) = recover(&disk).await.expect("it is empty");
    journal.append(&matches(1..=10)).await.expect("it is well");
    drop(journal);
    let file = disk.names().remove(0);
    let mut bytes = disk.file(&file);
    // The version, in both copies of the header.
    bytes[8] = 7;
    bytes[48] = 7;
    disk.put(&file, &bytes);
    let refused = over(&disk, 1024 * 1024).recover().await;
    let Err(JournalError::Failed { reason }) = refused else {
        panic!("it is refused, not {refused:?}");
    };
    assert!(
        reason.contains("version 7, this program knows version 1"),
        "{reason}"
    );
    assert_eq!(disk.file(&file), bytes, "and left as it is");
}
