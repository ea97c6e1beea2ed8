//! A program from its start to its end, as the operating system accounts for it.

use std::{
    fs,
    process::{Command, Stdio},
    thread::sleep,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use test_kit::usage::Usage;

use model_benchmarks::times_ms;

/// Memory is looked at so often; it is a high-water mark.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// What a program took.
#[derive(Debug, Clone)]
pub(crate) struct Measured {
    /// From its start to its end.
    pub(crate) wall_seconds: f64,
    /// Of all its threads, in user and kernel mode.
    pub(crate) cpu_seconds: f64,
    /// The most memory it ever had resident.
    pub(crate) resident_mib_max: f64,
    /// Its steps, and how long each took, in milliseconds.
    pub(crate) steps: Vec<(String, u64)>,
}

/// Runs a program to its end, which tells its steps as JSON.
///
/// # Errors
/// It does not start, or does not succeed.
pub(crate) fn run(mut command: Command) -> Result<Measured> {
    let mut usage = None;
    let mut said = None;
    let wall_ms = times_ms(|| said = Some(watch(&mut command, &mut usage)));
    let said = said.context("it was watched")??;
    let usage = usage.context("it has ended before it was looked at")?;
    let events = said
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok());
    let steps = events.filter_map(|event: Value| {
        let step = event["step"].as_str()?.to_owned();
        Some((step, event["took_ms"].as_u64()?))
    });
    Ok(Measured {
        wall_seconds: wall_ms / 1000.0,
        cpu_seconds: usage.cpu_seconds,
        resident_mib_max: usage.resident_mib_max,
        steps: steps.collect(),
    })
}

/// Looks at a program until it has ended; what it has said.
fn watch(command: &mut Command, usage: &mut Option<Usage>) -> Result<String> {
    let said = tempfile::NamedTempFile::new()?;
    let mut child = command
        .stdin(Stdio::null())
        .stdout(said.reopen()?)
        .stderr(Stdio::inherit())
        .spawn()
        .with_context(|| format!("{} does not start", command.get_program().display()))?;
    let id = child.id().to_string();
    // Nobody has waited for it: when it has ended, the system still knows its times.
    while !has_ended(&id)? {
        if let Ok(now) = Usage::of_process(&id) {
            *usage = Some(now);
        }
        sleep(LOOK_EVERY);
    }
    if let Some(usage) = usage {
        usage.cpu_seconds = test_kit::usage::cpu_seconds(&id)?;
    }
    let status = child.wait()?;
    let said = fs::read_to_string(said.path())?;
    ensure!(status.success(), "{status}: {said}");
    Ok(said)
}

fn has_ended(id: &str) -> Result<bool> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat"))?;
    let state = stat
        .rsplit_once(") ")
        .map(|(_, rest)| rest.starts_with('Z'));
    state.context("a state follows the name")
}
