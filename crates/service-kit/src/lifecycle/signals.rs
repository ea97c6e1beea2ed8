//! The signals that ask a process to end.

use std::fs;
use std::future::poll_fn;
use std::io;
use std::task::Poll;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// SIGTERM and SIGINT, and what else would end the process without a drain:
/// SIGQUIT, and SIGHUP unless the process is to outlive its terminal.
pub struct EndSignals(Vec<(&'static str, Signal)>);

impl EndSignals {
    /// Listens from here on; the signals no longer end the process by themselves.
    ///
    /// # Errors
    /// The system does not let us listen.
    pub fn try_new() -> io::Result<Self> {
        let mut kinds = vec![
            ("SIGTERM", SignalKind::terminate()),
            ("SIGINT", SignalKind::interrupt()),
            ("SIGQUIT", SignalKind::quit()),
        ];
        if !is_hangup_ignored() {
            kinds.push(("SIGHUP", SignalKind::hangup()));
        }
        let listen = |(name, kind)| Ok((name, signal(kind)?));
        kinds
            .into_iter()
            .map(listen)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// The name of the next signal.
    pub async fn next(&mut self) -> &'static str {
        poll_fn(|context| {
            let come = self
                .0
                .iter_mut()
                .find_map(|(name, signal)| signal.poll_recv(context).is_ready().then_some(*name));
            come.map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }
}

/// Whether whoever started the process has made it ignore SIGHUP, as nohup does.
fn is_hangup_ignored() -> bool {
    // proc(5): a mask in hexadecimal digits, the lowest bit for signal 1, which is SIGHUP.
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & 1 == 1)
}
