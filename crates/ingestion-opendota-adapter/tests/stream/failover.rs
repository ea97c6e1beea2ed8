//! Several addresses of one feed, on a simulated network and in its time: who steps in, when the
//! preferred one is back, and that nothing is missed meanwhile.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeSet,
    error::Error,
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use futures_util::{SinkExt as _, StreamExt as _};
use ingestion_application::ports::{DisconnectReason, FeedEvent, FeedReader as _};
use ingestion_opendota_adapter::stream::{MatchStream, StreamSettings};
use ingestion_test_support::simulated_network::SimulatedConnector;
use tokio::time::{Instant, interval, sleep, timeout};
use tokio_tungstenite::{accept_async, tungstenite::Message};
use turmoil::net::{TcpListener, TcpStream};

use crate::common::{CLOCK, default_settings, frame};

const NAMES: [&str; 3] = ["first", "second", "third"];

/// Between two matches.
const TICK: Duration = Duration::from_millis(100);

type Outcome = Result<(), Box<dyn Error>>;

#[derive(Clone, Copy, PartialEq)]
enum Mode {
    /// Tells of each match, so many ticks late.
    Live { late: u64 },
    /// Is there, answers pings, and tells of nothing.
    Silent,
    /// Ends every connection at once.
    Down,
}

/// The upstreams: what each is like now, and how often it was connected to.
#[derive(Clone)]
struct Hosts {
    modes: [Rc<Cell<Mode>>; 3],
    connections: [Rc<Cell<u32>>; 3],
}

impl Hosts {
    fn new(modes: [Mode; 3]) -> Self {
        Self {
            modes: modes.map(|mode| Rc::new(Cell::new(mode))),
            connections: [(); 3].map(|()| Rc::new(Cell::new(0))),
        }
    }

    fn set(&self, host: usize, mode: Mode) {
        self.modes[host].set(mode);
    }
}

/// The match that is told of now by whoever is not late.
fn tick() -> u64 {
    let now = turmoil::sim_elapsed().expect("within the simulation");
    u64::try_from(now.as_millis() / TICK.as_millis()).expect("short") + 1
}

async fn serve(stream: TcpStream, mode: Rc<Cell<Mode>>) {
    let Ok(mut socket) = accept_async(stream).await else {
        return;
    };
    let mut ticks = interval(TICK);
    let mut told = None;
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            heard = socket.next() => match heard {
                Some(Ok(_)) => continue,
                _ => return,
            },
        }
        let late = match mode.get() {
            Mode::Live { late } => late,
            Mode::Silent => {
                told = None;
                continue;
            }
            Mode::Down => return,
        };
        // Live: from where it is when somebody comes, without a hole.
        let Some(newest) = tick().checked_sub(late) else {
            continue;
        };
        for id in told.map_or(newest, |told| told + 1)..=newest {
            let id = i64::try_from(id).expect("small");
            if id > 0 && socket.send(Message::text(frame(id))).await.is_err() {
                return;
            }
        }
        told = Some(newest);
    }
}

/// Runs `scenario` with a feed that knows the first `count` of the hosts.
fn simulate<Scenario>(modes: [Mode; 3], count: usize, scenario: impl Fn(Watched, Hosts) -> Scenario)
where
    Scenario: Future<Output = ()> + 'static,
{
    for (name, seed) in [("calm", 1), ("breezy", 20_260_412), ("stormy", u64::MAX)] {
        println!("seed {name}");
        let mut sim = turmoil::Builder::new()
            .rng_seed(seed)
            .simulation_duration(Duration::from_hours(1))
            .tick_duration(Duration::from_millis(20))
            .max_message_latency(Duration::from_millis(200))
            .build();
        let hosts = Hosts::new(modes);
        for (place, name) in NAMES.into_iter().enumerate() {
            let hosts = hosts.clone();
            sim.host(name, move || {
                let hosts = hosts.clone();
                async move {
                    let listener = TcpListener::bind("0.0.0.0:80").await?;
                    loop {
                        let (stream, _) = listener.accept().await?;
                        let connections = &hosts.connections[place];
                        connections.set(connections.get() + 1);
                        let mode = Rc::clone(&hosts.modes[place]);
                        if mode.get() != Mode::Down {
                            tokio::task::spawn_local(serve(stream, mode));
                        }
                    }
                }
            });
        }
        let urls = NAMES[..count]
            .iter()
            .map(|name| format!("ws://{name}/").into());
        let settings = StreamSettings {
            urls: urls.collect(),
            ..default_settings("ws://first/")
        };
        let stream = MatchStream::try_over(
            &settings,
            Arc::new(SimulatedConnector),
            Arc::new(CLOCK),
            seed,
        );
        let watched = Watched {
            stream: stream.expect("the settings are valid"),
            ids: BTreeSet::new(),
            repeated: 0,
        };
        let scenario = scenario(watched, hosts);
        sim.client("service", async move {
            scenario.await;
            Outcome::Ok(())
        });
        sim.run().expect("the scenario ends well");
    }
}

/// The feed, and what it has handed over.
struct Watched {
    stream: MatchStream,
    ids: BTreeSet<i64>,
    repeated: u64,
}

impl Watched {
    /// The next event that is no data.
    async fn next(&mut self) -> FeedEvent {
        loop {
            let event = timeout(Duration::from_mins(10), self.stream.next()).await;
            match event.expect("something happens") {
                FeedEvent::Received(batch) => self.take(batch.frames),
                event => return event,
            }
        }
    }

    fn take(
        &mut self,
        frames: Vec<
            Result<
                ingestion_application::FoundMatch,
                Box<ingestion_application::ports::InvalidFrame>,
            >,
        >,
    ) {
        for frame in frames {
            let id = frame.expect("a valid frame").id().get();
            self.repeated += u64::from(!self.ids.insert(id));
        }
    }

    /// Listens for so long, in which nothing but data may come.
    async fn listen(&mut self, time: Duration) {
        let event = timeout(time, self.next()).await;
        assert!(event.is_err(), "{event:?}");
    }

    /// The next event is a connection to this one.
    async fn connected_to(&mut self, place: usize) {
        assert_eq!(self.next().await, FeedEvent::Connected);
        let upstream = self.stream.upstream().expect("it is connected");
        assert_eq!(upstream.preference, place + 1, "{upstream}");
        assert_eq!(upstream.name, format!("{}:80", NAMES[place]));
    }

    /// The next event is an end for this reason; the wait before the next attempt.
    async fn ended(&mut self, reason: DisconnectReason) -> Duration {
        match self.next().await {
            FeedEvent::Disconnected(end) if end.reason == reason => end.retry_in,
            other => panic!("{other:?} instead of {reason}"),
        }
    }

    /// From the first to the last there is no hole.
    fn assert_complete(&self) {
        let (first, last) = (self.ids.first(), self.ids.last());
        let (first, last) = (first.expect("some"), last.expect("some"));
        let missing: Vec<_> = (*first..=*last)
            .filter(|id| !self.ids.contains(id))
            .collect();
        assert!(missing.is_empty(), "{missing:?} of {first}..={last}");
    }
}

const LIVE: Mode = Mode::Live { late: 0 };
const LATE: Mode = Mode::Live { late: 30 };

#[test]
fn whoever_is_there_steps_in_and_the_preferred_one_comes_back_without_a_hole() {
    simulate(
        [Mode::Down, LATE, Mode::Down],
        2,
        async |mut watched, hosts| {
            let retry_in = watched.ended(DisconnectReason::ConnectFailed).await;
            assert_eq!(retry_in, Duration::ZERO, "somebody else is tried at once");
            watched.connected_to(1).await;
            watched.listen(Duration::from_mins(3)).await;
            // It was tried all along, and not in a hot loop.
            let tried = hosts.connections[0].get();
            assert!((4..=30).contains(&tried), "{tried} attempts");
            assert_eq!(hosts.connections[1].get(), 1);

            hosts.set(0, LIVE);
            let start = Instant::now();
            watched.ended(DisconnectReason::PreferredAgain).await;
            assert!(
                start.elapsed() < Duration::from_secs(45),
                "{:?}",
                start.elapsed()
            );
            watched.connected_to(0).await;
            watched.listen(Duration::from_mins(1)).await;
            // The second is three seconds behind the first, so both were read for longer than that.
            watched.assert_complete();
            assert!(watched.repeated > 0, "the window knows what both told of");
            assert_eq!(hosts.connections[1].get(), 1);
        },
    );
}

#[test]
fn silence_is_no_better_than_absence_and_a_silent_one_is_not_gone_back_to() {
    simulate([LIVE, LIVE, Mode::Down], 2, async |mut watched, hosts| {
        watched.connected_to(0).await;
        watched.listen(Duration::from_mins(5)).await;
        assert_eq!(
            hosts.connections[1].get(),
            0,
            "nobody is asked without need"
        );
        hosts.set(0, Mode::Silent);
        watched.ended(DisconnectReason::IdleTimeout).await;
        watched.connected_to(1).await;
        watched.ids.clear();
        // Connected to again and again, and of no use.
        watched.listen(Duration::from_mins(10)).await;
        let tried = hosts.connections[0].get();
        assert!((6..=15).contains(&tried), "{tried} attempts");
        hosts.set(0, LIVE);
        watched.ended(DisconnectReason::PreferredAgain).await;
        watched.connected_to(0).await;
        watched.listen(Duration::from_mins(1)).await;
        watched.assert_complete();
    });
}

#[test]
fn one_match_does_not_prove_that_it_works_again() {
    simulate(
        [Mode::Silent, LIVE, Mode::Down],
        2,
        async |mut watched, hosts| {
            watched.connected_to(0).await;
            watched.ended(DisconnectReason::IdleTimeout).await;
            watched.connected_to(1).await;
            for _ in 0..5 {
                watched.listen(Duration::from_secs(70)).await;
                hosts.set(0, LIVE);
                watched.listen(Duration::from_secs(1)).await;
                hosts.set(0, Mode::Silent);
            }
            watched.assert_complete();
        },
    );
}

#[test]
fn a_hole_in_the_network_is_bridged_by_the_next_one() {
    simulate([LIVE, LATE, Mode::Down], 2, async |mut watched, hosts| {
        watched.connected_to(0).await;
        watched.listen(Duration::from_secs(10)).await;
        turmoil::partition("first", "service");
        watched.ended(DisconnectReason::PongTimeout).await;
        watched.connected_to(1).await;
        watched.listen(Duration::from_mins(2)).await;
        let tried = hosts.connections[1].get();
        assert_eq!(tried, 1);
        turmoil::repair("first", "service");
        watched.ended(DisconnectReason::PreferredAgain).await;
        watched.connected_to(0).await;
    });
}

#[test]
fn the_last_one_left_is_used_and_each_better_one_is_gone_back_to() {
    simulate(
        [Mode::Down, Mode::Down, LIVE],
        3,
        async |mut watched, hosts| {
            watched.ended(DisconnectReason::ConnectFailed).await;
            watched.ended(DisconnectReason::ConnectFailed).await;
            watched.connected_to(2).await;
            watched.listen(Duration::from_mins(1)).await;
            hosts.set(1, LIVE);
            watched.ended(DisconnectReason::PreferredAgain).await;
            watched.connected_to(1).await;
            hosts.set(2, Mode::Down);
            watched.listen(Duration::from_mins(1)).await;
            hosts.set(0, LIVE);
            watched.ended(DisconnectReason::PreferredAgain).await;
            watched.connected_to(0).await;
            watched.listen(Duration::from_mins(1)).await;
            watched.assert_complete();
        },
    );
}

#[test]
fn when_the_one_in_use_ends_the_probe_takes_its_place() {
    simulate(
        [Mode::Silent, LIVE, Mode::Down],
        2,
        async |mut watched, hosts| {
            watched.connected_to(0).await;
            watched.ended(DisconnectReason::IdleTimeout).await;
            watched.connected_to(1).await;
            // By now the probe is connected, and hears nothing.
            watched.listen(Duration::from_secs(10)).await;
            let before = hosts.connections[0].get();
            hosts.set(1, Mode::Down);
            let retry_in = watched.ended(DisconnectReason::ConnectionLost).await;
            assert_eq!(retry_in, Duration::ZERO);
            watched.connected_to(0).await;
            assert_eq!(
                hosts.connections[0].get(),
                before,
                "it was connected already"
            );
            hosts.set(0, LIVE);
            watched.listen(Duration::from_mins(1)).await;
        },
    );
}

#[test]
fn when_nobody_is_there_each_is_left_alone_for_a_while() {
    simulate([Mode::Down; 3], 3, async |mut watched, hosts| {
        let start = Instant::now();
        while start.elapsed() < Duration::from_mins(5) {
            let event = watched.next().await;
            assert!(matches!(event, FeedEvent::Disconnected(_)), "{event:?}");
        }
        for connections in &hosts.connections {
            let tried = connections.get();
            assert!((10..=30).contains(&tried), "{tried} attempts");
        }
    });
}

#[test]
fn a_pause_of_the_service_costs_neither_the_one_in_use_nor_the_probe() {
    simulate(
        [Mode::Silent, LIVE, Mode::Down],
        2,
        async |mut watched, hosts| {
            watched.connected_to(0).await;
            watched.ended(DisconnectReason::IdleTimeout).await;
            watched.connected_to(1).await;
            watched.listen(Duration::from_secs(10)).await;
            let before = [hosts.connections[0].get(), hosts.connections[1].get()];
            sleep(Duration::from_mins(5)).await;
            watched.listen(Duration::from_secs(20)).await;
            let after = [hosts.connections[0].get(), hosts.connections[1].get()];
            assert_eq!(before, after);
            watched.assert_complete();
        },
    );
}

#[test]
fn what_both_had_read_is_handed_over_at_the_end() {
    let counts = Rc::new(RefCell::new(Vec::new()));
    let seen = Rc::clone(&counts);
    simulate(
        [Mode::Silent, LIVE, Mode::Down],
        2,
        move |mut watched, hosts| {
            let seen = Rc::clone(&seen);
            async move {
                watched.connected_to(0).await;
                watched.ended(DisconnectReason::IdleTimeout).await;
                watched.connected_to(1).await;
                watched.listen(Duration::from_secs(10)).await;
                hosts.set(0, LIVE);
                watched.listen(Duration::from_secs(2)).await;
                let mut batches = 0;
                while let Some(batch) = watched.stream.close().await {
                    assert!(!batch.frames.is_empty());
                    watched.take(batch.frames);
                    batches += 1;
                }
                watched.assert_complete();
                seen.borrow_mut().push(batches);
            }
        },
    );
    assert_eq!(counts.borrow().len(), 3, "each ended");
}
