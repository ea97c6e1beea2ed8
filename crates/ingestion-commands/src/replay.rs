//! `replay`: the lines of a file through the pipeline, as if a feed had sent them.

use std::path::{Path, PathBuf};

use command_kit::{
    Given, Progress, Stop, complain,
    lines::{Chunk, LINE_BYTES_MAX, LineInput},
    listen_first, percent, say,
};
use ingestion_application::REPLAY;
use service_kit::exit_code::ExitCode;
use tokio_util::sync::CancellationToken;

use crate::{
    intake::{Intake, Kind, with_intake},
    settings::Settings,
};

/// Flags of `replay`.
#[derive(Debug, Clone, clap::Args)]
pub struct ReplayArguments {
    /// File with one match frame a line, a JSON object with `match_id`; - is standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// Replays a file.
pub(crate) async fn run(given: Given, arguments: ReplayArguments) -> ExitCode {
    listen_first(
        move || prepare(&given, &arguments.file),
        async |(settings, input), signals| {
            with_intake(settings, signals, Kind::Lines, async |intake, stop| {
                hand_in(input, intake, stop).await
            })
            .await
        },
    )
    .await
}

/// All that may wait for files.
fn prepare(given: &Given, file: &Path) -> Result<(Settings, LineInput), ExitCode> {
    let settings: Settings = given.load_for_command()?;
    let input = LineInput::open(file).map_err(|error| {
        complain(format_args!("cannot read {}: {error}", file.display()));
        ExitCode::Usage
    })?;
    Ok((settings, input))
}

/// How far it is.
#[derive(Default)]
struct Sum {
    lines: u64,
    invalid: u64,
    bytes: u64,
}

async fn hand_in(input: LineInput, intake: &Intake, stop: &CancellationToken) -> ExitCode {
    let name = input.name().to_owned();
    let size_bytes = input.stamp().map(|stamp| stamp.size_bytes);
    let mut received = input.read();
    let mut progress = Progress::new();
    let mut sum = Sum::default();
    progress.say(&format!("replaying {name} through {}", intake.describe()));
    let mut code = ExitCode::Ok;
    loop {
        let next = stop.run_until_cancelled(received.recv()).await;
        let stopped = match next {
            None => Some(Stop::Asked),
            Some(None) => break,
            Some(Some(Err(error))) => {
                let line = sum.lines + 1;
                progress.say(&format!("cannot read {name} from line {line} on: {error}"));
                code = ExitCode::Usage;
                break;
            }
            Some(Some(Ok(chunk))) => take(chunk, intake, stop, &mut sum, &mut progress).await,
        };
        if let Some(reason) = stopped {
            progress.say(&format!(
                "stopped after line {} of {name}: {reason}; to go on, replay from line {} on",
                sum.lines,
                sum.lines + 1
            ));
            if reason != Stop::Asked {
                code = ExitCode::Unavailable;
            }
            break;
        }
        progress.show(|| {
            let Sum {
                lines,
                invalid,
                bytes,
            } = sum;
            let done = size_bytes.map(|size| format!(", {}", percent(bytes, size)));
            format!(
                "{lines} lines taken, {invalid} of them invalid{}",
                done.unwrap_or_default()
            )
        });
    }
    progress.close();
    say(format_args!(
        "{} lines taken, {} of them invalid and to be found among the dead letters",
        sum.lines, sum.invalid
    ));
    code
}

async fn take(
    chunk: Chunk,
    intake: &Intake,
    stop: &CancellationToken,
    sum: &mut Sum,
    progress: &mut Progress,
) -> Option<Stop> {
    for index in &chunk.too_long {
        progress.say(&format!(
            "line {} is longer than {LINE_BYTES_MAX} bytes: its beginning is set aside",
            sum.lines + *index as u64 + 1
        ));
    }
    let taken = intake.hand_in(&chunk.lines, REPLAY.as_str(), stop).await;
    sum.lines += taken.taken as u64;
    sum.invalid += taken.invalid as u64;
    sum.bytes += chunk.size_bytes;
    taken.stop
}
