//! A process that may have few files and sockets still has them for what it is there for.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::Result;
use feed_simulator::Config;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    task::JoinSet,
};

use crate::support::{
    Service, Topics, assert_all_delivered_once, feed, wait_until, wait_until_finished,
};

const DESCRIPTORS: usize = 256;
/// Each asks once, and stays.
const CLIENTS: usize = 300;
/// Less than the server keeps an idle connection.
const ROOM_WITHIN: Duration = Duration::from_secs(15);

/// Holds a connection until the server ends it.
async fn stay(address: String, answered: Arc<AtomicUsize>) -> Result<()> {
    let mut connection = TcpStream::connect(address).await?;
    let request = b"GET /livez HTTP/1.1\r\nhost: idle\r\n\r\n";
    connection.write_all(request).await?;
    connection.read_u8().await?;
    answered.fetch_add(1, Ordering::Relaxed);
    while connection.read_u8().await.is_ok() {}
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_clients_keep_neither_feed_nor_kafka_away() -> Result<()> {
    // Bound but not listening, it keeps the port from others while connections are refused.
    let reserved = TcpSocket::new_v4()?;
    reserved.set_reuseaddr(true)?;
    reserved.bind("127.0.0.1:0".parse()?)?;
    let address = reserved.local_addr()?;
    let topics = Topics::create().await?;
    let url = format!("ws://{address}/matches");
    let service = Service::start_with_descriptors(DESCRIPTORS, &url, &topics, &[]).await?;
    let limits = fs::read_to_string(format!("/proc/{}/limits", service.id()))?;
    let limit = limits
        .lines()
        .find_map(|it| it.strip_prefix("Max open files"));
    let limit = limit.unwrap_or_default().split_whitespace().next();
    assert_eq!(limit, Some(DESCRIPTORS.to_string().as_str()), "{limits}");

    let mut clients = JoinSet::new();
    let answered = Arc::new(AtomicUsize::new(0));
    for _ in 0..CLIENTS {
        clients.spawn(stay(service.address().to_owned(), Arc::clone(&answered)));
    }
    wait_until("every client has its answer", async || {
        answered.load(Ordering::Relaxed) == CLIENTS
    })
    .await;
    let open = fs::read_dir(format!("/proc/{}/fd", service.id()))?.count();
    assert!(open < DESCRIPTORS * 3 / 4, "{open} descriptors are taken");
    let feed = feed(Config {
        websocket_address: address,
        count: Some(1_000),
        ..Config::default()
    })
    .await?;
    service.wait_for_health(ROOM_WITHIN, 200).await;
    wait_until_finished(&feed).await;
    assert_all_delivered_once(&feed, &topics).await?;
    clients.shutdown().await;
    service.stop().await
}
