//! Every fault as a client sees it, and the truth in spite of all of them.

use std::{collections::HashSet, io::ErrorKind, time::Duration};

use crate::support::{Tally, connect, read_all, within};
use feed_simulator::{
    Afterwards, Config, ConnectionPlan, Fault, FaultSchedule, RandomFaults, RunningSimulator,
    Simulator,
};
use futures_util::{SinkExt, StreamExt};
use tokio::time::{Instant, timeout};
use tokio_tungstenite::tungstenite::{
    Error, Message,
    error::{CapacityError, ProtocolError},
    protocol::frame::coding::CloseCode,
};

/// Frames before the fault: more than one group of frames that is proved together.
const FRAMES: u64 = 1_500;

async fn start(plan: ConnectionPlan) -> RunningSimulator {
    start_with(FaultSchedule {
        scripted: [plan].into(),
        ..FaultSchedule::default()
    })
    .await
}

async fn start_with(faults: FaultSchedule) -> RunningSimulator {
    let config = Config {
        count: Some(5_000),
        record_ids: true,
        faults,
        ..Config::default()
    };
    Simulator::start(config)
        .await
        .expect("the simulator starts")
}

/// Reads the first connection to the end that the fault gives it, and then the rest of the feed.
async fn check(
    fault: Fault,
    expected: impl FnOnce(Option<Result<Message, Error>>, &Tally),
) -> RunningSimulator {
    let simulator = start(ConnectionPlan::after_frames(FRAMES, fault.clone())).await;
    let mut client = connect(&simulator).await;
    let mut tally = Tally::default();
    let end = within(tally.read_to_end(&mut client)).await;
    expected(end, &tally);
    drop(client);
    assert_eq!(simulator.truth().connections[0].faults, [fault.to_string()]);

    let (rest, truth) = read_all(&simulator).await;
    let read: HashSet<i64> = tally.ids.union(&rest.ids).copied().collect();
    assert_eq!(read, simulator.ids_proved().into_iter().collect());
    assert_eq!(truth.ids_proved, 5_000);
    assert_eq!(truth.sent.genuine, 5_000 + truth.frames_resent);
    simulator
}

#[tokio::test]
async fn a_close_frame_has_its_code_and_reason() {
    let fault = Fault::Close {
        code: 1012,
        reason: "restarting".to_owned(),
    };
    let simulator = check(fault, |end, tally| {
        let Some(Ok(Message::Close(Some(frame)))) = end else {
            panic!("a close frame, not {end:?}")
        };
        assert_eq!(
            (frame.code, frame.reason.as_str()),
            (CloseCode::Restart, "restarting")
        );
        assert_eq!(tally.matches, FRAMES);
    })
    .await;
    assert_eq!(simulator.truth().connections_opened, 2);
}

#[tokio::test]
async fn a_reset_is_a_connection_reset() {
    check(Fault::Reset, |end, _| {
        let is_reset = matches!(&end, Some(Err(Error::Io(error))) if error.kind() == ErrorKind::ConnectionReset);
        assert!(is_reset, "a reset, not {end:?}");
    })
    .await;
}

#[tokio::test]
async fn an_end_of_stream_loses_nothing_but_the_handshake() {
    check(Fault::EndOfStream, |end, tally| {
        assert!(
            matches!(
                end,
                Some(Err(Error::Protocol(
                    ProtocolError::ResetWithoutClosingHandshake
                )))
            ),
            "an end without a handshake, not {end:?}"
        );
        assert_eq!(tally.matches, FRAMES);
    })
    .await;
}

#[tokio::test]
async fn text_that_is_not_utf8_is_refused_by_the_client() {
    check(Fault::TextNotUtf8, |end, tally| {
        assert!(
            matches!(end, Some(Err(Error::Utf8(_)))),
            "an error about UTF-8, not {end:?}"
        );
        assert_eq!(tally.matches, FRAMES);
    })
    .await;
}

#[tokio::test]
async fn an_oversized_message_is_refused_by_the_client() {
    check(
        Fault::Oversized {
            size_bytes: 65 * 1024 * 1024,
        },
        |end, tally| {
            assert!(
                matches!(
                    end,
                    Some(Err(Error::Capacity(CapacityError::MessageTooLong { .. })))
                ),
                "an error about its size, not {end:?}"
            );
            assert_eq!(tally.matches, FRAMES);
        },
    )
    .await;
}

#[tokio::test]
async fn an_oversized_message_that_is_accepted_has_the_size_asked_for() {
    let simulator = start(ConnectionPlan::after_frames(
        0,
        Fault::Oversized {
            size_bytes: 100_000,
        },
    ))
    .await;
    let mut client = connect(&simulator).await;
    let message = within(client.next()).await.expect("open").expect("sound");
    assert_eq!(message.len(), 100_000);
    let value: serde_json::Value =
        serde_json::from_slice(&message.into_data()).expect("it is JSON");
    assert!(value.is_object());
}

#[tokio::test]
async fn a_silent_feed_answers_pings_and_goes_on() {
    let silence = Duration::from_millis(300);
    let simulator = start(ConnectionPlan::after_frames(
        FRAMES,
        Fault::Silence(silence),
    ))
    .await;
    let mut client = connect(&simulator).await;
    let mut tally = Tally::default();
    while tally.matches < FRAMES {
        tally.count(within(client.next()).await.expect("open").expect("sound"));
    }
    let silent_since = Instant::now();
    client
        .send(Message::Ping("still there".into()))
        .await
        .expect("the connection is open");
    let mut was_answered = false;
    while tally.matches == FRAMES {
        let message = within(client.next()).await.expect("open").expect("sound");
        was_answered |= message.is_pong();
        tally.count(message);
    }
    assert!(was_answered, "the ping is answered during the silence");
    assert!(
        silent_since.elapsed() >= silence / 2,
        "the silence lasted {:?}",
        silent_since.elapsed()
    );
    assert_eq!(simulator.truth().connections_opened, 1);
}

#[tokio::test]
async fn a_half_open_feed_answers_nothing_and_gives_the_rest_to_the_next_connection() {
    let simulator = start(ConnectionPlan::after_frames(FRAMES, Fault::HalfOpen)).await;
    let mut client = connect(&simulator).await;
    within(simulator.until(|truth| truth.connections[0].ended_ms.is_some())).await;
    client
        .send(Message::Ping("still there".into()))
        .await
        .expect("the socket is open");
    let mut tally = Tally::default();
    let nothing_more = timeout(Duration::from_millis(500), async {
        loop {
            let message = client
                .next()
                .await
                .expect("the socket is open")
                .expect("and sound");
            assert!(!message.is_pong(), "a half-open feed answers no ping");
            tally.count(message);
        }
    });
    nothing_more
        .await
        .expect_err("the connection neither ends nor goes on");
    assert_eq!(tally.matches, FRAMES);
    let (rest, truth) = read_all(&simulator).await;
    assert_eq!(rest.ids.union(&tally.ids).count() as u64, truth.ids_proved);
}

#[tokio::test]
async fn a_slow_reader_is_late_with_its_answer() {
    let simulator = start(ConnectionPlan::after_frames(
        0,
        Fault::SlowReader {
            bytes_per_second: 100,
        },
    ))
    .await;
    simulator.pause();
    let mut client = connect(&simulator).await;
    let started = Instant::now();
    // 50 bytes of pings are half a second of reading.
    for _ in 0..5 {
        client
            .send(Message::Ping("ping".into()))
            .await
            .expect("the connection is open");
    }
    client
        .send(Message::Ping("last".into()))
        .await
        .expect("the connection is open");
    while within(client.next()).await.expect("open").expect("sound") != Message::Pong("last".into())
    {
    }
    assert!(
        started.elapsed() > Duration::from_millis(300),
        "answered after {:?}",
        started.elapsed()
    );
}

#[tokio::test]
async fn a_plan_for_every_connection_closes_each_of_them() {
    let plan = ConnectionPlan::after_frames(
        0,
        Fault::Close {
            code: 1013,
            reason: String::new(),
        },
    );
    let simulator = start_with(FaultSchedule {
        afterwards: Afterwards::Always(plan),
        ..FaultSchedule::default()
    })
    .await;
    for _ in 0..3 {
        let mut client = connect(&simulator).await;
        let end = within(Tally::default().read_to_end(&mut client)).await;
        assert!(
            matches!(end, Some(Ok(Message::Close(Some(frame)))) if frame.code == CloseCode::Again)
        );
    }
    assert_eq!(simulator.truth().sent.total(), 0);
}

#[tokio::test]
async fn an_open_connection_is_cut_at_once_even_while_its_client_does_not_read() {
    let simulator = start_with(FaultSchedule::default()).await;
    let client = connect(&simulator).await;
    within(simulator.until(|truth| truth.connections[0].upgraded)).await;
    simulator.cut(Fault::Reset);
    within(simulator.until(|truth| truth.connections[0].ended_ms.is_some())).await;
    assert_eq!(simulator.truth().connections[0].faults, ["reset"]);
    drop(client);
    let (_, truth) = read_all(&simulator).await;
    assert_eq!(truth.connections_opened, 2, "a later connection is not cut");
}

#[tokio::test]
async fn without_resending_the_unproved_is_abandoned() {
    let faults = FaultSchedule {
        scripted: [ConnectionPlan::after_frames(FRAMES, Fault::HalfOpen)].into(),
        ..FaultSchedule::default()
    };
    let config = Config {
        count: Some(5_000),
        resend_unproved: false,
        faults,
        ..Config::default()
    };
    let simulator = Simulator::start(config)
        .await
        .expect("the simulator starts");
    let client = connect(&simulator).await;
    within(simulator.until(|truth| truth.connections[0].ended_ms.is_some())).await;
    drop(client);
    let (tally, truth) = read_all(&simulator).await;
    assert_eq!(truth.frames_resent, 0);
    assert_eq!(truth.proved.genuine + truth.abandoned.genuine, 5_000);
    assert_eq!(
        tally.ids.len() as u64,
        truth.proved.genuine,
        "an abandoned frame is not sent again"
    );
}

#[tokio::test]
async fn a_soak_of_random_faults_ends_with_everything_proved() {
    for seed in 1..=3 {
        let random = RandomFaults {
            faults: [
                "close:1011",
                "reset",
                "end-of-stream",
                "silence:20ms",
                "half-open",
                "text-not-utf8",
            ]
            .iter()
            .map(|fault| fault.parse().expect("a fault"))
            .collect(),
            frames_between_mean: 2_000,
            upgrade_faults: ["accept-then-close", "refuse:503", "slow:5ms"]
                .iter()
                .map(|fault| fault.parse().expect("a fault"))
                .collect(),
            upgrade_fraction: 0.3,
        };
        let config = Config {
            seed,
            count: Some(20_000),
            duplicate_fraction: 0.05,
            invalid_fraction: 0.05,
            fragmented_fraction: 0.1,
            record_ids: true,
            faults: FaultSchedule {
                afterwards: Afterwards::Random(random),
                ..FaultSchedule::default()
            },
            ..Config::default()
        };
        let simulator = Simulator::start(config)
            .await
            .expect("the simulator starts");
        let (tally, truth) = read_all(&simulator).await;
        assert!(truth.connections_opened > 3, "there were faults");
        assert_eq!(truth.ids_proved, 20_000);
        assert_eq!(
            tally.ids,
            simulator.ids_proved().into_iter().collect(),
            "seed {seed}"
        );
        assert_eq!(simulator.ids_sent().len(), 20_000);
        assert!(
            (truth.proved.invalid_total()..=truth.sent.invalid_total())
                .contains(&tally.others_total())
        );
        assert_eq!(
            truth.sent.total(),
            truth.proved.total() + truth.frames_resent
        );
    }
}
