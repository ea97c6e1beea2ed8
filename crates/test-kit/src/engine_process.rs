//! The process of an engine, if it is ours.

use anyhow::{Context as _, Result};

use crate::supervisor::{Order, Supervisor};

/// The process of an engine that tests use: one that they have started, or one that somebody else runs, which is not
/// theirs to disturb.
pub struct EngineProcess(Option<Supervisor>);

impl EngineProcess {
    /// One that somebody else runs.
    pub const SOMEBODY_ELSES: Self = Self(None);

    /// One that tests start and end.
    #[must_use]
    pub const fn ours(supervisor: Supervisor) -> Self {
        Self(Some(supervisor))
    }

    /// Has an order obeyed.
    ///
    /// # Errors
    /// When it is not ours, or its supervisor has died.
    pub fn tell(&self, order: Order) -> Result<()> {
        let ours = self.0.as_ref();
        let ours = ours.context("only what the test has started can be disturbed")?;
        ours.tell(order)
    }

    /// Its number; none while it is killed, and of one that is not ours.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.0.as_ref().and_then(Supervisor::process_id)
    }

    /// The last lines that it wrote; none of one that is not ours.
    #[must_use]
    pub fn log_tail(&self) -> String {
        self.0
            .as_ref()
            .map_or_else(String::new, Supervisor::log_tail)
    }
}
