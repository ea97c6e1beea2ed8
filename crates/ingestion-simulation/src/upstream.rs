//! The feed: a WebSocket server that knows what it has sent.

use std::{
    collections::VecDeque,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use domain::MatchId;
use futures_util::{SinkExt as _, StreamExt as _};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_tungstenite::{WebSocketStream, accept_async, tungstenite::Message};
use turmoil::net::{TcpListener, TcpStream};

use crate::clock::elapsed_ms;

/// The name of its host.
pub(crate) const HOST: &str = "feed";
const PORT: u16 = 80;
/// Of a hundred frames, so many name a match that was named before …
const REPEATED_PERCENT: u32 = 10;
/// … and so many are not valid.
const INVALID_PERCENT: u32 = 3;
/// How many matches back one is repeated.
const REPEATED_BACK_MAX: usize = 30;

/// What happens to a connection that stands, or to the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It is closed in an orderly way.
    Close,
    /// It breaks.
    Break,
    /// It stands and says nothing for so many seconds.
    FallSilent(u64),
    /// The next connections are accepted and closed at once.
    AcceptAndClose(u64),
}

/// The feed, and what it knows; shared with whoever judges.
pub(crate) struct Upstream(Mutex<State>);

struct State {
    rng: StdRng,
    next_id: i64,
    recent: VecDeque<i64>,
    sent: Vec<MatchId>,
    is_finished: bool,
    matches_per_second: f64,
    fault: Option<Fault>,
    closes_at_once_until_ms: u64,
    connections_at_ms: Vec<u64>,
}

enum Next {
    Frame(Message, Duration),
    Fault(Fault),
    Finished,
}

impl Upstream {
    pub(crate) fn new(seed: u64) -> Arc<Self> {
        Arc::new(Self(Mutex::new(State {
            rng: StdRng::seed_from_u64(seed),
            next_id: 1,
            recent: VecDeque::new(),
            sent: Vec::new(),
            is_finished: false,
            matches_per_second: 10.0,
            fault: None,
            closes_at_once_until_ms: 0,
            connections_at_ms: Vec::new(),
        })))
    }

    /// Where the service finds it.
    pub(crate) fn url() -> String {
        format!("ws://{HOST}/matches")
    }

    pub(crate) fn set_rate(&self, matches_per_second: f64) {
        self.lock().matches_per_second = matches_per_second;
    }

    pub(crate) fn set_fault(&self, fault: Fault) {
        let mut state = self.lock();
        if let Fault::AcceptAndClose(seconds) = fault {
            state.closes_at_once_until_ms = elapsed_ms() + seconds * 1000;
        }
        state.fault = Some(fault);
    }

    /// Sends nothing from now on.
    pub(crate) fn finish(&self) {
        self.lock().is_finished = true;
    }

    /// Every match that was sent, whether somebody read it or not.
    pub(crate) fn sent(&self) -> Vec<MatchId> {
        self.lock().sent.clone()
    }

    /// When connections were accepted.
    pub(crate) fn connections_at_ms(&self) -> Vec<u64> {
        self.lock().connections_at_ms.clone()
    }

    /// Serves for ever.
    pub(crate) async fn serve(self: Arc<Self>) -> io::Result<()> {
        let listener = TcpListener::bind(("0.0.0.0", PORT)).await?;
        loop {
            let (stream, _) = listener.accept().await?;
            let upstream = Arc::clone(&self);
            tokio::task::spawn_local(async move {
                let closes_at_once = upstream.accepted();
                // A client that is gone by now is no failure of the feed.
                if let Ok(socket) = accept_async(stream).await
                    && !closes_at_once
                {
                    upstream.send(socket).await;
                }
            });
        }
    }

    fn accepted(&self) -> bool {
        let mut state = self.lock();
        let now_ms = elapsed_ms();
        state.connections_at_ms.push(now_ms);
        now_ms < state.closes_at_once_until_ms
    }

    async fn send(&self, mut socket: WebSocketStream<TcpStream>) {
        let mut next_at = Instant::now();
        loop {
            // Reading is what answers pings.
            let due = async {
                sleep_until(next_at).await;
                self.next()
            };
            let next = tokio::select! {
                next = due => next,
                heard = socket.next() => match heard {
                    Some(Ok(_)) => continue,
                    _ => return,
                },
            };
            match next {
                Next::Frame(frame, pause) => {
                    next_at = Instant::now() + pause;
                    if socket.send(frame).await.is_err() {
                        return;
                    }
                }
                Next::Fault(Fault::Close) => {
                    let _ = socket.close(None).await;
                    while let Some(Ok(_)) = socket.next().await {}
                    return;
                }
                Next::Fault(Fault::Break | Fault::AcceptAndClose(_)) => return,
                Next::Fault(Fault::FallSilent(seconds)) => {
                    sleep(Duration::from_secs(seconds)).await;
                }
                Next::Finished => next_at = Instant::now() + Duration::from_secs(1),
            }
        }
    }

    fn next(&self) -> Next {
        let mut state = self.lock();
        if let Some(fault) = state.fault.take() {
            return Next::Fault(fault);
        }
        if state.is_finished {
            return Next::Finished;
        }
        let pause = Duration::from_secs_f64(1.0 / state.matches_per_second);
        let frame = match state.rng.random_range(0..100) {
            0..INVALID_PERCENT => Message::text("{\"match_id\":\"no number\"}"),
            draw if draw < INVALID_PERCENT + REPEATED_PERCENT && !state.recent.is_empty() => {
                let back = state.recent.len();
                let nth = state.rng.random_range(0..back);
                frame(state.recent[nth])
            }
            _ => frame(state.new_match()),
        };
        Next::Frame(frame, pause)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic fails the whole run.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn new_match(&mut self) -> i64 {
        let raw = self.next_id;
        self.next_id += 1;
        self.recent.push_back(raw);
        if self.recent.len() > REPEATED_BACK_MAX {
            self.recent.pop_front();
        }
        self.sent.extend(MatchId::try_new(raw));
        raw
    }
}

fn frame(raw: i64) -> Message {
    Message::text(format!("{{\"match_id\":{raw}}}"))
}
