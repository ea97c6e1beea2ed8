//! What the demos of services have in common.

use std::{
    fmt,
    io::{self, Write as _},
    net::TcpListener,
    time::Duration,
};

use service_kit::{
    config::{DurationBetween, ValueParser as _},
    exit_code::ExitCode,
    telemetry,
};
use tokio::{
    task::JoinHandle,
    time::{Instant, MissedTickBehavior, interval, sleep_until},
};
use tokio_util::sync::CancellationToken;

const LINE_INTERVAL: Duration = Duration::from_secs(1);

/// The port asked for cannot be had.
#[derive(Debug)]
pub struct PortTaken(u16);

impl fmt::Display for PortTaken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(port) = self;
        write!(
            f,
            "--port {port} is taken; name another one, or none for any that is free"
        )
    }
}

impl std::error::Error for PortTaken {}

/// The port of the live page: the one asked for; else the usual one, or 0, for
/// any, if somebody has that.
///
/// # Errors
/// Somebody has the one asked for.
pub fn page_port(asked_for: Option<u16>, usual: u16) -> Result<u16, PortTaken> {
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    match asked_for {
        Some(port) => Some(port).filter(is_free).ok_or(PortTaken(port)),
        None => Ok(Some(usual).filter(is_free).unwrap_or_default()),
    }
}

/// How long a demo may take, for the command line.
///
/// # Errors
/// What is allowed.
pub fn demo_duration(text: &str) -> Result<Duration, String> {
    let allowed = DurationBetween {
        min: Duration::from_secs(1),
        max: Duration::from_hours(24),
    };
    allowed.parse(text).map_err(|_| allowed.allowed())
}

/// The exit code of a demo that has ended, or could not go on; the terminal says why.
#[must_use]
pub fn exit_code(outcome: anyhow::Result<ExitCode>) -> ExitCode {
    outcome.unwrap_or_else(|error| {
        telemetry::say_last(format_args!("the demo cannot run: {error:#}"));
        match error.downcast_ref::<PortTaken>() {
            Some(_) => ExitCode::Config,
            None => ExitCode::Internal,
        }
    })
}

/// Waits until `end`; without one, for ever.
pub async fn until(end: Option<Instant>) {
    match end {
        Some(end) => sleep_until(end).await,
        None => std::future::pending().await,
    }
}

/// One line a second on the terminal.
pub struct Terminal {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Terminal {
    /// Starts to print what `line` says; it is told how long this has been going on.
    pub fn start(mut line: impl FnMut(Duration) -> String + Send + 'static) -> Self {
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let task = tokio::spawn(async move {
            let begun = Instant::now();
            let mut ticks = interval(LINE_INTERVAL);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            ticks.tick().await;
            while stopped.run_until_cancelled(ticks.tick()).await.is_some() {
                let elapsed = begun.elapsed();
                print_line(&format!("{}  {}", clock(elapsed), line(elapsed)));
            }
        });
        Self { stop, task }
    }

    /// Stops to print.
    pub async fn stop(self) {
        self.stop.cancel();
        if let Err(error) = self.task.await {
            tracing::error!("printing the lines has failed: {error}");
        }
    }
}

/// Minutes and seconds: 07:05.
fn clock(elapsed: Duration) -> String {
    let seconds = elapsed.as_secs();
    format!("{:02}:{:02}", seconds / 60, seconds % 60)
}

/// Prints a line. Whoever closes the pipe has seen enough; the demo goes on to
/// its verdict.
pub fn print_line(text: &str) {
    let _ = writeln!(io::stdout(), "{text}");
}

/// Digits in groups of three: 1,234,567.
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_has_minutes_and_seconds() {
        for (seconds, text) in [(0, "00:00"), (425, "07:05"), (6000, "100:00")] {
            assert_eq!(clock(Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn digits_are_grouped_by_three() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (12_345_678, "12,345,678"),
        ] {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn a_port_that_is_taken_is_refused_only_if_it_was_asked_for() {
        let taken = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
        let port = taken.local_addr().expect("it is bound").port();
        let refused = page_port(Some(port), 1).expect_err("it is taken");
        assert!(refused.to_string().contains(&port.to_string()));
        assert_eq!(page_port(None, port).expect("any will do"), 0);
        drop(taken);
    }
}
