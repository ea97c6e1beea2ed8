//! The client as it ships, on a network that misbehaves on command.
//!
//! Every scenario runs with each of the [`SEEDS`], which decide the delay of
//! every message; time is simulated, so minutes take no time.

use std::{
    cell::RefCell,
    error::Error,
    future::{Future, pending},
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use futures_util::{SinkExt as _, StreamExt as _};
use ingestion_application::ports::{DisconnectReason, FeedEvent, FeedReader as _};
use ingestion_opendota_adapter::stream::MatchStream;
use ingestion_test_support::simulated_network::SimulatedConnector;
use tokio::time::{Instant, sleep};
use tokio_tungstenite::{WebSocketStream, accept_async, tungstenite::Message};
use turmoil::net::{TcpListener, TcpStream};

use crate::common::{
    CLOCK, connected, default_settings, disconnected, frame, next, received, send_then_listen,
};

const SEEDS: [(&str, u64); 3] = [("calm", 1), ("breezy", 20_260_412), ("stormy", u64::MAX)];

const HEARTBEAT: Duration = Duration::from_secs(30);
const IDLE_TIMEOUT: Duration = Duration::from_mins(1);

/// What the network may add to any wait.
const SLACK: Duration = Duration::from_secs(2);

type Socket = WebSocketStream<TcpStream>;
type Outcome = Result<(), Box<dyn Error>>;

/// Runs `service` against a host `feed` that treats each connection with `serve`.
fn simulate<Serve, Service>(
    serve: impl Fn(Socket) -> Serve + Clone + 'static,
    service: impl Fn(MatchStream) -> Service,
) where
    Serve: Future<Output = ()> + 'static,
    Service: Future<Output = ()> + 'static,
{
    for (name, seed) in SEEDS {
        println!("seed {name}");
        let mut sim = turmoil::Builder::new()
            .rng_seed(seed)
            .simulation_duration(Duration::from_hours(1))
            .tick_duration(Duration::from_millis(20))
            .max_message_latency(Duration::from_millis(200))
            .build();
        let serve = serve.clone();
        sim.host("feed", move || {
            let serve = serve.clone();
            async move {
                let listener = TcpListener::bind("0.0.0.0:80").await?;
                loop {
                    let (stream, _) = listener.accept().await?;
                    let serve = serve.clone();
                    tokio::task::spawn_local(async move {
                        // A client that is gone by now is no failure of the feed.
                        if let Ok(socket) = accept_async(stream).await {
                            serve(socket).await;
                        }
                    });
                }
            }
        });
        let settings = default_settings("ws://feed/matches");
        let stream = MatchStream::try_over(
            &settings,
            Arc::new(SimulatedConnector),
            Arc::new(CLOCK),
            seed,
        )
        .expect("the settings are valid");
        let service = service(stream);
        sim.client("service", async move {
            service.await;
            Outcome::Ok(())
        });
        sim.run().expect("the scenario ends well");
    }
}

fn assert_about(elapsed: Duration, expected: Duration) {
    let range = expected..expected + SLACK;
    assert!(
        range.contains(&elapsed),
        "{elapsed:?} instead of {expected:?}"
    );
}

#[test]
fn a_partition_is_noticed_by_the_heartbeat_and_survived() {
    simulate(
        |socket| send_then_listen(socket, 1..=3),
        async |mut stream| {
            connected(&mut stream).await;
            assert_eq!(received(&mut stream, 3).await, [1, 2, 3]);
            turmoil::partition("feed", "service");
            let start = Instant::now();
            disconnected(&mut stream, DisconnectReason::PongTimeout).await;
            assert!(
                start.elapsed() <= 2 * HEARTBEAT + SLACK,
                "{:?}",
                start.elapsed()
            );

            let event = next(&mut stream).await;
            assert!(matches!(event, FeedEvent::Disconnected(_)), "{event:?}");
            turmoil::repair("feed", "service");
            connected(&mut stream).await;
            assert_eq!(received(&mut stream, 3).await, [1, 2, 3]);
        },
    );
}

#[test]
fn a_half_open_connection_is_left_after_heartbeat_and_pong_deadline() {
    simulate(
        |mut socket| async move {
            sleep(Duration::from_secs(10)).await;
            // From here on it holds the connection and neither reads nor writes.
            let _ = socket.send(Message::text(frame(1))).await;
            pending::<()>().await;
        },
        async |mut stream| {
            connected(&mut stream).await;
            let start = Instant::now();
            assert_eq!(received(&mut stream, 1).await, [1]);
            disconnected(&mut stream, DisconnectReason::PongTimeout).await;
            assert_about(start.elapsed(), 2 * HEARTBEAT);
        },
    );
}

#[test]
fn silence_is_left_after_the_idle_timeout_though_pings_are_answered() {
    simulate(
        |mut socket| async move {
            sleep(Duration::from_secs(20)).await;
            if socket.send(Message::text(frame(1))).await.is_ok() {
                // Pings of the feed are no data either.
                while socket
                    .send(Message::Ping("are you there".into()))
                    .await
                    .is_ok()
                {
                    let _ = socket.next().await;
                    sleep(Duration::from_secs(5)).await;
                }
            }
        },
        async |mut stream| {
            connected(&mut stream).await;
            assert_eq!(received(&mut stream, 1).await, [1]);
            let start = Instant::now();
            disconnected(&mut stream, DisconnectReason::IdleTimeout).await;
            assert_about(start.elapsed(), IDLE_TIMEOUT);
            connected(&mut stream).await;
        },
    );
}

#[test]
fn a_long_pause_of_the_service_costs_no_connection() {
    simulate(
        |socket| send_then_listen(socket, 1..=2000),
        async |mut stream| {
            connected(&mut stream).await;
            let mut ids = received(&mut stream, 1).await;
            // A ping is on its way when the pause begins.
            sleep(3 * IDLE_TIMEOUT).await;
            ids.extend(received(&mut stream, 2000 - ids.len()).await);
            assert!(ids.into_iter().eq(1..=2000), "all, in order");
            let start = Instant::now();
            disconnected(&mut stream, DisconnectReason::IdleTimeout).await;
            assert_about(start.elapsed(), IDLE_TIMEOUT);
        },
    );
}

#[test]
fn a_pause_with_a_pong_on_its_way_costs_no_connection() {
    simulate(
        |mut socket| async move {
            // Answers to pings come late, but before a whole interval has been listened to.
            while let Some(Ok(_)) = socket.next().await {
                sleep(HEARTBEAT / 2).await;
                if socket.flush().await.is_err() {
                    return;
                }
            }
        },
        async |mut stream| {
            connected(&mut stream).await;
            let until_after_the_ping = tokio::time::timeout(HEARTBEAT + SLACK, stream.next()).await;
            assert!(until_after_the_ping.is_err(), "{until_after_the_ping:?}");
            sleep(5 * HEARTBEAT).await;
            let start = Instant::now();
            disconnected(&mut stream, DisconnectReason::IdleTimeout).await;
            assert_about(start.elapsed(), Duration::from_secs(28));
        },
    );
}

#[test]
fn a_slow_service_reads_everything_from_a_fast_feed() {
    simulate(
        |socket| send_then_listen(socket, 1..=1000),
        async |mut stream| {
            connected(&mut stream).await;
            let mut ids = Vec::new();
            while ids.len() < 1000 {
                ids.extend(received(&mut stream, 1).await);
                sleep(Duration::from_secs(2)).await;
            }
            assert!(ids.into_iter().eq(1..=1000), "all, in order");
        },
    );
}

#[test]
fn a_black_hole_is_given_up_after_the_connect_timeout() {
    simulate(
        |socket| send_then_listen(socket, [1]),
        async |mut stream| {
            turmoil::hold("feed", "service");
            let start = Instant::now();
            disconnected(&mut stream, DisconnectReason::ConnectTimeout).await;
            assert_about(start.elapsed(), Duration::from_secs(10));
            turmoil::release("feed", "service");
            connected(&mut stream).await;
            assert_eq!(received(&mut stream, 1).await, [1]);
        },
    );
}

#[test]
fn a_feed_that_accepts_and_closes_is_not_hammered() {
    for closes_politely in [true, false] {
        let connections = Rc::new(RefCell::new(Vec::new()));
        let seen = Rc::clone(&connections);
        simulate(
            move |mut socket| {
                seen.borrow_mut()
                    .push(turmoil::sim_elapsed().expect("within the simulation"));
                async move {
                    if closes_politely {
                        let _ = socket.close(None).await;
                        while let Some(Ok(_)) = socket.next().await {}
                    }
                }
            },
            |mut stream| {
                let connections = Rc::clone(&connections);
                async move {
                    let ten_seconds = sleep(Duration::from_secs(10));
                    tokio::pin!(ten_seconds);
                    loop {
                        tokio::select! {
                            () = &mut ten_seconds => break,
                            _ = stream.next() => {}
                        }
                    }
                    let count = connections.borrow_mut().drain(..).count();
                    assert!((3..=12).contains(&count), "{count} connections");
                }
            },
        );
    }
}

#[test]
fn the_wait_is_forgotten_only_after_data() {
    simulate(
        |mut socket| async move {
            let _ = socket.send(Message::text(frame(1))).await;
            let _ = socket.close(None).await;
            while let Some(Ok(_)) = socket.next().await {}
        },
        async |mut stream| {
            for _ in 0..10 {
                connected(&mut stream).await;
                assert_eq!(received(&mut stream, 1).await, [1]);
                let end = disconnected(&mut stream, DisconnectReason::ClosedByUpstream).await;
                assert!(end.retry_in <= Duration::from_secs(1), "{:?}", end.retry_in);
            }
        },
    );
}

#[test]
fn a_restarted_feed_is_found_again() {
    for (name, seed) in SEEDS {
        println!("seed {name}");
        let mut sim = turmoil::Builder::new()
            .rng_seed(seed)
            .simulation_duration(Duration::from_mins(10))
            .build();
        sim.host("feed", || async {
            let listener = TcpListener::bind("0.0.0.0:80").await?;
            loop {
                let (stream, _) = listener.accept().await?;
                tokio::task::spawn_local(async move {
                    if let Ok(socket) = accept_async(stream).await {
                        send_then_listen(socket, 1..=10).await;
                    }
                });
            }
        });
        let rounds = Rc::new(RefCell::new(0));
        let done = Rc::clone(&rounds);
        sim.client("service", async move {
            let settings = default_settings("ws://feed");
            let mut stream = MatchStream::try_over(
                &settings,
                Arc::new(SimulatedConnector),
                Arc::new(CLOCK),
                seed,
            )?;
            for _ in 0..3 {
                while next(&mut stream).await != FeedEvent::Connected {}
                assert!(received(&mut stream, 10).await.into_iter().eq(1..=10));
                *done.borrow_mut() += 1;
            }
            Outcome::Ok(())
        });
        let mut restarts = 0;
        while !sim.step().expect("the scenario ends well") {
            if *rounds.borrow() > restarts {
                restarts += 1;
                sim.crash("feed");
                sim.bounce("feed");
            }
        }
        assert_eq!(*rounds.borrow(), 3);
    }
}
