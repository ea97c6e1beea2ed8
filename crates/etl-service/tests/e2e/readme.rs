//! What the README tells a newcomer to type, typed.
//!
//! Of its world only two words are other ones here: `cargo run` runs the
//! programs of this build, on free ports instead of the usual ones, and `curl`
//! finds them there.

use std::{
    env, fs,
    os::unix::{fs::PermissionsExt as _, process::CommandExt as _},
    path::Path,
    process::{Child, Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};
use tempfile::TempDir;
use test_kit::{
    document::commands, ports::free_ports, service_process::Lines, waiting::wait_for,
    workspace_program,
};

use crate::support::DEADLINE;

const CARGO: &str = r#"#!/bin/sh
[ "$1 $2 $3" = "run --release -p" ] || { echo "cargo $*: not known here" >&2; exit 64; }
program=$4
shift 4
[ "${1-}" != -- ] || shift
case $program in
    ingestion-service) export API_HOST=127.0.0.1 API_PORT="$INGESTION_PORT" ;;
    etl-service) export API_HOST=127.0.0.1 API_PORT="$ETL_PORT" ;;
esac
exec "$PROGRAMS/$program" "$@"
"#;
const CURL: &str = r#"#!/bin/sh
for word do
    shift
    set -- "$@" "$(printf %s "$word" | sed "s/127\.0\.0\.1:8001/127.0.0.1:$ETL_PORT/")"
done
exec "$CURL" "$@"
"#;

/// A shell in a process group of its own, which ends with this value.
struct Terminal {
    shell: Child,
    lines: Lines,
    errors: Lines,
    folder: TempDir,
}

impl Terminal {
    fn run(script: &str) -> Result<Self> {
        let folder = TempDir::new()?;
        let words = folder.path().join("words");
        let programs = folder.path().join("programs");
        fs::create_dir(&words)?;
        fs::create_dir(&programs)?;
        for (name, text) in [("cargo", CARGO), ("curl", CURL)] {
            let file = words.join(name);
            fs::write(&file, text)?;
            fs::set_permissions(&file, fs::Permissions::from_mode(0o755))?;
        }
        for program in ["feed-simulator", "ingestion-service"] {
            std::os::unix::fs::symlink(
                workspace_program(program, program)?,
                programs.join(program),
            )?;
        }
        let own = env!("CARGO_BIN_EXE_etl-service");
        std::os::unix::fs::symlink(own, programs.join("etl-service"))?;
        let ports = free_ports(2)?;
        let path = env::var("PATH")?;
        let mut shell = Command::new("bash")
            .args(["-eo", "pipefail", "-c", script])
            .current_dir(folder.path())
            .env_clear()
            .env("PATH", format!("{}:{path}", words.display()))
            .env("CURL", which(&path, "curl")?)
            .env("PROGRAMS", &programs)
            .env("INGESTION_PORT", ports[0].to_string())
            .env("ETL_PORT", ports[1].to_string())
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("there is no bash")?;
        let lines = Lines::of(shell.stdout.take().context("it is piped")?);
        let errors = Lines::of(shell.stderr.take().context("it is piped")?);
        Ok(Self {
            shell,
            lines,
            errors,
            folder,
        })
    }

    /// What it printed, when it has ended well.
    async fn ended(&mut self) -> Result<String> {
        let shell = &mut self.shell;
        let ended = wait_for(DEADLINE, "the commands end", async || {
            shell.try_wait().transpose()
        });
        let ended = ended.await??;
        let printed = self.lines.so_far().join("\n");
        ensure!(
            ended.success(),
            "{ended}: {printed}\n{}\n{}",
            self.errors.so_far().join("\n"),
            self.logs()
        );
        Ok(printed)
    }

    fn logs(&self) -> String {
        let logs = ["simulator.txt", "ingestion.log", "etl.log"];
        let logs = logs.map(|name| fs::read_to_string(self.folder.path().join(name)));
        logs.map(Result::unwrap_or_default).join("\n")
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Whatever it has left in the background goes too.
        let group = format!("-{}", self.shell.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
        let _ = self.shell.wait();
    }
}

fn which(path: &str, program: &str) -> Result<std::path::PathBuf> {
    let mut found = env::split_paths(path).map(|folder| folder.join(program));
    let found = found.find(|file| Path::new(file).is_file());
    found.with_context(|| format!("{program} is missing: the README uses it"))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_way_from_match_ids_to_counters_can_be_typed() -> Result<()> {
    let typed = commands("README.md", "feed-simulator -- --broker");
    // As the text below them says.
    let mut terminal = Terminal::run(&format!("{typed}\nkill %1 %2 %3\nwait"))?;
    let printed = terminal.ended().await?;
    let answer = printed.lines().last().context("it prints the answer")?;
    ensure!(
        answer.contains(r#""hero":10,"#) && answer.contains(r#""games":"#),
        "{printed}"
    );
    let log = fs::read_to_string(terminal.folder.path().join("ingestion.log"))?;
    ensure!(!log.contains(r#""ledger.published":0,"#), "{log}");
    Ok(())
}
