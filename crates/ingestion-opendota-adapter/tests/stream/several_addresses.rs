//! A name with several addresses, some of them dead, on a simulated network.

use std::{error::Error, future::pending, io, net::SocketAddr, sync::Arc, time::Duration};

use async_trait::async_trait;
use ingestion_application::ports::DisconnectReason;
use ingestion_opendota_adapter::stream::{ByteStream, Connector, MatchStream};
use tokio::time::Instant;
use tokio_tungstenite::accept_async;
use turmoil::{
    Sim,
    net::{TcpListener, TcpStream},
};

use crate::common::{CLOCK, connected, default_settings, disconnected, received, send_then_listen};

/// Its packets are on their way for ever.
const SILENT: &str = "silent";
/// Nothing listens there.
const CLOSED: &str = "closed";
/// It takes connections and says nothing.
const MUTE: &str = "mute";
/// It works.
const FEED: &str = "feed";

/// Finds these hosts under any name.
struct FoundAt(&'static [&'static str]);

#[async_trait]
impl Connector for FoundAt {
    async fn resolve(&self, _: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let address = |host: &&str| SocketAddr::new(turmoil::lookup(*host), port);
        Ok(self.0.iter().map(address).collect())
    }

    async fn connect(&self, address: SocketAddr) -> io::Result<Box<dyn ByteStream>> {
        // The simulator's own words name the host instead of the failure.
        let stream = TcpStream::connect(address).await;
        Ok(Box::new(stream.map_err(|error| error.kind())?))
    }
}

fn network() -> Sim<'static> {
    let mut sim = turmoil::Builder::new()
        .rng_seed(1)
        .simulation_duration(Duration::from_mins(1))
        .build();
    sim.host(SILENT, || async { pending().await });
    sim.host(CLOSED, || async { pending().await });
    sim.host(MUTE, || async {
        let listener = TcpListener::bind("0.0.0.0:80").await?;
        let _connection = listener.accept().await?;
        pending().await
    });
    sim.host(FEED, || async {
        let listener = TcpListener::bind("0.0.0.0:80").await?;
        loop {
            let (stream, _) = listener.accept().await?;
            tokio::task::spawn_local(async move {
                if let Ok(socket) = accept_async(stream).await {
                    send_then_listen(socket, 1..=3).await;
                }
            });
        }
    });
    sim
}

/// Runs `service` with a feed that is found at these hosts.
fn found_at(hosts: &'static [&'static str], service: impl AsyncFnOnce(MatchStream) + 'static) {
    let mut sim = network();
    sim.client("service", async move {
        turmoil::hold(SILENT, "service");
        let settings = default_settings("ws://feed.example");
        let connector = Arc::new(FoundAt(hosts));
        let stream = MatchStream::try_over(&settings, connector, Arc::new(CLOCK), 1)?;
        service(stream).await;
        Result::<(), Box<dyn Error>>::Ok(())
    });
    sim.run().expect("the scenario ends well");
}

/// The end of the first attempt, in words, with the names of the hosts.
fn check_failure(hosts: &'static [&'static str], reason: DisconnectReason, expected: &'static str) {
    found_at(hosts, async move |mut stream| {
        let mut detail = disconnected(&mut stream, reason).await.detail;
        for host in hosts {
            detail = detail.replace(&turmoil::lookup(*host).to_string(), host);
        }
        assert_eq!(detail, expected);
    });
}

#[test]
fn a_silent_address_hides_no_live_feed() {
    found_at(&[SILENT, SILENT, CLOSED, FEED], async |mut stream| {
        let start = Instant::now();
        connected(&mut stream).await;
        assert!(
            start.elapsed() < Duration::from_secs(1),
            "{:?}",
            start.elapsed()
        );
        assert_eq!(received(&mut stream, 3).await, [1, 2, 3]);
    });
}

#[test]
fn what_became_of_each_address_is_in_the_reason() {
    check_failure(
        &[CLOSED],
        DisconnectReason::ConnectFailed,
        "connecting to feed.example:80 failed: closed: connection refused",
    );
    check_failure(
        &[CLOSED, SILENT],
        DisconnectReason::ConnectTimeout,
        "connecting to feed.example:80 took longer than 10s: closed: connection refused, silent: \
         no answer",
    );
    check_failure(
        &[],
        DisconnectReason::ConnectFailed,
        "connecting to feed.example:80 failed: its name has no address",
    );
}

#[test]
fn a_timeout_names_the_step_it_came_at() {
    check_failure(
        &[MUTE],
        DisconnectReason::ConnectTimeout,
        "connecting to feed.example:80 took longer than 10s: it did not answer the upgrade",
    );
}
