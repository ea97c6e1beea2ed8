//! A part of the topic of summaries that is read again, beside a transaction of
//! somebody else.

use std::{sync::Arc, time::Duration};

use domain::Timestamp;
use etl_application::backfill::Span;
use etl_application::ports::{BackfillOrigin, OriginError, Place};
use etl_kafka_adapter::{KafkaSettings, SummaryRange, SummaryTopic};
use health_kit::{Clock as _, SystemClock};
use kafka_kit::embedded::OpenTransaction;
use kafka_test_kit::{shared_broker, unique_topic};
use tokio::time::timeout;

use crate::support::{PATIENCE, Writer};

/// The next offsets that come; none at the end.
async fn next_offsets(range: &mut SummaryRange) -> Result<Option<Vec<i64>>, OriginError> {
    let next = timeout(PATIENCE, range.next()).await;
    let piece = next.expect("something comes, or why not")?;
    let offset = |place: &Place| match place {
        Place::Offset { offset, .. } => *offset,
        other => panic!("{other} is no place in a topic"),
    };
    Ok(piece.map(|piece| {
        let answers = piece.answers.iter().map(|(place, _)| offset(place));
        let invalid = piece.invalid.iter().map(|(place, _)| offset(place));
        answers.chain(invalid).collect()
    }))
}

/// All that come, until there is nothing more or something is in the way.
async fn offsets(range: &mut SummaryRange) -> (Vec<i64>, Result<(), OriginError>) {
    let mut offsets = Vec::new();
    loop {
        match next_offsets(range).await {
            Ok(Some(more)) => offsets.extend(more),
            Ok(None) => return (offsets, Ok(())),
            Err(error) => return (offsets, Err(error)),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_transaction_hides_is_waited_for_and_told_and_read_when_it_has_ended() {
    let broker = shared_broker().await.expect("a broker can be started");
    let servers = broker.bootstrap_servers();
    let topic = unique_topic("summaries");
    let created = broker.create_topic(&topic, 1, &[]).await;
    created.expect("it is a new topic");
    let writer = Writer::new(servers);
    for id in 1..=2 {
        writer.write_id_to(&topic, id);
    }
    let open = OpenTransaction::begin(servers, &topic, &topic, vec![(0, "hidden".to_owned())]);
    let open = open.await.expect("brokers have transactions");
    writer.write_id_to(&topic, 3);

    let settings = KafkaSettings {
        match_summary_topic: Some(topic.clone()),
        ..KafkaSettings::at(servers)
    };
    let summaries = SummaryTopic::try_new(&settings, Arc::new(SystemClock));
    let summaries = summaries.expect("these settings are fine");
    let now_ms = SystemClock.now().as_unix_ms();
    let hour_ms = i64::try_from(Duration::from_hours(1).as_millis()).expect("it is short");
    let span = Span {
        from: Timestamp::from_unix_ms(now_ms - hour_ms),
        to: Timestamp::from_unix_ms(now_ms + hour_ms),
    };
    let mut range = summaries.open(span, "").await.expect("it can be opened");

    let (read, hidden) = offsets(&mut range).await;
    assert_eq!(read, [0, 1]);
    let Err(OriginError::Unavailable { detail }) = hidden else {
        panic!("it is at its end before what it was to read: {hidden:?}");
    };
    assert!(
        detail.contains("a transaction of another producer is open"),
        "{detail}"
    );

    // What is written now is no part of the range.
    open.commit().await.expect("it is still open");
    writer.write_id_to(&topic, 4);
    let (read, ended) = offsets(&mut range).await;
    assert_eq!((read, ended), (vec![2, 3], Ok(())));
}
