//! The real client against the real simulator, over sockets.

use std::{sync::Arc, time::Duration};

use domain::Timestamp;
use feed_simulator::{
    World,
    upstream::{self, Limits, Upstream, UpstreamConfig, UpstreamServer},
};
use health_kit::{Clock, SystemClock};
use opendota_client::{OpenDota, PageList, ProcessMemory};
use tokio::time::timeout;

use crate::support::{Reading, SMALL, settings};

/// As long as nothing is wrong it takes seconds, but for the first ones of a minute.
const DEADLINE: Duration = Duration::from_mins(1);

#[tokio::test]
async fn all_that_the_simulator_exposes_comes_over_a_socket() {
    let world = World::new(1);
    // Half of them have ended.
    let now = Timestamp::from_unix_seconds(world.begin().unix_seconds() + 40 * 60);
    let upstream = Upstream::new(UpstreamConfig {
        matches: Some(5_000),
        hidden_per_mille: 50,
        limits: Limits {
            per_minute: u32::MAX,
            per_day: None,
        },
        ..UpstreamConfig::new(world, now)
    });
    let address = ([127, 0, 0, 1], 0).into();
    let server = UpstreamServer::start(upstream.clone(), address).await;
    let server = server.expect("a free port");
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let memory = Arc::new(ProcessMemory::default());
    let settings = settings(&server.url(), true);
    let client = OpenDota::try_new("test/1", settings, memory, Arc::clone(&clock));
    let client = Arc::new(client.expect("a good name"));
    let mut reading = Reading::of(client, clock, &[PageList::Public], SMALL);
    let exposed = upstream.exposed(upstream::PageList::Public);
    assert!(exposed.len() > 1_500, "{}", exposed.len());
    let read = async {
        while exposed.iter().any(|id| !reading.ids.contains_key(id)) {
            reading.next().await;
        }
    };
    timeout(DEADLINE, read).await.expect("all of it is read");
    assert!(reading.ends.is_empty(), "{:?}", reading.ends);
    assert!(reading.ids.values().all(|count| *count == 1));
}
