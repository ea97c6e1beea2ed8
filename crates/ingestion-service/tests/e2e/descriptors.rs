//! A process that may have few files and sockets still has them for what it is there for.

use std::{fs, time::Duration};

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
/// Half of them ask once and stay, half never say anything.
const CLIENTS: usize = 300;
/// A client that says nothing is cut off after 5 s; one that asks then gets its place.
const ROOM_WITHIN: Duration = Duration::from_secs(15);

/// Holds a connection until the server ends it.
async fn stay(address: String, asks: bool) -> Result<()> {
    let mut connection = TcpStream::connect(address).await?;
    if asks {
        connection
            .write_all(b"GET /livez HTTP/1.1\r\nhost: idle\r\n\r\n")
            .await?;
    }
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
    for client in 0..CLIENTS {
        clients.spawn(stay(service.address().to_owned(), client % 2 == 0));
    }
    let open = || fs::read_dir(format!("/proc/{}/fd", service.id())).map(Iterator::count);
    wait_until("there is no room for more clients", async || {
        open().is_ok_and(|open| open > DESCRIPTORS / 2)
    })
    .await;
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
