//! Calls to the simulated upstream without a socket, each with its time.

use std::{sync::Mutex, time::Duration};

use async_trait::async_trait;
use client_kit::{CallFailed, HttpAnswer};
use feed_simulator::upstream::{Outcome, Upstream};
use opendota_client::Transport;
use rand::{RngExt as _, rngs::StdRng};
use secrecy::SecretString;
use tokio::time::{sleep, timeout};

/// The time that a real client gives a call.
const CALL_TIME_MAX: Duration = Duration::from_secs(30);

pub(crate) struct Wire {
    pub(crate) upstream: Upstream,
    pub(crate) rng: Mutex<StdRng>,
}

impl Wire {
    fn way(&self) -> Duration {
        let ms = self
            .rng
            .lock()
            .expect("nobody panics")
            .random_range(20..1_500);
        Duration::from_millis(ms)
    }

    async fn exchange(&self, path: &str) -> Result<HttpAnswer, CallFailed> {
        sleep(self.way()).await;
        match self.upstream.answer(path) {
            Outcome::Closed => Err(CallFailed::Connection("it was closed".to_owned())),
            Outcome::Answer(answer, after) => {
                sleep(after).await;
                sleep(self.way()).await;
                let is_html = answer.body.starts_with('<');
                let kind = if is_html {
                    "text/html"
                } else {
                    "application/json"
                };
                let mut headers = vec![("content-type", kind)];
                let known = [
                    "x-rate-limit-remaining-minute",
                    "x-rate-limit-remaining-day",
                ];
                for name in known {
                    let told = answer.headers.iter();
                    let mut told = told.filter(|(told, _)| told.eq_ignore_ascii_case(name));
                    headers.extend(told.next().map(|(_, value)| (name, value.as_str())));
                }
                Ok(HttpAnswer::new(
                    answer.status,
                    &headers,
                    answer.body.clone(),
                ))
            }
        }
    }
}

#[async_trait]
impl Transport for Wire {
    async fn get(&self, url: &str, _: Option<&SecretString>) -> Result<HttpAnswer, CallFailed> {
        let path = url
            .strip_prefix("http://upstream")
            .expect("it is the address of the plan");
        let exchanged = timeout(CALL_TIME_MAX, self.exchange(path)).await;
        exchanged.unwrap_or(Err(CallFailed::TimedOut(CALL_TIME_MAX)))
    }
}
