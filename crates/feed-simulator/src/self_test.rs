//! How fast the feed is: it is read by a client that does nothing but count frames and answer pings.
//!
//! Server and client share one thread, so the figure is what one core does for both.

use std::io::Cursor;

use anyhow::{Context, bail};
use bytes::{Buf, Bytes, BytesMut};
use feed_simulator::{Config, Simulator};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::Instant,
};
use tokio_tungstenite::{
    client_async,
    tungstenite::protocol::frame::{
        Frame, FrameHeader,
        coding::{Control, OpCode},
    },
};

/// Matches read when no count is given.
const MATCHES_DEFAULT: u64 = 5_000_000;

/// Reads the configured feed at full speed and prints the frames per second.
pub(crate) async fn run(config: &Config) -> anyhow::Result<()> {
    let count = config.count.unwrap_or(MATCHES_DEFAULT);
    let simulator = Simulator::start(Config {
        rate: 0.0,
        count: Some(count),
        ..config.clone()
    })
    .await?;
    // Frames right behind the answer to the upgrade would be lost with the library's buffer.
    simulator.pause();
    let stream = TcpStream::connect(simulator.websocket_address()).await?;
    let (websocket, _response) = client_async(simulator.websocket_url(), stream).await?;
    let reading = answer_pings(websocket.into_inner());
    let started = Instant::now();
    simulator.resume();
    let frames = tokio::select! {
        read = reading => { read?; bail!("the feed ended early") }
        () = simulator.finished() => simulator.truth().proved.total(),
    };
    let seconds = started.elapsed().as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a figure to read")]
    let frames_per_second = frames as f64 / seconds;
    println!(
        "{frames} frames in {seconds:.2} s: {frames_per_second:.0} frames/s, server and client on one thread"
    );
    simulator.stop().await;
    Ok(())
}

/// Reads until the stream ends.
async fn answer_pings(mut stream: TcpStream) -> anyhow::Result<()> {
    let mut buffer = BytesMut::with_capacity(256 * 1024);
    while stream.read_buf(&mut buffer).await? > 0 {
        while let Some((header, payload)) = take_frame(&mut buffer)? {
            if header.opcode == OpCode::Control(Control::Ping) {
                let mut pong = Vec::new();
                // A client has to mask; a mask of zeros leaves the payload as it is.
                let header = FrameHeader {
                    mask: Some([0; 4]),
                    ..Frame::pong(Vec::new()).header().clone()
                };
                Frame::from_payload(header, payload).format(&mut pong)?;
                stream.write_all(&pong).await?;
            }
        }
        buffer.reserve(64 * 1024);
    }
    Ok(())
}

fn take_frame(buffer: &mut BytesMut) -> anyhow::Result<Option<(FrameHeader, Bytes)>> {
    let Some((header, length)) = FrameHeader::parse(&mut Cursor::new(&*buffer))? else {
        return Ok(None);
    };
    let header_bytes = header.len(length);
    let length = usize::try_from(length).context("the frame is too long")?;
    if buffer.len() < header_bytes + length {
        return Ok(None);
    }
    buffer.advance(header_bytes);
    Ok(Some((header, buffer.split_to(length).freeze())))
}
