//! What the errors of the client mean to the ports.

use clickhouse::error::Error;
use model_application::ports::ReadError;
use warehouse_kit::{Fault, detail};

use crate::ClickHouseReader;

/// The command that makes tables, for whoever reads that they are missing.
pub(crate) const MIGRATE: &str = "run `etl-service migrate`";
const RIGHTS: &str = "look at WAREHOUSE_USER and WAREHOUSE_PASSWORD, and give that user the right \
                      to read every table";

impl ClickHouseReader {
    pub(crate) fn not_read(&self, error: &Error) -> ReadError {
        let detail = format!("database {}: {}", self.database(), detail(error));
        match Fault::of(error) {
            Fault::Schema => ReadError::Unfit {
                detail: format!("{detail}; {MIGRATE}"),
            },
            Fault::Passing("access") => ReadError::Unfit {
                detail: format!("{detail}; {RIGHTS}"),
            },
            Fault::Passing(cause) => ReadError::Unavailable {
                detail: format!("{detail}; {}", remedy(cause)),
                cause,
            },
            // Nothing is sent that could be refused for what it is.
            Fault::Content | Fault::TooManyParts => ReadError::Unavailable {
                detail,
                cause: "other",
            },
        }
    }
}

/// What to do about what may go by.
fn remedy(cause: &str) -> &'static str {
    match cause {
        "network" => "start ClickHouse, or correct WAREHOUSE_URL",
        "timeout" => "see what keeps ClickHouse busy, or whether it is frozen",
        "answer" => "see whether WAREHOUSE_URL is that of a ClickHouse",
        _ => "see the log of ClickHouse",
    }
}

/// A row that holds what no row can.
pub(crate) fn nonsense(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::Other(Box::new(error))
}
