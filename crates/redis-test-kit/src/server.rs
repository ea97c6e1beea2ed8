//! One server, on a port and in a folder of its own.

use std::{
    env,
    fmt::Write as _,
    fs, process,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use anyhow::{Context as _, Result};
use redis::{Client, FromRedisValue, aio::MultiplexedConnection};
use test_kit::{
    engine_process::EngineProcess,
    ports::free_ports,
    supervisor::{Order, Supervisor},
    waiting::wait_until,
};
use tokio::{sync::OnceCell, task::spawn_blocking, time::timeout};

use super::distribution;

/// A few milliseconds on an idle machine; tests share theirs with compilers.
const START_DEADLINE: Duration = Duration::from_mins(1);
const ANSWER_DEADLINE: Duration = Duration::from_secs(30);
/// What [`Redis::ask`] says of one that takes connections and answers nothing.
const SILENT: &str = "Redis does not answer";

/// It keeps nothing on disk, so one that is started again is empty.
const CONFIGURATION: &str = "bind 127.0.0.1\nprotected-mode no\nsave \"\"\nappendonly no\n";
/// Of a key whose end is before now, Redis sees to it at once.
const LET_TIME_PASS: &str = r"
for _, key in ipairs(redis.call('KEYS', ARGV[1])) do
    local left = redis.call('PTTL', key)
    if left >= 0 then redis.call('PEXPIRE', key, left - ARGV[2]) end
end";
const SCRIPT: &str = r#"
program=$2 mode=$3
launch() { cd "$folder" && exec "$program" "$folder/redis.conf" $mode; }
"#;

/// A Redis on a free port of the loopback interface.
///
/// Dropping it kills it; so does the end of the process, of whatever kind.
pub struct Redis {
    url: String,
    process: EngineProcess,
}

/// The Redis that all tests of this process share, each under a prefix of its own.
///
/// # Errors
/// When none can be started, with what to do about it.
pub async fn shared_redis() -> Result<&'static Redis> {
    /// Never dropped: when the process ends, however it does, the server's
    /// supervisor notices and stops it.
    static SHARED: OnceCell<Redis> = OnceCell::const_new();
    SHARED
        .get_or_try_init(|| async {
            match env::var("REDIS_URL_TEST") {
                Ok(url) => Ok(Redis {
                    url,
                    process: EngineProcess::SOMEBODY_ELSES,
                }),
                Err(_) => Redis::start().await,
            }
        })
        .await
}

impl Redis {
    /// Starts one and waits until it answers.
    ///
    /// # Errors
    /// When there is no program to start it from, with what to install; and
    /// when it does not come up, with what it wrote.
    pub async fn start() -> Result<Self> {
        Self::start_with(&[]).await
    }

    /// Starts one with these lines in its configuration, such as
    /// `cluster-enabled yes`, and waits until it answers.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn start_with(lines: &[&str]) -> Result<Self> {
        Self::start_as(lines, "").await
    }

    /// Starts a sentinel that watches `master` under this name, and waits
    /// until it answers.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn start_sentinel(name: &str, master: &Self) -> Result<Self> {
        let address = master.address().replace(':', " ");
        let monitor = format!("sentinel monitor {name} {address} 1");
        Self::start_as(&[&monitor], "--sentinel").await
    }

    async fn start_as(lines: &[&str], mode: &str) -> Result<Self> {
        let program = spawn_blocking(distribution::program).await??;
        let port = free_ports(1)?[0];
        let folder = tempfile::Builder::new().prefix("redis-").tempdir()?.keep();
        let mut configuration = CONFIGURATION.to_owned();
        for line in lines {
            writeln!(configuration, "{line}")?;
        }
        writeln!(configuration, "port {port}")?;
        fs::write(folder.join("redis.conf"), configuration)?;
        let arguments = [program.as_os_str(), mode.as_ref()];
        let redis = Self {
            url: format!("redis://127.0.0.1:{port}/0"),
            process: EngineProcess::ours(Supervisor::new(folder, SCRIPT, &arguments)?),
        };
        redis.restart().await?;
        Ok(redis)
    }

    /// Where to reach it: `redis://host:port/0`, or what `REDIS_URL_TEST` says.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where to reach it: `host:port`.
    #[must_use]
    pub fn address(&self) -> &str {
        let rest = self.url.split_once("//").map_or("", |(_, rest)| rest);
        let authority = rest.split('/').next().unwrap_or_default();
        authority.rsplit('@').next().unwrap_or_default()
    }

    /// A beginning for keys that no other test uses, and under which there are
    /// none yet, also on a server that outlives this process.
    ///
    /// # Errors
    /// When Redis refuses.
    pub async fn fresh_prefix(&self, name: &str) -> Result<String> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let prefix = format!("{name}_{}_{count}:", process::id());
        for key in self.keys(&prefix).await? {
            self.ask::<i64>(&["DEL", &key]).await?;
        }
        Ok(prefix)
    }

    /// The keys that begin so, in the order of letters.
    ///
    /// # Errors
    /// When Redis refuses.
    pub async fn keys(&self, prefix: &str) -> Result<Vec<String>> {
        let mut keys: Vec<String> = self.ask(&["KEYS", &format!("{prefix}*")]).await?;
        keys.sort();
        Ok(keys)
    }

    /// Runs one command over a connection of its own; its answer.
    ///
    /// # Errors
    /// With what Redis said, when it refuses; and when it does not answer.
    pub async fn ask<T: FromRedisValue>(&self, command: &[&str]) -> Result<T> {
        let asked = async {
            let mut connection = self.connect().await?;
            let (name, arguments) = command.split_first().context("a command has a name")?;
            let mut command = redis::cmd(name);
            command.arg(arguments);
            anyhow::Ok(command.query_async(&mut connection).await?)
        };
        let answer = timeout(ANSWER_DEADLINE, asked).await.context(SILENT)?;
        answer.with_context(|| command.join(" "))
    }

    /// Moves the end of every key so much nearer, and removes those whose end
    /// that is: time passes for keys alone, and nobody waits for it. Only those
    /// that begin with `prefix`.
    ///
    /// # Errors
    /// When Redis refuses.
    pub async fn let_time_pass(&self, prefix: &str, time: Duration) -> Result<()> {
        let passed_ms = time.as_millis().to_string();
        let pattern = format!("{prefix}*");
        self.ask::<()>(&["EVAL", LET_TIME_PASS, "0", &pattern, &passed_ms])
            .await
    }

    /// Kills it with SIGKILL; its data is gone.
    ///
    /// # Errors
    /// When it is not ours, or its supervisor has died.
    pub fn kill(&self) -> Result<()> {
        self.process.tell(Order::Kill)
    }

    /// Starts it again after it was killed, empty and at the same port, and
    /// waits until it answers.
    ///
    /// # Errors
    /// When it is not ours; and when it does not come up, with what it wrote.
    pub async fn restart(&self) -> Result<()> {
        self.process.tell(Order::Start)?;
        let answers = async || self.ping().await.is_ok();
        let answered = wait_until(START_DEADLINE, "Redis answers", answers).await;
        answered.with_context(|| self.log_tail())
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

    /// Any answer will do: one that wants a password is there as well.
    async fn ping(&self) -> Result<()> {
        let client = Client::open(self.url.as_str())?;
        match client.get_multiplexed_async_connection().await {
            Err(error) if error.is_io_error() => Err(error.into()),
            _ => Ok(()),
        }
    }

    async fn connect(&self) -> Result<MultiplexedConnection> {
        let client = Client::open(self.url.as_str())?;
        Ok(client.get_multiplexed_async_connection().await?)
    }
}
