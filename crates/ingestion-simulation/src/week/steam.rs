//! Steam's API over the world, within its limits and with its troubles.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use client_kit::{CallFailed, HttpAnswer};
use secrecy::{ExposeSecret as _, SecretString};
use steam_client::Transport;
use tokio::{
    sync::watch,
    time::{Instant, sleep},
};

use crate::week::{
    diary::{Diary, Trouble},
    world::World,
};

/// At least so long between two calls of a key that are answered.
const INTERVAL: Duration = Duration::from_secs(8);
/// So many calls of a key in a day of UTC.
pub(crate) const CALLS_PER_DAY: u32 = 100_000;
/// How long a call takes.
const CALL_TIME: Duration = Duration::from_millis(300);
const DAY_MS: u32 = 86_400_000;
const ROWS_MAX: usize = 100;

/// The keys of the service.
pub(crate) const KEYS: [&str; 2] = ["first", "second"];

/// The upstream; it outlives every process.
pub(crate) struct SteamUpstream {
    world: Arc<World>,
    diary: Arc<Diary>,
    begun: Instant,
    /// Whether it is asked twice for everything, by a planted bug.
    is_asked_twice: bool,
    /// How many pages were told.
    pages: watch::Sender<u64>,
    books: Mutex<Books>,
}

/// What became of the calls.
#[derive(Debug, Default, Clone)]
pub(crate) struct Books {
    last: BTreeMap<String, Instant>,
    /// By key and day.
    by_day: BTreeMap<(String, u32), u32>,
    pub(crate) answered: u64,
    /// Refused for their number, while nothing else was wrong.
    pub(crate) limited: u64,
    /// Refused or unanswered by a trouble.
    pub(crate) troubled: u64,
}

impl Books {
    /// The most calls that a key has made in a day.
    pub(crate) fn day_max(&self) -> u32 {
        self.by_day.values().copied().max().unwrap_or_default()
    }
}

impl SteamUpstream {
    pub(crate) fn new(world: Arc<World>, diary: Arc<Diary>, is_asked_twice: bool) -> Self {
        Self {
            world,
            diary,
            begun: Instant::now(),
            is_asked_twice,
            pages: watch::Sender::new(0),
            books: Mutex::default(),
        }
    }

    pub(crate) fn books(&self) -> Books {
        let books = self.books.lock();
        books.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until a page is told.
    pub(crate) async fn page_is_told(&self) {
        let mut pages = self.pages.subscribe();
        pages.changed().await.expect("the sender is held here");
    }

    fn now_ms(&self) -> u32 {
        u32::try_from(self.begun.elapsed().as_millis()).expect("a run takes weeks at most")
    }

    fn answer(&self, url: &str, key: &str) -> Result<HttpAnswer, CallFailed> {
        let now_ms = self.now_ms();
        let mut books = self.books.lock().unwrap_or_else(PoisonError::into_inner);
        let day = (key.to_owned(), now_ms / DAY_MS);
        let calls = books.by_day.entry(day).or_default();
        *calls += 1;
        let is_day_used_up = *calls > CALLS_PER_DAY;
        let is = |trouble| self.diary.is(trouble, now_ms);
        if is(Trouble::SteamDown) {
            books.troubled += 1;
            if books.troubled.is_multiple_of(2) {
                return Err(CallFailed::Connection("nobody is there".to_owned()));
            }
            return Ok(html(503));
        }
        if is(Trouble::KeyRefused) && key == KEYS[0] {
            books.troubled += 1;
            return Ok(html(403));
        }
        if is(Trouble::SteamStorm) {
            books.troubled += 1;
            return Ok(html(429));
        }
        let is_early = books
            .last
            .get(key)
            .is_some_and(|last| last.elapsed() < INTERVAL);
        if is_early || is_day_used_up {
            books.limited += 1;
            return Ok(html(429));
        }
        books.last.insert(key.to_owned(), Instant::now());
        books.answered += 1;
        drop(books);
        // What it does not tell of while it is silent, it tells of later.
        let silent = self.diary.during(Trouble::SteamSilent, now_ms);
        let told_ms = silent.map_or(now_ms, |time| time.start);
        self.pages.send_modify(|pages| *pages += 1);
        Ok(self.page(url, told_ms))
    }

    fn page(&self, url: &str, told_ms: u32) -> HttpAnswer {
        let argument = |name: &str| {
            let (_, rest) = url.split_once(&format!("{name}="))?;
            rest.split('&').next()?.parse::<u64>().ok()
        };
        let start = argument("start_at_match_seq_num").unwrap_or_default();
        let rows = argument("matches_requested").map_or(ROWS_MAX, |rows| {
            usize::try_from(rows).unwrap_or(ROWS_MAX).min(ROWS_MAX)
        });
        let mut body = String::from("{\"result\":{\"status\":1,\"matches\":[");
        for (nth, (number, entry)) in self.world.page(start, rows, told_ms).iter().enumerate() {
            let comma = if nth == 0 { "" } else { "," };
            // Writing to a string cannot fail.
            let _ = write!(
                body,
                "{comma}{{\"match_id\":{},\"match_seq_num\":{number},\"start_time\":{},\
                 \"duration\":{}}}",
                entry.id(),
                entry.start_seconds(),
                entry.duration_seconds(),
            );
        }
        body.push_str("]}}");
        HttpAnswer::new(200, &[("content-type", "application/json")], body)
    }
}

#[async_trait]
impl Transport for SteamUpstream {
    async fn get(&self, url: &str, key: &SecretString) -> Result<HttpAnswer, CallFailed> {
        sleep(CALL_TIME).await;
        if self.is_asked_twice {
            let _ = self.answer(url, key.expose_secret());
        }
        self.answer(url, key.expose_secret())
    }
}

fn html(status: u16) -> HttpAnswer {
    let headers = [("content-type", "text/html; charset=UTF-8")];
    HttpAnswer::new(status, &headers, format!("<html>{status}</html>"))
}
