//! The websocket: it says each match to whoever listens, and never again.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_util::{SinkExt as _, StreamExt as _};
use ingestion_opendota_adapter::stream::{ByteStream, Connector};
use tokio::{
    io::{DuplexStream, duplex},
    time::{MissedTickBehavior, interval, sleep},
};
use tokio_tungstenite::{accept_async, tungstenite::Message};

use crate::week::{diary::Trouble, interface::Interface, truth::Truth, world::id};

/// What ended within such a time is said in one go.
const TICK: Duration = Duration::from_millis(250);
/// How long it takes to be there.
const CONNECT_TIME: Duration = Duration::from_millis(100);
/// What may be on the way.
const BYTES_ON_THE_WAY: usize = 64 * 1024;

/// The upstream, and the network to it.
pub(crate) struct StreamUpstream(Arc<Saying>);

struct Saying {
    truth: Arc<Truth>,
    /// When each match is said, in that order.
    said: Vec<(u32, u32)>,
}

impl StreamUpstream {
    pub(crate) fn new(truth: Arc<Truth>) -> Self {
        let said = truth.said(Interface::Stream);
        Self(Arc::new(Saying { truth, said }))
    }
}

impl Saying {
    async fn serve(&self, stream: DuplexStream) {
        let Ok(mut socket) = accept_async(stream).await else {
            return;
        };
        let connected_ms = self.truth.now_ms();
        let mut next = self.said.partition_point(|(at, _)| *at <= connected_ms);
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                _ = ticks.tick() => {
                    if self.truth.is(Trouble::Down(Interface::Stream)) {
                        return;
                    }
                    let now_ms = self.truth.now_ms();
                    while let Some((at, nth)) = self.said.get(next).filter(|(at, _)| *at <= now_ms) {
                        next += 1;
                        if self.truth.diary.is_mute(Interface::Stream, *at) {
                            continue;
                        }
                        let text = format!("{{\"match_id\":{}}}", id(*nth));
                        if socket.feed(Message::text(text)).await.is_err() {
                            return;
                        }
                    }
                    if socket.flush().await.is_err() {
                        return;
                    }
                }
                // Pings are answered in passing.
                heard = socket.next() => if !matches!(heard, Some(Ok(_))) {
                    return;
                }
            }
        }
    }
}

#[async_trait]
impl Connector for StreamUpstream {
    async fn resolve(&self, _: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        Ok(vec![SocketAddr::from(([127, 0, 0, 1], port))])
    }

    async fn connect(&self, _: SocketAddr) -> io::Result<Box<dyn ByteStream>> {
        sleep(CONNECT_TIME).await;
        if self.0.truth.is(Trouble::Down(Interface::Stream)) {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        let (ours, theirs) = duplex(BYTES_ON_THE_WAY);
        let saying = Arc::clone(&self.0);
        // It ends when the other side has gone.
        tokio::spawn(async move { saying.serve(theirs).await });
        Ok(Box::new(ours))
    }
}
