//! A page of one's own sessions: a client of this service that is a part of it.
//!
//! It is there if `clients.toml` has a client for it, of which nothing is secret: the page signs in as every other
//! client does, in the browser, with PKCE. Its tokens are in the page's memory alone, and its session ends with it.

use actix_web::{HttpRequest, HttpResponse, get, web};
use http_kit::{live_page, nothing_here};

use crate::{interface::Api, page::simulated};

/// The client that the page is.
const CLIENT: &str = "own-sessions";
const PATH: &str = "/sessions";
const PAGE: &str = include_str!("page/sessions.html");

/// Shows people where they are signed in, and logs them out.
#[utoipa::path(tag = "pages", responses(
    (status = 200, description = "A page.", body = String, content_type = "text/html"),
    (status = 404, description = "There is no client `own-sessions` that comes back to this address.")
))]
#[get("/sessions")]
pub(crate) async fn sessions_page(request: HttpRequest, api: web::Data<Api>) -> HttpResponse {
    let settings = api.auth.settings();
    let issuer = settings.terms.issuer.as_str();
    let here = format!("{issuer}{PATH}");
    let client = settings.clients.named(CLIENT);
    if client.is_none_or(|client| client.redirect_uri(&here).is_none()) {
        return nothing_here(request.path());
    }
    // An issuer has no characters that mean something in HTML or in a script.
    let page = PAGE.replace("{issuer}", issuer);
    let page = page.replace("{here}", &here).replace("{client}", CLIENT);
    live_page(&page.replace("<!-- simulated -->", simulated(api.is_steam_simulated)))
}
