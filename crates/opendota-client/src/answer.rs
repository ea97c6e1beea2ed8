//! What an answer means to whoever asked, and to the budget.

use bytes::Bytes;
use client_kit::{CallFailed, HttpAnswer};
use domain::Timestamp;
use thiserror::Error;

use crate::budget::{Ended, Outcome, RateHeaders};

/// How much of a text that an upstream has written is repeated.
const QUOTE_CHARS_MAX: usize = 200;

/// An answer, as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// JSON, by its own word.
    pub body: Bytes,
    /// When all of it had been fetched.
    pub fetched_at: Timestamp,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CallError {
    /// The upstream does not know what was asked for.
    #[error("the upstream does not know it")]
    NotFound,
    /// There is no room for a call; none was made, or it was rejected.
    #[error("no call is permitted now")]
    NoRoom {
        /// When to ask again.
        until: Timestamp,
    },
    /// The key is wrong, or the address is shut out.
    #[error("{detail}")]
    Refused {
        /// What it says.
        detail: String,
        /// When to ask again; before that the same is answered without a call.
        until: Timestamp,
    },
    /// Nothing usable came.
    #[error("{detail}")]
    Unavailable {
        /// What happened.
        detail: String,
        /// When to ask again; before that there is no room.
        until: Timestamp,
    },
    /// There is an answer, and it would be as useless another time.
    #[error("{detail}")]
    Unusable {
        /// What is wrong with it.
        detail: String,
    },
}

/// What came of a call; when to ask again is for the budget to say.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Judged {
    Found(Bytes),
    NotFound,
    Limited,
    Refused(String),
    Unavailable(String),
    Unusable(String),
}

/// Judges an answer that was there at `now`, or its absence.
pub(crate) fn judge(result: Result<HttpAnswer, CallFailed>, now: Timestamp) -> (Judged, Ended) {
    let answer = match result {
        Ok(answer) => answer,
        // It would be as large another time; what is left is no secret, but not known here.
        Err(error @ CallFailed::TooLarge(_)) => {
            return (
                Judged::Unusable(error.to_string()),
                ended(Outcome::Answered),
            );
        }
        Err(error) => {
            return (
                Judged::Unavailable(error.to_string()),
                ended(Outcome::Failed),
            );
        }
    };
    let (judged, outcome) = judge_answer(&answer);
    let left = |name| answer.header(name)?.trim().parse().ok();
    let left = RateHeaders {
        minute: left("x-rate-limit-remaining-minute"),
        day: left("x-rate-limit-remaining-day"),
    };
    let ended = Ended {
        outcome,
        left,
        // `OpenDota` itself never says so, but somebody in front of it may.
        retry_after: answer.retry_after(now.as_unix_ms()),
    };
    (judged, ended)
}

fn ended(outcome: Outcome) -> Ended {
    Ended {
        outcome,
        left: RateHeaders::default(),
        retry_after: None,
    }
}

fn judge_answer(answer: &HttpAnswer) -> (Judged, Outcome) {
    let status = answer.status;
    match status {
        401 | 403 => {
            let detail = format!("answered {status}: {}", quote(&answer.body));
            return (Judged::Refused(detail.clone()), Outcome::Refused(detail));
        }
        429 => {
            let outcome = Outcome::Limited {
                of_day: is_of_day(&answer.body),
            };
            return (Judged::Limited, outcome);
        }
        300..=399 => {
            let detail = format!("answered {status}, a redirect, which is not followed");
            return (Judged::Unavailable(detail), Outcome::Failed);
        }
        500.. => {
            return (
                Judged::Unavailable(format!("answered {status}")),
                Outcome::Failed,
            );
        }
        _ => {}
    }
    // Whoever stands in front answers with a page.
    if !answer.is_json() {
        let detail = format!("answered {status} with a page, not with JSON");
        return (Judged::Unavailable(detail), Outcome::Failed);
    }
    let judged = match status {
        200 => Judged::Found(answer.body.clone()),
        404 => Judged::NotFound,
        _ => Judged::Unusable(format!("answered {status}: {}", quote(&answer.body))),
    };
    (judged, Outcome::Answered)
}

/// Whether it is the calls of the day of which there were too many.
fn is_of_day(body: &[u8]) -> bool {
    let body: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    body["error"] == "daily api limit exceeded"
}

/// The beginning of a text, in one line of visible characters.
fn quote(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let shown = text.chars().take(QUOTE_CHARS_MAX);
    let shown: String = shown
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    format!("{shown:?}")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const JSON: (&str, &str) = ("content-type", "application/json; charset=utf-8");
    /// Sun, 06 Nov 1994 08:49:37 GMT.
    const NOW: Timestamp = Timestamp::from_unix_seconds(784_111_777);

    const HTML: (&str, &str) = ("content-type", "text/html; charset=UTF-8");

    fn check(
        status: u16,
        headers: &[(&'static str, &str)],
        body: &'static str,
        judged: &str,
        outcome: &Outcome,
    ) {
        let answer = HttpAnswer::new(status, headers, body);
        let (actual, ended) = judge(Ok(answer), NOW);
        assert_eq!(format!("{actual:?}"), judged, "{status} {body}");
        assert_eq!(&ended.outcome, outcome, "{status} {body}");
    }

    #[test]
    fn each_answer_means_one_thing() {
        let limited = |of_day| Outcome::Limited { of_day };
        check(200, &[JSON], "{}", "Found(b\"{}\")", &Outcome::Answered);
        check(404, &[JSON], "{}", "NotFound", &Outcome::Answered);
        let refused = r#"answered 403: "{}""#;
        check(
            403,
            &[JSON],
            "{}",
            &format!("Refused({refused:?})"),
            &Outcome::Refused(refused.to_owned()),
        );
        let minute = r#"{"error":"minute rate limit exceeded"}"#;
        check(429, &[JSON], minute, "Limited", &limited(false));
        let day = r#"{"error":"daily api limit exceeded"}"#;
        check(429, &[JSON], day, "Limited", &limited(true));
        check(429, &[HTML], "<html>", "Limited", &limited(false));
        for (status, header, detail) in [
            (200, HTML, "answered 200 with a page, not with JSON"),
            (404, HTML, "answered 404 with a page, not with JSON"),
            (302, JSON, "answered 302, a redirect, which is not followed"),
            (500, JSON, "answered 500"),
            (522, HTML, "answered 522"),
        ] {
            let judged = format!("Unavailable({detail:?})");
            check(status, &[header], "x", &judged, &Outcome::Failed);
        }
        let detail = "answered 400: \"a  b\"";
        let judged = format!("Unusable({detail:?})");
        check(400, &[JSON], "a\r\nb", &judged, &Outcome::Answered);
    }

    #[test]
    fn the_wait_that_is_asked_for_is_read_from_refusals_and_failures() {
        for status in [429, 503] {
            for (text, seconds) in [
                ("7", Some(7)),
                ("Sun, 06 Nov 1994 08:51:37 GMT", Some(120)),
                ("Sun Nov  6 08:49:00 1994", Some(0)),
                ("soon", None),
            ] {
                let headers = [HTML, ("retry-after", text)];
                let (_, ended) = judge(Ok(HttpAnswer::new(status, &headers, "")), NOW);
                let expected = seconds.map(Duration::from_secs);
                assert_eq!(ended.retry_after, expected, "{status} {text}");
            }
        }
    }

    #[test]
    fn what_is_left_is_read_from_every_answer() {
        let headers = [
            HTML,
            ("x-rate-limit-remaining-minute", "-3"),
            ("x-rate-limit-remaining-day", "2000"),
        ];
        let (_, ended) = judge(Ok(HttpAnswer::new(502, &headers, "")), NOW);
        let expected = RateHeaders {
            minute: Some(-3),
            day: Some(2_000),
        };
        assert_eq!(ended.left, expected);
        let many = [JSON, ("x-rate-limit-remaining-minute", "many")];
        let (_, ended) = judge(Ok(HttpAnswer::new(200, &many, "")), NOW);
        assert_eq!(ended.left, RateHeaders::default());
    }

    #[test]
    fn what_is_too_large_is_no_outage() {
        let (judged, ended) = judge(Err(CallFailed::TooLarge(7)), NOW);
        assert!(matches!(judged, Judged::Unusable(_)), "{judged:?}");
        assert_eq!(ended.outcome, Outcome::Answered);
        let (judged, ended) = judge(Err(CallFailed::TimedOut(Duration::from_secs(1))), NOW);
        assert!(matches!(judged, Judged::Unavailable(_)), "{judged:?}");
        assert_eq!(ended.outcome, Outcome::Failed);
    }
}
