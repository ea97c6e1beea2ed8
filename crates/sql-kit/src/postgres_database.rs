//! A PostgreSQL database, for as long as a service runs.

use std::time::Duration;

use sqlx::{
    ConnectOptions as _, PgConnection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use thiserror::Error;
use tokio::time::timeout;

use crate::{DatabaseSettings, PostgresPlace};

/// Beyond what the server itself puts an end to: then it does not answer at all.
const SERVER_MARGIN: Duration = Duration::from_millis(200);
/// A transaction whose service has gone elsewhere holds its locks no longer.
const IDLE_IN_TRANSACTION_MAX: Duration = Duration::from_secs(30);

/// A database on a PostgreSQL server: a few connections, which are made when they are needed.
///
/// Every call ends in time: a connection is waited for nine tenths of [`DatabaseSettings::timeout`], so that whoever
/// asked can be told within all of it, and the work on it may take [`DatabaseSettings::statement_timeout`], whether the server is slow, frozen or gone. Clones share
/// the connections.
#[derive(Debug, Clone)]
pub struct PostgresDatabase {
    pool: PgPool,
    place: PostgresPlace,
    timeout: Duration,
    statement_timeout: Duration,
}

/// Why a call came to nothing.
#[derive(Debug, Error)]
pub enum CallError {
    /// There was no connection in time: the server is away, or all connections are taken. It passes, and
    /// nothing was done.
    #[error(
        "no connection to {place} within {waited:?}: is it there, and are its connections enough?"
    )]
    Away {
        /// Which server.
        place: PostgresPlace,
        /// How long it was waited for.
        waited: Duration,
    },
    /// There was no answer in time, or the connection broke. It passes. Whether the work was done is not known.
    #[error("{place} did not answer: {detail}")]
    Silent {
        /// Which server.
        place: PostgresPlace,
        /// What was seen.
        detail: String,
    },
    /// Somebody else had what it needed, or was faster; or there is no room, or nothing may be written at present. It
    /// passes, and nothing was done.
    #[error("{place} is busy: {detail}")]
    Busy {
        /// Which server.
        place: PostgresPlace,
        /// What it says.
        detail: String,
    },
    /// The user is not let in, or there is no such database. Somebody has to change a setting.
    #[error("{place} refuses: {detail}; check user, password and database of DATABASE_URL")]
    Denied {
        /// Which server.
        place: PostgresPlace,
        /// What it says.
        detail: String,
    },
    /// Its tables are not there, or not as this program needs them. It passes when somebody brings them up to date,
    /// which a service does when it starts.
    #[error(
        "{place} has not the tables that are needed ({detail}): run `migrate`, or set DATABASE_MIGRATE=auto"
    )]
    Unprepared {
        /// Which server.
        place: PostgresPlace,
        /// What it says.
        detail: String,
    },
    /// It does not help to try again.
    #[error("{0}")]
    Failed(#[from] sqlx::Error),
}

impl PostgresDatabase {
    /// A database that nobody has connected to yet; to be made within a runtime. `application` is what the
    /// server's administrator sees.
    #[must_use]
    pub fn new(settings: &DatabaseSettings, place: PostgresPlace, application: &str) -> Self {
        let ms = |time: Duration| time.as_millis().to_string();
        let options = PgConnectOptions::clone(&place.options)
            .application_name(application)
            .options([
                ("statement_timeout", ms(settings.statement_timeout)),
                ("lock_timeout", ms(settings.timeout)),
                (
                    "idle_in_transaction_session_timeout",
                    ms(IDLE_IN_TRANSACTION_MAX),
                ),
            ])
            // Whoever calls says what is slow, or has failed, and for whom.
            .disable_statement_logging();
        let timeout = settings.timeout * 9 / 10;
        let pool = PgPoolOptions::new()
            .max_connections(settings.connections_max)
            .acquire_timeout(timeout)
            .connect_lazy_with(options);
        Self {
            pool,
            place,
            timeout,
            statement_timeout: settings.statement_timeout,
        }
    }

    /// The one that the settings name, if they do; likewise.
    #[must_use]
    pub fn named(settings: &DatabaseSettings, application: &str) -> Option<Self> {
        let place = settings.place.clone()?;
        Some(Self::new(settings, place, application))
    }

    /// Where it is.
    #[must_use]
    pub fn place(&self) -> &PostgresPlace {
        &self.place
    }

    /// Does some work on one connection. What does not end in time is cut off, and the server undoes what was
    /// not committed.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn call<T>(
        &self,
        work: impl AsyncFnOnce(&mut PgConnection) -> Result<T, sqlx::Error>,
    ) -> Result<T, CallError> {
        self.call_within(self.statement_timeout + SERVER_MARGIN, work)
            .await
    }

    pub(crate) async fn call_within<T>(
        &self,
        time: Duration,
        work: impl AsyncFnOnce(&mut PgConnection) -> Result<T, sqlx::Error>,
    ) -> Result<T, CallError> {
        // The pool's own limit does not cover what it does with a connection that it has.
        let acquired = timeout(self.timeout, self.pool.acquire()).await;
        let mut connection = match acquired {
            Ok(acquired) => acquired.map_err(|error| self.judge(error))?,
            Err(_) => return Err(self.away()),
        };
        let done = timeout(time, work(&mut connection)).await;
        let is_broken = done.as_ref().is_err()
            || matches!(done, Ok(Err(sqlx::Error::Io(_) | sqlx::Error::Protocol(_))));
        if is_broken {
            // Nobody waits for what it may still say.
            drop(connection.detach());
        }
        match done {
            Ok(done) => done.map_err(|error| self.judge(error)),
            Err(_) => Err(CallError::Silent {
                place: self.place.clone(),
                detail: format!("nothing for {time:?}"),
            }),
        }
    }

    /// How many connections are in use.
    #[must_use]
    pub fn in_use(&self) -> usize {
        let idle = self.pool.num_idle();
        usize::try_from(self.pool.size()).map_or(0, |size| size.saturating_sub(idle))
    }

    /// Closes it; waits for whoever has a connection, as long as a call may take.
    pub async fn close(&self) {
        // Whoever does not end by then is cut off when the process ends.
        let _ = timeout(self.timeout + self.statement_timeout, self.pool.close()).await;
    }

    fn away(&self) -> CallError {
        CallError::Away {
            place: self.place.clone(),
            waited: self.timeout,
        }
    }

    fn judge(&self, error: sqlx::Error) -> CallError {
        let place = self.place.clone();
        let detail = error.to_string();
        let code = match &error {
            sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => return self.away(),
            sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::Tls(_) => {
                return CallError::Silent { place, detail };
            }
            sqlx::Error::Database(error) => error.code().unwrap_or_default().into_owned(),
            _ => String::new(),
        };
        // https://www.postgresql.org/docs/current/errcodes-appendix.html
        match (&code.get(..2).unwrap_or_default(), code.as_str()) {
            // Deadlocks and serialization; no room, memory or connections; a lock or a statement that took too long;
            // a server that only reads, as one does that is not the first any more, or not yet.
            (&"40" | &"53", _) | (_, "55P03" | "57014" | "25006") => {
                CallError::Busy { place, detail }
            }
            // It shuts down, has crashed, or starts.
            (&"08", _) | (_, "57P01" | "57P02" | "57P03") => CallError::Silent { place, detail },
            (&"28", _) | (_, "3D000" | "42501") => CallError::Denied { place, detail },
            // No such schema, table or column.
            (_, "3F000" | "42P01" | "42703") => CallError::Unprepared { place, detail },
            _ => CallError::Failed(error),
        }
    }
}

impl CallError {
    /// Whether it may help to try again later.
    #[must_use]
    pub const fn is_passing(&self) -> bool {
        matches!(
            self,
            Self::Away { .. } | Self::Silent { .. } | Self::Busy { .. } | Self::Unprepared { .. }
        )
    }

    /// The word for it in metrics.
    #[must_use]
    pub const fn cause(&self) -> &'static str {
        match self {
            Self::Away { .. } => "away",
            Self::Silent { .. } => "silent",
            Self::Busy { .. } => "busy",
            Self::Denied { .. } => "denied",
            Self::Unprepared { .. } => "unprepared",
            Self::Failed(_) => "failed",
        }
    }
}
