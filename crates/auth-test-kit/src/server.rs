//! Serves a set of keys, or does not.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};
use tokio_util::sync::{CancellationToken, DropGuard};

/// What whoever asks for the keys gets.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Answers {
    /// The keys.
    #[default]
    Honest,
    /// This status, with the keys.
    Status(u16),
    /// A redirect to this address.
    Redirect(String),
    /// This text instead.
    Text(String),
    /// A connection that stays open, and nothing on it until that changes.
    Silence,
    /// A connection that closes, as when nobody is there.
    Nobody,
}

/// What is served.
pub(crate) struct Served {
    pub(crate) set: Mutex<String>,
    answers: watch::Sender<Answers>,
    fetches: watch::Sender<u64>,
}

impl Served {
    pub(crate) fn new() -> Self {
        Self {
            set: Mutex::default(),
            answers: watch::Sender::new(Answers::Honest),
            fetches: watch::Sender::new(0),
        }
    }

    pub(crate) fn answer(&self, answers: Answers) {
        self.answers.send_replace(answers);
    }

    pub(crate) fn fetches(&self) -> watch::Receiver<u64> {
        self.fetches.subscribe()
    }

    pub(crate) fn set(&self) -> MutexGuard<'_, String> {
        self.set.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Serves until what it gives is dropped.
pub(crate) async fn serve(served: Arc<Served>) -> io::Result<(SocketAddr, DropGuard)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let end = CancellationToken::new();
    let ended = end.clone();
    tokio::spawn(async move {
        let mut conversations = JoinSet::new();
        let accept = async {
            while let Ok((stream, _)) = listener.accept().await {
                conversations.spawn(converse(stream, Arc::clone(&served)));
            }
        };
        ended.run_until_cancelled(accept).await;
        conversations.shutdown().await;
    });
    Ok((address, end.drop_guard()))
}

/// One question, one answer: whoever asks again connects again. A client that is gone has its answer.
async fn converse(stream: TcpStream, served: Arc<Served>) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    let mut target = String::new();
    while stream.read_line(&mut line).await? > 2 {
        if target.is_empty() {
            target = line.split(' ').nth(1).unwrap_or_default().to_owned();
        }
        line.clear();
    }
    served.fetches.send_modify(|count| *count += 1);
    let mut answers = served.answers.subscribe();
    let answer = answers
        .wait_for(|answers| *answers != Answers::Silence)
        .await;
    let answer = answer.map(|answer| answer.clone()).unwrap_or_default();
    let set = served.set().clone();
    let (status, location, body) = match answer {
        _ if target != "/.well-known/jwks.json" => {
            (404, String::new(), "there is nothing here".to_owned())
        }
        Answers::Honest | Answers::Silence => (200, String::new(), set),
        Answers::Status(status) => (status, String::new(), set),
        Answers::Redirect(to) => (302, format!("Location: {to}\r\n"), String::new()),
        Answers::Text(text) => (200, String::new(), text),
        Answers::Nobody => return Ok(()),
    };
    let head = format!(
        "HTTP/1.1 {status} \r\nContent-Type: application/json\r\nContent-Length: {}\r\n{location}Cache-Control: max-age=300\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    stream.shutdown().await
}
