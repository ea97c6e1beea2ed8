//! A member against the broker inside the process.

use std::time::Duration;

use kafka_kit::{
    consumer::{BufferLimits, CommitError, GroupConsumer, GroupEvent, GroupSettings, Start},
    embedded::EmbeddedBroker,
    probe::TopicState,
};
use tokio::time::{Instant, timeout};

use crate::support::{self, PATIENCE, Taken, next, partition, start, wait, write};

const TOPIC: &str = "numbers";

/// Sessions are shorter than with a real broker, and a little longer than this
/// one lets a new group wait for its members.
fn settings(servers: &str, topics: &[&str]) -> GroupSettings {
    let mut settings = support::settings(servers, topics);
    "4000".clone_into(&mut settings.client.properties[0].1);
    settings
}

fn broker(partitions: usize) -> (EmbeddedBroker, String) {
    let broker = EmbeddedBroker::start(&[(TOPIC, partitions)]).expect("it needs nothing");
    let servers = broker.bootstrap_servers();
    (broker, servers)
}

#[tokio::test(flavor = "multi_thread")]
async fn it_begins_where_the_group_has_committed() {
    let (_broker, servers) = broker(4);
    write(&servers, TOPIC, 0..1000);
    let settings = settings(&servers, &[TOPIC]);
    let mut taken = Taken::default();

    let member = start(&settings);
    taken.take_until(&member, 1000).await;
    taken.commit(&member).await;
    let before = member.status();
    assert!(
        before
            .partitions
            .values()
            .all(|one| one.committed == one.taken_to),
        "{before:?}"
    );
    member.close().await;

    write(&servers, TOPIC, 1000..1500);
    let member = start(&settings);
    taken.take_until(&member, 1500).await;
    assert!(taken.is_exact(), "nothing comes again");
    member.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_group_begins_at_the_end_if_it_is_told() {
    let (_broker, servers) = broker(1);
    write(&servers, TOPIC, 0..10);
    let mut settings = settings(&servers, &[TOPIC]);
    settings.start = Start::Latest;
    let member = start(&settings);
    wait("it has joined", || member.status().has_joined).await;
    wait("its position is known", || {
        member.look_for_ends().is_ok()
            && member.status().partitions[&partition(TOPIC, 0)].taken_to == Some(10)
    })
    .await;
    assert_eq!(member.status().lag(TOPIC), Some(0));
    // Asked for later, the end could be that of what is written next.
    let mut taken = Taken::default();
    let mut number = 10;
    let first = loop {
        write(&servers, TOPIC, number..number + 1);
        number += 1;
        if timeout(Duration::from_millis(200), taken.take_next(&member))
            .await
            .is_ok()
        {
            break *taken.numbers.keys().next().expect("one was taken");
        }
    };
    assert!(first >= 10, "{first} was there before");
    member.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_ahead_is_bounded_and_nothing_is_left_out_or_comes_twice() {
    let (_broker, servers) = broker(4);
    let mut settings = settings(&servers, &[TOPIC]);
    settings.buffer = BufferLimits {
        records_max: 100,
        ..BufferLimits::default()
    };
    write(&servers, TOPIC, 0..5000);
    let member = start(&settings);
    let mut taken = Taken::default();
    for _ in 0..4 {
        wait("it is paused", || member.status().is_paused).await;
        let ahead = member.status().records_ahead;
        assert!((100..=101).contains(&ahead), "{ahead} records are kept");
        taken.take_next(&member).await;
        wait("it reads on", || !member.status().is_paused).await;
    }
    taken.take_until(&member, 5000).await;
    assert!(taken.is_exact());
    taken.commit(&member).await;
    member.look_for_ends().expect("the broker is there");
    assert_eq!(member.status().lag(TOPIC), Some(0));
    member.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_are_bounded_too() {
    let (_broker, servers) = broker(1);
    let mut settings = settings(&servers, &[TOPIC]);
    settings.buffer.bytes_max = 20_000;
    write(&servers, TOPIC, 0..2000);
    let member = start(&settings);
    wait("it is paused", || member.status().is_paused).await;
    let status = member.status();
    assert!(
        (20_000..21_000).contains(&status.bytes_ahead),
        "{}",
        status.bytes_ahead
    );
    member.look_for_ends().expect("the broker is there");
    assert_eq!(
        member.status().lag(TOPIC),
        Some(2000),
        "what is not done counts"
    );
    let mut taken = Taken::default();
    taken.take_until(&member, 2000).await;
    assert!(taken.is_exact());
    member.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_waits_for_a_topic_that_is_made_later() {
    let (broker, servers) = broker(1);
    let settings = settings(&servers, &["later"]);
    let member = start(&settings);
    assert_eq!(member.topic_state("later"), Ok(TopicState::Missing));
    broker.create_topic("later", 2).expect("there is none");
    write(&servers, "later", 0..10);
    let mut taken = Taken::default();
    taken.take_until(&member, 10).await;
    assert_eq!(member.status().partition_count("later"), 2);
    member.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_outlives_an_outage_of_the_brokers() {
    let (broker, servers) = broker(2);
    write(&servers, TOPIC, 0..100);
    let member = start(&settings(&servers, &[TOPIC]));
    let mut taken = Taken::default();
    taken.take_until(&member, 100).await;
    broker.take_down().expect("it is up");
    wait("the trouble is known", || {
        member.topic_state(TOPIC).is_err() && member.connection().get().is_some()
    })
    .await;
    let begun = Instant::now();
    let refused = member.commit(taken.positions.clone()).await;
    assert!(refused.is_err(), "nobody can have it");
    assert!(begun.elapsed() < Duration::from_secs(7));
    broker.bring_up().expect("it is down");
    write(&servers, TOPIC, 100..200);
    taken.take_until(&member, 200).await;
    wait_for_commit(&member, &taken).await;
    member.close().await;
    assert_eq!(
        member.commit(taken.positions.clone()).await,
        Err(CommitError::Left)
    );
}

async fn wait_for_commit(member: &GroupConsumer, taken: &Taken) {
    let begun = Instant::now();
    while let Err(error) = member.commit(taken.positions.clone()).await {
        assert!(begun.elapsed() < PATIENCE, "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_member_gets_its_share_when_the_first_lets_go() {
    let (_broker, servers) = broker(4);
    write(&servers, TOPIC, 0..400);
    let settings = settings(&servers, &[TOPIC]);
    let first = start(&settings);
    let mut taken = Taken::default();
    taken.take_until(&first, 400).await;
    let second = start(&settings);
    let (partitions, release) = match next(&first).await {
        GroupEvent::Revoked {
            partitions,
            release,
        } => (partitions, release),
        other => panic!("{other:?}"),
    };
    assert_eq!(partitions.len(), 2, "{partitions:?}");
    // All of it, while the partitions are still held.
    taken.commit(&first).await;
    drop(release);
    wait("both have their share", || {
        [&first, &second].map(|member| member.status().partitions.len()) == [2, 2]
    })
    .await;
    // What is not this member's is left out.
    taken.commit(&first).await;
    write(&servers, TOPIC, 400..800);
    let mut others = Taken::default();
    while taken.numbers.len() + others.numbers.len() < 800 {
        tokio::select! {
            () = taken.take_next(&first) => {}
            () = others.take_next(&second) => {}
        }
    }
    assert!(taken.is_exact() && others.is_exact());
    assert!(others.numbers.keys().all(|number| *number >= 400));
    first.close().await;
    second.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_let_go_in_time_has_lost() {
    let (_broker, servers) = broker(2);
    write(&servers, TOPIC, 0..10);
    let settings = settings(&servers, &[TOPIC]);
    let first = start(&settings);
    let mut taken = Taken::default();
    taken.take_until(&first, 10).await;
    let second = start(&settings);
    // Nobody asks the first one, for longer than the group waits.
    wait("the second has its share", || {
        second.status().partitions.len() == 1
    })
    .await;
    match next(&first).await {
        GroupEvent::Lost(partitions) => assert_eq!(partitions.len(), 1),
        other => panic!("{other:?}"),
    }
    first.close().await;
    second.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_ends_a_wait_and_does_not_wait_for_brokers_that_are_away() {
    let (broker, servers) = broker(1);
    let member = start(&settings(&servers, &[TOPIC]));
    wait("it has joined", || member.status().has_joined).await;
    broker.take_down().expect("it is up");
    let begun = Instant::now();
    let (event, ()) = tokio::join!(member.next(), member.close());
    assert!(event.is_none());
    assert!(member.next().await.is_none());
    assert!(
        begun.elapsed() < Duration::from_secs(8),
        "{:?}",
        begun.elapsed()
    );
}
