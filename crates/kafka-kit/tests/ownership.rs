//! Who is the owner, on a real Kafka: it changes when the owner is gone, and only then.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, ChildStdout, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use health_kit::{Clock, SystemClock};
use kafka_kit::{
    ownership::{Ownership, OwnershipSettings, Standing},
    settings::ClientSection,
};
use kafka_test_kit::{shared_broker, unique_topic};
use service_kit::config::SettingsReader;
use test_kit::{service_process::send_signal, waiting::wait_until};
use tokio::time::{Instant, timeout};

/// How long anything may take that must happen.
const PATIENCE: Duration = Duration::from_mins(1);
/// A session of six seconds, and what the others need to hear of its end.
const REPLACED_WITHIN: Duration = Duration::from_secs(9);
/// Names the broker and the topic for a process that is a member.
const MEMBER_OF: &str = "KAFKA_KIT_TESTS_OWNER_OF";

fn settings(servers: &str, topic: &str) -> OwnershipSettings {
    let mut reader = SettingsReader::default();
    let mut client = ClientSection::DEFAULT.read(&mut reader, "kafka-kit-tests");
    servers.clone_into(&mut client.bootstrap_servers);
    OwnershipSettings {
        client,
        group_id: format!("owners-of-{topic}"),
        topic: topic.to_owned(),
    }
}

fn join(settings: &OwnershipSettings) -> Ownership {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    Ownership::start(settings, &clock).expect("these settings are fine")
}

async fn wait(what: &str, mut condition: impl FnMut() -> bool) {
    let waited = wait_until(PATIENCE, what, async || condition()).await;
    waited.unwrap_or_else(|error| panic!("{error}"));
}

async fn topic(partitions: usize) -> OwnershipSettings {
    let broker = shared_broker().await.expect("a broker can be started");
    let topic = unique_topic("owned");
    let created = broker.create_topic(&topic, partitions, &[]).await;
    created.expect("it is new");
    settings(broker.bootstrap_servers(), &topic)
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_came_first_is_the_owner_until_it_leaves() {
    // More partitions than members: each has some, and one has the first.
    let settings = topic(4).await;
    let first = join(&settings);
    timeout(PATIENCE, first.owned()).await.expect("it is alone");
    let mut others = Vec::new();
    for _ in 0..2 {
        let other = join(&settings);
        let told = timeout(PATIENCE, other.given_away()).await;
        told.expect("there is an owner already");
        assert_eq!(first.standing(), Standing::Owner);
        others.push(other);
    }
    let told = tokio::task::block_in_place(|| others[0].owner());
    let told = told.expect("the brokers know");
    assert!(told.starts_with("kafka-kit-tests@"), "{told}");
    assert!(told.ends_with(')'), "and where it is: {told}");

    let begun = Instant::now();
    first.close().await;
    timeout(PATIENCE, others[0].owned())
        .await
        .expect("it is the next");
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "a session is not waited for"
    );
    assert_eq!(others[1].standing(), Standing::Other);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_that_is_killed_or_suspended_is_replaced_and_comes_back_behind_the_others() {
    if let Ok(given) = std::env::var(MEMBER_OF) {
        return be_member(&given).await;
    }
    let settings = topic(1).await;
    let killed = Member::start(&settings);
    assert_eq!(killed.next_line(), "Owner");
    let suspended = Member::start(&settings);
    assert_eq!(suspended.next_line(), "Other");
    let last = join(&settings);
    timeout(PATIENCE, last.given_away())
        .await
        .expect("it is told");

    let begun = Instant::now();
    drop(killed);
    assert_eq!(suspended.next_line(), "Owner");
    assert!(begun.elapsed() < REPLACED_WITHIN, "{:?}", begun.elapsed());
    assert_eq!(last.standing(), Standing::Other, "it came later");

    let begun = Instant::now();
    suspended.signal("STOP");
    timeout(PATIENCE, last.owned())
        .await
        .expect("it is the next");
    assert!(begun.elapsed() < REPLACED_WITHIN, "{:?}", begun.elapsed());
    suspended.signal("CONT");
    assert_eq!(suspended.next_line(), "Other", "it is told when it wakes");
    assert_eq!(last.standing(), Standing::Owner, "and takes nothing back");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_is_made_later_is_waited_for() {
    let broker = shared_broker().await.expect("a broker can be started");
    let settings = settings(broker.bootstrap_servers(), &unique_topic("later"));
    let member = join(&settings);
    // Without a topic there is nothing to own, whether that is told or not.
    assert_ne!(member.standing(), Standing::Owner);
    let created = broker.create_topic(&settings.topic, 1, &[]).await;
    created.expect("it is new");
    wait("it owns the new topic", || {
        member.standing() == Standing::Owner
    })
    .await;
}

/// Says each standing in a line, until it is killed.
async fn be_member(given: &str) {
    let (servers, topic) = given.split_once(' ').expect("both are given");
    let member = join(&settings(servers, topic));
    let mut said = Standing::Unknown;
    loop {
        wait("something is told", || member.standing() != said).await;
        said = member.standing();
        println!("standing {said:?}");
    }
}

/// A process that is a member.
struct Member {
    process: Child,
    lines: std::sync::Mutex<std::io::Lines<BufReader<ChildStdout>>>,
}

impl Member {
    fn start(settings: &OwnershipSettings) -> Self {
        let given = format!("{} {}", settings.client.bootstrap_servers, settings.topic);
        let mut process = Command::new(std::env::current_exe().expect("it is being run"))
            .arg(
                "an_owner_that_is_killed_or_suspended_is_replaced_and_comes_back_behind_the_others",
            )
            .arg("--nocapture")
            .env(MEMBER_OF, given)
            .stdout(Stdio::piped())
            .spawn()
            .expect("it can be run again");
        let output = process.stdout.take().expect("it is a pipe");
        Self {
            process,
            lines: BufReader::new(output).lines().into(),
        }
    }

    /// What it says next of its standing.
    fn next_line(&self) -> String {
        tokio::task::block_in_place(|| {
            let mut lines = self.lines.lock().expect("nobody panics");
            let said = lines.find_map(|line| {
                let line = line.expect("it is text");
                Some(line.split_once("standing ")?.1.to_owned())
            });
            said.expect("it goes on until it is killed")
        })
    }

    fn signal(&self, name: &str) {
        send_signal(self.process.id(), name).expect("it runs");
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
