//! A disk that loses what was not synced, and fails when it is told to.
//!
//! It lives in memory, apart from whoever uses it, and everything it does by
//! chance follows from its seed: the same calls on the same seed end the same.

use std::{
    collections::BTreeMap,
    io::{self, ErrorKind},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use ingestion_journal_adapter::storage::{Space, Storage};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use tokio::{task::yield_now, time::sleep};

/// What reaches a disk as a whole or not at all.
const SECTOR: usize = 512;
/// The room of a disk unless said otherwise.
const CAPACITY: u64 = 1024 * 1024 * 1024;

/// One folder of a simulated disk; clones are the same one.
#[derive(Clone)]
pub struct SimulatedDisk(Arc<Mutex<State>>);

/// What is done to a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Bytes are written.
    Write,
    /// A file or the folder is synced.
    Sync,
    /// Bytes or names are read.
    Read,
    /// A file is cut off.
    Truncate,
    /// A file is removed.
    Remove,
}

struct State {
    chance: StdRng,
    /// The files by name, as a process sees them and as they are after a loss of power.
    names: BTreeMap<String, u64>,
    durable_names: BTreeMap<String, u64>,
    files: BTreeMap<u64, Content>,
    next_file: u64,
    capacity: u64,
    faults: Vec<Fault>,
    sync_delay: Duration,
    /// How many changes happen until the power goes; none when it stays.
    changes_left: Option<u64>,
    has_power: bool,
    changes: u64,
}

#[derive(Default)]
struct Content {
    seen: Vec<u8>,
    durable: Vec<u8>,
    /// Before this the two are the same.
    dirty_from: usize,
}

struct Fault {
    operation: Operation,
    kind: ErrorKind,
    /// How often; none for ever.
    left: Option<u64>,
}

impl SimulatedDisk {
    /// An empty disk.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(State {
            chance: StdRng::seed_from_u64(seed),
            names: BTreeMap::new(),
            durable_names: BTreeMap::new(),
            files: BTreeMap::new(),
            next_file: 0,
            capacity: CAPACITY,
            faults: Vec::new(),
            sync_delay: Duration::ZERO,
            changes_left: None,
            has_power: true,
            changes: 0,
        })))
    }

    /// Has room for so many bytes from now on.
    pub fn set_capacity(&self, bytes: u64) {
        self.lock().capacity = bytes;
    }

    /// Takes so long for every sync from now on, by tokio's clock.
    pub fn set_sync_delay(&self, delay: Duration) {
        self.lock().sync_delay = delay;
    }

    /// Fails at the next `count` operations of this kind; at all of them without a count.
    pub fn fail(&self, operation: Operation, kind: ErrorKind, count: Option<u64>) {
        self.lock().faults.push(Fault {
            operation,
            kind,
            left: count,
        });
    }

    /// Fails no more.
    pub fn heal(&self) {
        self.lock().faults.clear();
    }

    /// Loses power in the middle of the change after `changes` more; then
    /// everything fails until [`restart`](Self::restart).
    pub fn lose_power_after(&self, changes: u64) {
        self.lock().changes_left = Some(changes);
    }

    /// Loses power, if it has not yet, and has it again: what was not synced
    /// is there, in part, or not at all.
    pub fn restart(&self) {
        let mut state = self.lock();
        state.has_power = true;
        state.changes_left = None;
        state.settle();
    }

    /// Whether there is power.
    #[must_use]
    pub fn has_power(&self) -> bool {
        self.lock().has_power
    }

    /// How many writes, syncs, cuts and removals there were.
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.lock().changes
    }

    /// The names of all files.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.lock().names.keys().cloned().collect()
    }

    /// What a file holds.
    ///
    /// # Panics
    /// When there is none of this name.
    #[must_use]
    pub fn file(&self, name: &str) -> Vec<u8> {
        let mut state = self.lock();
        let content = state.content(name).expect("the test knows its files");
        content.seen.clone()
    }

    /// Puts a file there, durably.
    pub fn put(&self, name: &str, bytes: &[u8]) {
        let mut state = self.lock();
        state.create(name);
        let file = state.names[name];
        state.durable_names.insert(name.to_owned(), file);
        let content = Content {
            seen: bytes.to_owned(),
            durable: bytes.to_owned(),
            dirty_from: bytes.len(),
        };
        state.files.insert(file, content);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere fails its own test.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes something, unless that is to fail. The power may go instead;
    /// then a write gets as far as chance has it.
    async fn change(
        &self,
        operation: Operation,
        apply: impl FnOnce(&mut State, Progress) -> io::Result<()> + Send,
    ) -> io::Result<()> {
        yield_now().await;
        let mut state = self.lock();
        state.check(operation)?;
        state.changes += 1;
        match state.changes_left {
            Some(0) => {
                state.has_power = false;
                let share = state.chance.random_range(0.0..=1.0);
                let _ = apply(&mut state, Progress::Part(share));
                Err(power_lost())
            }
            left => {
                state.changes_left = left.map(|left| left - 1);
                apply(&mut state, Progress::All)
            }
        }
    }
}

/// How far a change gets.
#[derive(Clone, Copy)]
enum Progress {
    All,
    Part(f64),
}

impl State {
    /// Whether an operation may go on.
    fn check(&mut self, operation: Operation) -> io::Result<()> {
        if !self.has_power {
            return Err(power_lost());
        }
        let planned = |fault: &&mut Fault| fault.operation == operation && fault.left != Some(0);
        let Some(fault) = self.faults.iter_mut().find(planned) else {
            return Ok(());
        };
        fault.left = fault.left.map(|left| left - 1);
        Err(fault.kind.into())
    }

    fn content(&mut self, name: &str) -> io::Result<&mut Content> {
        let file = self.names.get(name).ok_or(ErrorKind::NotFound)?;
        Ok(self.files.get_mut(file).expect("every name has a file"))
    }

    fn create(&mut self, name: &str) {
        if !self.names.contains_key(name) {
            self.next_file += 1;
            self.names.insert(name.to_owned(), self.next_file);
            self.files.insert(self.next_file, Content::default());
        }
    }

    fn free(&self) -> u64 {
        let used: usize = (self.names.values())
            .map(|file| self.files[file].seen.len())
            .sum();
        self.capacity.saturating_sub(used as u64)
    }

    fn write(&mut self, name: &str, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.create(name);
        let free = usize::try_from(self.free()).unwrap_or(usize::MAX);
        let content = self.content(name)?;
        let offset = usize::try_from(offset).map_err(io::Error::other)?;
        let grows_by = (offset + bytes.len()).saturating_sub(content.seen.len());
        let fitting = bytes.len() - grows_by.saturating_sub(free).min(bytes.len());
        content.write(offset, &bytes[..fitting]);
        if fitting < bytes.len() {
            return Err(ErrorKind::StorageFull.into());
        }
        Ok(())
    }

    /// Decides by chance what of the unsynced is there.
    fn settle(&mut self) {
        let mut names = self.durable_names.clone();
        let touched: Vec<_> = self.names.keys().chain(names.keys()).cloned().collect();
        for name in touched {
            if self.names.get(&name) != names.get(&name) && self.chance.random() {
                match self.names.get(&name) {
                    Some(file) => names.insert(name, *file),
                    None => names.remove(&name),
                };
            }
        }
        self.files
            .retain(|file, _| names.values().any(|kept| kept == file));
        for content in self.files.values_mut() {
            content.settle(&mut self.chance);
        }
        self.names.clone_from(&names);
        self.durable_names = names;
    }
}

impl Content {
    fn write(&mut self, offset: usize, bytes: &[u8]) {
        let end = offset + bytes.len();
        if self.seen.len() < end {
            self.dirty_from = self.dirty_from.min(self.seen.len());
            self.seen.resize(end, 0);
        }
        self.seen[offset..end].copy_from_slice(bytes);
        self.dirty_from = self.dirty_from.min(offset);
    }

    fn truncate(&mut self, length: usize) {
        self.seen.truncate(length);
        self.dirty_from = self.dirty_from.min(length);
    }

    fn sync(&mut self) {
        let same = self.dirty_from.min(self.durable.len());
        self.durable.truncate(same);
        self.durable.extend_from_slice(&self.seen[same..]);
        self.dirty_from = self.seen.len();
    }

    fn settle(&mut self, chance: &mut StdRng) {
        match chance.random_range(0..4) {
            0 => self.seen.clone_from(&self.durable),
            1 => {}
            2 => {
                let (shorter, longer) = self.lengths();
                self.seen.resize(longer, 0);
                self.seen.truncate(chance.random_range(shorter..=longer));
            }
            _ => self.tear(chance),
        }
        self.durable.clone_from(&self.seen);
        self.dirty_from = self.seen.len();
    }

    /// Each sector is old or new, whatever its neighbours are.
    fn tear(&mut self, chance: &mut StdRng) {
        let (shorter, longer) = self.lengths();
        let length = if chance.random() { shorter } else { longer };
        let is_growing = self.durable.len() < self.seen.len();
        self.durable.resize(longer, 0);
        if !is_growing {
            self.seen.resize(longer, 0);
        }
        let sectors = self
            .seen
            .chunks_mut(SECTOR)
            .zip(self.durable.chunks(SECTOR));
        for (new, old) in sectors {
            if chance.random() {
                new.copy_from_slice(old);
            }
        }
        self.seen.truncate(length);
    }

    fn lengths(&self) -> (usize, usize) {
        let (seen, durable) = (self.seen.len(), self.durable.len());
        (seen.min(durable), seen.max(durable))
    }
}

fn power_lost() -> io::Error {
    io::Error::other("the power is lost")
}

#[async_trait]
impl Storage for SimulatedDisk {
    fn place(&self) -> String {
        "the simulated disk".to_owned()
    }

    async fn list(&self) -> io::Result<Vec<String>> {
        self.lock().check(Operation::Read)?;
        Ok(self.names())
    }

    async fn length(&self, name: &str) -> io::Result<u64> {
        let mut state = self.lock();
        state.check(Operation::Read)?;
        Ok(state.content(name)?.seen.len() as u64)
    }

    async fn write(&self, name: &str, offset: u64, bytes: Vec<u8>) -> io::Result<()> {
        self.change(Operation::Write, |state, progress| {
            let written = match progress {
                Progress::All => bytes.len(),
                Progress::Part(share) => share_of(bytes.len(), share),
            };
            state.write(name, offset, &bytes[..written])
        })
        .await
    }

    async fn sync(&self, name: &str) -> io::Result<()> {
        let delay = self.lock().sync_delay;
        if !delay.is_zero() {
            sleep(delay).await;
        }
        self.change(Operation::Sync, |state, progress| {
            if matches!(progress, Progress::All) {
                state.content(name)?.sync();
            }
            Ok(())
        })
        .await
    }

    async fn read(&self, name: &str, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        yield_now().await;
        let mut state = self.lock();
        state.check(Operation::Read)?;
        let seen = &state.content(name)?.seen;
        let start = usize::try_from(offset).map_or(seen.len(), |start| start.min(seen.len()));
        let end = start.saturating_add(length).min(seen.len());
        Ok(seen[start..end].to_vec())
    }

    async fn truncate(&self, name: &str, length: u64) -> io::Result<()> {
        self.change(Operation::Truncate, |state, progress| {
            let length = usize::try_from(length).map_err(io::Error::other)?;
            if matches!(progress, Progress::All) {
                state.content(name)?.truncate(length);
            }
            Ok(())
        })
        .await
    }

    async fn remove(&self, name: &str) -> io::Result<()> {
        self.change(Operation::Remove, |state, _| {
            state.names.remove(name);
            Ok(())
        })
        .await
    }

    async fn sync_folder(&self) -> io::Result<()> {
        self.change(Operation::Sync, |state, progress| {
            if matches!(progress, Progress::All) {
                state.durable_names = state.names.clone();
                let State { names, files, .. } = state;
                files.retain(|file, _| names.values().any(|kept| kept == file));
            }
            Ok(())
        })
        .await
    }

    async fn space(&self) -> io::Result<Space> {
        let state = self.lock();
        Ok(Space {
            size: state.capacity,
            free: state.free(),
        })
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a share between 0 and 1 of a length in memory"
)]
fn share_of(length: usize, share: f64) -> usize {
    (length as f64 * share) as usize
}
