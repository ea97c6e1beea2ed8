//! One open answer: the lines it is told, when they are due.

use std::time::Duration;

use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

use super::LogsUpstream;

/// A piece of an answer is full at this size.
const PIECE_BYTES: usize = 16 * 1024;

/// An answer that is being told lines. Dropping it ends it.
pub struct LogLines {
    upstream: LogsUpstream,
    /// The next line that may be due.
    next: usize,
    /// How much of what was handed in is not for this answer any more.
    said: usize,
    cuts: u64,
    begins_at: Instant,
    ends_at: Instant,
    control: watch::Receiver<()>,
}

enum Turn {
    Tell(Vec<u8>),
    Wait { until: Instant },
    End,
}

impl LogLines {
    /// Begins at that time with the lines that are said from now on.
    pub(super) fn open(upstream: LogsUpstream, begins_at: Instant) -> Self {
        let control = upstream.shared.control.subscribe();
        let mut state = upstream.state();
        let now_ms = state.clock.now().as_unix_ms();
        let lines = &upstream.shared.lines;
        let next = lines.partition_point(|line| line.at_ms <= now_ms);
        let figures = &mut state.figures;
        figures.answers += 1;
        figures.open += 1;
        figures.open_most = figures.open_most.max(figures.open);
        let (said, cuts) = (state.said.len(), state.cuts);
        drop(state);
        Self {
            next,
            said,
            cuts,
            begins_at,
            ends_at: begins_at + upstream.shared.close_after,
            control,
            upstream,
        }
    }

    /// Waits for the next piece; none when the answer is over. Cancel safe.
    pub(crate) async fn next(&mut self) -> Option<Vec<u8>> {
        loop {
            let until = match self.turn() {
                Turn::Tell(piece) => return Some(piece),
                Turn::Wait { until } => until,
                Turn::End => return None,
            };
            tokio::select! {
                () = sleep_until(until) => {}
                changed = self.control.changed() => {
                    changed.expect("the log lives as long as its answers");
                }
            }
        }
    }

    fn turn(&mut self) -> Turn {
        let now = Instant::now();
        let mut state = self.upstream.state();
        if state.cuts > self.cuts || now >= self.ends_at {
            return Turn::End;
        }
        if now < self.begins_at {
            return Turn::Wait {
                until: self.begins_at,
            };
        }
        if let Some(bytes) = state.said.get(self.said) {
            self.said += 1;
            return Turn::Tell(bytes.clone());
        }
        let now_ms = state.clock.now().as_unix_ms();
        let mut piece = Vec::new();
        while let Some(line) = self.upstream.shared.lines.get(self.next)
            && line.at_ms <= now_ms
            && piece.len() < PIECE_BYTES
        {
            self.next += 1;
            if state.is_silent {
                continue;
            }
            match line.told() {
                Some(id) => {
                    state.told.insert(id);
                    state.figures.told += 1;
                }
                None => state.figures.others += 1,
            }
            piece.extend_from_slice(line.event().as_bytes());
        }
        if !piece.is_empty() {
            return Turn::Tell(piece);
        }
        let next = self.upstream.shared.lines.get(self.next);
        let due = next.map(|line| {
            let wait_ms = u64::try_from(line.at_ms - now_ms).unwrap_or(0);
            now + Duration::from_millis(wait_ms) / state.clock.speed()
        });
        Turn::Wait {
            until: due.unwrap_or(self.ends_at).min(self.ends_at),
        }
    }
}

impl Drop for LogLines {
    fn drop(&mut self) {
        self.upstream.state().figures.open -= 1;
    }
}
