//! Whether the calls are enough.

use std::{sync::Arc, time::Duration};

use health_kit::{Clock, Condition, HealthCheck, HealthReporter, HealthStatus};

use super::{
    SOURCE,
    progress::{ListProgress, Progress},
};

/// A feed that keeps up has seen everything of so long ago.
const KEEPS_UP_WITHIN: Duration = Duration::from_mins(30);

const KEEPS_UP: &str = "what ended half an hour ago was seen";

/// Says when matches appear faster than they can be asked for.
///
/// That no call comes through is for the feed to say.
pub struct PagesHealth {
    progress: Arc<Progress>,
    clock: Arc<dyn Clock>,
    condition: Condition,
}

impl PagesHealth {
    pub(super) fn new(progress: Arc<Progress>, clock: Arc<dyn Clock>) -> Self {
        let condition = Condition::new(
            format!("pages.{SOURCE}"),
            HealthStatus::Healthy,
            KEEPS_UP.to_owned(),
            Arc::clone(&clock),
        );
        Self {
            progress,
            clock,
            condition,
        }
    }
}

impl HealthReporter for PagesHealth {
    fn checks(&self) -> Vec<HealthCheck> {
        let now = self.clock.now();
        let lists = self.progress.lists();
        let late: Vec<String> = lists
            .iter()
            .filter_map(|list| {
                let behind = list.behind(now)?;
                (behind > KEEPS_UP_WITHIN).then(|| describe(list, behind))
            })
            .collect();
        let (status, reason) = if late.is_empty() {
            (HealthStatus::Healthy, KEEPS_UP.to_owned())
        } else {
            let advice = "matches appear faster than calls are permitted, or calls fail; a key \
                          (OPENDOTA_API_KEY) permits more, and steam-sequence tells of all";
            (
                HealthStatus::Degraded,
                format!("cannot keep up: {}; {advice}", late.join(", ")),
            )
        };
        self.condition.set(status, reason);
        vec![self.condition.check()]
    }
}

fn describe(list: &ListProgress, behind: Duration) -> String {
    let minutes = behind.as_secs() / 60;
    let name = list.list.as_str();
    let text = format!("all of the list {name} was last seen {minutes} minutes ago");
    match list.given_up {
        0 => text,
        ids => format!("{text}, and {ids} ids of it are not looked at"),
    }
}
