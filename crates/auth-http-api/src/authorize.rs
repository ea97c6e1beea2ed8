//! A client sends a browser.

use actix_web::{
    HttpRequest, HttpResponse, get,
    http::{StatusCode, header},
    web,
};
use auth_application::Authorized;

use crate::{cookie, form, interface::Api, limits::Endpoint, page::page};

/// Signs somebody in with Steam (RFC 6749, 4.1.1, with PKCE by RFC 7636).
///
/// A browser goes here, then to Steam, and comes back to `redirect_uri` with `code`, `state` and `iss` (RFC 9207), or
/// with `error` in the place of `code`. Whoever cannot be named a client and an address of its sees a page.
#[utoipa::path(
    tag = "sign-in",
    params(
        ("response_type" = String, Query, description = "`code`"),
        ("client_id" = String, Query, description = "A client of this service."),
        ("redirect_uri" = String, Query, description = "One of the addresses that were agreed on with it."),
        ("code_challenge" = String, Query, description = "43 to 128 unreserved characters."),
        ("code_challenge_method" = String, Query, description = "`S256`"),
        ("state" = String, Query, description = "1 to 512 printable ASCII characters, which come back."),
        ("scope" = Option<String>, Query,
            description = "What the tokens shall permit; what the client or the user may not have is left out."),
    ),
    responses(
        (status = 303, description = "To Steam, or back to the client with `error`, `state` and `iss`."),
        (status = 400, description = "A page: the client or its address is not known.", body = String,
            content_type = "text/html"),
        (status = 429, description = "A page: too often from this network.", body = String,
            content_type = "text/html"),
    )
)]
#[get("/authorize")]
pub(crate) async fn authorize(request: HttpRequest, api: web::Data<Api>) -> HttpResponse {
    if let Err(often) = api.limits.admit(&request, Endpoint::Authorize) {
        return too_often(often, &api);
    }
    let fields = form::read(request.query_string()).unwrap_or_default();
    let browser = cookie::read(&request);
    match api.auth.authorize(&fields, browser.as_ref()).await {
        Authorized::ToSteam { location, browser } => {
            let mut answer = to(location);
            if let Some(browser) = browser {
                let headers = answer.headers_mut();
                headers.insert(header::SET_COOKIE, cookie::kept(&browser));
            }
            answer
        }
        Authorized::Back { location, .. } => to(location),
        Authorized::Nowhere(reason) => {
            api.limits.failed(&request);
            let text = format!(
                "The application that has sent you here has to be changed: {reason}. Nobody was signed in."
            );
            let (status, title) = (StatusCode::BAD_REQUEST, "This link does not lead anywhere");
            page(status, title, &text, api.is_steam_simulated)
        }
    }
}

/// The browser goes on, with GET.
pub(crate) fn to(location: String) -> HttpResponse {
    HttpResponse::SeeOther()
        .insert_header((header::LOCATION, location))
        .finish()
}

/// The browser does not go on for now.
pub(crate) fn too_often(often: http_kit::TooOften, api: &Api) -> HttpResponse {
    let seconds = often.retry_after_seconds();
    let text = format!(
        "There were too many attempts from your network. Begin again in {seconds} seconds."
    );
    let (status, title) = (StatusCode::TOO_MANY_REQUESTS, "Too many attempts");
    let mut answer = page(status, title, &text, api.is_steam_simulated);
    let headers = answer.headers_mut();
    headers.insert(header::RETRY_AFTER, seconds.into());
    answer
}
