//! A browser comes back from Steam.

use actix_web::{
    HttpRequest, HttpResponse, get,
    http::{StatusCode, header},
    web,
};
use auth_application::{AuthorizeError, CameBack, PageReason};

use crate::{
    authorize::{to, too_often},
    caller::caller,
    cookie,
    interface::Api,
    limits::Endpoint,
    page::page,
    refused::RETRY_AFTER_SECONDS,
};

/// Where Steam sends a browser back to, with what it says of its user (OpenID 2.0).
///
/// For Steam alone: the parameters are those that its own page has written.
#[utoipa::path(
    tag = "sign-in",
    responses(
        (status = 303, description = "To the client: with `code`, or with `error`; `state` and `iss` in any case."),
        (status = 400, description = "A page: this is no way in.", body = String, content_type = "text/html"),
        (status = 429, description = "A page: too often in vain from this network.", body = String,
            content_type = "text/html"),
        (status = 503, description = "A page: it may be loaded again soon.", body = String,
            content_type = "text/html"),
    )
)]
#[get("/login/steam/callback")]
pub(crate) async fn callback(request: HttpRequest, api: web::Data<Api>) -> HttpResponse {
    if let Err(often) = api.limits.admit(&request, Endpoint::Callback) {
        return too_often(often, &api);
    }
    let browser = cookie::read(&request);
    let caller = caller(&request);
    let query = request.query_string();
    let came = api.auth.callback(query, browser.as_ref(), &caller).await;
    match came {
        CameBack::In { location } => to(location),
        CameBack::Back { location, error } => {
            if error == AuthorizeError::AccessDenied {
                api.limits.failed(&request);
            }
            to(location)
        }
        CameBack::Page(reason) => no_way(&request, reason, &api),
    }
}

fn no_way(request: &HttpRequest, reason: PageReason, api: &Api) -> HttpResponse {
    let (status, title, text) = match reason {
        PageReason::Refused(refusal) => {
            api.limits.failed(request);
            // What it is does not matter to whoever sees the page, who may be the one who is attacked.
            tracing::info!(reason = refusal.code(), "a callback was refused");
            let text = "Nobody was signed in. Go back to the application that you want to use, and begin again there.";
            (StatusCode::BAD_REQUEST, "You were not signed in", text)
        }
        PageReason::ClientGone => {
            let text = "The application that has sent you here is not known any more. Nobody was signed in.";
            (StatusCode::BAD_REQUEST, "You were not signed in", text)
        }
        PageReason::Unavailable => {
            let text =
                "You cannot be signed in at the moment. Load this page again in a few seconds.";
            (StatusCode::SERVICE_UNAVAILABLE, "Not at the moment", text)
        }
    };
    let mut answer = page(status, title, text, api.is_steam_simulated);
    if reason == PageReason::Unavailable {
        let headers = answer.headers_mut();
        headers.insert(header::RETRY_AFTER, RETRY_AFTER_SECONDS.into());
    }
    answer
}
