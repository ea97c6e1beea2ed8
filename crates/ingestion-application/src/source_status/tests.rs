//! The state of a connection, as its feed makes it.

use super::*;
use health_kit::SystemClock;

fn over(reason: DisconnectReason) -> Disconnection {
    Disconnection {
        reason,
        detail: format!("over: {reason}"),
        retry_in: Duration::from_secs(1),
    }
}

fn health(status: &SourceStatus) -> HealthStatus {
    status.checks()[0].status
}

const IDLE_TIMEOUT: Duration = Duration::from_mins(1);
const REASONS: [DisconnectReason; 2] = [
    DisconnectReason::ConnectionLost,
    DisconnectReason::IdleTimeout,
];

fn status() -> SourceStatus {
    SourceStatus::new(
        SourceName::new("feed"),
        &REASONS,
        IDLE_TIMEOUT,
        Arc::new(SystemClock),
    )
}

#[test]
fn every_feed_has_a_check_of_its_own() {
    let names = ["pages", "stream"].map(|source| {
        let source = SourceName::new(source);
        let status = SourceStatus::new(source, &[], IDLE_TIMEOUT, Arc::new(SystemClock));
        status.checks().remove(0).name
    });
    assert_eq!(names, ["feed.pages", "feed.stream"]);
}

#[test]
fn a_connection_is_healthy_until_it_is_lost() {
    let status = status();
    assert_eq!(
        health(&status),
        HealthStatus::Unhealthy,
        "not connected yet"
    );
    status.connected();
    assert_eq!(health(&status), HealthStatus::Healthy);
    status.disconnected(over(DisconnectReason::ConnectionLost));
    assert_eq!(health(&status), HealthStatus::Unhealthy);
    status.connected();
    assert_eq!(health(&status), HealthStatus::Healthy);
    let snapshot = status.snapshot();
    assert_eq!(
        snapshot.disconnections,
        [
            (DisconnectReason::ConnectionLost, 1),
            (DisconnectReason::IdleTimeout, 0)
        ],
        "each there can be, from the start"
    );
}

#[test]
fn a_silent_feed_is_unhealthy_until_data_flows() {
    let status = status();
    status.connected();
    status.disconnected(over(DisconnectReason::IdleTimeout));
    status.connected();
    assert_eq!(
        health(&status),
        HealthStatus::Unhealthy,
        "connected, but silent"
    );
    status.disconnected(over(DisconnectReason::ConnectionLost));
    status.connected();
    assert_eq!(health(&status), HealthStatus::Unhealthy, "still no data");
    status.received();
    assert_eq!(health(&status), HealthStatus::Healthy);
}

#[tokio::test(start_paused = true)]
async fn a_planned_end_is_counted_and_no_fault() {
    let status = status();
    status.connected();
    for _ in 0..2 {
        status.disconnected(over(DisconnectReason::Renewed));
        tokio::time::advance(PLANNED_TIME_MAX / 2).await;
        assert_eq!(health(&status), HealthStatus::Healthy);
        assert_eq!(status.snapshot().state, ConnectionState::Connected);
        status.connected();
    }
    let renewed = (DisconnectReason::Renewed, 2);
    assert!(status.snapshot().disconnections.contains(&renewed));
    tokio::time::advance(PLANNED_TIME_MAX).await;
    assert_eq!(health(&status), HealthStatus::Healthy, "it was followed");

    status.disconnected(over(DisconnectReason::Renewed));
    tokio::time::advance(PLANNED_TIME_MAX).await;
    assert_eq!(health(&status), HealthStatus::Unhealthy, "it was not");
    assert_eq!(status.snapshot().state, ConnectionState::Reconnecting);

    status.connected();
    status.disconnected(over(DisconnectReason::Renewed));
    status.disconnected(over(DisconnectReason::ConnectionLost));
    assert_eq!(
        health(&status),
        HealthStatus::Unhealthy,
        "the attempt failed"
    );
    status.disconnected(over(DisconnectReason::Renewed));
    assert_eq!(
        health(&status),
        HealthStatus::Unhealthy,
        "there was none to end"
    );
}

#[test]
fn of_several_upstreams_the_one_in_use_is_told() {
    let status = status();
    let upstream = |preference, of| UpstreamInUse {
        name: "relay:443".to_owned(),
        preference,
        of,
    };
    let reason = || status.checks().remove(0).reason;
    status.connected_to(Some(upstream(1, 1)));
    assert_eq!(reason(), "feed: connected");
    status.connected_to(Some(upstream(2, 3)));
    assert_eq!(
        reason(),
        "feed: connected to relay:443, 2 of 3 by preference"
    );
    assert_eq!(status.snapshot().upstream, Some(upstream(2, 3)));
    status.disconnected(over(DisconnectReason::IdleTimeout));
    assert_eq!(status.snapshot().upstream, None);
    status.connected_to(Some(upstream(1, 3)));
    assert_eq!(
        reason(),
        "feed: connected again to relay:443, 1 of 3 by preference, but no data yet"
    );
}

#[tokio::test(start_paused = true)]
async fn silence_is_not_broken_by_connections_that_end_before_their_timeout() {
    let status = status();
    for _ in 0..6 {
        status.connected();
        assert_eq!(health(&status), HealthStatus::Healthy);
        tokio::time::advance(IDLE_TIMEOUT / 6).await;
        status.disconnected(over(DisconnectReason::ClosedByUpstream));
    }
    status.connected();
    assert_eq!(
        health(&status),
        HealthStatus::Unhealthy,
        "a minute without data"
    );
    status.received();
    assert_eq!(health(&status), HealthStatus::Healthy);
    tokio::time::advance(IDLE_TIMEOUT / 2).await;
    status.disconnected(over(DisconnectReason::ClosedByUpstream));
    status.connected();
    assert_eq!(
        health(&status),
        HealthStatus::Healthy,
        "data half a minute ago"
    );
}

#[tokio::test(start_paused = true)]
async fn silence_is_judged_by_whoever_asks() {
    let status = status();
    status.connected();
    tokio::time::advance(IDLE_TIMEOUT / 2).await;
    let unread = status.unread();
    tokio::time::advance(IDLE_TIMEOUT * 2).await;
    assert_eq!(health(&status), HealthStatus::Healthy, "it is not read");
    drop(unread);
    tokio::time::advance(IDLE_TIMEOUT / 4).await;
    assert_eq!(health(&status), HealthStatus::Healthy);
    tokio::time::advance(IDLE_TIMEOUT / 4).await;
    assert_eq!(
        health(&status),
        HealthStatus::Unhealthy,
        "and nobody has said so"
    );
    status.received();
    assert_eq!(health(&status), HealthStatus::Healthy);
}
