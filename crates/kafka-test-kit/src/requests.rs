//! Requests to brokers, written by hand.
//!
//! The clients at hand have no words for some of them, and Kafka's own tools
//! are Java programs that start for seconds. All are of the oldest version that
//! Kafka 4 takes: of fixed form, without tagged fields.

use anyhow::{Context as _, Result, ensure};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// Answers to such requests are short.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;

/// Asks the first of the brokers; its answer, from after the number of the request on.
///
/// # Errors
/// When it cannot be reached, or does not understand.
pub(super) async fn ask(servers: &str, request: i16, version: i16, body: &[u8]) -> Result<Vec<u8>> {
    let mut message = Vec::new();
    message.extend(request.to_be_bytes());
    message.extend(version.to_be_bytes());
    // A number to know the answer by; there is only one.
    message.extend(0_i32.to_be_bytes());
    push_text(&mut message, "ingestion-test-support")?;
    message.extend(body);

    let server = servers.split(',').next().context("there is a server")?;
    let mut stream = TcpStream::connect(server).await?;
    stream.write_i32(i32::try_from(message.len())?).await?;
    stream.write_all(&message).await?;
    let length = stream.read_i32().await;
    let length = usize::try_from(length.context("the broker does not understand the request")?)?;
    ensure!(length <= ANSWER_BYTES_MAX, "an answer of {length} bytes");
    let mut answer = vec![0; length];
    stream.read_exact(&mut answer).await?;
    Ok(answer.split_off(size_of::<i32>().min(length)))
}

/// Adds a text with its length.
pub(super) fn push_text(message: &mut Vec<u8>, text: &str) -> Result<()> {
    message.extend(i16::try_from(text.len())?.to_be_bytes());
    message.extend(text.as_bytes());
    Ok(())
}
