//! The least a program can do for the same records: own frame reader straight
//! into a `ThreadedProducer`, one thread, no checks.
//!
//! No deduplication, no ledger, no reconnect, no health, no limits: it is the
//! yardstick of `bench-quick`, not something to run.

use std::{
    io::{Read, Write},
    net::TcpStream,
    ops::Range,
    time::Duration,
};

use anyhow::{Context, bail, ensure};
use clap::Parser;
use contracts::MatchIdRecord;
use ingestion_benchmarks::Usage;
use rdkafka::{
    ClientConfig,
    error::{KafkaError, RDKafkaErrorCode},
    message::{Header, OwnedHeaders},
    producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer},
};
use serde::Deserialize;

/// Holds the largest frame whose length fits 16 bits, several times.
const BUFFER_SIZE: usize = 256 * 1024;
/// `{"match_id":`, the largest id and `}`.
const VALUE_SIZE_MAX: usize = PREFIX_SIZE + 19 + 1;
const PREFIX_SIZE: usize = r#"{"match_id":"#.len();
const FLUSH_TIMEOUT: Duration = Duration::from_mins(1);

#[derive(Parser)]
struct Args {
    /// host:port of the feed.
    #[arg(long)]
    feed: String,
    /// Path of the feed.
    #[arg(long, default_value = "/")]
    path: String,
    #[arg(long)]
    bootstrap_servers: String,
    #[arg(long)]
    topic: String,
    /// Ends after so many frames.
    #[arg(long)]
    count: u64,
}

#[derive(Deserialize)]
struct Row {
    match_id: i64,
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    // The same settings as the service's producer, as far as they shape the records.
    let producer: ThreadedProducer<DefaultProducerContext> = ClientConfig::new()
        .set("bootstrap.servers", &args.bootstrap_servers)
        .set("acks", "all")
        .set("enable.idempotence", "true")
        .set("linger.ms", "10")
        .set("compression.type", "lz4")
        .set("partitioner", "murmur2_random")
        .set("message.timeout.ms", "0")
        // The same bounds: a longer queue only grows colder.
        .set("queue.buffering.max.messages", "20000")
        .set("batch.size", "262144")
        .set("log.connection.close", "false")
        .create()?;
    let mut feed = Feed::connect(&args)?;
    let mut sent = 0;
    while sent < args.count {
        feed.read_more()?;
        let received_at = format!("{:.3}", now());
        while let Some(frame) = feed.next_frame()? {
            send(&producer, &args.topic, frame, &received_at)?;
            sent += 1;
        }
    }
    producer
        .flush(FLUSH_TIMEOUT)
        .context("records were left over")?;
    let usage = Usage::of_process("self")?;
    println!("{} {}", usage.cpu_seconds, usage.resident_mib_max);
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "the yardstick has no ports")]
fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

fn send(
    producer: &ThreadedProducer<DefaultProducerContext>,
    topic: &str,
    frame: &[u8],
    received_at: &str,
) -> anyhow::Result<()> {
    let row: Row = serde_json::from_slice(frame)?;
    let mut value = Vec::with_capacity(VALUE_SIZE_MAX);
    write!(value, r#"{{"match_id":{}}}"#, row.match_id)?;
    let key = &value[PREFIX_SIZE..value.len() - 1];
    let headers = OwnedHeaders::new_with_capacity(3)
        .insert(Header {
            key: "schema",
            value: Some(MatchIdRecord::SCHEMA),
        })
        .insert(Header {
            key: "source",
            value: Some("opendota_stream"),
        })
        .insert(Header {
            key: "received_at",
            value: Some(received_at),
        });
    let mut record = BaseRecord::to(topic)
        .key(key)
        .payload(&value[..])
        .headers(headers);
    loop {
        match producer.send(record) {
            Ok(()) => return Ok(()),
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                record = back;
                std::thread::sleep(Duration::from_millis(1));
            }
            Err((error, _)) => return Err(error.into()),
        }
    }
}

/// A websocket client that knows unmasked, unfragmented data frames, pings and closes.
struct Feed {
    socket: TcpStream,
    buffer: Vec<u8>,
    /// What of the buffer has been read and not been taken.
    unread: Range<usize>,
}

impl Feed {
    fn connect(args: &Args) -> anyhow::Result<Self> {
        let mut socket = TcpStream::connect(&args.feed)?;
        socket.set_nodelay(true)?;
        // Any 16 bytes will do as a key: nobody here checks the answer to it.
        write!(
            socket,
            "GET {} HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
            args.path, args.feed
        )?;
        let mut feed = Self {
            socket,
            buffer: vec![0; BUFFER_SIZE],
            unread: 0..0,
        };
        loop {
            feed.read_more()?;
            let answer = &feed.buffer[feed.unread.clone()];
            if let Some(end) = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                let upgraded = answer.starts_with(b"HTTP/1.1 101");
                ensure!(upgraded, "the feed refused the upgrade");
                feed.unread.start += end + 4;
                return Ok(feed);
            }
        }
    }

    fn read_more(&mut self) -> anyhow::Result<()> {
        self.buffer.copy_within(self.unread.clone(), 0);
        self.unread = 0..self.unread.len();
        let read = self.socket.read(&mut self.buffer[self.unread.end..])?;
        self.unread.end += read;
        ensure!(read > 0, "the feed has ended, or sent a frame above 64 KiB");
        Ok(())
    }

    /// The payload of the next whole data frame that has been read.
    fn next_frame(&mut self) -> anyhow::Result<Option<&[u8]>> {
        loop {
            let Some((opcode, payload)) = self.frame()? else {
                return Ok(None);
            };
            self.unread.start = payload.end;
            match opcode {
                1 | 2 => return Ok(Some(&self.buffer[payload])),
                9 => self.pong(payload)?,
                other => bail!("the feed sent a frame with opcode {other}"),
            }
        }
    }

    fn frame(&self) -> anyhow::Result<Option<(u8, Range<usize>)>> {
        let bytes = &self.buffer[self.unread.clone()];
        let (length, header) = match bytes {
            [_, length @ 0..=125, ..] => (usize::from(*length), 2),
            [_, 126, high, low, ..] => (usize::from(u16::from_be_bytes([*high, *low])), 4),
            [_, 126, ..] | [_] | [] => return Ok(None),
            _ => bail!("the feed sent a frame above 64 KiB"),
        };
        ensure!(bytes[0] & 0x80 != 0, "the feed sent a fragment");
        let start = self.unread.start + header;
        let end = start + length;
        Ok((end <= self.unread.end).then_some((bytes[0] & 0x0F, start..end)))
    }

    fn pong(&mut self, payload: Range<usize>) -> anyhow::Result<()> {
        let length = u8::try_from(payload.len()).context("a control frame has 125 bytes")?;
        // Masked with zeros, which leaves the payload as it is.
        let mut frame = vec![0x8A, 0x80 | length, 0, 0, 0, 0];
        frame.extend_from_slice(&self.buffer[payload]);
        self.socket.write_all(&frame)?;
        Ok(())
    }
}
