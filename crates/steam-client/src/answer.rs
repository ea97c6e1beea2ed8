//! What an answer means to whoever asked, and to the key that asked.

use std::time::Duration;

use bytes::Bytes;
use client_kit::{CallFailed, HttpAnswer};
use thiserror::Error;

/// Why there is no answer. Each says how long no call is permitted: zero if one is.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CallError {
    /// No key may call now; none has.
    #[error("no call is permitted now")]
    NoRoom {
        /// How long to wait.
        retry_in: Duration,
    },
    /// There were too many calls with this key.
    #[error("answered 429: too many calls")]
    Limited {
        /// How long to wait; zero if another key is ready.
        retry_in: Duration,
    },
    /// The key is not accepted, and left alone for an hour.
    #[error("{detail}; the key is not used for an hour")]
    Refused {
        /// What was answered.
        detail: String,
        /// How long to wait; zero if another key is ready.
        retry_in: Duration,
    },
    /// Nothing usable came; another time it may.
    #[error("{detail}")]
    Unavailable {
        /// What happened.
        detail: String,
        /// How long to wait.
        retry_in: Duration,
    },
    /// There is more of an answer than is taken; a smaller page may be less.
    #[error("the answer is larger than {bytes_max} bytes")]
    TooLarge {
        /// How much is taken.
        bytes_max: usize,
    },
    /// The upstream has decided not to tell, and would decide the same another time.
    #[error("{detail}")]
    InVain {
        /// What it said.
        detail: String,
    },
}

/// Why a call was in vain; how long to wait is for the keys to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    Limited { retry_after: Option<Duration> },
    Refused(String),
    Unavailable(String),
    TooLarge { bytes_max: usize },
    InVain(String),
}

impl Failure {
    pub(crate) fn told(self, retry_in: Duration) -> CallError {
        match self {
            Self::Limited { .. } => CallError::Limited { retry_in },
            Self::Refused(detail) => CallError::Refused { detail, retry_in },
            Self::Unavailable(detail) => CallError::Unavailable { detail, retry_in },
            Self::TooLarge { bytes_max } => CallError::TooLarge { bytes_max },
            Self::InVain(detail) => CallError::InVain { detail },
        }
    }
}

/// The body of an answer, or why there is none. Nothing of a body is repeated:
/// whoever stands in front may have written the address into it, key included.
pub(crate) fn judge(result: Result<HttpAnswer, CallFailed>) -> Result<Bytes, Failure> {
    let answer = result.map_err(|error| match error {
        CallFailed::TooLarge(bytes_max) => Failure::TooLarge { bytes_max },
        error => Failure::Unavailable(error.to_string()),
    })?;
    let status = answer.status;
    Err(match status {
        200 if answer.is_json() => return Ok(answer.body),
        200 => Failure::Unavailable("answered 200 with a page, not with JSON".to_owned()),
        401 | 403 => Failure::Refused(format!("answered {status}")),
        429 => Failure::Limited {
            retry_after: retry_after(&answer),
        },
        300..=399 => Failure::Unavailable(format!(
            "answered {status}, a redirect, which is not followed"
        )),
        _ => Failure::Unavailable(format!("answered {status}")),
    })
}

/// In seconds.
fn retry_after(answer: &HttpAnswer) -> Option<Duration> {
    let seconds = answer.header("retry-after")?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: (&str, &str) = ("content-type", "application/json; charset=UTF-8");
    const HTML: (&str, &str) = ("content-type", "text/html; charset=UTF-8");

    fn check(status: u16, headers: &[(&'static str, &str)], expected: &Result<Bytes, Failure>) {
        let answer = HttpAnswer::new(status, headers, "zQzkey");
        assert_eq!(&judge(Ok(answer)), expected, "{status}");
    }

    #[test]
    fn each_answer_means_one_thing() {
        check(200, &[JSON], &Ok("zQzkey".into()));
        for (status, header, detail) in [
            (200, HTML, "answered 200 with a page, not with JSON"),
            (302, JSON, "answered 302, a redirect, which is not followed"),
            (400, HTML, "answered 400"),
            (404, HTML, "answered 404"),
            (500, HTML, "answered 500"),
            (503, JSON, "answered 503"),
        ] {
            let expected = Failure::Unavailable(detail.to_owned());
            check(status, &[header], &Err(expected));
        }
        for status in [401, 403] {
            let expected = Failure::Refused(format!("answered {status}"));
            check(status, &[HTML], &Err(expected));
        }
        for (header, seconds) in [
            (HTML, None),
            (("retry-after", "7"), Some(7)),
            (("retry-after", "soon"), None),
        ] {
            let retry_after = seconds.map(Duration::from_secs);
            check(429, &[header], &Err(Failure::Limited { retry_after }));
        }
    }

    #[test]
    fn what_is_too_large_is_no_outage() {
        let judged = judge(Err(CallFailed::TooLarge(7)));
        assert_eq!(judged, Err(Failure::TooLarge { bytes_max: 7 }));
        let judged = judge(Err(CallFailed::TimedOut(Duration::from_secs(1))));
        assert!(matches!(judged, Err(Failure::Unavailable(_))), "{judged:?}");
    }
}
