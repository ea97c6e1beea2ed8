//! One engine, on a port and in a folder of its own.

use std::{
    env, fs,
    path::Path,
    process,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use reqwest::Client;
use test_kit::{
    engine_process::EngineProcess,
    ports::free_ports,
    supervisor::{Order, Supervisor},
    waiting::wait_until,
};
use tokio::{sync::OnceCell, task::spawn_blocking};

use super::distribution::Distribution;

/// Most of a second on an idle machine; tests share theirs with compilers.
const START_DEADLINE: Duration = Duration::from_mins(1);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const STATEMENT_TIMEOUT: Duration = Duration::from_mins(1);

/// Without its watchdog, so that the process that is killed is the server itself.
const SERVER_SCRIPT: &str = r#"
program=$2
launch() {
    export CLICKHOUSE_WATCHDOG_ENABLE=0
    exec "$program" server --config-file="$folder/config.xml"
}
"#;
const FRONT_SCRIPT: &str = r#"
program=$2 library=$3 port=$4
launch() { exec "$program" --library "$library" --path "$folder/data" --port "$port"; }
"#;

/// A ClickHouse on a free port of the loopback interface.
///
/// Dropping it kills it and removes its data; so does the end of the process,
/// of whatever kind.
pub struct ClickHouse {
    url: String,
    client: Client,
    process: EngineProcess,
}

/// The ClickHouse that all tests of this process share, each with a database of its own.
///
/// # Errors
/// When none can be started, with what to do about it.
pub async fn shared_clickhouse() -> Result<&'static ClickHouse> {
    /// Never dropped: when the process ends, however it does, the engine's
    /// supervisor notices and stops it.
    static SHARED: OnceCell<ClickHouse> = OnceCell::const_new();
    SHARED
        .get_or_try_init(|| async {
            match env::var("WAREHOUSE_URL_TEST") {
                Ok(url) => ClickHouse::new(url, EngineProcess::SOMEBODY_ELSES),
                Err(_) => ClickHouse::start().await,
            }
        })
        .await
}

impl ClickHouse {
    /// Starts one and waits until it answers.
    ///
    /// # Errors
    /// When nothing is there to start it from, with what to install; and when
    /// it does not come up, with what it wrote.
    pub async fn start() -> Result<Self> {
        let distribution = spawn_blocking(Distribution::find).await??;
        let ports = free_ports(1)?;
        let port = ports[0];
        let folder = tempfile::Builder::new().prefix("clickhouse-").tempdir()?;
        let folder = folder.keep();
        let process = match &distribution {
            Distribution::Server { program } => {
                fs::write(folder.join("config.xml"), configuration(&folder, port))?;
                Supervisor::new(folder, SERVER_SCRIPT, &[program.as_os_str()])
            }
            Distribution::Library { front, library } => {
                let port = port.to_string();
                let arguments = [front.as_os_str(), library.as_os_str(), port.as_ref()];
                Supervisor::new(folder, FRONT_SCRIPT, &arguments)
            }
        };
        let process = EngineProcess::ours(process?);
        let engine = Self::new(format!("http://127.0.0.1:{port}"), process)?;
        engine.restart().await?;
        Ok(engine)
    }

    fn new(url: String, process: EngineProcess) -> Result<Self> {
        let client = Client::builder()
            .no_proxy()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(STATEMENT_TIMEOUT)
            // After a restart, a connection of before is of no use.
            .pool_max_idle_per_host(0)
            .build()?;
        Ok(Self {
            url,
            client,
            process,
        })
    }

    /// Where to reach it: `http://host:port`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Makes an empty database that no other test uses, also not on a server
    /// that outlives this process; its name.
    ///
    /// # Errors
    /// When ClickHouse refuses.
    pub async fn create_database(&self, prefix: &str) -> Result<String> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("{prefix}_{}_{count}", process::id());
        self.execute(&format!("CREATE DATABASE {name} ENGINE = Atomic"))
            .await?;
        Ok(name)
    }

    /// Runs one statement as it is; the answer as text, in columns with tabs between.
    ///
    /// # Errors
    /// With what ClickHouse said, when it refuses.
    pub async fn execute(&self, statement: &str) -> Result<String> {
        let request = self.client.post(&self.url).body(statement.to_owned());
        let answer = request.send().await?;
        let is_success = answer.status().is_success();
        let text = answer.text().await?;
        ensure!(is_success, "{statement}: {text}");
        Ok(text.trim_end().to_owned())
    }

    /// Kills it with SIGKILL; its data stays.
    ///
    /// # Errors
    /// When it is not ours, or its supervisor has died.
    pub fn kill(&self) -> Result<()> {
        self.process.tell(Order::Kill)
    }

    /// Starts it again after it was killed, at the same port and with its
    /// data, and waits until it answers.
    ///
    /// # Errors
    /// When it is not ours; and when it does not come up, with what it wrote.
    pub async fn restart(&self) -> Result<()> {
        self.process.tell(Order::Start)?;
        self.wait_until_it_answers().await
    }

    /// Freezes it with SIGSTOP: it takes connections and answers nobody.
    ///
    /// # Errors
    /// When it is not ours, or its supervisor has died.
    pub fn pause(&self) -> Result<()> {
        self.process.tell(Order::Pause)
    }

    /// Lets it go on with SIGCONT.
    ///
    /// # Errors
    /// When it is not ours, or its supervisor has died.
    pub fn resume(&self) -> Result<()> {
        self.process.tell(Order::Resume)
    }

    /// Waits until it answers.
    ///
    /// # Errors
    /// With what it wrote, when that takes longer than a minute.
    pub async fn wait_until_it_answers(&self) -> Result<()> {
        let ping = format!("{}/ping", self.url);
        let answers = async || {
            let answer = self.client.get(&ping).send().await;
            answer.is_ok_and(|answer| answer.status().is_success())
        };
        let answered = wait_until(START_DEADLINE, "ClickHouse answers", answers).await;
        answered.with_context(|| self.log_tail())
    }

    /// The process it runs in; none while it is killed, and of one that is not ours.
    #[must_use]
    pub fn process_id(&self) -> Option<u32> {
        self.process.id()
    }

    /// The last lines that it wrote; none of one that is not ours.
    #[must_use]
    pub fn log_tail(&self) -> String {
        self.process.log_tail()
    }
}

/// A server with one user, who may do everything, and with nothing but HTTP.
fn configuration(folder: &Path, port: u16) -> String {
    let data = folder.join("data").display().to_string();
    format!(
        "<clickhouse>
    <logger><level>warning</level><console>1</console></logger>
    <listen_host>127.0.0.1</listen_host>
    <http_port>{port}</http_port>
    <path>{data}/</path>
    <tmp_path>{data}/tmp/</tmp_path>
    <user_files_path>{data}/user_files/</user_files_path>
    <format_schema_path>{data}/format_schemas/</format_schema_path>
    <profiles><default/></profiles>
    <quotas><default/></quotas>
    <users><default>
        <password/>
        <networks><ip>127.0.0.1</ip></networks>
        <profile>default</profile>
        <quota>default</quota>
    </default></users>
</clickhouse>
"
    )
}
