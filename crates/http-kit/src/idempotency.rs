//! `Idempotency-Key`: whoever asks again gets the same answer, and nothing is done twice.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use actix_web::{HttpRequest, HttpResponse, http::StatusCode};
use tokio::{sync::Mutex as Turn, time::Instant};

use crate::problem::Problem;

/// Clients send UUIDs and the like.
const KEY_BYTES_MAX: usize = 255;

/// The header of a request that may be sent again.
///
/// # Errors
/// The answer to give instead: it is no key.
pub fn idempotency_key(request: &HttpRequest) -> Result<Option<String>, Box<HttpResponse>> {
    let Some(value) = request.headers().get("idempotency-key") else {
        return Ok(None);
    };
    let text = value.to_str().unwrap_or_default().trim();
    // The draft of the header has it in quotes; most clients do not.
    let text = text
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .unwrap_or(text);
    let is_key = (1..=KEY_BYTES_MAX).contains(&text.len())
        && text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    if is_key {
        return Ok(Some(text.to_owned()));
    }
    let detail = format!(
        "Idempotency-Key cannot be read; allowed: 1 to {KEY_BYTES_MAX} printable ASCII characters"
    );
    let problem = Problem::new(StatusCode::BAD_REQUEST, detail, request.path());
    Err(Box::new(problem.response()))
}

/// What became of the requests that may be sent again, as long as it is remembered:
/// for so long, and at most so many; beyond, the oldest is forgotten.
///
/// In this process only: after a restart nothing is remembered.
pub struct Remembered<T> {
    life: Duration,
    count_max: usize,
    known: Mutex<Known<T>>,
}

struct Known<T> {
    by_key: HashMap<String, Entry<T>>,
    /// The oldest first.
    order: VecDeque<(Instant, String)>,
}

/// Whoever asks at the same time waits for its turn.
type Entry<T> = Arc<Turn<Option<T>>>;

impl<T: Clone> Remembered<T> {
    /// Nothing so far.
    #[must_use]
    pub fn new(life: Duration, count_max: usize) -> Self {
        Self {
            life,
            count_max,
            known: Mutex::new(Known {
                by_key: HashMap::new(),
                order: VecDeque::new(),
            }),
        }
    }

    /// What came of `key` before, or else of `work` now, which is remembered. Of
    /// several that ask at a time one works, and the others get what it got.
    ///
    /// # Errors
    /// Those of `work`, which are not remembered: whoever asks again tries again.
    pub async fn once<E>(
        &self,
        key: &str,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let entry = self.entry(key);
        let mut turn = entry.lock().await;
        if let Some(known) = &*turn {
            return Ok(known.clone());
        }
        let found = work.await?;
        *turn = Some(found.clone());
        Ok(found)
    }

    fn entry(&self, key: &str) -> Entry<T> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let known = &mut *known;
        let now = Instant::now();
        while known
            .oldest_since()
            .is_some_and(|since| now.duration_since(since) >= self.life)
        {
            known.forget_oldest();
        }
        if let Some(entry) = known.by_key.get(key) {
            return Arc::clone(entry);
        }
        if known.order.len() >= self.count_max {
            known.forget_oldest();
        }
        let entry = Entry::default();
        known.by_key.insert(key.to_owned(), Arc::clone(&entry));
        known.order.push_back((now, key.to_owned()));
        entry
    }
}

impl<T> Known<T> {
    fn oldest_since(&self) -> Option<Instant> {
        self.order.front().map(|(since, _)| *since)
    }

    fn forget_oldest(&mut self) {
        if let Some((_, key)) = self.order.pop_front() {
            self.by_key.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use tokio::time::advance;

    use super::*;

    async fn ask(remembered: &Remembered<u32>, key: &str, found: u32) -> u32 {
        let work = async { Ok::<_, Infallible>(found) };
        let Ok(found) = remembered.once(key, work).await;
        found
    }

    #[tokio::test(start_paused = true)]
    async fn the_same_key_has_the_same_answer_for_a_while() {
        let remembered = Remembered::new(Duration::from_mins(1), 10);
        assert_eq!(ask(&remembered, "a", 1).await, 1);
        assert_eq!(ask(&remembered, "b", 2).await, 2);
        advance(Duration::from_secs(59)).await;
        assert_eq!(ask(&remembered, "a", 3).await, 1);
        advance(Duration::from_secs(1)).await;
        assert_eq!(ask(&remembered, "a", 4).await, 4);
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_too_many_makes_the_oldest_forgotten() {
        let remembered = Remembered::new(Duration::from_mins(1), 2);
        for (key, number) in [("a", 1), ("b", 2), ("c", 3)] {
            ask(&remembered, key, number).await;
        }
        assert_eq!(ask(&remembered, "b", 9).await, 2);
        assert_eq!(ask(&remembered, "a", 9).await, 9);
    }

    #[tokio::test(start_paused = true)]
    async fn of_several_at_a_time_one_works() {
        let remembered = Remembered::new(Duration::from_mins(1), 10);
        let slow = remembered.once("a", async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Ok::<_, Infallible>(1)
        });
        let (first, second) = tokio::join!(slow, ask(&remembered, "a", 2));
        assert_eq!((first, second), (Ok(1), 1));
    }

    #[tokio::test(start_paused = true)]
    async fn what_failed_is_tried_again() {
        let remembered = Remembered::new(Duration::from_mins(1), 10);
        assert_eq!(
            remembered.once("a", async { Err("busy") }).await,
            Err("busy")
        );
        assert_eq!(ask(&remembered, "a", 2).await, 2);
    }
}
