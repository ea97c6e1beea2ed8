//! What the errors of the client mean to the ports.

use clickhouse::error::Error;
use etl_application::ports::{StoreError, WarehouseError};
use warehouse_kit::{Fault, detail};

use crate::ClickHouseWarehouse;

/// The command that makes tables, for whoever reads that they are missing.
pub(crate) const MIGRATE: &str = "run `etl-service migrate`";

impl ClickHouseWarehouse {
    pub(crate) fn not_stored(&self, error: &Error) -> StoreError {
        let detail = self.detail(error);
        match Fault::of(error) {
            Fault::Content => StoreError::Refused { detail },
            Fault::Schema => StoreError::Schema {
                detail: format!("{detail}; {MIGRATE}"),
            },
            Fault::TooManyParts => StoreError::TooManyParts { detail },
            Fault::Passing(cause) => StoreError::Unavailable { detail, cause },
        }
    }

    /// Of a statement that takes no content from anybody.
    pub(crate) fn not_marked(&self, error: &Error) -> StoreError {
        match self.not_stored(error) {
            StoreError::Refused { detail } => StoreError::Unavailable {
                detail,
                cause: "other",
            },
            other => other,
        }
    }

    pub(crate) fn not_read(&self, error: &Error) -> WarehouseError {
        let detail = self.detail(error);
        WarehouseError {
            detail: match Fault::of(error) {
                Fault::Schema => format!("{detail}; {MIGRATE}"),
                _ => detail,
            },
        }
    }

    fn detail(&self, error: &Error) -> String {
        format!("database {}: {}", self.database(), detail(error))
    }
}

/// A row that holds what no row can.
pub(crate) fn nonsense(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::Other(Box::new(error))
}
