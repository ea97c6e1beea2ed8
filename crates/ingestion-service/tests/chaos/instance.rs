//! How a process of the service begins, and what is asked of its end.

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::Result;
use tokio::time::{Instant, sleep};

use crate::{
    process::{Process, address_in, describe},
    world::{Target, World},
};

/// The log names the address within this time, or nobody asks this process.
const ADDRESS_MAX: Duration = Duration::from_mins(2);
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(50);
/// Lines that a finding quotes.
const TAIL_LINES: usize = 5;

/// Starts the service, and has the monitor ask it from the moment it has an address.
pub(crate) fn launch(
    world: &Arc<World>,
    numbers: &mut u32,
    folder: &Path,
    further: &[(&str, &str)],
) -> Result<Process> {
    *numbers += 1;
    let process = Process::spawn(world, *numbers, folder, further)?;
    world.current.send_replace(None);
    let target = Target {
        number: process.number,
        pid: process.pid(),
        address: String::new(),
        started_ms: process.started_ms,
    };
    let (world, log) = (Arc::clone(world), process.log_file());
    tokio::spawn(async move {
        let begun = Instant::now();
        while begun.elapsed() < ADDRESS_MAX {
            if let Some(address) = address_in(&log) {
                offer(&world, Target { address, ..target });
                return;
            }
            sleep(ASK_AGAIN_AFTER).await;
        }
    });
    Ok(process)
}

/// Has the monitor ask this process, unless there is a newer one.
fn offer(world: &World, target: Target) {
    world.current.send_if_modified(|current| {
        let is_newer = current
            .as_ref()
            .is_none_or(|current| current.number < target.number);
        if is_newer {
            *current = Some(target);
        }
        is_newer
    });
}

/// Waits for the end of a process and judges it: its exit code, and that its
/// output has the `words`, if any are asked for. One that does not end is killed.
pub(crate) async fn judge_end(
    world: &World,
    process: &mut Process,
    code: i32,
    deadline: Duration,
    words: Option<&str>,
) -> Result<()> {
    let number = process.number;
    let status = match process.end(deadline).await {
        Ok(status) => status,
        Err(error) => {
            world.finding(format!(
                "{error:#}, exit code {code} expected: {}",
                tail(&process.output()?)
            ));
            world.killed(number);
            return process.kill();
        }
    };
    let output = process.output()?;
    // One that is asked to end before it has begun is ended by the system.
    let had_not_begun = status.code().is_none() && output.is_empty();
    if status.code() != Some(code) && !had_not_begun {
        world.finding(format!(
            "process {number} ended with {}, not {code}: {}",
            describe(status),
            tail(&output)
        ));
    }
    if let Some(words) = words.filter(|words| !output.contains(words)) {
        world.finding(format!(
            "process {number} does not say {words:?}: {}",
            tail(&output)
        ));
    }
    // A refused start ends before it has a ledger.
    let has_ledger = status.code() == Some(0);
    report_complaints(world, process, has_ledger)
}

/// Notes what is wrong with the output of a process that has ended.
pub(crate) fn report_complaints(world: &World, process: &Process, has_ledger: bool) -> Result<()> {
    for complaint in process.complaints(has_ledger)? {
        world.finding(complaint);
    }
    Ok(())
}

/// The last lines of an output.
pub(crate) fn tail(output: &str) -> String {
    let lines: Vec<_> = output.lines().collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n  ")
}
