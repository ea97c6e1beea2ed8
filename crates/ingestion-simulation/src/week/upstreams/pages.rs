//! The lists of matches, page by page, with what is left of the calls in each answer.

use std::{
    fmt::Write as _,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use client_kit::{CallFailed, HttpAnswer};
use opendota_client::Transport;
use secrecy::SecretString;
use tokio::time::sleep;

use super::{
    counted::{CallBooks, Limit},
    steam::html,
};
use crate::week::{
    Bug,
    diary::Trouble,
    interface::Interface,
    truth::Truth,
    world::{Entry, FIRST_ID, id},
};

/// How long a call takes.
const CALL_TIME: Duration = Duration::from_millis(150);
const ROWS: usize = 100;
/// Whose calls they are: of one address, or one key.
const CALLER: &str = "the service";

/// How often it may be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PagesLimits {
    pub(crate) per_minute: u32,
    pub(crate) per_day: Option<u32>,
}

/// The upstream.
pub(crate) struct PagesUpstream {
    truth: Arc<Truth>,
    limits: PagesLimits,
    bug: Option<Bug>,
    books: Mutex<CallBooks>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum List {
    Public,
    Pro,
    Parsed,
}

impl PagesUpstream {
    pub(crate) fn new(truth: Arc<Truth>, limits: PagesLimits, bug: Option<Bug>) -> Self {
        Self {
            truth,
            limits,
            bug,
            books: Mutex::default(),
        }
    }

    pub(crate) fn books(&self) -> CallBooks {
        let books = self.books.lock();
        books.unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn limits(&self) -> [Option<Limit>; 2] {
        let books = self.books();
        let limit = |made, allowed| Limit { made, allowed };
        [
            Some(limit(books.minute_max(), self.limits.per_minute)),
            self.limits
                .per_day
                .map(|allowed| limit(books.day_max(), allowed)),
        ]
    }

    fn answer(&self, url: &str) -> Result<HttpAnswer, CallFailed> {
        let mut books = self.books.lock().unwrap_or_else(PoisonError::into_inner);
        let (of_minute, of_day) = books.count(CALLER, self.truth.now_ms());
        if self.truth.is(Trouble::Down(Interface::Pages)) {
            books.troubled += 1;
            if books.troubled.is_multiple_of(2) {
                return Err(CallFailed::Connection("nobody is there".to_owned()));
            }
            return Ok(html(503));
        }
        let left = |allowed: u32, made: u32| i64::from(allowed) - i64::from(made);
        let of_minute = left(self.limits.per_minute, of_minute);
        let of_day = self.limits.per_day.map(|allowed| left(allowed, of_day));
        if self.truth.is(Trouble::Storm(Interface::Pages)) {
            books.troubled += 1;
            return Ok(self.said(429, TOO_MANY.to_owned(), of_minute, of_day));
        }
        if of_minute < 0 || of_day.is_some_and(|left| left < 0) {
            books.limited += 1;
            return Ok(self.said(429, TOO_MANY.to_owned(), of_minute, of_day));
        }
        books.answered += 1;
        drop(books);
        Ok(self.said(200, self.page(url), of_minute, of_day))
    }

    fn said(&self, status: u16, body: String, minute: i64, day: Option<i64>) -> HttpAnswer {
        let (minute, day) = (minute.to_string(), day.map(|left| left.to_string()));
        let mut headers = vec![
            ("content-type", "application/json; charset=utf-8"),
            ("x-rate-limit-remaining-minute", minute.as_str()),
        ];
        if let Some(day) = &day
            && self.bug != Some(Bug::DayLimitIgnored)
        {
            headers.push(("x-rate-limit-remaining-day", day));
        }
        HttpAnswer::new(status, &headers, body)
    }

    fn page(&self, url: &str) -> String {
        let list = if url.contains("/proMatches") {
            List::Pro
        } else if url.contains("/parsedMatches") {
            List::Parsed
        } else {
            List::Public
        };
        let below = url.split_once("less_than_match_id=").map(|(_, id)| {
            let id: i64 = id.parse().expect("the feed asks for ids");
            let skipped = i64::from(self.bug == Some(Bug::PagesSkipARow));
            u32::try_from(id - FIRST_ID - skipped).unwrap_or(0)
        });
        let told_ms = self.truth.horizon_ms(Interface::Pages);
        let world = &self.truth.world;
        let listed = world.below(below, self.truth.now_ms()).filter(|nth| {
            list.since_ms(world.at(*nth), *nth)
                .is_some_and(|at| at <= told_ms)
        });
        let mut body = String::from("[");
        for (place, nth) in listed.take(ROWS).enumerate() {
            let comma = if place == 0 { "" } else { "," };
            let entry = world.at(nth);
            // Writing to a string cannot fail.
            let _ = write!(body, "{comma}{{\"match_id\":{}", id(nth));
            if list != List::Parsed {
                let (start, seconds) = (entry.start_seconds(), entry.duration_seconds());
                let _ = write!(body, ",\"start_time\":{start},\"duration\":{seconds}");
            }
            body.push('}');
        }
        body.push(']');
        body
    }
}

const TOO_MANY: &str = "{\"error\":\"rate limit exceeded\"}";

impl List {
    /// From when on a match is in it.
    fn since_ms(self, entry: Entry, nth: u32) -> Option<u32> {
        match self {
            Self::Pro if !Entry::is_of_a_league(nth) => None,
            Self::Public | Self::Pro => entry.told_ms(Interface::Pages, nth),
            Self::Parsed => entry.parsed_ms(nth),
        }
    }
}

#[async_trait]
impl Transport for PagesUpstream {
    async fn get(&self, url: &str, _: Option<&SecretString>) -> Result<HttpAnswer, CallFailed> {
        sleep(CALL_TIME).await;
        self.answer(url)
    }
}
