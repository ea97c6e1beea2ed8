//! What Java has learned of Kafka's classes: a broker that is given it starts
//! in a third of the time.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use kafka_kit::embedded::{self, OpenTransaction, ReadFrom, TopicReader};
use test_kit::{
    package_cache::fetched_once, ports::free_ports, service_process::send_signal, waiting::wait_for,
};
use tokio::{runtime::Handle, task};

use super::{
    cluster::{CLUSTER_ID, Further, configuration},
    distribution::KAFKA_VERSION,
};

const FILE: &str = "classes.jsa";
const DEADLINE: Duration = Duration::from_mins(1);

/// Where it is for this Java, made at the first call on a machine: a broker
/// writes it when it ends, so one is started for that, and used a little. A
/// Java that writes none starts its brokers without. It blocks.
pub(super) fn class_archive(java: &str, class_path: &str) -> Result<PathBuf> {
    let java = java.replace(|it: char| !it.is_ascii_alphanumeric(), "-");
    let name = format!("kafka-{KAFKA_VERSION}-classes-{java}");
    let folder = fetched_once(&name, |folder| {
        Handle::current().block_on(make(class_path, &folder.join(FILE)))
    });
    Ok(folder?.join(FILE))
}

async fn make(class_path: &str, archive: &Path) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let ports = free_ports(2)?;
    let config = folder.path().join("server.properties");
    let data = format!("log.dirs={}\n", folder.path().join("data").display());
    let properties = configuration(0, &ports[..1], &ports[1..], &Further::default());
    fs::write(&config, properties + &data)?;

    let log = folder.path().join("log");
    let output = File::create(&log)?;
    let java = || -> Result<Command> {
        let mut java = Command::new("java");
        java.args(["-cp", class_path]).stdout(output.try_clone()?);
        java.stderr(output.try_clone()?);
        Ok(java)
    };
    let mut format = java()?;
    format.args(["kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c"]);
    ensure!(
        format.arg(&config).status()?.success(),
        "a folder can be formatted"
    );
    let mut broker = java()?;
    broker.arg(format!("-XX:ArchiveClassesAtExit={}", archive.display()));
    let mut broker = Broker(broker.arg("kafka.Kafka").arg(&config).spawn()?);
    let used = use_it(&format!("127.0.0.1:{}", ports[0])).await;
    used.with_context(|| fs::read_to_string(&log).unwrap_or_default())?;
    send_signal(broker.0.id(), "TERM")?;
    let ended = wait_for(DEADLINE, "the broker ends", async || {
        broker.0.try_wait().transpose()
    });
    ended.await??;
    Ok(())
}

/// Does what most tests do.
async fn use_it(servers: &str) -> Result<()> {
    const TOPIC: &str = "used";
    embedded::wait_for_brokers(servers, 1).await?;
    embedded::create_topic(servers, TOPIC, 1, 1, &[]).await?;
    let records = vec![(0, "a record".to_owned())];
    let transaction = OpenTransaction::begin(servers, TOPIC, "writer", records);
    transaction.await?.commit().await?;
    let servers = servers.to_owned();
    let reading = task::spawn_blocking(move || {
        TopicReader::open(&servers, TOPIC, ReadFrom::Beginning)?.read_to_end(DEADLINE)
    });
    let read = reading.await??;
    ensure!(read.len() == 1, "the record is there: {read:?}");
    Ok(())
}

/// A broker that goes whatever happens.
struct Broker(Child);

impl Drop for Broker {
    fn drop(&mut self) {
        // It has ended, if all went well.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
