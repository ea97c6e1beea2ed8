//! Faults before a connection is a websocket, as a client sees them.

use std::time::Duration;

use crate::support::{connect, within};
use feed_simulator::{
    Config, ConnectionPlan, FaultSchedule, RunningSimulator, Simulator, UpgradeFault,
};
use tokio::time::Instant;
use tokio_tungstenite::{connect_async, tungstenite::Error};

/// A feed whose first upgrade goes wrong.
async fn start(fault: UpgradeFault) -> RunningSimulator {
    let faults = FaultSchedule {
        scripted: [ConnectionPlan::at_upgrade(fault)].into(),
        ..FaultSchedule::default()
    };
    let config = Config {
        faults,
        ..Config::default()
    };
    Simulator::start(config)
        .await
        .expect("the simulator starts")
}

#[tokio::test]
async fn a_refused_upgrade_has_its_status_and_retry_after() {
    for retry_after in [None, Some("7"), Some("Sun, 06 Nov 2033 08:49:37 GMT")] {
        let fault = UpgradeFault::Refuse {
            status: 429,
            retry_after: retry_after.map(str::to_owned),
        };
        let simulator = start(fault).await;
        let error = within(connect_async(simulator.websocket_url()))
            .await
            .expect_err("it is refused");
        let Error::Http(response) = error else {
            panic!("an HTTP answer, not {error:?}")
        };
        assert_eq!(response.status(), 429);
        let header = response
            .headers()
            .get("retry-after")
            .map(|value| value.to_str().expect("ASCII"));
        assert_eq!(header, retry_after);
        connect(&simulator).await;
        let connections = simulator.truth().connections;
        assert_eq!(
            connections
                .iter()
                .map(|record| record.upgraded)
                .collect::<Vec<_>>(),
            [false, true]
        );
    }
}

#[tokio::test]
async fn connections_are_refused_by_hand_until_they_are_accepted_again() {
    let simulator = Simulator::start(Config::default())
        .await
        .expect("the simulator starts");
    simulator.refuse("refuse:503:1".parse().expect("a fault"));
    for _ in 0..3 {
        within(connect_async(simulator.websocket_url()))
            .await
            .expect_err("it is refused");
    }
    simulator.refuse(UpgradeFault::AcceptThenClose);
    let error = within(connect_async(simulator.websocket_url()))
        .await
        .expect_err("it is closed");
    assert!(
        !matches!(error, Error::Http(_)),
        "there is no answer: {error:?}"
    );
    simulator.accept_again();
    connect(&simulator).await;
    assert_eq!(simulator.truth().connections_opened, 5);
}

#[tokio::test]
async fn a_slow_upgrade_is_late() {
    let delay = Duration::from_millis(300);
    let simulator = start(UpgradeFault::Slow(delay)).await;
    let started = Instant::now();
    connect(&simulator).await;
    assert!(
        started.elapsed() >= delay,
        "upgraded after {:?}",
        started.elapsed()
    );
}
