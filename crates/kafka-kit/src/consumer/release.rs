//! A thread that waits for what tasks do.

use std::{
    future::Future,
    pin::pin,
    sync::Arc,
    task::{Context, Wake, Waker},
    thread::{self, Thread},
    time::Duration,
};

use tokio::time::Instant;

/// Waits in this thread for a future that needs no runtime, so long at most;
/// none when it is not done by then.
pub(super) fn wait<F: Future>(future: F, time_max: Duration) -> Option<F::Output> {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    let begun = Instant::now();
    loop {
        if let std::task::Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return Some(output);
        }
        let left = time_max.saturating_sub(begun.elapsed());
        if left.is_zero() {
            return None;
        }
        thread::park_timeout(left);
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[test]
    fn it_waits_for_others_and_not_for_ever() {
        let (sender, receiver) = oneshot::channel::<()>();
        let other = thread::spawn(move || drop(sender));
        let done = wait(receiver, Duration::from_mins(1));
        assert!(done.is_some_and(|outcome| outcome.is_err()));
        other.join().expect("it does not panic");
        let (_kept, receiver) = oneshot::channel::<()>();
        assert!(wait(receiver, Duration::from_millis(20)).is_none());
    }
}
