//! Real files and folders: who may use them, and what is said when nobody can.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, sync::Arc};

use health_kit::SystemClock;
use ingestion_application::ports::Journal as _;
use ingestion_journal_adapter::{FileJournal, JournalSettings, OpenError};
use ingestion_test_support::journal::journal_contract::{SOURCES, matches, read_all};

use crate::support::SIZE_MAX;

fn open(dir: &Path) -> Result<FileJournal, OpenError> {
    let settings = JournalSettings {
        dir: dir.to_owned(),
        size_max: SIZE_MAX,
    };
    FileJournal::open(&settings, &SOURCES, Arc::new(SystemClock))
}

fn temporary() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder can be made")
}

#[track_caller]
fn assert_says(error: &OpenError, words: &[&str]) {
    let told = error.to_string();
    for word in words {
        assert!(told.contains(word), "{told} does not say {word}");
    }
}

#[tokio::test]
async fn a_folder_belongs_to_one_journal_until_it_is_dropped() {
    let folder = temporary();
    let first = open(folder.path()).expect("it is free");
    let second = open(folder.path()).err().expect("it is taken");
    assert!(matches!(second, OpenError::Locked { .. }), "{second:?}");
    let path = folder.path().display().to_string();
    assert_says(&second, &[&path, "another process", "JOURNAL_DIR"]);
    drop(first);
    open(folder.path()).expect("it is free again");
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_named() {
    let folder = temporary();
    let file = folder.path().join("file");
    fs::write(&file, "").expect("it can be written");
    // Below a file, and in a place where not even root makes folders.
    for dir in [file.join("journal"), "/proc/journal/of/tests".into()] {
        let error = open(&dir).err().expect("there can be no folder");
        assert!(matches!(error, OpenError::NotCreated { .. }), "{error:?}");
        let path = dir.display().to_string();
        assert_says(&error, &[&path, "create it, or set JOURNAL_DIR"]);
    }
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_named() {
    // A folder in which not even root makes files.
    let error = open(Path::new("/proc"))
        .err()
        .expect("it cannot be written");
    assert!(matches!(error, OpenError::NotWritable { .. }), "{error:?}");
    assert_says(&error, &["/proc", "let this user write there"]);

    let folder = temporary();
    fs::create_dir(folder.path().join("lock")).expect("it can be made");
    let error = open(folder.path()).err().expect("the lock is a folder");
    assert!(matches!(error, OpenError::NotWritable { .. }), "{error:?}");
}

#[tokio::test]
async fn a_later_version_is_refused_when_it_is_opened() {
    let folder = temporary();
    let journal = open(folder.path()).expect("it is free");
    journal.recover().await.expect("it is empty");
    journal
        .append(&matches(1..=3))
        .await
        .expect("there is room");
    drop(journal);
    let file = folder.path().join("segment-0000000001.journal");
    let mut bytes = fs::read(&file).expect("it is there");
    bytes[8] = 2;
    bytes[48] = 2;
    fs::write(&file, bytes).expect("it can be written");
    let error = open(folder.path()).err().expect("it is refused");
    assert!(
        matches!(
            error,
            OpenError::UnknownVersion {
                version: 2,
                known: 1,
                ..
            }
        ),
        "{error:?}"
    );
    assert_says(
        &error,
        &["segment-0000000001.journal", "version 2", "version 1"],
    );
}

#[tokio::test]
async fn what_is_written_is_private_and_foreign_files_are_left_alone() {
    let folder = temporary();
    let dir = folder.path().join("journal");
    let journal = open(&dir).expect("it can be made");
    fs::write(dir.join("segment-1.journal"), "foreign").expect("it can be written");
    fs::write(dir.join("notes"), "foreign").expect("it can be written");
    journal.recover().await.expect("it is empty");
    journal
        .append(&matches(1..=3))
        .await
        .expect("there is room");
    let mode = |path: &Path| {
        let metadata = fs::metadata(path).expect("it is there");
        metadata.permissions().mode() & 0o777
    };
    assert_eq!(mode(&dir), 0o700);
    for name in ["lock", "segment-0000000001.journal"] {
        assert_eq!(mode(&dir.join(name)), 0o600, "{name}");
    }
    journal.acknowledge(&[1, 2, 3]).await.expect("it is well");
    let mut names: Vec<_> = fs::read_dir(&dir)
        .expect("it is there")
        .map(|entry| entry.expect("it is there").file_name())
        .collect();
    names.sort();
    let expected = [
        "lock",
        "notes",
        "segment-0000000001.journal",
        "segment-1.journal",
    ];
    assert_eq!(names, expected);
}

#[tokio::test]
async fn a_call_given_up_leaves_the_files_whole() {
    let folder = temporary();
    let journal = open(folder.path()).expect("it is free");
    journal.recover().await.expect("it is empty");
    let entries = matches(1..=2000);
    for (at, batch) in entries.chunks(20).enumerate() {
        // Given up at once, while the disk goes on.
        for _ in 0..at % 5 {
            let call = journal.append(batch);
            tokio::select! {
                biased;
                _ = call => {}
                () = tokio::task::yield_now() => {}
            }
        }
        journal.append(batch).await.expect("there is room");
    }
    assert!(read_all(&journal, 0, 1000).await == entries);
    drop(journal);
    let journal = open(folder.path()).expect("it is free");
    let recovered = journal.recover().await.expect("it can be read");
    assert_eq!((recovered.total(), recovered.lost), (2000, 0));
    assert!(read_all(&journal, 0, 1000).await == entries);
}
