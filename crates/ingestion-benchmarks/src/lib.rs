//! End-to-end benchmarks beside their baselines.
//!
//! What is measured is a process as a whole, from outside, as the operating
//! system accounts for it: processor time and resident memory.

mod service;

use std::{env, fs, path::PathBuf};

use anyhow::{Context, Result};

pub use service::RunningService;

/// Clock ticks a second in `/proc/PID/stat`: 100 on every Linux of today (see proc(5)).
const TICKS_PER_SECOND: f64 = 100.0;

/// The folder of the running binary, where the others of the same build are.
///
/// # Errors
/// When the system cannot say where this binary is.
pub fn binaries_folder() -> Result<PathBuf> {
    let binary = env::current_exe()?;
    Ok(binary.parent().context("a file is in a folder")?.to_owned())
}

/// What a process has used so far.
#[derive(Debug, Clone, Copy)]
pub struct Usage {
    /// Processor time of all its threads, in user and kernel mode.
    pub cpu_seconds: f64,
    /// The most memory it ever had resident.
    pub resident_mib_max: f64,
}

impl Usage {
    /// The usage of the process with this id, or of `self`.
    ///
    /// # Errors
    /// When there is no such process, or this is not Linux.
    pub fn of_process(id: &str) -> Result<Self> {
        let stat = fs::read_to_string(format!("/proc/{id}/stat"))?;
        // The second field is the name in parentheses and may hold anything.
        let (_, fields) = stat
            .rsplit_once(')')
            .context("the name ends with a parenthesis")?;
        let ticks: u64 = fields
            .split_whitespace()
            .skip(11)
            .take(2)
            .map(|ticks| ticks.parse::<u64>().context("times are numbers"))
            .sum::<Result<u64>>()?;
        let status = fs::read_to_string(format!("/proc/{id}/status"))?;
        let line = status
            .lines()
            .find(|line| line.starts_with("VmHWM"))
            .context("no VmHWM")?;
        let kib: u64 = line
            .split_whitespace()
            .nth(1)
            .context("VmHWM has a value")?
            .parse()?;
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        Ok(Self {
            cpu_seconds: ticks as f64 / TICKS_PER_SECOND,
            resident_mib_max: kib as f64 / 1024.0,
        })
    }
}
