//! What an undisturbed client reads is what the truth says.

use std::{collections::HashSet, io::Write, time::Duration};

use crate::support::{Tally, connect, read_all, within};
use feed_simulator::{
    AtEnd, Config, Feed, InvalidReason, MessageKind, ProvedFrame, Rows, RunningSimulator,
    Simulator, Truth,
};
use futures_util::{SinkExt, StreamExt};
use tokio::io::AsyncReadExt;
use tokio_tungstenite::tungstenite::{Message, protocol::frame::coding::CloseCode};

/// Reads a whole run and compares it with the truth.
async fn check(config: Config) -> Tally {
    let simulator = Simulator::start(Config {
        record_ids: true,
        record_proofs: true,
        ..config
    })
    .await
    .expect("the simulator starts");
    let (tally, truth) = read_all(&simulator).await;
    assert!(truth.finished);
    assert_eq!(truth.sent, truth.proved, "nothing was sent twice or lost");
    assert_eq!(truth.frames_unproved, 0);
    assert_eq!(truth.ids_sent, truth.proved.genuine);
    assert_eq!(
        tally.matches,
        truth.proved.genuine + truth.proved.duplicates
    );
    assert_eq!(
        tally.others_total(),
        truth.proved.invalid_total() + truth.proved.other
    );
    assert_eq!(
        tally.ids,
        simulator.ids_proved().into_iter().collect::<HashSet<_>>()
    );
    assert_eq!(tally.ids.len() as u64, truth.ids_proved);
    assert_eq!(simulator.ids_sent(), simulator.ids_proved());
    assert_proofs(&simulator, &truth);
    simulator.stop().await;
    tally
}

/// Every frame has its proof, at a time of the run, over the only connection.
fn assert_proofs(simulator: &RunningSimulator, truth: &Truth) {
    let proofs = simulator.proofs();
    assert_eq!(
        proofs.len() as u64,
        truth.proved.total() - truth.proved.other
    );
    let genuine: Vec<_> = proofs
        .iter()
        .filter_map(|proof| match proof.frame {
            ProvedFrame::Genuine(id) => Some(id),
            ProvedFrame::Duplicate(_) | ProvedFrame::Invalid(_) => None,
        })
        .collect();
    assert_eq!(genuine, simulator.ids_proved());
    assert!(proofs.is_sorted_by_key(|proof| proof.proved_ms));
    assert!(proofs.iter().all(|proof| proof.connection == 0));
}

#[tokio::test]
async fn every_row_shape_and_message_kind_is_read_as_counted() {
    for rows in [Rows::Bare, Rows::Realistic] {
        for message_kind in [MessageKind::Text, MessageKind::Binary] {
            let count = 20_000;
            let config = Config {
                rows: rows.clone(),
                message_kind,
                count: Some(count),
                ..Config::default()
            };
            let tally = check(config).await;
            let expected = if message_kind == MessageKind::Text {
                (count, 0)
            } else {
                (0, count)
            };
            assert_eq!((tally.text_messages, tally.binary_messages), expected);
        }
    }
}

#[tokio::test]
async fn duplicates_invalid_and_fragmented_frames_are_read_as_counted() {
    let tally = check(Config {
        count: Some(10_000),
        duplicate_fraction: 0.1,
        invalid_fraction: 0.1,
        fragmented_fraction: 0.3,
        ..Config::default()
    })
    .await;
    let samples: HashSet<&[u8]> = InvalidReason::ALL
        .iter()
        .flat_map(|reason| reason.samples())
        .copied()
        .collect();
    let read: HashSet<&[u8]> = tally.others.keys().map(Vec::as_slice).collect();
    assert_eq!(read, samples, "every sample arrives unchanged");
    assert!(
        tally.binary_messages > 0,
        "bytes that are not UTF-8 come in binary messages"
    );
}

#[tokio::test]
async fn a_fragmented_message_does_not_end_with_its_first_frame() {
    let config = Config {
        fragmented_fraction: 1.0,
        ..Config::default()
    };
    let simulator = Simulator::start(config).await.expect("starts");
    // Frames right behind the answer to the upgrade would be in the library's buffer.
    simulator.pause();
    let mut socket = connect(&simulator).await.into_inner();
    simulator.resume();
    let first_byte = within(socket.read_u8()).await.expect("the feed flows");
    assert_eq!(first_byte, 0x01, "text that goes on in the next frame");
}

#[tokio::test]
async fn arrivals_at_a_rate_take_their_time() {
    let started = tokio::time::Instant::now();
    check(Config {
        count: Some(200),
        rate: 400.0,
        ..Config::default()
    })
    .await;
    // 200 exponential intervals of 2.5 ms: 500 ms, give or take 35; the seed makes it the same each time.
    assert!(
        started.elapsed() > Duration::from_millis(350),
        "{:?}",
        started.elapsed()
    );
}

#[tokio::test]
async fn a_recorded_file_is_replayed_verbatim() {
    let mut file = tempfile::NamedTempFile::new().expect("temporary files can be made");
    let rows = [
        "{ \"match_id\": 5, \"x\": 1.50 }",
        "{\"match_id\":6}",
        "{\"match_id\":5}",
        "{\"note\":\"é\"}",
    ];
    write!(file, "[{}]", rows.join(" ,\n")).expect("the file can be written");
    let config = Config {
        rows: Rows::Replay(file.path().to_owned()),
        at_end: AtEnd::Close,
        ..Config::default()
    };
    check(config.clone()).await;

    let simulator = Simulator::start(config)
        .await
        .expect("the simulator starts");
    let mut client = connect(&simulator).await;
    let mut read = Vec::new();
    while let Some(Ok(message)) = within(client.next()).await {
        match message {
            Message::Text(text) => read.push(text.to_string()),
            Message::Close(frame) => assert_eq!(frame.expect("a code").code, CloseCode::Normal),
            _ => {}
        }
    }
    assert_eq!(read, rows);
    let truth = simulator.truth();
    assert_eq!(
        (
            truth.proved.genuine,
            truth.proved.duplicates,
            truth.proved.other
        ),
        (2, 1, 1)
    );
}

#[tokio::test]
async fn a_feed_at_its_end_stays_open_and_answers_pings() {
    let simulator = Simulator::start(Config {
        count: Some(10),
        ..Config::default()
    })
    .await
    .expect("starts");
    let mut client = connect(&simulator).await;
    let mut tally = Tally::default();
    client
        .send(Message::Ping("still there".into()))
        .await
        .expect("the connection is open");
    let mut was_answered = false;
    while tally.matches < 10 || !was_answered {
        match within(client.next())
            .await
            .expect("the stream is open")
            .expect("it is sound")
        {
            Message::Pong(payload) => was_answered = payload == "still there",
            message => tally.count(message),
        }
    }
    // The next read is what sends the pong that proves the frames.
    tally.read_until(&mut client, simulator.finished()).await;
    assert_eq!(tally.matches, 10);
    client.close(None).await.expect("the connection is open");
    within(simulator.until(|truth| truth.connections[0].ended_ms.is_some())).await;
    assert_eq!(
        simulator.truth().connections[0].client_close_code,
        Some(1005)
    );
}

#[tokio::test]
async fn frames_given_by_hand_come_next_even_at_the_end() {
    let simulator = Simulator::start(Config {
        count: Some(0),
        ..Config::default()
    })
    .await
    .expect("starts");
    let mut client = connect(&simulator).await;
    assert!(simulator.send_text("{\"match_id\":77}"));
    assert!(simulator.send_binary(&b"\xff"[..]));
    let mut tally = Tally::default();
    let proved = simulator.until(|truth| truth.proved.other == 2);
    tally.read_until(&mut client, proved).await;
    assert!(tally.ids.contains(&77));
    assert_eq!(tally.others.keys().collect::<Vec<_>>(), [b"\xff"]);
}

#[tokio::test]
async fn a_paused_feed_is_held_until_it_resumes() {
    let simulator = Simulator::start(Config {
        count: Some(1_000_000),
        ..Config::default()
    })
    .await
    .expect("starts");
    simulator.pause();
    let mut client = connect(&simulator).await;
    client
        .send(Message::Ping("".into()))
        .await
        .expect("the connection is open");
    let first = within(client.next()).await.expect("open").expect("sound");
    assert!(first.is_pong(), "a pong is all there is: {first:?}");
    assert_eq!(simulator.truth().sent.total(), 0);
    simulator.resume();
    simulator.set_rate(0.0).expect("a good rate");
    assert!(
        within(client.next())
            .await
            .expect("open")
            .expect("sound")
            .is_text()
    );
}

#[tokio::test]
async fn the_newest_connection_owns_the_feed_and_gives_it_back() {
    let config = Config {
        count: Some(10),
        rate: 50.0,
        record_ids: true,
        ..Config::default()
    };
    let simulator = Simulator::start(config).await.expect("starts");
    let mut older = connect(&simulator).await;
    within(simulator.until(|truth| truth.connections[0].upgraded)).await;
    let mut newer = connect(&simulator).await;
    let mut tally = Tally::default();
    tally.count(within(newer.next()).await.expect("open").expect("sound"));
    drop(newer);
    tally.read_until(&mut older, simulator.finished()).await;
    assert_eq!(tally.ids, simulator.ids_proved().into_iter().collect());
}

#[tokio::test(start_paused = true)]
async fn any_stream_can_carry_the_feed_in_paused_time() {
    let feed = Feed::try_new(&Config {
        count: Some(1_000),
        rate: 10.0,
        ..Config::default()
    })
    .expect("a good config");
    let (ours, theirs) = tokio::io::duplex(64);
    let serving = tokio::spawn({
        let feed = feed.clone();
        async move { feed.serve_connection(theirs).await }
    });
    let (mut client, _) = tokio_tungstenite::client_async("ws://simulated/feed?a=b", ours)
        .await
        .expect("an upgrade");
    let mut tally = Tally::default();
    let reading = async {
        while let Some(Ok(message)) = client.next().await {
            tally.count(message);
        }
    };
    tokio::select! {
        () = reading => panic!("the feed stays open"),
        () = feed.finished() => {}
    }
    assert_eq!(tally.ids.len(), 1_000);
    let truth = feed.truth();
    assert!(
        (90_000..115_000).contains(&truth.elapsed_ms),
        "1000 matches at 10 a second took {} ms",
        truth.elapsed_ms
    );
    assert_eq!(truth.connections[0].path.as_deref(), Some("/feed?a=b"));
    assert_eq!(truth.connections[0].headers["upgrade"], "websocket");
    drop(client);
    serving.await.expect("the connection ends with its client");
}
