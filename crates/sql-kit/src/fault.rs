//! What the errors of a database mean for whoever meets them.

use sqlx::error::DatabaseError;

/// Which kind of error it is, by what helps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Somebody else is writing, or every connection is taken. It passes.
    Busy,
    /// There is no room on the disk. It passes when somebody makes room.
    Full,
    /// The file, or its folder, may not be written.
    ReadOnly,
    /// The disk failed, or went away.
    Disk,
    /// The file is damaged, or is no database.
    Damaged,
    /// A table or a column is not there, or holds something else.
    Schema,
    /// What was to be written is not taken: it never helps to try again.
    Content,
    /// Anything else.
    Other,
}

impl Fault {
    /// The kind of an error.
    #[must_use]
    pub fn of(error: &sqlx::Error) -> Self {
        match error {
            sqlx::Error::Database(error) => Self::of_sqlite(error.as_ref()),
            sqlx::Error::PoolTimedOut => Self::Busy,
            sqlx::Error::Io(_) => Self::Disk,
            sqlx::Error::ColumnNotFound(_)
            | sqlx::Error::ColumnDecode { .. }
            | sqlx::Error::ColumnIndexOutOfBounds { .. }
            | sqlx::Error::Decode(_) => Self::Schema,
            sqlx::Error::Encode(_) => Self::Content,
            _ => Self::Other,
        }
    }

    /// The word for it in metrics.
    #[must_use]
    pub const fn cause(self) -> &'static str {
        match self {
            Self::Busy => "busy",
            Self::Full => "disk_full",
            Self::ReadOnly => "read_only",
            Self::Disk => "disk",
            Self::Damaged => "damaged",
            Self::Schema => "schema",
            Self::Content => "content",
            Self::Other => "other",
        }
    }

    /// By SQLite's result codes; the lowest eight bits of an extended one are
    /// the plain one.
    fn of_sqlite(error: &dyn DatabaseError) -> Self {
        let code: Option<u32> = error.code().and_then(|code| code.parse().ok());
        match code.map(|code| code & 0xff) {
            Some(1) if error.message().starts_with("no such") => Self::Schema,
            Some(5 | 6) => Self::Busy,
            Some(8) => Self::ReadOnly,
            Some(10 | 14) => Self::Disk,
            Some(11 | 26) => Self::Damaged,
            Some(13) => Self::Full,
            Some(18..=20) => Self::Content,
            _ => Self::Other,
        }
    }
}
