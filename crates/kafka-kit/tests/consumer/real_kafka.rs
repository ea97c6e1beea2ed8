//! Members against a real Kafka.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    time::Duration,
};

use kafka_kit::consumer::{BufferLimits, GroupEvent, GroupSettings};
use kafka_test_kit::{KafkaCluster, shared_broker, unique_topic};
use tokio::time::Instant;

use crate::support::{Taken, TransactionalWriter, next, settings, start, wait, write};

async fn broker_with_topic(partitions: usize) -> (&'static KafkaCluster, String) {
    let broker = shared_broker().await.expect("a broker can be started");
    let topic = unique_topic("numbers");
    broker
        .create_topic(&topic, partitions, &[])
        .await
        .expect("it is a new topic");
    (broker, topic)
}

/// A group of its own for each topic.
fn group_settings(broker: &KafkaCluster, topic: &str) -> GroupSettings {
    group_settings_at(broker.bootstrap_servers(), topic)
}

fn group_settings_at(servers: &str, topic: &str) -> GroupSettings {
    let mut settings = settings(servers, &[topic]);
    settings.group_id = format!("readers-of-{topic}");
    settings
}

#[tokio::test(flavor = "multi_thread")]
async fn members_share_and_hand_over_without_a_gap_or_a_repetition() {
    let (broker, topic) = broker_with_topic(6).await;
    let settings = group_settings(broker, &topic);
    let servers = broker.bootstrap_servers();
    write(servers, &topic, 0..3000);
    let first = start(&settings);
    let mut taken = Taken::default();
    taken.take_until(&first, 3000).await;

    let second = start(&settings);
    let release = loop {
        if let GroupEvent::Revoked { release, .. } = next(&first).await {
            break release;
        }
    };
    taken.commit(&first).await;
    drop(release);
    wait("both have their share", || {
        [&first, &second].map(|member| member.status().partitions.len()) == [3, 3]
    })
    .await;
    write(servers, &topic, 3000..6000);
    let mut others = Taken::default();
    while taken.numbers.len() + others.numbers.len() < 6000 {
        tokio::select! {
            () = taken.take_next(&first) => {}
            () = others.take_next(&second) => {}
        }
    }
    assert!(taken.is_exact() && others.is_exact());
    assert!(others.numbers.keys().all(|number| *number >= 3000));

    // One leaves, and the other goes on where it was.
    others.commit(&second).await;
    second.close().await;
    wait("the first has all", || first.status().partitions.len() == 6).await;
    write(servers, &topic, 6000..7000);
    taken.take_until(&first, 7000 - others.numbers.len()).await;
    assert!(taken.is_exact());
    first.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_transaction_is_no_record_to_go() {
    let (broker, topic) = broker_with_topic(1).await;
    let settings = group_settings(broker, &topic);
    let writer = TransactionalWriter::new(broker.bootstrap_servers(), &topic);
    writer.write(0..10);
    writer.write(10..15);
    let member = start(&settings);
    let mut taken = Taken::default();
    taken.take_until(&member, 15).await;
    let lag = || {
        member.look_for_ends().expect("the broker answers");
        member.status().lag(&topic)
    };
    taken.commit(&member).await;
    wait("nothing is to go", || lag() == Some(0)).await;

    // Whoever comes next has taken nothing, and has nothing to take.
    member.close().await;
    let next = start(&settings);
    let lag = || {
        next.look_for_ends().expect("the broker answers");
        next.status().lag(&topic)
    };
    wait("it has the partition, and nothing is to go", || {
        next.status().partition_count(&topic) == 1 && lag() == Some(0)
    })
    .await;
    writer.write(15..16);
    wait("a record is, with its marker", || lag() == Some(2)).await;
    taken.take_until(&next, 16).await;
    taken.commit(&next).await;
    wait("nothing is to go", || lag() == Some(0)).await;
    next.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_nobody_asks_stays_in_the_group() {
    let (broker, topic) = broker_with_topic(2).await;
    let mut settings = group_settings(broker, &topic);
    settings
        .client
        .properties
        .push(("max.poll.interval.ms".to_owned(), "6000".to_owned()));
    settings.buffer = BufferLimits {
        records_max: 50,
        ..BufferLimits::default()
    };
    write(broker.bootstrap_servers(), &topic, 0..1000);
    let member = start(&settings);
    wait("it is paused", || member.status().is_paused).await;
    let begun = Instant::now();
    wait("the interval has passed, and more", || {
        member.look_for_ends().expect("the broker answers");
        begun.elapsed() > Duration::from_secs(9)
    })
    .await;
    assert_eq!(member.status().partitions.len(), 2);
    let mut taken = Taken::default();
    taken.take_until(&member, 1000).await;
    assert!(taken.is_exact(), "it has kept its partitions");
    assert_eq!(taken.lost, []);
    taken.commit(&member).await;
    member.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_goes_on_when_the_broker_is_killed_and_comes_back() {
    let cluster = KafkaCluster::start(1).await.expect("it can be started");
    let topic = unique_topic("numbers");
    let created = cluster.create_topic(&topic, 2, &[]).await;
    created.expect("it is a new topic");
    let settings = group_settings(&cluster, &topic);
    write(cluster.bootstrap_servers(), &topic, 0..500);
    let member = start(&settings);
    let mut taken = Taken::default();
    taken.take_until(&member, 500).await;
    taken.commit(&member).await;

    cluster.kill(0).expect("it is ours");
    wait("it is missed", || member.topic_state(&topic).is_err()).await;
    cluster.restart(0).expect("it is ours");
    cluster.wait_until_it_answers().await.expect("it is back");
    write(cluster.bootstrap_servers(), &topic, 500..1000);
    taken.take_until(&member, 1000).await;
    // Where the session has ended meanwhile, it goes on at its last commit.
    assert!(taken.is_exact());
    member.close().await;
}

/// Names the broker and the topic for the process of its own that
/// [`a_killed_member_is_replaced_where_it_had_committed`] starts from this file.
const MEMBER_OF: &str = "KAFKA_KIT_TESTS_MEMBER_OF";

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_member_is_replaced_where_it_had_committed() {
    if let Ok(given) = std::env::var(MEMBER_OF) {
        return be_killed(&given).await;
    }
    let (broker, topic) = broker_with_topic(2).await;
    let servers = broker.bootstrap_servers();
    write(servers, &topic, 0..1000);
    let mut killed = Killed(
        Command::new(std::env::current_exe().expect("it is being run"))
            .arg("a_killed_member_is_replaced_where_it_had_committed")
            .arg("--nocapture")
            .env(MEMBER_OF, format!("{servers} {topic}"))
            .stdout(Stdio::piped())
            .spawn()
            .expect("it can be run again"),
    );
    let output = killed.0.stdout.take().expect("it is a pipe");
    let mut lines = BufReader::new(output).lines();
    let committed = lines.find_map(|line| {
        let line = line.expect("it is text");
        Some(line.split_once("committed ")?.1.to_owned())
    });
    let committed: usize = committed
        .and_then(|count| count.trim().parse().ok())
        .expect("it says how much");
    drop(killed);

    let settings = group_settings(broker, &topic);
    let member = start(&settings);
    let mut taken = Taken::default();
    taken.take_until(&member, 1000 - committed).await;
    assert!(taken.is_exact());
    taken.commit(&member).await;
    member.look_for_ends().expect("the broker is there");
    assert_eq!(member.status().lag(&topic), Some(0), "nothing is left over");
    member.close().await;
}

/// Takes some, commits some of that, says how much, takes on and waits for its end.
async fn be_killed(given: &str) {
    let (servers, topic) = given.split_once(' ').expect("both are given");
    let mut settings = group_settings_at(servers, topic);
    settings.buffer.records_max = 100;
    let member = start(&settings);
    let mut taken = Taken::default();
    taken.take_until(&member, 300).await;
    let committed = taken.numbers.len();
    taken.commit(&member).await;
    taken.take_until(&member, committed + 100).await;
    println!("committed {committed}");
    std::future::pending::<()>().await;
}

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
