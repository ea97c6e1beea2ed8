//! A client that keeps its own tally of what it reads.

use std::{
    collections::{BTreeMap, HashSet},
    time::Duration,
};

use feed_simulator::{RunningSimulator, Truth};
use futures_util::StreamExt;
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Error, Message},
};

/// No test has to wait for so long.
pub(crate) const DEADLINE: Duration = Duration::from_mins(1);

pub(crate) type Client = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// What a client has read over all its connections.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) ids: HashSet<i64>,
    pub(crate) matches: u64,
    /// Bodies of everything else, with how often each was read.
    pub(crate) others: BTreeMap<Vec<u8>, u64>,
    pub(crate) text_messages: u64,
    pub(crate) binary_messages: u64,
}

impl Tally {
    pub(crate) fn count(&mut self, message: Message) {
        match &message {
            Message::Text(_) => self.text_messages += 1,
            Message::Binary(_) => self.binary_messages += 1,
            _ => return,
        }
        let body = message.into_data();
        if let Some(id) = match_id(&body) {
            self.ids.insert(id);
            self.matches += 1;
        } else {
            *self.others.entry(body.to_vec()).or_default() += 1;
        }
    }

    pub(crate) fn others_total(&self) -> u64 {
        self.others.values().sum()
    }

    /// Reads until the connection ends; how it ended, `None` for the end of the stream.
    pub(crate) async fn read_to_end(
        &mut self,
        client: &mut Client,
    ) -> Option<Result<Message, Error>> {
        loop {
            match client.next().await {
                Some(Ok(Message::Close(frame))) => return Some(Ok(Message::Close(frame))),
                Some(Ok(message)) => self.count(message),
                end => return end,
            }
        }
    }

    /// Reads from a connection that stays open until something else has happened.
    pub(crate) async fn read_until(
        &mut self,
        client: &mut Client,
        happened: impl Future<Output = ()>,
    ) {
        tokio::select! {
            end = self.read_to_end(client) => panic!("the connection is to stay open: {end:?}"),
            () = within(happened) => {}
        }
    }
}

pub(crate) async fn connect(simulator: &RunningSimulator) -> Client {
    within(Box::pin(connect_async(simulator.websocket_url())))
        .await
        .expect("the feed accepts")
        .0
}

/// Reads, over as many connections as it takes, until all is sent and proved.
pub(crate) async fn read_all(simulator: &RunningSimulator) -> (Tally, Truth) {
    let mut tally = Tally::default();
    let reading = async {
        loop {
            if let Ok((mut client, _)) = Box::pin(connect_async(simulator.websocket_url())).await {
                // A feed silent for so long is left, as any client would.
                let silence = Duration::from_millis(300);
                while let Ok(Some(Ok(message))) = tokio::time::timeout(silence, client.next()).await
                {
                    tally.count(message);
                }
            }
        }
    };
    within(async {
        tokio::select! {
            () = reading => {}
            () = simulator.finished() => {}
        }
    })
    .await;
    (tally, simulator.truth())
}

/// Fails a test that would hang.
pub(crate) async fn within<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(DEADLINE, future)
        .await
        .expect("it happens before the deadline")
}

/// The id of a body that is a match by the strict rules: written once, without escapes.
fn match_id(body: &[u8]) -> Option<i64> {
    #[derive(serde::Deserialize)]
    struct Row {
        match_id: i64,
    }
    // serde refuses a field given twice, also when it is escaped, and anything but an integer.
    std::str::from_utf8(body).ok()?;
    serde_json::from_slice::<Row>(body)
        .ok()
        .map(|row| row.match_id)
        .filter(|id| *id > 0)
}
