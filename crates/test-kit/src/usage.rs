//! What a process has used, as the operating system accounts for it.

use std::{env, fs, path::PathBuf};

use anyhow::{Context as _, Result};

/// Clock ticks a second in `/proc/PID/stat`: 100 on every Linux of today (see proc(5)).
const TICKS_PER_SECOND: f64 = 100.0;

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
        let kib = memory_kib(id, "VmHWM")?;
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        Ok(Self {
            cpu_seconds: cpu_seconds(id)?,
            resident_mib_max: kib as f64 / 1024.0,
        })
    }
}

/// Processor time of all threads of a process, in user and kernel mode; also of one
/// that has ended and that nobody has waited for.
///
/// # Errors
/// When there is no such process, or this is not Linux.
pub fn cpu_seconds(id: &str) -> Result<f64> {
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
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    Ok(ticks as f64 / TICKS_PER_SECOND)
}

/// A line of `/proc/ID/status` in KiB, such as `VmRSS`, the memory that is resident now.
///
/// # Errors
/// There is no such process, or no such line.
pub fn memory_kib(id: &str, field: &str) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{id}/status"))?;
    let line = status.lines().find(|line| line.starts_with(field));
    let line = line.with_context(|| format!("no {field}"))?;
    let number = line.split_whitespace().nth(1);
    Ok(number.context("a field has a value")?.parse()?)
}

/// The folder where the other binaries of the build are that this one is of.
///
/// # Errors
/// When the system cannot say where this binary is.
pub fn binaries_folder() -> Result<PathBuf> {
    let binary = env::current_exe()?;
    let folder = binary.parent().context("a file is in a folder")?;
    // Tests and benchmarks are in a folder beside the others: release/deps/name-hash.
    let build = match folder.parent() {
        Some(build) if folder.ends_with("deps") => build,
        _ => folder,
    };
    Ok(build.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_uses_something() -> Result<()> {
        let usage = Usage::of_process("self")?;
        assert!(usage.resident_mib_max > 0.0 && usage.cpu_seconds >= 0.0);
        assert!(memory_kib("self", "VmRSS")? > 0);
        memory_kib("self", "NoSuchField").expect_err("there is no such field");
        Usage::of_process("0").expect_err("there is no such process");
        Ok(())
    }
}
