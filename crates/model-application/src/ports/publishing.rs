//! Where results go, so that readers see all of a run or nothing of it.

use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;
use domain::Timestamp;
use thiserror::Error;
use uuid::{NoContext, Uuid};

use super::Leadership;

/// Puts the results of runs where readers find them.
///
/// What readers see of a patch is of one run at each instant, whatever becomes
/// of this process. To publish is to [stage](Self::stage), to
/// [switch](Self::switch) and to [verify](Self::verify). Each may be repeated,
/// also when nobody knows whether it has had its effect: the result is the same.
/// Dropping a call is as if its answer had been lost.
#[async_trait]
pub trait ModelPublisher: Send + Sync {
    /// Puts the documents of a publication that are at hand aside, where no reader
    /// looks. A large one is staged part by part.
    ///
    /// MUST be gone by itself after a while, an hour or so, if nothing follows.
    ///
    /// # Errors
    /// Some may have been put aside and others not.
    async fn stage(&self, publication: &Publication) -> Result<(), PublishError>;

    /// Lets readers see what was staged, in one step with its overview and the
    /// index, and takes away what the patch had and has no more.
    ///
    /// MUST change nothing if another has taken the lock since `leadership`
    /// began; without one nobody is asked. Those who listen are told.
    ///
    /// # Errors
    /// [`PublishError::Missing`] if not everything is staged any more. Readers
    /// see the old run, or the new one if the error is
    /// [`PublishError::Unavailable`].
    async fn switch(
        &self,
        publication: &Publication,
        leadership: Option<&Leadership>,
    ) -> Result<(), PublishError>;

    /// Reads what is published of the documents that are at hand, or a part of them, of
    /// one instant, and compares.
    ///
    /// # Errors
    /// [`PublishError::Missing`] and [`PublishError::Different`] name the first
    /// document that is not as it was published.
    async fn verify(&self, publication: &Publication) -> Result<(), PublishError>;

    /// Says in one step that what was published before is still so: writes the
    /// overview and the index, and lets everything of the patch live on.
    ///
    /// MUST change nothing in the cases in which [`switch`](Self::switch) must not.
    ///
    /// # Errors
    /// [`PublishError::Missing`] if something of it is gone: it is to be
    /// published as a whole.
    async fn renew(
        &self,
        renewal: &Renewal,
        leadership: Option<&Leadership>,
    ) -> Result<(), PublishError>;

    /// What readers see under these keys, all of one instant.
    ///
    /// # Errors
    /// There is no answer.
    async fn published(&self, keys: &[String]) -> Result<Vec<Option<Bytes>>, PublishError>;

    /// Adds a run to the last fifty that everybody may see, the newest first; JSON.
    ///
    /// # Errors
    /// It may have been added.
    async fn record(&self, run: Bytes) -> Result<(), PublishError>;
}

/// A run, by an id that sorts by its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct RunId(pub Uuid);

impl RunId {
    /// That of a run that is asked for now.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        let ms = u64::try_from(now.as_unix_ms()).unwrap_or(0);
        let nanoseconds = u32::try_from(ms % 1_000 * 1_000_000).unwrap_or(0);
        let at = uuid::Timestamp::from_unix(NoContext, ms / 1_000, nanoseconds);
        Self(Uuid::new_v7(at))
    }

    /// The run of this id, as it is shown.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        Uuid::parse_str(text).ok().map(Self)
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What readers find under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Where they look.
    pub key: String,
    /// What they find, as JSON.
    pub json: Bytes,
}

/// Everything of a patch, as one run has it.
///
/// All documents of a patch are some ten times as large as what they are written from,
/// so not all of them need to be at hand at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publication {
    /// The run, which each document names too.
    pub run: RunId,
    /// The name of the patch.
    pub patch: String,
    /// The keys of all documents; none is there twice.
    pub keys: Vec<String>,
    /// Those that are at hand.
    pub documents: Vec<Document>,
    /// What is said of the patch as a whole; no two runs say the same.
    pub overview: Document,
    /// Which patches there are.
    pub index: Document,
}

impl Publication {
    /// Takes in documents, which are at hand from now on.
    pub fn add(&mut self, documents: Vec<Document>) {
        self.keys.extend(documents.iter().map(|it| it.key.clone()));
        self.documents.extend(documents);
    }
}

/// What is written of a patch when its counts have not changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renewal {
    /// The name of the patch.
    pub patch: String,
    /// What is said of the patch as a whole.
    pub overview: Document,
    /// Which patches there are.
    pub index: Document,
}

/// Why something was not published.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PublishError {
    /// There was no answer, or one that passes. Whether it has had its effect is
    /// not known, and it helps to try again.
    #[error("{reason}")]
    Unavailable {
        /// What is wrong, and what to do about it.
        reason: String,
    },
    /// It does not help to try again.
    #[error("{reason}")]
    Refused {
        /// What is wrong, and what to do about it.
        reason: String,
    },
    /// Another instance has taken the lock: it publishes from now on.
    #[error("another instance has become the leader")]
    LeadershipLost,
    /// This is not there any more: it helps to stage everything again.
    #[error("{key} is not there any more")]
    Missing {
        /// Where it should be.
        key: String,
    },
    /// Somebody else writes here.
    #[error("{key} does not hold what was published")]
    Different {
        /// Where it is.
        key: String,
    },
}
