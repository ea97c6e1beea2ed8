//! What becomes of the calls, in the words of metrics.

use std::sync::Arc;

use ingestion_application::ports::CallFigures;
use steam_client::{CallCounts, Steam};

pub(crate) struct Calls(pub(crate) Arc<Steam>);

impl CallFigures for Calls {
    fn calls(&self) -> Vec<(&'static str, u64)> {
        let CallCounts {
            answered,
            limited,
            refused,
            failed,
            in_vain,
        } = self.0.calls();
        vec![
            ("answered", answered),
            ("limited", limited),
            ("refused", refused),
            ("failed", failed),
            ("in_vain", in_vain),
        ]
    }

    /// Of all keys together.
    fn budget_left(&self) -> Vec<(&'static str, u64)> {
        let keys = self.0.keys();
        let left = keys.iter().map(|key| u64::from(key.day_left)).sum();
        vec![("day", left)]
    }
}
