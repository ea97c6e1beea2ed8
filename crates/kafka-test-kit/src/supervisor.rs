//! Keeps one broker process in hand, and stops it whatever happens to the test.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    os::unix::process::CommandExt as _,
    path::PathBuf,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::{Mutex, PoisonError},
};

use anyhow::{Context as _, Result, ensure};

use super::distribution::Distribution;

/// Obeys one order a line on its standard input and answers each with a line.
/// When its input ends, because the test let go of it or died of anything, it
/// kills the broker and removes its folder.
const SCRIPT: &str = r#"
folder=$1 class_path=$2 image=$3 cluster_id=$4 format_options=$5
config=$folder/server.properties
container=kafka-for-tests-$$
pid=
exec 2>>"$folder/broker.log"

launch() {
    if [ -n "$image" ]; then
        exec docker run --rm --name "$container" --network host --user "$(id -u):$(id -g)" \
            --volume "$folder:$folder" "$image" sh -c "
                [ -f '$folder/data/meta.properties' ] ||
                    /opt/kafka/bin/kafka-storage.sh format -t '$cluster_id' -c '$config' \
                        $format_options
                exec /opt/kafka/bin/kafka-server-start.sh '$config'"
    fi
    [ -f "$folder/data/meta.properties" ] ||
        java -Xmx64m -XX:TieredStopAtLevel=1 -cp "$class_path" \
            kafka.tools.StorageTool format -t "$cluster_id" -c "$config" $format_options
    exec java -Xms64m -Xmx384m -XX:+UseSerialGC -XX:-UsePerfData \
        -Dorg.slf4j.simpleLogger.defaultLogLevel=warn \
        -cp "$class_path" kafka.Kafka "$config"
}

signal() {
    [ -n "$pid" ] || return
    if [ -n "$image" ]; then docker kill --signal "$1" "$container" >&2; else kill -"$1" "$pid"; fi
    if [ "$1" = KILL ]; then wait "$pid"; pid=; fi
}

while read -r order; do
    case $order in
        start) (launch) >&2 & pid=$! ;;
        *) signal "$order" ;;
    esac
    echo done
done
signal KILL
rm -rf "$folder"
"#;

/// A broker's supervisor; to drop it is to stop the broker and to remove its data.
pub(super) struct Supervisor {
    folder: PathBuf,
    process: Mutex<Child>,
    pipes: Mutex<Option<(ChildStdin, BufReader<ChildStdout>)>>,
}

/// What a supervisor can be told.
#[derive(Debug, Clone, Copy)]
pub(super) enum Order {
    Start,
    Kill,
    Terminate,
    Pause,
    Resume,
}

impl Supervisor {
    /// Prepares a broker in `folder`, which from now on is the supervisor's;
    /// `format_options` are words without quotes.
    pub(super) fn new(
        folder: PathBuf,
        distribution: &Distribution,
        cluster_id: &str,
        format_options: &str,
    ) -> Result<Self> {
        let (class_path, image) = match distribution {
            Distribution::Java { class_path } => (class_path.as_str(), ""),
            Distribution::Docker { image } => ("", image.as_str()),
        };
        let mut process = Command::new("sh")
            .args(["-c", SCRIPT, "kafka-supervisor"])
            .arg(&folder)
            .args([class_path, image, cluster_id, format_options])
            // An interrupt at the terminal is for the test; this ends after it.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("there is no sh")?;
        let input = process
            .stdin
            .take()
            .context("its standard input is a pipe")?;
        let output = process
            .stdout
            .take()
            .context("its standard output is a pipe")?;
        Ok(Self {
            folder,
            process: Mutex::new(process),
            pipes: Mutex::new(Some((input, BufReader::new(output)))),
        })
    }

    /// Has an order obeyed.
    pub(super) fn tell(&self, order: Order) -> Result<()> {
        let word = match order {
            Order::Start => "start",
            Order::Kill => "KILL",
            Order::Terminate => "TERM",
            Order::Pause => "STOP",
            Order::Resume => "CONT",
        };
        let mut pipes = self.pipes.lock().unwrap_or_else(PoisonError::into_inner);
        let (input, output) = pipes.as_mut().context("the supervisor is gone")?;
        writeln!(input, "{word}")?;
        let mut answer = String::new();
        output.read_line(&mut answer)?;
        ensure!(
            answer.trim() == "done",
            "the supervisor of the broker has died"
        );
        Ok(())
    }

    /// Removes what a killed broker has stored.
    pub(super) fn remove_data(&self) -> Result<()> {
        Ok(fs::remove_dir_all(self.folder.join("data"))?)
    }

    /// The last lines the broker has logged.
    pub(super) fn log_tail(&self) -> String {
        let log = fs::read_to_string(self.folder.join("broker.log")).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        drop(
            self.pipes
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
        );
        // It cleans up and ends; with an error there would be nothing left to do.
        let _ = self
            .process
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .wait();
    }
}
