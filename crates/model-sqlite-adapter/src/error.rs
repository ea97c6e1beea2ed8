//! What the errors of the file mean to the ports.

use std::time::Duration;

use model_application::ports::ReadError;
use sql_kit::{Fault, OpenError};

use crate::SqliteReader;

impl SqliteReader {
    pub(crate) fn not_read(&self, error: &sqlx::Error) -> ReadError {
        let detail = format!("{}: {error}", self.path().display());
        match Fault::of(error) {
            Fault::Schema => ReadError::Unfit {
                detail: format!("{detail}; start the newest etl-service, which upgrades the file"),
            },
            Fault::Damaged => ReadError::Unfit {
                detail: format!("{detail}; put a copy in its place"),
            },
            fault => ReadError::Unavailable {
                detail,
                cause: fault.cause(),
            },
        }
    }

    pub(crate) fn too_slow(&self, limit: Duration) -> ReadError {
        let path = self.path().display();
        let seconds = limit.as_secs();
        ReadError::Unavailable {
            detail: format!("{path} was not read within {seconds} s: its disk may be too slow"),
            cause: "timeout",
        }
    }
}

/// A file that is not there yet, or is still of an older program, is there and
/// upgraded once its service has started.
pub(crate) fn not_opened(error: &OpenError) -> ReadError {
    let detail = error.to_string();
    match error {
        OpenError::Missing(_) => ReadError::Unavailable {
            detail,
            cause: "missing",
        },
        OpenError::Older { .. } => ReadError::Unavailable {
            detail,
            cause: "schema",
        },
        OpenError::Other { .. } | OpenError::NoRoom { .. } => ReadError::Unavailable {
            detail,
            cause: "other",
        },
        OpenError::NotWritable { .. } | OpenError::Damaged { .. } | OpenError::Newer { .. } => {
            ReadError::Unfit { detail }
        }
    }
}

/// A row that holds what no row can.
pub(crate) fn nonsense(error: impl std::error::Error + Send + Sync + 'static) -> sqlx::Error {
    sqlx::Error::Decode(Box::new(error))
}
