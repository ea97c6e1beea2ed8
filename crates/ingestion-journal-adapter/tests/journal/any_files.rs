//! What holds for every folder of files, whatever is in them; fuzzed by
//! `crates/fuzz`, too.

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use domain::{MatchId, Timestamp};
use health_kit::SystemClock;
use ingestion_application::{
    ReceivedMatch, SourceName,
    ports::{Journal as _, JournalEntry, JournalError, Message},
};
use ingestion_journal_adapter::{
    FileJournal,
    storage::{Space, Storage},
};

const SOURCES: [SourceName; 2] = [SourceName::new("contract"), SourceName::new("other_feed")];
/// Small, so that segments are.
const SIZE_MAX: u64 = 64 * 1024;
/// More than this is beyond what any input is: libFuzzer's are up to 4 KiB.
const INPUT_BYTES_MAX: usize = 32 * 1024;
/// What the journal may ask of the disk before it counts as hanging.
const OPERATIONS_MAX: usize = 20_000;
/// So many entries are read at once.
const READ_COUNT: usize = 7;

/// Where things stand in a file: that is known here as well, to mend checksums.
const HEADER_COPY_SIZE: usize = 40;
const HEAD_SIZE: usize = 23;
const CHECK_SIZE: usize = 4;
const RECORD_SIZE_MIN: usize = HEAD_SIZE + CHECK_SIZE;

/// Recovers, reads and writes a journal in the files that `bytes` holds, and
/// recovers again.
///
/// The files stand one behind the other: a number, how to mend it, its length
/// in two bytes, its content. No fuzzer guesses a checksum, so the right ones
/// are put in where the rest of a record makes sense.
///
/// # Panics
/// When a rule is broken.
pub(crate) fn check(bytes: &[u8]) {
    if bytes.len() > INPUT_BYTES_MAX {
        return;
    }
    let disk = Disk::default();
    let (files, is_honest) = files(bytes);
    disk.lock().files = files;
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime = runtime.expect("a runtime can be made");
    runtime.block_on(use_journal(&disk, is_honest));
}

async fn use_journal(disk: &Disk, is_honest: bool) {
    let journal = disk.journal();
    let recovered = match journal.recover().await {
        Ok(recovered) => recovered,
        Err(JournalError::Failed { reason }) => {
            assert!(reason.contains("format version"), "{reason}");
            return;
        }
        Err(error) => panic!("the disk is well: {error}"),
    };
    let before = disk.bytes();
    let read = read_all(&journal).await;
    if !is_honest {
        let new = a_match(recovered.next_sequence);
        let _ = journal.append(&[new]).await;
        read_all(&journal).await;
        let _ = disk.journal().recover().await;
        return;
    }
    assert_eq!(recovered.total(), read.len() as u64, "as many as there are");
    assert_eq!(read.first().map(|entry| entry.sequence), recovered.first);
    let above = read.last().map_or(0, |last| last.sequence + 1);
    assert!(above <= recovered.next_sequence, "no sequence comes twice");

    let first = recovered.next_sequence;
    let new: Vec<_> = (first..first + 40).map(a_match).collect();
    let mut is_appended = true;
    for batch in new.chunks(9) {
        match journal.append(batch).await {
            Ok(()) => {}
            Err(JournalError::Full { .. }) => is_appended = false,
            Err(JournalError::Failed { reason }) if reason.contains("used up") => return,
            Err(error) => panic!("the disk is well: {error}"),
        }
    }
    let mut expected = read;
    if is_appended {
        expected.extend(new);
    } else {
        expected = read_all(&journal).await;
    }
    assert!(read_all(&journal).await == expected, "all is there");

    let gone: Vec<_> = (expected.iter().step_by(2))
        .map(|entry| entry.sequence)
        .collect();
    expected.retain(|entry| gone.binary_search(&entry.sequence).is_err());
    let acknowledged = journal.acknowledge(&gone).await;
    assert_eq!(acknowledged, Ok(()), "the disk is well");
    assert!(read_all(&journal).await == expected, "half is let go");
    assert!(
        disk.bytes() <= before.max(SIZE_MAX) + SIZE_MAX,
        "it does not grow"
    );
    drop(journal);

    for _ in 0..2 {
        let journal = disk.journal();
        let recovered = journal.recover().await.expect("it was read before");
        let read = read_all(&journal).await;
        assert_eq!(recovered.total(), read.len() as u64, "as many as there are");
        for entry in &expected {
            assert!(read.contains(entry), "entry {} is lost", entry.sequence);
        }
    }
}

async fn read_all(journal: &FileJournal) -> Vec<JournalEntry> {
    let mut all: Vec<JournalEntry> = Vec::new();
    let mut from = 0;
    loop {
        let read = journal.read(from, READ_COUNT).await;
        let read = read.expect("the disk is well");
        assert!(read.len() <= READ_COUNT, "no more than asked for");
        let Some(last) = read.last() else { return all };
        from = last.sequence + 1;
        all.extend(read);
        assert!(
            all.is_sorted_by(|one, next| one.sequence < next.sequence),
            "in order, each once"
        );
    }
}

fn a_match(sequence: u64) -> JournalEntry {
    JournalEntry {
        sequence,
        message: Message::Match(ReceivedMatch {
            id: MatchId::try_new(8_943_267_925).expect("it is in range"),
            source: SOURCES[0],
            received_at: Timestamp::from_unix_ms(1_776_027_022_000),
        }),
    }
}

/// The files, and whether no record in them contradicts its place: then what
/// is promised of damaged journals holds, and else at least nothing panics.
fn files(mut bytes: &[u8]) -> (BTreeMap<String, Vec<u8>>, bool) {
    let mut files = BTreeMap::new();
    let mut is_honest = true;
    while let [number, mending, low, high, rest @ ..] = bytes {
        let length = usize::from(u16::from_le_bytes([*low, *high])).min(rest.len());
        let (content, rest) = rest.split_at(length);
        bytes = rest;
        let mut content = content.to_vec();
        if mending & 1 == 0 {
            mend_header(&mut content);
        }
        if mending & 2 == 0 {
            is_honest &= mend_records(&mut content);
        }
        let number = match number {
            255 => u64::MAX,
            number => (*number).into(),
        };
        files.insert(format!("segment-{number:010}.journal"), content);
    }
    (files, is_honest)
}

fn checksum(salt: [u8; 8], offset: usize, bytes: &[u8]) -> [u8; 4] {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&salt);
    hasher.update(&(offset as u64).to_le_bytes());
    hasher.update(bytes);
    hasher.finalize().to_le_bytes()
}

fn mend_header(file: &mut [u8]) {
    for copy in file.chunks_exact_mut(HEADER_COPY_SIZE).take(2) {
        let (fields, check) = copy.split_at_mut(HEADER_COPY_SIZE - CHECK_SIZE);
        check.copy_from_slice(&checksum([0; 8], 0, fields));
    }
}

/// Puts the right checksums into everything that is a record but for them, and
/// says whether their ordinals can be: each gap has room for what is missing.
fn mend_records(file: &mut [u8]) -> bool {
    let Some(salt) = file.get(12..20).and_then(|salt| salt.try_into().ok()) else {
        return true;
    };
    let mut is_honest = true;
    let (mut next_ordinal, mut gap_at) = (0, 2 * HEADER_COPY_SIZE);
    let mut at = 2 * HEADER_COPY_SIZE;
    while at + RECORD_SIZE_MIN <= file.len() {
        let record = &mut file[at..];
        let length = record[3..7].try_into().map_or(0, u32::from_le_bytes);
        let size = usize::try_from(length)
            .map_or(usize::MAX, |length| length.saturating_add(RECORD_SIZE_MIN));
        if !record.starts_with(&[0xD7, 0x4A]) {
            at += 1;
            continue;
        }
        // A head may also promise more than there is.
        let check_at = HEAD_SIZE - CHECK_SIZE;
        let check = checksum(salt, at, &record[..check_at]);
        record[check_at..HEAD_SIZE].copy_from_slice(&check);
        if size > record.len() {
            at += 1;
            continue;
        }
        let record = &mut record[..size];
        if matches!(record[2], 1 | 2) {
            tame_source(&mut record[HEAD_SIZE..size - CHECK_SIZE]);
        }
        let (checked, check) = record.split_at_mut(size - CHECK_SIZE);
        check.copy_from_slice(&checksum(salt, at, &checked[check_at..]));

        let ordinal = record[7..11].try_into().map_or(0, u32::from_le_bytes);
        let ordinal = usize::try_from(ordinal).unwrap_or(usize::MAX);
        let missing_max = (at - gap_at) / RECORD_SIZE_MIN;
        is_honest &= (next_ordinal..=next_ordinal + missing_max).contains(&ordinal);
        is_honest &= matches!(record[2], 1..=3);
        next_ordinal = ordinal + usize::from(record[2] < 3);
        at += size;
        gap_at = at;
    }
    is_honest
}

/// The names of unknown feeds are kept for good, a few in each process: a
/// fuzzer that is many processes in one shall not find out how many.
fn tame_source(content: &mut [u8]) {
    let Some((&mut length, rest)) = content.get_mut(8..).and_then(<[u8]>::split_first_mut) else {
        return;
    };
    let end = rest.len().min(length.into());
    let name = &mut rest[..end];
    if SOURCES
        .iter()
        .all(|known| known.as_str().as_bytes() != name)
    {
        name.fill(b'x');
    }
}

/// A disk in memory that is always well, and counts what is asked of it.
#[derive(Clone, Default)]
struct Disk(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    files: BTreeMap<String, Vec<u8>>,
    operations: usize,
}

impl Disk {
    fn journal(&self) -> FileJournal {
        let storage = Arc::new(self.clone());
        FileJournal::over(storage, SIZE_MAX, &SOURCES, Arc::new(SystemClock), 1)
    }

    fn bytes(&self) -> u64 {
        self.lock()
            .files
            .values()
            .map(|file| file.len() as u64)
            .sum()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.operations += 1;
        assert!(state.operations <= OPERATIONS_MAX, "it goes on for ever");
        state
    }
}

fn place(offset: u64) -> usize {
    usize::try_from(offset).expect("offsets are within files")
}

#[async_trait]
impl Storage for Disk {
    fn place(&self) -> String {
        "memory".to_owned()
    }

    async fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.lock().files.keys().cloned().collect())
    }

    async fn length(&self, name: &str) -> io::Result<u64> {
        let state = self.lock();
        let file = state.files.get(name).ok_or(io::ErrorKind::NotFound)?;
        Ok(file.len() as u64)
    }

    async fn write(&self, name: &str, offset: u64, bytes: Vec<u8>) -> io::Result<()> {
        let mut state = self.lock();
        let file = state.files.entry(name.to_owned()).or_default();
        let (start, end) = (place(offset), place(offset) + bytes.len());
        file.resize(file.len().max(end), 0);
        file[start..end].copy_from_slice(&bytes);
        Ok(())
    }

    async fn sync(&self, _name: &str) -> io::Result<()> {
        Ok(())
    }

    async fn read(&self, name: &str, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let state = self.lock();
        let file = state.files.get(name).ok_or(io::ErrorKind::NotFound)?;
        let limit = file.len().max(2 * HEADER_COPY_SIZE);
        assert!(length <= limit, "more is asked for than there is");
        let start = place(offset).min(file.len());
        let end = (start + length).min(file.len());
        Ok(file[start..end].to_vec())
    }

    async fn truncate(&self, name: &str, length: u64) -> io::Result<()> {
        let mut state = self.lock();
        let file = state.files.get_mut(name).ok_or(io::ErrorKind::NotFound)?;
        file.truncate(place(length));
        Ok(())
    }

    async fn remove(&self, name: &str) -> io::Result<()> {
        self.lock().files.remove(name);
        Ok(())
    }

    async fn sync_folder(&self) -> io::Result<()> {
        Ok(())
    }

    async fn space(&self) -> io::Result<Space> {
        Ok(Space {
            size: u64::MAX,
            free: u64::MAX,
        })
    }
}
