//! The lines between whoever logs and whoever reads the log.
//!
//! A log that nobody reads is a pipe that is full, and whoever writes to it
//! waits. Only this queue's own thread does: everybody else leaves a line
//! where there is room, and where there is none the line is dropped, counted,
//! and told when there is room again.
//!
//! tracing-appender has such a queue. It bounds the lines by number, not by
//! size, does not tell of those it dropped, and says that its time is up by
//! writing to standard error, where it may wait for ever.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tracing_subscriber::fmt::MakeWriter;

/// Some thousand lines: more than any burst of ours, and little beside the
/// memory of a service.
pub(super) const QUEUED_BYTES_MAX: usize = 1024 * 1024;

/// The way into the queue.
#[derive(Clone)]
pub(super) struct LogQueue(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    /// Since the queue began.
    dropped: AtomicU64,
}

#[derive(Default)]
struct State {
    lines: VecDeque<Vec<u8>>,
    bytes: usize,
    /// One is with the reader.
    is_writing: bool,
    /// Dropped, and nobody has been told yet.
    untold: u64,
}

impl LogQueue {
    /// Writes to `out` from a thread of its own. `tell` logs how many lines
    /// were dropped, as soon as half of the queue is free again.
    ///
    /// # Errors
    /// There can be no further thread.
    pub(super) fn start(
        out: impl Write + Send + 'static,
        tell: impl Fn(u64) + Send + 'static,
    ) -> io::Result<Self> {
        let queue = Self(Arc::new(Shared {
            state: Mutex::default(),
            changed: Condvar::new(),
            dropped: AtomicU64::new(0),
        }));
        let writer = queue.clone();
        thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || writer.write_lines(out, tell))?;
        Ok(queue)
    }

    /// Lines that nobody will read, since the beginning.
    pub(super) fn dropped(&self) -> u64 {
        self.0.dropped.load(Relaxed)
    }

    /// Waits until all is written, but no longer than this.
    pub(super) fn flush(&self, time_max: Duration) {
        let is_busy =
            |state: &mut State| !state.lines.is_empty() || state.is_writing || state.untold > 0;
        let state = self.lock();
        // Whatever is left then stays unread.
        let _ = self
            .0
            .changed
            .wait_timeout_while(state, time_max, is_busy)
            .unwrap_or_else(PoisonError::into_inner);
    }

    fn push(&self, line: &[u8]) {
        let mut state = self.lock();
        if state.bytes + line.len() > QUEUED_BYTES_MAX {
            state.untold += 1;
            self.0.dropped.fetch_add(1, Relaxed);
            return;
        }
        state.bytes += line.len();
        state.lines.push_back(line.to_vec());
        drop(state);
        self.0.changed.notify_all();
    }

    fn write_lines(&self, mut out: impl Write, tell: impl Fn(u64)) {
        loop {
            let mut state = self.lock();
            state.is_writing = false;
            if state.untold > 0 && state.bytes <= QUEUED_BYTES_MAX / 2 {
                let untold = std::mem::take(&mut state.untold);
                // Its line is on its way: not yet the end.
                state.is_writing = true;
                drop(state);
                tell(untold);
                continue;
            }
            let Some(line) = state.lines.pop_front() else {
                self.0.changed.notify_all();
                let waited = self.0.changed.wait(state);
                drop(waited.unwrap_or_else(PoisonError::into_inner));
                continue;
            };
            state.bytes -= line.len();
            state.is_writing = true;
            drop(state);
            if out.write_all(&line).is_err() {
                // The reader has gone, or the disk is full.
                self.0.dropped.fetch_add(1, Relaxed);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Every change is whole before anything can panic.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<'a> MakeWriter<'a> for LogQueue {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line(self)
    }
}

/// One line on its way into the queue: the layer writes it in one piece.
pub(super) struct Line<'a>(&'a LogQueue);

impl Write for Line<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    /// A reader that takes a line only when it is let.
    struct Reader {
        permits: Receiver<()>,
        read: Sender<String>,
    }

    impl Write for Reader {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            self.permits.recv().map_err(io::Error::other)?;
            let text = String::from_utf8_lossy(line).into_owned();
            self.read.send(text).map_err(io::Error::other)?;
            Ok(line.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    struct Log {
        queue: LogQueue,
        permits: Sender<()>,
        lines: Receiver<String>,
        told: Receiver<u64>,
    }

    fn log() -> Log {
        let (permits, permitted) = channel();
        let (read, lines) = channel();
        let (tell, told) = channel();
        let reader = Reader {
            permits: permitted,
            read,
        };
        let queue = LogQueue::start(reader, move |count| {
            let _ = tell.send(count);
        });
        Log {
            queue: queue.expect("a thread can be started"),
            permits,
            lines,
            told,
        }
    }

    impl Log {
        fn read(&self, lines: usize) -> Vec<String> {
            let read = |_| {
                self.permits.send(()).expect("the queue's thread is there");
                let line = self.lines.recv_timeout(PATIENCE);
                line.expect("a line is written")
            };
            (0..lines).map(read).collect()
        }
    }

    #[test]
    fn lines_are_written_in_order_and_the_end_waits_for_them() {
        let log = log();
        for line in ["1", "2", "3"] {
            log.queue.push(line.as_bytes());
        }
        for _ in 0..3 {
            log.permits.send(()).expect("the queue's thread is there");
        }
        log.queue.flush(PATIENCE);
        let written: Vec<_> = log.lines.try_iter().collect();
        assert_eq!(written, ["1", "2", "3"]);
        assert_eq!(log.queue.dropped(), 0);
    }

    #[test]
    fn lines_that_nobody_reads_are_dropped_counted_and_told() {
        let log = log();
        let line = vec![b'x'; QUEUED_BYTES_MAX / 4];
        log.queue.push(b"first");
        // With the reader, so that four more fill the queue.
        while log.queue.lock().bytes > 0 {
            thread::yield_now();
        }
        for _ in 0..10 {
            log.queue.push(&line);
        }
        assert_eq!(log.queue.dropped(), 6);
        log.queue.flush(Duration::from_millis(10));
        log.read(2);
        assert!(log.told.try_recv().is_err(), "three quarters are taken");
        log.read(1);
        let told = log.told.recv_timeout(PATIENCE);
        assert_eq!(told, Ok(6), "half of the queue is free");
        log.queue.push(b"later");
        assert_eq!(log.read(3).last().map(String::as_str), Some("later"));
        assert!(log.told.try_recv().is_err(), "told once");
        assert_eq!(log.queue.dropped(), 6);
    }

    #[test]
    fn lines_for_a_reader_that_has_gone_are_counted() {
        let Log { queue, permits, .. } = log();
        drop(permits);
        queue.push(b"1");
        queue.push(b"2");
        queue.flush(PATIENCE);
        assert_eq!(queue.dropped(), 2);
    }
}
