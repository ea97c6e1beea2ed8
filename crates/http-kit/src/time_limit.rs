//! How long a request may take.

use std::{fmt, time::Duration};

use actix_web::{
    Error, HttpResponse, ResponseError,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{Method, StatusCode},
    middleware::Next,
    web,
};
use tokio::time::timeout;

use crate::{body::BODY_TIME_MAX, interface::Interface, problem::Problem};

/// Whatever was slow is given this time.
const RETRY_AFTER_SECONDS: u32 = 5;

/// `REQUEST_TIMEOUT`: how long a request may take, from its last byte on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestTimeout(Duration);

impl RequestTimeout {
    /// So long.
    #[must_use]
    pub const fn new(time_max: Duration) -> Self {
        Self(time_max)
    }

    /// So long may take what a request waits for, four fifths of it all: there
    /// is time left to say that it did not come, and how far the request came.
    #[must_use]
    pub fn of_waits(self) -> Duration {
        self.0 * 4 / 5
    }
}

/// Answers 503 in the place of an answer that does not come in time. Whoever
/// writes sends a body first, which has its own time. An event stream begins at
/// once, and its events are no part of this.
pub(crate) async fn limit_time(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let interface = request.app_data::<web::Data<Interface>>();
    let interface = interface.expect("the application has it");
    let path = request.path().to_owned();
    let time_max = interface.service.request_timeout.0;
    let writes = request.method() != Method::GET;
    let of_body = interface.write_path(&path).filter(|_| writes);
    let of_body = of_body.map(|_| BODY_TIME_MAX);
    let limit = time_max + of_body.unwrap_or_default();
    match timeout(limit, next.call(request)).await {
        Ok(answer) => Ok(answer?.map_into_boxed_body()),
        Err(_) => Err(TooSlow { path, time_max }.into()),
    }
}

/// The request itself is gone with what was to answer it.
#[derive(Debug)]
struct TooSlow {
    path: String,
    time_max: Duration,
}

impl fmt::Display for TooSlow {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, time_max } = self;
        write!(formatter, "{path} was not answered within {time_max:?}")
    }
}

impl ResponseError for TooSlow {
    fn status_code(&self) -> StatusCode {
        StatusCode::SERVICE_UNAVAILABLE
    }

    fn error_response(&self) -> HttpResponse {
        let Self { path, time_max } = self;
        let detail = format!(
            "this could not be answered within {time_max:?}, REQUEST_TIMEOUT; \
             /api/v1/health says how the service is"
        );
        Problem::unavailable(detail, path, RETRY_AFTER_SECONDS)
    }
}
