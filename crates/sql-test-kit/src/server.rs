//! One server, on a port and in a folder of its own.

use std::{
    env,
    ffi::OsStr,
    fs,
    os::unix::{
        fs::{PermissionsExt as _, chown},
        process::CommandExt as _,
    },
    path::{Path, PathBuf},
    process,
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use test_kit::{
    engine_process::EngineProcess,
    ports::free_ports,
    supervisor::{Order, Supervisor},
    waiting::wait_until,
};
use tokio::{sync::OnceCell, task::spawn_blocking, time::timeout};

use super::distribution;

/// A second on an idle machine; tests share theirs with compilers.
const START_DEADLINE: Duration = Duration::from_mins(1);
const ANSWER_DEADLINE: Duration = Duration::from_secs(30);
/// PostgreSQL refuses to be run by the superuser, so then it is run by `nobody`, who owns nothing else.
const NOBODY: u32 = 65_534;
const SEARCHABLE: u32 = 0o001;
const INIT: [&str; 6] = [
    "--username=postgres",
    "--auth=trust",
    "--encoding=UTF8",
    "--locale=C",
    "--no-sync",
    "--no-instructions",
];
/// What is not synced survives the loss of the process, which is all that tests take away.
const SETTINGS: [&str; 7] = [
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "max_connections=200",
    "shared_buffers=16MB",
    "fsync=off",
    "full_page_writes=off",
    "max_wal_size=128MB",
];
/// A signal is for all its processes: one that is frozen answers nobody, also where it was connected before.
const SCRIPT: &str = r#"
programs=$2 port=$3
shift 3
options=
for setting; do options="$options -c $setting"; done
launch() {
    cd "$folder" && exec "$programs/postgres" -D "$folder/data" -p "$port" $options
}
send() {
    # Nobody is born while they are listed.
    if [ "$1" = KILL ]; then kill -STOP "$pid"; fi
    all=$(ps -A -o pid= -o ppid= | awk -v of="$pid" '$1 == of || $2 == of { print $1 }')
    kill -"$1" $all
    if [ "$1" = KILL ]; then await_end $all; fi
}
# Whoever is killed takes a moment to let go of the shared memory, and a server that starts before that refuses to.
await_end() {
    tries=0
    while [ $tries -lt 1000 ] && ps -o stat= -p "$(echo "$@" | tr ' ' ',')" | grep -q '^[^Z]'; do
        tries=$((tries + 1))
        sleep 0.01
    done
}
"#;

/// A PostgreSQL on a free port of the loopback interface.
///
/// Dropping it kills it and removes its data; so does the end of the process, of whatever kind.
pub struct Postgres {
    /// Without the name of a database.
    address: String,
    process: EngineProcess,
}

/// The PostgreSQL that all tests of this process share, each in a database of its own.
///
/// # Errors
/// When none can be started, with what to do about it.
pub async fn shared_postgres() -> Result<&'static Postgres> {
    /// Never dropped: when the process ends, however it does, the server's
    /// supervisor notices and stops it.
    static SHARED: OnceCell<Postgres> = OnceCell::const_new();
    SHARED
        .get_or_try_init(|| async {
            match env::var("DATABASE_URL_TEST") {
                Ok(url) => Ok(Postgres {
                    address: url
                        .rsplit_once('/')
                        .map_or(url.clone(), |(address, _)| address.to_owned()),
                    process: EngineProcess::SOMEBODY_ELSES,
                }),
                Err(_) => Postgres::start().await,
            }
        })
        .await
}

impl Postgres {
    /// Starts one and waits until it answers.
    ///
    /// # Errors
    /// When there is no program to start it from, with what to install; and
    /// when it does not come up, with what it wrote.
    pub async fn start() -> Result<Self> {
        Self::start_with(&[]).await
    }

    /// Starts one with these settings as well, such as `fsync=on`, and waits until it answers.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn start_with(settings: &[&str]) -> Result<Self> {
        let (folder, programs) = spawn_blocking(prepare).await??;
        let port = free_ports(1)?[0];
        let port_text = port.to_string();
        let settings = SETTINGS.iter().chain(settings).map(OsStr::new);
        let mut arguments = vec![programs.as_os_str(), port_text.as_ref()];
        arguments.extend(settings);
        let process = Supervisor::new_as(superusers_other(), folder, SCRIPT, &arguments)?;
        let postgres = Self {
            address: format!("postgresql://postgres@127.0.0.1:{port}"),
            process: EngineProcess::ours(process),
        };
        postgres.restart().await?;
        Ok(postgres)
    }

    /// Makes a database that no other test uses, and gives its address.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn fresh_database(&self, name: &str) -> Result<String> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("{name}_{}_{count}", process::id());
        for statement in [
            // One on a server that outlives this process.
            format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"),
            format!("CREATE DATABASE {name}"),
        ] {
            self.run(&statement).await?;
        }
        Ok(format!("{}/{name}", self.address))
    }

    /// Kills it with SIGKILL, with all its processes; what was committed is there when it is started again.
    ///
    /// # Errors
    /// When it is not ours, or its supervisor has died.
    pub fn kill(&self) -> Result<()> {
        self.process.tell(Order::Kill)
    }

    /// Starts it again after it was killed, at the same port, and waits until it answers.
    ///
    /// # Errors
    /// When it is not ours; and when it does not come up, with what it wrote.
    pub async fn restart(&self) -> Result<()> {
        self.process.tell(Order::Start)?;
        let answers = async || self.run("SELECT 1").await.is_ok();
        let answered = wait_until(START_DEADLINE, "PostgreSQL answers", answers).await;
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

    async fn run(&self, statement: &str) -> Result<()> {
        let run = async {
            let mut connection =
                PgConnection::connect(&format!("{}/postgres", self.address)).await?;
            sqlx::raw_sql(AssertSqlSafe(statement.to_owned()))
                .execute(&mut connection)
                .await?;
            anyhow::Ok(connection.close().await?)
        };
        let ran = timeout(ANSWER_DEADLINE, run)
            .await
            .context("PostgreSQL does not answer")?;
        ran.with_context(|| statement.to_owned())
    }
}

/// Who runs the server, if the superuser runs the tests.
fn superusers_other() -> Option<u32> {
    let id = Command::new("id").arg("-u").output();
    let is_superuser = id.is_ok_and(|output| output.stdout == b"0\n");
    is_superuser.then_some(NOBODY)
}

/// A folder with an empty cluster, and where the programs are that run it.
fn prepare() -> Result<(PathBuf, PathBuf)> {
    let found = distribution::programs()?;
    let folder = tempfile::Builder::new().prefix("postgres-").tempdir()?;
    let other = superusers_other();
    let programs = match other {
        Some(_) if !is_searchable(&found) => copied(&found, folder.path())?,
        _ => found,
    };
    let mut init = Command::new(programs.join("initdb"));
    init.args(INIT).arg("-D").arg(folder.path().join("data"));
    init.current_dir(folder.path());
    if let Some(other) = other {
        chown(folder.path(), Some(other), Some(other))?;
        init.uid(other).gid(other);
    }
    let output = init.output().context("initdb does not start")?;
    let problem = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "initdb: {problem}");
    Ok((folder.keep(), programs))
}

/// Whether everybody may reach what is in a folder.
fn is_searchable(folder: &Path) -> bool {
    folder.ancestors().all(|folder| {
        let metadata = fs::metadata(folder);
        metadata.is_ok_and(|metadata| metadata.permissions().mode() & SEARCHABLE != 0)
    })
}

/// Copies the programs, with what belongs to them, to where others than the superuser reach them.
fn copied(programs: &Path, folder: &Path) -> Result<PathBuf> {
    let installation = programs.parent().context("programs are in a folder")?;
    let copied = Command::new("cp")
        .arg("-R")
        .arg(installation)
        .arg(folder.join("installation"))
        .status()?;
    ensure!(
        copied.success(),
        "{} cannot be copied",
        installation.display()
    );
    let name = programs.file_name().context("programs are in a folder")?;
    Ok(folder.join("installation").join(name))
}
