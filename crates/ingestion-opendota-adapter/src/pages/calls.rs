//! What becomes of the calls, in the words of metrics.

use std::{sync::Arc, time::Duration};

use health_kit::Clock;
use ingestion_application::ports::CallFigures;
use opendota_client::OpenDota;

use super::progress::Progress;

pub(crate) struct Calls {
    pub(crate) client: Arc<OpenDota>,
    pub(crate) progress: Arc<Progress>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl CallFigures for Calls {
    fn calls(&self) -> Vec<(&'static str, u64)> {
        self.client.calls().by_outcome().to_vec()
    }

    /// What is kept for others is taken off.
    fn budget_left(&self) -> Vec<(&'static str, u64)> {
        let status = self.client.status();
        let windows = [("minute", status.minute.room), ("day", status.day.room)];
        windows
            .into_iter()
            .filter_map(|(window, room)| Some((window, room?)))
            .collect()
    }

    fn behind(&self) -> Vec<(&'static str, Duration)> {
        let now = self.clock.now();
        let lists = self.progress.lists();
        lists
            .iter()
            .filter_map(|it| Some((it.list.as_str(), it.behind(now)?)))
            .collect()
    }
}
