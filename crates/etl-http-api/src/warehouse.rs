//! Questions to the warehouse: so many at a time, each with a deadline.

use std::{fmt::Display, sync::Arc, time::Duration};

use actix_web::{HttpRequest, HttpResponse};
use http_kit::Problem;
use tokio::{sync::Semaphore, time::timeout};
use utoipa::IntoResponses;

/// So many questions are asked at a time; further clients come again.
const QUESTIONS_MAX: usize = 16;
/// When to come again.
const RETRY_AFTER_SECONDS: u32 = 5;

/// What is answered instead of what the warehouse says, for the description of
/// every path that asks it.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "it only describes")]
pub(crate) enum WarehouseRefusals {
    /// A parameter cannot be meant; the problem names it, its value and what is allowed.
    #[response(status = 400, content_type = "application/problem+json")]
    BadParameter(Problem),
    /// The warehouse does not answer, or has too many questions already; `Retry-After` says
    /// when to come again.
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(Problem),
}

/// The questions of all clients together.
#[derive(Clone)]
pub(crate) struct Questions {
    free: Arc<Semaphore>,
    answer_time_max: Duration,
}

impl Questions {
    /// None so far; each is answered within this time or not at all.
    pub(crate) fn new(answer_time_max: Duration) -> Self {
        Self {
            free: Arc::new(Semaphore::new(QUESTIONS_MAX)),
            answer_time_max,
        }
    }

    /// What comes of `question`.
    ///
    /// # Errors
    /// The answer to give instead: that the warehouse does not answer, without
    /// what it says; that is in the log.
    pub(crate) async fn ask<T, E: Display>(
        &self,
        request: &HttpRequest,
        question: impl Future<Output = Result<T, E>>,
    ) -> Result<T, Box<HttpResponse>> {
        let unavailable = |detail: &str| {
            let path = request.path();
            Box::new(Problem::unavailable(detail, path, RETRY_AFTER_SECONDS))
        };
        let Ok(_place) = self.free.try_acquire() else {
            return Err(unavailable(
                "the warehouse is asked too many questions already",
            ));
        };
        match timeout(self.answer_time_max, question).await {
            Ok(Ok(found)) => return Ok(found),
            Ok(Err(error)) => tracing::warn!(%error, "a question to the warehouse failed"),
            Err(_) => {
                let duration_ms = self.answer_time_max.as_millis();
                tracing::warn!(
                    duration_ms,
                    "the warehouse did not answer a question in time"
                );
            }
        }
        Err(unavailable(
            "the warehouse does not answer; /api/v1/health says how it is",
        ))
    }
}
