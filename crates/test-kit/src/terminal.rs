//! What a document tells a newcomer to type, typed.
//!
//! Of the newcomer's world only two words are other ones here: `cargo run` runs the programs of this build, on free
//! ports instead of the usual ones, and `curl` finds them there.

use std::{
    env,
    fmt::Write as _,
    fs,
    os::unix::{fs::PermissionsExt as _, fs::symlink, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use tempfile::TempDir;

use crate::{ports::free_ports, service_process::Lines, waiting::wait_for};

/// The words that are other ones. `$MOVED` is a script for sed, `$PORT_OF_x` the port of a program.
const CARGO: &str = r#"#!/bin/sh
[ "$1 $2 $3" = "run --release -p" ] || { echo "cargo $*: not known here" >&2; exit 64; }
program=$4
shift 4
[ "${1-}" != -- ] || shift
port=$(eval echo "\${PORT_OF_$(printf %s "$program" | tr - _)-}")
[ -z "$port" ] || export API_HOST=127.0.0.1 API_PORT="$port"
[ -z "${AUTH_ISSUER-}" ] || export AUTH_ISSUER="$(printf %s "$AUTH_ISSUER" | sed "$MOVED")"
exec "$PROGRAMS/$program" "$@"
"#;
const CURL: &str = r#"#!/bin/sh
for word do
    shift
    set -- "$@" "$(printf %s "$word" | sed "$MOVED")"
done
exec "$CURL" "$@"
"#;

/// A program that the commands run.
pub struct Program {
    /// Its package, which is also its name.
    pub package: &'static str,
    /// Where it is.
    pub path: PathBuf,
    /// The port at which commands expect it.
    pub usual_port: Option<u16>,
}

/// A shell in a process group of its own, which ends with this value.
pub struct Terminal {
    shell: Child,
    lines: Lines,
    errors: Lines,
    folder: TempDir,
}

impl Terminal {
    /// Types a script, in a folder of its own.
    ///
    /// # Errors
    /// There is no bash or no curl, or no port is free.
    pub fn run(script: &str, programs: &[Program]) -> Result<Self> {
        let folder = TempDir::new()?;
        let words = folder.path().join("words");
        let folder_of_programs = folder.path().join("programs");
        fs::create_dir(&words)?;
        fs::create_dir(&folder_of_programs)?;
        for (name, text) in [("cargo", CARGO), ("curl", CURL)] {
            let file = words.join(name);
            fs::write(&file, text)?;
            fs::set_permissions(&file, fs::Permissions::from_mode(0o755))?;
        }
        let (mut moved, mut ports) = (String::new(), Vec::new());
        for (program, port) in programs.iter().zip(free_ports(programs.len())?) {
            symlink(&program.path, folder_of_programs.join(program.package))?;
            if let Some(usual) = program.usual_port {
                write!(moved, r"s/127\.0\.0\.1:{usual}/127.0.0.1:{port}/g;")?;
                let variable = format!("PORT_OF_{}", program.package.replace('-', "_"));
                ports.push((variable, port.to_string()));
            }
        }
        let path = env::var("PATH")?;
        let mut shell = Command::new("bash")
            .args(["-eo", "pipefail", "-c", script])
            .current_dir(folder.path())
            .env_clear()
            .env("PATH", format!("{}:{path}", words.display()))
            .env("CURL", which(&path, "curl")?)
            .env("PROGRAMS", &folder_of_programs)
            .env("MOVED", moved)
            .envs(ports)
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

    /// What was printed, when the commands have ended well.
    ///
    /// # Errors
    /// They failed, or did not end in time; with what they and their programs wrote.
    pub async fn ended(&mut self, deadline: Duration) -> Result<String> {
        let shell = &mut self.shell;
        let ended = wait_for(deadline, "the commands end", async || {
            shell.try_wait().transpose()
        });
        let ended = ended.await.with_context(|| self.written());
        let ended = ended??;
        let printed = self.lines.so_far().join("\n");
        ensure!(ended.success(), "{ended}: {printed}\n{}", self.written());
        Ok(printed)
    }

    /// A file that the commands have made.
    ///
    /// # Errors
    /// It is not there.
    pub fn file(&self, name: &str) -> Result<String> {
        fs::read_to_string(self.folder.path().join(name)).with_context(|| name.to_owned())
    }

    /// What went to standard error and into files of the folder.
    fn written(&self) -> String {
        let mut written = self.errors.so_far().join("\n");
        for entry in fs::read_dir(self.folder.path()).into_iter().flatten() {
            let file = entry.map(|entry| entry.path()).unwrap_or_default();
            let text = fs::read_to_string(&file).unwrap_or_default();
            // A string takes whatever is written to it.
            let _ = write!(written, "\n{}:\n{text}", file.display());
        }
        written
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

fn which(path: &str, program: &str) -> Result<PathBuf> {
    let mut found = env::split_paths(path).map(|folder| folder.join(program));
    let found = found.find(|file| Path::new(file).is_file());
    found.with_context(|| format!("{program} is missing: the commands use it"))
}
