//! A proxy that loses acknowledgements on their way from a broker.
//!
//! It reads Kafka's frames as far as it must to know them: a request by its
//! kind and number, an answer by that number. So what it drops is known to have
//! been done by the broker, and known to be unknown to the client.

use std::{
    collections::HashMap,
    io,
    net::Ipv4Addr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use anyhow::Result;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream, tcp},
    task::JoinSet,
    time::timeout,
};
use tokio_util::task::AbortOnDropHandle;

const PRODUCE: i16 = 0;
const END_TXN: i16 = 26;
/// From this version on requests and answers end with tagged fields.
const END_TXN_TAGGED: i16 = 3;
/// Requests go on for at most so long after a theft, their answers dropped.
const UNNOTICED_MS_MAX: u64 = 50;
/// A frame is at most as long as the service lets one be.
const FRAME_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Kind, version and number of a request.
const HEAD_BYTES: usize = 8;

/// Of a thousand acknowledgements, how many are to be stolen; nothing by default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Appetite {
    /// Of requests with records.
    pub produced_per_mille: u32,
    /// Of the ends of transactions.
    pub committed_per_mille: u32,
}

/// How many acknowledgements were stolen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stolen {
    /// Of requests with records.
    pub produced: u32,
    /// Of transactions that were committed.
    pub committed: u32,
}

/// The proxy; to drop it is to cut all its connections.
pub(super) struct AcknowledgementThief {
    port: u16,
    shared: Arc<Shared>,
    _accepting: AbortOnDropHandle<()>,
}

#[derive(Default)]
struct Shared {
    appetite: Mutex<Appetite>,
    produced: AtomicU32,
    committed: AtomicU32,
}

/// A request that is not answered yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    Produce,
    /// The end of a transaction, and whether it is to be committed.
    End {
        version: i16,
        commit: bool,
    },
    Other,
}

type Open = Mutex<HashMap<[u8; 4], Asked>>;

impl AcknowledgementThief {
    /// Listens on `port`, before a broker that listens on another.
    pub(super) async fn start(port: u16, broker_port: u16, seed: u64) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let shared = Arc::new(Shared::default());
        let accepting = accept(listener, broker_port, seed, Arc::clone(&shared));
        Ok(Self {
            port,
            shared,
            _accepting: AbortOnDropHandle::new(tokio::spawn(accepting)),
        })
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn steal(&self, appetite: Appetite) {
        *lock(&self.shared.appetite) = appetite;
    }

    pub(super) fn stolen(&self) -> Stolen {
        Stolen {
            produced: self.shared.produced.load(Ordering::Relaxed),
            committed: self.shared.committed.load(Ordering::Relaxed),
        }
    }
}

async fn accept(listener: TcpListener, broker_port: u16, seed: u64, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    let mut count = 0;
    while let Ok((client, _)) = listener.accept().await {
        count += 1;
        let random = StdRng::seed_from_u64(seed.wrapping_add(count));
        let shared = Arc::clone(&shared);
        connections.spawn(async move {
            // However it ends, the client finds its connection cut.
            let _ = pass(client, broker_port, &shared, random).await;
        });
        while connections.try_join_next().is_some() {}
    }
}

/// Passes frames in both directions until an end is closed, or is cut.
async fn pass(
    mut client: TcpStream,
    broker_port: u16,
    shared: &Shared,
    random: StdRng,
) -> io::Result<()> {
    let mut broker = TcpStream::connect((Ipv4Addr::LOCALHOST, broker_port)).await?;
    client.set_nodelay(true)?;
    broker.set_nodelay(true)?;
    let (from_client, to_client) = client.split();
    let (from_broker, to_broker) = broker.split();
    let open = Open::default();
    tokio::select! {
        ended = pass_requests(from_client, to_broker, &open) => ended,
        ended = pass_answers(from_broker, to_client, &open, shared, random) => ended,
    }
}

async fn pass_requests(
    mut from: tcp::ReadHalf<'_>,
    mut to: tcp::WriteHalf<'_>,
    open: &Open,
) -> io::Result<()> {
    loop {
        let frame = read_frame(&mut from).await?;
        if let Some((number, asked)) = understand(&frame) {
            lock(open).insert(number, asked);
        }
        write_frame(&mut to, &frame).await?;
    }
}

async fn pass_answers(
    mut from: tcp::ReadHalf<'_>,
    mut to: tcp::WriteHalf<'_>,
    open: &Open,
    shared: &Shared,
    mut random: StdRng,
) -> io::Result<()> {
    loop {
        let frame = read_frame(&mut from).await?;
        let asked = take(open, &frame);
        if random.random_range(0..1000) >= shared.per_mille(asked) {
            write_frame(&mut to, &frame).await?;
            continue;
        }
        shared.count(asked, &frame);
        let unnoticed = Duration::from_millis(random.random_range(0..=UNNOTICED_MS_MAX));
        // In either case the connection is cut.
        let _ = timeout(unnoticed, async {
            while let Ok(frame) = read_frame(&mut from).await {
                shared.count(take(open, &frame), &frame);
            }
        })
        .await;
        return Ok(());
    }
}

impl Shared {
    fn per_mille(&self, asked: Asked) -> u32 {
        let appetite = *lock(&self.appetite);
        match asked {
            Asked::Produce => appetite.produced_per_mille,
            Asked::End { .. } => appetite.committed_per_mille,
            Asked::Other => 0,
        }
    }

    /// Counts a dropped answer, if it would have acknowledged something.
    fn count(&self, asked: Asked, answer: &[u8]) {
        match asked {
            Asked::Produce => {
                self.produced.fetch_add(1, Ordering::Relaxed);
            }
            Asked::End { version, commit } => {
                // Number, tagged fields of which there are none, throttle time.
                let error_at = 4 + usize::from(version >= END_TXN_TAGGED) + 4;
                let is_done = answer.get(error_at..error_at + 2) == Some(&[0, 0]);
                self.committed
                    .fetch_add(u32::from(commit && is_done), Ordering::Relaxed);
            }
            Asked::Other => {}
        }
    }
}

/// The number of a request, and what it asks for.
fn understand(request: &[u8]) -> Option<([u8; 4], Asked)> {
    let ([k0, k1, v0, v1, number @ ..], body) = request.split_first_chunk::<HEAD_BYTES>()?;
    let version = i16::from_be_bytes([*v0, *v1]);
    let asked = match i16::from_be_bytes([*k0, *k1]) {
        PRODUCE => Asked::Produce,
        END_TXN => {
            // The last of its fields; a byte after it says that there are no tagged ones.
            let from_end = 1 + usize::from(version >= END_TXN_TAGGED);
            let commit = body.iter().rev().nth(from_end - 1) == Some(&1);
            Asked::End { version, commit }
        }
        _ => Asked::Other,
    };
    Some((*number, asked))
}

/// What an answer is the answer to.
fn take(open: &Open, answer: &[u8]) -> Asked {
    let number = answer.first_chunk();
    let asked = number.and_then(|number| lock(open).remove(number));
    asked.unwrap_or(Asked::Other)
}

fn lock<T>(value: &Mutex<T>) -> MutexGuard<'_, T> {
    // All changes are single steps: a panic elsewhere spoils nothing.
    value.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn read_frame(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Vec<u8>> {
    let length = usize::try_from(from.read_i32().await?).unwrap_or(usize::MAX);
    if length > FRAME_BYTES_MAX {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut frame = vec![0; length];
    from.read_exact(&mut frame).await?;
    Ok(frame)
}

async fn write_frame(to: &mut tcp::WriteHalf<'_>, frame: &[u8]) -> io::Result<()> {
    let length = i32::try_from(frame.len()).expect("a frame's length was read as one");
    let mut whole = length.to_be_bytes().to_vec();
    whole.extend(frame);
    to.write_all(&whole).await
}
