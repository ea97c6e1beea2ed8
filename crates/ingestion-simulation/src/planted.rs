//! Bugs to be planted between the real parts: would they be found?

use std::{
    io,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use async_trait::async_trait;
use ingestion_application::{
    SourceName,
    ports::{
        DisconnectReason, FeedEvent, FeedReader, Journal, JournalEntry, JournalError,
        JournalFigures, ReceivedBatch, Recovered,
    },
};
use ingestion_journal_adapter::storage::{Space, Storage};

/// A mistake that somebody could make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// What a failed client held is given up: its queue is purged, and nobody sends it again.
    LostWhenTheClientIsReplaced,
    /// A match counts as published once it is handed over.
    AcknowledgedTooEarly,
    /// After a restart nobody asks the topic what is in it.
    WindowNotRestored,
    /// A commit whose acknowledgement was lost is done again.
    LostAcknowledgementIsRepeated,
    /// What a commit of unknown outcome held is sent again without a look.
    UnknownCommitIsRepeated,
    /// A fenced writer goes on.
    FencedWriterGoesOn,
    /// The journal lets go of what it has just been given.
    JournalTrimmedBeforeTheCommit,
    /// The journal answers before it has written.
    JournalWritesLater,
    /// A full journal drops what it is given.
    FullJournalDrops,
    /// Nothing is synced.
    NothingIsSynced,
    /// The journal is not read at the start.
    JournalNotReplayed,
    /// What was read before a connection ended is dropped.
    ReadAheadIsDropped,
    /// A connection alone makes the client forget its back-off.
    BackoffResetOnConnect,
    /// At the end of the process nothing is written down.
    NothingWrittenAtTheEnd,
    /// Feeds are read though neither Kafka nor the journal takes what they give.
    ReadOnWhileTheJournalIsLate,
    /// A message whose receipt was dropped is not sent again.
    DroppedReceiptIsNotGivenBack,
    /// The place of a feed is kept as soon as a page is read.
    PlaceKeptWhenRead,
}

impl Bug {
    /// Every one of them.
    pub const ALL: [Self; 17] = [
        Self::LostWhenTheClientIsReplaced,
        Self::AcknowledgedTooEarly,
        Self::WindowNotRestored,
        Self::LostAcknowledgementIsRepeated,
        Self::UnknownCommitIsRepeated,
        Self::FencedWriterGoesOn,
        Self::JournalTrimmedBeforeTheCommit,
        Self::JournalWritesLater,
        Self::FullJournalDrops,
        Self::NothingIsSynced,
        Self::JournalNotReplayed,
        Self::ReadAheadIsDropped,
        Self::BackoffResetOnConnect,
        Self::NothingWrittenAtTheEnd,
        Self::ReadOnWhileTheJournalIsLate,
        Self::DroppedReceiptIsNotGivenBack,
        Self::PlaceKeptWhenRead,
    ];
}

/// A journal with a bug.
pub(crate) struct BuggyJournal {
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) bug: Option<Bug>,
    pub(crate) unwritten: Mutex<Vec<JournalEntry>>,
    pub(crate) is_ending: Arc<AtomicBool>,
}

#[async_trait]
impl Journal for BuggyJournal {
    async fn recover(&self) -> Result<Recovered, JournalError> {
        let recovered = self.journal.recover().await?;
        if self.bug == Some(Bug::JournalNotReplayed) {
            return Ok(Recovered {
                next_sequence: recovered.next_sequence,
                ..Recovered::default()
            });
        }
        Ok(recovered)
    }

    async fn append(&self, entries: &[JournalEntry]) -> Result<(), JournalError> {
        match self.bug {
            Some(Bug::NothingWrittenAtTheEnd) if self.is_ending.load(Ordering::Relaxed) => Ok(()),
            Some(Bug::JournalWritesLater) => {
                let late = {
                    let mut unwritten = lock(&self.unwritten);
                    unwritten.extend_from_slice(entries);
                    let late = unwritten.len().saturating_sub(60);
                    unwritten.drain(..late).collect::<Vec<_>>()
                };
                if late.is_empty() {
                    return Ok(());
                }
                self.journal.append(&late).await
            }
            Some(Bug::FullJournalDrops) => match self.journal.append(entries).await {
                Err(JournalError::Full { .. }) => Ok(()),
                other => other,
            },
            Some(Bug::JournalTrimmedBeforeTheCommit) => {
                self.journal.append(entries).await?;
                let sequences: Vec<_> = entries.iter().map(|entry| entry.sequence).collect();
                self.journal.acknowledge(&sequences).await
            }
            _ => self.journal.append(entries).await,
        }
    }

    async fn acknowledge(&self, sequences: &[u64]) -> Result<(), JournalError> {
        self.journal.acknowledge(sequences).await
    }

    async fn read(&self, from: u64, count: usize) -> Result<Vec<JournalEntry>, JournalError> {
        self.journal.read(from, count).await
    }

    fn figures(&self) -> JournalFigures {
        self.journal.figures()
    }
}

/// A disk that syncs nothing, and says it has.
pub(crate) struct UnsyncedStorage(pub(crate) Arc<dyn Storage>);

#[async_trait]
impl Storage for UnsyncedStorage {
    fn place(&self) -> String {
        self.0.place()
    }

    async fn list(&self) -> io::Result<Vec<String>> {
        self.0.list().await
    }

    async fn length(&self, name: &str) -> io::Result<u64> {
        self.0.length(name).await
    }

    async fn write(&self, name: &str, offset: u64, bytes: Vec<u8>) -> io::Result<()> {
        self.0.write(name, offset, bytes).await
    }

    async fn sync(&self, _name: &str) -> io::Result<()> {
        Ok(())
    }

    async fn read(&self, name: &str, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        self.0.read(name, offset, length).await
    }

    async fn truncate(&self, name: &str, length: u64) -> io::Result<()> {
        self.0.truncate(name, length).await
    }

    async fn remove(&self, name: &str) -> io::Result<()> {
        self.0.remove(name).await
    }

    async fn sync_folder(&self) -> io::Result<()> {
        Ok(())
    }

    async fn space(&self) -> io::Result<Space> {
        self.0.space().await
    }
}

/// A feed that is watched, and may have a bug.
pub(crate) struct WatchedFeed<Make, See> {
    pub(crate) source: SourceName,
    pub(crate) make: Make,
    pub(crate) feed: Box<dyn FeedReader>,
    pub(crate) see: See,
    pub(crate) bug: Option<Bug>,
    /// Read, and not handed over yet.
    pub(crate) held: Option<ReceivedBatch>,
    /// Of the connection that stands, whether there was data; none without one.
    pub(crate) has_data: Option<bool>,
}

#[async_trait]
impl<Make, See> FeedReader for WatchedFeed<Make, See>
where
    Make: FnMut() -> Box<dyn FeedReader> + Send,
    See: FnMut(&ReceivedBatch) + Send,
{
    fn source(&self) -> SourceName {
        self.source
    }

    fn disconnect_reasons(&self) -> &'static [DisconnectReason] {
        self.feed.disconnect_reasons()
    }

    async fn next(&mut self) -> FeedEvent {
        let event = self.feed.next().await;
        match &event {
            FeedEvent::Received(batch) => {
                (self.see)(batch);
                self.has_data = Some(true);
                if self.bug == Some(Bug::ReadAheadIsDropped) {
                    // Hands over the batch before; the last one is dropped below.
                    if let Some(before) = self.held.replace(batch.clone()) {
                        return FeedEvent::Received(before);
                    }
                    return self.next_after_holding().await;
                }
            }
            FeedEvent::Connected => self.has_data = Some(false),
            FeedEvent::Covered(_) | FeedEvent::PassedOver(_) => {}
            FeedEvent::Disconnected(_) => {
                self.held = None;
                let had_data = self.has_data.take();
                if self.bug == Some(Bug::BackoffResetOnConnect) && had_data == Some(false) {
                    self.feed = (self.make)();
                }
            }
        }
        event
    }

    async fn close(&mut self) -> Option<ReceivedBatch> {
        let batch = self.feed.close().await;
        if let Some(batch) = &batch {
            (self.see)(batch);
        }
        batch
    }
}

impl<Make, See> WatchedFeed<Make, See>
where
    Make: FnMut() -> Box<dyn FeedReader> + Send,
    See: FnMut(&ReceivedBatch) + Send,
{
    async fn next_after_holding(&mut self) -> FeedEvent {
        let event = self.feed.next().await;
        if let FeedEvent::Received(batch) = &event {
            (self.see)(batch);
            if let Some(before) = self.held.replace(batch.clone()) {
                return FeedEvent::Received(before);
            }
        } else {
            self.held = None;
        }
        event
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // A panic fails the whole run.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
