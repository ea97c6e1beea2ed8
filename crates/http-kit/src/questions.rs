//! Questions to whatever a service depends on: so many at a time, each with a deadline.

use std::{fmt::Display, sync::Arc, time::Duration};

use actix_web::{HttpRequest, HttpResponse, http::StatusCode};
use tokio::{sync::Semaphore, time::timeout};

use crate::problem::Problem;

/// So many questions are asked at a time; further clients come again.
const QUESTIONS_MAX: usize = 16;
/// When to come again.
const RETRY_AFTER_SECONDS: u32 = 5;

/// The questions of all clients together, to one that may not answer.
#[derive(Clone)]
pub struct Questions {
    whom: &'static str,
    /// What a refusal is called.
    kind: Option<&'static str>,
    free: Arc<Semaphore>,
    answer_time_max: Duration,
}

impl Questions {
    /// None so far; `whom`, as in `the warehouse`, answers each within this time or
    /// not at all.
    #[must_use]
    pub fn new(whom: &'static str, answer_time_max: Duration) -> Self {
        Self {
            whom,
            kind: None,
            free: Arc::new(Semaphore::new(QUESTIONS_MAX)),
            answer_time_max,
        }
    }

    /// The same, whose refusals are [of this kind](Problem::of_kind).
    #[must_use]
    pub fn refused_as(mut self, kind: &'static str) -> Self {
        self.kind = Some(kind);
        self
    }

    /// What comes of `question`.
    ///
    /// # Errors
    /// The answer to give instead: that there is none, without what was said;
    /// that is in the log.
    pub async fn ask<T, E: Display>(
        &self,
        request: &HttpRequest,
        question: impl Future<Output = Result<T, E>>,
    ) -> Result<T, Box<HttpResponse>> {
        let unavailable = |detail: String| {
            let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail, request.path());
            let problem = match self.kind {
                Some(kind) => problem.of_kind(kind),
                None => problem,
            };
            Box::new(problem.response_after(RETRY_AFTER_SECONDS))
        };
        let whom = self.whom;
        let Ok(_place) = self.free.try_acquire() else {
            let detail = format!("{whom} is asked too many questions already");
            return Err(unavailable(detail));
        };
        match timeout(self.answer_time_max, question).await {
            Ok(Ok(found)) => return Ok(found),
            Ok(Err(error)) => tracing::warn!(%error, "a question to {whom} failed"),
            Err(_) => {
                let duration_ms = self.answer_time_max.as_millis();
                tracing::warn!(duration_ms, "{whom} did not answer a question in time");
            }
        }
        Err(unavailable(format!(
            "{whom} does not answer; /api/v1/health says how it is"
        )))
    }
}
