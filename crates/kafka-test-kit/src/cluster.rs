//! One broker or three, as one cluster.

use std::{
    fs,
    path::Path,
    process,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use anyhow::{Context as _, Result};
use kafka_kit::embedded;
use test_kit::{
    ports::free_ports,
    supervisor::{Order, Supervisor},
};
use tokio::time::{Instant, sleep};

use super::{
    broker,
    distribution::Distribution,
    places::{Places, all_places, places},
};

/// Any 16 bytes in base64 do; every cluster has folders of its own.
pub(super) const CLUSTER_ID: &str = "MkU3OEVBNTcwNTJENDM2Qg";

/// Brokers that answer make topics within this time.
const READY_WITHIN: Duration = Duration::from_mins(1);
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(50);

/// What a broker has beside its plain listener.
#[derive(Default)]
pub(super) struct Further {
    /// Listeners beside the plain one.
    pub(super) listeners: Vec<FurtherListener>,
    /// Lines of the configuration.
    pub(super) properties: String,
    /// Words for the command that formats its folder.
    pub(super) format_options: String,
}

/// Where a broker listens as well, on the loopback interface.
pub(super) struct FurtherListener {
    pub(super) name: String,
    pub(super) port: u16,
    /// Where clients are told to go, `host:port`: to its port, to what stands
    /// before it, or astray.
    pub(super) advertised: String,
    pub(super) protocol: &'static str,
}

/// A Kafka cluster on free ports of the loopback interface.
///
/// Its brokers create topics by themselves if a client asks them to, as
/// brokers do unless told otherwise. Dropping it stops everything and removes
/// its data.
pub struct KafkaCluster {
    // Fields are dropped in this order: the room is free when the brokers are gone.
    brokers: Vec<Supervisor>,
    _places: Option<Places>,
    bootstrap_servers: String,
}

impl KafkaCluster {
    /// Waits for room, starts a cluster of `brokers` brokers, and waits until
    /// it answers. A test that has one may not wait for another.
    ///
    /// # Errors
    /// When nothing is there to start a broker from, with what to install; and
    /// when the brokers do not come up, with what they logged.
    pub async fn start(brokers: usize) -> Result<Self> {
        Self::start_with(brokers, |_| Ok(Further::default())).await
    }

    /// Starts one broker for tests that kill it: it is back in half the time, and
    /// gives up members of groups that have been silent for a second.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub async fn start_one_to_kill() -> Result<Self> {
        // Until its session is over a broker that was killed is not let in again.
        let properties = "broker.session.timeout.ms=2000\n\
                          broker.heartbeat.interval.ms=500\n\
                          group.min.session.timeout.ms=1000\n";
        let further = |_: &Path| {
            Ok(Further {
                properties: properties.to_owned(),
                ..Further::default()
            })
        };
        Self::start_with(1, further).await
    }

    /// The same when no other broker runs but the shared one, and none is
    /// started as long as it lasts: for what is measured.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub async fn start_alone(brokers: usize) -> Result<Self> {
        let places = all_places().await;
        Self::start_in(Some(places), brokers, |_| Ok(Further::default())).await
    }

    /// One that runs beside all others.
    pub(super) async fn start_shared() -> Result<Self> {
        Self::start_in(None, 1, |_| Ok(Further::default())).await
    }

    /// Starts a cluster whose brokers have something more, each in its folder.
    pub(super) async fn start_with(
        brokers: usize,
        further: impl Fn(&Path) -> Result<Further>,
    ) -> Result<Self> {
        Self::start_in(Some(places(brokers).await), brokers, further).await
    }

    async fn start_in(
        places: Option<Places>,
        brokers: usize,
        further: impl Fn(&Path) -> Result<Further>,
    ) -> Result<Self> {
        let distribution = Distribution::find().await?;
        let ports = free_ports(2 * brokers)?;
        let (client_ports, controller_ports) = ports.split_at(brokers);
        let supervisors: Result<Vec<_>> = (0..brokers)
            .map(|index| {
                let folder = tempfile::Builder::new().prefix("kafka-").tempdir()?.keep();
                let further = further(&folder)?;
                let config = configuration(index, client_ports, controller_ports, &further)
                    + &format!("log.dirs={}\n", folder.join("data").display());
                fs::write(folder.join("server.properties"), config)?;
                broker::supervisor(folder, distribution, CLUSTER_ID, &further.format_options)
            })
            .collect();
        let servers = client_ports.iter().map(|port| format!("127.0.0.1:{port}"));
        let cluster = Self {
            brokers: supervisors?,
            _places: places,
            bootstrap_servers: servers.collect::<Vec<_>>().join(","),
        };
        for broker in &cluster.brokers {
            broker.tell(Order::Start)?;
        }
        cluster.wait_for_brokers(brokers).await?;
        Ok(cluster)
    }

    /// A cluster that is already there and not ours to disturb.
    pub(super) fn external(bootstrap_servers: String) -> Self {
        Self {
            brokers: Vec::new(),
            _places: None,
            bootstrap_servers,
        }
    }

    /// Where to reach it: `host:port,host:port`.
    #[must_use]
    pub fn bootstrap_servers(&self) -> &str {
        &self.bootstrap_servers
    }

    /// Makes a topic on all brokers; `configs` are the topic's own.
    ///
    /// # Errors
    /// When Kafka refuses.
    pub async fn create_topic(
        &self,
        name: &str,
        partitions: usize,
        configs: &[(&str, &str)],
    ) -> Result<()> {
        let replicas = self.brokers.len().max(1);
        let servers = &self.bootstrap_servers;
        Ok(embedded::create_topic(servers, name, partitions, replicas, configs).await?)
    }

    /// Gives a topic more partitions, so that it has `partitions`.
    ///
    /// # Errors
    /// When Kafka refuses.
    pub async fn add_partitions(&self, name: &str, partitions: usize) -> Result<()> {
        Ok(embedded::add_partitions(&self.bootstrap_servers, name, partitions).await?)
    }

    /// Removes a topic.
    ///
    /// # Errors
    /// When Kafka refuses.
    pub async fn delete_topic(&self, name: &str) -> Result<()> {
        Ok(embedded::delete_topic(&self.bootstrap_servers, name).await?)
    }

    /// Kills a broker with SIGKILL; its data stays.
    ///
    /// # Errors
    /// When the cluster is not ours, or its supervisor has died.
    pub fn kill(&self, broker: usize) -> Result<()> {
        self.tell(broker, Order::Kill)
    }

    /// Asks a broker with SIGTERM to hand over its partitions and to end; does
    /// not wait for it. [`kill`](Self::kill) it before it is started again:
    /// without a quorum of controllers it would wait for minutes.
    ///
    /// # Errors
    /// When the cluster is not ours, or its supervisor has died.
    pub fn terminate(&self, broker: usize) -> Result<()> {
        self.tell(broker, Order::Terminate)
    }

    /// Kills a broker and starts one in its place, at the same port, that holds
    /// nothing yet; does not wait for it.
    ///
    /// # Errors
    /// When the cluster is not ours, or its supervisor has died.
    pub fn replace(&self, broker: usize) -> Result<()> {
        self.kill(broker)?;
        fs::remove_dir_all(self.supervisor(broker)?.folder().join("data"))?;
        self.restart(broker)
    }

    /// Starts a killed broker again, at the same port and with its data; does
    /// not wait for it.
    ///
    /// # Errors
    /// When the cluster is not ours, or its supervisor has died.
    pub fn restart(&self, broker: usize) -> Result<()> {
        self.tell(broker, Order::Start)
    }

    /// Freezes a broker with SIGSTOP: its sockets stay open and nobody answers.
    ///
    /// # Errors
    /// When the cluster is not ours, or its supervisor has died.
    pub fn pause(&self, broker: usize) -> Result<()> {
        self.tell(broker, Order::Pause)
    }

    /// Lets a frozen broker go on with SIGCONT.
    ///
    /// # Errors
    /// When the cluster is not ours, or its supervisor has died.
    pub fn resume(&self, broker: usize) -> Result<()> {
        self.tell(broker, Order::Resume)
    }

    /// Waits until all brokers answer, take a new topic, and each partition has a leader.
    ///
    /// A broker that was frozen answers at once, with what it knew. Then its
    /// controller notices how long nothing was heard of it, and takes its
    /// partitions from it until it has been heard of again. New topics are made
    /// by the controller, so it has noticed before it makes one.
    ///
    /// # Errors
    /// With what the brokers logged, when they take longer than a minute.
    pub async fn wait_until_it_answers(&self) -> Result<()> {
        let brokers = self.brokers.len().max(1);
        self.wait_for_brokers(brokers).await?;
        let begun = Instant::now();
        while let Err(error) = self.make_a_topic().await {
            if begun.elapsed() > READY_WITHIN {
                return Err(error.context(self.log_tails()));
            }
            sleep(ASK_AGAIN_AFTER).await;
        }
        Ok(embedded::wait_for_leaders(&self.bootstrap_servers, brokers).await?)
    }

    async fn make_a_topic(&self) -> Result<()> {
        // Another name each time: an attempt that failed may have made its topic.
        let probe = unique_topic("probe");
        self.create_topic(&probe, 1, &[]).await?;
        self.delete_topic(&probe).await
    }

    /// Waits until the cluster consists of so many brokers.
    ///
    /// # Errors
    /// With what the brokers logged, when that takes longer than a minute.
    pub async fn wait_for_brokers(&self, count: usize) -> Result<()> {
        let wait = || embedded::wait_for_brokers(&self.bootstrap_servers, count);
        // Half a minute each: three brokers that start on a busy machine may need more than one.
        let answered = match wait().await {
            Ok(()) => Ok(()),
            Err(_) => wait().await,
        };
        answered.with_context(|| self.log_tails())
    }

    fn log_tails(&self) -> String {
        let logs: Vec<_> = self.brokers.iter().map(Supervisor::log_tail).collect();
        format!("the brokers say:\n{}", logs.join("\n---\n"))
    }

    fn tell(&self, broker: usize, order: Order) -> Result<()> {
        self.supervisor(broker)?.tell(order)
    }

    pub(super) fn supervisor(&self, broker: usize) -> Result<&Supervisor> {
        let broker = self.brokers.get(broker);
        broker.context("only brokers started by the test can be disturbed")
    }
}

/// A topic name that no other test uses, also not in a cluster that outlives this process.
#[must_use]
pub fn unique_topic(prefix: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("{prefix}-{}-{count}", process::id())
}

/// Broker and controller in one, with as little memory and waiting as possible.
pub(super) fn configuration(
    index: usize,
    client_ports: &[u16],
    controller_ports: &[u16],
    further: &Further,
) -> String {
    let node = index + 1;
    let voters: Vec<_> = (1..)
        .zip(controller_ports)
        .map(|(node, port)| format!("{node}@127.0.0.1:{port}"))
        .collect();
    let (voters, replicas) = (voters.join(","), client_ports.len());
    let in_sync_replicas_min = replicas.div_ceil(2);
    let (client_port, controller_port) = (client_ports[index], controller_ports[index]);
    let mut listeners = vec![format!("PLAINTEXT://127.0.0.1:{client_port}")];
    let mut advertised = listeners.clone();
    let mut protocols = vec!["PLAINTEXT:PLAINTEXT".to_owned()];
    for listener in &further.listeners {
        let name = &listener.name;
        listeners.push(format!("{name}://127.0.0.1:{}", listener.port));
        advertised.push(format!("{name}://{}", listener.advertised));
        protocols.push(format!("{name}:{}", listener.protocol));
    }
    let [listeners, advertised, protocols] =
        [listeners, advertised, protocols].map(|entries| entries.join(","));
    let properties = &further.properties;
    format!(
        "process.roles=broker,controller\n\
         node.id={node}\n\
         controller.quorum.voters={voters}\n\
         broker.heartbeat.interval.ms=500\n\
         controller.listener.names=CONTROLLER\n\
         listeners={listeners},CONTROLLER://127.0.0.1:{controller_port}\n\
         advertised.listeners={advertised}\n\
         listener.security.protocol.map={protocols},CONTROLLER:PLAINTEXT\n\
         min.insync.replicas={in_sync_replicas_min}\n\
         offsets.topic.replication.factor={replicas}\n\
         offsets.topic.num.partitions=1\n\
         transaction.state.log.replication.factor={replicas}\n\
         transaction.state.log.min.isr={in_sync_replicas_min}\n\
         transaction.state.log.num.partitions=1\n\
         group.initial.rebalance.delay.ms=0\n\
         log.cleaner.dedupe.buffer.size=2097152\n\
         {properties}"
    )
}
