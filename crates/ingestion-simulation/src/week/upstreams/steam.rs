//! Steam's API.

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

use super::counted::{CallBooks, Limit};
use crate::week::{diary::Trouble, interface::Interface, truth::Truth, world::id};

/// At least so long between two calls of a key that are answered.
const INTERVAL: Duration = Duration::from_secs(8);
/// So many calls of a key in a day of UTC.
const CALLS_PER_DAY: u32 = 100_000;
/// How long a call takes.
const CALL_TIME: Duration = Duration::from_millis(300);
const ROWS_MAX: usize = 100;

/// The keys of the service.
pub(crate) const KEYS: [&str; 2] = ["first", "second"];

/// The upstream.
pub(crate) struct SteamUpstream {
    truth: Arc<Truth>,
    /// Whether it is asked twice for everything, by a planted bug.
    is_asked_twice: bool,
    /// How many pages were told.
    pages: watch::Sender<u64>,
    books: Mutex<Books>,
}

#[derive(Default)]
struct Books {
    last: BTreeMap<String, Instant>,
    calls: CallBooks,
}

impl SteamUpstream {
    pub(crate) fn new(truth: Arc<Truth>, is_asked_twice: bool) -> Self {
        Self {
            truth,
            is_asked_twice,
            pages: watch::Sender::new(0),
            books: Mutex::default(),
        }
    }

    pub(crate) fn books(&self) -> CallBooks {
        let books = self.books.lock();
        let books = books.unwrap_or_else(PoisonError::into_inner);
        books.calls.clone()
    }

    pub(crate) fn limit_of_a_day(&self) -> Limit {
        Limit {
            made: self.books().day_max(),
            allowed: CALLS_PER_DAY,
        }
    }

    /// Waits until a page is told.
    pub(crate) async fn page_is_told(&self) {
        let mut pages = self.pages.subscribe();
        pages.changed().await.expect("the sender is held here");
    }

    fn answer(&self, url: &str, key: &str) -> Result<HttpAnswer, CallFailed> {
        let mut books = self.books.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, of_day) = books.calls.count(key, self.truth.now_ms());
        if self.truth.is(Trouble::Down(Interface::Steam)) {
            books.calls.troubled += 1;
            if books.calls.troubled.is_multiple_of(2) {
                return Err(CallFailed::Connection("nobody is there".to_owned()));
            }
            return Ok(html(503));
        }
        if self.truth.is(Trouble::KeyRefused) && key == KEYS[0] {
            books.calls.troubled += 1;
            return Ok(html(403));
        }
        if self.truth.is(Trouble::Storm(Interface::Steam)) {
            books.calls.troubled += 1;
            return Ok(html(429));
        }
        let is_early = books
            .last
            .get(key)
            .is_some_and(|last| last.elapsed() < INTERVAL);
        if is_early || of_day > CALLS_PER_DAY {
            books.calls.limited += 1;
            return Ok(html(429));
        }
        books.last.insert(key.to_owned(), Instant::now());
        books.calls.answered += 1;
        drop(books);
        self.pages.send_modify(|pages| *pages += 1);
        Ok(self.page(url))
    }

    fn page(&self, url: &str) -> HttpAnswer {
        let argument = |name: &str| {
            let (_, rest) = url.split_once(&format!("{name}="))?;
            rest.split('&').next()?.parse::<u64>().ok()
        };
        let start = argument("start_at_match_seq_num").unwrap_or_default();
        let rows = argument("matches_requested").map_or(ROWS_MAX, |rows| {
            usize::try_from(rows).unwrap_or(ROWS_MAX).min(ROWS_MAX)
        });
        // What it does not tell of while it is silent, it tells of later.
        let told_ms = self.truth.horizon_ms(Interface::Steam);
        let world = &self.truth.world;
        let mut body = String::from("{\"result\":{\"status\":1,\"matches\":[");
        for (place, (number, nth)) in world.sequence(start, rows, told_ms).iter().enumerate() {
            let comma = if place == 0 { "" } else { "," };
            let entry = world.at(*nth);
            // Writing to a string cannot fail.
            let _ = write!(
                body,
                "{comma}{{\"match_id\":{},\"match_seq_num\":{number},\"start_time\":{},\
                 \"duration\":{}}}",
                id(*nth),
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

/// A page of whoever stands in front.
pub(super) fn html(status: u16) -> HttpAnswer {
    let headers = [("content-type", "text/html; charset=UTF-8")];
    HttpAnswer::new(status, &headers, format!("<html>{status}</html>"))
}
