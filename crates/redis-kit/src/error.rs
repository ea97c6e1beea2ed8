//! What the errors of Redis mean for whoever meets them.

use redis::{ErrorKind, ServerError, ServerErrorKind};
use thiserror::Error;

use crate::RedisPlace;

/// A call that was not answered as it should; it says what helps.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{detail}; {}", .fault.remedy())]
pub struct RedisError {
    fault: Fault,
    detail: String,
}

/// Which kind of error it is, by what helps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nobody listens there, or the connection was lost. It passes. Whether a
    /// call that was under way has had its effect is not known.
    Away,
    /// There was no answer in time. It passes. Whether the call has had, or
    /// will have, its effect is not known.
    Slow,
    /// The server has just started, or is looking for its master. It passes.
    Loading,
    /// It is no master, or it refuses to write because it cannot save or
    /// replicate.
    Unwritable,
    /// It is full.
    Full,
    /// User or password are wrong, or the user may not do this.
    Denied,
    /// It is a member of a cluster.
    Cluster,
    /// Anything else: it does not help to try again.
    Other,
}

impl RedisError {
    /// An error of this kind, with what was seen of it.
    #[must_use]
    pub fn new(fault: Fault, detail: impl Into<String>) -> Self {
        Self {
            fault,
            detail: detail.into(),
        }
    }

    /// The same, with where it was seen.
    pub(crate) fn at(self, place: &RedisPlace) -> Self {
        Self::new(self.fault, format!("{place}: {}", self.detail))
    }

    /// Its kind.
    #[must_use]
    pub const fn fault(&self) -> Fault {
        self.fault
    }

    /// Whether the same call may be answered later.
    #[must_use]
    pub const fn may_pass(&self) -> bool {
        !matches!(self.fault, Fault::Cluster | Fault::Other)
    }

    /// Whether the connection on which it was seen is of no more use.
    pub(crate) const fn ends_connection(&self) -> bool {
        matches!(
            self.fault,
            Fault::Away | Fault::Slow | Fault::Unwritable | Fault::Cluster
        )
    }
}

impl From<redis::RedisError> for RedisError {
    fn from(error: redis::RedisError) -> Self {
        let detail = error.to_string();
        Self::new(Fault::of(error), detail)
    }
}

impl Fault {
    /// The word for it in metrics.
    #[must_use]
    pub const fn cause(self) -> &'static str {
        match self {
            Self::Away => "away",
            Self::Slow => "slow",
            Self::Loading => "loading",
            Self::Unwritable => "unwritable",
            Self::Full => "full",
            Self::Denied => "denied",
            Self::Cluster => "cluster",
            Self::Other => "other",
        }
    }

    /// What to do about it.
    #[must_use]
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::Away => "start Redis, or correct REDIS_URL",
            Self::Slow => "see what keeps Redis busy, or whether it is frozen",
            Self::Loading => "wait until it has loaded its data or found its master",
            Self::Unwritable => {
                "point REDIS_URL at the master, and see in its log why it refuses to write"
            }
            Self::Full => "give Redis more memory (maxmemory), or remove keys",
            Self::Denied => "correct user and password in REDIS_URL, or what the user may do",
            Self::Cluster => {
                "use a standalone Redis or Sentinel: in a cluster keys cannot change in one step"
            }
            Self::Other => "see the log of Redis",
        }
    }

    fn of(error: redis::RedisError) -> Self {
        match error.kind() {
            ErrorKind::Io => Self::Away,
            ErrorKind::AuthenticationFailed => Self::Denied,
            // Of the commands of a pipeline the first that failed says it for all.
            _ => error.into_server_errors().map_or(Self::Other, |errors| {
                let first = errors.first();
                first.map_or(Self::Other, |(_, error)| Self::of_answer(error))
            }),
        }
    }

    fn of_answer(error: &ServerError) -> Self {
        match error.kind() {
            // What a user may not do inside a script has no name of its own.
            Some(ServerErrorKind::ResponseError)
                if error
                    .details()
                    .is_some_and(|text| text.starts_with("ACL failure")) =>
            {
                Self::Denied
            }
            Some(kind) => Self::of_kind(kind),
            None => Self::of_code(error.code()),
        }
    }

    fn of_kind(kind: ServerErrorKind) -> Self {
        use ServerErrorKind::{
            Ask, BusyLoading, ClusterDown, CrossSlot, MasterDown, Moved, NoPerm, ReadOnly, TryAgain,
        };
        match kind {
            BusyLoading | MasterDown | TryAgain => Self::Loading,
            Moved | Ask | ClusterDown | CrossSlot => Self::Cluster,
            ReadOnly => Self::Unwritable,
            NoPerm => Self::Denied,
            _ => Self::Other,
        }
    }

    /// By the first word of an answer that the client has no name for.
    fn of_code(code: &str) -> Self {
        match code {
            "NOAUTH" | "WRONGPASS" => Self::Denied,
            "OOM" => Self::Full,
            "MISCONF" | "NOREPLICAS" => Self::Unwritable,
            "BUSY" => Self::Slow,
            _ => Self::Other,
        }
    }
}
